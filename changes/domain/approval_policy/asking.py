"""Made-up facts for the question what a policy would ask: read strictly, in the shape that plans keep theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from changes.domain.approval_policy.condition_parsing import MAX_DEVICES
from changes.domain.approval_policy.facts import COUNTED, PlanFacts, WarningFact
from changes.domain.approval_policy.places import Place
from changes.domain.input import Findings, shown
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from changes.domain.windows import Period
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind

MAX_VALUES: Final = 1_000
MAX_WARNINGS: Final = 200
FIELDS: Final = ("change_type", "risk", "device_count", *COUNTED, "warnings", "window", "within_envelope")


def parse_facts(data: object, *, where: str = "facts") -> PlanFacts:
    """Read made-up facts; what is left out, or null, is not known.

    Raises:
        InvalidInputError: with sentences under paths such as ``facts.sites``.
    """
    findings = Findings()
    place = Place(findings, where)
    fields = place.mapping(data, known=FIELDS) or {}
    read: dict[str, Any] = {name: _counts(fields.get(name), place.at(name)) for name in COUNTED}
    read["content"] = _content(read["content"], place.at("content"))
    if fields.get("risk") is not None:
        read["risk"] = place.at("risk").word(fields["risk"], RiskLevel, kind="level of risk")
    if fields.get("change_type") is not None:
        read["change_type"] = place.at("change_type").word(fields["change_type"], ChangeType, kind="change type")
    if fields.get("device_count") is not None:
        read["device_count"] = place.at("device_count").integer(fields["device_count"], least=0, most=MAX_DEVICES)
    if fields.get("within_envelope") is not None:
        read["within_envelope"] = place.at("within_envelope").boolean(fields["within_envelope"])
    read["warnings"] = _warnings(fields.get("warnings"), place.at("warnings"))
    read["window"] = _window(fields.get("window"), place.at("window"))
    findings.check()
    return PlanFacts(**read)


def _counts(value: object, place: Place) -> dict[str, int] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or len(value) > MAX_VALUES:
        place.say(f"This must be an object of at most {MAX_VALUES:,} values, each with its number of devices.")
        return None
    for name, devices in value.items():
        place.text(name)
        place.integer(devices, least=0, most=MAX_DEVICES)
    return dict(value)


def _content(counts: dict[str, int] | None, place: Place) -> dict[ContentKind, int] | None:
    if counts is None:
        return None
    kinds = {place.word(name, ContentKind, kind="kind of content"): devices for name, devices in counts.items()}
    return {kind: devices for kind, devices in kinds.items() if kind is not None}


def _warnings(value: object, place: Place) -> tuple[WarningFact, ...] | None:
    if value is None:
        return None
    items = place.list(value, limit=MAX_WARNINGS, empty=True)
    if items is None:
        return None
    read = [_warning(item, place.item(index)) for index, item in enumerate(items)]
    return tuple(fact for fact in read if fact is not None)


def _warning(value: object, place: Place) -> WarningFact | None:
    fields = place.mapping(value, required=("code", "severity"), known=("devices",))
    if fields is None:
        return None
    code = place.at("code").text(fields["code"])
    severity = place.at("severity").word(fields["severity"], Severity, kind="severity")
    devices = place.at("devices").integer(fields.get("devices", 1), least=1, most=MAX_DEVICES)
    return None if code is None or severity is None or devices is None else WarningFact(code, severity, devices)


def _window(value: object, place: Place) -> Period | None:
    if value is None:
        return None
    fields = place.mapping(value, required=("start", "end"))
    if fields is None:
        return None
    start, end = (_moment(fields[name], place.at(name)) for name in ("start", "end"))
    if start is None or end is None:
        return None
    if start >= end:
        place.at("end").say("The window must end after it starts.")
        return None
    return Period(start, end)


def _moment(value: object, place: Place) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        place.say(f'"{shown(value)}" is not a time. Write it as 2026-11-21T22:00, in UTC or with a zone.')
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
