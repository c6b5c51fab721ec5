"""The rows of a run's manual steps: made with the run, moved one by one, each with its audit event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from audit.actor import Actor
from audit.recorder import record
from changes.domain.decision_steps import STEP_ENDED, DecisionStep, StepState
from changes.errors import ConflictError
from changes.models import Run, RunDecisionStep

DISPATCHER: Final = Actor.system("dispatcher")


def steps_create(run: Run, steps: Sequence[DecisionStep], waves: Sequence[int]) -> None:
    """The rows of a new run, whose waves have these numbers; audited. A run over the rest of a plan asks them again."""
    rows = RunDecisionStep.objects.bulk_create(
        RunDecisionStep(
            run=run,
            position=position,
            point=step.point(waves),
            title=step.title,
            instruction=step.instruction,
            place=step.place.value,
            wave=step.wave,
            person_id=step.person_id or None,
            role=step.role,
            timeout_s=step.timeout_s,
            otherwise=step.otherwise.value,
        )
        for position, step in enumerate(steps)
    )
    for row in rows:
        step_audit(run, row, "decision_step.created", actor=DISPATCHER)


def steps_skip(run: Run, *, actor: Actor = DISPATCHER) -> None:
    """End the steps of a locked run that goes no further; nobody has to answer them any more."""
    for row in run.decision_steps.open().select_for_update(of=("self",), no_key=True):
        step_moves(run, row, StepState.SKIPPED, "decision_step.skipped", actor=actor)


def steps_ask_again(run: Run, *, waves_before: int, actor: Actor) -> None:
    """Steps of a locked run that wait after more than so many of its waves wait for those waves once more.

    Raises:
        ConflictError: ``step_confirmed``; somebody has confirmed such a step for what its waves had done before.
    """
    rows = run.decision_steps.filter(point__gt=waves_before).select_for_update(of=("self",), no_key=True)
    for row in rows:
        if row.state == StepState.CONFIRMED:
            raise ConflictError(
                f"The step “{row.title}” was confirmed for what these devices came to. Abort the run and retry them"
                " after it has ended: the new run asks the step again.",
                code="step_confirmed",
            )
        if row.state == StepState.WAITING:
            step_moves(
                run,
                row,
                StepState.PENDING,
                "decision_step.waits_no_more",
                actor=actor,
                waits_since=None,
                waits_until=None,
            )


def step_moves(
    run: Run,
    row: RunDecisionStep,
    state: StepState,
    action: str,
    *,
    actor: Actor,
    reason: str = "",
    code: str = "",
    **values: object,
) -> None:
    """Move one step of a locked run and audit it; ``values`` are further columns.

    Raises:
        ConflictError: the step has ended already.
    """
    before = StepState(row.state)
    if before in STEP_ENDED:
        raise ConflictError("This step has been answered already. Reload the page.", code="step_not_waiting")
    RunDecisionStep.objects.filter(pk=row.pk).update(state=state.value, **values)
    row.refresh_from_db()
    step_audit(run, row, action, actor=actor, state_from=before.value, reason=reason, code=code)


def step_audit(
    run: Run,
    row: RunDecisionStep,
    action: str,
    *,
    actor: Actor,
    state_from: str = "",
    reason: str = "",
    code: str = "",
) -> None:
    """Write an audit event about a step, in the caller's transaction."""
    record(
        actor=actor,
        action=action,
        object_type="decision_step",
        object_id=row.pk,
        object_label=f"“{row.title}” of {run.change.number}",
        change_id=run.change_id,
        state_from=state_from,
        state_to=row.state,
        code=code,
        reason=reason,
        details={"run": run.pk, "plan_digest": run.plan_digest, "position": row.position, "timeout_s": row.timeout_s},
    )
