"""The pre-check ladder on real SSH sessions: what stops a plan or a run, and what an exception lets through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Event
from changes.models import DevicePlan, DeviceRun, GateException, Run
from changes.selectors import ladder_of
from changes.services.gate_exceptions import exception_approve, exception_request
from devices.domain.trust import FIELDS
from devices.models import AlertState, Device, HostKeyAlert, LiveFact
from devices.services.trust import trust_set
from tests.database import as_owner
from tests.integration.changes.conftest import SETUP, Office, ends, problems, story

ONE: dict[str, Any] = {"targets": {"filter": {"name": "fra-acc-01"}}}
UNHEALTHY = "PRECHECK_STATE_UNHEALTHY"


def gates(rows: Any) -> dict[str, str]:  # noqa: ANN401 - stored JSON
    return {row["gate"]: row["verdict"] for row in rows}


def run_gates(run: Run) -> list[Any]:
    [row] = DeviceRun.objects.filter(run=run)
    return list(ladder_of(list(row.steps.all())))


def excepted(office: Office, code: str, gate: str, **scope: object) -> GateException:
    """An exception for the first switch that Maria asked for and Ana approved."""
    data = {
        "gate": gate,
        "code": code,
        "reason": "A report keeps the CPU busy until tonight.",
        "expires_at": timezone.now() + timedelta(hours=4),
        **(scope or {"device_ids": [Device.objects.get(name="fra-acc-01").pk]}),
    }
    found = exception_request(data=data, requester=office.people["maria"])
    return exception_approve(exception_id=found.pk, approver=office.people["ana"])


def test_a_healthy_device_passes_every_gate_and_its_facts_are_kept(office: Office) -> None:
    change = office.approved(**ONE)
    [plan] = DevicePlan.objects.filter(revision=change.revision)
    passed = dict.fromkeys(["reachability", "session", "identity", "health", "window", "change"], "passed")
    assert gates(plan.gates) == passed
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)
    assert gates(run_gates(run)) == passed
    facts = LiveFact.objects.filter(device__name="fra-acc-01")
    assert {fact.field for fact in facts} == set(FIELDS)
    serial = facts.get(field="serial")
    assert (serial.verdict, serial.mode, serial.expected) == ("match", "authoritative", serial.live)
    identity = next(row for row in plan.gates if row["gate"] == "identity")
    assert {value["name"]: value["verdict"] for value in identity["values"]}["platform"] == "match"


@pytest.mark.parametrize(
    ("fact", "claimed", "code"),
    [("serial", "FOC00000000", "IDENTITY_SERIAL_MISMATCH"), ("hostname", "other", "IDENTITY_HOSTNAME_MISMATCH")],
)
def test_another_identity_stops_the_plan_and_is_told_beside_the_inventory(
    office: Office, fact: str, claimed: str, code: str
) -> None:
    setattr(office.lab.device("fra-acc-01").faults, fact, claimed)
    revision = office.planned(office.draft(**ONE))
    [(found, detail)] = problems(revision)
    assert found == code
    assert claimed in detail
    [plan] = revision.device_plans.all()
    assert gates(plan.gates) == {
        "reachability": "passed", "session": "passed", "identity": "failed",
        "health": "skipped", "window": "skipped", "change": "skipped",
    }  # fmt: skip
    findings = next(row for row in plan.gates if row["gate"] == "identity")["findings"]
    critical = [(each["code"], each["also"]) for each in findings if each["severity"] == "critical"]
    assert critical == [(code, ["SOT_AUTHORITATIVE_MISMATCH"])]
    assert LiveFact.objects.get(device__name="fra-acc-01", field=fact).verdict == "mismatch"


def test_trust_decides_whether_a_difference_stops(office: Office) -> None:
    office.lab.device("fra-acc-01").faults.serial = "FOC00000000"
    trust_set(source="lab", field="serial", mode="observational", actor=SETUP)
    assert office.planned(office.draft(**ONE)).state == "ready"
    trust_set(source="lab", field="serial", mode="advisory", actor=SETUP)
    revision = office.planned(office.draft(**ONE))
    assert revision.state == "ready"
    [plan] = revision.device_plans.all()
    assert "As long as this holds, a run is refused" in str(plan.warnings)
    assert next(row for row in plan.gates if row["gate"] == "identity")["stops"] is False


def test_an_advisory_fact_that_is_not_confirmed_stops_the_run(office: Office) -> None:
    change = office.approved(**ONE)
    Device.objects.filter(name="fra-acc-01").update(model="WS-C9999")
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("blocked", "IDENTITY_MODEL_MISMATCH")}, story(run)
    [finding] = next(row for row in run_gates(run) if row["gate"] == "identity")["findings"]
    assert finding["also"] == ["SOT_ADVISORY_UNCONFIRMED"]


def test_a_fact_missing_in_the_inventory_stops_the_plan(office: Office) -> None:
    Device.objects.filter(name="fra-acc-01").update(serial="")
    assert problems(office.planned(office.draft(**ONE)))[0][0] == "SOT_FIELD_MISSING"


def test_a_site_is_compared_where_a_pattern_learns_it(office: Office) -> None:
    pattern = r"^(?P<site>[a-z]+)-"
    trust_set(source="lab", field="site", mode="authoritative", learnt_from="hostname", pattern=pattern, actor=SETUP)
    assert office.planned(office.draft(**ONE)).state == "ready"
    Device.objects.filter(name="fra-acc-01").update(site="MUC")
    assert problems(office.planned(office.draft(**ONE)))[0][0] == "IDENTITY_SITE_MISMATCH"


def test_a_strained_device_warns_in_the_plan_and_stops_the_run(office: Office) -> None:
    switch = office.lab.device("fra-acc-01")
    switch.faults.cpu_used = 99
    change = office.approved(**ONE)
    [plan] = DevicePlan.objects.filter(revision=change.revision)
    assert gates(plan.gates)["health"] == "failed"
    assert "CPU: 99 % in use" in str(plan.warnings)
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("blocked", UNHEALTHY)}, story(run)
    assert gates(run_gates(run))["window"] == "skipped"
    assert switch.config_lines() == []


def test_an_exception_lets_exactly_its_finding_through_until_it_ends(office: Office) -> None:
    switch = office.lab.device("fra-acc-01")
    switch.faults.memory_used = 99
    exception = excepted(office, UNHEALTHY, "health")
    run = office.executed(office.approved(**ONE))
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)
    health = next(row for row in run_gates(run) if row["gate"] == "health")
    assert (health["verdict"], health["exceptions"]) == ("overridden", [exception.number])
    # Nothing else is let through, and nothing on other devices.
    switch.faults.serial = "FOC00000000"
    assert problems(office.planned(office.draft(content="ntp server 10.9.9.1\n", **ONE)))[0][0] == (
        "IDENTITY_SERIAL_MISMATCH"
    )
    switch.faults.serial = ""
    other = office.lab.device("fra-acc-02")
    other.faults.cpu_used = 99
    targets = {"filter": {"name": ["fra-acc-01", "fra-acc-02"]}}
    change = office.approved(content="ntp server 10.9.9.2\n", targets=targets)
    assert [
        gates(plan.gates)["health"]
        for plan in change.revision.device_plans.order_by("device__name")  # type: ignore[union-attr]
    ] == ["overridden", "failed"]
    # It ends by itself, by the clock of the database.
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE changes_gateexception DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE changes_gateexception SET requested_at = now() - interval '2 hours',"
            " expires_at = now() - interval '1 second'"
        )
        cursor.execute("ALTER TABLE changes_gateexception ENABLE ALWAYS TRIGGER changes_gateexception_stays")
        cursor.execute("ALTER TABLE changes_gateexception ENABLE ALWAYS TRIGGER changes_gateexception_needs_event")
    assert ends(office.executed(change))["fra-acc-01"] == ("blocked", UNHEALTHY)


def test_a_changed_key_raises_one_alert_and_is_never_offered_the_password(office: Office) -> None:
    change = office.approved(**ONE)
    switch = office.lab.device("fra-acc-01")
    before = switch.auth_attempts()
    switch.faults.wrong_host_key = True
    office.planned(office.draft(**ONE))
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("blocked", "IDENTITY_HOST_KEY_MISMATCH")}, story(run)
    assert switch.auth_attempts() == before
    [alert] = HostKeyAlert.objects.filter(device__name="fra-acc-01")
    assert (alert.state, alert.times_seen) == (AlertState.OPEN, 2)
    assert alert.fingerprint.startswith("SHA256:")
    raised = Event.objects.filter(action="host_key.alert_raised", object_id=str(alert.pk))
    assert raised.count() == 1
    assert gates(run_gates(run)) == {
        "reachability": "passed", "session": "failed", "identity": "skipped",
        "health": "skipped", "window": "skipped", "change": "skipped",
    }  # fmt: skip


def test_an_unreachable_device_fails_at_the_first_gate(office: Office) -> None:
    office.lab.device("fra-acc-01").power_off()
    revision = office.planned(office.draft(**ONE))
    [plan] = revision.device_plans.all()
    assert plan.code == "PRECHECK_UNREACHABLE"
    assert gates(plan.gates)["reachability"] == "failed"
