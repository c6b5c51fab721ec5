"""The words of approval policies: days, steps, duties, and their labels.

Kinds of content and severities are those of the warnings: `devices.domain.warnings` and `devices.domain.severity`.
"""

from __future__ import annotations

from typing import Final

from changes.domain.labels import Labelled


class Weekday(Labelled):
    """The days of a week; the order is that of :meth:`datetime.date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class BusinessHours(Labelled):
    """How a maintenance window lies to the business hours of a policy."""

    TOUCHED = "touched"
    """At least a minute of it lies in business hours."""
    OUTSIDE = "outside"
    """All of it lies outside."""


class StageStep(Labelled):
    """Which of the two steps of a review a stage belongs to; all stages of the first stand before the second."""

    ASSESSMENT = "assessment"
    AUTHORIZATION = "authorization"


class Duty(Labelled):
    """What a policy may ask beside approvals. A duty is asked or it is not; no rule can take it back."""

    RESOLVE_THREADS = "resolve_threads"
    """No approval while a discussion thread is unresolved."""
    IMPLEMENTER_APART = "implementer_apart"
    """Who wrote or edited the change may not carry it out."""
    NO_CARRY_OVER = "no_carry_over"
    """No approval of an earlier revision is carried over."""
    REVIEW = "review"
    """A post-implementation review before the change is closed."""

    @property
    def label(self) -> str:
        """The words on a page."""
        return _DUTY_LABELS[self]


_DUTY_LABELS: Final = {
    Duty.RESOLVE_THREADS: "Resolve every discussion thread before approval",
    Duty.IMPLEMENTER_APART: "Another person than author and editors implements",
    Duty.NO_CARRY_OVER: "Approvals of earlier revisions are not carried over",
    Duty.REVIEW: "Post-implementation review",
}
