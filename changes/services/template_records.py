"""Locking templates, the facts that their rules judge, and their audit events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import transaction

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import ChangeError
from changes.domain.templates.policy import VersionFacts
from changes.errors import ChangeNotFoundError
from changes.models import Template, TemplateVersion

TEMPLATE = "template"
VERSION = "template_version"
REVIEW = "template_review"
RESTORATION = "template_restoration"


def lock_template(template_id: int) -> Template:
    """The template, locked until the transaction ends; every write to it or its versions takes this lock first.

    Raises:
        ChangeNotFoundError: there is none with this id.
    """
    found = Template.objects.select_for_update(no_key=True).filter(pk=template_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no template with the id {template_id}.")
    return found


def lock_version(template_id: int, number: int) -> TemplateVersion:
    """A version, with its template locked until the transaction ends.

    Raises:
        ChangeNotFoundError: there is none.
    """
    template = lock_template(template_id)
    found = TemplateVersion.objects.select_for_update(no_key=True).filter(template=template, number=number).first()
    if found is None:
        raise ChangeNotFoundError(f"{template.number} has no version {number}.")
    found.template = template
    return found


def version_facts(version: TemplateVersion) -> VersionFacts:
    """What the rules need to know of a version; two queries."""
    standing = version.reviews.filter(voided_at=None, decision="approved", digest=version.digest)
    named = {version.created_by_id, version.proposed_by_id} - {None}
    return VersionFacts(
        editor_ids=frozenset(version.editors.values_list("pk", flat=True)) | frozenset(pk for pk in named if pk),
        owner_id=version.template.owner_id,
        pre_approves=bool(version.envelope_digest),
        reviewed=dict(standing.values_list("role", "reviewer_id")),
    )


def audit_template(template: Template, action: str, *, actor: Actor, **more: object) -> None:
    """Write an event about a template, in the caller's transaction."""
    details = {"name": template.name, **more}
    record(
        actor=actor,
        action=f"template.{action}",
        object_type=TEMPLATE,
        object_id=template.pk,
        object_label=str(template),
        reason=str(details.pop("reason", "")),
        details=details,
    )


def audit_version(
    version: TemplateVersion,
    action: str,
    *,
    actor: Actor,
    state_from: str = "",
    reason: str = "",
    details: Mapping[str, object] | None = None,
) -> None:
    """Write an event about a version, in the caller's transaction."""
    record(
        actor=actor,
        action=f"template_version.{action}",
        object_type=VERSION,
        object_id=version.pk,
        object_label=str(version),
        state_from=state_from,
        state_to=version.state,
        reason=reason,
        details={
            "version": version.label,
            "digest": version.digest,
            "envelope_digest": version.envelope_digest,
            **(details or {}),
        },
    )


@contextmanager
def remembering(attempt: str, actor: Actor, template_id: int | None = None) -> Iterator[None]:
    """Run one attempt in its own transaction; a refusal is rolled back and audited."""
    try:
        with transaction.atomic():
            yield
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=f"template.{attempt}_refused",
                object_type=TEMPLATE,
                object_id=template_id or "none",
                object_label=f"TPL-{template_id:04d}" if template_id else "template",
                code=refusal.code,
                reason=str(refusal),
            )
        raise
