"""What the pages about drift show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.urls import reverse

from changes.domain.policy import Person, Role
from changes.models import DriftRevert
from devices.domain.diffing import diff_stat, unified_diff
from devices.domain.drift_review import DriftEvent, DriftState, events_of
from devices.domain.drift_rules import DriftClass
from devices.models import DriftRecord
from devices.services.drift_decisions import drift_made_by
from devices.services.drift_queue import Week
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.links import page_url
from portal.presenters.visible import Mask, visible

TABS: Final = (
    ("drift-list", "Review queue", "file-diff"),
    ("backup-list", "Backups", "download"),
    ("compliance", "Compliance", "shield"),
    ("drift-rules", "Drift rules", "filter"),
)
_CHART_HEIGHT: Final = 64


def config_tabs(current: str) -> list[dict[str, object]]:
    """The places of the area of configurations."""
    return [
        {"label": label, "url": reverse(name), "icon": icon, "current": name == current, "count": None}
        for name, label, icon in TABS
    ]


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One record in the queue."""

    number: str
    url: str
    device: str
    device_url: str
    drift_class: str
    class_label: str
    state: str
    state_label: str
    added: int
    removed: int
    cause: str
    owner: str
    found_at: datetime
    sections: str


def drift_rows(records: Sequence[DriftRecord]) -> list[DriftRow]:
    """Records with device and owner as rows; no query."""
    return [
        DriftRow(
            number=record.number,
            url=reverse("drift-detail", args=[record.pk]),
            device=visible(record.device.name),
            device_url=reverse("device-detail", args=[record.device_id]),
            drift_class=record.drift_class,
            class_label=DriftClass(record.drift_class).label,
            state=record.state,
            state_label=DriftState(record.state).label,
            added=record.lines_added,
            removed=record.lines_removed,
            cause=cause_of(record),
            owner=record.owner.get_username() if record.owner else "",
            found_at=record.first_seen_at,
            sections=visible(", ".join(dict.fromkeys(str(match["section"]) for match in record.matches[:3]))),
        )
        for record in records
    ]


def cause_of(record: DriftRecord) -> str:
    """Who or what is behind it, in a few words."""
    if not record.unauthorized:
        return record.explained_by
    return visible(f"unauthorized, by {record.changed_by}") if record.changed_by else "unauthorized"


@dataclass(frozen=True, slots=True)
class DriftPage:
    """One record: its diff, masked, and what the person may do."""

    blocks: tuple[Block, ...]
    added: int
    removed: int
    baseline_url: str
    found_url: str
    baseline_sha256: str
    found_sha256: str
    reverts: tuple[tuple[str, str, str], ...]
    may_accept: bool
    may_defer: bool
    may_reopen: bool
    may_revert: bool
    may_take: bool

    @property
    def may_decide(self) -> bool:
        """Whether anything is offered."""
        return self.may_accept or self.may_defer or self.may_reopen or self.may_revert or self.may_take


def drift_page(record: DriftRecord, person: Person) -> DriftPage:
    """Compare the two configurations of a record; texts are masked. Three queries besides the record's."""
    mask = Mask.load()
    diff = unified_diff(record.baseline.blob.text, record.found.blob.text)
    stat = diff_stat(diff)
    events = events_of(DriftState(record.state))
    reads = Role.AUDITOR in person.roles
    manages = not reads and Role.CHANGE_MANAGER in person.roles
    works = not reads and bool(person.roles & {Role.CHANGE_MANAGER, Role.IMPLEMENTER, Role.REQUESTER})
    own = drift_made_by(record, person.username)
    reverts = DriftRevert.objects.filter(drift=record).select_related("change")
    return DriftPage(
        blocks=diff_blocks(diff, mask, line_count=record.baseline.blob.line_count),
        added=stat.added,
        removed=stat.removed,
        baseline_url=page_url("device-config", record.device_id, record.baseline_id),
        found_url=page_url("device-config", record.device_id, record.found_id),
        baseline_sha256=record.baseline.blob_id,
        found_sha256=record.found.blob_id,
        reverts=tuple(
            (link.change.number, page_url("change-detail", link.change_id), link.change.state) for link in reverts
        ),
        may_accept=manages and not own and DriftEvent.ACCEPT in events,
        may_defer=manages and DriftEvent.DEFER in events,
        may_reopen=manages and DriftEvent.REOPEN in events,
        may_revert=not reads and Role.REQUESTER in person.roles and DriftEvent.REVERT in events,
        may_take=works and record.closed_at is None and record.owner_id != person.id,
    )


@dataclass(frozen=True, slots=True)
class Segment:
    """One class of one week: a rectangle of the chart, in its own units."""

    tone: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One week of the trend."""

    x: int
    monday: date
    week: Week
    segments: tuple[Segment, ...]


TREND_TONES: Final = (("cosmetic", "idle"), ("functional", "warn"), ("critical", "bad"))


def trend_bars(weeks: Sequence[Week]) -> list[Bar]:
    """The weeks as stacked bars of an SVG, 28 units apart and at most 64 high."""
    most = max((week.total for week in weeks), default=0) or 1
    bars = []
    for number, week in enumerate(weeks):
        top, segments = float(_CHART_HEIGHT), []
        for name, tone in TREND_TONES:
            height = round(getattr(week, name) * _CHART_HEIGHT / most, 1)
            top -= height
            if height:
                segments.append(Segment(tone, round(top, 1), height))
        bars.append(Bar(number * 28 + 4, week.monday, week, tuple(segments)))
    return bars
