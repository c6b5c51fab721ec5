"""The manual steps of a change as its pages show them: those of the plan, and how far a run has come with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from changes.domain.decision_steps import DecisionStep, StepState
from changes.domain.run_states import RunState
from changes.domain.step_policy import may_answer_step
from changes.models import RunDecisionStep
from portal.presenters.sight import Sight

_TONES = {
    StepState.CONFIRMED: "ok", StepState.STOPPED: "bad", StepState.TIMED_OUT: "bad", StepState.WAITING: "wait",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step; ``waits`` while the run waits for its answer, ``refusal`` says why this person is not the one."""

    id: int
    number: int
    title: str
    instruction: str
    where: str
    who: str
    minutes: int
    otherwise: str
    state: str
    tone: str
    waits: bool
    until: datetime | None
    refusal: str
    by: str
    at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class StepsView:
    """All steps in their order, and the one that waits."""

    steps: Sequence[StepShown]
    waiting: StepShown | None


def steps_of(sight: Sight) -> StepsView:
    """The steps of the current plan with those of the latest run over it; at most one query."""
    revision = sight.change.revision
    signed = [DecisionStep.of(step) for step in revision.inputs.get("steps", [])] if revision else []
    run = sight.run if revision and sight.run and sight.run.revision_id == revision.pk else None
    rows = {}
    if run is not None and signed:
        rows = {row.position: row for row in run.decision_steps.select_related("decided_by")}
    is_open = run is not None and run.state != RunState.ENDED
    shown = [_step(sight, position, step, rows.get(position), is_open) for position, step in enumerate(signed)]
    return StepsView(shown, next((step for step in shown if step.waits), None))


def _step(sight: Sight, position: int, step: DecisionStep, row: RunDecisionStep | None, is_open: bool) -> StepShown:
    state = StepState(row.state) if row else StepState.PENDING
    waits = is_open and state is StepState.WAITING
    told = next(iter(may_answer_step(sight.person, step).reasons), None) if waits else None
    return StepShown(
        id=row.pk if row else 0,
        number=position + 1,
        title=step.title,
        instruction=step.instruction,
        where=step.where,
        who=step.who,
        minutes=step.timeout_s // 60,
        otherwise=step.otherwise.label.lower(),
        state="Waits for an answer" if waits else state.label,
        tone=_TONES.get(state, "idle"),
        waits=waits,
        until=row.waits_until if row else None,
        refusal=told.sentence if told else "",
        by=row.decided_by.get_username() if row and row.decided_by else "",
        at=row.decided_at if row else None,
        note=row.note if row else "",
    )
