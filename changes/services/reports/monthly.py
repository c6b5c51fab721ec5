"""The monthly quality review: trends of the figures, effect of the controls, drift, quality of rollbacks and gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Count, Q

from audit.models import Event
from changes.domain.kpis.definitions import BY_KEY
from changes.domain.reports.controls import CONTROLS, acted
from changes.domain.reports.document import Block, Column, Section, chart, table
from changes.domain.reports.periods import Days, short_name
from changes.domain.roles import group_label
from changes.domain.run_states import DeviceRunState, Goal
from changes.models import Approval, DeviceRun, RollbackOrder
from changes.services.kpis.counting import StageTime
from changes.services.kpis.scope import Scope
from changes.services.kpis.series import Tally, by_site, by_template, by_type, course_of
from changes.services.reports import common
from changes.services.reports.frame import Frame, words
from changes.services.reports.weekly import meaning

_GATE_EVENTS = ("wave.waits", "wave.released", "wave.refused")


def monthly_sections(frame: Frame) -> tuple[Section, ...]:
    """The sections after the emergencies."""
    return (
        trends(frame),
        controls(frame),
        common.drift(frame),
        rollbacks(frame),
        gates(frame),
        shares(frame),
        common.follow_up(frame),
    )


def trends(frame: Frame) -> Section:
    """All figures beside the period before, and the course of the last twelve periods."""
    return Section("figures", "Key figures and their course", "", (frame.told(), course(frame.scope)))


def course(scope: Scope) -> Block:
    """Closed changes by how they ended, over the last periods."""
    points = course_of(scope)
    return chart(
        "Closed changes, by how they ended",
        f"How many changes were closed in each of the last {len(points)} periods: as planned, with issues, or badly.",
        [short_name(scope.kind, point.days) for point in points],
        [
            ("Successful", [point.tally.successful for point in points]),
            ("With issues", [point.tally.with_issues for point in points]),
            ("Failed, rolled back or aborted", [point.tally.ended_badly for point in points]),
        ],
        unit="changes",
    )


def codes_in(days: Days) -> dict[str, int]:
    """How often each reason code was given in a period: by devices in runs, and by refusals on record."""
    ended = DeviceRun.objects.filter(run__ended_at__gte=days.start_at, run__ended_at__lt=days.end_at).exclude(code="")
    found = dict(ended.order_by().values("code").annotate(count=Count("pk")).values_list("code", "count"))
    refused = Event.objects.filter(at__gte=days.start_at, at__lt=days.end_at, action__endswith="_refused").exclude(
        code=""
    )
    for code, count in refused.order_by().values("code").annotate(count=Count("pk")).values_list("code", "count"):
        found[code] = found.get(code, 0) + count
    return found


def controls(frame: Frame) -> Section:
    """How often each of the fourteen controls stopped something, and the figure that measures it."""
    codes = codes_in(frame.days)
    times = acted(codes)
    readings = {row["key"]: row for row in frame.told()["rows"]}
    rows = [
        (
            control.key,
            control.title,
            group_label(control.owner.value),
            times[control.key],
            f"{readings[control.kpi]['title']}: {readings[control.kpi]['text']}" if control.kpi in readings else "none",
        )
        for control in CONTROLS
    ]
    most = sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))[:15]
    blocks = (
        table(
            "Controls at work",
            [Column("Control"), Column("What it guards"), Column("Owner"), Column("Acted", True), Column("Figure")],
            rows,
            empty="",
        ),
        table(
            "Codes given most often",
            [Column("Code"), Column("Times", True), Column("What it means")],
            [(code, count, meaning(code)) for code, count in most],
            empty="No code was given.",
        ),
    )
    intro = "A control that never acts is not proved idle; it is proved only where its figure is measured."
    return Section("controls", "Effect of the controls", intro, blocks)


def rollbacks(frame: Frame) -> Section:
    """Whether what was taken back is proved to be back."""
    start, end = frame.days.start_at, frame.days.end_at
    orders = RollbackOrder.objects.filter(ordered_at__gte=start, ordered_at__lt=end)
    ordered = orders.aggregate(orders=Count("pk"), whole=Count("pk", filter=Q(whole=True)))
    rows = DeviceRun.objects.filter(run__ended_at__gte=start, run__ended_at__lt=end).order_by()
    back, failed = Q(state=DeviceRunState.ROLLED_BACK), Q(state=DeviceRunState.ROLLBACK_FAILED)
    counts = rows.aggregate(
        by_itself=Count("pk", filter=back & Q(goal=Goal.APPLY)),
        on_order=Count("pk", filter=back & Q(goal=Goal.ROLL_BACK)),
        failed=Count("pk", filter=failed),
        unknown=Count("pk", filter=Q(state=DeviceRunState.UNKNOWN)),
        unproved=Count("pk", filter=back & Q(lines_sent__gt=0, after=None)),
    )
    listed = table(
        "Rollbacks",
        [Column("What"), Column("Count", True)],
        [
            ("Rollbacks ordered by people", ordered["orders"]),
            ("of these for the whole run", ordered["whole"]),
            ("Devices backed out by the run itself, proved by read-back", counts["by_itself"] - counts["unproved"]),
            ("Devices rolled back on order", counts["on_order"]),
            ("Devices rolled back without a configuration read afterwards", counts["unproved"]),
            ("Devices whose rollback failed", counts["failed"]),
            ("Devices of which it is not known what they hold", counts["unknown"]),
        ],
        empty="",
    )
    return Section("rollbacks", "Quality of rollbacks", "", (listed,))


def gates(frame: Frame) -> Section:
    """How people decided, how long each stage took, and what became of gates between waves."""
    start, end = frame.days.start_at, frame.days.end_at
    decisions = Approval.objects.filter(created_at__gte=start, created_at__lt=end, carried_from="").order_by()
    counted = list(
        decisions.values("stage")
        .annotate(
            approved=Count("pk", filter=Q(decision="approved")),
            sent_back=Count("pk", filter=Q(decision="changes_requested")),
            rejected=Count("pk", filter=Q(decision="rejected")),
            abstained=Count("pk", filter=Q(decision="abstained")),
            people=Count("approver", distinct=True),
        )
        .order_by("stage")
    )
    times = {time.stage: time for time in frame.figures.stages}
    rows = [
        (
            group_label(row["stage"]),
            row["approved"],
            row["sent_back"],
            row["rejected"],
            row["abstained"],
            row["people"],
            _time(times, row["stage"]),
        )
        for row in counted
    ]
    waves = Event.objects.filter(at__gte=start, at__lt=end, action__in=_GATE_EVENTS)
    answers = dict(waves.order_by().values("action").annotate(count=Count("pk")).values_list("action", "count"))
    blocks = (
        table(
            "Decisions by stage",
            [
                Column("Stage"), Column("Approved", True), Column("Sent back", True), Column("Rejected", True),
                Column("Abstained", True), Column("People", True), Column("Median time"),
            ],
            rows,
            empty="Nothing was decided.",
        ),
        table(
            "Gates between waves",
            [Column("What"), Column("Times", True)],
            [(words(name.partition(".")[2]), answers.get(name, 0)) for name in _GATE_EVENTS],
            empty="",
        ),
    )  # fmt: skip
    return Section("gates", "Quality of approvals and gates", "Carried-over approvals are not counted.", blocks)


def _time(times: Mapping[str, StageTime], stage: str) -> str:
    found = times.get(stage)
    return found.now.text(BY_KEY["time-to-approve"]) if found is not None else "none completed"


SHARES = "A change at two sites counts at both. Of sites and templates, the twelve with most changes are told."


def shares(frame: Frame) -> Section:
    """Closed changes by type, site and template."""
    blocks = (
        tally_table("By type", "Type", by_type(frame.scope)),
        tally_table("By site", "Site", by_site(frame.scope)),
        tally_table("By template", "Template", by_template(frame.scope)),
    )
    return Section("shares", "Where changes happen", SHARES, blocks)


def tally_table(title: str, first: str, rows: Sequence[tuple[str, Tally]]) -> Block:
    """Tallies as a table."""
    return table(
        title,
        [
            Column(first), Column("Closed", True), Column("Successful", True), Column("With issues", True),
            Column("Ended badly", True), Column("Emergencies", True),
        ],
        [(name, t.closed, t.successful, t.with_issues, t.ended_badly, t.emergencies) for name, t in rows],
        empty="No change was closed in the period.",
    )  # fmt: skip
