"""How drift is classed, and what may happen to a record."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.drift import Change, change_set
from devices.domain.drift_review import OPEN_STATES, TRANSITIONS, DriftEvent, DriftState, events_of, next_drift_state
from devices.domain.drift_rules import (
    DEFAULT_RULES,
    Classified,
    DriftClass,
    PatternError,
    Rule,
    Ruleset,
    compiled,
)
from devices.domain.platforms import PLATFORMS

BASE = "hostname sw1\ninterface Vlan10\n description users\n ip address 192.0.2.1 255.255.255.0\nbanner motd ^CHi^C\n"
DEFAULTS = Ruleset(DEFAULT_RULES)


def classed(*lines: str, platform: str = "cisco_ios") -> Classified:
    after = BASE + "".join(f"{line}\n" for line in lines)
    return DEFAULTS.classify(change_set(BASE, after, PLATFORMS[platform]), platform)


@pytest.mark.parametrize(
    ("lines", "drift_class", "rule"),
    [
        (["aaa new-model"], "critical", "AAA"),
        (["username mallory privilege 15 secret 5 $1$abc"], "critical", "Users and passwords"),
        (["enable secret 5 $1$abc"], "critical", "Users and passwords"),
        (["snmp-server community hunter2 RW"], "critical", "SNMP"),
        (["ip access-list extended EDGE", " permit ip any any"], "critical", "Access lists"),
        (["access-list 10 permit any"], "critical", "Access lists"),
        (["interface Vlan20", " ip access-group EDGE in"], "critical", "Access lists in use"),
        (["crypto key generate rsa"], "critical", "Crypto and keys"),
        (["logging host 192.0.2.9"], "critical", "Logging"),
        (["line vty 0 4", " transport input telnet"], "critical", "Management lines"),
        (["ip http server"], "critical", "Management services"),
        (["interface Vlan20", " shutdown"], "functional", "Interfaces"),
        (["router bgp 65000", " neighbor 192.0.2.2 remote-as 65001"], "functional", "Routing"),
        (["ip route 0.0.0.0 0.0.0.0 192.0.2.254"], "functional", "Routing"),
        (["vlan 20", " name voice"], "functional", "VLANs and switching"),
        (["ntp server 192.0.2.9"], "functional", "Name, time and name service"),
        (["banner login ^CHello^C"], "cosmetic", "Banners"),
        (["access-list 10 remark for the desk"], "cosmetic", "Remarks"),
    ],
)
def test_first_rules_class_what_engineers_expect(lines: list[str], drift_class: str, rule: str) -> None:
    found = classed(*lines)
    assert (found.drift_class, found.matches[0].rule, found.unclassified) == (drift_class, rule, False)


def test_description_is_cosmetic_also_inside_an_interface() -> None:
    after = BASE.replace("description users", "description guests")
    found = DEFAULTS.classify(change_set(BASE, after, PLATFORMS["cisco_ios"]), "cisco_ios")
    assert (found.drift_class, [match.rule for match in found.matches]) == ("cosmetic", ["Descriptions"])


def test_line_that_no_rule_knows_is_functional_and_says_so() -> None:
    found = classed("errorlog nobody-has-heard-of-this")
    assert (found.drift_class, found.unclassified, found.matches[0].code) == ("functional", True, "DRIFT_UNCLASSIFIED")


def test_gravest_line_decides_and_comes_first() -> None:
    found = classed("ntp server 192.0.2.9", "snmp-server location here", "banner login ^CHi^C")
    assert found.drift_class == "critical"
    assert [match.drift_class for match in found.matches] == ["critical", "functional", "cosmetic"]


def test_first_rule_that_fits_wins_and_platforms_narrow_it() -> None:
    change = Change(("interface Vlan1",), "+", "shutdown")
    cosmetic = Rule("mine", DriftClass.COSMETIC, "shutdown", ("arista_eos",))
    rules = Ruleset([cosmetic, *DEFAULT_RULES])
    assert rules.classify([change], "arista_eos").drift_class is DriftClass.COSMETIC
    assert rules.classify([change], "cisco_ios").drift_class is DriftClass.FUNCTIONAL


def test_record_keeps_sections_and_no_secret() -> None:
    [match] = classed("username mallory secret 5 $1$hunter2").matches
    assert match.section == "username mallory"


@pytest.mark.parametrize("pattern", ["", "  ", "(", "(?=x)", r"\1", "x" * 401])
def test_pattern_that_cannot_be_used_is_refused_with_a_sentence(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"\."):
        compiled(pattern)


def test_pattern_that_hangs_other_engines_answers() -> None:
    assert compiled("(a+)+$").search("a" * 5000 + "!") is None


def test_platform_slugs_of_the_first_rules_exist() -> None:
    assert all(slug in PLATFORMS for rule in DEFAULT_RULES for slug in rule.platforms)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(DriftState, DriftEvent)))
def test_every_step_that_the_table_does_not_have_is_refused(state: DriftState, event: DriftEvent) -> None:
    after = next_drift_state(state, event)
    assert (after is None) == ((state, event) not in TRANSITIONS)
    assert (event in events_of(state)) == (after is not None)


def test_closed_records_stay_closed() -> None:
    for state in set(DriftState) - OPEN_STATES:
        assert events_of(state) == frozenset()


@given(st.lists(st.sampled_from(["ntp server 192.0.2.9", "snmp-server location x", "odd thing"]), max_size=6))
def test_class_does_not_depend_on_the_order_of_lines(lines: list[str]) -> None:
    forwards, backwards = classed(*lines), classed(*reversed(lines))
    assert forwards == backwards
