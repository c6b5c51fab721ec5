"""Template documents: what is taken, what is refused with what sentence, and one encoding for one meaning."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.errors import InvalidInputError
from changes.domain.states import IllegalTransitionError
from changes.domain.templates.comparing import compared
from changes.domain.templates.composing import composed
from changes.domain.templates.document import TemplateDocument, parse_document, why_not_ready
from changes.domain.templates.envelope import TargetFact, outside, parse_envelope
from changes.domain.templates.formats import FORMATS
from changes.domain.templates.rubric import USUAL_QUESTIONS
from changes.domain.templates.schema import parse_schema
from changes.domain.templates.sealing import inputs_seal
from changes.domain.templates.states import (
    TEMPLATE_TRANSITIONS,
    TemplateEvent,
    TemplateState,
    next_template_state,
)
from changes.domain.templates.values import bounds_said, judge_values, value_problems, with_defaults
from changes.rendering import render_one

SCHEMA: dict[str, Any] = {
    "properties": {
        "vlan": {"type": "integer", "minimum": 2, "maximum": 4094, "default": 10},
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8},
        "servers": {
            "type": "array",
            "items": {"type": "string", "format": "ipv4"},
            "minItems": 1,
            "maxItems": 2,
            "uniqueItems": True,
        },
        "shut": {"type": "boolean"},
        "speed": {"type": "string", "enum": ["100", "1000"]},
    },
    "required": ["name"],
}
DOCUMENT: dict[str, Any] = {
    "purpose": "A VLAN on a port.",
    "trigger": "Somebody moves.",
    "variables": SCHEMA,
    "content": {"cisco_ios": "vlan {{ vlan }}\n", "arista_eos": "vlan {{ vlan }}\n name {{ name }}\n"},
    "checks": {"pre": [], "post": [{"name": "Up", "command": "show vlan", "expect": "contains", "value": "10"}]},
    "strategy": {"max_parallel": 5},
    "backout_notes": "Nothing.",
    "steps": [{"title": "Call", "instruction": "Ask whether it works.", "role": "implementer"}],
    "rubric": [{"question": question, "answer": "Yes.", "ready": True} for question in USUAL_QUESTIONS],
    "envelope": {
        "variables": {"properties": {"vlan": {"minimum": 100, "maximum": 199}}},
        "scope": {"sites": ["FRA"], "max_devices": 2},
        "strategy": {"max_parallel": {"max": 5}},
    },
}


def refused(change: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as error:
        parse_document({**DOCUMENT, **change})
    return error.value.fields


def test_a_document_reads_back_as_itself_and_its_digest_is_that_of_its_bytes() -> None:
    document = parse_document(DOCUMENT)
    again = TemplateDocument.from_bytes(document.to_bytes())
    assert again == document
    assert document.digest == hashlib.sha256(document.to_bytes()).hexdigest()
    assert list(why_not_ready(document)) == []


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"colour": 1}, "colour", "There is no field"),
        ({"purpose": 1}, "purpose", "Give a text"),
        ({"content": {"ios": "x"}}, "content.ios", "no platform"),
        ({"content": {"cisco_ios": "enable secret 0 letmein\n"}}, "content.cisco_ios", "Line 1 holds a secret"),
        ({"content": {"cisco_ios": "hostname a\nsnmp-server community x RO\n"}}, "content.cisco_ios", "Line 2"),
        ({"checks": []}, "checks", "object"),
        ({"strategy": {"canary": 9}}, "strategy.canary", "whole number"),
        ({"steps": [{}]}, "steps.0.title", "empty"),
        ({"rubric": [{"question": "", "answer": "x"}]}, "rubric[0].question", "Write the question"),
        ({"envelope": {"scope": {}}}, "envelope.scope.max_devices", "how many devices"),
        ({"envelope": {"scope": {"max_devices": 1, "towns": []}}}, "envelope.scope.towns", "no field"),
        (
            {"envelope": {"scope": {"max_devices": 1}, "variables": {"properties": {"color": {}}}}},
            "envelope.variables.properties.color",
            "no variable",
        ),
        (
            {"envelope": {"scope": {"max_devices": 1}, "strategy": {"gate": {"max": 1}}}},
            "envelope.strategy.gate",
            "allowed",
        ),
        (
            {"envelope": {"scope": {"max_devices": 1}, "strategy": {"max_parallel": {"min": 9, "max": 2}}}},
            "envelope.strategy.max_parallel",
            "above the upper",
        ),
    ],
)
def test_what_is_wrong_is_said_under_its_name(change: dict[str, Any], field: str, sentence: str) -> None:
    assert sentence in " ".join(refused(change).get(field, []))


def test_a_secret_that_is_a_variable_is_taken() -> None:
    content = {"cisco_ios": "snmp-server community {{ name }} RO\n"}
    assert parse_document({**DOCUMENT, "content": content}).content == content


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"type": "number"}, 'Give it a "type"'),
        ({"type": "object"}, 'Give it a "type"'),
        ({"type": "string", "anyOf": [{}]}, 'no word "anyOf"'),
        ({"type": "string", "pattern": "(?=x)"}, "RE2 does not know"),
        ({"type": "string", "format": "date"}, "not a format that is checked"),
        ({"type": "integer", "minimum": "a"}, "not JSON Schema 2020-12"),
        ({"type": "integer", "minimum": 0.5}, "cannot be kept"),
        ({"type": "integer", "maximum": 5, "default": 9}, "The default is not a value"),
        ({"type": "array"}, 'Give it a "type"'),
        ({"type": "array", "items": {"type": "array"}}, 'Give it a "type"'),
        ({"type": "string", "enum": ["a\nb"]}, "line break"),
    ],
)
def test_a_schema_that_no_form_could_show_is_refused(item: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        parse_schema({"properties": {"x": item}})
    assert sentence in str(error.value)


@pytest.mark.parametrize("name", ["device", "class", "_x", "a-b", ""])
def test_a_variable_has_a_name_that_a_template_can_use(name: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_schema({"properties": {name: {"type": "string"}}})


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({}, "name", "Give a value"),
        ({"name": "ABC"}, "name", "pattern"),
        ({"name": "abcdefghi"}, "name", "At most 8 characters"),
        ({"name": "a", "vlan": 1}, "vlan", "from 2 to 4,094"),
        ({"name": "a", "vlan": "10"}, "vlan", "Give a whole number"),
        ({"name": "a", "vlan": True}, "vlan", "Give a whole number"),
        ({"name": "a", "servers": []}, "servers", "1 to 2 values"),
        ({"name": "a", "servers": ["192.0.2.1", "x"]}, "servers", "Value 2 of the list: Give an IPv4 address"),
        ({"name": "a", "servers": ["192.0.2.1", "192.0.2.1"]}, "servers", "stands twice"),
        ({"name": "a", "shut": "yes"}, "shut", "true or false"),
        ({"name": "a", "speed": "10"}, "speed", "100, 1000"),
        ({"name": "a", "vlam": 3}, "vlam", 'Did you mean "vlan"'),
    ],
)
def test_values_are_judged_with_a_sentence_that_quotes_none(values: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        judge_values(parse_schema(SCHEMA), values)
    assert sentence in " ".join(error.value.fields[f"variables.{field}"])


def test_defaults_fill_what_is_left_out() -> None:
    schema = parse_schema(SCHEMA)
    assert with_defaults(schema, {"name": "a"}) == {"vlan": 10, "name": "a"}
    assert with_defaults(schema, {"name": "a", "vlan": 7})["vlan"] == 7


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("ipv4", "192.0.2.1", "192.0.2.300"),
        ("ipv6", "2001:db8::1", "192.0.2.1"),
        ("ip", "2001:db8::1", "x"),
        ("ipv4-network", "192.0.2.0/24", "192.0.2.1/24"),
        ("ipv6-network", "2001:db8::/64", "2001:db8::"),
        ("ip-network", "192.0.2.0/24", "192.0.2.0"),
        ("ipv4-interface", "192.0.2.1/24", "192.0.2.1"),
        ("hostname", "ntp1.example.net", "-a.example"),
        ("mac", "001a.2b3c.4d5e", "00:1a:2b"),
    ],
)
def test_each_format_takes_its_own(kind: str, good: str, bad: str) -> None:
    item = {"type": "string", "format": kind}
    assert list(value_problems(item, good)) == []
    assert list(value_problems(item, bad)) == [f"Give {FORMATS[kind].label}, such as {FORMATS[kind].example}."]


def test_every_format_is_tried_above() -> None:
    assert set(FORMATS) == {
        "ipv4", "ipv6", "ip", "ipv4-network", "ipv6-network", "ip-network", "ipv4-interface", "hostname", "mac",
    }  # fmt: skip


def test_a_pattern_takes_linear_time() -> None:
    item = {"type": "string", "pattern": "^(a+)+$"}
    assert list(value_problems(item, "a" * 30_000 + "b"))


def test_bounds_are_said_for_the_form() -> None:
    properties = parse_schema(SCHEMA)["properties"]
    assert bounds_said(properties["vlan"]) == "Give a whole number from 2 to 4,094."
    assert bounds_said(properties["servers"]) == "1 to 2 values. Each: An IPv4 address, such as 192.0.2.10."
    assert bounds_said(properties["shut"]) == ""


FIVE = {"max_parallel": 5}
FRA, AMS = TargetFact("fra-1", "FRA", "access", "cisco_ios", ("Edge",)), TargetFact("ams-1", "AMS", "core", "frr")


@pytest.mark.parametrize(
    ("change", "scope", "said"),
    [
        ({}, {}, []),
        ({"variables": {"vlan": 99, "name": "a"}}, {}, ["“vlan” is outside"]),
        ({"targets": [FRA, FRA, FRA]}, {}, ["3 devices; at most 2"]),
        ({"targets": [FRA, AMS]}, {}, ["1 device is outside the sites FRA: ams-1."]),
        ({"targets": [AMS]}, {"sites": [], "roles": ["access"]}, ["outside the roles access"]),
        ({"targets": [AMS]}, {"sites": [], "platforms": ["cisco_ios"]}, ["outside the platforms cisco_ios"]),
        ({"targets": [FRA, AMS]}, {"sites": [], "tags": ["edge"]}, ["with the tag edge: ams-1"]),
        ({"targets": [TargetFact("x", "fra", "r", "p")]}, {}, []),
        ({"strategy": {"max_parallel": 1}}, {}, []),
        ({"strategy": {"max_parallel": 6}}, {}, ["approved in advance is at most 5"]),
        ({"strategy": {"max_parallel": 5, "soak_s": 1}}, {}, ["only 0, as in the template"]),
    ],
)
def test_outside_the_envelope_everything_is_named(
    change: dict[str, Any], scope: dict[str, Any], said: list[str]
) -> None:
    schema = parse_schema(SCHEMA)
    given = {**DOCUMENT["envelope"], "scope": {**DOCUMENT["envelope"]["scope"], **scope}}
    envelope = parse_envelope(given, schema)
    assert envelope is not None
    plan: dict[str, Any] = {"variables": {"vlan": 150, "name": "a"}, "targets": [FRA], "strategy": FIVE, **change}
    found = list(outside(envelope, schema=schema, usual=FIVE, **plan))
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


@given(st.integers(0, 5_000))
def test_an_envelope_only_ever_narrows(vlan: int) -> None:
    schema = parse_schema(SCHEMA)
    envelope = parse_envelope(DOCUMENT["envelope"], schema)
    assert envelope is not None
    given: dict[str, Any] = {"vlan": vlan, "name": "a"}
    inside = not list(outside(envelope, schema=schema, variables=given, targets=[], strategy=FIVE, usual=FIVE))
    assert inside is (100 <= vlan <= 199)


@pytest.mark.parametrize(
    "variables",
    [
        *({"vlan": vlan} for vlan in (True, 150.0, "150", float("nan"), 10**30, None, [150])),
        *({"name": name} for name in ("a\nreload", "a\n", "A", "a" * 9, "\uff41", 1)),
        {"servers": ["fe80::1% reload"]},
        {"speed": 100},
        {"shut": 1},
        {"undeclared": "reload"},
    ],
)
def test_a_value_that_the_template_refuses_is_never_inside(variables: dict[str, Any]) -> None:
    schema = parse_schema(SCHEMA)
    envelope = parse_envelope(DOCUMENT["envelope"], schema)
    assert envelope is not None
    given: dict[str, Any] = {"name": "a", **variables}
    assert list(outside(envelope, schema=schema, variables=given, targets=[], strategy=FIVE, usual=FIVE))


@pytest.mark.parametrize("pattern", ["[a-z]+", "^[a-z]+", "[a-z]+$", "^x|[a-z]$"])
@pytest.mark.parametrize("in_list", [False, True])
def test_in_an_envelope_the_whole_text_fits_its_pattern(pattern: str, in_list: bool) -> None:
    item: dict[str, Any] = {"type": "string", "pattern": pattern}
    schema = parse_schema({"properties": {"who": {"type": "array", "items": item} if in_list else item}})
    envelope = parse_envelope({"scope": {"max_devices": 1}}, schema)
    assert envelope is not None

    def inside(text: str) -> bool:
        given: dict[str, Any] = {"who": ["a", text] if in_list else text}
        return not list(outside(envelope, schema=schema, variables=given, targets=[], strategy=FIVE, usual=FIVE))

    assert inside("a")
    assert not any(inside(text) for text in ("a ; reload", 'reload" a', "no vlan | a", "x y; z"))


@pytest.mark.parametrize("pattern", [".*", ".+", "^.*$", "[ -~]*", r"\A[^\n]{1,80}\z"])
def test_a_pattern_that_allows_anything_bounds_nothing(pattern: str) -> None:
    variables = {"properties": {"who": {"type": "string", "pattern": pattern}}}
    document = parse_document({**DOCUMENT, "variables": variables, "envelope": {"scope": {"max_devices": 1}}})
    assert any("could say anything" in sentence for _name, sentence in why_not_ready(document))


@pytest.mark.parametrize(
    ("name", "text"), [("ipv6", "fe80::1%eth0"), ("ip", "::1% reload"), ("ipv6-network", "fe80::%x y/64")]
)
def test_an_address_has_no_zone_in_which_anything_could_stand(name: str, text: str) -> None:
    assert not FORMATS[name].holds(text)


def test_a_job_that_is_not_ready_cannot_be_approved_in_advance() -> None:
    rubric = [dict(item) for item in DOCUMENT["rubric"]]
    rubric[2]["ready"] = False
    document = parse_document({**DOCUMENT, "rubric": rubric})
    assert [name for name, _sentence in why_not_ready(document)] == ["envelope"]
    assert list(why_not_ready(parse_document({**DOCUMENT, "rubric": rubric, "envelope": None}))) == []


@pytest.mark.parametrize("free", [{"type": "string"}, {"type": "array", "items": {"type": "string", "maxLength": 9}}])
def test_a_text_that_could_say_anything_is_not_approved_in_advance(free: dict[str, Any]) -> None:
    def lacking(**changed: Any) -> list[str]:  # noqa: ANN401 - any field
        return [name for name, _sentence in why_not_ready(parse_document({**DOCUMENT, **changed}))]

    schema = {"properties": {**SCHEMA["properties"], "free": free}}
    assert lacking(variables=schema) == ["envelope.variables"]
    assert lacking(variables=schema, envelope=None) == []
    bounded = {"pattern": "^[a-z]+$"} if free["type"] == "string" else {"items": {"pattern": "^[a-z]+$"}}
    narrower = {"properties": {"free": bounded}}
    assert lacking(variables=schema, envelope={**DOCUMENT["envelope"], "variables": narrower}) == []


def test_a_template_lies_inside_its_own_envelope() -> None:
    document = parse_document({**DOCUMENT, "strategy": {"max_parallel": 6}})
    assert [name for name, _sentence in why_not_ready(document)] == ["strategy.max_parallel"]


def test_each_device_gets_the_content_of_its_platform() -> None:
    content = parse_document(DOCUMENT).change_content
    for platform, lines in (
        ("cisco_ios", ("vlan 10",)),
        ("arista_eos", ("vlan 10", " name desk")),
        ("frr", ()),
    ):
        result = render_one(content, {"vlan": 10, "name": "desk"}, {"platform": platform})
        assert (result.error, result.lines) == (None, lines)
    assert composed({"cisco_ios": "a\n"}) == "a\n"


def test_the_seal_follows_every_input_and_is_absent_without_a_template() -> None:
    inputs: dict[str, Any] = {"content": "a", "variables": {}, "checks": {}, "strategy": {}, "template": {"id": 1}}
    seals = {json.dumps(inputs_seal({**inputs, name: "other"})) for name in inputs}
    assert len(seals) == len(inputs)
    assert inputs_seal({**inputs, "targets": 1}) == inputs_seal(inputs)
    assert inputs_seal({**inputs, "template": None}) == {}


def test_versions_are_compared_by_line() -> None:
    old = parse_document(DOCUMENT).to_json()
    new = parse_document({**DOCUMENT, "trigger": "Somebody leaves."}).to_json()
    assert "-Somebody moves.\n+Somebody leaves." in compared(old, new, names=("v1", "v2"))
    assert compared(old, old, names=("v1", "v2")) == ""


@pytest.mark.parametrize("state", TemplateState)
@pytest.mark.parametrize("event", TemplateEvent)
def test_only_the_table_moves_a_version(state: TemplateState, event: TemplateEvent) -> None:
    target = TEMPLATE_TRANSITIONS.get((state, event))
    if target is None:
        with pytest.raises(IllegalTransitionError):
            next_template_state(state, event)
    else:
        assert next_template_state(state, event) is target
