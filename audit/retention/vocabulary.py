"""The words of retention. Pure."""

from enum import StrEnum
from typing import Final

SHORTEST_DAYS: Final = 400
"""So that key figures and reports of the last twelve months always find their events."""
LONGEST_DAYS: Final = 36_500


class RetentionClass(StrEnum):
    """Classes of events with a period of their own: by the type of their change, and those without a change."""

    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"
    NONE = "none"

    @property
    def label(self) -> str:
        """What pages call it."""
        return "Events without a change" if self is RetentionClass.NONE else f"{self.value.title()} changes"


class HoldState(StrEnum):
    """Where a legal hold stands. While its release is only proposed, it holds."""

    ACTIVE = "active"
    RELEASE_PROPOSED = "release_proposed"
    RELEASED = "released"

    @property
    def label(self) -> str:
        """What pages call it."""
        return {"active": "Holds", "release_proposed": "Release proposed", "released": "Released"}[self.value]
