"""Which devices of a NetBox are wanted: a filter as NetBox's own query string, checked here.

NetBox ignores a filter that it does not know and answers with every device, so a misspelt name would widen the
inventory to the whole network. Only names of this list are sent.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

DEVICE_FILTERS: Final = frozenset({
    "cluster", "cluster_id", "device_type", "device_type_id", "has_primary_ip", "location", "location_id",
    "manufacturer", "manufacturer_id", "name", "name__ic", "name__isw", "platform", "platform_id", "rack_id", "region",
    "region_id", "role", "role_id", "site", "site_group", "site_group_id", "site_id", "status", "tag", "tenant",
    "tenant_group", "tenant_id",
})  # fmt: skip
"""What a person may narrow the devices by (NetBox 4, dcim.filtersets.DeviceFilterSet)."""

QUERY_FILTERS: Final[dict[str, frozenset[str]]] = {
    "dcim.devices": DEVICE_FILTERS | {"id", "id__gt", "primary_ip4_id", "primary_ip6_id"},
    "ipam.ip_addresses": frozenset({"id", "id__gt"}),
    "core.object_changes": frozenset({"id__gt"}),
    "extras.journal_entries": frozenset({"assigned_object_type", "assigned_object_id"}),
}
"""What the product itself asks an endpoint by."""

PRESENTATION: Final = frozenset({"fields", "limit", "offset", "ordering"})


class UnknownNetBoxFilterError(ValueError):
    """A filter that NetBox would ignore, or a text that is no filter; the sentence names what is known."""


def parse_device_filter(text: str) -> dict[str, list[str]]:
    """Read ``site=ams1&site=nyc2&role=core``; values of one name are alternatives.

    Raises:
        UnknownNetBoxFilterError: a name that is not in the list, or a part without a value.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError:
        raise UnknownNetBoxFilterError("write it as name=value&name=value.") from None
    wanted: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in DEVICE_FILTERS:
            known = ", ".join(sorted(DEVICE_FILTERS))
            raise UnknownNetBoxFilterError(f"there is no filter {name[:40]!r}. Known filters: {known}.")
        if not value.strip():
            raise UnknownNetBoxFilterError(f"the filter {name!r} has no value.")
        wanted.setdefault(name, []).append(value.strip())
    return wanted


def check_query(endpoint: str, names: frozenset[str]) -> None:
    """Let nothing pass that the endpoint might ignore.

    Raises:
        UnknownNetBoxFilterError: a name that is not in the endpoint's list.
    """
    unknown = sorted(names - QUERY_FILTERS[endpoint] - PRESENTATION)
    if unknown:
        raise UnknownNetBoxFilterError(f"{endpoint} is never asked by {unknown[0]!r}.")
