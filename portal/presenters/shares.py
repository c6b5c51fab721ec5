"""States of many devices as one bar of proportional parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from changes.domain.run_states import DEVICE_ACTIVE, DeviceRunState

ORDER: Final = (
    "succeeded", "rolled_back", "blocked", "skipped", "failed", "rollback_failed", "unknown", "running",
    "rollback_pending", "pending",
)  # fmt: skip
"""From what is done to what waits; *running* stands for every step that a worker is at."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the bar, in per cent of its width."""

    state: str
    count: int
    start: float
    width: float
    live: bool = False


def shares_of(states: Mapping[DeviceRunState, int]) -> tuple[Share, ...]:
    """The parts of a bar, in the order of :data:`ORDER`; none where there is no device."""
    counts: Counter[str] = Counter()
    for state, count in states.items():
        counts["running" if state in DEVICE_ACTIVE else state.value] += count
    total, start, shares = counts.total(), 0.0, []
    for name in ORDER:
        if counts[name]:
            width = 100 * counts[name] / total
            shares.append(Share(name, counts[name], round(start, 1), round(width, 1), live=name == "running"))
            start += width
    return tuple(shares)
