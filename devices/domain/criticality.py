"""How much depends on a device, as its inventory source says."""

from __future__ import annotations

from enum import StrEnum


class Criticality(StrEnum):
    """How much depends on a device, least first. A device of which nobody said it has none: it is not known."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    VITAL = "vital"

    @property
    def label(self) -> str:
        """The word on a page."""
        return self.value.capitalize()

    @property
    def rank(self) -> int:
        """Its place from below, counted from 0."""
        return tuple(Criticality).index(self)

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Pairs of stored value and label, as a model or form field wants them."""
        return [(member.value, member.label) for member in cls]
