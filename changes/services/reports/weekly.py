"""The weekly control review: failures by code, exceptions, abort patterns, the trend of drift."""

from __future__ import annotations

from django.db.models import Count, Q

from changes.domain.reasons import reason
from changes.domain.reports.document import Block, Column, Section, sentence, table
from changes.domain.run_states import DeviceRunState, RunOutcome, WaveState
from changes.models import DeviceRun, GateException, Run, Wave
from changes.services.reports import common
from changes.services.reports.frame import ROWS, Frame, capped, words
from devices.domain.reasons import UnknownReasonError

_NOT_GOOD = [
    state.value
    for state in (
        DeviceRunState.FAILED,
        DeviceRunState.ROLLED_BACK,
        DeviceRunState.ROLLBACK_FAILED,
        DeviceRunState.BLOCKED,
        DeviceRunState.SKIPPED,
        DeviceRunState.UNKNOWN,
    )
]


def weekly_sections(frame: Frame) -> tuple[Section, ...]:
    """The sections after the emergencies."""
    figures = frame.told(
        "success-rate", "change-failure-rate", "safe-abort-ratio", "emergency-share", "human-intervention-rate",
        "rollback-rate", "unauthorized-changes", "evidence-completeness", "time-to-detect",
    )  # fmt: skip
    return (
        Section("figures", "Key figures", "This week beside the week before.", (figures,)),
        failures(frame),
        exceptions(frame),
        aborts(frame),
        common.drift(frame),
        common.follow_up(frame),
    )


def failures(frame: Frame) -> Section:
    """Devices on which a run that ended in the period did not succeed, by reason code."""
    ended = Q(run__ended_at__gte=frame.days.start_at, run__ended_at__lt=frame.days.end_at)
    rows = DeviceRun.objects.filter(ended).order_by()
    total = rows.aggregate(all=Count("pk"), bad=Count("pk", filter=Q(state__in=_NOT_GOOD)))
    counted, more = capped(
        rows.filter(state__in=_NOT_GOOD)
        .values("code", "state")
        .annotate(devices=Count("device", distinct=True), changes=Count("run__change", distinct=True))
        .order_by("-devices", "code", "state")
    )
    listed = table(
        "Failures by code",
        [Column("Code"), Column("Ended as"), Column("Devices", True), Column("Changes", True), Column("What it means")],
        [
            (row["code"] or "no code", words(row["state"]), row["devices"], row["changes"], meaning(row["code"]))
            for row in counted
        ],
        empty="Every device of every run that ended succeeded." if total["all"] else "No run ended in the period.",
        more=more,
    )
    told = f"{total['bad']:,} of {total['all']:,} device runs that ended in the period did not succeed."
    return Section("failures", "Failures by code", told, (listed,))


def meaning(code: str) -> str:
    """The sentence of a reason code; nothing for one that the catalogue does not hold."""
    try:
        return reason(code).sentence if code else ""
    except UnknownReasonError:
        return ""


def exceptions(frame: Frame) -> Section:
    """Exceptions from gates: those asked for or decided in the period, and those that were in force at its end."""
    start, end = frame.days.start_at, frame.days.end_at
    touched = Q(requested_at__gte=start, requested_at__lt=end) | Q(decided_at__gte=start, decided_at__lt=end)
    in_force = Q(state="approved", expires_at__gt=end)
    rows, more = capped(
        GateException.objects.filter(touched | in_force).select_related("requested_by", "decided_by").order_by("-pk")
    )
    listed = table(
        "Exceptions",
        [
            Column("Exception"),
            Column("Gate and code"),
            Column("State"),
            Column("Asked by"),
            Column("Decided by"),
            Column("Until"),
        ],
        [
            (
                row.number,
                f"{words(row.gate)}: {row.code}",
                words(row.state),
                row.requested_by.get_username(),
                row.decided_by.get_username() if row.decided_by else "nobody yet",
                f"{row.expires_at:%-d %b %Y %H:%M}",
            )
            for row in rows
        ],
        empty="No exception was asked for, decided or in force.",
        paths=[f"/exceptions/{row.pk}/" for row in rows],
        more=more,
    )
    return Section(
        "exceptions", "Exceptions", "Gates that somebody had opened for one code and some devices.", (listed,)
    )


def aborts(frame: Frame) -> Section:
    """Runs that ended early and waves that were stopped, by their reason."""
    start, end = frame.days.start_at, frame.days.end_at
    ended = Run.objects.filter(ended_at__gte=start, ended_at__lt=end).order_by()
    runs = ended.filter(Q(outcome=RunOutcome.ABORTED) | ~Q(abort="") | Q(stop_after_wave=True))
    by_code = runs.values("code", "outcome").annotate(runs=Count("pk"), devices=Count("device_runs"))
    waves = Wave.objects.filter(ended_at__gte=start, ended_at__lt=end, state=WaveState.STOPPED).order_by()
    stopped = waves.values("code", "number").annotate(count=Count("pk")).order_by("number", "-count")
    rows = [
        (row["code"] or "no code", words(row["outcome"] or "no outcome"), row["runs"], meaning(row["code"]))
        for row in by_code.order_by("-runs", "code")[:ROWS]
    ]
    blocks: tuple[Block, ...] = (
        table(
            "Runs that ended early",
            [Column("Code"), Column("Outcome"), Column("Runs", True), Column("What it means")],
            rows,
            empty="No run was aborted or stopped.",
        ),
        table(
            "Where runs stopped",
            [Column("Wave", True), Column("Code"), Column("Times", True)],
            [(row["number"], row["code"] or "no code", row["count"]) for row in stopped[:ROWS]],
            empty="No wave was stopped.",
        ),
    )
    if rows:
        blocks = (
            sentence("A stop in the first wave is the canary doing its work; later ones deserve a look."),
            *blocks,
        )
    return Section("aborts", "Abort patterns", "", blocks)
