"""How far a reader has seen: PostgreSQL's own snapshot, as text that travels to the reader and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

LONGEST: Final = 4_000
_FORM: Final = re.compile(r"([0-9]{1,19}):([0-9]{1,19}):((?:[0-9]{1,19}(?:,[0-9]{1,19})*)?)")
_LARGEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Watermark:
    """A snapshot: every transaction below ``xmin`` is seen, none from ``xmax`` on, and none of those under way.

    ``text`` is the form of ``pg_current_snapshot()``, ``xmin:xmax:xip,xip``
    (https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT).
    """

    text: str
    xmin: int
    xmax: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The watermark in a text from outside; None for anything that PostgreSQL would not read."""
        found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
        if found is None:
            return None
        xmin, xmax = int(found[1]), int(found[2])
        under_way = [int(number) for number in found[3].split(",") if number]
        good = 0 < xmin <= xmax < _LARGEST and under_way == sorted(under_way)
        inside = all(xmin <= number < xmax for number in under_way)
        return cls(text, xmin, xmax) if good and inside else None
