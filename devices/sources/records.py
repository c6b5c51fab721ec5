"""What an inventory source delivers, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostKeyRecord:
    """A host key as a source lists it: ``key_type`` as in OpenSSH, ``public_key`` in base64."""

    key_type: str
    public_key: str


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """One device as its source describes it."""

    key: str
    name: str
    platform: str
    address: str
    port: int = 22
    site: str = ""
    role: str = ""
    tags: tuple[str, ...] = ()
    status: str = "active"
    hostname: str = ""
    serial: str = ""
    model: str = ""
    credential: str = ""
    driver: str = ""
    host_keys: tuple[HostKeyRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """An entry that cannot become a device, with its reason code and a sentence."""

    key: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything a source delivered in one load."""

    records: tuple[DeviceRecord, ...]
    refused: tuple[RefusedRecord, ...] = field(default=())
