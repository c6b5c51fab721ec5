"""The YAML inventory source: a file with a list of devices under ``devices``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from devices.domain.platforms import PlatformUnmappedError, platform_for
from devices.errors import InventoryError
from devices.models import DeviceStatus
from devices.sources.records import DeviceRecord, HostKeyRecord, Inventory, RefusedRecord

_TEXT_FIELDS = (
    "name",
    "platform",
    "address",
    "site",
    "role",
    "status",
    "hostname",
    "serial",
    "model",
    "credential",
)
_KNOWN_FIELDS = {*_TEXT_FIELDS, "key", "port", "tags", "host_keys"}


def load(path: Path) -> Inventory:
    """Read a whole inventory file. Nothing is written.

    Entries that cannot be devices are listed in ``refused`` with their reason code; they never become a guess.

    Raises:
        InventoryError: the file cannot be read or is not an inventory at all.
    """
    entries = _entries(path)
    records: list[DeviceRecord] = []
    refused: list[RefusedRecord] = []
    names: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        parsed = _parse(entry, number)
        if isinstance(parsed, DeviceRecord) and parsed.name in names:
            parsed = RefusedRecord(
                parsed.key, "INV_DUPLICATE_NAME", f"A second device is called “{parsed.name}”; rename one."
            )
        if isinstance(parsed, DeviceRecord):
            names.add(parsed.name)
            records.append(parsed)
        else:
            refused.append(parsed)
    return Inventory(tuple(records), tuple(refused))


def _entries(path: Path) -> list[object]:
    try:
        loaded = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InventoryError(f"The inventory {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise InventoryError(f"The inventory {path} is not valid YAML: {error}") from error
    entries = loaded.get("devices") if isinstance(loaded, dict) else None
    if not isinstance(entries, list):
        raise InventoryError(f"The inventory {path} has no list “devices”.")
    return entries


def _parse(entry: object, number: int) -> DeviceRecord | RefusedRecord:
    if not isinstance(entry, Mapping):
        return RefusedRecord(f"#{number}", "INV_FIELD_MISSING", f"Entry {number} is not a mapping of fields.")
    text = {name: str(entry.get(name) or "") for name in _TEXT_FIELDS}
    key = str(entry.get("key") or text["name"] or f"#{number}")
    sentence = _problem(entry, text)
    if sentence:
        return RefusedRecord(key, "INV_NO_PRIMARY_IP" if "address" in sentence else "INV_FIELD_MISSING", sentence)
    try:
        platform_for(text["platform"])
    except PlatformUnmappedError as error:
        return RefusedRecord(key, error.code, str(error))
    text["status"] = text["status"] or DeviceStatus.ACTIVE
    return DeviceRecord(
        key=key,
        port=int(entry.get("port") or 22),
        tags=tuple(sorted(str(tag) for tag in entry.get("tags") or ())),
        host_keys=tuple(
            HostKeyRecord(key_type, public_key)
            for key_type, public_key in (str(line).split()[:2] for line in entry.get("host_keys") or ())
        ),
        **text,
    )


def _problem(entry: Mapping[str, object], text: Mapping[str, str]) -> str:
    """A sentence about the first thing that is wrong with an entry, or nothing."""
    label = text["name"] or "A device without a name"
    unknown = sorted(set(map(str, entry)) - _KNOWN_FIELDS)
    port = entry.get("port") or 22
    known = ", ".join(sorted(_KNOWN_FIELDS))
    rules = (
        (bool(unknown), f"{label}: unknown field {', '.join(unknown)}; known are {known}."),
        (not text["name"], "A device has no name; give it one."),
        (not text["address"], f"{label} has no address to connect to."),
        (
            not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536,
            f"{label}: port must be a number from 1 to 65535.",
        ),
        (
            text["status"] not in {"", *DeviceStatus.values},
            f"{label}: status “{text['status']}” is not one of {', '.join(DeviceStatus.values)}.",
        ),
        (not isinstance(entry.get("tags") or [], list), f"{label}: tags must be a list."),
        (_bad_host_keys(entry.get("host_keys")), f"{label}: host_keys must be a list of “type base64”."),
    )
    return next((sentence for wrong, sentence in rules if wrong), "")


def _bad_host_keys(value: object) -> bool:
    return bool(value) and (not isinstance(value, list) or any(len(str(line).split()) < 2 for line in value))
