"""Manual steps: signed with the plan, waited for, answered by the right person, and never going on by themselves."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.functions import Now

from audit.models import Event
from changes.domain.decision_steps import StepState
from changes.domain.errors import InvalidInputError
from changes.domain.notifications import Topic
from changes.domain.run_states import DeviceRunState, RunOutcome, RunState, WaveState
from changes.errors import ConflictError, PlanIntegrityError, PolicyDeniedError
from changes.models import ChangeRequest, Notification, PlanRevision, Run, RunDecisionStep
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.decision_steps import steps_frozen
from changes.services.execution import change_start, run_advance
from changes.services.integrity import verify_revision
from changes.services.outcomes import change_outcome
from changes.services.requests import change_submit
from changes.services.retrying import run_retry
from changes.services.run_orders import run_abort, run_pause
from changes.services.step_answers import step_confirm, step_stop
from devices.models import Device
from portal.access import person_identity_change
from tests.database import as_owner
from tests.factories import TESTER, Cast, DeviceFactory, actor, draft, joins, ready_plan, switched, wave_carried_out

pytestmark = pytest.mark.django_db
CANARY = {"canary": 1, "batch_percent": 100, "max_parallel": 10}
BEFORE = {"title": "Call the site", "instruction": "Ask whether the doors are open.", "role": "peer"}
AFTER = {
    "title": "Look at the canary",
    "instruction": "Is the clock right?",
    "place": "after_wave",
    "wave": 1,
    "person": "manager",
}
END = {"title": "Tell the site", "instruction": "All is done.", "place": "end", "role": "implementer"}


def planned(
    cast: Cast,
    steps: Sequence[Mapping[str, object]],
    *,
    devices: int = 2,
    strategy: Mapping[str, object] = MappingProxyType(CANARY),
) -> ChangeRequest:
    rows: list[Device] = [DeviceFactory.create() for _ in range(devices)]
    change = draft(cast.author, strategy=dict(strategy))
    ready_plan(change, rows, steps=steps)
    return change


def signed(cast: Cast, change: ChangeRequest) -> ChangeRequest:
    change_submit(change_id=change.pk, requester=actor(cast.author))
    change.refresh_from_db()
    assert change.revision is not None
    for person, decide in ((cast.peer, change_assess), (cast.approver, change_approve)):
        plan_open(revision=change.revision, actor=actor(person))
        decide(change_id=change.pk, approver=actor(person), plan_digest=change.revision.digest)
    return change


def begun(cast: Cast, *steps: Mapping[str, object], devices: int = 2) -> Run:
    change = signed(cast, planned(cast, steps, devices=devices))
    return change_start(change_id=change.pk, implementer=actor(cast.author))


def waiting(run: Run) -> RunDecisionStep:
    return run.decision_steps.get(state=StepState.WAITING)


def out_of_time(step: RunDecisionStep) -> None:
    RunDecisionStep.objects.filter(pk=step.pk).update(waits_until=Now() - timedelta(seconds=1))


def test_a_run_waits_at_each_of_its_steps_and_ends_when_all_are_confirmed() -> None:
    cast = Cast.create()
    run = begun(cast, END, AFTER, BEFORE)
    step = waiting(run)
    assert (step.title, wave_states(run)) == ("Call the site", [WaveState.PENDING, WaveState.PENDING])
    assert not wave_carried_out(run)

    step_confirm(change_id=run.change_id, step_id=step.pk, actor=actor(cast.peer), note="They are.")
    assert len(wave_carried_out(run)) == 1
    step = waiting(run)
    assert (step.title, wave_states(run)) == ("Look at the canary", [WaveState.HELD, WaveState.PENDING])

    step_confirm(change_id=run.change_id, step_id=step.pk, actor=actor(cast.manager))
    run_advance(run.pk)
    assert len(wave_carried_out(run)) == 1
    assert (waiting(run).title, run.state) == ("Tell the site", RunState.RUNNING)

    step_confirm(change_id=run.change_id, step_id=waiting(run).pk, actor=actor(cast.implementer))
    run_advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.outcome) == (RunState.ENDED, RunOutcome.SUCCEEDED)
    moved = Event.objects.filter(object_type="decision_step").values_list("action", flat=True)
    assert sorted(set(moved)) == ["decision_step.confirmed", "decision_step.created", "decision_step.waits"]


def wave_states(run: Run) -> list[str]:
    return list(run.waves.order_by("number").values_list("state", flat=True))


def test_who_may_answer_is_told() -> None:
    cast = Cast.create()
    run = begun(cast, AFTER, BEFORE)
    told = Notification.objects.filter(topic=Topic.DECISION_STEP_WAITS)
    assert set(told.values_list("person__username", flat=True)) == {"peer", "colleague"}
    assert told[0].path == f"/changes/{run.change_id}/steps/"


@pytest.mark.parametrize("who", ["author", "superuser", "auditor", "outsider", "manager"])
def test_only_the_signed_role_answers(who: str) -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE)
    with pytest.raises(PolicyDeniedError):
        step_confirm(change_id=run.change_id, step_id=waiting(run).pk, actor=actor(getattr(cast, who)))
    assert waiting(run).decided_by is None
    assert Event.objects.filter(action="change.confirm_step_refused").exists()


def test_only_the_named_person_answers_and_not_whoever_has_the_name_or_the_row_now() -> None:
    cast = Cast.create()
    run = begun(cast, {**BEFORE, "role": "", "person": "manager"})
    step = waiting(run)
    with pytest.raises(DatabaseError, match="signed"), transaction.atomic():
        RunDecisionStep.objects.filter(pk=step.pk).update(person=cast.outsider)
    for person, name in ((cast.manager, "gone"), (cast.outsider, "manager")):
        person_identity_change(user=person, actor=TESTER, username=name)
    with pytest.raises(PolicyDeniedError, match="names manager"):
        step_confirm(change_id=run.change_id, step_id=step.pk, actor=actor(cast.outsider))
    assert waiting(run)


def test_a_step_that_is_stopped_ends_the_run_and_needs_a_note() -> None:
    cast = Cast.create()
    run = begun(cast, AFTER, END)
    wave_carried_out(run)
    with pytest.raises(InvalidInputError):
        step_stop(change_id=run.change_id, step_id=waiting(run).pk, actor=actor(cast.manager), note=" ")
    step_stop(change_id=run.change_id, step_id=waiting(run).pk, actor=actor(cast.manager), note="The clock is wrong.")
    run_advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.outcome, run.code) == (RunState.ENDED, RunOutcome.PARTIAL, "STEP_STOPPED")
    assert sorted(run.decision_steps.values_list("state", flat=True)) == [StepState.SKIPPED, StepState.STOPPED]


@pytest.mark.parametrize("paused", [False, True])
def test_without_an_answer_in_time_a_run_never_goes_on(paused: bool) -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE)
    if paused:
        run_pause(change_id=run.change_id, actor=actor(cast.author), comment="Wait.")
    step = waiting(run)
    out_of_time(step)
    with pytest.raises(ConflictError, match="over"):
        step_confirm(change_id=run.change_id, step_id=step.pk, actor=actor(cast.peer))
    run_advance(run.pk)
    run_advance(run.pk)
    run.refresh_from_db()
    step.refresh_from_db()
    assert (run.outcome, run.code, step.state) == (RunOutcome.ABORTED, "STEP_TIMEOUT", StepState.TIMED_OUT)
    assert set(run.device_runs.values_list("state", flat=True)) == {DeviceRunState.SKIPPED}


def test_a_last_step_that_nobody_confirms_makes_a_run_no_success() -> None:
    cast = Cast.create()
    run = begun(cast, END, devices=1)
    wave_carried_out(run)
    out_of_time(waiting(run))
    run_advance(run.pk)
    run_advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.outcome) == (RunState.ENDED, RunOutcome.PARTIAL)


def test_a_step_may_take_the_change_back() -> None:
    cast = Cast.create()
    run = begun(cast, {**AFTER, "otherwise": "roll_back"})
    wave_carried_out(run)
    step_stop(change_id=run.change_id, step_id=waiting(run).pk, actor=actor(cast.manager), note="No.")
    run.refresh_from_db()
    states = set(run.device_runs.values_list("state", flat=True))
    assert (run.state, states) == (RunState.ROLLING_BACK, {DeviceRunState.ROLLBACK_PENDING, DeviceRunState.SKIPPED})


def test_a_step_is_answered_once() -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE)
    step = waiting(run)
    step_confirm(change_id=run.change_id, step_id=step.pk, actor=actor(cast.peer))
    for answer in (step_confirm, step_stop):
        with pytest.raises(ConflictError, match="does not wait"):
            answer(change_id=run.change_id, step_id=step.pk, actor=actor(cast.peer), note="Again")


def test_steps_that_are_edited_after_the_approval_start_nothing() -> None:
    cast = Cast.create()
    change = signed(cast, planned(cast, [BEFORE]))
    revision = PlanRevision.objects.get(change=change)
    PlanRevision.objects.filter(pk=revision.pk).update(inputs={**revision.inputs, "steps": []})
    with pytest.raises(PlanIntegrityError, match="steps"):
        change_start(change_id=change.pk, implementer=actor(cast.author))
    with pytest.raises(PlanIntegrityError):
        verify_revision(PlanRevision.objects.get(change=change))


def test_a_step_that_is_deleted_from_a_run_pauses_it() -> None:
    cast = Cast.create()
    run = begun(cast, AFTER)
    connection.check_constraints()  # what was done so far is complete
    with as_owner():  # the application cannot
        run.decision_steps.all().delete()
    wave_carried_out(run)
    run.refresh_from_db()
    assert (run.state, run.code, wave_states(run)[1]) == (RunState.PAUSED, "PLAN_HASH_MISMATCH", WaveState.PENDING)


def test_a_last_step_that_is_deleted_makes_a_run_no_success() -> None:
    cast = Cast.create()
    run = begun(cast, END, devices=1)
    connection.check_constraints()  # what was done so far is complete
    with as_owner():  # the application cannot
        run.decision_steps.all().delete()
    wave_carried_out(run)
    run.refresh_from_db()
    assert (run.state, run.outcome, run.code) == (RunState.ENDED, RunOutcome.PARTIAL, "PLAN_HASH_MISMATCH")


def test_the_database_refuses_a_confirmation_without_an_event_or_by_another() -> None:
    cast = Cast.create()
    run = begun(cast, {**BEFORE, "role": "", "person": "manager"})
    rows = RunDecisionStep.objects.filter(run=run)
    with pytest.raises(IntegrityError, match="whom the signed step names"), transaction.atomic():
        rows.update(state="confirmed", decided_by=cast.author, decided_at=Now())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match=r"(?i)event"), transaction.atomic():
        rows.update(state="skipped")


def test_a_name_that_nobody_has_is_refused_when_the_plan_is_made() -> None:
    with pytest.raises(InvalidInputError, match="no active account"):
        steps_frozen([{**AFTER, "person": "nobody"}])


ANSWER = {"state": "confirmed", "decided_at": Now()}


@pytest.mark.parametrize("who", ["author", "superuser", "auditor", "switched off"])
def test_the_database_refuses_an_answer_without_the_signed_role(who: str) -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE)
    person = getattr(cast, who, cast.peer)
    if who == "auditor":
        joins(cast.auditor, "peer")
    if who == "switched off":
        switched(person, active=False)
    for state in ("confirmed", "stopped"):
        with pytest.raises(IntegrityError, match="who holds its role"), transaction.atomic():
            run.decision_steps.update(**{**ANSWER, "state": state, "note": "x"}, decided_by=person)


def test_the_database_takes_an_answer_once_in_time_and_only_from_a_run_that_waits() -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE, AFTER)
    later = run.decision_steps.exclude(state=StepState.WAITING)
    for bad in (
        lambda: later.update(**ANSWER, decided_by=cast.manager),
        lambda: run.decision_steps.filter(pk=waiting(run).pk).update(waits_until=Now() + timedelta(days=1)),
        lambda: run.decision_steps.update(role="cab", person=None),
        lambda: RunDecisionStep.objects.bulk_create([RunDecisionStep(run=run, position=2, point=0, role="peer",
                                                                     timeout_s=60, title="Mine")]),
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match=r"step"), transaction.atomic():
            bad()
    Run.objects.filter(pk=run.pk).update(abort="finish")
    with pytest.raises(IntegrityError, match="No run waits"), transaction.atomic():
        run.decision_steps.filter(pk=waiting(run).pk).update(**ANSWER, decided_by=cast.peer)
    Run.objects.filter(pk=run.pk).update(abort="")
    out_of_time(waiting(run))
    with pytest.raises(IntegrityError, match="No run waits"), transaction.atomic():
        run.decision_steps.filter(pk=waiting(run).pk).update(**ANSWER, decided_by=cast.peer)


def test_a_run_is_not_begun_for_a_step_that_nobody_could_confirm() -> None:
    cast = Cast.create()
    change = signed(cast, planned(cast, [AFTER]))
    switched(cast.manager, active=False)
    with pytest.raises(ConflictError, match="manager cannot answer") as refusal:
        change_start(change_id=change.pk, implementer=actor(cast.author))
    assert refusal.value.code == "step_without_person"
    assert not Run.objects.filter(change=change).exists()


def test_when_the_named_person_is_switched_off_meanwhile_who_runs_it_is_told_and_can_abort() -> None:
    cast = Cast.create()
    run = begun(cast, AFTER)
    switched(cast.manager, active=False)
    wave_carried_out(run)
    told = Notification.objects.get(topic=Topic.RUN_NEEDS_PERSON, subject__contains="nobody can confirm")
    assert (told.person, told.path) == (cast.author, f"/changes/{run.change_id}/steps/")
    assert "manager cannot answer" in told.sentence
    run_abort(change_id=run.change_id, actor=actor(cast.author), comment="Maria has left.")
    run_advance(run.pk)
    run.refresh_from_db()
    assert run.state == RunState.ENDED


def test_a_run_that_is_aborted_at_its_last_step_is_no_success() -> None:
    cast = Cast.create()
    run = begun(cast, END, devices=1)
    wave_carried_out(run)
    assert waiting(run)
    run_abort(change_id=run.change_id, actor=actor(cast.author), comment="Nobody answers.")
    run_advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.outcome) == (RunState.ENDED, RunOutcome.PARTIAL)


@pytest.mark.parametrize(("answer", "came_to"), [("confirm", "succeeded"), ("stop", "partial")])
def test_the_answers_of_the_latest_run_count_for_the_change(answer: str, came_to: str) -> None:
    cast = Cast.create()
    first = begun(cast, END, devices=1)
    run_abort(change_id=first.change_id, actor=actor(cast.author), comment="Not today.")
    run_advance(first.pk)
    second = run_retry(change_id=first.change_id, actor=actor(cast.author), device_ids=[
        first.device_runs.get().device_id
    ])  # fmt: skip
    wave_carried_out(second)
    step = waiting(second)
    done = step_confirm if answer == "confirm" else step_stop
    done(change_id=first.change_id, step_id=step.pk, actor=actor(cast.implementer), note="So it is.")
    run_advance(second.pk)
    assert change_outcome(ChangeRequest.objects.get(pk=first.change_id)) == came_to


def failed_in_the_first_of_two_waves(cast: Cast, *steps: Mapping[str, object]) -> tuple[Run, Device]:
    """A run of two devices, one by one, that bears a failure; the first device has failed."""
    change = planned(cast, steps, strategy={"batch_percent": 50, "failures_allowed": 1})
    run = change_start(change_id=signed(cast, change).pk, implementer=actor(cast.author))
    first = run.device_runs.get(wave__number=1).device
    wave_carried_out(run, rejected=[first])
    return run, first


def test_devices_below_a_confirmed_step_are_not_retried_behind_its_back() -> None:
    cast = Cast.create()
    run, first = failed_in_the_first_of_two_waves(cast, AFTER, END)
    step_confirm(change_id=run.change_id, step_id=waiting(run).pk, actor=actor(cast.manager))
    run_pause(change_id=run.change_id, actor=actor(cast.author), comment="Wait.")
    with pytest.raises(ConflictError, match="Look at the canary") as refusal:
        run_retry(change_id=run.change_id, actor=actor(cast.author), device_ids=[first.pk])
    assert refusal.value.code == "step_confirmed"


def test_a_step_that_waited_is_asked_again_after_devices_below_it_were_retried() -> None:
    cast = Cast.create()
    run, first = failed_in_the_first_of_two_waves(cast, AFTER)
    step = waiting(run)
    run_pause(change_id=run.change_id, actor=actor(cast.author), comment="Wait.")
    run_retry(change_id=run.change_id, actor=actor(cast.author), device_ids=[first.pk])
    with pytest.raises(ConflictError, match="does not wait"):
        step_confirm(change_id=run.change_id, step_id=step.pk, actor=actor(cast.manager))
    step.refresh_from_db()
    assert (step.state, step.waits_until) == (StepState.PENDING, None)
