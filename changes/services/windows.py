"""The maintenance window of a change, and change freezes: asked before a start, each wave and each device.

Both by the database's clock.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

from django.db import connection

from changes.domain.gates import Finding, Observation
from changes.domain.windows import Closed, Period, why_closed
from changes.errors import ConflictError
from changes.models import ChangeFreeze, ChangeRequest
from devices.domain.severity import Severity
from devices.services.statements import prepared


def database_now() -> datetime:
    """The clock that all hosts share. One query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def window_of(change: ChangeRequest) -> Period | None:
    """The change's window; None: none is set."""
    return Period.of(change.window_start, change.window_end)


def window_closed(change: ChangeRequest) -> Closed | None:
    """Why nothing of this change may be started now; None: it may. Two queries where a window or a freeze is."""
    window, freezes = window_of(change), freezes_in_force()
    return why_closed(database_now(), window, freezes) if window or freezes else None


def freezes_in_force() -> tuple[Period, ...]:
    """The freezes that forbid a start now; one query."""
    return tuple(Period(start, end, name) for start, end, name in prepared(*_in_force()))


@cache
def _in_force() -> tuple[str, tuple[object, ...]]:
    """The statement, composed once: it is asked before each device."""
    rows = ChangeFreeze.objects.in_force().order_by("ends_at").values_list("starts_at", "ends_at", "name")
    return rows.query.sql_with_params()


def refuse_outside_window(change: ChangeRequest) -> None:
    """Let a start or a resumption through only while the window is open and no freeze is in force.

    Raises:
        ConflictError: it is not; the code is that of the rule.
    """
    closed = window_closed(change)
    if closed:
        raise ConflictError(closed.sentence, code=closed.code)


def window_seen(change: ChangeRequest) -> Observation:
    """What the window's gate of the pre-check ladder sees."""
    window, closed = window_of(change), window_closed(change)
    findings = (Finding(closed.code, Severity.MAJOR, closed.sentence),) if closed else ()
    if window is None:
        return Observation(findings, note="No window is set for this change, and no freeze is in force.")
    return Observation(
        findings, note=f"It is open: {window.words}.", values=({"name": "window", "value": window.words},)
    )
