"""The levels of risk."""

from __future__ import annotations

from changes.domain.labels import Labelled


class RiskLevel(Labelled):
    """How risky a change is, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """Its place from below, counted from 0."""
        return tuple(RiskLevel).index(self)
