"""The weights of the risk score: data with a version, so that a stored score can be explained years later.

A version that was ever used is never edited; a new one is put beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from changes.domain.labels import Labelled
from changes.domain.risk.facts import Rollback, Timing
from changes.domain.risk.levels import RiskLevel
from devices.domain.criticality import Criticality


class Factor(Labelled):
    """The components of a score, in the order in which they are shown."""

    BLAST_RADIUS = "blast_radius"
    REDUNDANCY = "redundancy"
    CRITICALITY = "criticality"
    TIMING = "timing"
    WARNINGS = "warnings"
    TEMPLATE_HISTORY = "template_history"
    PLATFORM_SAFETY = "platform_safety"
    ROLLBACK = "rollback"
    REQUESTER_HISTORY = "requester_history"


Steps = tuple[tuple[int, int], ...]
"""Pairs of a number and the points from it on, both rising; below the first pair there are none."""


def points_at(steps: Steps, value: int) -> int:
    """The points of a number."""
    return max((points for least, points in steps if value >= least), default=0)


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the weights.

    Attributes:
        most: the most points of each component; all together they are 100.
        devices, share_percent: points of the blast radius; the larger of the two counts.
        alone, unprotected: points by number of devices.
        criticality, timing, rollback: points of each value.
        critical_warning, major_warning, minor_warning: points of each warning.
        doubtful_rate: the estimated share of failures, in per cent, from which a history has all its points.
        medium_from, high_from: the scores at which the levels begin.
        critical_floor: the least level of a change with a critical warning.
        no_way_back_floor: the least level of a change without a way back.
    """

    version: str
    most: Mapping[Factor, int]
    devices: Steps
    share_percent: Steps
    alone: Steps
    unprotected: Steps
    criticality: Mapping[Criticality, int]
    timing: Mapping[Timing, int]
    rollback: Mapping[Rollback, int]
    critical_warning: int
    major_warning: int
    minor_warning: int
    doubtful_rate: int
    medium_from: int
    high_from: int
    critical_floor: RiskLevel = RiskLevel.HIGH
    no_way_back_floor: RiskLevel = RiskLevel.MEDIUM

    def level(self, score: int) -> RiskLevel:
        """The level of a score, without regard to least levels."""
        if score >= self.high_from:
            return RiskLevel.HIGH
        return RiskLevel.MEDIUM if score >= self.medium_from else RiskLevel.LOW


_FIRST: Final = Weights(
    version="1",
    most=MappingProxyType(
        {
            Factor.BLAST_RADIUS: 20,
            Factor.REDUNDANCY: 12,
            Factor.CRITICALITY: 15,
            Factor.TIMING: 8,
            Factor.WARNINGS: 18,
            Factor.TEMPLATE_HISTORY: 8,
            Factor.PLATFORM_SAFETY: 7,
            Factor.ROLLBACK: 9,
            Factor.REQUESTER_HISTORY: 3,
        }
    ),
    devices=((1, 1), (2, 3), (6, 6), (21, 10), (101, 15), (501, 20)),
    share_percent=((1, 1), (11, 4), (26, 8), (51, 12), (100, 15)),
    alone=((1, 5), (2, 8), (6, 10), (21, 12)),
    unprotected=((1, 3), (2, 4), (6, 5), (21, 7)),
    criticality=MappingProxyType(
        {Criticality.LOW: 0, Criticality.NORMAL: 4, Criticality.HIGH: 10, Criticality.VITAL: 15}
    ),
    timing=MappingProxyType({Timing.MAINTENANCE_WINDOW: 0, Timing.OUT_OF_HOURS: 3, Timing.BUSINESS_HOURS: 8}),
    rollback=MappingProxyType(
        {Rollback.REHEARSED: 0, Rollback.SNAPSHOT: 1, Rollback.COMPUTED: 3, Rollback.MANUAL: 6, Rollback.NONE: 9}
    ),
    critical_warning=9,
    major_warning=5,
    minor_warning=1,
    doubtful_rate=50,
    medium_from=30,
    high_from=60,
)

WEIGHTS: Final[Mapping[str, Weights]] = MappingProxyType({_FIRST.version: _FIRST})
"""Every version that a stored score may name."""

CURRENT: Final = _FIRST
"""The version that new scores are computed with."""


class UnknownWeightsError(Exception):
    """A stored score names weights that this release does not have."""


def weights_of(version: str) -> Weights:
    """The weights of a stored score.

    Raises:
        UnknownWeightsError: this release does not have them.
    """
    try:
        return WEIGHTS[version]
    except KeyError:
        raise UnknownWeightsError(f"There are no risk weights of version {version} in this release.") from None
