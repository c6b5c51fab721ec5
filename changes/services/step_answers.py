"""The answers to a manual step: it is done, so that the run goes on; or the run goes no further."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.content import parse_comment
from changes.domain.decision_steps import StepState
from changes.domain.run_states import RunState
from changes.domain.step_policy import may_answer_step
from changes.errors import ConflictError
from changes.models import ChangeRequest, Run, RunDecisionStep
from changes.services.decision_steps import STEP_STOPPED, STEP_TIMEOUT, is_late, stop_at
from changes.services.execution import run_advance
from changes.services.integrity import signed_steps
from changes.services.people import enforce, lock_change, person_of
from changes.services.step_records import step_moves
from changes.services.transitions import remembering_refusal


def step_confirm(*, change_id: int, step_id: int, actor: Actor, note: str = "") -> RunDecisionStep:
    """Say that the manual step is done, so that the run may go on.

    Raises:
        ConflictError: the step does not wait, or its time is over.
        PolicyDeniedError: the person is neither the named one nor holds the named role.
        PlanIntegrityError: the steps are not those that were signed.
    """
    with _answered(change_id, step_id, actor, "confirm_step") as (_change, run, row):
        note = parse_comment(note, action="confirm a step", required=False)
        step_moves(
            run, row, StepState.CONFIRMED, "decision_step.confirmed", actor=actor, reason=note, **_by(actor, note)
        )
        run_advance(run.pk)
        return row


def step_stop(*, change_id: int, step_id: int, actor: Actor, note: str) -> RunDecisionStep:
    """Let the run go no further at this step: it ends, or takes back what it has done, as the signed step says.

    Raises:
        ConflictError, PolicyDeniedError, PlanIntegrityError: as for :func:`step_confirm`.
        InvalidInputError: no note.
    """
    with _answered(change_id, step_id, actor, "stop_step") as (change, run, row):
        note = parse_comment(note, action="stop at a step")
        step_moves(run, row, StepState.STOPPED, "decision_step.stopped", actor=actor, reason=note, **_by(actor, note))
        detail = f"{actor.username} stopped the run at the step “{row.title}”: {note}"
        stop_at(change, run, row, actor=actor, code=STEP_STOPPED, detail=detail)
        run_advance(run.pk)
        return row


@contextmanager
def _answered(
    change_id: int, step_id: int, actor: Actor, attempt: str
) -> Iterator[tuple[ChangeRequest, Run, RunDecisionStep]]:
    with remembering_refusal(actor=actor, attempt=attempt, change_id=change_id, step=step_id):
        change = lock_change(change_id)
        runs = change.runs.select_for_update(of=("self",)).exclude(state=RunState.ENDED)
        run = runs.select_related("change", "revision").first()
        waiting = run.decision_steps.waiting().select_for_update(of=("self",), no_key=True) if run else None
        row = waiting.filter(pk=step_id).first() if waiting is not None else None
        if run is None or row is None or run.abort:
            sentence = f"This step of {change.number} does not wait for anybody now. Reload the page."
            raise ConflictError(sentence, code="step_not_waiting")
        # Who may answer is read from the signed list, not from the row, which no digest covers.
        enforce(may_answer_step(person_of(actor), signed_steps(run.revision)[row.position]))
        if is_late(row):
            raise ConflictError("The time for this answer is over, so the run goes no further.", code=STEP_TIMEOUT)
        yield change, run, row


def _by(actor: Actor, note: str) -> dict[str, Any]:
    return {"decided_by_id": actor.user_id, "decided_at": Now(), "note": note}
