"""One entry of an inventory file, whatever its format: what it must be like, and the record that comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from devices.domain.criticality import Criticality
from devices.domain.drivers import drivers_of
from devices.domain.exclusions import NOT_ACTIVE
from devices.domain.pins import pin_problem
from devices.domain.platforms import PlatformUnmappedError, platform_for
from devices.models import DeviceStatus
from devices.sources.records import DeviceRecord, HostKeyRecord, Inventory, RefusedRecord
from devices.sources.texts import LIST_LIMITS, list_problem, text_problem

_SSH_PORT: Final = 22
TEXT_FIELDS: Final = (
    "name",
    "platform",
    "address",
    "site",
    "role",
    "redundancy_group",
    "tenant",
    "criticality",
    "status",
    "hostname",
    "serial",
    "model",
    "credential",
    "driver",
)
KNOWN_FIELDS: Final = frozenset({*TEXT_FIELDS, "key", "port", *LIST_LIMITS, "host_keys"})


@dataclass(frozen=True, slots=True)
class Unusable:
    """An entry whose format says already that it cannot be a device; ``problem`` is a sentence."""

    problem: str


def collect(entries: Iterable[tuple[str, object]]) -> Inventory:
    """All entries as an inventory; each comes with its place in the file, such as ``Line 3``, which refusals name.

    Entries that cannot be devices are listed in ``refused`` with their reason code; they never become a guess.
    """
    records: dict[str, DeviceRecord] = {}
    refused: list[RefusedRecord] = []
    names: set[str] = set()
    for place, entry in entries:
        parsed = _parse(entry, place)
        if isinstance(parsed, RefusedRecord):
            refused.append(RefusedRecord(parsed.key, parsed.code, f"{place}: {parsed.sentence}"))
        elif parsed.name in names or parsed.key in records:
            what = f"is called “{parsed.name}”" if parsed.name in names else f"has the key “{parsed.key}”"
            sentence = f"A second device {what}; give each its own."
            refused.append(RefusedRecord(parsed.key, "INV_DUPLICATE_NAME", f"{place}: {sentence}"))
        else:
            names.add(parsed.name)
            records[parsed.key] = parsed
    return Inventory(tuple(records.values()), tuple(refused))


def _parse(entry: object, place: str) -> DeviceRecord | RefusedRecord:
    if isinstance(entry, Unusable):
        return RefusedRecord(place, "INV_FIELD_MISSING", entry.problem)
    if not isinstance(entry, Mapping):
        return RefusedRecord(place, "INV_FIELD_MISSING", "This is not a mapping of fields.")
    # What was left out or left empty is no text; null is how YAML reads an empty value.
    given = {str(name): value for name, value in entry.items() if value is not None}
    key = _key(given) or place
    problem = next(_problems(given), None)
    if problem:
        return RefusedRecord(key, *problem)
    text = {name: str(given.get(name, "")) for name in TEXT_FIELDS}
    text["status"] = text["status"] or DeviceStatus.ACTIVE
    is_active = text["status"] == DeviceStatus.ACTIVE
    return DeviceRecord(
        key=key,
        port=given.get("port", _SSH_PORT),
        tags=tuple(sorted(given.get("tags", ()))),
        uplinks=tuple(sorted(set(given.get("uplinks", ())))),
        host_keys=tuple(HostKeyRecord(*line.split()[:2]) for line in given.get("host_keys", ())),
        exclusion="" if is_active else NOT_ACTIVE,
        exclusion_detail="" if is_active else f"{text['name']} is “{text['status']}” in its source, not active.",
        **text,
    )


def _key(given: Mapping[str, object]) -> str:
    key = given.get("key", given.get("name"))
    return str(key) if isinstance(key, str | int) and not isinstance(key, bool) else ""


def _problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The reason codes and sentences of all that is wrong with an entry."""
    label = str(given.get("name") or "A device without a name")[:80]
    unknown = sorted(set(given) - KNOWN_FIELDS)
    if unknown:
        known = ", ".join(sorted(KNOWN_FIELDS))
        yield "INV_FIELD_MISSING", f"{label}: unknown field {unknown[0][:80]}; known are {known}."
    for sentence in _text_problems(given):
        yield "INV_FIELD_MISSING", f"{label}: {sentence}"
    if not given.get("name"):
        yield "INV_FIELD_MISSING", "A device has no name; give it one."
    if not given.get("address"):
        yield "INV_NO_PRIMARY_IP", f"{label} has no address to connect to."
    for sentence in _other_problems(given):
        yield "INV_FIELD_MISSING", f"{label}: {sentence}"
    try:
        platform_for(str(given.get("platform", "")))
    except PlatformUnmappedError as error:
        yield error.code, str(error)
    else:
        yield from _driver_problems(str(given["platform"]), str(given.get("driver") or ""))


def _driver_problems(platform: str, driver: str) -> Iterator[tuple[str, str]]:
    known = drivers_of(platform)
    if driver and driver not in known:
        sentence = f"The driver “{driver[:40]}” does not drive {platform}; known are {', '.join(known)}."
        yield "PLATFORM_UNMAPPED", sentence


def _text_problems(given: Mapping[str, Any]) -> Iterator[str]:
    for name in TEXT_FIELDS:
        value = given.get(name, "")
        if not isinstance(value, str):
            yield f"{name} is read by YAML as something else than text; put it in quotes."
        elif problem := text_problem(name, value):
            yield problem
    key = given.get("key", "")
    if not isinstance(key, str | int) or isinstance(key, bool):
        yield "key must be a text or a whole number; put it in quotes."
    elif problem := text_problem("source_key", str(key)):
        yield problem


def _other_problems(given: Mapping[str, Any]) -> Iterator[str]:
    port, status = (given.get(name, "") for name in ("port", "status"))
    if "port" in given and (not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536):
        yield "port must be a number from 1 to 65535."
    if status not in {"", *DeviceStatus.values}:
        yield f"status “{status}” is not one of {', '.join(DeviceStatus.values)}."
    criticality = given.get("criticality", "")
    if criticality not in {"", *Criticality}:
        yield f"criticality “{criticality}” is not one of {', '.join(Criticality)}."
    for field in LIST_LIMITS.keys() & given.keys():
        texts = given[field]
        if problem := list_problem(field, texts) if isinstance(texts, list) else f"{field} must be a list.":
            yield problem
    yield from _host_key_problems(given.get("host_keys", []))


def _host_key_problems(value: object) -> Iterator[str]:
    if not isinstance(value, list):
        yield "host_keys must be a list of “type base64”."
        return
    for line in value:
        words = line.split() if isinstance(line, str) else []
        problem = pin_problem(*words[:2]) if len(words) > 1 else "each must read “type base64”."
        if problem:
            yield f"host_keys: {problem}"
