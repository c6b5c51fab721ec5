"""Manual steps: frozen with the plan, proved before each use, waited for, and answered by a person.

A step never goes on by itself. The run waits where the signed plan says; the named person, or somebody with the named
role, confirms or stops it with a note; without an answer in time it counts as stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.decision_steps import DecisionStep, Otherwise, StepState, parse_steps
from changes.domain.errors import InvalidInputError
from changes.domain.notifications import Topic
from changes.domain.roles import Role
from changes.domain.run_states import DeviceRunState, RunOutcome, RunState
from changes.domain.strategy import InFlight
from changes.errors import ConflictError, PlanIntegrityError
from changes.models import ChangeRequest, Run, RunDecisionStep
from changes.services.integrity import signed_steps
from changes.services.notifying import notify
from changes.services.rollback import run_roll_back
from changes.services.run_control import abort
from changes.services.step_records import DISPATCHER, step_moves, steps_skip
from devices.services.claims import database_time_plus

STEP_STOPPED: Final = "STEP_STOPPED"
STEP_TIMEOUT: Final = "STEP_TIMEOUT"


def steps_frozen(value: object) -> list[dict[str, str | int]]:
    """Judge steps as a template or a change has them, and settle which account each name means: for a plan's inputs.

    The list goes into ``PlanRevision.inputs["steps"]``; :func:`changes.domain.decision_steps.seal_of` over it goes into
    each device's payload, so that the approval signs it.

    Raises:
        InvalidInputError: a step has a mistake, or names nobody who could confirm it.
    """
    steps = parse_steps(value)
    named = {step.person for step in steps if step.person}
    people = get_user_model().objects.filter(username__in=named, is_active=True)
    ids = dict(people.values_list("username", "pk")) if named else {}
    missing = {
        f"steps.{number}.person": [f'There is no active account "{step.person}". Name somebody who can sign in.']
        for number, step in enumerate(steps)
        if step.person and step.person not in ids
    }
    if missing:
        raise InvalidInputError(missing)
    return [replace(step, person_id=ids.get(step.person, 0)).as_data() for step in steps]


def steps_hold(change: ChangeRequest, run: Run, *, waves_before: int) -> bool:
    """Whether a step has to be answered before the run goes on after so many of its waves; the first of them waits.

    Change and run are locked, in the caller's transaction. A step whose time is over stops the run here.

    Raises:
        PlanIntegrityError: the steps are not those that were signed.
    """
    rows = list(run.decision_steps.select_for_update(of=("self",), no_key=True).order_by("point", "position"))
    if len(rows) != len(run.revision.inputs.get("steps", [])):
        raise PlanIntegrityError("A manual step of this run was taken away or added behind the application.")
    row = next((row for row in rows if row.point <= waves_before and row.state != StepState.CONFIRMED), None)
    if row is None:
        return False
    if row.state == StepState.PENDING:
        signed_steps(run.revision)
        _wait(change, run, row)
    elif row.state == StepState.WAITING and is_late(row):
        _time_out(change, run, row)
    return True


def last_steps_hold(change: ChangeRequest, run: Run) -> bool:
    """Whether a locked run whose devices have all ended still waits for a step, or is stopped at one now.

    A run that is aborted or rolls back waits for nobody. One whose steps are not those that were signed is aborted.
    """
    if run.abort or run.state not in {RunState.RUNNING, RunState.PAUSED}:
        return False
    try:
        held = steps_hold(change, run, waves_before=run.waves.count())
    except PlanIntegrityError as error:
        abort(change, run, InFlight.FINISH, actor=DISPATCHER, code=error.code, detail=str(error))
        return False
    return held and not run.abort


def outcome_with_steps(run: Run, outcome: RunOutcome) -> RunOutcome:
    """What a run came to: one whose steps were not all confirmed is never a success, whatever its devices say.

    Why they were not does not count: nobody in time, a no, an order to abort, or a row that is missing.
    """
    if outcome is not RunOutcome.SUCCEEDED:
        return outcome
    asked = len(run.revision.inputs.get("steps", []))
    confirmed = run.decision_steps.filter(state=StepState.CONFIRMED).count() if asked else 0
    return RunOutcome.PARTIAL if confirmed < asked or run.code == PlanIntegrityError.code else outcome


def steps_end_late(change: ChangeRequest, run: Run) -> bool:
    """Stop a locked run, paused or not, whose step was not answered in time; whether there was one."""
    late = run.decision_steps.waiting().filter(waits_until__lte=Now()).select_for_update(of=("self",), no_key=True)
    row = late.first()
    if row is not None:
        _time_out(change, run, row)
    return row is not None


def is_late(row: RunDecisionStep) -> bool:
    """Whether the time for the answer is over, by the database's clock."""
    return RunDecisionStep.objects.filter(pk=row.pk, waits_until__lte=Now()).exists()


def _wait(change: ChangeRequest, run: Run, row: RunDecisionStep) -> None:
    until = database_time_plus(row.timeout_s)
    step_moves(
        run, row, StepState.WAITING, "decision_step.waits", actor=DISPATCHER, waits_since=Now(), waits_until=until
    )
    people = _people(row)
    if not people:
        _tell_that_nobody_can(change, run, row)
    notify(
        Topic.DECISION_STEP_WAITS,
        people=people,
        subject=f"{change.number} waits for you: {row.title}",
        sentence=f"The run of {change} waits at the manual step “{row.title}”. Confirm it, or stop the run, before"
        f" {row.waits_until:%Y-%m-%d %H:%M} UTC; without an answer the run goes no further.",
        change=change,
        path=f"/changes/{change.pk}/steps/",
    )


def _tell_that_nobody_can(change: ChangeRequest, run: Run, row: RunDecisionStep) -> None:
    """Who runs the change can still abort it or roll it back."""
    notify(
        Topic.RUN_NEEDS_PERSON,
        people={run.started_by_id, change.author_id, *run.implementers.values_list("pk", flat=True)},
        subject=f"{change.number} waits at a step that nobody can confirm",
        sentence=f"The run waits at the manual step “{row.title}”. {_nobody(row)} Otherwise abort the run, or roll the"
        f" change back; at {row.waits_until:%Y-%m-%d %H:%M} UTC it goes no further by itself.",
        change=change,
        path=f"/changes/{change.pk}/steps/",
    )


def refuse_unanswerable(steps: Sequence[DecisionStep]) -> None:
    """Begin no run that would wait for somebody who cannot sign in, or for a role that nobody has; two queries at most.

    Raises:
        ConflictError: ``step_without_person``; it names the step and what to do.
    """
    for step in steps:
        if not _people(step):
            raise ConflictError(
                f"{_nobody(step)} Nobody could confirm the step “{step.title}”, so the run is not begun.",
                code="step_without_person",
            )


def _people(step: DecisionStep | RunDecisionStep) -> list[int]:
    """The accounts that can answer a step now."""
    who = Q(pk=step.person_id) if step.person_id else Q(groups__name=step.role)
    people = get_user_model().objects.filter(who, is_active=True).exclude(groups__name=Role.AUDITOR)
    return list(people.values_list("pk", flat=True))


def _nobody(step: DecisionStep | RunDecisionStep) -> str:
    """Why nobody can answer a step, and how it goes on."""
    if step.person_id:
        return (
            f"{step.person} cannot answer: the account is switched off, or an auditor's. An administrator can change"
            " that; or plan the change again with a step that names somebody else."
        )
    return f"Nobody has the role {Role(step.role).label}. An administrator can give it to somebody."


def _time_out(change: ChangeRequest, run: Run, row: RunDecisionStep) -> None:
    step_moves(run, row, StepState.TIMED_OUT, "decision_step.timed_out", actor=DISPATCHER, code=STEP_TIMEOUT)
    detail = f"Nobody confirmed the step “{row.title}” in time, so the run goes no further."
    stop_at(change, run, row, actor=DISPATCHER, code=STEP_TIMEOUT, detail=detail)


def stop_at(change: ChangeRequest, run: Run, row: RunDecisionStep, *, actor: Actor, code: str, detail: str) -> None:
    """Let a locked run go no further at this step: abort it, or roll it back where the signed step says so."""
    touched = run.device_runs.exclude(state__in=[DeviceRunState.PENDING, DeviceRunState.SKIPPED]).exists()
    try:
        otherwise = signed_steps(run.revision)[row.position].otherwise
    except PlanIntegrityError as error:
        otherwise, code, detail = Otherwise.ABORT, error.code, f"{detail} {error}"
    if otherwise is Otherwise.ROLL_BACK and touched:
        steps_skip(run, actor=actor)
        run_roll_back(change, run, actor=actor, code=code, detail=detail)
    else:
        abort(change, run, InFlight.FINISH, actor=actor, code=code, detail=detail)
