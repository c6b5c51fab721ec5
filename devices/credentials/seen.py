"""The secret values that this process has fetched, kept for one use only: finding them in texts to mask them.

A session's end does not end the texts about it: errors, transcripts and log lines come later. So the values stay for
a while, without a name, a number of them at most, and never leave the process.
"""

from __future__ import annotations

import threading
import time
from typing import Final

KEPT_S: Final = 3600
AT_MOST: Final = 500

_guard = threading.Lock()
_seen: dict[str, float] = {}
_as_set: list[frozenset[str]] = []
"""The values as the set that was given out last, until they change."""


def remember(*values: str) -> None:
    """Know these values from now on; the longest unused ones are let go first."""
    now = time.monotonic()
    with _guard:
        for value in filter(None, values):
            _seen.pop(value, None)
            _seen[value] = now
        for value in [value for value, at in _seen.items() if now - at > KEPT_S]:
            del _seen[value]
        while len(_seen) > AT_MOST:
            del _seen[next(iter(_seen))]
        if _as_set and _as_set[0] != _seen.keys():
            _as_set.clear()


def seen_values() -> frozenset[str]:
    """The values known now; the same object until they change."""
    with _guard:
        if not _as_set:
            _as_set.append(frozenset(_seen))
        return _as_set[0]


def forget() -> None:
    """Let go of all of them, as at the end of a process."""
    with _guard:
        _seen.clear()
        _as_set.clear()
