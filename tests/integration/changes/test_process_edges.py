"""The edges of the process: edits while a plan is built, changes taken back and handed in again, odd ids, old votes."""

from __future__ import annotations

import pytest

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.states import IllegalTransitionError
from changes.errors import ChangeNotFoundError, DigestMismatchError
from changes.models import Approval, ChangeRequest, DeviceRun, PlanRevision
from changes.selectors import changes_matching
from changes.services import planning
from changes.services.approvals import change_assess, plan_open
from changes.services.execution import change_start
from changes.services.planning import plan_devices, plan_request
from changes.services.requests import change_cancel, change_edit, change_submit, change_withdraw
from devices.drivers.netmiko_cli import NetmikoCliDriver
from devices.models import Device
from tests.integration.changes.conftest import Office, ends, story

pytestmark = pytest.mark.lab
ONE = {"filter": {"name": "fra-acc-01"}}


def in_assessment(office: Office) -> tuple[ChangeRequest, PlanRevision]:
    change = office.draft(targets=ONE)
    revision = office.planned(change)
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    plan_open(revision=revision, actor=office.people["pete"])
    return change, revision


def test_a_change_taken_back_and_handed_in_again_needs_new_approvals(office: Office) -> None:
    change, revision = in_assessment(office)
    change_assess(change_id=change.pk, approver=office.people["pete"], plan_digest=revision.digest)
    change_withdraw(change_id=change.pk, requester=office.people["olivia"])
    change_submit(change_id=change.pk, requester=office.people["olivia"])

    change.refresh_from_db()
    assert change.state == "assessment"
    assert not Approval.objects.filter(change=change, voided_at=None).exists()
    again = change_assess(change_id=change.pk, approver=office.people["pete"], plan_digest=revision.digest)
    assert again.voided_at is None
    change.refresh_from_db()
    assert change.state == "authorization"


def test_a_canceled_change_is_not_planned_any_further(office: Office) -> None:
    change = office.draft(targets=ONE)
    revision = plan_request(change_id=change.pk, actor=office.people["olivia"])
    change_cancel(change_id=change.pk, actor=office.people["olivia"], comment="Not needed any more.")

    assert plan_devices(revision.pk) == 0

    revision.refresh_from_db()
    assert revision.state == "superseded"
    assert office.lab.device("fra-acc-01").commands() == []


def test_an_edit_while_the_plan_is_built_leaves_no_plan_that_could_be_submitted(office: Office) -> None:
    change = office.draft(targets=ONE)
    revision = plan_request(change_id=change.pk, actor=office.people["olivia"])
    change_edit(change_id=change.pk, data={"content": "ntp server 10.9.9.9\n"}, editor=office.people["olivia"])

    plan_devices(revision.pk)
    planning.revision_finish(revision.pk)

    revision.refresh_from_db()
    change.refresh_from_db()
    assert (revision.state, revision.digest, change.revision) == ("superseded", "", None)


def test_the_state_is_judged_before_the_person(office: Office) -> None:
    change, _revision = in_assessment(office)
    with pytest.raises(IllegalTransitionError):
        change_edit(change_id=change.pk, data={"title": "Mine"}, editor=office.people["stranger"])
    with pytest.raises(IllegalTransitionError):
        plan_request(change_id=change.pk, actor=office.people["stranger"])


@pytest.mark.parametrize("status", ["maintenance", "decommissioned", "missing"])
def test_a_device_that_left_service_after_the_plan_is_not_touched(office: Office, status: str) -> None:
    change = office.approved(targets=ONE)
    logged = len(office.lab.device("fra-acc-01").log())
    Device.objects.filter(name="fra-acc-01").update(status=status)

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("blocked", "PLAN_STALE")}, story(run)
    assert len(office.lab.device("fra-acc-01").log()) == logged
    assert "in service" in DeviceRun.objects.get(run=run).detail


def test_a_plan_made_for_another_driver_is_not_executed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NetmikoCliDriver, "name", "older-cli")
    change = office.approved(targets=ONE)
    monkeypatch.undo()

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("blocked", "PLAN_STALE")}, story(run)
    assert office.lab.device("fra-acc-01").config_lines() == []


@pytest.mark.parametrize("change_id", [0, -1, 4711, 2**63, 10**30])
def test_a_change_that_does_not_exist_is_not_found_whatever_its_number(office: Office, change_id: int) -> None:
    with pytest.raises(ChangeNotFoundError):
        change_start(change_id=change_id, implementer=office.people["olivia"])
    assert not Event.objects.filter(action="change.start_refused", object_id=str(change_id)).exists()


@pytest.mark.parametrize("device_id", [2**31, 2**63, 10**30])
def test_a_device_id_that_no_device_can_have_gets_a_sentence(office: Office, device_id: int) -> None:
    change = office.draft(targets={"device_ids": [device_id]})
    with pytest.raises(InvalidInputError, match="no device with the id"):
        plan_request(change_id=change.pk, actor=office.people["olivia"])


def test_a_filter_may_not_match_more_devices_than_a_list_may_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MAX_TARGETS", 2)
    with pytest.raises(InvalidInputError, match="3 devices match"):
        plan_request(change_id=office.draft().pk, actor=office.people["olivia"])


@pytest.mark.parametrize("name", ["text", "author", "device"])
def test_a_search_for_what_no_text_can_hold_finds_nothing(office: Office, name: str) -> None:
    office.draft()
    with pytest.raises(InvalidInputError):
        list(changes_matching({name: "a\x00b"}))


def test_a_very_long_digest_is_not_kept_in_the_log(office: Office) -> None:
    change, _revision = in_assessment(office)
    with pytest.raises(DigestMismatchError):
        change_assess(change_id=change.pk, approver=office.people["pete"], plan_digest="f" * 200_000)
    assert len(Event.objects.get(change_id=change.pk, action="change.assess_refused").body) < 5_000
