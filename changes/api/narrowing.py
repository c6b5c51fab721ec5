"""Narrowing the device rows of a plan or a run."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from django.db.models import Q, QuerySet

from audit.errors import BadFilterError
from changes.models import DevicePlan, DeviceRun

Row = TypeVar("Row", DevicePlan, DeviceRun)

DEVICE_ROW_FILTERS = {"device": "One device, by its id or its name.", "state": "Devices in this state."}
_LONGEST_ID = 18


def narrowed(rows: QuerySet[Row], filters: Mapping[str, str], states: type[StrEnum]) -> QuerySet[Row]:
    """Rows of one device, or in one state, or all.

    Raises:
        BadFilterError: no such state.
    """
    device = filters.get("device", "")
    if device:
        by_name = Q(device__name__iexact=device)
        is_id = device.isascii() and device.isdecimal() and len(device) <= _LONGEST_ID
        rows = rows.filter(by_name | Q(device_id=int(device)) if is_id else by_name)
    state = filters.get("state", "")
    if state:
        if state not in set(states):
            raise BadFilterError("state", f"state takes one of: {', '.join(states)}.")
        rows = rows.filter(state=state)
    return rows
