"""Proposed redactions that nobody has decided, and that keep events in the table whose time is over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_WAITING: Final = """
SELECT redaction.id, redaction.event_id, event.change_id, redaction.proposed_by_name, redaction.proposed_at
FROM audit_redaction redaction JOIN audit_event event ON event.id = redaction.event_id
LEFT JOIN audit_ended_change ended ON ended.change_id = event.change_id
JOIN audit_retention_period period
    ON period.change_class = CASE WHEN event.change_id IS NULL THEN 'none' ELSE ended.change_class END
WHERE redaction.state = 'proposed'
    AND coalesce(ended.ended_at, event.at) < clock_timestamp() - make_interval(days => period.days)
ORDER BY redaction.id
"""


@dataclass(frozen=True, slots=True)
class WaitingRedaction:
    """A proposal to be decided on before its event, and those of the same change, can go to an archive."""

    redaction_id: int
    event_id: int
    change_id: int | None
    proposed_by: str
    proposed_at: datetime

    @property
    def sentence(self) -> str:
        """For people."""
        also = f" and all others of the change {self.change_id}" if self.change_id else ""
        return (
            f"The redaction {self.redaction_id} was proposed by {self.proposed_by} on {self.proposed_at:%Y-%m-%d}, and"
            f" nobody has decided on it. Until then event {self.event_id}{also} stay{'' if also else 's'} in the table,"
            " though the time is over."
        )


def waiting_redactions(cursor: Any) -> tuple[WaitingRedaction, ...]:  # noqa: ANN401 - any cursor
    """Those that keep something from an archive now; one query."""
    cursor.execute(_WAITING)
    return tuple(WaitingRedaction(*row) for row in cursor.fetchall())
