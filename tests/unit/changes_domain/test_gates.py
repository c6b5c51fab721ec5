"""The ladder's order, its modes, and what an exception can and cannot let through."""

import itertools

import pytest

from changes.domain.gate_policy import may_decide_exception, may_request_exception, may_revoke_exception
from changes.domain.gates import (
    COVERABLE,
    LADDER,
    ExceptionScope,
    Finding,
    Gate,
    GateMode,
    GateVerdict,
    Observation,
    completed,
    gate_of_connecting,
    judge_gate,
)
from changes.domain.policy import Person, Role
from devices.domain.severity import Severity

CODE = "PRECHECK_STATE_UNHEALTHY"


def nobody(_gate: Gate, _code: str) -> str:
    return ""


def seen(*severities: Severity, code: str = CODE) -> Observation:
    return Observation(tuple(Finding(code, severity, f"{severity} thing") for severity in severities))


def test_the_ladder_has_its_order() -> None:
    assert [gate.value for gate in LADDER] == ["reachability", "session", "identity", "health", "window", "change"]


@pytest.mark.parametrize(
    ("mode", "severity", "verdict", "stops"),
    [
        (GateMode.REPORT_ONLY, Severity.CRITICAL, GateVerdict.FAILED, True),
        (GateMode.REPORT_ONLY, Severity.MAJOR, GateVerdict.FAILED, False),
        (GateMode.REPORT_ONLY, Severity.MINOR, GateVerdict.PASSED, False),
        (GateMode.ENFORCED, Severity.CRITICAL, GateVerdict.FAILED, True),
        (GateMode.ENFORCED, Severity.MAJOR, GateVerdict.FAILED, True),
        (GateMode.ENFORCED, Severity.MINOR, GateVerdict.PASSED, False),
    ],
)
def test_a_finding_stops_by_mode_and_severity(
    mode: GateMode, severity: Severity, verdict: GateVerdict, stops: bool
) -> None:
    result = judge_gate(Gate.HEALTH, seen(severity), mode=mode, cover=nobody, at="now")
    assert (result.verdict, result.stops) == (verdict, stops)
    assert result.code == ("" if severity is Severity.MINOR else CODE)


def test_the_heaviest_finding_gives_the_code() -> None:
    findings = (
        Finding("A", Severity.MINOR, "a"),
        Finding("B", Severity.CRITICAL, "b"),
        Finding("C", Severity.MAJOR, "c"),
    )
    result = judge_gate(Gate.IDENTITY, Observation(findings), mode=GateMode.ENFORCED, cover=nobody, at="now")
    assert (result.code, result.severity) == ("B", Severity.CRITICAL)
    assert result.sentence == "a; b; c"


def test_a_failed_gate_stops_the_rest_and_they_say_so() -> None:
    first = judge_gate(Gate.REACHABILITY, Observation(), mode=GateMode.ENFORCED, cover=nobody, at="now")
    failed = judge_gate(Gate.SESSION, seen(Severity.MAJOR), mode=GateMode.ENFORCED, cover=nobody, at="now")
    rows = completed([first, failed])
    assert [row.gate for row in rows] == list(LADDER)
    assert [row.verdict for row in rows] == ["passed", "failed", *["skipped"] * 4]
    assert {row.sentence for row in rows[2:]} == {"Not tried, since “Session and privilege” failed."}


def test_what_nobody_could_judge_is_not_assessed() -> None:
    unread = Observation(note="nothing told", assessed=False)
    result = judge_gate(Gate.HEALTH, unread, mode=GateMode.ENFORCED, cover=nobody, at="now")
    assert (result.verdict, result.stops, result.sentence) == (GateVerdict.NOT_ASSESSED, False, "nothing told")


def test_an_exception_lets_exactly_its_code_through() -> None:
    def cover(gate: Gate, code: str) -> str:
        return "EXC-0007" if (gate, code) == (Gate.IDENTITY, "IDENTITY_SERIAL_MISMATCH") else ""

    serial = Finding("IDENTITY_SERIAL_MISMATCH", Severity.CRITICAL, "serial")
    name = Finding("IDENTITY_HOSTNAME_MISMATCH", Severity.CRITICAL, "name")
    alone = judge_gate(Gate.IDENTITY, Observation((serial,)), mode=GateMode.ENFORCED, cover=cover, at="now")
    both = judge_gate(Gate.IDENTITY, Observation((serial, name)), mode=GateMode.ENFORCED, cover=cover, at="now")
    assert (alone.verdict, alone.stops, alone.exceptions) == (GateVerdict.OVERRIDDEN, False, ("EXC-0007",))
    assert (both.verdict, both.stops, both.code) == (GateVerdict.FAILED, True, "IDENTITY_HOSTNAME_MISMATCH")


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        (Gate.SESSION, "IDENTITY_HOST_KEY_MISMATCH"),
        (Gate.IDENTITY, "IDENTITY_HOST_KEY_MISMATCH"),
        (Gate.CHANGE, "PLAN_HASH_MISMATCH"),
        (Gate.REACHABILITY, "PRECHECK_UNREACHABLE"),
    ],
)
def test_what_must_never_be_covered_is_not(gate: Gate, code: str) -> None:
    found = seen(Severity.CRITICAL, code=code)
    result = judge_gate(gate, found, mode=GateMode.ENFORCED, cover=lambda _gate, _code: "EXC-0001", at="now")
    assert (result.verdict, result.stops, result.exceptions) == (GateVerdict.FAILED, True, ())
    assert code not in itertools.chain.from_iterable(COVERABLE.values())


@pytest.mark.parametrize(
    ("code", "gate"),
    [
        ("PRECHECK_UNREACHABLE", Gate.REACHABILITY),
        ("TIMEOUT", Gate.REACHABILITY),
        ("IDENTITY_HOST_KEY_MISMATCH", Gate.SESSION),
        ("PRECHECK_AUTH_FAILED", Gate.SESSION),
        ("PRECHECK_AUTHZ_DENIED", Gate.SESSION),
        ("SECRET_UNAVAILABLE", Gate.SESSION),
    ],
)
def test_a_session_that_does_not_open_fails_at_its_own_gate(code: str, gate: Gate) -> None:
    assert gate_of_connecting(code) is gate


@pytest.mark.parametrize(
    ("scope", "included"),
    [
        (ExceptionScope(device_ids=(4,)), True),
        (ExceptionScope(device_ids=(5,), sites=("FRA",)), False),
        (ExceptionScope(sites=("FRA",)), True),
        (ExceptionScope(sites=("FRA",), roles=("core",)), False),
        (ExceptionScope(roles=("access", "core")), True),
        (ExceptionScope(), False),
    ],
)
def test_a_scope_includes_what_it_names(scope: ExceptionScope, included: bool) -> None:
    assert scope.includes(device_id=4, site="FRA", role="access") is included


def test_nobody_decides_on_their_own_exception_superuser_or_not() -> None:
    manager = Person(1, "maria", frozenset({Role.CHANGE_MANAGER}), is_superuser=True)
    assert may_request_exception(manager)
    assert may_decide_exception(manager, requester_id=1).codes == ("GATE_SELF_APPROVAL",)
    assert may_decide_exception(manager, requester_id=2)
    assert may_revoke_exception(manager, requester_id=2)


def test_auditors_and_strangers_neither_ask_nor_decide() -> None:
    for roles in ({Role.AUDITOR, Role.CHANGE_MANAGER}, set()):
        person = Person(3, "x", frozenset(roles), is_superuser=True)
        assert may_request_exception(person).codes == ("GATE_ROLE_DENIED",)
        assert may_decide_exception(person, requester_id=2).codes == ("GATE_ROLE_DENIED",)
        assert may_revoke_exception(person, requester_id=2).codes == ("GATE_ROLE_DENIED",)
