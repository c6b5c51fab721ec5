"""How often something happened in this minute, by key, in a memory that does not grow. Pure but for its clock."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from typing import Final

MINUTE_S: Final = 60
MOST_KEYS: Final = 20_000
_OTHERS: Final = ""


class MinuteCounts:
    """Counts that begin anew each minute; what comes after the first 20,000 keys of a minute is one key together.

    Django's own cache in memory keeps 300 values and drops the oldest: who sends under many names would push his own
    count out. Each process counts for itself. May be used by several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._minute = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def add(self, key: str) -> int:
        """Count one more; how many it makes in this minute."""
        with self._lock:
            self._turn()
            place = key if key in self._now or len(self._now) < self._most_keys else _OTHERS
            self._now[place] = self._now.get(place, 0) + 1
            return self._now[place]

    def of(self, key: str) -> int:
        """How many there are in this minute."""
        with self._lock:
            self._turn()
            return self._now.get(key, 0)

    def take_last(self, key: str) -> int:
        """How many there were when the key was last counted in a minute that is over; asked again, none."""
        with self._lock:
            self._turn()
            return self._before.pop(key, 0)

    def left_s(self) -> int:
        """Whole seconds until the minute is over, at least 1."""
        return MINUTE_S - int(self._clock()) % MINUTE_S

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._now, self._before = {}, {}

    def _turn(self) -> None:
        minute = int(self._clock()) // MINUTE_S
        if minute == self._minute:
            return
        kept = {**self._before, **self._now}
        self._before = kept if len(kept) <= self._most_keys else self._now
        self._now, self._minute = {}, minute


def network_of(address: str) -> str:
    """Whose address it is: of IPv6 the first 64 bits, since one line has 2^64 addresses; of IPv4 the whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return address
