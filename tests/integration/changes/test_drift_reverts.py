"""Drift beside change requests: what a signed change makes expected, and how drift is taken back by one."""

from __future__ import annotations

import pytest

from audit.models import Event
from changes.errors import PolicyDeniedError
from changes.models import ChangeRequest
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.drift_reverts import drift_revert
from changes.services.requests import change_cancel, change_submit
from devices.errors import OutdatedError
from devices.models import ConfigState, Device, DriftRecord
from devices.services.backups import backup_start, backup_work
from devices.services.drift import drift_evaluate
from tests.factories import PersonFactory, actor
from tests.integration.changes.conftest import SETUP, Office

pytestmark = pytest.mark.lab


def actions(drift: DriftRecord) -> list[str]:
    events = Event.objects.filter(object_type="drift", object_id=str(drift.pk)).order_by("pk")
    return list(events.values_list("action", flat=True))


def back_up(name: str) -> None:
    run = backup_start(filters={"name": name}, actor=SETUP)
    while backup_work(run.pk):
        pass


def test_signed_change_is_expected_and_what_was_drift_before_it_stays_drift(office: Office) -> None:
    name = "fra-acc-01"
    device = Device.objects.get(name=name)
    back_up(name)
    office.lab.device(name).edit_out_of_band(["ip http server"])
    office.executed(office.approved(targets={"device_ids": [device.pk]}))
    back_up(name)
    [drift] = DriftRecord.objects.filter(device=device)
    assert (drift.state, drift.drift_class, drift.unauthorized) == ("open", "critical", True)
    assert drift.lines_added + drift.lines_removed <= 2
    state = ConfigState.objects.get(device=device)
    assert (state.baseline_origin, state.baseline_note) == ("change", ChangeRequest.objects.get().number)


def test_drift_is_reverted_by_a_change_that_others_approve_and_closes_by_itself(office: Office) -> None:
    name = "fra-acc-02"
    device = Device.objects.get(name=name)
    back_up(name)
    before = office.lab.device(name).running_config()
    office.lab.device(name).edit_out_of_band(["ntp server 192.0.2.66", "logging host 192.0.2.67"])
    back_up(name)
    drift = DriftRecord.objects.get(device=device)
    with pytest.raises(PolicyDeniedError):
        drift_revert(drift_id=drift.pk, author=office.people["maria"])
    given_up = drift_revert(drift_id=drift.pk, author=office.people["olivia"])
    with pytest.raises(OutdatedError):
        drift_revert(drift_id=drift.pk, author=office.people["olivia"])
    change_cancel(change_id=given_up.pk, actor=office.people["olivia"], comment="Another one is better.")
    snapshot = drift.found_id
    drift_evaluate(device_id=device.pk, snapshot_id=snapshot)
    drift.refresh_from_db()
    assert drift.state == "open"
    change = drift_revert(drift_id=drift.pk, author=office.people["olivia"])
    assert change.drift_revert.drift == drift
    revision = office.planned(change)
    assert revision.state == "ready", revision.detail
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    for person, decide in (("pete", change_assess), ("ana", change_approve)):
        plan_open(revision=revision, actor=office.people[person])
        decide(change_id=change.pk, approver=office.people[person], plan_digest=revision.digest)
    change.refresh_from_db()
    office.executed(change)
    assert office.lab.device(name).running_config() == before
    back_up(name)
    drift.refresh_from_db()
    assert (drift.state, actions(drift)) == (
        "reverted",
        [
            "drift.found",
            "drift.revert_refused",  # maria is no requester
            "drift.revert_requested",
            "drift.revert_refused",  # it is being reverted already
            "drift.reopened",
            "drift.revert_requested",
            "drift.vanished",
        ],
    )


def test_lines_with_secrets_are_written_back_only_by_an_administrator(office: Office) -> None:
    name = "fra-acc-03"
    back_up(name)
    office.lab.device(name).edit_out_of_band(["snmp-server community hunter2-hunter2 RW"])
    back_up(name)
    drift = DriftRecord.objects.get(device__name=name)
    with pytest.raises(PolicyDeniedError, match="hold secrets"):
        drift_revert(drift_id=drift.pk, author=office.people["olivia"])
    assert not ChangeRequest.objects.exists()
    admin = actor(PersonFactory.create(roles=["requester", "administrator"]))
    assert "no snmp-server community" in drift_revert(drift_id=drift.pk, author=admin).content
