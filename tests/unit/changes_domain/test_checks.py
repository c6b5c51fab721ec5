import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.check_expectations import Expectation
from changes.domain.check_judging import evaluate
from changes.domain.checks import (
    MAX_CHECKS,
    READING_PIPES,
    Check,
    parse_check,
    parse_checks,
)
from changes.domain.errors import InvalidInputError

GOOD = {"name": "NTP", "command": "show ntp status", "expect": "contains", "value": "synchronized"}
OUTPUT = "Clock is synchronized, stratum 3\r\nreference is 192.0.2.1\r\n"


def check(expect: str, value: str, command: str = "show ntp status") -> Check:
    return parse_check(GOOD | {"expect": expect, "value": value, "command": command})


def refused(changed: dict[str, object]) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as error:
        parse_check(GOOD | changed)
    return error.value.fields


def test_a_check_is_read_with_its_default_time_limit() -> None:
    assert parse_check(GOOD) == Check("NTP", "show ntp status", Expectation.CONTAINS, "synchronized", 30)


def test_the_stored_form_reads_back_unchanged() -> None:
    stored = parse_check(GOOD | {"timeout_s": 5}).to_json()
    assert stored == GOOD | {"timeout_s": 5}
    assert parse_check(stored).to_json() == stored


@pytest.mark.parametrize(
    ("expect", "value", "passed"),
    [
        ("contains", "synchronized", True),
        ("contains", "unsynchronized", False),
        ("not_contains", "unsynchronized", True),
        ("not_contains", "synchronized", False),
        ("regex", r"^Clock is synchronized, stratum \d$", True),
        ("regex", r"^reference is 192\.0\.2\.", True),
        ("regex", r"^is synchronized", False),
        ("regex", r"(?i)CLOCK", True),
        ("regex", r"nothing|^reference", True),
        ("regex", r"3\s+reference", True),
        ("regex", r"stratum 3$\n^reference", True),
        ("not_regex", r"stratum (1[0-6]|[4-9])", True),
        ("not_regex", r"stratum [1-3]$", False),
    ],
)
def test_a_check_holds_or_not(expect: str, value: str, *, passed: bool) -> None:
    outcome = evaluate(check(expect, value), OUTPUT)
    assert outcome.passed is passed
    assert outcome.sentence.startswith('The output of "show ntp status" ')


def test_the_deciding_lines_are_shown() -> None:
    assert evaluate(check("not_contains", "192"), OUTPUT).evidence == ("reference is 192.0.2.1",)
    assert evaluate(check("contains", "absent"), OUTPUT).evidence == ()
    assert len(evaluate(check("contains", "x"), "x\n" * 50).evidence) == 10


@pytest.mark.parametrize(
    ("expect", "value", "sentence"),
    [
        ("contains", "Clock", 'The output of "show ntp status" contains "Clock".'),
        ("contains", "Uhr", 'The output of "show ntp status" does not contain "Uhr".'),
        ("not_contains", "Clock", 'The output of "show ntp status" contains "Clock".'),
        ("regex", "^Clock", 'The output of "show ntp status" matches "^Clock".'),
        ("not_regex", "^Uhr", 'The output of "show ntp status" does not match "^Uhr".'),
    ],
)
def test_the_sentence_says_what_was_seen(expect: str, value: str, sentence: str) -> None:
    assert evaluate(check(expect, value), OUTPUT).sentence == sentence


@pytest.mark.parametrize(
    "answer",
    [
        "            ^\n% Invalid input detected at '^' marker.\n",
        "% Incomplete command.",
        '% Ambiguous command:  "show n"',
        "% Unknown command: show ntp",
        "Command authorization failed.\r\n",
        "% Invalid command at '^' marker.",
    ],
)
@pytest.mark.parametrize("expect", ["contains", "not_contains", "regex", "not_regex", "equals"])
def test_a_command_that_was_not_understood_proves_nothing(answer: str, expect: str) -> None:
    outcome = evaluate(check(expect, "."), answer)
    assert not outcome.passed
    assert outcome.sentence == 'The device did not accept "show ntp status".'
    assert outcome.evidence


def test_an_empty_output_is_an_answer() -> None:
    assert evaluate(check("not_contains", "Idle"), "").passed
    assert not evaluate(check("contains", "Idle"), "").passed


def test_a_pattern_that_hangs_other_engines_is_quick() -> None:
    began = time.perf_counter()
    evaluate(check("regex", "(a+)+$"), "a" * 5000 + "!")
    assert time.perf_counter() - began < 1


@given(st.text(max_size=40), st.text("abc .*\n", max_size=40))
def test_not_contains_is_the_contrary_of_contains(output: str, value: str) -> None:
    one = Check("x", "show x", Expectation.CONTAINS, value)
    two = Check("x", "show x", Expectation.NOT_CONTAINS, value)
    refused_by_device = output.strip().startswith("%")
    if not refused_by_device:
        assert evaluate(one, output).passed is not evaluate(two, output).passed
        assert evaluate(one, output).passed is (value in output.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "command",
    [
        "show version",
        "show ip route | include 0.0.0.0",
        "show run | sec ^interface Gi0/1$",
        "show interfaces | i line protocol is down",
        "show ip bgp summary | begin Neighbor | exclude Idle",
        "show version | json",
        "  show   version  ",
    ],
)
def test_reading_commands_are_taken(command: str) -> None:
    assert parse_check(GOOD | {"command": command}).command == " ".join(command.split())


@pytest.mark.parametrize(
    "command",
    [
        "reload",
        "rel",
        "sh version",
        "show",
        "showversion",
        "SHOW version",
        "configure terminal",
        "do show version",
        "ping 192.0.2.1",
        "clear counters",
        "show run | redirect tftp://192.0.2.1/x",
        "show run | red tftp://192.0.2.1/x",
        "show run | append flash:x",
        "show run | a flash:x",
        "show run | tee flash:x",
        "show run | include x | tee flash:x",
        "show run | t flash:x",
        "show run | e x",
        "show run | sed s/a/b/w",
        "show run | bash",
        "show run |",
        "show run || include",
        "show run > flash:x",
        "show run >> flash:x",
        "show version ; reload",
        "show version && reload",
        "show `reload`",
        "show ?",
        "show < file",
    ],
)
def test_commands_that_can_do_more_than_read_are_refused(command: str) -> None:
    fields = refused({"command": command})
    assert list(fields) == ["check.command"]
    assert fields["check.command"][0].endswith(".")


def test_a_refused_pipe_names_those_that_only_read() -> None:
    assert all(name in refused({"command": "show run | tee x"})["check.command"][0] for name in READING_PIPES)


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"name": ""}, "check.name", '"name"'),
        ({"name": None}, "check.name", '"name"'),
        ({"name": "x" * 101}, "check.name", "100 are allowed"),
        ({"command": "show a\nreload"}, "check.command", "a line break"),
        ({"command": "show a\rreload"}, "check.command", "a carriage return"),
        ({"command": "show \x03"}, "check.command", "U+0003"),
        ({"command": "show " + "x" * 250}, "check.command", "250 are allowed"),
        ({"command": 5}, "check.command", '"command"'),
        ({"expect": "is"}, "check.expect", "contains, count_at_least"),
        ({"expect": None}, "check.expect", "Allowed"),
        ({"expect": ["contains"]}, "check.expect", "Allowed"),
        ({"value": "a\nb"}, "check.value", "a line break"),
        ({"value": ""}, "check.value", '"value"'),
        ({"value": "x" * 1001}, "check.value", "1000 are allowed"),
        ({"value": "(", "expect": "regex"}, "check.value", "RE2"),
        ({"value": r"(?=x)", "expect": "not_regex"}, "check.value", "look-around"),
        ({"value": r"(a)\1", "expect": "regex"}, "check.value", "back-references"),
        ({"value": "a)(b", "expect": "regex"}, "check.value", "RE2"),
        ({"timeout_s": 0}, "check.timeout_s", "1 to 300"),
        ({"timeout_s": 301}, "check.timeout_s", "1 to 300"),
        ({"timeout_s": True}, "check.timeout_s", "1 to 300"),
        ({"timeout_s": "30"}, "check.timeout_s", "1 to 300"),
        ({"timeout": 30}, "check.timeout", 'Did you mean "timeout_s"?'),
    ],
)
def test_a_bad_field_is_named_with_what_is_allowed(changed: dict[str, object], field: str, says: str) -> None:
    fields = refused(changed)
    assert list(fields) == [field]
    assert says in fields[field][0]


def test_every_problem_of_every_check_is_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as error:
        parse_checks([GOOD, {"name": "x"}, "no check", GOOD | {"command": "reload"}])
    assert set(error.value.fields) == {
        "checks[1].command",
        "checks[1].expect",
        "checks[1].value",
        "checks[2]",
        "checks[3].command",
    }


def test_two_checks_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInputError, match='Two checks are named "NTP"'):
        parse_checks([GOOD, GOOD])


@pytest.mark.parametrize("data", [None, {}, "show version", [GOOD] * (MAX_CHECKS + 1)])
def test_checks_are_a_list_of_limited_length(data: object) -> None:
    with pytest.raises(InvalidInputError, match=r"list|50 are allowed"):
        parse_checks(data)


def test_no_checks_are_fine() -> None:
    assert parse_checks([]) == ()
