"""Expected beside live: the facts of many devices as they compared when each was last read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from devices.domain.severity import Severity
from devices.domain.trust import FactVerdict, TrustMode
from devices.models import Device, DeviceQuerySet, LiveFact
from portal.presenters.device_pages import FRESH_FOR
from portal.presenters.links import device_url
from portal.presenters.visible import visible

UNREAD: Final = "unread"
DIFFERS: Final = "differs"
_FACT_FILTERS: Final = ("field", "mode", "verdict")
_TONES: Final[Mapping[str, str]] = {
    FactVerdict.MATCH: "ok",
    FactVerdict.MISMATCH: "bad",
    FactVerdict.NOT_STATED: "warn",
    FactVerdict.FIELD_MISSING: "warn",
}


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact; ``mode`` is the one in which it was judged."""

    field: str
    mode: str
    expected: str
    live: str
    verdict: str
    tone: str
    code: str


_MATTERS = frozenset({Severity.CRITICAL, Severity.MAJOR})


@dataclass(frozen=True, slots=True)
class ReconciledDevice:
    """One device with the facts that were asked for; ``read_at`` is None while it was never read."""

    name: str
    url: str
    source: str
    site: str
    read_at: datetime | None
    is_old: bool
    facts: tuple[FactRow, ...]
    summary: str
    """How many facts match, in words."""
    matters: bool
    """Whether a fact would stop a run, or stand as a warning in a plan."""


def reconciled(devices: DeviceQuerySet, asked: Mapping[str, str]) -> DeviceQuerySet:
    """The devices that have a fact as asked for, with these facts; nothing is counted."""
    facts = _facts(asked)
    found = devices.prefetch_related(Prefetch("live_facts", queryset=facts.order_by("field"), to_attr="shown_facts"))
    if asked.get("verdict") == UNREAD:
        return found.exclude(Exists(LiveFact.objects.filter(device=OuterRef("pk"))))
    if any(asked.get(name) for name in _FACT_FILTERS):
        return found.filter(Exists(_facts(asked).filter(device=OuterRef("pk"))))
    return found


def _facts(asked: Mapping[str, str]) -> QuerySet[LiveFact]:
    facts = LiveFact.objects.all()
    for name in ("field", "mode"):
        if asked.get(name):
            facts = facts.filter(**{name: asked[name]})
    verdict = asked.get("verdict", "")
    if verdict == DIFFERS:
        facts = facts.exclude(verdict__in=[FactVerdict.MATCH.value, FactVerdict.NOT_COMPARED.value])
    elif verdict and verdict != UNREAD:
        facts = facts.filter(verdict=verdict)
    return facts


def reconciled_rows(devices: Sequence[Device]) -> list[ReconciledDevice]:
    """Devices from :func:`reconciled` as rows; no query."""
    oldest = timezone.now() - FRESH_FOR
    rows = []
    for device in devices:
        facts: list[LiveFact] = getattr(device, "shown_facts", [])
        read_at = max((fact.read_at for fact in facts), default=None)
        rows.append(
            ReconciledDevice(
                name=visible(device.name),
                url=device_url(device.pk),
                source=visible(device.source),
                site=visible(device.site),
                read_at=read_at,
                is_old=read_at is not None and read_at < oldest,
                facts=tuple(map(fact_row, facts)),
                summary=_summary(facts),
                matters=any(fact.severity in _MATTERS for fact in facts),
            )
        )
    return rows


def _summary(facts: Sequence[LiveFact]) -> str:
    matching = sum(fact.verdict == FactVerdict.MATCH for fact in facts)
    fact = "fact matches" if len(facts) == 1 else "facts match"
    return f"{matching} of {len(facts)} {fact}"


def fact_row(fact: LiveFact) -> FactRow:
    """One fact as a row."""
    return FactRow(
        field=fact.field.capitalize(),
        mode=TrustMode(fact.mode).label,
        expected=visible(fact.expected),
        live=visible(fact.live),
        verdict=FactVerdict(fact.verdict).label,
        tone=_tone(fact),
        code=fact.code,
    )


def _tone(fact: LiveFact) -> str:
    """What is only reported is no warning."""
    harmless = fact.severity == Severity.MINOR and fact.verdict != FactVerdict.MISMATCH
    return "idle" if harmless else _TONES.get(fact.verdict, "idle")
