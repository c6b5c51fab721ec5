"""The files around a lab that runs as a process: credentials, inventory, and the fault switches that it watches."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from devices.lab.errors import LabError
from devices.lab.faults import Faults
from devices.lab.lab import Lab, LabDevice

CREDENTIAL_NAME = "lab"


def credentials(home: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """Username and password of all devices.

    LAB_USERNAME and LAB_PASSWORD go before the file; without both, `credentials.yaml` is read, or made with a new
    password. What holds now always stands in that file (mode 0600), under the name that the inventory uses.
    """
    path = home / "credentials.yaml"
    known = _credentials_file(path)
    username = environ.get("LAB_USERNAME") or known.get("username") or "lab"
    password = environ.get("LAB_PASSWORD") or known.get("password") or secrets.token_urlsafe(18)
    wanted = {"username": username, "password": password}
    if known != wanted:
        _write_private(path, yaml.safe_dump({CREDENTIAL_NAME: wanted}))
    return username, password


def _credentials_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    loaded = yaml.safe_load(path.read_text())
    entry = loaded.get(CREDENTIAL_NAME) if isinstance(loaded, dict) else None
    if not isinstance(entry, dict):
        raise LabError(f"{path} holds no credential {CREDENTIAL_NAME!r}; repair it or delete it")
    return {name: str(entry.get(name, "")) for name in ("username", "password")}


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


def write_inventory(lab: Lab, path: Path) -> None:
    """Describe the running lab for the YAML inventory source, with each device's public host key."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(yaml.safe_dump({"devices": [_record(each) for each in lab.devices]}, sort_keys=False))
    temporary.replace(path)


def _record(device: LabDevice) -> dict[str, Any]:
    spec = device.spec
    return {
        "name": spec.name,
        "platform": spec.platform,
        "address": device.host,
        "port": device.port,
        "site": spec.site,
        "role": spec.role,
        "tags": list(spec.tags),
        "redundancy_group": spec.redundancy_group,
        "uplinks": list(spec.uplinks),
        "tenant": spec.tenant,
        "criticality": spec.criticality,
        "serial": spec.hardware.serial,
        "model": spec.hardware.model,
        "hostname": spec.name,
        "credential": CREDENTIAL_NAME,
        "driver": spec.driver,
        "host_keys": [device.host_key] if device.host_key else [],
    }


class FaultsFile:
    """A JSON or YAML file of devices and their switches, applied again whenever it changes.

    Besides the switches of `Faults` a device may have `edit_out_of_band` (a list of lines) and `reboot` (any value
    but false): both happen once, when they appear or change. A device that is not in the file has no faults.
    """

    def __init__(self, lab: Lab, path: Path) -> None:
        self._lab = lab
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._done: dict[tuple[str, str], object] = {}

    def poll(self) -> bool:
        """Apply the file if it changed since the last look; tells whether it did.

        Raises:
            LabError: the file cannot be understood; the switches stay as they were until it changes again.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        entries = self._read() if stamp is not None else {}
        switches = {name: self._switches(name, entry) for name, entry in entries.items()}
        for device in self._lab.devices:
            device.faults = switches.get(device.name, Faults())
        for name, entry in entries.items():
            self._act(self._lab.device(name), entry)
        return True

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_size

    def _read(self) -> dict[str, dict[str, Any]]:
        text = self._path.read_text()
        try:
            loaded = json.loads(text) if self._path.suffix == ".json" else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            raise LabError(f"{self._path} is neither JSON nor YAML: {error}") from None
        if loaded is None:
            return {}
        if not isinstance(loaded, dict) or not all(isinstance(each, dict) for each in loaded.values()):
            raise LabError(f"{self._path} must map device names to switches, such as 'sw1: {{hang: true}}'")
        return {str(name): entry for name, entry in loaded.items()}

    def _switches(self, name: str, entry: dict[str, Any]) -> Faults:
        self._lab.device(name)
        lines = entry.get("edit_out_of_band", [])
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise LabError(f"{name}: edit_out_of_band must be a list of configuration lines")
        try:
            return Faults.parse({k: v for k, v in entry.items() if k not in ("edit_out_of_band", "reboot")})
        except LabError as error:
            raise LabError(f"{name}: {error}") from None

    def _act(self, device: LabDevice, entry: dict[str, Any]) -> None:
        if self._is_new(device.name, "edit_out_of_band", entry.get("edit_out_of_band")):
            device.edit_out_of_band(entry["edit_out_of_band"])
        if self._is_new(device.name, "reboot", entry.get("reboot")):
            device.reboot()

    def _is_new(self, name: str, action: str, value: object) -> bool:
        changed = self._done.get((name, action)) != value
        self._done[(name, action)] = value
        return changed and bool(value)
