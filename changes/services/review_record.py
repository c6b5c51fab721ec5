"""What the record knows of a change that is reviewed: its timeline, and when its trouble began and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models import Max, Min, Q

from audit.models import Event
from changes.domain.reviews.record import LONGEST_RECORD, PHRASES, ChangeRecord, RecordedFact, merged
from changes.domain.run_states import DeviceRunState
from changes.models import ChangeRequest, DeviceRun, RunStep, StepOutcome

_BAD_ENDS: Final = tuple(
    state.value
    for state in (
        DeviceRunState.FAILED,
        DeviceRunState.ROLLED_BACK,
        DeviceRunState.ROLLBACK_FAILED,
        DeviceRunState.BLOCKED,
        DeviceRunState.UNKNOWN,
    )
)
_DEVICES_NAMED: Final = 50
_BACK_OUT: Final = DeviceRunState.BACKING_OUT.value


def record_of(change: ChangeRequest) -> ChangeRecord:
    """The facts of a change from audit log, runs and steps; four queries whatever the number of its devices.

    At most 200 events and 50 devices are told one by one; ``left_out`` counts the others.
    """
    rows = Event.objects.filter(change_id=change.pk, action__in=sorted(PHRASES)).order_by("pk").defer("body")
    events = list(rows[: LONGEST_RECORD + 1])
    told = [
        RecordedFact(row.at, row.actor_name, PHRASES[row.action], row.code, row.reason)
        for row in events[:LONGEST_RECORD]
    ]
    devices, more = _devices(change)
    times = _times(change)
    return ChangeRecord(
        facts=merged(told, devices),
        began_at=times["began"] if times["failed"] else None,
        detected_at=times["failed"],
        restored_at=_not_before(times["restored"], times["failed"]),
        left_out=max(0, len(events) - LONGEST_RECORD) + more,
    )


def _devices(change: ChangeRequest) -> tuple[list[RecordedFact], int]:
    """Each device that did not succeed, at the time of its last step; and how many more there are."""
    rows = (
        DeviceRun.objects.filter(run__change=change, state__in=_BAD_ENDS)
        .annotate(ended=Max("steps__ended_at"))
        .values_list("ended", "device__name", "state", "code", "run__ended_at", "run__started_at")
        .order_by("ended", "pk")
    )
    found = list(rows[: _DEVICES_NAMED + 1])
    facts = [
        RecordedFact(
            at=ended or run_ended or run_started,
            who=name,
            what=f"ended as {DeviceRunState(state).label.lower()}",
            code=code,
        )
        for ended, name, state, code, run_ended, run_started in found[:_DEVICES_NAMED]
    ]
    if len(found) <= _DEVICES_NAMED:
        return facts, 0
    return facts, rows.count() - _DEVICES_NAMED


def _times(change: ChangeRequest) -> dict[str, datetime | None]:
    hurt = DeviceRun.objects.filter(run__change=change, state__in=_BAD_ENDS)
    times: dict[str, Any] = RunStep.objects.filter(device_run__in=hurt).aggregate(
        began=Min("intent_at", filter=Q(name=DeviceRunState.APPLYING.value)),
        failed=Min("ended_at", filter=Q(outcome=StepOutcome.FAILED)),
        restored=Max("ended_at", filter=Q(name=_BACK_OUT, outcome=StepOutcome.OK)),
    )
    if times["began"] and times["failed"] and times["began"] > times["failed"]:
        times["began"] = times["failed"]
    return times


def _not_before(moment: datetime | None, other: datetime | None) -> datetime | None:
    return moment if moment and other and moment >= other else None
