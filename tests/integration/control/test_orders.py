"""Orders to a run: what each does to waves and devices, who may give it, and that every refusal is audited."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.run_states import DeviceRunState
from changes.domain.states import IllegalTransitionError
from changes.errors import ChangeNotFoundError, ConflictError, PlanIntegrityError, PolicyDeniedError
from changes.models import DevicePlan, Run
from changes.services.execution import claimable_device_runs, run_advance
from changes.services.people import facts_of
from changes.services.run_orders import device_skip, run_abort, run_pause, run_resume, run_stop_after_wave
from devices.services.claims import claimable
from tests import factories
from tests.factories import Cast, actor
from tests.integration.control.conftest import again, started, states_of, taken

S = DeviceRunState


def last_event(run: Run, action: str) -> Event:
    return Event.objects.filter(change_id=run.change_id, action=action).latest("id")


def test_pausing_begins_nothing_further_and_resuming_goes_on(cast: Cast) -> None:
    run = started(cast, 3)
    at_work = taken(run.device_runs.order_by("pk")[0])
    with at_work.step(S.CONNECTING):
        pass
    run_pause(change_id=run.change_id, actor=actor(cast.implementer), comment="The core is being looked at.")
    run = again(run)
    assert (run.state, run.change.state, run.code) == ("paused", "paused", "RUN_PAUSED")
    assert run.detail == "Paused by implementer: The core is being looked at."
    assert not claimable(claimable_device_runs(run.pk)).exists()
    with at_work.step(S.CHECKING):
        pass  # pausing never interrupts a device
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    run = again(run)
    assert (run.state, run.change.state, run.code, run.paused_at) == ("running", "implementing", "", None)
    assert claimable(claimable_device_runs(run.pk)).count() == 2
    assert last_event(run, "run.paused").actor_name == "implementer"
    assert last_event(run, "run.resumed").actor_name == "implementer"


def test_a_device_that_must_be_read_back_is_read_back_while_the_run_is_paused(cast: Cast) -> None:
    run = started(cast, 2)
    journal = taken(run.device_runs.order_by("pk")[0])
    for state in (S.CONNECTING, S.CHECKING, S.SNAPSHOTTING, S.APPLYING):
        with journal.step(state):
            pass
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    journal.hand_back(S.RECONCILING, wait_s=0)
    assert claimable(claimable_device_runs(run.pk)).get().state == S.RECONCILING


def test_failures_that_somebody_has_seen_do_not_pause_the_run_again(cast: Cast) -> None:
    run = started(cast, 4, canary=2, failures_allowed_percent=0)
    canary = [row.device for row in run.device_runs.select_related("device").order_by("pk")[:2]]
    factories.wave_carried_out(run, rejected=canary[:1])
    assert again(run).state == "paused"
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    run_advance(run.pk)
    assert again(run).state == "running"
    factories.wave_carried_out(run, rejected=[])
    assert (again(run).state, again(run).outcome) == ("ended", "partial")


def test_a_plan_that_was_edited_meanwhile_is_not_resumed(cast: Cast) -> None:
    run = started(cast, 1)
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    plan = DevicePlan.objects.get(runs__run=run)
    DevicePlan.objects.filter(pk=plan.pk).update(payload=plan.payload.replace("192.0.2.123", "192.0.2.66"))
    with pytest.raises(PlanIntegrityError):
        run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert again(run).state == "paused"
    assert last_event(run, "change.resume_refused").code == "PLAN_HASH_MISMATCH"


def test_who_resumes_a_run_has_implemented_the_change(cast: Cast) -> None:
    run = started(cast, 1)
    assert cast.implementer.pk not in facts_of(run.change).implementer_ids
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert facts_of(run.change).implementer_ids == {cast.author.pk, cast.implementer.pk}


def test_stopping_after_the_wave_pauses_before_the_next_and_resuming_opens_it(cast: Cast) -> None:
    run = started(cast, 3, canary=1)
    run_stop_after_wave(change_id=run.change_id, actor=actor(cast.implementer), comment="Lunch.")
    assert again(run).state == "running"
    factories.wave_carried_out(run)
    run = again(run)
    assert (run.state, run.code) == ("paused", "STOPPED_AFTER_WAVE")
    assert list(run.waves.order_by("number").values_list("state", flat=True)) == ["held", "pending"]
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert run.waves.get(number=2).state == "working"


def test_an_order_to_stop_after_the_wave_can_be_taken_back(cast: Cast) -> None:
    run = started(cast, 3, canary=1)
    run_stop_after_wave(change_id=run.change_id, actor=actor(cast.implementer))
    with pytest.raises(IllegalTransitionError):
        run_stop_after_wave(change_id=run.change_id, actor=actor(cast.implementer))
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    factories.wave_carried_out(run)
    assert again(run).state == "running"
    with pytest.raises(ConflictError) as last:
        run_stop_after_wave(change_id=run.change_id, actor=actor(cast.implementer))
    assert last.value.code == "no_further_wave"


def test_aborting_skips_what_nobody_has_begun_and_ends_the_run(cast: Cast) -> None:
    run = started(cast, 4, canary=2)
    run = run_abort(change_id=run.change_id, actor=actor(cast.implementer), comment="Wrong VLAN.")
    assert (run.state, run.outcome, run.abort) == ("ended", "aborted", "finish")
    assert states_of(run) == ["skipped"] * 4
    row = run.device_runs.select_related("run__change")[0]
    assert (row.code, row.detail) == ("RUN_ABORTED", "Aborted by implementer: Wrong VLAN.")
    assert again(run).change.state == "review"
    assert last_event(run, "run.aborted").reason == "Aborted by implementer: Wrong VLAN."


def test_a_paused_run_is_aborted_and_a_device_in_flight_is_finished(cast: Cast) -> None:
    run = started(cast, 2)
    first = run.device_runs.order_by("pk")[0]
    journal = taken(first)
    for state in (S.CONNECTING, S.CHECKING):
        with journal.step(state):
            pass
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    run_abort(change_id=run.change_id, actor=actor(cast.implementer), comment="Stop.")
    assert states_of(run) == ["checking", "skipped"]
    for state in (S.SNAPSHOTTING, S.APPLYING, S.VERIFYING, S.SAVING):
        with journal.step(state):
            pass
    journal.end(S.SUCCEEDED)
    run_advance(run.pk)
    assert (again(run).state, again(run).outcome) == ("ended", "partial")


def test_finishing_may_become_backing_out_and_not_the_other_way_round(cast: Cast) -> None:
    run = started(cast, 1)
    with taken(run.device_runs.get()).step(S.CONNECTING):
        pass
    abort: Callable[[str], Run] = lambda way: run_abort(  # noqa: E731 - the same call in two ways
        change_id=run.change_id, actor=actor(cast.implementer), comment="Stop.", in_flight=way
    )
    abort("finish")
    with pytest.raises(IllegalTransitionError):
        abort("finish")
    assert abort("back_out").abort == "back_out"
    for way in ("finish", "back_out"):
        with pytest.raises(IllegalTransitionError):
            abort(way)
    with pytest.raises(IllegalTransitionError):
        run_pause(change_id=run.change_id, actor=actor(cast.implementer))


def test_one_waiting_device_is_skipped_and_the_run_goes_on(cast: Cast) -> None:
    run = started(cast, 2)
    first, second = run.device_runs.order_by("pk")
    device_skip(
        change_id=run.change_id, device_id=first.device_id, actor=actor(cast.implementer), comment="It is on fire."
    )
    first.refresh_from_db()
    assert (first.state, first.code, first.detail) == (
        "skipped",
        "DEVICE_SKIPPED",
        "Skipped by implementer: It is on fire.",
    )
    taken(second)
    for device_id, error in ((first.device_id, ConflictError), (second.device_id, ConflictError)):
        with pytest.raises(error) as refused:
            device_skip(change_id=run.change_id, device_id=device_id, actor=actor(cast.implementer), comment="Too.")
        assert refused.value.code == "device_not_waiting"
    with pytest.raises(ChangeNotFoundError):
        device_skip(change_id=run.change_id, device_id=10**9, actor=actor(cast.implementer), comment="Too.")


def test_the_run_ends_when_its_last_device_is_skipped(cast: Cast) -> None:
    run = started(cast, 1)
    device_skip(
        change_id=run.change_id,
        device_id=run.device_runs.get().device_id,
        actor=actor(cast.implementer),
        comment="Not today.",
    )
    assert (again(run).state, again(run).outcome) == ("ended", "aborted")


def orders(run: Run, who: User) -> dict[str, Callable[[], object]]:
    by = actor(who)
    device_id = run.device_runs.order_by("pk")[0].device_id
    return {
        "pause": lambda: run_pause(change_id=run.change_id, actor=by),
        "stop_after_wave": lambda: run_stop_after_wave(change_id=run.change_id, actor=by),
        "abort": lambda: run_abort(change_id=run.change_id, actor=by, comment="Stop."),
        "skip": lambda: device_skip(change_id=run.change_id, device_id=device_id, actor=by, comment="No."),
    }


@pytest.mark.parametrize("who", ["peer", "approver", "manager", "auditor", "superuser", "outsider"])
def test_who_is_no_implementer_orders_nothing_and_it_is_audited(cast: Cast, who: str) -> None:
    run = started(cast, 2, canary=1)
    for name, order in orders(run, getattr(cast, who)).items():
        with pytest.raises(PolicyDeniedError):
            order()
        assert last_event(run, f"change.{name}_refused").code == "GATE_ROLE_DENIED"
    assert (again(run).state, states_of(run)) == ("running", ["pending"] * 2)


def test_a_comment_is_needed_to_abort_and_to_skip_and_the_way_must_be_known(cast: Cast) -> None:
    run = started(cast, 1)
    by = actor(cast.implementer)
    with pytest.raises(InvalidInputError) as refused:
        run_abort(change_id=run.change_id, actor=by, comment=" ")
    assert list(refused.value.fields) == ["comment"]
    with pytest.raises(InvalidInputError) as refused:
        run_abort(change_id=run.change_id, actor=by, comment="Stop.", in_flight="explode")
    assert list(refused.value.fields) == ["in_flight"]
    with pytest.raises(InvalidInputError):
        device_skip(change_id=run.change_id, device_id=run.device_runs.get().device_id, actor=by, comment="")
    assert again(run).state == "running"


def test_a_change_without_a_run_under_way_takes_no_order(cast: Cast) -> None:
    change = factories.approved(cast, [factories.DeviceFactory.create()])
    with pytest.raises(IllegalTransitionError, match="Possible now: schedule, reopen, expire, start, cancel"):
        run_pause(change_id=change.pk, actor=actor(cast.implementer))
