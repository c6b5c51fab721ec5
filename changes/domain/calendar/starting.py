"""Changes that start by themselves: what may become of such an order, and how late it may be. Pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from changes.domain.labels import Labelled

GRACE: Final = timedelta(minutes=15)
"""A change that was not started so long after its window opened is not started by itself any more."""
START_LATE: Final = "START_LATE"
START_OUTDATED: Final = "START_OUTDATED"


class StartState(Labelled):
    """Where such an order stands; every one but the first is its end."""

    WAITING = "waiting"
    STARTED = "started"
    REFUSED = "refused"
    LATE = "late"
    CALLED_OFF = "called_off"


def is_late(starts_at: datetime, now: datetime, *, grace: timedelta = GRACE) -> bool:
    """Whether the moment is too long after the window opened: people may have gone home who meant to watch."""
    return now > starts_at + grace
