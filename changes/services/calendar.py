"""The change calendar as the domain judges it: windows, freezes, the devices of a change, and who is booked when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from changes.domain.calendar.conflicts import Booking
from changes.domain.calendar.freezes import ScopedFreeze
from changes.domain.calendar.legality import Calendar
from changes.domain.calendar.recurring import RecurringWindow, stored_window
from changes.domain.calendar.scope import CalendarDevice, Scope
from changes.domain.run_states import RunState
from changes.domain.states import ChangeState, ChangeType, DevicePlanState
from changes.domain.windows import LONGEST, Period
from changes.models import ChangeFreeze, ChangeRequest, DevicePlan, MaintenanceWindow, Run
from changes.services.rollout import kept_apart
from devices.models import Device

BOOKED: Final = frozenset({
    ChangeState.APPROVED, ChangeState.SCHEDULED, ChangeState.IMPLEMENTING, ChangeState.PAUSED, ChangeState.ROLLING_BACK,
})  # fmt: skip
"""States in which a change with a window takes up its time. One whose run has ended leaves it to others."""
MOST_DEVICES: Final = 20_000
_LOCK: Final = 0x0CA1
"""Key of the advisory lock under which windows of changes, recurring windows and freezes are set."""
_DEVICE: Final = ("device_id", "device__name", "device__site", "device__role", "device__tags", "device__tenant")
_APART: Final = ("device__redundancy_group",)


def calendar_lock() -> None:
    """Let one transaction at a time judge the calendar and write to it; held until the transaction ends.

    Lock the change's row before.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def scoped(row: ChangeFreeze) -> ScopedFreeze:
    """A stored freeze as the domain judges it."""
    return ScopedFreeze(
        Period(row.starts_at, row.ends_at, row.name),
        Scope.stored(row.scope),
        frozenset(ChangeType(kind) for kind in row.exempt_types),
    )


def recurring(row: MaintenanceWindow) -> RecurringWindow:
    """A stored recurring window as the domain judges it."""
    return stored_window(
        name=row.name,
        starts_at=row.starts_at,
        minutes=row.minutes,
        rule=row.rule,
        time_zone=row.time_zone,
        scope=row.scope,
    )


def calendar_between(after: datetime, before: datetime) -> Calendar:
    """The recurring windows that hold, and the freezes that touch this time; two queries."""
    freezes = ChangeFreeze.objects.filter(lifted_at=None, starts_at__lt=before, ends_at__gt=after)
    return Calendar(
        tuple(recurring(row) for row in MaintenanceWindow.objects.held().order_by("pk")),
        tuple(scoped(row) for row in freezes.order_by("starts_at", "pk")),
    )


def devices_of(change: ChangeRequest) -> tuple[CalendarDevice, ...]:
    """The devices that the change's plan would write to, in plan order; two queries. Empty without a ready plan."""
    return _devices_by_revision([change.revision_id] if change.revision_id else []).get(change.revision_id or 0, ())


def booked_with(devices: Iterable[CalendarDevice], period: Period, *, but: int) -> tuple[Booking, ...]:
    """Changes with windows in this time, each with those of its devices that may matter to these; four queries.

    Left out are devices that are at none of the sites and in none of the redundancy sets of ``devices``. ``but`` is
    the id of the change itself.
    """
    rows = list(
        ChangeRequest.objects.with_window_in(period.start, period.end)
        .filter(state__in=BOOKED)
        .exclude(pk=but)
        .order_by("window_start", "pk")
        .only("pk", "window_start", "window_end", "revision_id")
    )
    return _bookings(rows, _near(devices))


def under_way_with(devices: Iterable[CalendarDevice], *, but: int) -> tuple[Booking, ...]:
    """Changes that are being carried out outside any window of their own, with those devices that may matter to these.

    They are in nobody's calendar, yet they work on devices now. How long they will is not known, so their time is that
    of the longest window, from the start of their run. One query where there are none; four more where there are.
    """
    over = Q(change__window_start=None) | Q(change__window_end__lte=Now())
    runs = Run.objects.exclude(state=RunState.ENDED).filter(over).exclude(change=but).order_by("pk")
    begun = {row.revision_id: row for row in runs.select_related("change").defer("change__content", "strategy")}
    if not begun:
        return ()
    return tuple(
        Booking(row.change_id, row.change.number, Period(row.started_at, row.started_at + LONGEST), theirs)
        for pk, theirs in _devices_by_revision(begun, _near(devices)).items()
        if (row := begun[pk])
    )


def bookings_of(rows: Sequence[ChangeRequest]) -> tuple[Booking, ...] | None:
    """Those of these changes whose windows overlap another's, in the order of their windows, with all their devices.

    None: they have more than 20,000 devices. Three queries.
    """
    overlapping = _overlapping(rows)
    revisions = [row.revision_id for row in overlapping if row.revision_id]
    if not revisions:
        return ()
    if _written_to(revisions, None)[: MOST_DEVICES + 1].count() > MOST_DEVICES:
        return None
    return _bookings(overlapping, None)


def _overlapping(rows: Sequence[ChangeRequest]) -> list[ChangeRequest]:
    timed = [(row.window_start, row.window_end, row) for row in rows if row.window_start and row.window_end]
    timed.sort(key=lambda each: (each[0], each[2].pk))
    found: dict[int, ChangeRequest] = {}
    latest: tuple[datetime, ChangeRequest] | None = None
    for start, end, row in timed:
        if latest and start < latest[0]:
            found[latest[1].pk] = latest[1]
            found[row.pk] = row
        if latest is None or end > latest[0]:
            latest = end, row
    return [row for _start, _end, row in timed if row.pk in found]


def _bookings(rows: Sequence[ChangeRequest], near: Q | None) -> tuple[Booking, ...]:
    found = _devices_by_revision([row.revision_id for row in rows if row.revision_id], near)
    return tuple(
        Booking(row.pk, row.number, Period(row.window_start, row.window_end), found[row.revision_id])
        for row in rows
        if row.revision_id and row.revision_id in found and row.window_start and row.window_end
    )


def _near(devices: Iterable[CalendarDevice]) -> Q:
    given = tuple(devices)
    sites = {device.site for device in given if device.site}
    sets = {each for device in given for each in device.apart_from}
    groups = {each.removeprefix("group ") for each in sets if each.startswith("group ")}
    below = [each.removeprefix("uplinks of ") for each in sets if each.startswith("uplinks of ")]
    partners: set[str] = set()
    if below:
        for uplinks in Device.objects.filter(name__in=below).values_list("uplinks", flat=True):
            partners.update(uplinks)
    names = {device.name for device in given} | partners
    return Q(device__site__in=sites) | Q(device__redundancy_group__in=groups) | Q(device__name__in=names)


def _devices_by_revision(revisions: Collection[int], near: Q | None = None) -> Mapping[int, tuple[CalendarDevice, ...]]:
    if not revisions:
        return {}
    rows = list(_written_to(revisions, near).values_list("revision_id", *_DEVICE, *_APART))
    apart = kept_apart((row[1], row[2], row[7]) for row in rows)
    found: dict[int, list[CalendarDevice]] = defaultdict(list)
    for revision_id, pk, name, site, role, tags, tenant, _group in rows:
        found[revision_id].append(CalendarDevice(name, site, role, frozenset(tags), tenant, apart[pk]))
    return {pk: tuple(devices) for pk, devices in found.items()}


def _written_to(revisions: Collection[int], near: Q | None) -> QuerySet[DevicePlan]:
    rows = DevicePlan.objects.filter(revision__in=revisions, state=DevicePlanState.READY)
    return (rows.filter(near) if near is not None else rows).order_by("revision_id", "position")
