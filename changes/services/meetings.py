"""Holding a CAB meeting: planned, opened with a frozen agenda, minuted, closed. It decides nothing about a change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.input import Findings, hidden_character, unix_lines, unknown_names
from changes.domain.meetings import (
    MAX_GUESTS,
    MAX_ITEMS,
    MAX_MINUTES,
    MAX_NAME,
    ItemKind,
    MeetingState,
    Outcome,
    Point,
    may_chair,
    may_run_meeting,
    period_of,
)
from changes.domain.policy import Person
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import AgendaItem, Approval, Attendance, ChangeRequest, Meeting
from changes.services.agendas import agenda_of, point_of, refreshed
from changes.services.people import enforce, person_of
from devices.services.scrubbing import Scrubber

FIELDS = frozenset({"title", "starts_at", "chair"})


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
    values = _checked(data, FIELDS)
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
        for name, value in _checked(data, FIELDS & set(data)).items():
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
        item = meeting.items.get(pk=item_id)
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


def attendance_set(*, meeting_id: int, actor: Actor, people: Collection[int], guests: Sequence[str] = ()) -> Meeting:
    """Record who is at a meeting: accounts by id, and guests by name; whoever is not named was not there.

    Raises:
        ChangeNotFoundError, PolicyDeniedError: as for :func:`meeting_edit`.
        ConflictError: the meeting is closed.
        InvalidInputError: an id is no account's, or a name cannot be used.
    """
    with _running(meeting_id, actor, MeetingState.DRAFT, MeetingState.OPEN) as (meeting, _person):
        ids = set(people)
        known = set(get_user_model().objects.filter(pk__in=ids).values_list("pk", flat=True))
        if ids - known:
            raise InvalidInputError({"people": [f"There is no account with the id {min(ids - known)}."]})
        names = list(dict.fromkeys(name for guest in guests if (name := _line(guest, "guests"))))
        if len(names) > MAX_GUESTS:
            raise InvalidInputError({"guests": [f"Name at most {MAX_GUESTS} guests."]})
        meeting.attendances.all().delete()
        Attendance.objects.bulk_create(
            [Attendance(meeting=meeting, person_id=pk) for pk in sorted(ids)]
            + [Attendance(meeting=meeting, guest=name) for name in names]
        )
        _audit(meeting, "meeting.attendance_recorded", actor, details={"people": sorted(ids), "guests": names})
        return meeting


def item_minute(*, item_id: int, actor: Actor, minutes: str, outcome: str = "", deferred_to: str = "") -> AgendaItem:
    """Write down what was said about a point of an open meeting, and what became of it.

    This moves no change: who decides about one does so on its plan.

    Raises:
        ChangeNotFoundError, PolicyDeniedError: as for :func:`meeting_edit`.
        ConflictError: the meeting is not open.
        InvalidInputError: a text that cannot be kept, an unknown outcome, or no word about what a deferral waits for.
    """
    with _running(_meeting_of(item_id), actor, MeetingState.OPEN) as (meeting, _person):
        item = meeting.items.get(pk=item_id)
        findings = Findings()
        if outcome and outcome not in set(Outcome):
            findings.add("outcome", f"Choose one of: {', '.join(Outcome)}.")
        said, later = _prose(minutes, "minutes", findings), _line(deferred_to, "deferred_to", findings)
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
        said = _prose(summary, "summary", findings)
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
        said = _line(title, "title", limit=300)
        if not said:
            raise InvalidInputError({"title": ["Name a change by its number, or say what the point is about."]})
        return Point(ItemKind.OTHER, said)
    change = ChangeRequest.objects.select_related("author", "revision").filter(pk=change_id).first()
    if change is None:
        raise InvalidInputError({"change": [f"There is no change CHG-{change_id:05d}."]})
    if meeting.items.filter(change=change).exists():
        raise InvalidInputError({"change": [f"{change.number} is on the agenda already."]})
    return point_of(change)


def _checked(data: Mapping[str, object], wanted: Collection[str]) -> dict[str, object]:
    findings = Findings()
    for name, sentence in unknown_names(data, FIELDS, "field").items():
        findings.add(name, sentence)
    values: dict[str, object] = {}
    if "title" in wanted:
        values["title"] = _line(data.get("title"), "title", findings)
        if not values["title"]:
            findings.add("title", "Give the meeting a title, such as CAB.")
    if "starts_at" in wanted:
        values["starts_at"] = _starts(data.get("starts_at"), findings)
    if "chair" in wanted:
        values["chair_id"] = _chair(data.get("chair"), findings)
    findings.check()
    return values


def _starts(given: object, findings: Findings) -> datetime | None:
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given or ""))
    except ValueError:
        findings.add("starts_at", "Say when the meeting begins, such as 2030-01-31T10:00. Without a zone it means UTC.")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chair(given: object, findings: Findings) -> int | None:
    user = get_user_model().objects.filter(username__iexact=str(given or ""), is_active=True).first()
    if user is not None:
        roles = frozenset(user.groups.values_list("name", flat=True))
        if may_chair(Person(user.pk, user.get_username(), roles)):
            return int(user.pk)
    findings.add("chair", "The chair is a member of the CAB or ECAB, or a change manager. Give their user name.")
    return None


def _line(given: object, field: str, findings: Findings | None = None, *, limit: int = MAX_NAME) -> str:
    text = " ".join(str(given or "").split()) if isinstance(given, str | None) else ""
    limit = 300 if field == "deferred_to" else limit
    problem = hidden_character(text) or (f"Shorten this to {limit} characters." if len(text) > limit else None)
    if problem and findings is not None:
        findings.add(field, problem)
    elif problem:
        raise InvalidInputError({field: [problem]})
    return Scrubber.load().prose(text)[:limit]


def _prose(given: object, field: str, findings: Findings) -> str:
    text = unix_lines(given).strip() if isinstance(given, str) else ""
    problem = hidden_character(text, allowed="\n\t")
    if len(text) > MAX_MINUTES:
        problem = f"Shorten this to {MAX_MINUTES:,} characters."
    if problem:
        findings.add(field, problem)
    return Scrubber.load().prose(text)


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
