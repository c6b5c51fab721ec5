"""How much of what is refused is told, and when somebody who is refused again and again has to wait.

Counts are kept per web process and for a minute (``MinuteCounts``), so the true limits are these times the processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portal.minute_counts import MinuteCounts, network_of

TOO_MANY: Final = 429
OF_ONE_KIND: Final = 10
"""Refusals of one person at one address of the product that are told, each by itself, in a minute."""
OF_ONE_PERSON: Final = 60
OF_ALL_STRANGERS: Final = 60
"""The same of one person in all, and of all people together who have not signed in."""
REFUSED_AT_MOST: Final = 60
"""Refusals of one person in a minute, after which everything is answered with 429 until it is over."""
SENT_AT_MOST: Final = 1_200
"""Forms that one person may send in a minute; the API has the same limit for all calls."""
FAILED_AT_MOST: Final = 30
"""Failed attempts to sign in from one address in a minute; the API has the same limit."""

counts = MinuteCounts()


@dataclass(frozen=True, slots=True)
class Telling:
    """Whether a refusal becomes an event; ``is_last``: those of its kind that follow in this minute are counted alone.

    ``not_told`` is how many of the person, or of all strangers, were counted alone before, and are told by this event.
    """

    told: bool
    is_last: bool
    not_told: int


def telling(*, status: int, user_id: int | None, address: str, place: str) -> Telling:
    """Count a refusal, and say what becomes of it."""
    stranger = user_id is None
    who = f"at {network_of(address)}" if stranger else str(user_id)
    once = stranger or status == TOO_MANY
    one_kind, in_all = (1 if once else OF_ONE_KIND), (OF_ALL_STRANGERS if stranger else OF_ONE_PERSON)
    together = "strangers" if stranger else who
    counts.add(f"all {together}")
    number = counts.add(f"{status} {who} {'' if once else place}")
    if number > one_kind or counts.of(f"told {together}") >= in_all:
        return Telling(told=False, is_last=False, not_told=0)
    total = counts.add(f"told {together}")
    not_told = counts.take_last(f"all {together}") - counts.take_last(f"told {together}")
    return Telling(
        told=True, is_last=not stranger and (number == one_kind or total == in_all), not_told=max(0, not_told)
    )


def refusal_counted(user_id: int) -> None:
    """Somebody was refused."""
    counts.add(f"refused {user_id}")


def refused_too_often(user_id: int) -> bool:
    """Whether this person has to wait, because of too many refusals."""
    return counts.of(f"refused {user_id}") >= REFUSED_AT_MOST


def sent_too_often(user_id: int) -> bool:
    """Count a form that a person sends; whether there are too many."""
    return counts.add(f"sent {user_id}") > SENT_AT_MOST


def sign_in_failed_counted(address: str) -> None:
    """Somebody failed to sign in from here."""
    counts.add(f"failed at {network_of(address)}")


def failed_too_often(address: str) -> bool:
    """Whether nobody may try to sign in from here until the minute is over."""
    return counts.of(f"failed at {network_of(address)}") >= FAILED_AT_MOST


def unknown_name_told() -> bool:
    """Count an attempt with a name that no account has; whether it becomes an event."""
    return counts.add("unknown names") <= OF_ALL_STRANGERS
