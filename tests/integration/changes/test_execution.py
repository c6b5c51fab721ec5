"""A change on real SSH devices: the straight way, and everything that can go wrong on one of them."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import connection

from audit.models import Event
from changes.errors import PlanIntegrityError
from changes.models import DevicePlan, DeviceRun, PlanRevision, RunStep
from changes.services.approvals import plan_open
from changes.services.execution import run_devices
from changes.services.review import change_close
from devices.models import ConfigBlob
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.test_recovery import wait_until

pytestmark = pytest.mark.lab

BANNER = "banner motd ^C\nAuthorised access only\n^C"


def test_all_devices_take_the_change_save_it_and_the_change_closes(office: Office) -> None:
    baselines = {device.name: device.running_config() for device in office.lab.devices}
    change = office.approved(
        checks={
            "post": [
                {"name": "NTP is set", "command": "show running-config | include ntp server",
                 "expect": "contains", "value": "ntp server 10.0.0.123", "timeout_s": 5}
            ]
        }
    )  # fmt: skip

    run = office.executed(change)

    assert {state for state, _code in ends(run).values()} == {"succeeded"}
    assert run.outcome == "succeeded"
    for device in office.lab.devices:
        assert "ntp server 10.0.0.123" in device.running_config()
        assert "Authorised access only" in device.running_config()
        assert device.startup_config() != baselines[device.name], "the change was saved"
        assert device.config_lines().count("ntp server 10.0.0.123") == 1
    change.refresh_from_db()
    assert change.state == "review"
    change_close(change_id=change.pk, manager=office.people["maria"], close_code="successful")
    change.refresh_from_db()
    assert (change.state, change.close_code) == ("closed", "successful")


def test_every_step_is_journalled_and_audited(office: Office) -> None:
    change = office.approved()
    run = office.executed(change)

    device_run = DeviceRun.objects.filter(run=run).first()
    assert device_run is not None
    steps = list(RunStep.objects.filter(device_run=device_run).values_list("name", "outcome"))
    assert steps == [
        ("connecting", "ok"), ("checking", "ok"), ("snapshotting", "ok"),
        ("applying", "ok"), ("verifying", "ok"), ("saving", "ok"),
    ]  # fmt: skip
    actions = list(Event.objects.filter(change_id=change.pk).order_by("id").values_list("action", flat=True))
    for expected in (
        "change.created", "plan.requested", "plan.ready", "change.submitted", "approval.approved",
        "change.assessed", "change.authorized", "change.started", "run.started", "device_run.step_entered",
        "device_run.ended", "run.ended", "change.finished",
    ):  # fmt: skip
        assert expected in actions, expected


def test_a_refused_line_is_backed_out_on_that_device_alone(office: Office) -> None:
    office.lab.device("fra-acc-02").faults.reject = "^banner"
    before = office.lab.device("fra-acc-02").running_config()
    change = office.approved()

    run = office.executed(change)

    assert ends(run) == {
        "fra-acc-01": ("succeeded", ""),
        "fra-acc-02": ("rolled_back", "COMMAND_REJECTED"),
        "fra-acc-03": ("succeeded", ""),
    }, story(run)
    assert run.outcome == "partial"
    assert office.lab.device("fra-acc-02").running_config() == before
    refused = DeviceRun.objects.get(run=run, device__name="fra-acc-02")
    assert "refused line" in refused.detail
    assert (refused.lines_sent, refused.lines_applied) == (2, 1)


def test_a_line_that_the_device_ignores_is_noticed_and_backed_out(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    device.faults.ignore = "^ntp server"
    change = office.approved()

    run = office.executed(change)

    assert ends(run)["fra-acc-01"] == ("rolled_back", "CONVERGENCE_PARTIAL")
    assert device.running_config() == before


def test_a_failed_post_check_is_backed_out(office: Office) -> None:
    before = office.lab.device("fra-acc-01").running_config()
    change = office.approved(
        targets={"filter": {"name": "fra-acc-01"}},
        checks={
            "post": [
                {"name": "Impossible", "command": "show version", "expect": "contains",
                 "value": "no such text", "timeout_s": 1}
            ]
        },
    )  # fmt: skip

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert run.outcome == "rolled_back"
    assert office.lab.device("fra-acc-01").running_config() == before


def test_a_device_that_cannot_save_is_backed_out(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before, startup = device.running_config(), device.startup_config()
    device.faults.disk_full = True

    run = office.executed(office.approved(targets={"filter": {"name": "fra-acc-01"}}))

    assert ends(run) == {"fra-acc-01": ("rolled_back", "SAVE_FAILED")}, story(run)
    assert (device.running_config(), device.startup_config()) == (before, startup)


def test_a_session_that_breaks_between_lines_is_read_back_and_backed_out(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    device.faults.drop_after_config_lines = 1
    device.faults.drop_times = 1

    run = office.executed(
        office.approved(
            content="ntp server 10.0.0.123\nlogging host 10.0.0.99\nsnmp-server location Hall 4\n",
            targets={"filter": {"name": "fra-acc-01"}},
        )
    )

    assert ends(run) == {"fra-acc-01": ("rolled_back", "CONNECTION_LOST")}, story(run)
    assert device.running_config() == before
    for line in ("ntp server 10.0.0.123", "logging host 10.0.0.99", "snmp-server location Hall 4"):
        assert device.config_lines().count(line) <= 1


def test_an_edit_inside_the_touched_section_stops_the_device_before_a_line_is_sent(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    change = office.approved(content="interface Vlan99\n description Set by the plan\n")
    device.edit_out_of_band(["interface Vlan99", "description Somebody was here"])
    before = device.running_config()
    sent_before = len(device.config_lines())

    run = office.executed(change)

    assert ends(run)["fra-acc-01"] == ("blocked", "PLAN_STALE")
    assert ends(run)["fra-acc-02"] == ("succeeded", "")
    assert device.running_config() == before
    assert len(device.config_lines()) == sent_before


def test_an_unrelated_edit_is_recorded_and_does_not_stop_the_device(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}})
    by_hand = ["snmp-server location Basement", "ntp server 192.0.2.99"]
    device.edit_out_of_band(by_hand)

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)
    device_run = DeviceRun.objects.get(run=run)
    assert device_run.drift == "unrelated"
    found = device_run.steps.get(name="checking").data["drift"]
    assert found == {"kind": "unrelated", "paths": ["ntp server 192.0.2.99", "snmp-server location"]}
    event = Event.objects.filter(object_type="device_run", object_id=device_run.pk).latest("pk")
    assert json.loads(event.body)["details"]["drift"] == "unrelated"
    for line in [*by_hand, "ntp server 10.0.0.123"]:
        assert line in device.running_config()


def test_a_wrong_host_key_ends_before_the_password_is_offered(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}})
    device.faults.wrong_host_key = True
    offered, received = len(device.auth_attempts()), len(device.commands())

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("blocked", "IDENTITY_HOST_KEY_MISMATCH")}, story(run)
    assert len(device.auth_attempts()) == offered, "no password was offered"
    assert len(device.commands()) == received, "nothing was sent"


@pytest.mark.parametrize(
    ("switch", "value", "code"),
    [("serial", "FOC00000000", "IDENTITY_SERIAL_MISMATCH"), ("hostname", "other", "IDENTITY_HOSTNAME_MISMATCH")],
)
def test_another_device_at_the_address_is_not_written(office: Office, switch: str, value: str, code: str) -> None:
    device = office.lab.device("fra-acc-01")
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}})
    setattr(device.faults, switch, value)
    sent_before = len(device.config_lines())

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("blocked", code)}, story(run)
    assert len(device.config_lines()) == sent_before


def test_a_refused_login_is_not_tried_again(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}})
    device.faults.refuse_login = True
    offered = len(device.auth_attempts())

    run = office.executed(change)

    assert ends(run) == {"fra-acc-01": ("failed", "PRECHECK_AUTH_FAILED")}, story(run)
    assert len(device.auth_attempts()) == offered + 1


def test_a_plan_row_edited_by_sql_refuses_to_start_and_nothing_is_sent(office: Office) -> None:
    change = office.approved()
    logs = {device.name: len(device.log()) for device in office.lab.devices}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE changes_deviceplan SET payload = replace(payload, '10.0.0.123', '10.6.6.6')"
            " WHERE revision_id = %s AND position = 1",
            [change.revision_id],
        )
        assert cursor.rowcount == 1

    with pytest.raises(PlanIntegrityError) as refusal:
        office.started(change)

    assert refusal.value.code == "PLAN_HASH_MISMATCH"
    change.refresh_from_db()
    assert change.state == "approved"
    assert Event.objects.filter(change_id=change.pk, action="change.start_refused", code="PLAN_HASH_MISMATCH").exists()
    assert {device.name: len(device.log()) for device in office.lab.devices} == logs


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE changes_deviceplan SET payload = replace(payload, '10.0.0.123', '10.6.6.6') WHERE revision_id = %s",
        """UPDATE changes_deviceplan SET payload = replace(payload, '10.0.0.123', '10.6.6.6'),
           digest = encode(sha256(convert_to(replace(payload, '10.0.0.123', '10.6.6.6'), 'UTF8')), 'hex')
           WHERE revision_id = %s""",
        "UPDATE changes_deviceplan SET position = position + 100 * (position %% 2) WHERE revision_id = %s",
    ],
    ids=["payload", "payload and digest", "order"],
)
def test_a_plan_edited_after_the_start_blocks_every_device(office: Office, tampering: str) -> None:
    change = office.approved()
    run = office.started(change)
    logs = {device.name: len(device.log()) for device in office.lab.devices}
    with connection.cursor() as cursor:
        cursor.execute(tampering, [change.revision_id])

    office.worked_on(run)

    assert set(ends(run).values()) == {("blocked", "PLAN_HASH_MISMATCH")}
    assert {device.name: len(device.log()) for device in office.lab.devices} == logs


def test_a_device_plan_edited_while_its_runner_works_blocks_that_device(office: Office) -> None:
    change = office.approved(strategy={"max_parallel": 1})
    run = office.started(change)
    first, last = office.lab.device("fra-acc-01"), office.lab.device("fra-acc-03")
    logged = len(last.log())
    first.faults.latency_s = 0.15
    runner = threading.Thread(target=run_and_let_go, args=(run.pk,))
    runner.start()
    wait_until(lambda: "ntp server 10.0.0.123" in first.config_lines())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE changes_deviceplan SET payload = replace(payload, '10.0.0.123', '10.6.6.6'),"
            " digest = encode(sha256(convert_to(replace(payload, '10.0.0.123', '10.6.6.6'), 'UTF8')), 'hex')"
            " WHERE revision_id = %s AND position = 2",
            [change.revision_id],
        )
    runner.join(timeout=30)
    office.worked_on(run)

    assert ends(run)["fra-acc-01"] == ("succeeded", "")
    assert ends(run)["fra-acc-03"] == ("blocked", "PLAN_HASH_MISMATCH")
    assert len(last.log()) == logged


def run_and_let_go(run_id: int) -> None:
    try:
        run_devices(run_id)
    finally:
        connection.close()


def test_how_many_devices_at_once_is_what_was_signed(office: Office) -> None:
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}}, strategy={"max_parallel": 1})
    PlanRevision.objects.filter(change=change).update(inputs={"strategy": {"max_parallel": 100}})
    assert office.started(change).max_parallel == 1


def test_results_and_logs_hold_no_secret(office: Office) -> None:
    secret = "S3cr3tCommunity"
    change = office.approved(content=f"snmp-server community {secret} RO\n", targets={"filter": {"name": "fra-acc-01"}})
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)

    for step in RunStep.objects.filter(device_run__run=run):
        assert secret not in step.transcript
        assert secret not in str(step.data)
        assert office.lab.password not in step.transcript
    for event in Event.objects.filter(change_id=change.pk):
        assert secret not in str(event.content())


def test_equal_configurations_are_stored_once(office: Office) -> None:
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}})
    run = office.executed(change)
    device_run = DeviceRun.objects.select_related("before", "after", "device_plan__baseline").get(run=run)

    assert device_run.before
    assert device_run.after
    assert device_run.device_plan.baseline
    assert device_run.before.blob_id == device_run.device_plan.baseline.blob_id
    assert device_run.after.blob_id != device_run.before.blob_id
    assert ConfigBlob.objects.get(pk=device_run.after.blob_id).text.count("ntp server 10.0.0.123") == 1


def test_a_device_that_is_already_as_wanted_is_left_alone(office: Office) -> None:
    office.lab.device("fra-acc-01").edit_out_of_band(["ntp server 10.0.0.123"])
    change = office.approved(content="ntp server 10.0.0.123\n")
    plans = dict(DevicePlan.objects.filter(revision_id=change.revision_id).values_list("device__name", "state"))
    assert plans == {"fra-acc-01": "unchanged", "fra-acc-02": "ready", "fra-acc-03": "ready"}

    run = office.executed(change)

    assert set(ends(run)) == {"fra-acc-02", "fra-acc-03"}
    assert run.outcome == "succeeded"
    assert office.lab.device("fra-acc-01").config_lines().count("ntp server 10.0.0.123") == 0


def test_opening_twice_is_one_opening(office: Office) -> None:
    change = office.approved()
    assert change.revision is not None
    plan_open(revision=change.revision, actor=office.people["ana"])
    assert change.revision.openings.filter(person_id=office.people["ana"].user_id).count() == 1
