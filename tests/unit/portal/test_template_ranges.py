"""The rows of an envelope: what a stored one becomes when its form is sent back as it was drawn."""

import json
from typing import Any

import pytest
from django.http import QueryDict

from changes.domain.templates.envelope import parse_envelope
from changes.domain.templates.schema import parse_schema
from portal.forms.template_ranges import BoundRows, RangeRows
from portal.forms.template_steps import StepRows

SCHEMA: dict[str, Any] = {
    "properties": {
        "vlan": {"type": "integer", "minimum": 2, "maximum": 4094, "title": "VLAN"},
        "name": {"type": "string", "maxLength": 20},
        "shut": {"type": "boolean"},
        "servers": {"type": "array", "items": {"type": "string", "format": "ipv4"}},
        "ports": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["vlan"],
}
NARROWER: list[dict[str, Any]] = [
    {},
    {"properties": {"vlan": {"minimum": 100, "maximum": 199}}},
    {"properties": {"vlan": {"enum": [10, 20], "multipleOf": 10}, "name": {"pattern": "^[a-z]+$", "minLength": 2}}},
    {"properties": {"shut": {"const": False}, "name": {"enum": ["a", "b"]}}, "required": ["name"], "title": "Tight"},
    {"properties": {"servers": {"minItems": 1, "maxItems": 2, "uniqueItems": True, "items": {"pattern": "^10"}}}},
    {"properties": {"ports": {"items": {"minimum": 1, "maximum": 48, "exclusiveMaximum": 48}}}},
]


def sent_back(rows: RangeRows) -> RangeRows:
    """The form as a browser would send it, after the page was drawn."""
    data = QueryDict(mutable=True)
    data.update({"variables": json.dumps(SCHEMA), "range_rest": rows.rest})
    for row in rows.rows:
        for control in (*row.fields, *row.hidden):
            data[control.html_name] = str(control.value() or "")
    return RangeRows.read(data)


@pytest.mark.parametrize("narrower", NARROWER)
def test_a_stored_envelope_comes_back_as_it_was(narrower: dict[str, Any]) -> None:
    schema = parse_schema(SCHEMA)
    stored = parse_envelope({"variables": narrower, "scope": {"max_devices": 1}}, schema)
    assert stored is not None
    rows = sent_back(RangeRows.of(json.dumps(SCHEMA), stored.variables))
    again = parse_envelope({"variables": rows.body(), "scope": {"max_devices": 1}}, schema)
    assert again == stored


def test_a_range_of_a_variable_that_is_gone_stays_until_it_is_emptied() -> None:
    data = QueryDict(mutable=True)
    data.update({"variables": json.dumps(SCHEMA), "range-old-kind": "integer", "range-old-minimum": "5"})
    (row,) = [row for row in RangeRows.read(data).rows if row.name == "old"]
    assert not row.declared
    data["range-old-minimum"] = ""
    assert not [row for row in RangeRows.read(data).rows if row.name == "old"]


@pytest.mark.parametrize("variables", ["{", "[]", '{"properties": {"a": {"type": "null"}}}', "[" * 5000])
def test_while_the_schema_is_broken_nothing_typed_is_lost(variables: str) -> None:
    data = QueryDict(mutable=True)
    data.update({"variables": variables, "range-vlan-kind": "integer", "range-vlan-minimum": "5"})
    rows = RangeRows.read(data)
    assert not rows.readable
    assert rows.body() == {"properties": {"vlan": {"minimum": 5}}}


def test_what_was_hidden_and_is_hostile_is_left_to_the_domain() -> None:
    data = QueryDict(mutable=True)
    data.update({"variables": json.dumps(SCHEMA), "range_rest": '{"$ref": "file:///etc/passwd"}',
                 "range-vlan-more": "[1", "range-vlan-kind": "object", "range-__proto__-kind": "string"})  # fmt: skip
    rows = RangeRows.read(data)
    assert [row.name for row in rows.rows] == list(SCHEMA["properties"])
    assert rows.body() == {"$ref": "file:///etc/passwd", "properties": {}}


@pytest.mark.parametrize("number", ["1.0", "\uff11", "true", "1e3", "", "NaN", "99999999999999999999"])
def test_a_bound_that_is_no_whole_number_stays_as_typed(number: str) -> None:
    data = QueryDict(mutable=True)
    data["bound-max_parallel-max"] = number
    found = BoundRows(data).body()
    assert found == ({"max_parallel": {"max": number}} if number else {})


def test_stored_bounds_and_steps_come_back() -> None:
    bounds: dict[str, Any] = {"max_parallel": {"min": 1, "max": 5}, "gate": {"allowed": ["none"]}, "soak_s": {"max": 0}}
    assert BoundRows.of(bounds).body() == bounds
    step = {"title": "Call", "instruction": "Ask\nthem.", "place": "after_wave", "wave": 2, "role": "peer",
            "timeout_s": 60, "otherwise": "abort"}  # fmt: skip
    assert StepRows.of([{**step, "person": ""}]).body() == [step]
    assert StepRows.of([step]).added().without(0).body() == []
