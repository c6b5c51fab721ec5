"""Narrowing the device rows of a plan or a run."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from django.db.models import Q, QuerySet

from audit.errors import BadFilterError
from changes.models import DevicePlan, DeviceRun
from devices.domain.severity import Severity
from devices.domain.warnings import RULES

Row = TypeVar("Row", DevicePlan, DeviceRun)

DEVICE_ROW_FILTERS = {"device": "One device, by its id or its name.", "state": "Devices in this state."}
PLAN_ROW_FILTERS = {
    **DEVICE_ROW_FILTERS,
    "warning": "Devices with a warning of this code, such as `MANAGEMENT_ACL`, or of this severity.",
}
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


def warned(rows: QuerySet[DevicePlan], warning: str) -> QuerySet[DevicePlan]:
    """Device plans with a warning of a code or of a severity, or all.

    Raises:
        BadFilterError: there is no such code and no such severity.
    """
    if not warning:
        return rows
    if warning in set(Severity):
        return rows.filter(warnings__contains=[{"severity": warning}])
    codes = [rule.code for rule in RULES]
    if warning not in codes:
        takes = f"a severity ({', '.join(Severity)}) or one of: {', '.join(codes)}"
        raise BadFilterError("warning", f"warning takes {takes}.")
    return rows.filter(warnings__contains=[{"code": warning}])
