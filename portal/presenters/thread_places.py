"""The lines of a device's diff that somebody may speak about, as a form offers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from changes.domain.discussions import LineSide
from changes.models import DevicePlan
from devices.domain.diffing import diff_view
from portal.presenters.visible import Mask

SHOWN: Final = 500
_SIGNS: Final = {"add": "+", "del": "-", "context": " "}


@dataclass(frozen=True, slots=True)
class LineChoice:
    """One line; ``value`` is its side and number: ``intended:7``."""

    value: str
    side: LineSide
    number: int
    sign: str
    text: str

    @property
    def words(self) -> str:
        """The line as a choice."""
        return f"{self.sign} {self.number}: {self.text}"


def lines_of(plan: DevicePlan, mask: Mask) -> list[LineChoice]:
    """The lines of a plan's diff, masked; at most :data:`SHOWN`, each side of an unchanged line once."""
    found: list[LineChoice] = []
    diff = plan.content.expected_diff if plan.payload else ""
    for hunk in diff_view(mask.text(diff)) if diff else ():
        for row in hunk.rows:
            for side, number in ((LineSide.RUNNING, row.old_number), (LineSide.INTENDED, row.new_number)):
                # An unchanged line stands on both sides; the intended one is offered.
                if number and (side is LineSide.INTENDED or row.new_number is None):
                    found.append(LineChoice(f"{side}:{number}", side, number, _SIGNS[row.kind], row.text))
    return found[:SHOWN]


def place_words(plan: DevicePlan, line: LineChoice | None) -> str:
    """Where a new thread will stand."""
    if line is None:
        return f"On the plan of {plan.device.name}"
    return f"On {plan.device.name}, {line.side.label.lower()} configuration, line {line.number}"
