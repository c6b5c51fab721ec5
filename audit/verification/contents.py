"""What else the log is compared with: the tables of the apps above, which state the same things once more.

Those apps lie above this one, so they register their comparisons when they start.
"""

from collections.abc import Callable

Comparison = Callable[[int], dict[str, int]]
"""Compares rows with the events from the given id on, in the open snapshot.

It returns how many things of which kind it compared, in words ("plans": 12), and raises ``Finding`` at the first
that is not what the log says. Its memory must not grow with the number of events.
"""

_registered: dict[str, Comparison] = {}


def register(name: str, comparison: Comparison) -> None:
    """Have every verification of the whole log make this comparison too; a second one of the name replaces it."""
    _registered[name] = comparison


def comparisons() -> tuple[Comparison, ...]:
    """All that are registered."""
    return tuple(_registered.values())
