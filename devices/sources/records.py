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
    """One device as its source describes it.

    ``tenant`` is whom it serves, ``criticality`` a word of `devices.domain.criticality` or empty: not known.
    ``redundancy_group`` names devices that stand in for each other, ``uplinks`` those that it reaches the network by.
    ``exclusion`` is a reason code where the source's facts keep it from being a target, ``exclusion_detail`` the
    sentence; names that repeat are found when all devices are there.
    """

    key: str
    name: str
    platform: str
    address: str
    port: int = 22
    site: str = ""
    role: str = ""
    tags: tuple[str, ...] = ()
    redundancy_group: str = ""
    uplinks: tuple[str, ...] = ()
    tenant: str = ""
    criticality: str = ""
    status: str = "active"
    hostname: str = ""
    serial: str = ""
    model: str = ""
    credential: str = ""
    driver: str = ""
    host_keys: tuple[HostKeyRecord, ...] = ()
    exclusion: str = ""
    exclusion_detail: str = ""


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
