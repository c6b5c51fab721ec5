"""The warnings of plans that are built over real SSH: with the addresses of the very session, and the inventory's."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Event
from changes.models import ChangeRequest, DevicePlan, PlanRevision, RiskAssessment
from changes.services.fact_gathering import facts_digest
from devices.models import Device, DeviceAddresses
from tests.integration.changes.conftest import Office, enrol, lab, office

__all__ = ["enrol", "lab", "office"]

pytestmark = pytest.mark.lab
ONE = {"filter": {"name": "fra-acc-01"}}
SHUTS_US_OUT = """\
ip access-list extended OURS
 permit tcp 10.9.9.0 0.0.0.255 any eq 22
interface Loopback0
 ip access-group OURS in
"""
LOOPBACK = ["interface Loopback0", "ip address 127.0.0.1 255.0.0.0"]


def found(revision: PlanRevision, name: str = "fra-acc-01") -> dict[str, dict[str, object]]:
    plan = DevicePlan.objects.get(revision=revision, device__name=name)
    return {str(warning["code"]): warning for warning in plan.warnings if warning["code"]}


def facts_of(revision: PlanRevision) -> dict[str, Any]:
    assert isinstance(revision.facts, dict)
    return revision.facts


def test_a_list_at_the_interface_that_carries_our_session_is_told_with_our_own_address(office: Office) -> None:
    """The lab is reached at 127.0.0.1, and sees us come from there: an interface with that address is ours."""
    office.lab.device("fra-acc-01").edit_out_of_band([*LOOPBACK, "exit"])
    revision = office.planned(office.draft(content=SHUTS_US_OUT, targets=ONE))

    assert revision.state == "ready", revision.detail
    warning = found(revision)["MANAGEMENT_ACL"]
    assert warning["severity"] == "critical"
    assert warning["line"] == "ip access-group OURS in"
    assert warning["number"] == 4
    assert "from 127.0.0.1" in str(warning["sentence"])
    assert "would drop it" in str(warning["sentence"])

    assert facts_of(revision)["content"]["acl"] == 1
    assert {"code": "MANAGEMENT_ACL", "severity": "critical", "devices": 1} in facts_of(revision)["warnings"]
    assessment = RiskAssessment.objects.get(revision=revision)
    assert (assessment.level, assessment.facts["warnings"]["critical"]) == ("high", 1)
    assert ChangeRequest.objects.get(pk=revision.change_id).risk_level == "high"
    ready = Event.objects.get(action="plan.ready", change_id=revision.change_id)
    assert facts_digest(revision.facts) in ready.body


def test_an_address_that_another_device_has_by_its_stored_configuration_is_told(office: Office) -> None:
    """Reading a device for a plan is enough: its addresses are indexed with its configuration."""
    office.planned(office.draft(content="ntp server 10.0.0.123\n"))
    index = {row.device.name: row for row in DeviceAddresses.objects.select_related("device")}
    assert set(index) == {"fra-acc-01", "fra-acc-02", "fra-acc-03"}
    taken = index["fra-acc-02"].addresses[0]

    content = f"interface Loopback7\n ip address {taken} 255.255.255.255\n"
    revision = office.planned(office.draft(content=content, targets=ONE))
    warning = found(revision)["DUPLICATE_ADDRESS"]
    assert warning["sentence"] == f"Loopback7 gets {taken}, which fra-acc-02 has at Vlan99."
    assert warning["line"] == f"ip address {taken} 255.255.255.255"


def test_an_address_that_a_plan_gives_to_several_devices_is_told_on_each(office: Office) -> None:
    """No stored configuration has it yet: it is the plan itself that gives it twice."""
    revision = office.planned(office.draft(content="interface Loopback7\n ip address 10.77.0.1 255.255.255.255\n"))
    warning = found(revision)["DUPLICATE_ADDRESS"]
    names = "fra-acc-01, fra-acc-02, fra-acc-03"
    assert warning["sentence"] == f"This plan gives 10.77.0.1 to 3 devices: {names}."
    assert (warning["line"], warning["number"]) == ("ip address 10.77.0.1 255.255.255.255", 2)
    assert {"code": "DUPLICATE_ADDRESS", "severity": "critical", "devices": 3} in facts_of(revision)["warnings"]


def test_an_index_follows_what_is_stored_and_forgets_what_is_gone(office: Office) -> None:
    first = office.planned(office.draft(content="ntp server 10.0.0.123\n", targets=ONE))
    row = DeviceAddresses.objects.get(device__name="fra-acc-01")
    before = row.addresses[0]
    office.lab.device("fra-acc-01").edit_out_of_band(["interface Vlan99", "ip address 10.20.99.222 255.255.255.0"])
    office.planned(ChangeRequest.objects.get(pk=first.change_id))

    row.refresh_from_db()
    assert row.addresses == ["10.20.99.222"]
    assert before not in row.addresses
    assert Device.objects.get(name="fra-acc-01").snapshots.order_by("-pk")[0].pk == row.snapshot_id
