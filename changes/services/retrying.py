"""Trying failed devices again, and only those: in the paused run, or in a new one while the change is in review.

The plan and its approvals stay the same and are checked again; a device starts from its first step, so its identity,
staleness and pre-checks are proved anew. Only devices that hold nothing of the change are tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from django.db.models import F, Max, Min, Q

from audit.actor import Actor
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.orders import DEVICE_SKIPPED, RETRYABLE, Order
from changes.domain.run_states import DeviceRunState, Goal, WaveState, check_device_step
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, next_state
from changes.domain.strategy import Strategy
from changes.errors import ConflictError
from changes.models import BUSY_DEVICE_RUN_STATES, ChangeRequest, DeviceRun, DeviceRunQuerySet, Run, RunStep, Wave
from changes.services.device_events import audit_device_run
from changes.services.execution import run_create, verified_revision
from changes.services.kill_switch import refuse_while_engaged
from changes.services.run_basis import run_basis
from changes.services.run_control import audit_run, wave_moves
from changes.services.run_orders import Ordered, ordered
from changes.services.start_window import start_window
from changes.services.step_records import steps_ask_again
from changes.services.transitions import move
from changes.services.wave_progress import UNPROVED, waves_step

_FORGOTTEN: Final[dict[str, object]] = {
    "code": "", "detail": "", "lines_sent": 0, "lines_applied": 0, "backout_sent": 0, "backout_applied": 0,
    "drift": "", "losses": 0, "before": None, "after": None, "started_at": None, "ended_at": None, "not_before": None,
}  # fmt: skip
_RETRYABLE: Final = sorted(state.value for state in RETRYABLE)


def run_retry(*, change_id: int, actor: Actor, device_ids: Collection[int] | None = None, comment: str = "") -> Run:
    """Have failed, blocked, skipped and backed out devices tried again: those named, or all but what people skipped.

    A paused run takes them back to waiting in their waves, and goes on with them when it is resumed. After the run has
    ended, and before the change is closed, a new run over them begins at once, with the same signed plan. Waves that
    had not held before are judged there first, so that nobody gets past a canary or a gate by a retry.

    Raises:
        IllegalTransitionError: the run is neither paused nor ended with its change in review.
        PolicyDeniedError: the person is no implementer, or approved this plan.
        InvalidInputError: a device is named that is not in the run.
        ConflictError: none is left to retry, one of those named may hold a part of the change, devices are still being
            worked on, the kill switch is engaged, the maintenance window is closed, or somebody has confirmed a manual
            step of the paused run that stands after such a device.
        PlanIntegrityError: the stored plan is not the approved one, or lacks approvals.
    """
    with ordered(Order.RETRY, change_id, actor) as found:
        comment = parse_comment(comment, action="retry devices", required=False)
        found.run.implementers.add(found.person.id)
        if found.change.state == ChangeState.REVIEW:
            return _in_a_new_run(found, actor, device_ids, comment)
        return _in_the_paused_run(found, actor, device_ids, comment)


def latest_device_runs(change: ChangeRequest) -> DeviceRunQuerySet:
    """Of each device of a change the latest execution of its present plan: what became of the change there."""
    of_plan = DeviceRun.objects.filter(run__change=change, run__revision=change.revision)
    newest = of_plan.order_by("device_id", "-pk").distinct("device_id")
    return DeviceRun.objects.filter(pk__in=newest.values("pk"))


def retryable(rows: DeviceRunQuerySet) -> DeviceRunQuerySet:
    """Those that may be tried again: nothing was sent, or a read-back has proved that all of it was taken back.

    What was rolled back on purpose, after it had succeeded, is not tried again.
    """
    proved = ~Q(state=DeviceRunState.ROLLED_BACK) | Q(before__blob=F("after__blob"))
    return rows.filter(proved, state__in=_RETRYABLE, goal=Goal.APPLY)


def is_retryable(row: DeviceRun) -> bool:
    """What :func:`retryable` says of one row with its snapshots; no query."""
    if row.state not in RETRYABLE or row.goal != Goal.APPLY:
        return False
    proved = row.before is not None and row.after is not None and row.before.blob_id == row.after.blob_id
    return proved or row.state != DeviceRunState.ROLLED_BACK


def _chosen(rows: DeviceRunQuerySet, device_ids: Collection[int] | None) -> list[DeviceRun]:
    """The rows to retry, in the run's order.

    Raises:
        InvalidInputError, ConflictError: see :func:`run_retry`.
    """
    if device_ids is not None and not device_ids:
        raise InvalidInputError({"device_ids": ["Choose at least one device to retry."]})
    may = retryable(rows)
    if device_ids is None:
        chosen = list(may.exclude(code=DEVICE_SKIPPED).order_by("pk"))
    else:
        named = rows.filter(device_id__in=device_ids).select_related("device")
        unknown = sorted(set(device_ids) - {row.device_id for row in named})
        if unknown:
            raise InvalidInputError({"device_ids": [f"The run has no device with the id {unknown[0]}."]})
        chosen = list(may.filter(device_id__in=device_ids).order_by("pk"))
        _refuse_others(named, {row.pk for row in chosen})
    if not chosen:
        raise ConflictError("No device of the run is left to retry.", code="nothing_to_retry")
    return chosen


def _refuse_others(named: Iterable[DeviceRun], chosen: Collection[int]) -> None:
    for row in named:
        if row.pk in chosen:
            continue
        if DeviceRunState(row.state) in RETRYABLE | {DeviceRunState.UNKNOWN, DeviceRunState.ROLLBACK_FAILED}:
            detail = "it is not proved that nothing of the change is left on it"
            raise ConflictError(f"{row.device.name} cannot be retried: {detail}.", code="RETRY_NOT_PROVED")
        stands = row.get_state_display().lower()
        raise ConflictError(f"{row.device.name} cannot be retried: it is {stands}.", code="nothing_to_retry")


def _in_the_paused_run(found: Ordered, actor: Actor, device_ids: Collection[int] | None, comment: str) -> Run:
    run = found.run
    # A device of an earlier wave must not begin beside one of a later wave that goes on: they may be kept apart.
    at_work = run.device_runs.filter(Q(state__in=BUSY_DEVICE_RUN_STATES) | Q(owner__isnull=False)).count()
    if at_work:
        raise ConflictError(
            f"{at_work} device{'s are' if at_work > 1 else ' is'} still being worked on. Wait until the run stands"
            " still, then retry.",
            code="devices_in_flight",
        )
    rows = _chosen(run.device_runs.all(), device_ids)
    first = run.waves.filter(pk__in={row.wave_id for row in rows}).aggregate(number=Min("number"))["number"]
    steps_ask_again(run, waves_before=run.waves.filter(number__lt=first).count(), actor=actor)
    _back_to_pending(rows, actor=actor, reason=comment)
    for wave in run.waves.filter(pk__in={row.wave_id for row in rows}):
        if wave.state not in {WaveState.PENDING, WaveState.WORKING}:
            wave_moves(
                wave,
                WaveState.WORKING,
                worked_at=None,
                judged_at=None,
                gate_until=None,
                decided_by=None,
                ended_at=None,
            )
    audit_run(run, "run.retried", actor=actor, reason=comment, retried=len(rows))
    return run


def _back_to_pending(rows: Sequence[DeviceRun], *, actor: Actor, reason: str) -> None:
    ids = [row.pk for row in rows]
    steps = RunStep.objects.filter(device_run__in=ids).order_by().values_list("device_run")
    last_steps = dict(steps.annotate(last=Max("sequence")))
    locked = (
        DeviceRun.objects.filter(pk__in=ids)
        .select_for_update(of=("self",))
        .select_related("run__change", "device")
        .defer("run__change__content", "run__change__variables")
        .order_by("pk")
    )
    for row in locked.iterator(500):
        before = DeviceRunState(row.state)
        DeviceRun.objects.filter(pk=row.pk).update(
            state=check_device_step(before, DeviceRunState.PENDING),
            # The steps so far belong to the attempt that has ended; what comes is judged without them.
            goal_step=last_steps.get(row.pk, 0),
            **_FORGOTTEN,
        )
        code, pending = row.code, DeviceRunState.PENDING
        audit_device_run(
            row, actor=actor, state_from=before, state_to=pending, code=code, reason=reason, action="device_run.retried"
        )


def _not_held_before(last: Run, chosen: Collection[int]) -> frozenset[int]:
    """The waves below the chosen ones that have not yet shown, in any run of the plan, what opens a wave after them.

    A wave that was opened once needs no further proof. A gate counts only where a person answered it.
    """
    strategy = Strategy.of(last.strategy)
    waves = Wave.objects.filter(run__revision=last.revision_id, run__change=last.change_id)
    opened = set(waves.exclude(opened_at=None).values_list("number", flat=True))
    held = {
        number
        for number, decided_by in waves.filter(state=WaveState.HELD)
        .exclude(code=UNPROVED)
        .values_list("number", "decided_by")
        if decided_by or not strategy.waits_for_a_person(number)
    }
    highest = max(set(chosen) - opened, default=0)
    return frozenset(set(waves.values_list("number", flat=True)) & set(range(1, highest)) - held - set(chosen))


def _in_a_new_run(found: Ordered, actor: Actor, device_ids: Collection[int] | None, comment: str) -> Run:
    change = found.change
    next_state(ChangeState(change.state), ChangeEvent.RETRY, change_type=ChangeType(change.type))
    refuse_while_engaged()
    calendar = start_window(change)
    revision = verified_revision(change)
    basis = run_basis(change, revision)
    rows = _chosen(latest_device_runs(change).select_related("wave"), device_ids)
    chosen = {row.wave.number for row in rows}
    run = run_create(
        change,
        revision,
        found.person.id,
        only=[row.device_id for row in rows],
        judged_again=_not_held_before(found.run, chosen),
    )
    details = {"plan_digest": revision.digest, "run": run.pk, "devices": run.device_count, "after_run": found.run.pk}
    move(change, ChangeEvent.RETRY, actor=actor, reason=comment, details={**details, **calendar})
    audit_run(run, "run.started", actor=actor, moved_from="", reason=comment, after_run=found.run.pk, basis=basis)
    waves_step(change, run)
    return run
