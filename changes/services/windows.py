"""The maintenance window of a change, by the database's clock: asked before a start, each wave and each device."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from changes.domain.gates import Finding, Observation
from changes.domain.windows import Closed, Period, why_closed
from changes.errors import ConflictError
from changes.models import ChangeRequest
from devices.domain.severity import Severity


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
    """Why nothing of this change may be started now; None: it may. One query where a window is set."""
    window = window_of(change)
    return why_closed(database_now(), window) if window else None


def refuse_outside_window(change: ChangeRequest) -> None:
    """Let a start or a resumption through only while the window is open.

    Raises:
        ConflictError: it is closed; the code is that of the rule.
    """
    closed = window_closed(change)
    if closed:
        raise ConflictError(closed.sentence, code=closed.code)


def window_seen(change: ChangeRequest) -> Observation:
    """What the window's gate of the pre-check ladder sees."""
    window, closed = window_of(change), window_closed(change)
    if window is None:
        return Observation(note="No window is set for this change.")
    findings = (Finding(closed.code, Severity.MAJOR, closed.sentence),) if closed else ()
    return Observation(
        findings, note=f"It is open: {window.words}.", values=({"name": "window", "value": window.words},)
    )
