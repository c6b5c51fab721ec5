"""The targets of an installation: from one line of text to the bounds by which figures are judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from changes.domain.kpis.definitions import BY_KEY, KPIS, Better, Kpi, Unit

Bounds = tuple[int, int] | None
"""The green and the red bound in the figure's own measure; None: the figure has no target."""
NONE: Final = "none"
_SHARE: Final = re.compile(r"(\d{1,3})(?:\.(\d))? ?%", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,5}) ?(s|min|h|d)", re.ASCII)
_COUNT: Final = re.compile(r"\d{1,6}", re.ASCII)
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_EXAMPLES: Final[Mapping[Unit, str]] = {
    Unit.SHARE: "a share such as 95% or 97.5%",
    Unit.MEDIAN: "a time such as 30min, 4h or 2d",
    Unit.MEAN: "a time such as 30min, 4h or 2d",
    Unit.COUNT: "a whole number such as 0",
}


class TargetError(ValueError):
    """The targets cannot be used; the sentence says which, and what is accepted."""


def parse_targets(text: str) -> dict[str, Bounds]:
    """Read ``success-rate=97%,90%; lead-time=3d,10d; emergency-share=none``: the target, then where a gap begins.

    Figures that are not named keep the product's targets.

    Raises:
        TargetError: no such figure, one named twice, a value of another measure, or bounds in the wrong order.
    """
    found: dict[str, Bounds] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        kpi = BY_KEY.get(key)
        if kpi is None or not equals:
            raise TargetError(
                f"“{part[:80]}” names no figure. Write figure=target,gap with one of: {', '.join(BY_KEY)}."
            )
        if kpi.better is Better.NEITHER:
            raise TargetError(f"{key} has no better or worse, so it takes no target.")
        if key in found:
            raise TargetError(f"{key} is named twice.")
        found[key] = None if value == NONE else _bounds(kpi, value)
    return found


def with_targets(targets: Mapping[str, Bounds]) -> tuple[Kpi, ...]:
    """Every figure, with these targets in place of the product's."""
    return tuple(_with(kpi, targets[kpi.key]) if kpi.key in targets else kpi for kpi in KPIS)


def _with(kpi: Kpi, bounds: Bounds) -> Kpi:
    green, red = bounds or (None, None)
    return replace(kpi, green=green, red=red)


def _bounds(kpi: Kpi, value: str) -> tuple[int, int]:
    given = [piece.strip() for piece in value.split(",")]
    if len(given) != 2:
        raise TargetError(f"{kpi.key} takes two bounds, the target and the gap, or {NONE}; “{value[:40]}” is not that.")
    green, red = (_measure(kpi, piece) for piece in given)
    if (green <= red) if kpi.better is Better.HIGHER else (green >= red):
        order = "above" if kpi.better is Better.HIGHER else "below"
        raise TargetError(f"{kpi.key}: the target must lie {order} the gap.")
    return green, red


def _measure(kpi: Kpi, text: str) -> int:
    if kpi.unit is Unit.SHARE and (share := _SHARE.fullmatch(text)):
        tenths = int(share[1]) * 10 + int(share[2] or 0)
        if tenths <= 1000:
            return tenths
    elif kpi.unit in {Unit.MEDIAN, Unit.MEAN} and (time := _TIME.fullmatch(text)):
        return int(time[1]) * _SECONDS[time[2]]
    elif kpi.unit is Unit.COUNT and _COUNT.fullmatch(text):
        return int(text)
    raise TargetError(f"{kpi.key}: “{text[:40]}” is no bound. Give {_EXAMPLES[kpi.unit]}.")
