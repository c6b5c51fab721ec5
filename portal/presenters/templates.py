"""Templates as their pages show them: rows of the library, the runbook of a version, and what a person can do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse

from changes.domain.approval_facts import Person, Verdict
from changes.domain.decision_steps import DecisionStep
from changes.domain.templates import policy
from changes.domain.templates.envelope import Envelope, parse_envelope
from changes.domain.templates.states import TemplateState
from changes.domain.templates.values import bounds_said
from changes.models import ChangeRequest, Template, TemplateVersion
from changes.services.template_history import TemplateHistory, template_histories
from changes.services.template_library import lost_pre_approvals, shown_versions
from changes.services.template_records import version_facts
from devices.domain.platforms import PLATFORMS
from portal.presenters.check_words import CheckWords, check_words
from portal.presenters.strategy import StrategyFact, strategy_facts
from portal.presenters.visible import Mask, visible

_TONES = {
    TemplateState.DRAFT: "idle",
    TemplateState.PROPOSED: "wait",
    TemplateState.APPROVED: "ok",
    TemplateState.DEPRECATED: "warn",
}
RECENT = 10


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """One template of the library."""

    template: Template
    url: str
    version: TemplateVersion
    state: str
    tone: str
    platforms: str
    history: TemplateHistory
    pre_approval: str
    pre_approval_tone: str


def template_rows(templates: Sequence[Template]) -> list[TemplateRow]:
    """The rows of a page; four queries, whatever their number."""
    ids = [template.pk for template in templates]
    versions, histories, lost = shown_versions(templates), template_histories(ids), lost_pre_approvals(ids)
    return [
        _row(template, versions[template.pk], histories.get(template.pk, TemplateHistory()), lost.get(template.pk, []))
        for template in templates
    ]


def _row(template: Template, version: TemplateVersion, history: TemplateHistory, lost: Sequence[int]) -> TemplateRow:
    said, tone = pre_approval_said(version, lost)
    return TemplateRow(
        template=template,
        url=reverse("template-detail", args=[template.pk]),
        version=version,
        state=TemplateState(version.state).label,
        tone=_TONES[TemplateState(version.state)],
        platforms=", ".join(platform_label(slug) for slug in version.platforms),
        history=history,
        pre_approval=said,
        pre_approval_tone=tone,
    )


def pre_approval_said(version: TemplateVersion, lost: Sequence[int]) -> tuple[str, str]:
    """Whether changes from a version are approved in advance, and the tone of that."""
    if not version.envelope_digest:
        return "", ""
    if version.state != TemplateState.APPROVED:
        return "with an envelope", "idle"
    return ("pre-approval lost", "bad") if lost else ("pre-approved", "ok")


def platform_label(slug: str) -> str:
    """The platform as people read it."""
    return PLATFORMS[slug].label if slug in PLATFORMS else slug


@dataclass(frozen=True, slots=True)
class VariableWords:
    """One variable: what it may be, and how far that is narrowed by the envelope."""

    name: str
    title: str
    kind: str
    required: bool
    default: str
    description: str
    bounds: str
    narrower: str


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a version says, for its page."""

    purpose: str
    trigger: str
    variables: tuple[VariableWords, ...]
    content: tuple[tuple[str, str], ...]
    pre_checks: tuple[CheckWords, ...]
    post_checks: tuple[CheckWords, ...]
    strategy: tuple[StrategyFact, ...]
    backout_notes: str
    steps: tuple[DecisionStep, ...]
    rubric: tuple[Mapping[str, Any], ...]
    envelope: Envelope | None
    envelope_platforms: tuple[str, ...]
    envelope_strategy: tuple[tuple[str, str], ...]


def runbook_of(version: TemplateVersion, mask: Mask) -> Runbook:
    """The runbook of a version; no query."""
    said = version.said
    envelope = parse_envelope(said["envelope"], said["variables"]) if said["envelope"] else None
    narrower = envelope.variables["properties"] if envelope else {}
    required = set(said["variables"]["required"])
    return Runbook(
        purpose=visible(said["purpose"]),
        trigger=visible(said["trigger"]),
        variables=tuple(
            _variable(name, item, narrower.get(name), required=name in required)
            for name, item in said["variables"]["properties"].items()
        ),
        content=tuple((platform_label(slug), mask.text(text)) for slug, text in sorted(said["content"].items())),
        pre_checks=tuple(check_words(check, mask) for check in said["checks"]["pre"]),
        post_checks=tuple(check_words(check, mask) for check in said["checks"]["post"]),
        strategy=tuple(strategy_facts(said["strategy"])),
        backout_notes=mask.prose(said["backout_notes"]),
        steps=tuple(DecisionStep.of(step) for step in said["steps"]),
        rubric=tuple(said["rubric"]),
        envelope=envelope,
        envelope_platforms=tuple(platform_label(slug) for slug in envelope.platforms) if envelope else (),
        envelope_strategy=tuple((name, bound.said) for name, bound in envelope.strategy.items()) if envelope else (),
    )


def _variable(
    name: str, item: Mapping[str, Any], narrower: Mapping[str, Any] | None, *, required: bool
) -> VariableWords:
    return VariableWords(
        name=name,
        title=visible(item.get("title", "")),
        kind=_KINDS[item["type"]],
        required=required,
        default="" if "default" not in item else visible(_shown_value(item["default"])),
        description=visible(item.get("description", "")),
        bounds=visible(_bounds(item)),
        narrower=visible(_bounds(narrower)) if narrower else "",
    )


_KINDS = {"string": "text", "integer": "whole number", "boolean": "yes or no", "array": "list"}


def _shown_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bounds(item: Mapping[str, Any]) -> str:
    values = item.get("enum", [item["const"]] if "const" in item else [])
    listed = f"One of {', '.join(_shown_value(value) for value in values)}." if values else ""
    return " ".join(part for part in (listed, bounds_said(item)) if part)


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Everything about one version beside its runbook, and what the person can do with it."""

    template: Template
    version: TemplateVersion
    state: str
    tone: str
    is_shown: bool
    versions: tuple[TemplateVersion, ...]
    previous: TemplateVersion | None
    editors: tuple[str, ...]
    reviews: tuple[Any, ...]
    lacking: tuple[str, ...]
    lost: tuple[ChangeRequest, ...]
    restorations: tuple[Any, ...]
    history: TemplateHistory
    failures: tuple[ChangeRequest, ...]
    pre_approval: str
    pre_approval_tone: str
    may: Mapping[str, Verdict] = field(default_factory=dict)
    open_version: TemplateVersion | None = None
    approved_at: datetime | None = None


def version_page(version: TemplateVersion, person: Person) -> VersionPage:
    """The page of a version for one person; about ten queries."""
    template = version.template
    versions = tuple(template.versions.defer("document").order_by("-number"))
    lost = lost_pre_approvals([template.pk]).get(template.pk, [])
    facts = version_facts(version)
    said, tone = pre_approval_said(version, lost)
    usable = next((other for other in versions if other.state == TemplateState.APPROVED), versions[0])
    failures = ChangeRequest.objects.filter(template_version__template=template, close_code__in=_FAILED)
    return VersionPage(
        template=template,
        version=version,
        state=TemplateState(version.state).label,
        tone=_TONES[TemplateState(version.state)],
        is_shown=usable.pk == version.pk,
        versions=versions,
        previous=next((other for other in versions if other.number < version.number), None),
        editors=tuple(version.editors.order_by("username").values_list("username", flat=True)),
        reviews=tuple(version.reviews.select_related("reviewer").order_by("pk")),
        lacking=tuple(role.label for role in facts.lacking),
        lost=tuple(ChangeRequest.objects.filter(pk__in=lost[:RECENT]).only("pk", "title").order_by("-pk")),
        restorations=tuple(template.restorations.select_related("restored_by").order_by("-pk")[:RECENT]),
        history=template_histories([template.pk]).get(template.pk, TemplateHistory()),
        failures=tuple(failures.only("pk", "title", "close_code", "closed_at").order_by("-pk")[:5]),
        pre_approval=said,
        pre_approval_tone=tone,
        may=_may(person, version, facts),
        open_version=next((other for other in versions if other.state in _OPEN), None),
    )


_FAILED = ["rolled_back", "failed", "aborted"]
_OPEN = frozenset({TemplateState.DRAFT, TemplateState.PROPOSED})


def _may(person: Person, version: TemplateVersion, facts: policy.VersionFacts) -> dict[str, Verdict]:
    return {
        "write": policy.may_write_template(person),
        "propose": policy.may_propose(person, facts),
        "review": policy.may_review(person, facts),
        "send_back": policy.may_return(person, facts),
        "maintain": policy.may_maintain(person, owner_id=version.template.owner_id),
        "restore": policy.may_restore(person, involved_ids=()),
    }
