"""Is a standard change pre-approved? Only while everything of its plan lies inside the envelope of its template."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from changes.domain.templates.document import TemplateDocument
from changes.domain.templates.envelope import Envelope, TargetFact, outside
from changes.domain.templates.sealing import SEAL, TEMPLATE, inputs_seal
from changes.domain.templates.states import TemplateState
from changes.models import ChangeRequest, DevicePlan, PlanRevision, TemplateVersion
from changes.services.template_history import unforgiven_failures


@dataclass(frozen=True, slots=True)
class EnvelopeVerdict:
    """Whether a plan is approved in advance, and every reason why not, as sentences for people."""

    holds: bool
    why_not: tuple[str, ...] = ()


def within_envelope(change: ChangeRequest, revision: PlanRevision) -> EnvelopeVerdict:
    """Judge a plan by the envelope of the template version that its change is made from; at most six queries.

    Judged are the frozen inputs of the revision and the devices that it plans, not what the change's form says now.
    The type of the change is not asked. Nothing is written.
    """
    why_not = tuple(_why_not(change, revision))
    return EnvelopeVerdict(not why_not, why_not)


def stands_for(version: TemplateVersion) -> dict[str, Any]:
    """What a revision keeps of the version that it is planned from."""
    return {
        "version_id": version.pk,
        "label": version.label,
        "digest": version.digest,
        "envelope_digest": version.envelope_digest,
    }


def _why_not(change: ChangeRequest, revision: PlanRevision) -> Iterator[str]:
    if change.template_version_id is None:
        yield "The change is not made from a template."
        return
    version = TemplateVersion.objects.select_related("template").get(pk=change.template_version_id)
    document = _proved(version)
    if document is None:
        yield f"The stored text of {version.label} does not have the digest that was reviewed. Tell an administrator."
        return
    if document.envelope is None:
        yield f"{version.label} has no envelope, so nothing is approved in advance."
        return
    yield from _template_reasons(version)
    yield from _input_reasons(version, document, revision)
    yield from outside(
        document.envelope,
        schema=document.variables,
        variables=revision.inputs.get("variables", {}),
        targets=_targets(revision),
        strategy=revision.inputs.get("strategy", {}),
        usual=document.strategy,
    )


def _proved(version: TemplateVersion) -> TemplateDocument | None:
    """The document of a version whose stored bytes have the digests that were reviewed."""
    data = version.document.encode()
    if hashlib.sha256(data).hexdigest() != version.digest:
        return None
    document = TemplateDocument.from_bytes(data)
    return document if _envelope_digest(document.envelope) == version.envelope_digest else None


def _envelope_digest(envelope: Envelope | None) -> str:
    return envelope.digest if envelope else ""


def _template_reasons(version: TemplateVersion) -> Iterator[str]:
    state = TemplateState(version.state)
    if state is TemplateState.DEPRECATED:
        yield f"{version.label} is deprecated. Make the change from the version that took its place."
    elif state is not TemplateState.APPROVED:
        yield f"{version.label} is not approved."
    elif not _reviewed(version):
        yield f"{version.label} lacks a review of exactly this text. Tell an administrator."
    failed = unforgiven_failures(version.template_id)
    if failed:
        numbers = ", ".join(f"CHG-{pk:05d}" for pk in failed[:5])
        yield (
            f"The template lost its pre-approval: {numbers} made from it did not succeed. A change manager can give"
            " it back on the template's page."
        )


def _reviewed(version: TemplateVersion) -> bool:
    standing = version.reviews.filter(voided_at=None, decision="approved", digest=version.digest)
    return {"peer", "cab"} <= set(standing.values_list("role", flat=True))


def _input_reasons(version: TemplateVersion, document: TemplateDocument, revision: PlanRevision) -> Iterator[str]:
    inputs: Mapping[str, Any] = revision.inputs
    if inputs.get(TEMPLATE) != stands_for(version):
        yield f"The plan was not made from {version.label} as it was reviewed. Build the plan again."
    if not _sealed(revision):
        yield "The inputs of the plan are not those that its digest covers. Build the plan again."
    data = document.to_json()
    if inputs.get("content") != document.change_content:
        yield "The content is not exactly that of the template."
    if inputs.get("checks") != data["checks"]:
        yield "The checks are not exactly those of the template."
    if _without_accounts(inputs.get("steps", [])) != data["steps"]:
        yield "The decision steps are not exactly those of the template."


def _sealed(revision: PlanRevision) -> bool:
    """Whether every device payload carries the digest of the inputs as they are stored now.

    The payloads are canonical JSON, in which no text can hold these quotes unescaped.
    """
    seal = inputs_seal(revision.inputs)
    if not seal:
        return False
    planned = DevicePlan.objects.filter(revision=revision).exclude(payload="")
    return not planned.exclude(payload__contains=f'"{SEAL}":"{seal[SEAL]}"').exists()


def _without_accounts(steps: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in step.items() if name != "person_id"} for step in steps]


def _targets(revision: PlanRevision) -> list[TargetFact]:
    rows = DevicePlan.objects.filter(revision=revision).order_by("position")
    values = rows.values_list("device__name", "device__site", "device__role", "device__platform", "device__tags")
    return [TargetFact(name, site, role, platform, tuple(tags)) for name, site, role, platform, tags in values]
