"""From wave to wave on real rows: sizes, budget, soak and cooldown, the human gate's end, clashes, tampering."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.actor import Actor
from audit.models import Event
from changes.domain.run_states import DeviceRunState
from changes.domain.states import DevicePlanState
from changes.domain.strategy import InFlight, Strategy
from changes.models import ChangeRequest, DevicePlan, DeviceRun, Run, Wave
from changes.services import wave_progress
from changes.services.device_work import gather
from changes.services.dispatch import dispatch_once
from changes.services.execution import _claim_device_runs, change_start, claimable_device_runs, run_advance
from changes.services.integrity import PlanSeal
from changes.services.journal import BlockedError, Journal
from changes.services.kill_switch import kill_switch_engage
from changes.services.people import lock_change
from changes.services.rollout import waves_settle
from changes.services.run_control import abort
from changes.services.run_orders import device_skip, run_abort, run_pause, run_resume
from changes.services.wave_gate import wave_release
from changes.services.wave_progress import _Progress
from devices.models import Device
from devices.services.claims import claim_next
from devices.services.scrubbing import Scrubber
from tests import factories

TEST = Actor.system("test")


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def started(cast: factories.Cast, devices: int, **strategy: object) -> Run:
    return factories.started(cast, factories.DeviceFactory.create_batch(devices), strategy=strategy)


def states(run: Run) -> list[str]:
    return list(run.waves.order_by("number").values_list("state", flat=True))


def later(run: Run, column: str, seconds: float) -> None:
    """Let so many seconds pass since a wave's time, for the database that keeps it."""
    Wave.objects.filter(run=run).update(**{column: F(column) - timedelta(seconds=seconds)})


def advanced(run: Run) -> Run:
    run_advance(run.pk)
    run.refresh_from_db()
    return run


def devices_of(run: Run, wave: int) -> list[Device]:
    return [row.device for row in run.device_runs.filter(wave__number=wave).select_related("device").order_by("pk")]


def events(run: Run, action: str) -> int:
    return Event.objects.filter(change_id=run.change_id, action=action).count()


def test_the_canary_comes_first_and_batches_open_one_after_the_other(cast: factories.Cast) -> None:
    run = started(cast, 7, canary=1, batch_percent=50)
    assert [run.device_runs.filter(wave__number=number).count() for number in (1, 2, 3)] == [1, 4, 2]
    seen = []
    for working in (["working", "pending", "pending"], ["held", "working", "pending"], ["held", "held", "working"]):
        assert states(run) == working
        seen.append(factories.wave_carried_out(run))
    assert [len(names) for names in seen] == [1, 4, 2]
    assert len({name for names in seen for name in names}) == 7
    assert (run.state, run.outcome, states(run)) == ("ended", "succeeded", ["held"] * 3)
    assert (events(run, "wave.opened"), events(run, "wave.held")) == (3, 3)


def test_the_scope_is_that_of_the_approval_whatever_matches_since(cast: factories.Cast) -> None:
    devices = factories.DeviceFactory.create_batch(2)
    change = factories.approved(cast, devices)
    factories.DeviceFactory.create()  # it matches the filter of the change's targets, too
    ChangeRequest.objects.filter(pk=change.pk).update(targets={"filter": {}})
    run = change_start(change_id=change.pk, implementer=factories.actor(cast.author))
    assert set(run.device_runs.values_list("device", flat=True)) == {device.pk for device in devices}


def test_no_more_are_worked_on_at_once_than_was_signed_in_a_site_and_in_all(cast: factories.Cast) -> None:
    sites = ["FRA", "FRA", "FRA", "MUC", "MUC", "BER"]
    devices = [factories.DeviceFactory.create(site=site) for site in sites]
    run = factories.started(cast, devices, strategy={"max_parallel": 4, "max_parallel_per_site": 2})
    owner, strategy = uuid.uuid4(), Strategy.of(run.strategy)
    claims = _claim_device_runs(run, strategy, True, owner, 10)
    held = run.device_runs.filter(owner=owner)
    assert sorted(held.values_list("device__site", flat=True)) == ["FRA", "FRA", "MUC", "MUC"]
    assert _claim_device_runs(run, strategy, True, uuid.uuid4(), 10) == [], "runners share the limits"
    Journal(claims[0]).end(DeviceRunState.SKIPPED, code="DEVICE_SKIPPED", detail="Not today.")
    [more] = _claim_device_runs(run, strategy, True, owner, 10)
    assert DeviceRun.objects.get(pk=more.row_id).device.site == "FRA"


@pytest.mark.parametrize(("allowed", "percent", "failed"), [(0, 0, 1), (1, 0, 2), (0, 25, 2), (1, 50, 3)])
def test_failures_beyond_the_budget_pause_and_those_within_do_not(
    cast: factories.Cast, allowed: int, percent: int, failed: int
) -> None:
    run = started(cast, 6, batch_percent=50, failures_allowed=allowed, failures_allowed_percent=percent)
    first = devices_of(run, 1)
    factories.wave_carried_out(run, rejected=first[:failed])
    spent = failed > max(allowed, 6 * percent // 100)
    assert spent == (run.state == "paused")
    run.change.refresh_from_db()
    if spent:
        assert (run.code, run.change.state) == ("ABORT_THRESHOLD_HIT", "paused")
        assert f"{failed} of 6 devices ha" in run.detail
        assert not claimable_device_runs(run.pk).exists()
        advanced(run)
        assert states(run) == ["working", "pending"], "time alone lets no paused run go on"
    else:
        assert states(run) == ["held", "working"]


def test_by_default_the_first_failed_device_pauses_the_run(cast: factories.Cast) -> None:
    run = started(cast, 4, batch_percent=50)
    factories.wave_carried_out(run, rejected=devices_of(run, 1)[:1])
    assert (run.state, run.code, states(run)) == ("paused", "ABORT_THRESHOLD_HIT", ["working", "pending"])
    assert run.detail == "1 of 4 devices has failed; the strategy bears 0. Nothing new is started."


def test_a_canary_bears_no_failure_whatever_the_budget_is(cast: factories.Cast) -> None:
    run = started(cast, 6, canary=2, failures_allowed=3, failures_allowed_percent=100)
    factories.wave_carried_out(run, rejected=devices_of(run, 1)[:1])
    assert (run.state, run.code, states(run)) == ("paused", "ABORT_THRESHOLD_HIT", ["working", "pending"])
    assert "1 of them in the canary, which bears no failure" in run.detail
    run_resume(change_id=run.change_id, actor=factories.actor(cast.implementer))
    assert states(run) == ["held", "working"], "a person has decided; from here on the budget counts"
    factories.wave_carried_out(run, rejected=devices_of(run, 2)[:2])
    assert (run.state, run.outcome) == ("ended", "partial")


def test_a_canary_that_fails_right_after_the_budget_was_looked_at_opens_nothing(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1)
    progress = _Progress(run.change, Run.objects.get(pk=run.pk))
    assert not progress.budget_is_spent()
    factories.wave_carried_out(run, rejected=devices_of(run, 1), advance=False)
    for wave in run.waves.order_by("number")[:1]:
        progress.carry_on(wave)
    assert states(run) == ["soaking", "pending"]
    assert (advanced(run).state, run.code) == ("paused", "ABORT_THRESHOLD_HIT")


def test_a_canary_that_was_skipped_has_shown_nothing_and_a_person_decides(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1)
    [canary], by = devices_of(run, 1), factories.actor(cast.implementer)
    device_skip(change_id=run.change_id, device_id=canary.pk, actor=by, comment="In repair.")
    run.refresh_from_db()
    assert (run.state, run.code, states(run)) == ("paused", "PROMOTION_CRITERIA_UNMET", ["held", "pending"])
    assert run.waves.get(number=1).detail == "No device of Canary has the change, so it has shown nothing."
    run_resume(change_id=run.change_id, actor=by)
    assert states(run) == ["held", "working"]


def test_a_later_wave_whose_devices_were_all_skipped_holds_nothing_up(cast: factories.Cast) -> None:
    run = started(cast, 4, canary=1, batch_cap=1)
    for device in devices_of(run, 2):
        by = factories.actor(cast.implementer)
        device_skip(change_id=run.change_id, device_id=device.pk, actor=by, comment="In repair.")
    factories.wave_carried_out(run)
    assert states(run) == ["held", "held", "working", "pending"]


def test_a_run_with_nothing_left_to_start_ends_and_its_last_wave_has_not_held(cast: factories.Cast) -> None:
    run = started(cast, 3)
    factories.wave_carried_out(run, rejected=devices_of(run, 1)[:1])
    assert (run.state, run.outcome, run.code) == ("ended", "partial", "")
    wave = run.waves.get()
    assert (wave.state, wave.code) == ("stopped", "ABORT_THRESHOLD_HIT")
    assert events(run, "wave.stopped") == 1


def test_a_spent_budget_may_end_the_run_and_nothing_else_is_touched(cast: factories.Cast) -> None:
    run = started(cast, 5, canary=1, failures_allowed_percent=0, on_budget_spent="abort")
    factories.wave_carried_out(run, rejected=devices_of(run, 1))
    advanced(run)
    run.change.refresh_from_db()
    assert (run.state, run.outcome, run.change.state) == ("ended", "rolled_back", "review")
    assert states(run) == ["stopped", "stopped"]
    skipped = run.device_runs.filter(wave__number=2)
    assert set(skipped.values_list("state", "code", "lines_sent")) == {("skipped", "ABORT_THRESHOLD_HIT", 0)}


def test_an_abort_skips_what_waits_and_lets_a_claimed_device_end(cast: factories.Cast) -> None:
    run = started(cast, 4, batch_percent=50)
    claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert claim
    change = lock_change(run.change_id)
    abort(change, Run.objects.get(pk=run.pk), InFlight.FINISH, actor=TEST, code="ABORTED", detail="Enough.")
    assert sorted(run.device_runs.values_list("state", flat=True)) == ["pending", "skipped", "skipped", "skipped"]
    assert (advanced(run).state, states(run)) == ("running", ["working", "stopped"])
    Journal(claim).end(DeviceRunState.FAILED, code="TIMEOUT", detail="It did not answer.")
    assert (advanced(run).state, states(run)) == ("ended", ["stopped", "stopped"])


def test_soak_and_cooldown_are_waited_for_by_the_databases_clock(
    cast: factories.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(cast, 3, canary=1, soak_s=60, cooldown_s=30)
    factories.wave_carried_out(run)
    with monkeypatch.context() as host:
        ahead = timezone.now() + timedelta(days=2)
        host.setattr(timezone, "now", lambda: ahead)
        advanced(run)
    assert states(run) == ["soaking", "pending"], "a host whose clock is fast opens nothing"
    later(run, "worked_at", 59)
    assert states(advanced(run)) == ["soaking", "pending"]
    later(run, "worked_at", 2)
    assert states(advanced(run)) == ["held", "pending"]
    later(run, "judged_at", 29)
    assert states(advanced(run)) == ["held", "pending"]
    later(run, "judged_at", 2)
    assert states(advanced(run)) == ["held", "working"]


def test_a_gate_that_nobody_answers_ends_the_run_and_never_lets_it_go_on(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1, gate="after_canary", gate_timeout_s=60)
    factories.wave_carried_out(run)
    assert states(run) == ["waiting", "pending"]
    later(run, "gate_until", 58)
    assert states(advanced(run)) == ["waiting", "pending"]
    later(run, "gate_until", 3)
    advanced(run)
    assert (run.state, run.code, run.outcome, states(run)) == ("ended", "GATE_TIMEOUT", "partial", ["stopped"] * 2)
    assert set(run.device_runs.filter(wave__number=2).values_list("state", "code")) == {("skipped", "GATE_TIMEOUT")}


def test_the_time_of_a_gate_goes_on_while_the_run_is_paused(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1, gate="after_canary", gate_timeout_s=60)
    factories.wave_carried_out(run)
    run_pause(change_id=run.change_id, actor=factories.actor(cast.implementer))
    dispatch_once()
    assert (states(run), advanced(run).state) == (["waiting", "pending"], "paused")
    later(run, "gate_until", 61)
    assert dispatch_once().finished == 1
    run.refresh_from_db()
    assert (run.state, run.code, states(run)) == ("ended", "GATE_TIMEOUT", ["stopped"] * 2)
    assert events(run, "run.aborted") == 1


def test_a_gate_can_be_answered_while_the_run_is_paused(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1, gate="after_canary", gate_role="change-manager")
    factories.wave_carried_out(run)
    run_pause(change_id=run.change_id, actor=factories.actor(cast.implementer))
    wave_release(change_id=run.change_id, wave=1, actor=factories.actor(cast.manager))
    assert (states(run), advanced(run).state) == (["held", "pending"], "paused")
    run_resume(change_id=run.change_id, actor=factories.actor(cast.implementer))
    assert states(run) == ["held", "working"]


def test_what_is_given_back_in_the_moment_of_an_abort_is_skipped(cast: factories.Cast) -> None:
    run = started(cast, 2)
    run_abort(change_id=run.change_id, actor=factories.actor(cast.implementer), comment="Stop.")
    row = run.device_runs.order_by("pk")[0]
    other = started(cast, 2)
    kept = other.device_runs.order_by("pk")[0]
    claim = claim_next(claimable_device_runs(other.pk), owner=uuid.uuid4())
    assert (row.state, claim and claim.row_id) == ("skipped", kept.pk)
    run_abort(change_id=other.change_id, actor=factories.actor(cast.implementer), comment="Stop.")
    DeviceRun.objects.filter(pk=kept.pk).update(owner=None, lease_until=None)
    kill_switch_engage(actor=factories.actor(cast.implementer), reason="Nobody may claim it meanwhile.")
    dispatch_once()
    other.refresh_from_db()
    assert (other.state, other.outcome) == ("ended", "aborted")


def test_a_redundancy_pair_that_the_inventory_declares_later_pauses_before_its_wave(cast: factories.Cast) -> None:
    run = started(cast, 5, canary=1)
    pair = [device.pk for device in devices_of(run, 2)[:2]]
    Device.objects.filter(pk__in=pair).update(redundancy_group="fra-dist")
    factories.wave_carried_out(run)
    assert (run.state, run.code, states(run)) == ("paused", "PLAN_STALE", ["held", "pending"])
    assert "group fra-dist" in run.detail
    assert events(run, "wave.opened") == 1


def test_a_pair_in_a_wave_that_is_done_holds_nothing_up(cast: factories.Cast) -> None:
    run = started(cast, 5, canary=2)
    Device.objects.filter(pk__in=[device.pk for device in devices_of(run, 1)]).update(redundancy_group="fra-dist")
    factories.wave_carried_out(run)
    assert (run.state, states(run)) == ("running", ["held", "working"])


def test_both_uplinks_of_a_device_are_never_in_one_wave(cast: factories.Cast) -> None:
    devices = factories.DeviceFactory.create_batch(4)
    factories.DeviceFactory.create(site="MUC", uplinks=[devices[1].name, devices[2].name])
    Device.objects.filter(pk__in=[devices[0].pk, devices[3].pk]).update(redundancy_group="fra-core")
    run = factories.started(cast, [Device.objects.get(pk=device.pk) for device in devices])
    assert [[device.pk for device in devices_of(run, number)] for number in (1, 2)] == [
        [devices[0].pk, devices[1].pk],
        [devices[2].pk, devices[3].pk],
    ]


def test_a_device_that_was_moved_to_another_wave_is_refused(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1)
    first = run.waves.get(number=1)
    row = run.device_runs.filter(wave__number=2).first()
    assert row
    DeviceRun.objects.filter(pk=row.pk).update(wave=first)
    claim = claim_next(claimable_device_runs(run.pk).filter(pk=row.pk), owner=uuid.uuid4())
    assert claim
    scrub = Scrubber.load()
    moved = DeviceRun.objects.select_related("device", "device_plan__revision", "wave").get(pk=row.pk)
    with pytest.raises(BlockedError, match="another wave") as refused:
        gather(moved, seal=PlanSeal(run), journal=Journal(claim, scrub), scrub=scrub, on_driver=lambda _driver: None)
    assert refused.value.code == "PLAN_HASH_MISMATCH"


def test_a_strategy_that_was_edited_after_approval_opens_no_further_wave(cast: factories.Cast) -> None:
    run = started(cast, 3, canary=1)
    plan = DevicePlan.objects.filter(revision=run.revision, wave=2).first()
    assert plan
    DevicePlan.objects.filter(pk=plan.pk).update(payload=plan.payload.replace('"canary":1', '"canary":3'))
    factories.wave_carried_out(run)
    assert (run.state, run.code, states(run)) == ("paused", "PLAN_HASH_MISMATCH", ["held", "pending"])


def test_a_canary_that_is_already_as_wanted_is_replaced(cast: factories.Cast) -> None:
    devices = factories.DeviceFactory.create_batch(4)
    change = factories.draft(cast.author, strategy={"canary": 1, "batch_percent": 50})
    revision = factories.ready_plan(change, devices)
    plans = DevicePlan.objects.filter(revision=revision).order_by("position")
    before = {plan.pk: plan.digest for plan in plans}
    assert [plan.wave for plan in plans] == [1, 2, 2, 3]
    DevicePlan.objects.filter(pk=plans[0].pk).update(state=DevicePlanState.UNCHANGED)
    waves_settle(revision)
    changed = list(plans.all().filter(state=DevicePlanState.READY))
    assert [plan.wave for plan in changed] == [1, 2, 2]
    assert [plan.content.strategy["wave"] for plan in changed] == [1, 2, 2], "the signed bytes say it too"
    assert [plan.digest == before[plan.pk] for plan in changed] == [False, True, False]


def test_a_dispatcher_that_dies_between_two_steps_leaves_no_step_half_done(
    cast: factories.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(cast, 3, canary=1)

    class Died(BaseException):
        pass

    def die(_run_id: int, **_: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(wave_progress, "ring_runners", die)
        with pytest.raises(Died):
            factories.wave_carried_out(run)
    assert states(run) == ["working", "pending"], "all of the round is gone, not a half of it"
    assert dispatch_once().finished == 0
    assert states(run) == ["held", "working"]
    assert (events(run, "wave.opened"), events(run, "wave.held")) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_two_dispatchers_at_once_take_each_step_once(transactional_db: None) -> None:
    run = started(factories.Cast.create(), 3, canary=1)
    factories.wave_carried_out(run, advance=False)
    barrier = threading.Barrier(2)

    def round_of(_number: int) -> bool:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=10)
            return run_advance(run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(round_of, range(2))) == [False, False]
    assert states(run) == ["held", "working"]
    assert (events(run, "wave.opened"), events(run, "wave.held")) == (2, 1)
