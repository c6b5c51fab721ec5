"""The addresses of a stored configuration, for an index over the whole inventory.

An index costs little when it is kept where configurations are stored: once for each new content, `addresses_in` gives
some tens of rows, which replace the device's former ones. A plan then asks one query for the few addresses that it
adds (``address = ANY(…) AND device <> …``), answered by an index on the address; nothing is read for a plan that adds
none. Backups, plans and runs all store configurations, so the index is as fresh as the last of them.
"""

from __future__ import annotations

from devices.domain.config_text import parse
from devices.domain.config_tree import Node
from devices.domain.platforms import Platform
from devices.domain.warnings.network import is_global
from devices.domain.warnings.situation import AddressUse
from devices.domain.warnings.view import view_of


def addresses_in(config: str | Node, platform: Platform, device: str) -> tuple[AddressUse, ...]:
    """The addresses of a device's interfaces, in the order of the configuration, each interface's once.

    Left out: loopback (127.0.0.0/8) and link-local addresses, and interfaces that are shut down, which answer for none.
    """
    root = parse(config, platform) if isinstance(config, str) else config
    return tuple(
        AddressUse(address.ip, device, one.name, one.vrf, address.shared)
        for one in view_of(root, platform).interfaces.values()
        if not one.shutdown
        for address in dict.fromkeys(one.addresses)
        if is_global(address.ip)
    )
