"""The index of addresses over the whole inventory: kept where configurations are stored, asked by plans."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from devices.domain.config_tree import Node
from devices.domain.platforms import PLATFORMS
from devices.domain.warnings import AddressUse, addresses_in
from devices.models import ConfigSnapshot, Device, DeviceAddresses
from devices.services.statements import prepared

NAMED_FOR_AN_ADDRESS: Final = 5
"""So many other devices are told for one address; a warning names one of them."""

_KEEP: Final = """
    INSERT INTO devices_deviceaddresses (device_id, blob_id, snapshot_id, addresses, uses) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (device_id) DO UPDATE
       SET blob_id = excluded.blob_id, snapshot_id = excluded.snapshot_id, addresses = excluded.addresses,
           uses = excluded.uses, indexed_at = statement_timestamp()
     WHERE devices_deviceaddresses.snapshot_id < excluded.snapshot_id
"""
_WHO: Final = """
    SELECT address, name, interface, vrf, shared
      FROM (SELECT u.address, d.name, u.interface, u.vrf, u.shared,
                   row_number() OVER (PARTITION BY u.address, u.vrf, u.shared ORDER BY d.name, d.id) AS place
              FROM devices_deviceaddresses a
              JOIN devices_device d ON d.id = a.device_id
             CROSS JOIN LATERAL jsonb_to_recordset(a.uses)
                        AS u(address text, interface text, vrf text, shared boolean)
             WHERE a.addresses && %s::varchar(45)[] AND a.device_id <> %s
               AND d.status NOT IN ('missing', 'decommissioned') AND u.address = ANY(%s::text[])) found
     WHERE place <= %s
     ORDER BY address, name
"""


def addresses_keep(device: Device, *, snapshot_id: int, sha256: str, config: str | Node) -> None:
    """Replace what the index knows of a device by the addresses of a newer configuration in normal form. One query.

    A device whose platform is not supported has no addresses here. An older snapshot changes nothing.
    """
    platform = PLATFORMS.get(device.platform)
    found = addresses_in(config, platform, device.name) if platform else ()
    uses = [{"address": use.address, "interface": use.interface, "vrf": use.vrf, "shared": use.shared} for use in found]
    addresses = sorted({use.address for use in found})
    prepared(_KEEP, [device.pk, sha256, snapshot_id, addresses, json.dumps(uses)])


def addresses_used(addresses: Collection[str], *, apart_from: Device) -> Mapping[str, Sequence[AddressUse]]:
    """Which other devices have these addresses by their newest stored configurations. One query; none without any.

    Devices that their source no longer lists, or that are decommissioned, are left out.
    """
    found: dict[str, list[AddressUse]] = {}
    if not addresses:
        return found
    wanted = sorted(addresses)
    for address, name, interface, vrf, shared in prepared(_WHO, [wanted, apart_from.pk, wanted, NAMED_FOR_AN_ADDRESS]):
        found.setdefault(address, []).append(AddressUse(address, name, interface, vrf, shared))
    return found


def addresses_fill(*, limit: int = 500) -> int:
    """Index devices that have a stored configuration and no addresses yet; returns how many. For an older database.

    Configurations that are stored later keep the index by themselves.
    """
    waiting = Device.objects.filter(address_index=None, snapshots__isnull=False).order_by("pk").distinct()
    done = 0
    for device in waiting[:limit]:
        newest = ConfigSnapshot.objects.filter(device=device).select_related("blob").order_by("-pk").first()
        if newest is not None:
            addresses_keep(device, snapshot_id=newest.pk, sha256=newest.blob_id, config=newest.blob.text)
            done += 1
    return done


def is_indexed(device_id: int, sha256: str) -> bool:
    """Whether the index knows this text of the device already. One query."""
    return DeviceAddresses.objects.filter(device_id=device_id, blob_id=sha256).exists()
