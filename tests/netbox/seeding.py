"""Devices as they are in real life, put into a real NetBox through its own interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pynetbox

SEED = "countersign-test"
CHUNK = 100


@dataclass
class Network:
    """What was put in: NetBox's ids of the devices by our number, and what each must become."""

    api: Any
    ids: dict[int, int] = field(default_factory=dict)
    addresses: dict[int, int] = field(default_factory=dict)
    expected: dict[int, str] = field(default_factory=dict)


def fault_of(number: int) -> str:
    """The reason code that a device's faults lead to; the faults come from its number alone."""
    faults: list[tuple[Callable[[int], bool], str]] = [
        (lambda n: n % 20 == 7, "INV_NOT_ACTIVE"),
        (lambda n: n % 50 == 13, "INV_NOT_ACTIVE"),
        (lambda n: n % 40 == 21, "INV_FIELD_MISSING"),
        (lambda n: n % 33 == 5, "INV_NO_PRIMARY_IP"),
        (lambda n: n % 47 == 3, "PLATFORM_UNMAPPED"),
        (lambda n: n % 61 == 4, "PLATFORM_UNMAPPED"),
        (lambda n: n % 90 in {30, 31}, "INV_DUPLICATE_NAME"),
    ]
    return next((code for holds, code in faults if holds(number)), "")


def seed(api: Any, count: int) -> Network:  # noqa: ANN401 - pynetbox has no types
    """Make ``count`` devices anew; what an earlier session left is deleted first."""
    network = Network(api)
    kinds = _kinds(api)
    for some in _chunks([device.id for device in api.dcim.devices.filter(tag=SEED, fields="id")]):
        api.dcim.devices.delete(some)
    rows = [_row(number, kinds) for number in range(count)]
    for start in range(0, count, CHUNK):
        made = api.dcim.devices.create(rows[start : start + CHUNK])
        network.ids |= {start + at: device.id for at, device in enumerate(made)}
    _give_addresses(network, [number for number in range(count) if number % 33 != 5])
    network.expected = {number: fault_of(number) for number in range(count)}
    return network


def _one(endpoint: Any, **values: Any) -> Any:  # noqa: ANN401 - as above
    key = "slug" if "slug" in values else "name"
    return endpoint.get(**{key: values[key]}) or endpoint.create(**values)


def _kinds(api: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    _one(
        api.extras.custom_fields,
        name="countersign_platform",
        type="text",
        object_types=["dcim.device"],
    )
    maker = _one(api.dcim.manufacturers, slug="cisco", name="Cisco")
    platforms = {"cisco-ios": "Cisco IOS", "arista-eos": "Arista EOS", "vyatta-legacy": "Legacy Vyatta"}
    return {
        "tag": _one(api.extras.tags, slug=SEED, name="Countersign test").id,
        "sites": [_one(api.dcim.sites, slug=slug, name=slug.upper(), status="active").id for slug in ("ams1", "nyc2")],
        "role": _one(api.dcim.device_roles, slug="access-switch", name="Access switch", color="2196f3").id,
        "type": _one(api.dcim.device_types, slug="c9300-48p", model="C9300-48P", manufacturer=maker.id, u_height=1).id,
        **{slug: _one(api.dcim.platforms, slug=slug, name=name).id for slug, name in platforms.items()},
    }


def _row(number: int, kinds: dict[str, Any]) -> dict[str, Any]:
    platform: int | None = kinds["cisco-ios"]
    if number % 47 == 3:
        platform = None
    elif number % 61 == 4:
        platform = kinds["vyatta-legacy"]
    status = "planned" if number % 20 == 7 else "decommissioning" if number % 50 == 13 else "active"
    name: str | None = f"seed-{number:04d}"
    if number % 40 == 21:
        name = None
    elif number % 90 in {30, 31}:
        name = f"twin-{number // 90}"
    return {
        "name": name,
        # Names repeat between sites only: NetBox itself refuses them within one.
        "site": kinds["sites"][number % 2],
        "role": kinds["role"],
        "device_type": kinds["type"],
        "platform": platform,
        "serial": f"SEED{number}",
        "status": status,
        "tags": [kinds["tag"]],
        "custom_fields": {"countersign_platform": "arista_eos" if number % 90 == 40 else None},
    }


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _give_addresses(network: Network, numbers: list[int]) -> None:
    api = network.api
    for some in _chunks(numbers):
        ports = api.dcim.interfaces.create(
            [{"device": network.ids[n], "name": "Management0", "type": "1000base-t"} for n in some]
        )
        addresses = api.ipam.ip_addresses.create(
            [
                {
                    "address": f"2001:db8:{n:x}::1/64" if n % 101 == 9 else f"10.77.{n // 250}.{n % 250 + 1}/24",
                    "assigned_object_type": "dcim.interface",
                    "assigned_object_id": port.id,
                }
                for n, port in zip(some, ports, strict=True)
            ]
        )
        api.dcim.devices.update(
            [
                {"id": network.ids[n], "primary_ip6" if n % 101 == 9 else "primary_ip4": address.id}
                for n, address in zip(some, addresses, strict=True)
            ]
        )
        network.addresses |= {n: address.id for n, address in zip(some, addresses, strict=True)}


def connect(url: str, token: str) -> Any:  # noqa: ANN401 - pynetbox has no types
    """The seeding's own way in, without the product's code."""
    return pynetbox.api(url, token=token)
