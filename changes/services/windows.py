"""The window of a change, maintenance windows and change freezes: asked before a start, each wave and each device.

All by the database's clock and as they are now, not as they were when the change was scheduled. A freeze or a recurring
window counts where its scope holds for a device that is still to be written to; a freeze, where it does not let the
change's type through.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

from django.db import connection

from changes.domain.calendar.freezes import ScopedFreeze
from changes.domain.calendar.legality import NEEDS_NO_WINDOW, closed_at
from changes.domain.calendar.recurring import RecurringWindow, stored_window
from changes.domain.calendar.scope import CalendarDevice, Scope
from changes.domain.gates import Finding, Observation
from changes.domain.states import ChangeType, DevicePlanState
from changes.domain.windows import Closed, Period, why_closed
from changes.errors import ConflictError
from changes.models import ChangeFreeze, ChangeRequest, DevicePlan, MaintenanceWindow, Run
from devices.domain.severity import Severity
from devices.models import Device
from devices.services.statements import prepared

_SORT: Final = ("device__site", "device__role", "device__tags", "device__tenant")


def database_now() -> datetime:
    """The clock that all hosts share. One query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def window_of(change: ChangeRequest) -> Period | None:
    """The change's window; None: none is set."""
    return Period.of(change.window_start, change.window_end)


def window_closed(change: ChangeRequest, run: Run | None = None) -> Closed | None:
    """Why nothing of this change may be started now; None: it may. Two queries where a window or a freeze is.

    With a run, freezes count for its devices that have not ended, and their recurring windows must be open as they are
    declared now; that takes one query more. Without one, freezes count for all devices that the plan would write to,
    and recurring windows are left to :mod:`changes.services.start_window`. The devices take one query more where a
    scope asks for them.
    """
    kind = ChangeType(change.type)
    holding = [freeze for freeze in freezes_in_force() if freeze.holds_for(kind)]
    recurring = windows_held() if run is not None and kind not in NEEDS_NO_WINDOW else ()
    devices: Sequence[CalendarDevice] = ()
    if recurring or any(not freeze.scope.is_all for freeze in holding):
        devices = _sorts_of_devices(change, run)
        holding = [freeze for freeze in holding if any(map(freeze.scope.includes, devices))]
    return _closed(window_of(change), holding) or _maintenance_over(devices, recurring)


def freezes_in_force() -> tuple[ScopedFreeze, ...]:
    """The freezes of this moment; one query."""
    return tuple(_freeze(*row) for row in prepared(*_in_force()))


def windows_held() -> tuple[RecurringWindow, ...]:
    """The recurring windows that were not lifted; one query."""
    return tuple(_recurring(*row[:-1], _text(row[-1])) for row in prepared(*_held()))


def refuse_outside_window(change: ChangeRequest, run: Run | None = None) -> None:
    """Let a start or a resumption through only while the window is open and no freeze is in force.

    Raises:
        ConflictError: it is not; the code is that of the rule.
    """
    closed = window_closed(change, run)
    if closed:
        raise ConflictError(closed.sentence, code=closed.code)


def window_seen(change: ChangeRequest, device: Device) -> Observation:
    """What the window's gate of the pre-check ladder sees for a device; four queries at most."""
    kind, fact = ChangeType(change.type), calendar_device(device)
    holding = [each for each in freezes_in_force() if each.holds_for(kind) and each.scope.includes(fact)]
    window = window_of(change)
    recurring = () if kind in NEEDS_NO_WINDOW else windows_held()
    closed = _closed(window, holding) or _maintenance_over([fact], recurring)
    findings = (Finding(closed.code, Severity.MAJOR, closed.sentence),) if closed else ()
    if window is None:
        return Observation(findings, note="No window is set for this change, and no freeze is in force.")
    return Observation(
        findings, note=f"It is open: {window.words}.", values=({"name": "window", "value": window.words},)
    )


def calendar_device(device: Device) -> CalendarDevice:
    """A device as the scopes of the calendar judge it; what keeps it apart from others is left out."""
    return CalendarDevice(device.name, device.site, device.role, frozenset(device.tags), device.tenant)


def _closed(window: Period | None, freezes: Iterable[ScopedFreeze]) -> Closed | None:
    periods = [freeze.period for freeze in freezes]
    return why_closed(database_now(), window, periods) if window or periods else None


def _maintenance_over(devices: Sequence[CalendarDevice], recurring: Sequence[RecurringWindow]) -> Closed | None:
    """Why a recurring window stands against a device at this moment; a query for the clock where there is any."""
    bound = [window for window in recurring if any(map(window.scope.includes, devices))]
    return closed_at(database_now(), devices, bound) if bound else None


@cache
def _held() -> tuple[str, tuple[object, ...]]:
    """The statement, composed once: it is asked before each device."""
    rows = MaintenanceWindow.objects.held().order_by("pk")
    wanted = rows.values_list("name", "starts_at", "minutes", "rule", "time_zone", "scope")
    return wanted.query.sql_with_params()


@lru_cache(maxsize=512)
def _recurring(name: str, starts_at: str, minutes: int, rule: str, time_zone: str, scope: str) -> RecurringWindow:
    """A stored window, read once as long as it says the same."""
    return stored_window(
        name=name, starts_at=starts_at, minutes=minutes, rule=rule, time_zone=time_zone, scope=json.loads(scope)
    )


@cache
def _in_force() -> tuple[str, tuple[object, ...]]:
    """The statement, composed once: it is asked before each device."""
    rows = ChangeFreeze.objects.in_force().order_by("ends_at")
    wanted = rows.values_list("starts_at", "ends_at", "name", "scope", "exempt_types")
    return wanted.query.sql_with_params()


def _freeze(starts_at: datetime, ends_at: datetime, name: str, scope: Any, exempt: Any) -> ScopedFreeze:  # noqa: ANN401
    held = Scope.stored(_json(scope))
    return ScopedFreeze(Period(starts_at, ends_at, name), held, frozenset(map(ChangeType, _json(exempt))))


def _text(value: Any) -> str:  # noqa: ANN401 - as for `_json`
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _json(value: Any) -> Any:  # noqa: ANN401 - psycopg gives jsonb as text, as Django told it to
    return json.loads(value) if isinstance(value, str) else value


def _sorts_of_devices(change: ChangeRequest, run: Run | None) -> tuple[CalendarDevice, ...]:
    """One device of each site, role and set of tags among those concerned: scopes cannot tell more of them apart."""
    if run is not None:
        found: Iterable[tuple[Any, ...]] = run.device_runs.open().order_by().values_list(*_SORT).distinct()
    else:
        plans = DevicePlan.objects.filter(revision=change.revision_id, state=DevicePlanState.READY).order_by()
        found = plans.values_list(*_SORT).distinct()
    return tuple(CalendarDevice("", site, role, frozenset(tags), tenant) for site, role, tags, tenant in found)
