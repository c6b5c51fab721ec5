"""Whether a change may have a window: windows and freezes, conflicts with other changes, and who let them through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from audit.actor import Actor
from audit.recorder import record
from changes.domain.calendar.conflicts import SCHEDULE_CONFLICT, Booking, Conflict, ConflictKind, conflicts
from changes.domain.calendar.legality import Calendar, Legality, legal
from changes.domain.calendar.scope import CalendarDevice
from changes.domain.calendar.waivers import Waiver, may_waive, unwaived
from changes.domain.canonical import canonical_json
from changes.domain.content import parse_comment
from changes.domain.states import ChangeType
from changes.domain.windows import Period, parse_window
from changes.errors import ConflictError
from changes.models import ChangeRequest, ConflictWaiver
from changes.services.calendar import (
    BOOKED,
    booked_with,
    bookings_of,
    calendar_between,
    calendar_lock,
    devices_of,
    under_way_with,
)
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.transitions import remembering_refusal
from changes.services.windows import database_now, window_of

WAIVER_NAMES: Final = frozenset({"window_start", "window_end", "comment", "seen"})
_AT_ONCE: Final = timedelta(minutes=1)
"""The time that a start without a window is judged by: what is booked at this moment."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands against a window of a change, and what was let through."""

    period: Period
    legality: Legality
    conflicts: tuple[Conflict, ...]
    open: tuple[Conflict, ...]
    """The conflicts that nobody waived."""

    @property
    def holds(self) -> bool:
        """Whether the change may have this window."""
        return self.legality.legal and not self.open

    @property
    def seen(self) -> str:
        """Names exactly these open conflicts: whoever waives them says by it what they saw."""
        told = [[each.kind.value, each.other_key, each.sentence, list(each.devices)] for each in self.open]
        return hashlib.sha256(canonical_json(told)).hexdigest()


def window_judge(change: ChangeRequest, period: Period) -> Judgement:
    """Judge a window for a change; nothing is written. At most ten queries, however many devices."""
    devices = devices_of(change)
    calendar = calendar_between(period.start, period.end)
    return _judged(change, period, devices, calendar)


def refuse_bad_window(change: ChangeRequest, period: Period) -> None:
    """Let a window be set only where it is legal and where nothing unwaived is in conflict with it.

    Raises:
        ConflictError: it is not; the code is that of the first rule, and the sentence names every one.
    """
    found = window_judge(change, period)
    if not found.legality.legal:
        first, *_ = found.legality.obstacles
        raise ConflictError(" ".join(each.sentence for each in found.legality.obstacles), code=first.code)
    _refuse(found.open)


def refuse_conflicts(change: ChangeRequest) -> tuple[Conflict, ...]:
    """Let a start through only where no other change is booked on the same devices, sets and sites at this time.

    An emergency change is not held back: its conflicts are returned, for the audit log.

    Raises:
        ConflictError: something unwaived is in conflict.
    """
    now = database_now()
    period = window_of(change) or Period(now, now + _AT_ONCE)
    found = _judged(change, period, devices_of(change), Calendar()).open
    if ChangeType(change.type) is not ChangeType.EMERGENCY:
        _refuse(found)
    return found


def conflicts_among(changes: Sequence[ChangeRequest]) -> tuple[tuple[ChangeRequest, Conflict, bool], ...] | None:
    """Each conflict between two of these changes with windows, once, and whether it was waived.

    Three queries, and two for each change that has a conflict. None: they have more than 20,000 devices, and were not
    looked at.
    """
    rows = [row for row in changes if row.state in BOOKED and row.window_start and row.window_end]
    booked = bookings_of(rows)
    if booked is None:
        return None
    by_key = {row.pk: row for row in rows}
    found: list[tuple[ChangeRequest, Conflict, bool]] = []
    for at, ours in enumerate(booked):
        mine = conflicts(ours, _later(booked, at))
        if mine:
            change = by_key[ours.key]
            still = set(unwaived(mine, _waivers(change, ours.period)))
            found.extend((change, each, each not in still) for each in mine)
    return tuple(found)


def _later(booked: Sequence[Booking], at: int) -> Iterator[Booking]:
    """Those after one of them that begin before it ends; they are in the order of their windows."""
    end = booked[at].period.end
    return takewhile(lambda other: other.period.start < end, islice(booked, at + 1, None))


def conflicts_waive(*, change_id: int, actor: Actor, data: Mapping[str, object]) -> tuple[ConflictWaiver, ...]:
    """Let the conflicts of a window stand, with a reason: for this window and the plans of both changes only.

    ``data``: ``{window_start, window_end, comment, seen}``; ``seen`` is the name of the conflicts that the person was
    shown, :attr:`Judgement.seen`. The window itself is set by :func:`changes.services.scheduling.change_schedule`.

    Raises:
        PolicyDeniedError: neither change manager, CAB nor ECAB, or a hand in one of the changes; or no reason.
        InvalidInputError: with a sentence under each name.
        ConflictError: there is no conflict, or there are others than the person saw.
    """
    with remembering_refusal(actor=actor, attempt="waive_conflicts", change_id=change_id):
        change = lock_change(change_id)
        calendar_lock()
        comment = parse_comment(data.get("comment", ""), action="waive a conflict")
        asked = {name: data.get(name) for name in ("window_start", "window_end") if name in data}
        period = parse_window(asked, now=database_now())
        judged = window_judge(change, period)
        if not judged.open:
            raise ConflictError("There is no conflict to be waived in this window.", code="no_conflict")
        if data.get("seen") != judged.seen:
            raise ConflictError(
                "The conflicts of this window are others than you were shown. Read them again, then decide.",
                code=SCHEDULE_CONFLICT,
            )
        person, facts = person_of(actor), facts_of(change)
        others = _changes(each.other_key for each in judged.open)
        for other in others.values():
            enforce(may_waive(person, facts, facts_of(other), reason=comment))
        by = _By(actor, person.id, comment)
        return tuple(_waive(change, others[each.other_key], each, period, by) for each in judged.open)


@dataclass(frozen=True, slots=True)
class _By:
    """Who waives, and why."""

    actor: Actor
    person_id: int
    reason: str


def _waive(change: ChangeRequest, other: ChangeRequest, conflict: Conflict, period: Period, by: _By) -> ConflictWaiver:
    row = ConflictWaiver.objects.create(
        change=change,
        other=other,
        kind=conflict.kind.value,
        subject=conflict.subject,
        devices=list(conflict.devices),
        overlap_start=conflict.overlap.start,
        overlap_end=conflict.overlap.end,
        window_start=period.start,
        window_end=period.end,
        plan_digest=_digest(change),
        other_digest=_digest(other),
        waived_by_id=by.person_id,
        reason=by.reason,
    )
    record(
        actor=by.actor,
        action="conflict.waived",
        object_type="conflict_waiver",
        object_id=row.pk,
        object_label=f"{change.number} and {other.number}",
        change_id=change.pk,
        code=SCHEDULE_CONFLICT,
        reason=by.reason,
        details={
            "conflict": conflict.sentence,
            "other_change": other.number,
            "devices": list(conflict.devices[:200]),
            "devices_in_all": len(conflict.devices),
            "window_start": period.start,
            "window_end": period.end,
            "plan_digest": row.plan_digest,
            "other_plan_digest": row.other_digest,
        },
    )
    return row


def _judged(change: ChangeRequest, period: Period, devices: Sequence[CalendarDevice], calendar: Calendar) -> Judgement:
    verdict = legal(period.start, period.end, devices, calendar=calendar, change_type=ChangeType(change.type))
    ours = Booking(change.pk, change.number, period, tuple(devices))
    found = (*conflicts(ours, booked_with(devices, period, but=change.pk)), *_partners_under_way(change, ours))
    return Judgement(period, verdict, found, unwaived(found, _waivers(change, period)) if found else ())


def _partners_under_way(change: ChangeRequest, ours: Booking) -> tuple[Conflict, ...]:
    """Conflicts of a period that has begun with what is carried out now outside any window, about redundancy only.

    A device that both have is kept by its lease for one of them at a time; nothing else keeps its partner apart.
    """
    if not any(device.apart_from for device in ours.devices) or not ours.period.includes(database_now()):
        return ()
    found = conflicts(ours, under_way_with(ours.devices, but=change.pk))
    return tuple(each for each in found if each.kind is ConflictKind.REDUNDANCY)


def _waivers(change: ChangeRequest, period: Period) -> Iterator[Waiver]:
    """What holds for this window and the present plans: waived for this change, or for the other one about this."""
    digest = _digest(change)
    rows = ConflictWaiver.objects.select_related("change__revision", "other__revision")
    for row in rows.filter(change=change, plan_digest=digest):
        if _at(row, period.start, period.end) and row.other_digest == _digest(row.other):
            yield _waiver(row, row.other_id)
    for row in rows.filter(other=change, other_digest=digest):
        theirs = row.change
        if _at(row, theirs.window_start, theirs.window_end) and row.plan_digest == _digest(theirs):
            yield _waiver(row, row.change_id)


def _at(row: ConflictWaiver, start: datetime | None, end: datetime | None) -> bool:
    return (row.window_start, row.window_end) == (start, end)


def _waiver(row: ConflictWaiver, other_key: int) -> Waiver:
    return Waiver(
        ConflictKind(row.kind),
        other_key,
        row.subject,
        frozenset(row.devices),
        Period(row.overlap_start, row.overlap_end),
        row.waived_by_id,
        row.reason,
    )


def _digest(change: ChangeRequest) -> str:
    return change.revision.digest if change.revision else ""


def _changes(keys: Iterator[int]) -> Mapping[int, ChangeRequest]:
    return {row.pk: row for row in ChangeRequest.objects.select_related("revision").filter(pk__in=set(keys))}


def _refuse(found: Sequence[Conflict]) -> None:
    if found:
        raise ConflictError(" ".join(each.sentence for each in found), code=SCHEDULE_CONFLICT)
