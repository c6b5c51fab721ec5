"""Sections that several reports share: emergencies first of all, drift, and what is open from reviews."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncMonth, TruncWeek

from changes.domain.reports.document import Block, Column, Section, alert, chart, sentence, table
from changes.domain.reports.periods import ReportKind, days_of, series_of, short_name
from changes.domain.reviews.content import ActionState, ReviewState
from changes.domain.states import EXECUTING, ChangeState, ChangeType, CloseCode
from changes.models import ChangeRequest, ReviewAction, Run
from changes.services.reports.frame import ROWS, Frame, capped, spoken
from devices.domain.drift_review import OPEN_STATES
from devices.domain.drift_rules import DriftClass
from devices.models import DriftRecord

_RAN: Final = sorted({*EXECUTING, ChangeState.REVIEW, ChangeState.CLOSED})
_UNREVIEWED: Final = Q(state__in=_RAN) & (Q(review=None) | Q(review__state=ReviewState.DRAFT))


def emergencies(frame: Frame) -> tuple[Section, int]:
    """Every emergency change that was submitted, started or closed in the period, loudly; and how many there were."""
    start, end = frame.days.start_at, frame.days.end_at
    ran = Run.objects.filter(change=OuterRef("pk"), started_at__gte=start, started_at__lt=end)
    happened = (
        Q(submitted_at__gte=start, submitted_at__lt=end) | Q(closed_at__gte=start, closed_at__lt=end) | Q(Exists(ran))
    )
    rows = ChangeRequest.objects.filter(happened, type=ChangeType.EMERGENCY)
    there = rows.aggregate(all=Count("pk"), unreviewed=Count("pk", filter=_UNREVIEWED))
    total, unreviewed = there["all"], there["unreviewed"]
    if not total:
        blocks: tuple[Block, ...] = (alert("ok", "No emergency change.", "Nothing was changed in a hurry."),)
        return Section("emergencies", "Emergency changes", "", blocks), 0
    found = rows.select_related("author", "review").defer("content", "variables").order_by("pk")[:ROWS]
    listed = table(
        "Emergency changes",
        [Column("Change"), Column("Title"), Column("Author"), Column("State"), Column("Review")],
        [
            (
                change.number,
                frame.scrub.prose(change.title),
                change.author.get_username(),
                _end(change),
                _review_state(change),
            )
            for change in found
        ],
        empty="",
        paths=[f"/changes/{change.pk}/" for change in found],
        more=max(0, total - ROWS),
    )
    count = f"{total:,} emergency change{'s' if total != 1 else ''} in this period."
    left = f"{unreviewed:,} without a submitted review." if unreviewed else "None that ran lacks its review."
    intro = "Changes that could not wait for the usual review."
    return Section("emergencies", "Emergency changes", intro, (alert("bad", count, left), listed)), total


def drift(frame: Frame) -> Section:
    """What was found on devices that no plan had put there, by class over time, and what is open."""
    start, end = frame.days.start_at, frame.days.end_at
    found = DriftRecord.objects.filter(first_seen_at__gte=start, first_seen_at__lt=end)
    counts = found.aggregate(
        found=Count("pk"),
        unauthorized=Count("pk", filter=Q(unauthorized=True)),
        unclassified=Count("pk", filter=Q(unclassified=True)),
    )
    still = DriftRecord.objects.filter(state__in=[state.value for state in OPEN_STATES], first_seen_at__lt=end)
    open_now = still.aggregate(open=Count("pk"), ownerless=Count("pk", filter=Q(owner=None)))
    decided = DriftRecord.objects.filter(closed_at__gte=start, closed_at__lt=end).order_by().values("state")
    ended = dict(decided.annotate(count=Count("pk")).values_list("state", "count"))
    rows = [
        ("Found in the period", counts["found"]),
        ("of these without a change (unauthorized)", counts["unauthorized"]),
        ("of these fitting no rule", counts["unclassified"]),
        ("Accepted as the expected configuration", ended.get("accepted", 0)),
        ("Gone from the device", ended.get("reverted", 0)),
        ("Open when this report was made", open_now["open"]),
        ("of these without an owner", open_now["ownerless"]),
    ]
    counted = table("Drift", [Column("What"), Column("Records", number=True)], rows, empty="")
    intro = "Differences between devices and the configuration that is expected of them."
    return Section("drift", "Drift", intro, (_drift_chart(frame), counted))


def _drift_chart(frame: Frame) -> Block:
    kind = ReportKind.WEEKLY if frame.kind is ReportKind.WEEKLY else ReportKind.MONTHLY
    last = days_of(kind, frame.days.last)
    periods = series_of(kind, last, 12)
    truncated = TruncWeek("first_seen_at") if kind is ReportKind.WEEKLY else TruncMonth("first_seen_at")
    rows = (
        DriftRecord.objects.filter(first_seen_at__gte=periods[0].start_at, first_seen_at__lt=last.end_at)
        .order_by()
        .annotate(bucket=truncated)
        .values("bucket")
        .annotate(**{item.value: Count("pk", filter=Q(drift_class=item)) for item in DriftClass})
    )
    by_day: dict[Any, Mapping[str, Any]] = {row["bucket"].date(): row for row in rows}
    return chart(
        "Drift found, by class",
        "How many drift records were first seen in each of the last twelve "
        + ("weeks." if kind is ReportKind.WEEKLY else "months."),
        [short_name(kind, period) for period in periods],
        [
            (item.value.capitalize(), [int(by_day.get(period.first, {}).get(item.value, 0)) for period in periods])
            for item in DriftClass
        ],
        unit="records",
    )


def follow_up(frame: Frame) -> Section:
    """What follows from reviews: actions that are overdue or due soon, and reviews that wait."""
    day = frame.days.end
    due = ReviewAction.objects.open().filter(due_on__lt=day + timedelta(days=14)).select_related("owner", "review")
    rows, more = capped(due.order_by("due_on", "pk"))
    open_then = Q(ended_at=None) | Q(ended_at__gte=frame.days.end_at)
    late = ReviewAction.objects.filter(open_then, due_on__lt=day, created_at__lt=frame.days.end_at).count()
    done = ReviewAction.objects.filter(
        state=ActionState.DONE, ended_at__gte=frame.days.start_at, ended_at__lt=frame.days.end_at
    ).count()
    listed = table(
        "Actions that were open when this report was made, and overdue or due within two weeks of the period",
        [Column("Action"), Column("What is to be done"), Column("Owner"), Column("Due")],
        [(row.number, frame.scrub.prose(row.text), row.owner.get_username(), _due(row, frame)) for row in rows],
        empty="No action is overdue or due soon.",
        paths=[f"/review-actions/{row.pk}/" for row in rows],
        more=more,
    )
    waiting = ChangeRequest.objects.filter(review__state=ReviewState.SUBMITTED).count()
    told = (
        f"{done} action{'s' if done != 1 else ''} done in the period, {late} overdue at its end."
        f" {waiting} review{'s' if waiting != 1 else ''} waited for acceptance when this report was made."
    )
    blocks = (alert("warn", "Actions were overdue.", told), listed) if late else (sentence(told), listed)
    return Section("follow-up", "Actions from reviews", "", blocks)


def _due(row: ReviewAction, frame: Frame) -> str:
    late = (frame.days.end - row.due_on).days
    return f"{spoken(row.due_on)}, {late} day{'s' if late != 1 else ''} overdue" if late > 0 else spoken(row.due_on)


def _end(change: ChangeRequest) -> str:
    if change.state == ChangeState.CLOSED and change.close_code:
        return f"Closed: {CloseCode(change.close_code).label.lower()}"
    return ChangeState(change.state).label


def _review_state(change: ChangeRequest) -> str:
    review = getattr(change, "review", None)
    if review is not None:
        return ReviewState(review.state).label
    return "Missing" if change.state in _RAN else "Not due: it did not run"
