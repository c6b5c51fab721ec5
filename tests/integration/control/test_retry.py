"""Trying failed devices again, and only those of which it is proved that they hold nothing of the change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.run_states import DeviceRunState
from changes.domain.states import IllegalTransitionError
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import ChangeRequest, DeviceRun, Run
from changes.services.device_work import gather
from changes.services.execution import claimable_device_runs, run_advance
from changes.services.integrity import PlanSeal
from changes.services.journal import Journal
from changes.services.kill_switch import kill_switch_engage
from changes.services.outcomes import change_outcome
from changes.services.retrying import run_retry
from changes.services.review import change_close
from changes.services.run_orders import device_skip, run_abort, run_pause, run_resume
from changes.services.scheduling import change_schedule
from changes.services.wave_gate import wave_refuse, wave_release
from devices.models import Device, SnapshotPurpose
from devices.services.scrubbing import Scrubber
from devices.services.snapshots import snapshot_store
from tests import factories
from tests.factories import Cast, actor
from tests.integration.control.conftest import again, started, states_of, taken

S = DeviceRunState


def devices_of(run: Run) -> list[Device]:
    return [row.device for row in run.device_runs.select_related("device").order_by("pk")]


def paused_after_a_failure(cast: Cast, **strategy: object) -> Run:
    """Two waves; the only device of the canary was backed out, and the budget of none paused the run."""
    run = started(cast, 3, canary=1, **strategy)
    factories.wave_carried_out(run, rejected=devices_of(run)[:1])
    assert (again(run).state, states_of(run)) == ("paused", ["rolled_back", "pending", "pending"])
    return again(run)


def retry(cast: Cast, run: Run, devices: Sequence[Device] | None = None) -> Run:
    ids = None if devices is None else [device.pk for device in devices]
    return run_retry(change_id=run.change_id, actor=actor(cast.implementer), device_ids=ids)


def test_a_failed_device_of_a_paused_run_goes_through_its_wave_again(cast: Cast) -> None:
    run = paused_after_a_failure(cast)
    assert retry(cast, run).state == "paused"
    row = run.device_runs.order_by("pk")[0]
    assert (row.state, row.code, row.detail, row.lines_sent, row.before, row.ended_at) == (
        "pending", "", "", 0, None, None,
    )  # fmt: skip
    assert row.goal_step == row.steps.count() == 5
    event = Event.objects.filter(object_type="device_run", object_id=str(row.pk)).latest("id")
    assert (event.action, event.state_from, event.state_to) == ("device_run.retried", "rolled_back", "pending")
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert factories.wave_carried_out(run) == [row.device.name]
    assert len(factories.wave_carried_out(run)) == 2
    assert (again(run).state, again(run).outcome) == ("ended", "succeeded")


def test_the_next_wave_waits_until_the_retried_device_has_ended(cast: Cast) -> None:
    run = started(cast, 3, canary=1)
    canary, *others = devices_of(run)
    factories.wave_carried_out(run, rejected=[canary])
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert list(run.waves.order_by("number").values_list("state", flat=True)) == ["held", "working"]
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    retry(cast, run, [canary])
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert list(run.waves.order_by("number").values_list("state", flat=True)) == ["working", "working"]
    assert factories.wave_carried_out(run) == [canary.name]
    assert factories.wave_carried_out(run) == [device.name for device in others]
    assert again(run).outcome == "succeeded"


def test_steps_of_the_earlier_attempt_say_nothing_about_the_present_one(cast: Cast) -> None:
    run = paused_after_a_failure(cast)
    retry(cast, run)
    row = run.device_runs.select_related(
        "device",
        "device_plan__revision",
        "device_plan__baseline__blob",
        "run__change__revision",
        "wave",
        "before__blob",
    ).order_by("pk")[0]
    scrub = Scrubber.load()
    claim = taken(row).claim
    work = gather(row, seal=PlanSeal(run), journal=Journal(claim, scrub), scrub=scrub, on_driver=lambda _driver: None)
    assert row.steps.filter(name=S.BACKING_OUT).exists()
    assert not work.steps(S.BACKING_OUT, S.APPLYING, S.CHECKING).exists()


def test_nothing_is_retried_while_devices_are_worked_on(cast: Cast) -> None:
    run = started(cast, 2)
    first, second = run.device_runs.order_by("pk")
    device_skip(change_id=run.change_id, device_id=first.device_id, actor=actor(cast.implementer), comment="No.")
    with taken(second).step(S.CONNECTING):
        pass
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    with pytest.raises(ConflictError) as refused:
        run_retry(change_id=run.change_id, actor=actor(cast.implementer), device_ids=[first.device_id])
    assert (refused.value.code, "1 device is" in str(refused.value)) == ("devices_in_flight", True)


def test_what_a_person_skipped_is_only_retried_by_name(cast: Cast) -> None:
    run = started(cast, 2)
    first = run.device_runs.order_by("pk")[0]
    device_skip(change_id=run.change_id, device_id=first.device_id, actor=actor(cast.implementer), comment="No.")
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    with pytest.raises(ConflictError) as refused:
        retry(cast, run)
    assert refused.value.code == "nothing_to_retry"
    retry(cast, run, [first.device])
    assert states_of(run) == ["pending", "pending"]


@pytest.mark.parametrize("spoil", ["unknown", "rollback_failed", "unproved", "rolled_back_on_purpose"])
def test_what_may_hold_a_part_of_the_change_is_never_retried(cast: Cast, spoil: str) -> None:
    run = paused_after_a_failure(cast)
    row = run.device_runs.select_related("device").order_by("pk")[0]
    values: dict[str, object] = {"state": spoil}
    if spoil == "unproved":
        after = snapshot_store(device=row.device, text="hostname other\n", purpose=SnapshotPurpose.AFTER)
        values = {"after": after}
    elif spoil == "rolled_back_on_purpose":
        values = {"goal": "roll_back"}
    with_event(row, values)
    for devices in (None, [row.device]):
        with pytest.raises(ConflictError) as refused:
            retry(cast, run, devices)
        assert refused.value.code == ("RETRY_NOT_PROVED" if devices else "nothing_to_retry")


def with_event(row: DeviceRun, values: dict[str, object]) -> None:
    """Set a row as only a fault could have left it, with the event that the database asks for."""
    from audit.actor import Actor
    from changes.services.device_events import audit_device_run

    state = str(values.get("state", row.state))
    DeviceRun.objects.filter(pk=row.pk).update(**values)
    row = DeviceRun.objects.select_related("run__change", "device").get(pk=row.pk)
    audit_device_run(row, actor=Actor.system("test"), state_from="rolled_back", state_to=state)


def test_after_the_run_a_new_one_takes_up_what_failed_with_the_same_plan(cast: Cast) -> None:
    run = started(cast, 3, canary=1)
    failed = devices_of(run)[1]
    factories.wave_carried_out(run)
    factories.wave_carried_out(run, rejected=[failed])
    assert (again(run).state, again(run).change.state, again(run).outcome) == ("ended", "review", "partial")
    second = retry(cast, run)
    assert second.pk != run.pk
    assert (second.plan_digest, second.device_count, second.started_by) == (run.plan_digest, 1, cast.implementer)
    assert [(wave.number, wave.name) for wave in second.waves.all()] == [(2, "Wave 2")]
    assert again(second).change.state == "implementing"
    factories.wave_carried_out(second)
    assert (again(second).outcome, change_outcome(again(run).change)) == ("succeeded", "succeeded")
    with pytest.raises(ConflictError, match="No device of the run is left"):
        retry(cast, run)


def refused_at_the_gate(cast: Cast) -> Run:
    """Two waves; the canary succeeded, and the change manager let the run go no further."""
    run = started(cast, 3, canary=1, gate="after_canary", gate_role="change-manager")
    factories.wave_carried_out(run)
    wave_refuse(change_id=run.change_id, wave=1, actor=actor(cast.manager), comment="Phones are down.")
    assert (again(run).state, states_of(run)) == ("ended", ["succeeded", "skipped", "skipped"])
    return again(run)


def test_a_retry_does_not_get_past_a_gate_that_nobody_opened(cast: Cast) -> None:
    run = refused_at_the_gate(cast)
    second = retry(cast, run)
    assert list(second.waves.values_list("number", "name", "state")) == [
        (1, "Canary", "waiting"),
        (2, "Wave 2", "pending"),
    ]
    assert not claimable_device_runs(second.pk).exists()
    page = Client()
    page.force_login(cast.implementer)
    assert "Canary" in page.get(f"/changes/{run.change_id}/runs/{second.pk}/").content.decode()
    shown = page.get(f"/api/v1/runs/{second.pk}/").json()["waves"]
    assert [(wave["devices"], wave["state"]) for wave in shown] == [(0, "waiting"), (2, "pending")]
    with pytest.raises(PolicyDeniedError):
        wave_release(change_id=run.change_id, wave=1, actor=actor(cast.implementer))
    wave_release(change_id=run.change_id, wave=1, actor=actor(cast.manager))
    factories.wave_carried_out(second, rejected=devices_of(second)[:1])
    assert again(second).state == "ended"
    third = retry(cast, run)
    assert list(third.waves.values_list("number", "state")) == [(2, "working")], (
        "it was opened once, so it may be again"
    )


def test_a_retry_does_not_get_past_a_canary_that_failed(cast: Cast) -> None:
    run = paused_after_a_failure(cast)
    run_abort(change_id=run.change_id, actor=actor(cast.implementer), comment="Not today.")
    canary, *others = devices_of(run)
    second = retry(cast, run, others)
    assert (second.state, second.code) == ("paused", "PROMOTION_CRITERIA_UNMET")
    assert not claimable_device_runs(second.pk).exists()
    run_abort(change_id=run.change_id, actor=actor(cast.implementer), comment="The canary first.")
    third = retry(cast, run)
    assert factories.wave_carried_out(third) == [canary.name]
    assert set(factories.wave_carried_out(third)) == {device.name for device in others}
    assert change_outcome(again(run).change) == "succeeded"


def test_the_window_and_a_new_one_hold_for_a_retry(cast: Cast) -> None:
    run = started(cast, 2)
    factories.wave_carried_out(run, rejected=devices_of(run)[:1])
    by, now = actor(cast.implementer), timezone.now()
    over = {"window_start": now - timedelta(hours=2), "window_end": now - timedelta(hours=1)}
    ChangeRequest.objects.filter(pk=run.change_id).update(**over)
    with pytest.raises(ConflictError, match="window is over") as refused:
        run_retry(change_id=run.change_id, actor=by)
    assert refused.value.code == "PRECHECK_WINDOW_CLOSED"
    data = {"window_start": now.isoformat(), "window_end": (now + timedelta(hours=1)).isoformat()}
    change_schedule(change_id=run.change_id, actor=actor(cast.manager), data=data)
    assert run_retry(change_id=run.change_id, actor=by).state == "running"


def test_a_retry_that_succeeded_does_not_hide_what_failed_elsewhere(cast: Cast) -> None:
    run = started(cast, 3)
    failed = devices_of(run)[:2]
    factories.wave_carried_out(run, rejected=failed)
    second = retry(cast, run, failed[:1])
    factories.wave_carried_out(second)
    assert again(second).outcome == "succeeded"
    assert change_outcome(again(run).change) == "partial"
    with pytest.raises(InvalidInputError, match="cannot be closed as successful"):
        change_close(change_id=run.change_id, manager=actor(cast.manager), close_code="successful")


def test_a_closed_change_a_stranger_and_the_kill_switch_are_refused(cast: Cast) -> None:
    run = started(cast, 2)
    factories.wave_carried_out(run, rejected=devices_of(run)[:1])
    with pytest.raises(InvalidInputError):
        run_retry(change_id=run.change_id, actor=actor(cast.implementer), device_ids=[10**9])
    with pytest.raises(PolicyDeniedError):
        run_retry(change_id=run.change_id, actor=actor(cast.peer))
    change_close(
        change_id=run.change_id, manager=actor(cast.manager), close_code="successful_with_issues", comment="One left."
    )
    with pytest.raises(IllegalTransitionError):
        retry(cast, run)
    other = started(cast, 1)
    factories.wave_carried_out(other, rejected=devices_of(other))
    kill_switch_engage(actor=actor(cast.manager), reason="Stop.")
    with pytest.raises(ConflictError) as refused:
        retry(cast, other)
    assert refused.value.code == "KILL_SWITCH_ENGAGED"
    assert not run_advance(other.pk)
