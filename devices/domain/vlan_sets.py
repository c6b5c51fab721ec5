"""Sets of VLAN numbers as switches write them: ``10,20-22``."""

import re
from collections.abc import Iterable
from itertools import count, groupby

ALL_VLANS = frozenset(range(1, 4095))
_SET = re.compile(r"\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*")


def parse_vlans(text: str) -> frozenset[int] | None:
    """Read a set; ``none`` is the empty and ``all`` the whole one; None when the text is no set of VLANs 1 to 4094."""
    if text in ("none", "all"):
        return ALL_VLANS if text == "all" else frozenset()
    if not _SET.fullmatch(text):
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers) if numbers and numbers <= ALL_VLANS else None


def render_vlans(numbers: Iterable[int]) -> str:
    """Write a set; runs of three and more become ranges, as the device prints them."""
    ordered = sorted(set(numbers))
    if not ordered:
        return "none"
    parts: list[str] = []
    for _, group in groupby(zip(ordered, count(), strict=False), key=lambda pair: pair[0] - pair[1]):
        run = [number for number, _ in group]
        parts.extend([f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run))
    return ",".join(parts)
