"""What the demo's calendar holds: a maintenance window that comes again, a freeze to come, and a scheduled change.

Only the distribution switches have a maintenance window, so that changes of the access switches can be tried at any
hour.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from audit.actor import Actor
from changes.models import ChangeRequest
from changes.services.freezes import freeze_declare
from changes.services.maintenance_windows import window_declare
from changes.services.scheduling import change_schedule, slot_next
from changes.services.windows import database_now

WINDOW: Final[dict[str, object]] = {
    "name": "Sunday night",
    "starts_at": "2026-01-04T02:00",
    "minutes": 240,
    "rule": "FREQ=WEEKLY;BYDAY=SU",
    "time_zone": "Europe/Berlin",
    "scope": {"roles": ["distribution"]},
    "comment": "Agreed with the plants: on Sunday nights nobody works behind the distribution switches.",
}
_FREEZE_IN: Final = timedelta(days=12)
_FREEZE_FOR: Final = timedelta(days=4)
_MINUTES: Final = 60


def calendar_fill(manager: Actor) -> None:
    """Declare the window and the freeze, for a change manager."""
    window_declare(actor=manager, data=WINDOW)
    begins = (database_now() + _FREEZE_IN).replace(hour=0, minute=0, second=0, microsecond=0)
    freeze_declare(
        actor=manager,
        data={
            "name": "Stocktaking",
            "starts_at": begins.isoformat(),
            "ends_at": (begins + _FREEZE_FOR).isoformat(),
            "exempt_types": ["emergency"],
            "comment": "The warehouses count their stock, and every scanner must work.",
        },
    )


def schedule_freely(change: ChangeRequest, actor: Actor) -> None:
    """Set the change's window to the first free period that begins a day from now or later."""
    period = slot_next(change, minutes=_MINUTES, after=database_now() + timedelta(days=1)).period
    if period is not None:
        times = {"window_start": period.start.isoformat(), "window_end": period.end.isoformat()}
        change_schedule(change_id=change.pk, actor=actor, data=times)
