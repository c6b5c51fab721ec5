"""Every key figure with its formula: what is counted is exactly what stands here, and pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from changes.domain.labels import Labelled


class Unit(Labelled):
    """What a figure is measured in."""

    SHARE = "share"
    """Numerator of denominator; per cent where the denominator is large enough."""
    MEDIAN = "median"
    """Seconds: half of the cases took longer."""
    MEAN = "mean"
    """Seconds: the sum over the cases, divided by their number."""
    COUNT = "count"
    """A number of things."""


class Better(Labelled):
    """Which way is good. Neither: a figure to know, not to improve."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure. ``numerator`` and ``denominator`` are the things that are counted, as the ends of a sentence.

    ``green`` and ``red`` are the bounds of the leadership page: tenths of a per cent for shares, seconds for times,
    things for counts. At ``green`` or better the figure is on target, at ``red`` or worse it is a gap; None: no target.
    """

    key: str
    title: str
    question: str
    formula: str
    numerator: str
    denominator: str
    unit: Unit
    better: Better
    green: int | None = None
    red: int | None = None

    @property
    def unit_words(self) -> str:
        """The unit as a page names it."""
        return {
            Unit.SHARE: "per cent; the two counts alone where fewer than 20 are counted",
            Unit.MEDIAN: "hours and minutes; the median",
            Unit.MEAN: "hours and minutes; the mean",
            Unit.COUNT: "a count",
        }[self.unit]


_CLOSED: Final = "changes that were closed in the period"
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

KPIS: Final[tuple[Kpi, ...]] = (
    Kpi(
        "success-rate",
        "Success rate",
        "How many changes did what was planned?",
        "changes closed as successful ÷ all changes closed",
        "those whose close code is successful",
        _CLOSED,
        Unit.SHARE,
        Better.HIGHER,
        green=950,
        red=850,
    ),
    Kpi(
        "change-failure-rate",
        "Change failure rate",
        "How many changes ended badly?",
        "changes closed as failed or rolled back ÷ all changes closed",
        "those whose close code is failed or rolled back",
        _CLOSED,
        Unit.SHARE,
        Better.LOWER,
        green=50,
        red=150,
    ),
    Kpi(
        "rollback-rate",
        "Rollback rate",
        "How many changes were taken back?",
        "changes closed as rolled back, or with a rollback that a person or the change's strategy ordered"
        " ÷ all changes closed",
        "those closed as rolled back, or rolled back on order",
        _CLOSED,
        Unit.SHARE,
        Better.LOWER,
        green=50,
        red=150,
    ),
    Kpi(
        "safe-abort-ratio",
        "Safe abort ratio",
        "When a change did not succeed, was it stopped before it did harm?",
        "changes closed as aborted ÷ changes closed as aborted, failed or rolled back",
        "those closed as aborted",
        "changes closed in the period as aborted, failed or rolled back",
        Unit.SHARE,
        Better.HIGHER,
    ),
    Kpi(
        "emergency-share",
        "Emergency share",
        "How many changes could not wait?",
        "emergency changes closed ÷ all changes closed",
        "those of the type emergency",
        _CLOSED,
        Unit.SHARE,
        Better.LOWER,
        green=50,
        red=150,
    ),
    Kpi(
        "human-intervention-rate",
        "Human intervention rate",
        "How many changes needed a person while they ran?",
        "changes closed whose run a person paused, resumed, stopped, aborted, rolled back or retried, in which a person"
        " skipped a device, or refused the next wave ÷ all changes closed",
        "those in whose run a person stepped in; planned gates that were let through do not count",
        _CLOSED,
        Unit.SHARE,
        Better.LOWER,
        green=100,
        red=300,
    ),
    Kpi(
        "evidence-completeness",
        "Evidence completeness",
        "Can every change be proved afterwards?",
        "changes closed with a plan digest, decisions that name it (or a pre-approval), a run of exactly this digest,"
        " the configuration before and after on every device that was written, and a review where one is demanded"
        " ÷ all changes closed",
        "those of which nothing is missing",
        _CLOSED,
        Unit.SHARE,
        Better.HIGHER,
        green=1000,
        red=980,
    ),
    Kpi(
        "high-risk-approvals",
        "High-risk approvals recorded",
        "Was every change of high risk approved by somebody on record?",
        "changes of high risk closed with an approval that names the digest of their plan"
        " ÷ changes of high risk closed",
        "those with such an approval",
        "changes of high risk that were closed in the period",
        Unit.SHARE,
        Better.HIGHER,
        green=1000,
        red=990,
    ),
    Kpi(
        "lead-time",
        "Lead time",
        "How long from the idea to the end of the run?",
        "for each change closed, from its first draft to the end of its last run; then the median",
        "seconds from draft to the end of the last run",
        _CLOSED,
        Unit.MEDIAN,
        Better.LOWER,
        green=5 * _DAY,
        red=15 * _DAY,
    ),
    Kpi(
        "time-to-approve",
        "Time to approve",
        "How long does each approval stage take?",
        "for each stage of a change that got the last of its approvals in the period, from the submission, or from the"
        " end of the stage before it, to the stage's last approval; then the median. Approvals carried over do not"
        " count",
        "seconds from the opening of a stage to its last approval",
        "approval stages of changes that got their last approval in the period",
        Unit.MEDIAN,
        Better.LOWER,
        green=1 * _DAY,
        red=3 * _DAY,
    ),
    Kpi(
        "time-to-detect",
        "Mean time to detect",
        "How long until trouble was noticed?",
        "for each review of a change closed that gives both times, from the beginning of the trouble to its detection;"
        " then the mean",
        "seconds from beginning to detection, added up",
        "submitted reviews of changes closed in the period that give both times",
        Unit.MEAN,
        Better.LOWER,
        green=600,
        red=_HOUR,
    ),
    Kpi(
        "time-to-restore",
        "Mean time to restore",
        "How long until all was as before?",
        "for each review of a change closed that gives both times, from detection to restoration; then the mean",
        "seconds from detection to restoration, added up",
        "submitted reviews of changes closed in the period that give both times",
        Unit.MEAN,
        Better.LOWER,
        green=1800,
        red=4 * _HOUR,
    ),
    Kpi(
        "unauthorized-changes",
        "Unauthorized changes",
        "What was changed past the process?",
        "drift records first seen in the period that no change request explains",
        "drift records without a change",
        "",
        Unit.COUNT,
        Better.LOWER,
        green=0,
        red=5,
    ),
)
BY_KEY: Final[Mapping[str, Kpi]] = {kpi.key: kpi for kpi in KPIS}
TIME_TO_APPROVE: Final = "time-to-approve"
UNAUTHORIZED: Final = "unauthorized-changes"
ON_CLOSED: Final = frozenset(BY_KEY) - {TIME_TO_APPROVE, UNAUTHORIZED}
"""The figures that are counted over closed changes."""
ON_CHANGES: Final = ON_CLOSED | {TIME_TO_APPROVE}
"""The figures whose changes can be listed; unauthorized changes are drift records, which have a list of their own."""
