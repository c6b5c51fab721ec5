"""How facts are judged by how far their source is trusted."""

import pytest

from devices.domain.severity import Severity
from devices.domain.trust import (
    DEFAULT_MODES,
    FIELDS,
    FactVerdict,
    FieldRule,
    LearntFrom,
    TrustMode,
    judge,
    learn,
    pattern_problem,
)

A, D, O = TrustMode.AUTHORITATIVE, TrustMode.ADVISORY, TrustMode.OBSERVATIONAL  # noqa: E741 - columns of a table
CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
SERIAL, AUTHORITATIVE, ADVISORY = "IDENTITY_SERIAL_MISMATCH", "SOT_AUTHORITATIVE_MISMATCH", "SOT_ADVISORY_UNCONFIRMED"


@pytest.mark.parametrize(
    ("mode", "expected", "live", "verdict", "codes", "severity"),
    [
        (A, "X1", "X1", "match", (), None),
        (A, "X1", "X2", "mismatch", (SERIAL, AUTHORITATIVE), CRITICAL),
        (A, "X1", "", "not_stated", (SERIAL, AUTHORITATIVE), CRITICAL),
        (A, "", "X1", "field_missing", ("SOT_FIELD_MISSING",), CRITICAL),
        (A, "", "", "not_compared", (), None),
        (D, "X1", "X1", "match", (), None),
        (D, "X1", "X2", "mismatch", (SERIAL, ADVISORY), MAJOR),
        (D, "X1", "", "not_stated", (ADVISORY,), MAJOR),
        (D, "", "X1", "field_missing", ("SOT_FIELD_MISSING",), MINOR),
        (D, "", "", "not_compared", (), None),
        (O, "X1", "X1", "match", (), None),
        (O, "X1", "X2", "mismatch", (SERIAL,), MINOR),
        (O, "X1", "", "not_stated", (), MINOR),
        (O, "", "X1", "field_missing", ("SOT_FIELD_MISSING",), MINOR),
        (O, "", "", "not_compared", (), None),
    ],
)
def test_a_fact_is_classed_by_mode_and_by_what_is_known(
    mode: TrustMode, expected: str, live: str, verdict: str, codes: tuple[str, ...], severity: Severity | None
) -> None:
    found = judge(FieldRule("serial", mode), expected, live)
    assert (found.verdict, found.codes, found.severity) == (verdict, codes, severity)
    assert (found.expected, found.live) == (expected, live)


@pytest.mark.parametrize(
    ("field", "expected", "live", "same"),
    [
        ("hostname", "FRA-acc-01.example.net", "fra-acc-01", True),
        ("hostname", "fra-acc-01", "fra-acc-02", False),
        ("serial", "foc1", "FOC1", False),
        ("model", "ws-c2960x", "WS-C2960X", True),
        ("site", "FRA", "fra", True),
        ("platform", "cisco_ios", "cisco_xe", True),
        ("platform", "cisco_xe", "cisco_ios", False),
        ("platform", "frr", "frr", True),
        ("platform", "arista_eos", "cisco_nxos", False),
    ],
)
def test_each_field_has_its_own_idea_of_being_the_same(field: str, expected: str, live: str, same: bool) -> None:
    verdict = judge(FieldRule.default(field), expected, live).verdict
    assert (verdict is FactVerdict.MATCH) == same


@pytest.mark.parametrize("field", ["hostname", "platform"])
def test_what_every_device_states_must_be_in_the_inventory(field: str) -> None:
    found = judge(FieldRule.default(field), "", "")
    assert (found.codes, found.severity) == (("SOT_FIELD_MISSING",), CRITICAL)


def test_a_platform_that_the_driver_cannot_tell_stops_nothing() -> None:
    found = judge(FieldRule.default("platform"), "cisco_ios", "")
    assert (found.verdict, found.severity) == (FactVerdict.NOT_STATED, MINOR)


def test_defaults_are_sensible_and_whole() -> None:
    assert set(DEFAULT_MODES) == set(FIELDS)
    assert {field for field, mode in DEFAULT_MODES.items() if mode is A} == {"hostname", "serial", "platform"}
    assert DEFAULT_MODES["model"] is D


def test_a_site_is_learnt_only_where_a_pattern_was_declared() -> None:
    config = "hostname fra-acc-01\nsnmp-server location FRA, hall 2\n"
    assert learn(FieldRule.default("site"), hostname="fra-acc-01", config=config) == ""
    located = FieldRule("site", D, LearntFrom.CONFIG, r"^snmp-server location (?P<site>\w+)")
    named = FieldRule("role", D, LearntFrom.HOSTNAME, r"^[a-z]+-(?P<role>[a-z]+)-")
    assert learn(located, hostname="", config=config) == "FRA"
    assert learn(named, hostname="fra-acc-01", config="") == "acc"
    assert learn(located, hostname="", config="hostname x\n") == ""


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"location (?P<site>\w+)", ""),
        ("location (.+)", "(?P<site>…)"),
        ("(?P<site>", "RE2"),
        (r"(?P<site>a)(?=b)", "RE2"),
        ("", "Give the pattern"),
        ("(?P<site>" + "x" * 300 + ")", "at most"),
    ],
)
def test_a_pattern_is_refused_with_what_is_wrong(pattern: str, problem: str) -> None:
    found = pattern_problem("site", pattern)
    assert problem in found if problem else found == ""
