"""Orders that a change starts by itself: ended, told and audited. `scheduled_starts` gives and obeys them."""

from __future__ import annotations

from collections.abc import Iterable

from audit.actor import Actor
from audit.recorder import record
from changes.domain.calendar.starting import StartState
from changes.domain.notifications import Topic
from changes.models import ChangeRequest, ScheduledStart
from changes.services.notifying import notify
from changes.services.windows import database_now


def start_drop(change: ChangeRequest, *, actor: Actor, why: str) -> bool:
    """End the waiting order of a locked change and tell whoever gave it; whether there was one."""
    row = change.scheduled_starts.select_for_update().filter(state=StartState.WAITING).first()
    if row is None:
        return False
    start_end(row, change, StartState.CALLED_OFF, actor=actor, detail=why)
    if row.asked_by_id != actor.user_id:
        start_tell(row, change, f"{change.number} will not start by itself", why)
    return True


def start_end(
    row: ScheduledStart, change: ChangeRequest, state: StartState, *, actor: Actor, code: str = "", detail: str = ""
) -> None:
    """Bring a locked order to its end, with its event."""
    before, row.state, row.code, row.detail = row.state, state.value, code[:40], detail
    row.ended_at = database_now()
    row.save(update_fields=["state", "code", "detail", "run", "ended_at"])
    start_audit(row, change, f"scheduled_start.{state.value}", actor=actor, state_from=before)


def start_tell(row: ScheduledStart, change: ChangeRequest, subject: str, sentence: str) -> None:
    """Tell whoever gave the order, the author and the last editor."""
    people: Iterable[int] = {row.asked_by_id, change.author_id, change.last_editor_id}
    path = f"/changes/{change.pk}/"
    notify(Topic.RUN_NEEDS_PERSON, people=people, subject=subject, sentence=sentence, change=change, path=path)


def start_audit(row: ScheduledStart, change: ChangeRequest, action: str, *, actor: Actor, state_from: str = "") -> None:
    """Write the event of an order, in the caller's transaction."""
    record(
        actor=actor,
        action=action,
        object_type="scheduled_start",
        object_id=row.pk,
        object_label=str(change),
        change_id=change.pk,
        state_from=state_from,
        state_to=row.state,
        code=row.code,
        reason=row.detail,
        details={
            "starts_at": row.starts_at,
            "plan_digest": row.plan_digest,
            "asked_by": row.asked_by.get_username(),
            **({"run": row.run_id} if row.run_id else {}),
        },
    )
