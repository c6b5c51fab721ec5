"""What is in the calendar in a time: changes with windows, recurring windows, freezes and conflicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Q

from changes.domain.calendar.layout import Entry, EntryKind
from changes.domain.calendar.legality import NEEDS_NO_WINDOW
from changes.domain.calendar.rules import RuleError
from changes.domain.calendar.scope import Scope
from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of, shown
from changes.domain.states import ChangeState, ChangeType, DevicePlanState
from changes.domain.windows import Period
from changes.models import ChangeFreeze, ChangeRequest, DevicePlan, MaintenanceWindow
from changes.services.calendar import MOST_DEVICES, recurring, scoped
from changes.services.conflicts import conflicts_among

FILTERS: Final = ("site", "type", "state", "show")
MOST_CHANGES: Final = 500
MOST_PERIODS: Final = 1_500
HIDDEN: Final = frozenset({ChangeState.CANCELED, ChangeState.REJECTED})
"""States that are shown only when they are asked for."""


@dataclass(frozen=True, slots=True)
class CalendarFilter:
    """What of the calendar somebody wants to see; empty: all of it. ``show`` is a kind of entry."""

    site: str = ""
    type: str = ""
    state: str = ""
    show: str = ""

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> CalendarFilter:
        """Read what was asked for.

        Raises:
            InvalidInputError: a type, a state or a kind that there is not.
        """
        kinds: dict[str, Sequence[str]] = {
            "type": [each.value for each in ChangeType],
            "state": [each.value for each in ChangeState],
            "show": [each.value for each in EntryKind],
        }
        for name, known in kinds.items():
            if asked.get(name) and asked[name] not in known:
                sentence = f"“{shown(asked[name])}” is no {name} here. Use one of: {one_of(known)}."
                raise InvalidInputError({name: [sentence]})
        return cls(**{name: asked.get(name, "") for name in FILTERS})

    def wants(self, kind: EntryKind) -> bool:
        """Whether entries of this kind are shown."""
        return self.show in {"", kind.value}


@dataclass(frozen=True, slots=True)
class Marked:
    """An entry with what a page says of it besides its title; ``tone`` is that of a warning, or nothing."""

    entry: Entry
    sentence: str = ""
    devices: tuple[str, ...] = ()
    tone: str = ""
    change_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarContents:
    """The entries of a time, in the order of their start; ``notes`` say what is left out."""

    entries: tuple[Marked, ...]
    notes: tuple[str, ...] = field(default=())


def calendar_contents(period: Period, wanted: CalendarFilter, *, with_conflicts: bool = True) -> CalendarContents:
    """Everything in this time that is wanted; at most eight queries, and two for each change with conflicts.

    Shown are at most 500 changes and 1,500 recurring windows, those that start first.
    """
    notes: list[str] = []
    found: list[Marked] = []
    if wanted.wants(EntryKind.FREEZE):
        found += _freezes(period, wanted)
    if wanted.wants(EntryKind.WINDOW) and wanted.type not in NEEDS_NO_WINDOW:
        found += _windows(period, wanted, notes)
    changes = _changes(period, wanted, notes) if wanted.show in {"", "change", "conflict"} else []
    if wanted.wants(EntryKind.CHANGE):
        found += map(_change, changes)
    if with_conflicts and wanted.wants(EntryKind.CONFLICT):
        found += _conflicts(changes, notes)
    found.sort(key=lambda each: (each.entry.period.start, each.entry.kind.value, each.entry.key))
    return CalendarContents(tuple(found), tuple(notes))


def _changes(period: Period, wanted: CalendarFilter, notes: list[str]) -> list[ChangeRequest]:
    rows = ChangeRequest.objects.with_window_in(period.start, period.end)
    rows = rows.filter(state=wanted.state) if wanted.state else rows.exclude(state__in=HIDDEN)
    if wanted.type:
        rows = rows.filter(type=wanted.type)
    if wanted.site:
        plans = DevicePlan.objects.filter(state=DevicePlanState.READY, device__site__iexact=wanted.site)
        rows = rows.filter(revision__in=plans.values("revision"))
    wide = rows.select_related("schedule_problem", "revision").defer("content", "variables", "revision__inputs")
    found = list(wide.order_by("window_start", "pk")[: MOST_CHANGES + 1])
    if len(found) > MOST_CHANGES:
        notes.append(f"More than {MOST_CHANGES} changes: only those that start first are shown. Narrow the filters.")
    return found[:MOST_CHANGES]


def _change(row: ChangeRequest) -> Marked:
    assert row.window_start and row.window_end  # noqa: PT018, S101 - asked for changes with a window
    entry = Entry(EntryKind.CHANGE, row.pk, str(row), Period(row.window_start, row.window_end), row.state)
    problem = getattr(row, "schedule_problem", None)
    if problem is None:
        return Marked(entry, change_ids=(row.pk,))
    return Marked(entry, problem.sentence, tuple(problem.devices), "warn", (row.pk,))


def _freezes(period: Period, wanted: CalendarFilter) -> Iterator[Marked]:
    rows = ChangeFreeze.objects.filter(Q(starts_at__lt=period.end, ends_at__gt=period.start), lifted_at=None)
    for row in rows.order_by("starts_at", "pk")[:MOST_CHANGES]:
        freeze = scoped(row)
        if _at_site(freeze.scope, wanted.site) and (not wanted.type or freeze.holds_for(ChangeType(wanted.type))):
            entry = Entry(EntryKind.FREEZE, row.pk, row.name, freeze.period)
            yield Marked(entry, f"Nothing is started on {freeze.reach}.")


def _windows(period: Period, wanted: CalendarFilter, notes: list[str]) -> Iterator[Marked]:
    left = MOST_PERIODS
    for row in MaintenanceWindow.objects.held().order_by("pk"):
        window = recurring(row)
        if not _at_site(window.scope, wanted.site):
            continue
        try:
            for each in window.periods(period.start, period.end):
                left -= 1
                if left < 0:
                    notes.append(
                        f"Of more than {MOST_PERIODS} maintenance windows some are left out. Narrow the filters."
                    )
                    return
                entry = Entry(EntryKind.WINDOW, row.pk, row.name, each)
                yield Marked(entry, f"Maintenance window of {window.scope.words}.")
            notes.extend(window.skipped(period.start, period.end))
        except RuleError as error:
            notes.append(f"The window “{row.name}” is left out: {error}")


def _conflicts(changes: Sequence[ChangeRequest], notes: list[str]) -> Iterator[Marked]:
    found = conflicts_among(changes)
    if found is None:
        notes.append(
            f"Conflicts are not shown: the changes have more than {MOST_DEVICES:,} devices. Narrow the filters."
        )
    for change, conflict, waived in found or ():
        state = "waived" if waived else "open"
        what = f"{conflict.kind.value} {conflict.subject}".strip()
        title = f"{change.number} and {conflict.other_number}: {what}"
        entry = Entry(EntryKind.CONFLICT, change.pk, title, conflict.overlap, state)
        tone = "" if waived else "bad"
        yield Marked(entry, conflict.sentence, conflict.devices, tone, (change.pk, conflict.other_key))


def _at_site(scope: Scope, site: str) -> bool:
    return not site or not scope.sites or site.casefold() in {each.casefold() for each in scope.sites}
