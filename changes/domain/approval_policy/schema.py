"""The JSON Schema of policy documents, for editors and for the API's description. Made from the parser's own tables.

What a schema cannot say is left to the parser: that names are unique, that stages are known, that nothing passes
without an independent approver.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from changes.domain.approval_policy import condition_parsing, parsing, places
from changes.domain.approval_policy.document import SCHEMA
from changes.domain.approval_policy.vocabulary import BusinessHours, Duty, StageStep, Weekday
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind

Json = dict[str, object]

_CLOCK: Final[Json] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_NAME: Final[Json] = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$"}
_TEXT: Final[Json] = {"type": "string", "minLength": 1, "maxLength": places.MAX_TEXT}
_VALUES: Final[Json] = {
    "type": "array", "items": _TEXT, "minItems": 1, "maxItems": places.MAX_VALUES, "uniqueItems": True,
}  # fmt: skip
_CONDITION: Final[Json] = {"$ref": "#/$defs/condition"}


def json_schema() -> Json:
    """The schema, in the dialect of draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Countersign approval policy",
        "$defs": {"condition": _condition()},
        **_object(
            {
                "schema": {"const": SCHEMA},
                "name": _NAME,
                "version": _integer(1, parsing.MAX_VERSION),
                "title": _TEXT,
                "stages": _list(_stage(), parsing.MAX_STAGES),
                "rules": _list(_rule(), parsing.MAX_RULES),
            },
            {
                "description": {"type": "string", "maxLength": places.MAX_LONG_TEXT},
                "business_hours": _object(
                    {},
                    {"time_zone": {"type": "string"}, "weekdays": _words(Weekday), "start": _CLOCK, "end": _CLOCK},
                ),
                "pre_approval": _object({}, {"allowed": {"type": "boolean"}, "unless": _CONDITION}),
            },
        ),
    }


def _stage() -> Json:
    escalation = _object({"after_h": _integer(0, parsing.MAX_HOURS), "to": _groups(least=0)})
    return _object(
        {"name": _NAME, "title": _TEXT, "step": _word(StageStep), "groups": _groups()},
        {
            "quorum": _integer(1, parsing.MAX_QUORUM),
            "from_each_group": {"type": "boolean"},
            "expires_after_h": _integer(0, parsing.MAX_HOURS),
            "delegates": _groups(least=0),
            "escalate": {"anyOf": [escalation, {"type": "null"}]},
            "remind_every_h": _integer(0, parsing.MAX_HOURS),
        },
    )


def _rule() -> Json:
    ask = _object(
        {"stage": _NAME},
        {"quorum": _integer(1, parsing.MAX_QUORUM), "expires_after_h": _integer(0, parsing.MAX_HOURS)},
    )
    return _object(
        {"name": _NAME, "when": _CONDITION},
        {
            "reason": {"type": "string", "maxLength": places.MAX_TEXT},
            "ask": _list(ask, parsing.MAX_STAGES, least=0),
            "duties": {**_words(Duty), "minItems": 0},
        },
    )


def _condition() -> Json:
    facts = {
        "all": _list(_CONDITION, 100),
        "any": _list(_CONDITION, 100),
        "not": _CONDITION,
        "change_type": _words(ChangeType),
        "risk": _object({"at_least": _word(RiskLevel)}),
        "device_count": _some({name: _integer(0, condition_parsing.MAX_DEVICES) for name in ("at_least", "at_most")}),
        **{name: _counted(_VALUES) for name in ("platforms", "roles", "sites", "tags", "tenants")},
        "content": _counted(_words(ContentKind)),
        "warnings": _some({"codes": _VALUES, "severity_at_least": _word(Severity)}),
        "window": _window(),
    }
    return {"anyOf": [{"const": "always"}, *(_object({name: value}) for name, value in facts.items())]}


def _window() -> Json:
    minutes = _integer(0, condition_parsing.MAX_WINDOW_MIN)
    both = {"starts_from": ["starts_before"], "starts_before": ["starts_from"]}
    properties = {
        "weekdays": _words(Weekday), "business_hours": _word(BusinessHours), "longer_than_min": minutes,
        "starts_from": _CLOCK, "starts_before": _CLOCK,
    }  # fmt: skip
    return {**_some(properties), "dependentRequired": both}


def _counted(values: Json) -> Json:
    number = _integer(1, condition_parsing.MAX_DEVICES)
    return {"anyOf": [values, _object({"any_of": values}, {"devices_at_least": number})]}


def _object(required: dict[str, Json], optional: dict[str, Json] | None = None) -> Json:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _some(properties: dict[str, Json]) -> Json:
    return {**_object({}, properties), "minProperties": 1}


def _list(items: Json, most: int, *, least: int = 1) -> Json:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _groups(*, least: int = 1) -> Json:
    name = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,79}$"}
    return {"type": "array", "items": name, "minItems": least, "maxItems": 20, "uniqueItems": True}


def _integer(least: int, most: int) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def _word(words: type[StrEnum]) -> Json:
    return {"enum": [word.value for word in words]}


def _words(words: type[StrEnum]) -> Json:
    return {"type": "array", "items": _word(words), "minItems": 1, "uniqueItems": True}
