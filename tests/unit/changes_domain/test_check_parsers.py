import json

import pytest

from changes.domain.check_expectations import FITTING, SPOKEN, Expectation, Parser, number_in, tolerance_in
from changes.domain.check_json import UnusablePathError, compiled_path, selected
from changes.domain.check_judging import CheckOutcome, evaluate
from changes.domain.checks import parse_check
from changes.domain.errors import InvalidInputError

PEERS = {
    "10.0.0.1": {"state": "Established", "pfxRcd": 12},
    "10.0.0.2": {"state": "Idle", "pfxRcd": 0},
    "10.0.0.3": {"state": "Established", "pfxRcd": 3},
}
SUMMARY = json.dumps({"ipv4Unicast": {"peers": PEERS, "totalPeers": 3}})
UP = "$.ipv4Unicast.peers[?@.state=='Established']"
INTERFACES = """Interface              IP-Address      OK? Method Status                Protocol
GigabitEthernet1/0/1   unassigned      YES NVRAM  up                    up
GigabitEthernet1/0/2   192.0.2.1       YES NVRAM  down                  down
Vlan10                 192.0.2.9       YES NVRAM  up                    up
"""
TABLE = {"parser": "textfsm", "template": "cisco_ios_show_ip_interface_brief", "select": "proto"}
CPU = "CPU utilization for five seconds: 7%/0%; one minute: 6%; five minutes: 81%\n"


def body(**fields: object) -> dict[str, object]:
    return {"name": "x", "command": "show x", "expect": "contains", "value": "y", **fields}


def judged(output: str, **fields: object) -> CheckOutcome:
    return evaluate(parse_check(body(**fields)), output)


def refused(**fields: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as error:
        parse_check(body(**fields))
    return error.value.fields


@pytest.mark.parametrize(
    ("path", "expect", "value", "passed"),
    [
        (UP, "count_equals", "2", True),
        (UP, "count_equals", "3", False),
        (UP, "count_at_least", "2", True),
        (UP, "count_at_least", "3", False),
        (UP, "count_at_most", "2", True),
        (UP, "count_at_most", "1", False),
        ("$.ipv4Unicast.totalPeers", "number_equals", "3", True),
        ("$.ipv4Unicast.totalPeers", "number_below", "3", False),
        ("$.ipv4Unicast.totalPeers", "number_at_most", "3.0", True),
        ("$.ipv4Unicast.totalPeers", "number_above", "2.5", True),
        ("$.ipv4Unicast.totalPeers", "number_at_least", "4", False),
        ("$.ipv4Unicast.peers.*.state", "all_match", "^Established$", False),
        ("$.ipv4Unicast.peers.*.state", "all_match", "^(Established|Idle)$", True),
        ("$.ipv4Unicast.nothing", "all_match", ".", False),
        ("$.ipv4Unicast.peers.*.state", "contains", "Idle", True),
        ("$.ipv4Unicast.peers.*.state", "not_contains", "Active", True),
        ("$.ipv4Unicast.peers.*.state", "not_regex", "^I", False),
        ("$.ipv4Unicast.peers['10.0.0.2'].state", "equals", "Idle", True),
        ("$.ipv4Unicast.peers['10.0.0.2'].state", "equals", "Idl", False),
    ],
)
def test_json_is_judged_by_what_a_path_selects(path: str, expect: str, value: str, *, passed: bool) -> None:
    assert judged(SUMMARY, parser="json", select=path, expect=expect, value=value).passed is passed


def test_tolerance_is_an_amount_or_a_percentage() -> None:
    near = {"parser": "regex", "select": r"five minutes: (\d+)", "expect": "number_equals", "value": "90"}
    assert not judged(CPU, **near).passed
    assert judged(CPU, **near, tolerance="9").passed
    assert judged(CPU, **near, tolerance="10%").passed
    assert not judged(CPU, **near, tolerance="9.9%").passed


def test_a_number_is_told_with_its_bound() -> None:
    outcome = judged(CPU, parser="regex", select=r"five minutes: (\d+)%", expect="number_below", value="80")
    assert not outcome.passed
    assert outcome.sentence == '"show x" gives 81; it must be below 80.'
    assert outcome.after == "81"


def test_a_table_is_read_by_the_named_template_and_filtered() -> None:
    outcome = judged(INTERFACES, **TABLE, filter="^up$", expect="count_equals", value="2")
    assert outcome.passed
    assert outcome.evidence == ("GigabitEthernet1/0/1 up", "Vlan10 up")


@pytest.mark.parametrize(
    ("output", "fields", "says"),
    [
        ("no json", {"parser": "json", "select": "$"}, "not JSON"),
        ("{} x", {"parser": "json", "select": "$"}, "not JSON"),
        ('{"a": 1, "a": 2}', {"parser": "json", "select": "$.a"}, "stands twice"),
        ('{"a": NaN}', {"parser": "json", "select": "$.a"}, "NaN is no JSON"),
        ("[" * 5_000, {"parser": "json", "select": "$"}, "not JSON"),
        ('{"a":' * 90 + "1" + "}" * 90, {"parser": "json", "select": "$..a"}, "nests too deeply"),
        ("[" + "1," * 20_001 + "1]", {"parser": "json", "select": "$[*]"}, "More than 20,000 values"),
        ("x" * 2_000_001, {"parser": "regex", "select": "x+"}, "are looked at"),
        ("a table of another make\n", TABLE, "found no row"),
        (SUMMARY, {"parser": "json", "select": "$.ipv4Unicast.peers.*.pfxRcd"}, "3 values where one"),
        (SUMMARY, {"parser": "json", "select": "$.nothing"}, "No value where one"),
        ("1,234", {"parser": "regex", "select": r"[\d,]+"}, "not a plain number"),
        ("% Invalid input detected", {"parser": "regex", "select": r"\d*"}, "did not accept"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("expect", ["number_at_least", "number_at_most", "number_equals"])
def test_what_cannot_be_read_for_certain_is_never_green(
    output: str, fields: dict[str, object], says: str, expect: str
) -> None:
    outcome = judged(output, **fields, expect=expect, value="0")
    assert not outcome.passed
    assert says in outcome.sentence


@pytest.mark.parametrize("expect", ["not_contains", "not_regex", "count_at_most"])
def test_an_unreadable_output_does_not_prove_an_absence(expect: str) -> None:
    value = "0" if expect == "count_at_most" else "x"
    assert not judged("log: …", parser="json", select="$.x", expect=expect, value=value).passed
    assert not judged("a log line\n", **TABLE, expect=expect, value=value).passed


def test_an_empty_table_is_an_answer() -> None:
    assert judged("", **TABLE, expect="count_at_most", value="0").passed


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"parser": "xml"}, "check.parser", "json, regex, text, textfsm"),
        ({"expect": "count_equals", "value": "1"}, "check.expect", 'does not fit the parser "text"'),
        ({"select": "$"}, "check.select", 'needs no "select"'),
        ({"parser": "json"}, "check.select", "a JSONPath"),
        ({"parser": "json", "select": "peers"}, "check.select", "no JSONPath"),
        ({"parser": "json", "select": "$", "template": "x"}, "check.template", 'Only the parser "textfsm"'),
        ({"parser": "regex", "select": "("}, "check.select", "RE2"),
        ({"parser": "regex", "select": "(a)(b)"}, "check.select", "several groups"),
        ({"parser": "textfsm", "select": "x"}, "check.template", "Name a template"),
        (TABLE | {"template": "cisco_ios_show_ip_interface_brie"}, "check.template", "Did you mean"),
        (TABLE | {"template": "../cisco_ios_show_version"}, "check.template", "has no template"),
        (TABLE | {"select": "protocol"}, "check.select", 'Did you mean "proto"?'),
        (TABLE | {"filter": "(?=x)"}, "check.filter", "look-around"),
        ({"tolerance": "1"}, "check.tolerance", "takes no tolerance"),
        ({"parser": "regex", "select": "x", "expect": "count_equals", "value": "1.5"}, "check.value", "whole number"),
        ({"parser": "regex", "select": "x", "expect": "number_below", "value": "80%"}, "check.value", "such as 80"),
        ({"parser": "regex", "select": "x", "expect": "number_equals", "value": "1", "tolerance": "some"},
         "check.tolerance", "neither"),
        ({"parser": "regex", "select": "x", "expect": "number_near_before"}, "check.tolerance", "how near"),
        ({"parser": "regex", "select": "x", "expect": "not_fewer_than_before"}, "check.value", "no value"),
        ({"hold_s": 301}, "check.hold_s", "0 to 300"),
        ({"hold_s": "5"}, "check.hold_s", "0 to 300"),
        ({"command": "show ip route <address>"}, "check.command", "real value"),
        ({"regex": "x"}, "check.regex", "no field"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named_with_what_would(fields: dict[str, object], field: str, says: str) -> None:
    found = refused(**fields)
    assert says in found[field][0]


def test_before_the_change_nothing_is_compared_and_nothing_waited_for() -> None:
    with pytest.raises(InvalidInputError) as error:
        parse_check(body(expect="same_as_before", value="", hold_s=5), after=False)
    assert set(error.value.fields) == {"check.expect", "check.hold_s"}


def test_only_fields_that_say_something_are_stored_so_that_plain_checks_keep_their_digest() -> None:
    plain = {"name": "x", "command": "show x", "expect": "contains", "value": "y", "timeout_s": 30}
    explicit = {**plain, "parser": "text", "select": "", "template": "", "filter": "", "tolerance": "", "hold_s": 0}
    assert parse_check(explicit).to_json() == plain
    full = body(**TABLE, expect="not_fewer_than_before", value="", filter="^up$", tolerance="1", hold_s=5, timeout_s=9)
    assert parse_check(full).to_json() == full


@pytest.mark.parametrize(
    "path",
    [
        "$..*..*", "$[*,*]", "$['a','a']['a','a']['a','a']['a','a']['a','a']['a','a']['a','a']", "$[?@..x]",
        "$[?@.a[?@.b]]", "$[?$[*]]", "$[?@.a =~ /(a+)+$/]", "$.a | $.b", "$[?search(@.a, '(')]", "a", "$.", "",
        "$" + "[?@" * 300 + "]" * 300, "$[?typeof(@.a) == 'x']",
    ],
)  # fmt: skip
def test_paths_whose_work_could_explode_are_refused(path: str) -> None:
    with pytest.raises(UnusablePathError, match=r"[.]"):
        compiled_path(path)


def test_patterns_inside_a_path_are_run_by_re2() -> None:
    document = {"peers": [{"name": "a" * 5_000 + "!"}, {"name": "b"}]}
    assert list(selected("$.peers[?search(@.name, '(a+)+$')]", document)) == []
    assert [name for name, _ in selected("$.peers[?match(@.name, 'b|c')]", document)] == ["1"]


def test_a_secret_in_json_is_not_shown() -> None:
    outcome = judged('{"password": "hunter2"}', parser="json", select="$.password", expect="contains", value="hunter")
    assert outcome.passed
    assert "hunter2" not in outcome.sentence + str(outcome.evidence)


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "0x1", "\N{ARABIC-INDIC DIGIT ONE}", "1 2", "--1", "NaN", "5%"])
def test_what_could_be_meant_otherwise_is_no_number(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize("text", ["-1", "10 %%", "ten", "1e2", "%"])
def test_a_tolerance_is_a_plain_amount(text: str) -> None:
    assert tolerance_in(text) is None


def test_every_expectation_has_words_and_a_parser() -> None:
    assert set(SPOKEN) == set(Expectation) == set().union(*(FITTING[parser] for parser in Parser))
