"""Holding a CAB meeting: planned, opened with a frozen agenda, minuted, closed. It decides nothing about a change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.input import Findings
from changes.domain.meetings import (
    MAX_GUESTS,
    MAX_ITEMS,
    ItemKind,
    MeetingState,
    Outcome,
    Point,
    may_run_meeting,
    period_of,
    version_of,
)
from changes.domain.policy import Person
from changes.errors import ChangeNotFoundError, ConflictError, StaleEditError
from changes.models import AgendaItem, Approval, Attendance, ChangeRequest, Meeting
from changes.services.agendas import agenda_of, point_of, refreshed
from changes.services.meeting_input import FIELDS, line_of, meeting_fields, prose_of
from changes.services.people import enforce, person_of


@transaction.atomic
def meeting_plan(*, data: Mapping[str, object], actor: Actor) -> Meeting:
    """Plan a meeting; its agenda is made from what waits now.

    ``data``: ``{title, starts_at, chair}``; the time in ISO 8601, without a zone it means UTC; the chair by name.

    Raises:
        PolicyDeniedError: the person is no change manager.
        InvalidInputError: with a sentence under each name.
    """
    person = person_of(actor)
    enforce(may_run_meeting(person))
    values = meeting_fields(data, FIELDS)
    closed = Meeting.objects.filter(state=MeetingState.CLOSED).aggregate(last=Max("closed_at"))["last"]
    starts_at: datetime = values["starts_at"]  # type: ignore[assignment]  # it was checked
    since, until = period_of(starts_at, closed)
    meeting = Meeting.objects.create(**values, covers_from=since, covers_to=until, planned_by_id=person.id)
    _audit(meeting, "meeting.planned", actor, state_to=meeting.state)
    _fill(meeting)
    return meeting


def meeting_edit(*, meeting_id: int, data: Mapping[str, object], actor: Actor) -> Meeting:
    """Give a draft another title, time or chair.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, InvalidInputError: as for :func:`meeting_plan`.
        ConflictError: the meeting was opened already.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT) as (meeting, _person):
        for name, value in meeting_fields(data, FIELDS & set(data)).items():
            setattr(meeting, name, value)
        if "starts_at" in data:
            meeting.covers_to = period_of(meeting.starts_at, meeting.covers_from)[1]
        meeting.save()
        _audit(meeting, "meeting.edited", actor, details={"starts_at": meeting.starts_at.isoformat()})
        return meeting


def agenda_refresh(*, meeting_id: int, actor: Actor) -> Meeting:
    """Make a draft's agenda anew from what waits now; points that somebody added stay.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, ConflictError: as for :func:`meeting_edit`.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT) as (meeting, _person):
        _fill(meeting)
        _audit(meeting, "meeting.agenda_made", actor, details={"items": meeting.items.count()})
        return meeting


def agenda_add(*, meeting_id: int, actor: Actor, title: str = "", change_id: int | None = None) -> AgendaItem:
    """Put a change, or a point of one's own, on a draft's agenda.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, ConflictError: as for :func:`meeting_edit`.
        InvalidInputError: it names nothing, a change that is on the agenda already, or one that does not exist.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT) as (meeting, person):
        last = meeting.items.aggregate(last=Max("position"))["last"] or 0
        if last >= MAX_ITEMS:
            raise ConflictError(f"An agenda has at most {MAX_ITEMS} points. Take one off first.")
        point = _own_point(meeting, title, change_id)
        item = _item(meeting, point, last + 1, person.id)
        item.save()
        _audit(meeting, "meeting.item_added", actor, change_id=change_id, details={"item": item.title})
        return item


def agenda_remove(*, item_id: int, actor: Actor) -> Meeting:
    """Take a point off a draft's agenda. What waits is proposed again when the agenda is made anew.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, ConflictError: as for :func:`meeting_edit`.
    """
    with _running(_meeting_of(item_id), actor, MeetingState.DRAFT) as (meeting, _person):
        item = _item_of(meeting, item_id)
        item.delete()
        _audit(meeting, "meeting.item_removed", actor, change_id=item.change_id, details={"item": item.title})
        return meeting


def meeting_open(*, meeting_id: int, actor: Actor) -> Meeting:
    """Open a meeting: its agenda is frozen as things stand now.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, ConflictError: as for :func:`meeting_edit`.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT) as (meeting, _person):
        for item in meeting.items.select_related("change__author", "change__revision"):
            item.facts = refreshed(item)
            item.save(update_fields=["facts"])
        meeting.state, meeting.opened_at = MeetingState.OPEN.value, timezone.now()
        meeting.save(update_fields=["state", "opened_at"])
        _audit(
            meeting,
            "meeting.opened",
            actor,
            state_from=MeetingState.DRAFT,
            state_to=meeting.state,
            details={"items": [item.title for item in meeting.items.all()]},
        )
        return meeting


def meeting_cancel(*, meeting_id: int, actor: Actor, reason: str) -> Meeting:
    """Give up a meeting that was not opened; it stays on record with its agenda and the reason.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, ConflictError: as for :func:`meeting_edit`.
        InvalidInputError: no reason, or one that cannot be kept.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT) as (meeting, _person):
        findings = Findings()
        said = prose_of(reason, "reason", findings)
        if not said:
            findings.add("reason", "Say why the meeting is not held.")
        findings.check()
        meeting.state, meeting.canceled_at, meeting.cancel_reason = MeetingState.CANCELED.value, timezone.now(), said
        meeting.save(update_fields=["state", "canceled_at", "cancel_reason"])
        _audit(
            meeting,
            "meeting.canceled",
            actor,
            state_from=MeetingState.DRAFT,
            state_to=meeting.state,
            reason=said,
        )
        return meeting


def attendance_version(meeting: Meeting) -> str:
    """Names the attendance as it is recorded now; one query."""
    rows = meeting.attendances.order_by("person_id", "guest").values_list("person_id", "guest")
    return version_of(*(f"{person_id or ''}:{guest}" for person_id, guest in rows))


def attendance_set(
    *,
    meeting_id: int,
    actor: Actor,
    people: Collection[int],
    guests: Sequence[str] = (),
    version: str | None = None,
) -> Meeting:
    """Record who is at a meeting: accounts by id, and guests by name; whoever is not named was not there.

    ``version`` is that of the attendance that the writer read (:func:`attendance_version`); None: not checked.

    Raises:
        ChangeNotFoundError, PolicyDeniedError: as for :func:`meeting_edit`.
        ConflictError: the meeting is closed.
        StaleEditError: somebody recorded another attendance meanwhile.
        InvalidInputError: an id is no account's, or a name cannot be used.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT, MeetingState.OPEN) as (meeting, _person):
        if version is not None and version != attendance_version(meeting):
            raise StaleEditError("Somebody else recorded who is present meanwhile. Look at it, then record yours.")
        ids = set(people)
        known = set(get_user_model().objects.filter(pk__in=ids).values_list("pk", flat=True))
        if ids - known:
            raise InvalidInputError({"people": [f"There is no account with the id {min(ids - known)}."]})
        names = list(dict.fromkeys(name for guest in guests if (name := line_of(guest, "guests"))))
        if len(names) > MAX_GUESTS:
            raise InvalidInputError({"guests": [f"Name at most {MAX_GUESTS} guests."]})
        meeting.attendances.all().delete()
        Attendance.objects.bulk_create(
            [Attendance(meeting=meeting, person_id=pk) for pk in sorted(ids)]
            + [Attendance(meeting=meeting, guest=name) for name in names]
        )
        _audit(meeting, "meeting.attendance_recorded", actor, details={"people": sorted(ids), "guests": names})
        return meeting


def item_minute(
    *,
    item_id: int,
    actor: Actor,
    minutes: str,
    outcome: str = "",
    deferred_to: str = "",
    version: str | None = None,
) -> AgendaItem:
    """Write down what was said about a point of an open meeting, and what became of it.

    This moves no change: who decides about one does so on its plan. ``version`` is that of the item that the writer
    read; None: not checked.

    Raises:
        ChangeNotFoundError, PolicyDeniedError: as for :func:`meeting_edit`.
        ConflictError: the meeting is not open.
        StaleEditError: somebody else wrote minutes of this point meanwhile.
        InvalidInputError: a text that cannot be kept, an unknown outcome, or no word about what a deferral waits for.
    """
    with _running(_meeting_of(item_id), actor, MeetingState.OPEN) as (meeting, _person):
        item = _item_of(meeting, item_id)
        if version is not None and version != item.version:
            raise StaleEditError(
                "Somebody else wrote minutes of this point meanwhile. Read theirs, put both together, and keep them."
            )
        findings = Findings()
        if outcome and outcome not in set(Outcome):
            findings.add("outcome", f"Choose one of: {', '.join(Outcome)}.")
        said, later = prose_of(minutes, "minutes", findings), line_of(deferred_to, "deferred_to", findings)
        if outcome == Outcome.DEFERRED and not later:
            findings.add("deferred_to", "Say until when it is deferred, or what has to happen first.")
        findings.check()
        item.minutes, item.outcome = said, outcome
        item.deferred_to = later if outcome == Outcome.DEFERRED else ""
        item.save(update_fields=["minutes", "outcome", "deferred_to"])
        _audit(
            meeting,
            "meeting.minuted",
            actor,
            change_id=item.change_id,
            reason=said,
            details={"item": item.title, "outcome": outcome, "deferred_to": item.deferred_to},
        )
        return item


def meeting_close(*, meeting_id: int, actor: Actor, summary: str = "") -> Meeting:
    """Close a meeting: what people decided about its changes meanwhile is linked, and nothing of it changes any more.

    Raises:
        ChangeNotFoundError, PolicyDeniedError: as for :func:`meeting_edit`.
        ConflictError: the meeting is not open, or nobody is recorded as present.
        InvalidInputError: the summary cannot be kept.
    """
    with _running(meeting_id, actor, MeetingState.OPEN) as (meeting, _person):
        findings = Findings()
        said = prose_of(summary, "summary", findings)
        findings.check()
        if not meeting.attendances.exists():
            raise ConflictError("Record who is present before you close the meeting. Nothing was changed.")
        linked = _link_decisions(meeting)
        meeting.state, meeting.closed_at, meeting.summary = MeetingState.CLOSED.value, timezone.now(), said
        meeting.save(update_fields=["state", "closed_at", "summary"])
        _audit(
            meeting,
            "meeting.closed",
            actor,
            state_from=MeetingState.OPEN,
            state_to=meeting.state,
            reason=said,
            details={"decisions": linked},
        )
        return meeting


def _link_decisions(meeting: Meeting) -> list[int]:
    """Put the decisions of the meeting's time on its items; returns their ids."""
    items = {item.change_id: item for item in meeting.items.exclude(change=None)}
    found = Approval.objects.filter(change__in=items, created_at__gte=meeting.opened_at).order_by("pk")
    links = [
        AgendaItem.decisions.through(agendaitem_id=items[change_id].pk, approval_id=pk)
        for pk, change_id in found.values_list("pk", "change_id")
    ]
    AgendaItem.decisions.through.objects.bulk_create(links)
    return [link.approval_id for link in links]


@contextmanager
def _running(meeting_id: int, actor: Actor, *states: MeetingState) -> Iterator[tuple[Meeting, Person]]:
    """The meeting, locked, for somebody who may run it; a refusal is rolled back and audited."""
    try:
        with transaction.atomic():
            meeting, person = _locked(meeting_id), person_of(actor)
            enforce(may_run_meeting(person, chair_id=meeting.chair_id))
            _check_state(meeting, states)
            yield meeting, person
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action="meeting.refused",
                object_type="meeting",
                object_id=meeting_id,
                code=refusal.code,
                reason=str(refusal),
            )
        raise


def _locked(meeting_id: int) -> Meeting:
    meeting = Meeting.objects.select_for_update(no_key=True).filter(pk=meeting_id).first()
    if meeting is None:
        raise ChangeNotFoundError(f"There is no meeting with the id {meeting_id}.")
    return meeting


def _check_state(meeting: Meeting, states: Collection[MeetingState]) -> None:
    if meeting.state not in states:
        raise ConflictError(f"The meeting is {MeetingState(meeting.state).label.lower()}. Nothing was changed.")


def _meeting_of(item_id: int) -> int:
    found = AgendaItem.objects.filter(pk=item_id).values_list("meeting_id", flat=True).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no agenda item with the id {item_id}.")
    return found


def _item_of(meeting: Meeting, item_id: int) -> AgendaItem:
    """The point as it is under the meeting's lock; an agenda that was made anew meanwhile has others."""
    item = meeting.items.filter(pk=item_id).first()
    if item is None:
        raise ChangeNotFoundError(f"The meeting has no point with the id {item_id} any more. Load its page again.")
    return item


def _fill(meeting: Meeting) -> None:
    """The agenda as it is proposed now, in front of what people added themselves."""
    own = list(meeting.items.exclude(added_by=None).order_by("position"))
    meeting.items.all().delete()
    kept = {item.change_id for item in own if item.change_id}
    points = [point for point in agenda_of(meeting) if point.change_id not in kept][: MAX_ITEMS - len(own)]
    rows = [_item(meeting, point, position, None) for position, point in enumerate(points, 1)]
    for position, item in enumerate(own, len(rows) + 1):
        item.pk, item.position = None, position
    AgendaItem.objects.bulk_create([*rows, *own])


def _item(meeting: Meeting, point: Point, position: int, added_by: int | None) -> AgendaItem:
    return AgendaItem(
        meeting=meeting,
        position=position,
        kind=point.kind.value,
        change_id=point.change_id,
        title=point.title,
        facts=point.facts,
        added_by_id=added_by,
    )


def _own_point(meeting: Meeting, title: str, change_id: int | None) -> Point:
    if change_id is None:
        said = line_of(title, "title", limit=300)
        if not said:
            raise InvalidInputError({"title": ["Name a change by its number, or say what the point is about."]})
        return Point(ItemKind.OTHER, said)
    change = ChangeRequest.objects.select_related("author", "revision").filter(pk=change_id).first()
    if change is None:
        raise InvalidInputError({"change": [f"There is no change CHG-{change_id:05d}."]})
    if meeting.items.filter(change=change).exists():
        raise InvalidInputError({"change": [f"{change.number} is on the agenda already."]})
    return point_of(change)


def _audit(
    meeting: Meeting,
    action: str,
    actor: Actor,
    *,
    state_from: str = "",
    state_to: str = "",
    change_id: int | None = None,
    reason: str = "",
    details: dict[str, object] | None = None,
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="meeting",
        object_id=meeting.pk,
        object_label=str(meeting),
        change_id=change_id,
        state_from=state_from,
        state_to=state_to,
        reason=reason,
        details=details,
    )
