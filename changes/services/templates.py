"""Writing templates, their versions, and who counts as an editor of a change made from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Max
from django.utils import timezone

from audit.actor import Actor
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, shown, unknown_names
from changes.domain.notifications import Topic
from changes.domain.templates.document import TemplateDocument, parse_document, why_not_ready
from changes.domain.templates.policy import may_maintain, may_propose, may_write_template
from changes.domain.templates.states import TemplateEvent, TemplateState, next_template_state
from changes.errors import ChangeNotFoundError, ConflictError, StaleEditError
from changes.models import ChangeRequest, Template, TemplateVersion
from changes.models.templates import OPEN_VERSION_STATES
from changes.rendering import check_syntax
from changes.services.notifying import notify
from changes.services.people import enforce, person_of
from changes.services.template_records import (
    audit_template,
    audit_version,
    lock_template,
    lock_version,
    remembering,
    version_facts,
)

MAX_NAME: Final = 100


def template_editor_ids(change: ChangeRequest) -> frozenset[int]:
    """Everybody who wrote a part of the template version that a change is made from; one query, or none without."""
    if change.template_version_id is None:
        return frozenset()
    editors = TemplateVersion.editors.through.objects.filter(templateversion_id=change.template_version_id)
    return frozenset(editors.values_list("user_id", flat=True))


def template_create(*, data: Mapping[str, object], author: Actor) -> TemplateVersion:
    """Write a new template with its first version, a draft that may still be incomplete.

    ``data``: ``name``, ``owner`` (a username; the author where left out), and the fields of
    :func:`changes.domain.templates.document.parse_document`.

    Raises:
        PolicyDeniedError: the person may not write templates.
        InvalidInputError: with every sentence about every field.
    """
    with remembering("create", author):
        person = person_of(author)
        enforce(may_write_template(person))
        findings = Findings()
        named = _named(data, findings, author_id=person.id)
        document = _document({name: value for name, value in data.items() if name not in _NAMED}, findings)
        template = Template.objects.create(created_by_id=person.id, **named)
        audit_template(template, "created", actor=author, owner=template.owner.get_username())
        version = TemplateVersion.objects.create(
            template=template, number=1, created_by_id=person.id, **_columns(document)
        )
        version.editors.add(person.id)
        audit_version(version, "created", actor=author)
        return version


def template_edit(*, template_id: int, data: Mapping[str, object], actor: Actor) -> Template:
    """Rename a template, or hand it on to another owner. What its versions say stays.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, InvalidInputError.
    """
    with remembering("edit", actor, template_id):
        template = lock_template(template_id)
        enforce(may_maintain(person_of(actor), owner_id=template.owner_id))
        findings = Findings()
        for name, sentence in unknown_names(data, _NAMED, "field").items():
            findings.add(shown(name), sentence)
        before = {"name": template.name, "owner": template.owner.get_username()}
        named = _named({**before, **data}, findings, author_id=template.owner_id, other_than=template.pk)
        findings.check()
        for name, value in named.items():
            setattr(template, name, value)
        template.save(update_fields=["name", "owner"])
        audit_template(template, "edited", actor=actor, owner=template.owner.get_username(), before=before)
        return template


def version_create(*, template_id: int, author: Actor) -> TemplateVersion:
    """Begin the next version as a copy of the newest one. Whoever wrote that counts as its editor as well.

    Raises:
        ChangeNotFoundError, PolicyDeniedError.
        ConflictError: there is a draft or a proposed version already.
    """
    with remembering("revise", author, template_id):
        template = lock_template(template_id)
        person = person_of(author)
        enforce(may_write_template(person))
        if template.versions.filter(state__in=OPEN_VERSION_STATES).exists():
            raise ConflictError(
                f"{template.number} has a version that is not approved yet. Edit that one, or have it reviewed first.",
                code="open_version",
            )
        last = template.versions.order_by("-number")[0]
        number = (template.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        document = TemplateDocument.from_bytes(last.document.encode())
        version = TemplateVersion.objects.create(
            template=template, number=number, created_by_id=person.id, **_columns(document)
        )
        version.editors.add(person.id, *last.editors.values_list("pk", flat=True))
        audit_version(version, "created", actor=author, details={"copied_from": last.label})
        return version


def version_edit(
    *, template_id: int, number: int, data: Mapping[str, object], editor: Actor, edits: int | None = None
) -> TemplateVersion:
    """Change a draft; fields that are left out stay. Whoever edits can no longer review it.

    ``edits`` is the count that the editor's form was drawn from; None skips that check.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, InvalidInputError.
        IllegalTransitionError: it is no draft any more.
        StaleEditError: somebody else edited it meanwhile.
    """
    with remembering("edit", editor, template_id):
        version = lock_version(template_id, number)
        next_template_state(TemplateState(version.state), TemplateEvent.EDIT)
        person = person_of(editor)
        enforce(may_write_template(person))
        if edits is not None and edits != version.edits:
            raise StaleEditError(
                f"Somebody edited {version.label} after you opened it. Open it again; your text is still in your form."
            )
        findings = Findings()
        stored = {name: value for name, value in version.said.items() if name != "schema"}
        document = _document({**stored, **data}, findings)
        before = version.digest
        if document.digest == before:
            return version
        for name, value in _columns(document).items():
            setattr(version, name, value)
        version.edits += 1
        version.save()
        version.editors.add(person.id)
        changed = sorted(name for name, value in document.to_json().items() if stored.get(name) != value)
        fields = [name for name in changed if name != "schema"]
        details = {"digest_before": before, "fields": fields}
        audit_version(version, "edited", actor=editor, state_from=version.state, details=details)
        return version


def version_propose(*, template_id: int, number: int, author: Actor) -> TemplateVersion:
    """Hand a complete draft in for review; what it says is fixed from now on.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, IllegalTransitionError.
        InvalidInputError: something is missing, or a template has a problem in its syntax; with all sentences.
    """
    with remembering("propose", author, template_id):
        version = lock_version(template_id, number)
        state = next_template_state(TemplateState(version.state), TemplateEvent.PROPOSE)
        person = person_of(author)
        enforce(may_propose(person, version_facts(version)))
        _require_ready(TemplateDocument.from_bytes(version.document.encode()))
        _moved(version, state, author, "proposed", proposed_by_id=person.id, proposed_at=timezone.now())
        _ask_reviewers(version)
        return version


def version_withdraw(*, template_id: int, number: int, author: Actor, comment: str = "") -> TemplateVersion:
    """Take a proposed version back as a draft; reviews given so far are void.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, IllegalTransitionError.
    """
    comment = parse_comment(comment, action="withdraw a version", required=False)
    with remembering("withdraw", author, template_id):
        version = lock_version(template_id, number)
        state = next_template_state(TemplateState(version.state), TemplateEvent.WITHDRAW)
        enforce(may_propose(person_of(author), version_facts(version)))
        version.reviews.filter(voided_at=None).update(voided_at=timezone.now())
        _moved(version, state, author, "withdrawn", reason=comment)
        return version


def template_deprecate(
    *, template_id: int, actor: Actor, comment: str, successor_id: int | None = None
) -> TemplateVersion:
    """Deprecate a template's approved version for good, with the template to use instead. No new change is made of it.

    Raises:
        ChangeNotFoundError, PolicyDeniedError.
        InvalidInputError: no reason, or the successor cannot be one.
        ConflictError: the template has no approved version.
    """
    with remembering("deprecate", actor, template_id):
        template = lock_template(template_id)
        person = person_of(actor)
        enforce(may_maintain(person, owner_id=template.owner_id))
        reason = parse_comment(comment, action="deprecate a template")
        version = template.versions.approved().first()
        if version is None:
            raise ConflictError(f"{template.number} has no approved version to deprecate.", code="nothing_approved")
        version.template = template
        template.successor = _successor(template, successor_id)
        template.save(update_fields=["successor"])
        successor = template.successor.number if template.successor else ""
        audit_template(template, "deprecated", actor=actor, reason=reason, successor=successor)
        version_deprecate(version, actor=actor, reason=reason)
        return version


def version_deprecate(version: TemplateVersion, *, actor: Actor, reason: str) -> None:
    """Move an approved version, whose template is locked, to deprecated."""
    state = next_template_state(TemplateState(version.state), TemplateEvent.DEPRECATE)
    _moved(
        version,
        state,
        actor,
        "deprecated",
        reason=reason,
        deprecated_by_id=actor.user_id,
        deprecated_at=timezone.now(),
        deprecation_reason=reason,
    )


def _successor(template: Template, successor_id: int | None) -> Template | None:
    if successor_id is None:
        return None
    found = Template.objects.filter(pk=successor_id, versions__state=TemplateState.APPROVED).first()
    if found is None or found.pk == template.pk:
        sentence = "The successor is another template with an approved version. Choose such a one, or none."
        raise InvalidInputError({"successor": [sentence]})
    return found


def _ask_reviewers(version: TemplateVersion) -> None:
    """Tell those who can review a proposed version that it waits for them."""
    facts = version_facts(version)
    reviewers = get_user_model().objects.filter(is_active=True, groups__name__in=facts.needed)
    notify(
        Topic.APPROVAL_WAITS,
        people=set(reviewers.values_list("pk", flat=True)) - facts.editor_ids,
        subject=f"{version} waits for a review",
        sentence="A version of a template is proposed. Read its runbook; approve it, or send it back with a comment.",
        path=f"/templates/{version.template_id}/versions/{version.number}/",
    )


def _moved(
    version: TemplateVersion, state: TemplateState, actor: Actor, action: str, *, reason: str = "", **columns: object
) -> None:
    before = version.state
    version.state = state.value
    for name, value in columns.items():
        setattr(version, name, value)
    version.save(update_fields=["state", *(name.removesuffix("_id") for name in columns)])
    audit_version(version, action, actor=actor, state_from=before, reason=reason)


def _columns(document: TemplateDocument) -> dict[str, Any]:
    """The document by the names of the model's columns; all of them follow from it."""
    return {
        "document": document.to_bytes().decode(),
        "digest": document.digest,
        "envelope_digest": document.envelope.digest if document.envelope else "",
        "purpose": document.purpose,
        "platforms": list(document.platforms),
    }


_NAMED: Final = frozenset({"name", "owner"})


def _named(data: Mapping[str, object], findings: Findings, *, author_id: int, other_than: int = 0) -> dict[str, Any]:
    """Name and owner, judged; the sentences go into ``findings``."""
    value = data.get("name")
    name = value.strip() if isinstance(value, str) else ""
    if not name or len(name) > MAX_NAME:
        findings.add("name", f"Give the template a name of at most {MAX_NAME} characters.")
    elif hidden := hidden_character(name):
        findings.add("name", f"In the name, {hidden}")
    elif Template.objects.filter(name__iexact=name).exclude(pk=other_than).exists():
        findings.add("name", "Another template has this name. Choose one that tells them apart.")
    owner_id = author_id
    if data.get("owner"):
        people = get_user_model().objects.filter(username=str(data["owner"]), is_active=True)
        found = people.values_list("pk", flat=True).first()
        if found is None:
            findings.add("owner", f"There is no active account “{shown(data['owner'])}”.")
        owner_id = found or author_id
    return {"name": name, "owner_id": owner_id}


def _document(data: Mapping[str, object], findings: Findings) -> TemplateDocument:
    document = TemplateDocument()
    try:
        document = parse_document(data)
    except InvalidInputError as error:
        findings.absorb(error)
    findings.check()
    return document


def _require_ready(document: TemplateDocument) -> None:
    findings = Findings()
    for name, sentence in why_not_ready(document):
        findings.add(name, sentence)
    for platform, text in document.content.items():
        for problem in check_syntax(text, document.variables["properties"])[:5]:
            findings.add(f"content.{platform}", str(problem))
    findings.check()


__all__ = [
    "ChangeNotFoundError", "template_create", "template_deprecate", "template_edit", "template_editor_ids",
    "version_create", "version_deprecate", "version_edit", "version_propose", "version_withdraw",
]  # fmt: skip
