"""Plans are built from real devices; what cannot be planned says why and stops nothing else."""

from __future__ import annotations

import uuid

import pytest
from django.db.models.functions import Now

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.plan import device_digest, merkle_root
from changes.errors import PlanNotReadyError, PolicyDeniedError, UnplannableError
from changes.models import DevicePlan, PlanRevision
from changes.services.dispatch import dispatch_once
from changes.services.planning import plan_devices, plan_request, waiting_device_plans
from changes.services.requests import change_edit, change_submit
from devices.models import ConfigSnapshot, Device
from devices.services.claims import claim_next
from tests.integration.changes.conftest import Office, problems

pytestmark = pytest.mark.lab


def test_the_payload_says_everything_and_its_bytes_are_the_digest(office: Office) -> None:
    revision = office.planned(office.draft())
    plans = list(DevicePlan.objects.filter(revision=revision).select_related("device", "baseline"))

    assert [plan.digest for plan in plans] == [device_digest(plan.payload.encode()) for plan in plans]
    assert revision.digest == merkle_root([plan.digest for plan in plans])
    payload = plans[0].content
    assert payload.device.name == "fra-acc-01"
    assert payload.commands == ("ntp server 10.0.0.123", "banner motd ^Authorised access only^")
    assert "+ntp server 10.0.0.123" in payload.expected_diff
    assert "no ntp server 10.0.0.123" in payload.backout
    assert plans[0].baseline is not None
    assert payload.baseline_sha256 == plans[0].baseline.blob_id
    assert payload.device.host_key_sha256[0].startswith("SHA256:")
    assert plans[0].diff_source == "estimate"


def test_planning_reads_and_never_configures(office: Office) -> None:
    office.planned(office.draft())
    for device in office.lab.devices:
        assert device.config_lines() == []


def test_identical_changes_are_one_group(office: Office) -> None:
    revision = office.planned(office.draft(content="logging host 10.0.0.99\n"))
    assert DevicePlan.objects.filter(revision=revision).values("diff_group").distinct().count() == 1


def test_the_same_line_in_another_block_is_another_group(office: Office) -> None:
    content = "interface {{ 'Vlan99' if device.name == 'fra-acc-01' else 'GigabitEthernet1/0/3' }}\n load-interval 30\n"
    revision = office.planned(office.draft(content=content))
    groups = dict(DevicePlan.objects.filter(revision=revision).values_list("device__name", "diff_group"))
    assert groups["fra-acc-02"] == groups["fra-acc-03"] != groups["fra-acc-01"]


def test_variables_and_device_facts_reach_the_lines(office: Office) -> None:
    content = (
        "{% for server in servers %}\nntp server {{ server }}\n{% endfor %}\nsnmp-server location {{ device.site }}\n"
    )
    revision = office.planned(office.draft(content=content, variables={"servers": ["10.1.1.1", "10.1.1.2"]}))
    plan = DevicePlan.objects.filter(revision=revision).first()
    assert plan is not None
    assert plan.content.commands == ("ntp server 10.1.1.1", "ntp server 10.1.1.2", "snmp-server location FRA")


def test_one_device_that_cannot_be_planned_leaves_the_others_planned(office: Office) -> None:
    office.lab.device("fra-acc-02").faults.serial = "FOC00000000"
    revision = office.planned(office.draft())

    assert revision.state == "failed"
    assert "fra-acc-02" in revision.detail
    states = dict(DevicePlan.objects.filter(revision=revision).values_list("device__name", "state"))
    assert states == {"fra-acc-01": "ready", "fra-acc-02": "failed", "fra-acc-03": "ready"}
    with pytest.raises(PlanNotReadyError):
        change_submit(change_id=revision.change_id, requester=office.people["olivia"])


@pytest.mark.parametrize("command", ["rel", "do show version"])
def test_a_forbidden_command_fails_the_plan_with_its_line(office: Office, command: str) -> None:
    revision = office.planned(office.draft(content=f"ntp server 10.0.0.123\n{command}\n"))
    assert revision.state == "failed"
    code, detail = problems(revision)[0]
    assert code == "COMMAND_FORBIDDEN"
    words = " ".join(command.split()[:2])
    assert f"Line 2: “{words}”" in detail, "the rest of a line may hold a secret"


def test_a_plan_that_changes_nothing_says_so(office: Office) -> None:
    revision = office.planned(office.draft(content="hostname {{ device.hostname }}\n"))
    assert (revision.state, revision.code) == ("failed", "PLAN_EMPTY")


def test_an_unreachable_device_is_named(office: Office) -> None:
    office.lab.device("fra-acc-03").power_off()
    revision = office.planned(office.draft())
    assert revision.state == "failed"
    assert {code for code, _detail in problems(revision)} == {"", "PRECHECK_UNREACHABLE"}


def test_a_platform_that_was_taken_away_meanwhile_is_named(office: Office) -> None:
    revision = plan_request(change_id=office.draft().pk, actor=office.people["olivia"])
    Device.objects.filter(name="fra-acc-02").update(platform="vax")
    plan_devices(revision.pk)
    revision.refresh_from_db()
    assert (revision.state, revision.code) == ("failed", "PLATFORM_UNMAPPED")
    assert "vax" in DevicePlan.objects.get(revision=revision, device__name="fra-acc-02").detail


def test_a_template_error_is_refused_at_once_with_its_line(office: Office) -> None:
    change = office.draft(content="ntp server 10.0.0.1\nntp server {{ sever }}\n", variables={"server": "10.0.0.2"})
    with pytest.raises(UnplannableError) as refusal:
        plan_request(change_id=change.pk, actor=office.people["olivia"])
    assert "Line 2" in str(refusal.value)
    assert "sever" in str(refusal.value)
    assert not PlanRevision.objects.filter(change=change).exists()
    assert Event.objects.filter(change_id=change.pk, action="change.plan_refused").exists()


def test_no_matching_device_is_refused(office: Office) -> None:
    change = office.draft(targets={"filter": {"site": "NOWHERE"}})
    with pytest.raises(InvalidInputError, match="No device matches"):
        plan_request(change_id=change.pk, actor=office.people["olivia"])


def test_a_device_in_maintenance_is_left_out_by_a_filter_and_refused_by_name(office: Office) -> None:
    device = Device.objects.get(name="fra-acc-02")
    Device.objects.filter(pk=device.pk).update(status="maintenance")

    revision = office.planned(office.draft())
    assert revision.device_count == 2

    named = office.draft(targets={"device_ids": [device.pk]})
    with pytest.raises(InvalidInputError, match="maintenance"):
        plan_request(change_id=named.pk, actor=office.people["olivia"])


def test_only_its_people_may_plan_a_change(office: Office) -> None:
    change = office.draft()
    with pytest.raises(PolicyDeniedError):
        plan_request(change_id=change.pk, actor=office.people["pete"])


def test_an_edit_voids_the_plan(office: Office) -> None:
    change = office.draft()
    revision = office.planned(change)
    change_edit(change_id=change.pk, data={"content": "ntp server 10.9.9.9\n"}, editor=office.people["olivia"])
    change.refresh_from_db()
    revision.refresh_from_db()
    assert change.revision is None
    assert revision.state == "superseded"


def test_a_new_title_keeps_the_plan(office: Office) -> None:
    change = office.draft()
    office.planned(change)
    change_edit(change_id=change.pk, data={"title": "A better title"}, editor=office.people["olivia"])
    change.refresh_from_db()
    assert change.revision is not None


def test_a_lost_planner_is_replaced(office: Office) -> None:
    change = office.draft()
    revision = plan_request(change_id=change.pk, actor=office.people["olivia"])
    lost = claim_next(waiting_device_plans(revision.pk), owner=uuid.uuid4())
    assert lost is not None
    DevicePlan.objects.filter(pk=lost.row_id).update(state="building", lease_until=Now())
    plan_devices(revision.pk)
    revision.refresh_from_db()
    assert revision.state == "building"

    dispatch_once()
    plan_devices(revision.pk)

    revision.refresh_from_db()
    assert revision.state == "ready"


def test_a_lost_planner_that_had_not_begun_is_replaced_too(office: Office) -> None:
    revision = plan_request(change_id=office.draft().pk, actor=office.people["olivia"])
    lost = claim_next(waiting_device_plans(revision.pk), owner=uuid.uuid4())
    assert lost is not None
    DevicePlan.objects.filter(pk=lost.row_id).update(lease_until=Now())

    dispatch_once()
    plan_devices(revision.pk)

    revision.refresh_from_db()
    assert revision.state == "ready"


def test_the_dispatcher_rings_for_a_plan_whose_task_was_lost(office: Office) -> None:
    from django_q.models import OrmQ

    revision = plan_request(change_id=office.draft().pk, actor=office.people["olivia"])
    OrmQ.objects.all().delete()
    assert dispatch_once().rung == 1
    assert OrmQ.objects.count() == 1
    assert dispatch_once().rung == 0, "it was rung a moment ago"
    PlanRevision.objects.filter(pk=revision.pk).update(rung_at="2000-01-01T00:00:00Z")
    assert dispatch_once().rung == 0, "nobody has answered yet: the workers are busy"
    OrmQ.objects.all().delete()
    assert dispatch_once().rung == 1


def test_baselines_are_stored_once_per_content(office: Office) -> None:
    office.planned(office.draft())
    office.planned(office.draft())
    snapshots = ConfigSnapshot.objects.filter(device__name="fra-acc-01")
    assert snapshots.count() == 2
    assert snapshots.values("blob").distinct().count() == 1
