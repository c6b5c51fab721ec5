"""Changes that start by themselves when their window opens: ordered by an implementer, and done once or told.

The order is a row. The dispatcher calls a worker for it when its time has come; losing that call costs seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django_q.tasks import async_task

from audit.actor import Actor, Origin
from changes.domain import policy
from changes.domain.calendar.rights import may_call_start_off
from changes.domain.calendar.starting import START_LATE, START_OUTDATED, StartState, is_late
from changes.domain.errors import ChangeError
from changes.domain.states import EXECUTING, ChangeState
from changes.errors import ConflictError
from changes.models import ChangeRequest, ScheduledStart
from changes.services.execution import change_start
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.start_orders import start_audit, start_drop, start_end, start_tell
from changes.services.transitions import remembering_refusal
from changes.services.windows import database_now
from devices.services.claims import database_time_plus

SCHEDULER: Final = Actor.system("scheduler")
TASK: Final = "changes.tasks.start_scheduled"
_TASK_LIMIT_S: Final = 600
_BEGUN: Final = EXECUTING | {ChangeState.REVIEW, ChangeState.CLOSED}


def start_ask(*, change_id: int, actor: Actor) -> ScheduledStart:
    """Have a scheduled change start by itself when its window opens, as if this person started it then.

    Their right is checked now, and again at the start.

    Raises:
        PolicyDeniedError: the person could not start it.
        ConflictError: it has no window to come, is on hold, or starts by itself already.
    """
    with remembering_refusal(actor=actor, attempt="start_order", change_id=change_id):
        return start_order(lock_change(change_id), actor=actor)


def start_order(change: ChangeRequest, *, actor: Actor) -> ScheduledStart:
    """The same for a locked change, in the caller's transaction; errors as for :func:`start_ask`."""
    person = person_of(actor)
    enforce(policy.may_start(person, facts_of(change)))
    opens = change.window_start
    if change.state != ChangeState.SCHEDULED or opens is None or change.revision is None:
        raise ConflictError(f"{change.number} is not scheduled. Set its window first.", code="not_scheduled")
    if change.on_hold:
        raise ConflictError(f"{change.number} is on hold; release the hold first.", code="on_hold")
    if opens <= database_now():
        raise ConflictError("The window is open already. Start the change now, or move the window.", code="window_open")
    if change.scheduled_starts.filter(state=StartState.WAITING).exists():
        raise ConflictError(f"{change.number} starts by itself already.", code="start_ordered")
    row = ScheduledStart.objects.create(
        change=change, starts_at=opens, plan_digest=change.revision.digest, asked_by_id=person.id
    )
    start_audit(row, change, "scheduled_start.ordered", actor=actor)
    return row


def start_call_off(*, change_id: int, actor: Actor) -> None:
    """Have a change not start by itself. It stays scheduled, and a person may start it.

    Raises:
        PolicyDeniedError: neither who may schedule it, nor an implementer.
        ConflictError: it does not start by itself.
    """
    with remembering_refusal(actor=actor, attempt="start_call_off", change_id=change_id):
        change = lock_change(change_id)
        enforce(may_call_start_off(person_of(actor), facts_of(change)))
        if not start_drop(change, actor=actor, why=f"{actor.username} called it off."):
            raise ConflictError(f"{change.number} does not start by itself.", code="no_start_ordered")


def starts_ring() -> int:
    """Call a worker for each order whose time has come, and end those that are too late; how many there were.

    For the dispatcher: one query while nothing is due. Late ones are ended here, so that people are told even where no
    worker is left to tell them.
    """
    due = ScheduledStart.objects.filter(state=StartState.WAITING, starts_at__lte=Now())
    again = database_time_plus(-settings.COUNTERSIGN_RING_AGAIN_S)
    rows = list(due.filter(Q(rung_at=None) | Q(rung_at__lt=again)).values_list("pk", "starts_at")[:200])
    if not rows:
        return 0
    now = database_now()
    for pk, starts_at in rows:
        if is_late(starts_at, now, grace=_grace()):
            start_scheduled(pk)
            continue
        ScheduledStart.objects.filter(pk=pk).update(rung_at=Now())
        async_task(TASK, pk, timeout=_TASK_LIMIT_S)
    return len(rows)


def start_scheduled(start_id: int) -> str:
    """Start a change whose time has come, for the person who ordered it, through the gates that they would meet.

    Safe to call twice at once: the change's row decides, and an order ends with its first attempt. What it says is for
    the queue's log.
    """
    found = ScheduledStart.objects.filter(pk=start_id).values_list("change_id", flat=True).first()
    if found is None:
        return "no such order"
    with transaction.atomic():
        change = lock_change(found)
        row = ScheduledStart.objects.select_for_update(of=("self",)).select_related("asked_by").get(pk=start_id)
        now = database_now()
        if row.state != StartState.WAITING or row.starts_at > now:
            return f"{change.number}: nothing to do"
        against = _against(row, change, now)
        return _not_started(row, change, *against) if against else _start(row, change)


def _against(row: ScheduledStart, change: ChangeRequest, now: datetime) -> tuple[StartState, str, str] | None:
    """What ends the order before its change is asked to start: its end, a reason code and a sentence."""
    if change.state in _BEGUN:
        return StartState.CALLED_OFF, "", "Somebody started it before."
    if is_late(row.starts_at, now, grace=_grace()):
        minutes = round((now - row.starts_at).total_seconds() / 60)
        sentence = f"No worker could start it when its window opened, and {minutes} minutes have passed since."
        return StartState.LATE, START_LATE, sentence
    if change.window_start != row.starts_at:
        return StartState.REFUSED, START_OUTDATED, "The window was moved after the order was given."
    if change.revision is None or change.revision.digest != row.plan_digest:
        return StartState.REFUSED, START_OUTDATED, "The plan is another one than when the order was given."
    return None


def _start(row: ScheduledStart, change: ChangeRequest) -> str:
    try:
        run = change_start(change_id=change.pk, implementer=_on_behalf(row))
    except ChangeError as refusal:
        return _not_started(row, change, StartState.REFUSED, refusal.code, str(refusal))
    row.run = run
    start_end(row, change, StartState.STARTED, actor=SCHEDULER)
    return f"{change.number}: started as run {run.pk}"


def _on_behalf(row: ScheduledStart) -> Actor:
    """The system, acting for the person: the log names both, and every rule is asked of the person."""
    name = f"scheduler for {row.asked_by.get_username()}"
    return Actor(user_id=row.asked_by_id, username=name, origin=Origin.SYSTEM)


def _grace() -> timedelta:
    return timedelta(seconds=settings.COUNTERSIGN_START_GRACE_S)


def _not_started(row: ScheduledStart, change: ChangeRequest, state: StartState, code: str, why: str) -> str:
    start_end(row, change, state, actor=SCHEDULER, code=code, detail=why)
    if state is not StartState.CALLED_OFF:
        told = f"{why} Start it yourself while the window is open, or move the window."
        start_tell(row, change, f"{change.number} was not started", told)
    return f"{change.number}: not started, {code or state}"
