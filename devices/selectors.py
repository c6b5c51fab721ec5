"""Reading devices: lists, one device, and the devices that a filter selects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.db.models import QuerySet

from devices.errors import UnknownDeviceFilterError
from devices.models import ConfigSnapshot, Device, DeviceQuerySet, LiveFact

DEVICE_FILTERS = ("name", "site", "role", "platform", "status", "source", "tag", "tenant", "criticality")
"""What devices can be selected by. Values of one key are alternatives; keys are combined."""


def devices_matching(filters: Mapping[str, str | Sequence[str]]) -> DeviceQuerySet:
    """Every device that satisfies all filters; in ``name`` an asterisk stands for any characters.

    Raises:
        UnknownDeviceFilterError: a key is not one of :data:`DEVICE_FILTERS`.
    """
    unknown = sorted(set(filters) - set(DEVICE_FILTERS))
    if unknown:
        raise UnknownDeviceFilterError(
            f"There is no device filter “{unknown[0]}”. Known filters: {', '.join(DEVICE_FILTERS)}."
        )
    devices = Device.objects.order_by("name", "id")
    for key, given in filters.items():
        values = [given] if isinstance(given, str) else list(given)
        values = [value for value in values if value]
        if not values:
            continue
        if key == "tag":
            devices = devices.filter(tags__overlap=values)
        elif key == "name":
            devices = devices.filter(name__iregex="|".join(map(_glob, values)))
        else:
            devices = devices.filter(**{f"{key}__in": values})
    return devices


def _glob(pattern: str) -> str:
    """A name pattern as PostgreSQL's regular expression; only the asterisk is special."""
    return "^" + re.escape(pattern).replace(r"\*", ".*") + "$"


def device_facets() -> dict[str, list[str]]:
    """The distinct sites, roles, platforms and tags, for the choices of a filter form; four small queries."""
    facets = {
        name: list(Device.objects.exclude(**{name: ""}).order_by(name).values_list(name, flat=True).distinct())
        for name in ("site", "role", "platform")
    }
    facets["tag"] = sorted({tag for tags in Device.objects.values_list("tags", flat=True) for tag in tags})
    return facets


def latest_snapshot(device_id: int) -> ConfigSnapshot | None:
    """The newest snapshot of a device, with its text."""
    return ConfigSnapshot.objects.filter(device_id=device_id).select_related("blob").order_by("-id").first()


def snapshots_of(device_id: int) -> QuerySet[ConfigSnapshot]:
    """A device's snapshots, newest first, without their texts."""
    return ConfigSnapshot.objects.filter(device_id=device_id).select_related("blob").defer("blob__compressed")


FACT_FILTERS = ("field", "mode", "verdict", "source")
"""What compared facts can be selected by."""


def facts_matching(filters: Mapping[str, str]) -> QuerySet[LiveFact]:
    """Compared facts that satisfy all filters, with their devices."""
    columns = {"source": "device__source"}
    wanted = {columns.get(name, name): value for name, value in filters.items()}
    return LiveFact.objects.filter(**wanted).select_related("device")
