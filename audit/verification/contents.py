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
_at_the_end: dict[str, Comparison] = {}


def register(name: str, comparison: Comparison, *, at_the_end: bool = False) -> None:
    """Have every verification of the whole log make this comparison too; a second one of the name replaces it.

    ``at_the_end`` is for what the application's login alone could spoil for ever, since the log only grows: it must not
    hide what the other comparisons find.
    """
    (_at_the_end if at_the_end else _registered)[name] = comparison


def comparisons() -> tuple[Comparison, ...]:
    """All that are registered, in the order in which they are made."""
    return (*_registered.values(), *_at_the_end.values())
