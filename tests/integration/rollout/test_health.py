"""Promotion by health: each device of a wave is visited once more, read-only, before the next wave may open."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from audit.actor import Actor
from audit.models import Event
from changes.models import Run, WaveCheck
from changes.services.dispatch import dispatch_once
from changes.services.execution import run_advance, run_devices
from changes.services.integrity import PlanSeal
from changes.services.losses import MAX_LOSSES
from changes.services.people import lock_change
from changes.services.run_control import pause
from changes.services.wave_checks import _check, claimable_checks, wave_checks_hand_on
from devices.models import CircuitBreaker, CredentialUse
from devices.services.claims import claim_next
from devices.services.runner import Heartbeat
from devices.services.scrubbing import Scrubber
from tests import factories
from tests.integration.changes.conftest import Office, ends, lab, office, story  # noqa: F401 - fixtures

TEST = Actor.system("test")
CHECK = {
    "name": "NTP is set", "command": "show running-config | include ntp server", "expect": "contains",
    "value": "ntp server 10.0.0.123", "timeout_s": 5,
}  # fmt: skip
HEALTHY: dict[str, Any] = {
    "checks": {"post": [CHECK]},
    "strategy": {"canary": 1, "promote_when": "healthy"},
}


def states(run: Run) -> list[str]:
    return list(run.waves.order_by("number").values_list("state", flat=True))


@pytest.mark.lab
def test_each_device_is_looked_at_once_more_and_nothing_is_written(office: Office) -> None:  # noqa: F811
    run = office.started(office.approved(**HEALTHY))
    run_devices(run.pk)
    assert states(run) == ["checking", "pending"]
    canary = office.lab.device("fra-acc-01")
    before, logged = canary.running_config(), len(canary.log())
    run_devices(run.pk)
    [seen] = WaveCheck.objects.filter(wave__number=1)
    assert (seen.verdict, seen.code, seen.attempts) == ("healthy", "", 1)
    assert [gate["verdict"] for gate in seen.data["gates"] if gate["gate"] in {"identity", "health"}] == ["passed"] * 2
    assert [check["passed"] for check in seen.data["checks"]] == [True]
    assert "> show running-config | include ntp server" in seen.transcript
    assert canary.running_config() == before
    sent = [entry for entry in canary.log()[logged:] if "configure" in str(entry)]
    assert sent == []
    office.worked_on(run)
    assert set(ends(run).values()) == {("succeeded", "")}, story(run)
    assert states(run) == ["held", "held"]
    assert WaveCheck.objects.filter(verdict="healthy").count() == 3
    assert set(CredentialUse.objects.filter(occasion="health").values_list("purpose", flat=True)) == {"read"}
    assert Event.objects.filter(change_id=run.change_id, action="device_run.found_healthy").count() == 3


@pytest.mark.lab
def test_a_device_that_is_no_longer_healthy_stops_promotion(office: Office) -> None:  # noqa: F811
    run = office.started(office.approved(**HEALTHY))
    run_devices(run.pk)
    office.lab.device("fra-acc-01").edit_out_of_band(["no ntp server 10.0.0.123"])
    others = {name: len(office.lab.device(name).log()) for name in ("fra-acc-02", "fra-acc-03")}
    run_devices(run.pk)
    run.refresh_from_db()
    [seen] = WaveCheck.objects.all()
    assert (seen.verdict, seen.code) == ("unhealthy", "POSTCHECK_FAILED")
    assert "It held after the change and fails now: NTP is set" in seen.detail
    assert (run.state, run.code, states(run)) == ("paused", "ABORT_THRESHOLD_HIT", ["checking", "pending"])
    run_devices(run.pk)
    assert {name: len(office.lab.device(name).log()) for name in others} == others, "nobody went near the others"
    event = Event.objects.get(change_id=run.change_id, action="device_run.found_unhealthy")
    assert (event.code, event.object_id) == ("POSTCHECK_FAILED", str(seen.device_run_id))


def checking(devices: int = 3) -> Run:
    strategy = {"batch_cap": 2, "promote_when": "healthy", "failures_allowed": 1}
    run = factories.started(factories.Cast.create(), factories.DeviceFactory.create_batch(devices), strategy=strategy)
    factories.wave_carried_out(run)
    assert states(run)[0] == "checking"
    return run


def test_a_device_that_failed_is_not_visited_and_both_kinds_of_failure_count(db: None) -> None:
    run = factories.started(
        factories.Cast.create(),
        factories.DeviceFactory.create_batch(3),
        strategy={"batch_cap": 2, "promote_when": "healthy", "failures_allowed": 1},
    )
    first = run.device_runs.filter(wave__number=1).first()
    assert first
    factories.wave_carried_out(run, rejected=[first.device])
    [open_visit] = WaveCheck.objects.all()
    assert open_visit.device_run_id != first.pk
    WaveCheck.objects.update(verdict="unhealthy", code="PRECHECK_STATE_UNHEALTHY")
    run_advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.detail[:29]) == ("paused", "2 of 3 devices have failed; t")


def test_one_unhealthy_device_within_the_budget_is_borne(db: None) -> None:
    run = checking()
    first = WaveCheck.objects.order_by("pk").first()
    assert first
    WaveCheck.objects.exclude(pk=first.pk).update(verdict="healthy")
    run_advance(run.pk)
    assert states(run) == ["checking", "pending"], "not before the last visit"
    WaveCheck.objects.filter(pk=first.pk).update(verdict="unhealthy")
    run_advance(run.pk)
    assert states(run) == ["held", "working"]


def test_a_device_that_an_open_breaker_holds_back_is_looked_at_later(db: None) -> None:
    run, now = checking(), timezone.now()
    CircuitBreaker.objects.create(
        kind="site", name="FRA", state="open", failures=5, opened_at=now, open_until=now + timedelta(seconds=60)
    )
    claim = claim_next(claimable_checks(run.pk), owner=uuid.uuid4())
    assert claim
    _check(PlanSeal(run), Scrubber.load(), claim, Heartbeat(WaveCheck, claim.owner))
    row = WaveCheck.objects.get(pk=claim.row_id)
    assert (row.verdict, row.code, row.owner, row.attempts) == ("", "", None, 0), "nobody looked, so nothing was found"
    assert row.not_before
    assert row.not_before > now + timedelta(seconds=30)


def test_a_lost_workers_visit_is_made_again_and_given_up_at_last(db: None) -> None:
    run = checking()
    for loss in range(1, MAX_LOSSES + 1):
        claim = claim_next(claimable_checks(run.pk), owner=uuid.uuid4())
        assert claim
        assert wave_checks_hand_on() == 0, "its lease still runs"
        WaveCheck.objects.filter(pk=claim.row_id).update(lease_until=Now())
        assert dispatch_once().recovered == 1
        row = WaveCheck.objects.get(pk=claim.row_id)
        assert (row.owner, row.losses, row.fence) == (None, loss, claim.fence + 1)
    assert (row.verdict, row.code) == ("unhealthy", "LEASE_LOST")
    assert not claimable_checks(run.pk).filter(pk=row.pk).exists()
    assert Event.objects.get(action="device_run.found_unhealthy").code == "LEASE_LOST"


def test_no_visit_is_made_while_the_run_is_paused(db: None) -> None:
    run = checking()
    assert claimable_checks(run.pk).count() == 2
    pause(lock_change(run.change_id), Run.objects.get(pk=run.pk), actor=TEST, code="X", detail="Wait.")
    assert not claimable_checks(run.pk).exists()
