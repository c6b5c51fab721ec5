"""Ordering rollbacks: of a whole change or of some of its devices. Workers carry them out, see `rolling_back`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.rollback import ORDERED
from changes.domain.run_states import (
    DEVICE_ENDED,
    DEVICE_TO_ROLL_BACK,
    WAVE_ENDED,
    DeviceRunState,
    Goal,
    RunState,
    WaveState,
    check_device_step,
    check_run_step,
)
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, next_state
from changes.domain.strategy import InFlight
from changes.errors import ConflictError
from changes.models import (
    ChangeRequest,
    DeviceRun,
    DeviceRunQuerySet,
    RecomputedBackout,
    RollbackOrder,
    Run,
    RunStep,
)
from changes.services.device_events import audit_device_run
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.queueing import ring_runners
from changes.services.rollback_scope import later_changes, reference_of
from changes.services.run_control import audit_run, skip_waiting, wave_moves
from changes.services.step_records import steps_skip
from changes.services.transitions import move, remembering_refusal
from devices.services.scrubbing import Scrubber

MOST_NAMED: Final = 1_000
"""Devices that one order may name; a whole change needs no names."""
_TO_ROLL_BACK: Final = sorted(state.value for state in DEVICE_TO_ROLL_BACK)
DISPATCHER: Final = Actor.system("dispatcher")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for: some devices by their ids, or with none the whole change.

    ``confirmed`` are digests of lines that were computed again, by the ids of their devices.
    """

    device_ids: Collection[int] = ()
    confirmed: Mapping[int, str] = field(default_factory=dict)
    comment: str = ""


def change_rollback(*, change_id: int, implementer: Actor, wish: Wish) -> Run:
    """Order the devices of a change back to what they had before it; workers are called, nothing is sent here.

    Nothing further is rolled out after it: devices that wait are skipped. With the whole change, devices in flight are
    backed out as well; with some devices, they are finished. Returns the run in which the rollback begins.

    Raises:
        InvalidInputError: a device that is not part of the change.
        IllegalTransitionError: the change was not begun, or is closed.
        PolicyDeniedError: the person is no implementer.
        ConflictError: nothing is there to roll back; ``ROLLBACK_CONFLICT``: a later change stands in the way;
            ``GATE_DIGEST_MISMATCH``: confirmed lines are not those that were computed last.
    """
    comment = parse_comment(wish.comment, action="roll a change back", required=False)
    with remembering_refusal(actor=implementer, attempt="rollback", change_id=change_id, devices=len(wish.device_ids)):
        change = lock_change(change_id)
        person = person_of(implementer)
        if change.state != ChangeState.ROLLING_BACK:
            next_state(ChangeState(change.state), ChangeEvent.ROLL_BACK, change_type=ChangeType(change.type))
        enforce(policy.may_roll_back(person, facts_of(change)))
        runs = list(Run.objects.select_for_update().filter(change=change).order_by("-pk"))
        rows = _chosen(change, wish.device_ids)
        _check(runs, rows, whole=not wish.device_ids)
        _confirm(rows, wish.confirmed, implementer, person.id)
        return _begin(change, runs, rows, implementer, person.id, whole=not wish.device_ids, reason=comment)


def run_roll_back(change: ChangeRequest, run: Run, *, actor: Actor, code: str, detail: str) -> None:
    """Roll a whole running change back by policy; change and run are locked, in the caller's transaction."""
    runs = [run, *Run.objects.select_for_update().filter(change=change).exclude(pk=run.pk).order_by("-pk")]
    rows = list(_to_roll_back(change))
    _begin(change, runs, rows, actor, None, whole=True, reason=detail, code=code)


def rollback_step(run: Run) -> None:
    """Take a run that is rolling back as far as it may go now; its change and it are locked.

    Devices that were in flight when the whole change was ordered back and have succeeded since are rolled back too.
    """
    skip_waiting(run, actor=DISPATCHER, code=run.code or ORDERED, detail=run.detail)
    steps_skip(run)
    if RollbackOrder.objects.filter(run=run, whole=True).exists():
        finished = run.device_runs.filter(state=DeviceRunState.SUCCEEDED, goal=Goal.APPLY)
        count = sum(_await(row, DISPATCHER, run.detail) for row in _locked(finished).iterator(200))
        if count:
            ring_runners(run.pk)
    _stop_waves(run)


def rollback_goes_on(change: ChangeRequest) -> bool:
    """Open the next run of a change with devices that wait for their rollback; whether there was one.

    A change whose failed devices were tried again has several runs, of which one is open at a time.
    """
    waiting = DeviceRun.objects.filter(run__change=change, state=DeviceRunState.ROLLBACK_PENDING)
    found = waiting.order_by("-run_id").values_list("run_id", flat=True).first()
    if found is None:
        return False
    run = Run.objects.select_for_update().get(pk=found)
    _open(run, Actor.system("worker"), ORDERED, run.detail)
    return True


def _chosen(change: ChangeRequest, device_ids: Collection[int]) -> list[DeviceRun]:
    """The named devices' newest runs, or all that hold the change."""
    if len(device_ids) > MOST_NAMED:
        sentence = f"Name at most {MOST_NAMED:,} devices, or none for the whole change."
        raise InvalidInputError({"device_ids": [sentence]})
    if not device_ids:
        return list(_to_roll_back(change))
    rows = _locked(DeviceRun.objects.filter(run__change=change, device__in=device_ids)).order_by("run_id")
    newest = {row.device_id: row for row in rows}
    missing = sorted(set(device_ids) - newest.keys())
    if missing:
        raise InvalidInputError({"device_ids": [f"The device with the id {missing[0]} is not part of this change."]})
    for row in newest.values():
        _check_holds(row)
    return list(newest.values())


def _check_holds(row: DeviceRun) -> None:
    state = DeviceRunState(row.state)
    if state in DEVICE_TO_ROLL_BACK:
        return
    if state is DeviceRunState.ROLLBACK_PENDING:
        raise ConflictError(f"{row.device.name} is waiting for its rollback already.")
    told = f"{row.device.name} is “{state.label.lower()}”"
    if state in DEVICE_ENDED and state != DeviceRunState.UNKNOWN:
        raise ConflictError(f"{told}, so there is nothing on it that could be rolled back.")
    raise ConflictError(f"{told}. It can be rolled back when its run has ended and what it has is known.")


def _check(runs: list[Run], rows: list[DeviceRun], *, whole: bool) -> None:
    """Refuse what could do nothing, before anybody waits for it."""
    forward = DeviceRun.objects.open().filter(run__in=runs, goal=Goal.APPLY)
    is_whole = RollbackOrder.objects.filter(run__in=runs, whole=True, run__state=RunState.ROLLING_BACK).exists()
    in_flight = whole and not is_whole and forward.exists()
    rolling = any(run.state == RunState.ROLLING_BACK for run in runs)
    if not rows and not in_flight:
        raise ConflictError(
            "The rollback is under way already."
            if rolling
            else "No device holds this change, so nothing is rolled back."
        )
    found = later_changes([row.pk for row in rows])
    if found and (not whole or len(found) == len(rows)) and not (whole and in_flight):
        pk, first = next(iter(found.items()))
        name = next(row.device.name for row in rows if row.pk == pk)
        sentence = f"{name}: {Scrubber.load().prose(first.sentence)}"
        raise ConflictError(sentence, code="ROLLBACK_CONFLICT")


def _confirm(rows: list[DeviceRun], confirmed: Mapping[int, str], actor: Actor, person_id: int) -> None:
    # What somebody confirmed for an earlier order is not confirmed for this one.
    RecomputedBackout.objects.filter(device_run__in=[row.pk for row in rows]).update(
        confirmed_by=None, confirmed_at=None
    )
    by_device = {row.device_id: row for row in rows}
    unknown = sorted(confirmed.keys() - by_device.keys())
    if unknown:
        sentence = f"The device with the id {unknown[0]} is not among those that are rolled back now."
        raise InvalidInputError({"confirmed": [sentence]})
    for device_id, digest in confirmed.items():
        row = by_device[device_id]
        latest = row.recomputed_backouts.order_by("-pk").first()
        if latest is None or latest.digest != digest:
            raise ConflictError(
                f"The lines that you confirmed for {row.device.name} are not those that were computed last. Open the"
                " page of the rollback again, read the lines, and confirm those.",
                code="GATE_DIGEST_MISMATCH",
            )
        RecomputedBackout.objects.filter(pk=latest.pk).update(confirmed_by=person_id, confirmed_at=Now())
        audit_run(
            row.run,
            "run.recomputed_backout_confirmed",
            actor=actor,
            device=row.device.name,
            lines_digest=digest,
            lines=latest.line_count,
            actual_sha256=latest.actual.blob_id,
        )


def _begin(
    change: ChangeRequest,
    runs: list[Run],
    rows: list[DeviceRun],
    actor: Actor,
    person_id: int | None,
    *,
    whole: bool,
    reason: str,
    code: str = ORDERED,
) -> Run:
    detail = reason or ("The whole change is rolled back." if whole else "Some of its devices are rolled back.")
    count_of = {run.pk: sum(row.run_id == run.pk for row in rows) for run in runs}
    active = next((run for run in runs if run.state != RunState.ENDED), None)
    first = active or next(run for run in runs if count_of[run.pk])
    if change.state != ChangeState.ROLLING_BACK:
        details = {"run": first.pk, "devices": len(rows), "whole": whole, "code": code}
        move(change, ChangeEvent.ROLL_BACK, actor=actor, reason=detail, details=details)
    for run in runs:
        if count_of[run.pk] or run is first:
            RollbackOrder.objects.create(
                run=run, ordered_by_id=person_id, whole=whole, devices=count_of[run.pk], reason=reason
            )
    if person_id is not None:
        first.implementers.add(person_id)
    for row in rows:
        _await(row, actor, detail)
    if first.state != RunState.ROLLING_BACK:
        if first.state != RunState.ENDED:
            first.abort = InFlight.BACK_OUT.value if whole else InFlight.FINISH.value
        _open(first, actor, code, detail)
        skip_waiting(first, actor=actor, code=code, detail=detail)
        _stop_waves(first)
    elif whole and first.abort == InFlight.FINISH:
        # Some devices had been ordered back before, now it is all of them.
        first.abort = InFlight.BACK_OUT.value
        first.save(update_fields=["abort"])
    ring_runners(first.pk)
    return first


def _open(run: Run, actor: Actor, code: str, detail: str) -> None:
    before, run.state = run.state, check_run_step(RunState(run.state), RunState.ROLLING_BACK)
    run.outcome, run.ended_at, run.paused_at = "", None, None
    run.code, run.detail = code, detail
    run.save(update_fields=["state", "outcome", "ended_at", "paused_at", "code", "detail", "abort"])
    audit_run(run, "run.rollback_started", actor=actor, moved_from=before, code=code, reason=detail)
    ring_runners(run.pk)


def _stop_waves(run: Run) -> None:
    for wave in run.waves.exclude(state__in=[state.value for state in WAVE_ENDED]):
        if not wave.device_runs.open().exists():
            wave_moves(wave, WaveState.STOPPED, code=run.code, detail=run.detail)


def _to_roll_back(change: ChangeRequest) -> DeviceRunQuerySet:
    return _locked(DeviceRun.objects.filter(run__change=change, state__in=_TO_ROLL_BACK)).order_by("pk")


def _locked(rows: DeviceRunQuerySet) -> DeviceRunQuerySet:
    steps = RunStep.objects.filter(device_run=OuterRef("pk")).order_by().values("device_run")
    last = Subquery(steps.annotate(last=Max("sequence")).values("last"))
    rows = rows.select_related("run__change", "device").defer("run__change__content", "run__change__variables")
    return rows.select_for_update(of=("self",)).annotate(last_step=Coalesce(last, 0))


def _await(row: DeviceRun, actor: Actor, reason: str) -> bool:
    """Let one locked device run wait for its rollback."""
    before = DeviceRunState(row.state)
    state = check_device_step(before, DeviceRunState.ROLLBACK_PENDING)
    DeviceRun.objects.filter(pk=row.pk).update(
        state=state.value,
        goal=Goal.ROLL_BACK.value,
        goal_step=int(getattr(row, "last_step", 0)),
        rollback_from=reference_of(row),
        code="",
        detail="",
        ended_at=None,
        not_before=None,
        losses=0,
    )
    audit_device_run(row, actor=actor, state_from=before, state_to=state, code=ORDERED, reason=reason)
    return True
