"""Starting an approved plan, working on its devices, and ending the run."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection
from functools import lru_cache, partial
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain import policy
from changes.domain.hooks import HookPoint
from changes.domain.run_states import DeviceRunState, RunState, WaveState, check_run_step, run_outcome
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, DevicePlanState, PlanState, next_state
from changes.domain.strategy import Strategy
from changes.domain.waves import wave_name
from changes.errors import ConflictError, PlanNotReadyError
from changes.models import ChangeRequest, DevicePlan, DeviceRun, DeviceRunQuerySet, PlanRevision, Run, Wave
from changes.models.runs import ENDED_WAVE_STATES
from changes.services.approval_seals import devices_hold
from changes.services.decision_steps import last_steps_hold, outcome_with_steps, refuse_unanswerable
from changes.services.demanding import verify_demand
from changes.services.device_run import execute
from changes.services.hook_calls import hooks_tell
from changes.services.integrity import PlanSeal, signed_steps, verify_approvals, verify_revision
from changes.services.inventory_notes import notes_queue
from changes.services.kill_switch import engaged_now, refuse_while_engaged
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.queueing import ring_runners
from changes.services.risk import risk_assess
from changes.services.rollback import rollback_goes_on, rollback_step
from changes.services.run_basis import run_basis
from changes.services.run_control import audit_run
from changes.services.run_news import tell_ended, tell_started
from changes.services.standing_apart import StandingApart
from changes.services.start_window import start_window
from changes.services.step_records import steps_create
from changes.services.transitions import move, remembering_refusal
from changes.services.wave_checks import check_devices
from changes.services.wave_progress import FAILURES, paused_step, waves_step
from changes.services.windows import database_now, window_of
from devices.domain.occasions import Occasion, OccasionKind
from devices.services.claims import Claim, claim_locked, claim_some, claimable, release
from devices.services.credential_uses import credential_uses_report
from devices.services.draining import is_draining
from devices.services.runner import Heartbeat, run_claims
from devices.services.statements import prepared

SYSTEM = Actor.system("worker")
_ANY_RUN: Final = -1
"""Stands for a run's id in a statement that is composed once."""
_HELD_BY_SITE: Final = """
    SELECT d.site, count(*) FROM changes_devicerun r JOIN devices_device d ON d.id = r.device_id
    WHERE r.run_id = %s AND r.owner IS NOT NULL GROUP BY d.site
"""


def change_start(*, change_id: int, implementer: Actor) -> Run:
    """Start executing the approved plan: rows for every device that the plan changes, then the workers are called.

    Digest and approvals are checked again on the locked row; each device is checked once more before it is written.
    Nothing is sent to a device here.

    Raises:
        IllegalTransitionError: the change is not approved.
        PolicyDeniedError: the person is no implementer, or approved this plan.
        PlanIntegrityError: the stored plan is not the approved one, or lacks approvals.
        ConflictError: the change is on hold, the kill switch is engaged, its window is closed, a freeze is in force,
            or another change is booked on the same devices.
    """
    with remembering_refusal(actor=implementer, attempt="start", change_id=change_id):
        change = lock_change(change_id)
        person = person_of(implementer)
        next_state(ChangeState(change.state), ChangeEvent.START, change_type=ChangeType(change.type))
        enforce(policy.may_start(person, facts_of(change)))
        if change.on_hold:
            raise ConflictError(f"{change.number} is on hold; release the hold before starting.", code="on_hold")
        refuse_while_engaged()
        timeless = window_of(change) is None
        calendar = start_window(change)
        if timeless and change.revision:
            # Only now it is known when; where the risk rises by that, the demand is proved with the higher one.
            risk_assess(change, change.revision, actor=implementer, at=database_now())
        revision = verified_revision(change)
        basis = run_basis(change, revision)
        run = run_create(change, revision, person.id)
        move(
            change,
            ChangeEvent.START,
            actor=implementer,
            details={"plan_digest": revision.digest, "run": run.pk, "devices": run.device_count, **calendar},
        )
        audit_run(run, "run.started", actor=implementer, moved_from="", basis=basis)
        tell_started(change, run, implementer)
        waves_step(change, run)
        return run


def verified_revision(change: ChangeRequest) -> PlanRevision:
    """The plan of a locked change, proved to be the one that was approved, by everybody that the policy asks for.

    Raises:
        PlanNotReadyError: there is none.
        PlanIntegrityError: it is not, it lacks approvals, or the active policy asks more.
    """
    revision = change.revision
    if revision is None or revision.state != PlanState.READY:
        raise PlanNotReadyError("There is no ready plan to execute.")
    verify_revision(revision)
    verify_approvals(change, revision)
    verify_demand(change, revision)
    return revision


def run_create(
    change: ChangeRequest,
    revision: PlanRevision,
    starter_id: int,
    *,
    only: Collection[int] | None = None,
    judged_again: Collection[int] = (),
) -> Run:
    """The rows of a run: its waves as they were signed, and their devices; ``only`` some, by their ids, if given.

    ``judged_again``: further waves, by their numbers, that are opened without devices, so that soak time, proof and
    gate come before what follows them.
    """
    ready = DevicePlan.objects.filter(revision=revision, state=DevicePlanState.READY).order_by("position")
    waves_in_all = len(set(ready.order_by().values_list("wave", flat=True).distinct()))
    if only is not None:
        ready = ready.filter(device_id__in=only)
    plans = list(ready.only("pk", "device_id", "digest", "wave"))
    # From the signed bytes: the inputs that are kept beside them are covered by no digest.
    signed = ready[0].content.strategy
    strategy, steps = Strategy.signed(signed), signed_steps(revision, signed)
    refuse_unanswerable(steps)
    run = Run.objects.create(
        change=change,
        revision=revision,
        plan_digest=revision.digest,
        state=RunState.RUNNING,
        device_count=len(plans),
        max_parallel=strategy.max_parallel,
        strategy=strategy.as_data(),
        started_by_id=starter_id,
    )
    numbers = sorted({plan.wave for plan in plans} | set(judged_again))
    waves = Wave.objects.bulk_create(
        Wave(run=run, number=number, name=wave_name(number, strategy, waves_in_all)) for number in numbers
    )
    by_number = {wave.number: wave for wave in waves}
    steps_create(run, steps, numbers)
    DeviceRun.objects.bulk_create(
        (
            DeviceRun(
                run=run,
                wave=by_number[plan.wave],
                device_id=plan.device_id,
                device_plan=plan,
                plan_digest=plan.digest,
            )
            for plan in plans
        ),
        batch_size=500,
    )
    return run


def claimable_device_runs(run_id: int) -> DeviceRunQuerySet:
    """A run's device runs that are waiting and whose device no other run is working on.

    Those that begin: while the run is running and the kill switch is not engaged, in its first wave that is working;
    an earlier one works again when failed devices of it are retried. Those that have to be read back: always, for only
    then is it known what the device has.
    """
    # What holds for the whole run is asked once, not of each row, so that PostgreSQL goes through the open device runs
    # in their order and stops at the first that fits: ten thousand that wait cost no more than ten.
    elsewhere = DeviceRun.objects.busy().filter(device=OuterRef("device")).exclude(pk=OuterRef("pk"))
    run = Run.objects.filter(pk=run_id)
    begins = Q(state=DeviceRunState.PENDING, wave=_working_wave(run_id)) & ~engaged_now()
    reads_back = Q(state=DeviceRunState.RECONCILING) & Exists(run.exclude(state=RunState.ENDED))
    rolls_back = _rolls_back() & Exists(run.filter(state=RunState.ROLLING_BACK))
    possible = DeviceRun.objects.open().filter(begins | reads_back | rolls_back, run_id=run_id)
    # In plan order; rollbacks last wave first, which only one wave of a run at a time may begin.
    return possible.filter(~Exists(elsewhere)).order_by("pk")


def _working_wave(run_id: int) -> Subquery:
    """The wave of a running run whose devices may begin, if there is one: all before it have ended."""
    earlier = Wave.objects.filter(run=OuterRef("run"), number__lt=OuterRef("number"))
    working = Wave.objects.filter(run_id=run_id, run__state=RunState.RUNNING, state=WaveState.WORKING)
    first = working.filter(~Exists(earlier.exclude(state__in=ENDED_WAVE_STATES)))
    return Subquery(first.order_by("number").values("pk")[:1])


def _rolls_back() -> Q:
    """Those whose rollback may begin: the last waves first, so that what was kept apart stays apart."""
    later = DeviceRun.objects.open().filter(run=OuterRef("run"), wave__number__gt=OuterRef("wave__number"))
    return Q(state=DeviceRunState.ROLLBACK_PENDING) & ~Exists(later) & ~engaged_now()


def run_devices(run_id: int) -> int:
    """Work on a run's devices in this process until none is left or the deadline nears; then end or ring on.

    Returns how many device runs, and visits between waves, were claimed. Safe to call twice at once: the claims decide
    who does what.
    """
    run = Run.objects.select_related("revision").filter(pk=run_id).first()
    if run is None or run.state == RunState.ENDED:
        return 0
    visits = check_devices(run)
    waiting = claimable(claimable_device_runs(run_id))
    if not waiting.exists():
        run_advance(run_id)
        return visits
    seal = PlanSeal(run)
    unsealed = seal.approvals.against(run.revision_id)
    if unsealed is not None:
        devices_hold(run, claimable_device_runs(run_id), unsealed)
        waiting = waiting.filter(state=DeviceRunState.RECONCILING)
    done = visits + run_claims(
        DeviceRun,
        claim_some=partial(_claim_device_runs, run, Strategy.of(run.strategy), unsealed is None),
        work=partial(_execute, run, seal, StandingApart.of(run)),
        threads=min(settings.COUNTERSIGN_THREADS, run.max_parallel),
    )
    run_advance(run_id)
    # A worker that is about to end leaves the rest to others, at once.
    if (done or is_draining()) and waiting.exists():
        ring_runners(run_id)
    return done


@transaction.atomic
def _claim_device_runs(run: Run, strategy: Strategy, begins: bool, owner: uuid.UUID, limit: int) -> list[Claim]:
    """At most ``limit`` device runs, within what the strategy allows in parallel over all runners.

    ``begins``: whether devices may begin; else only those that have to be read back.
    """
    # The run's row is the gate of all runners; it is held for three small queries only.
    prepared("SELECT id FROM changes_run WHERE id = %s FOR UPDATE", [run.pk])
    held = Counter(dict(prepared(_HELD_BY_SITE, [run.pk])))
    limit = min(limit, strategy.max_parallel - held.total())
    if limit <= 0:
        return []
    if not begins:
        reads_back = claimable_device_runs(run.pk).filter(state=DeviceRunState.RECONCILING)
        return claim_some(reads_back, owner=owner, limit=limit)
    if not strategy.max_parallel_per_site:
        return claim_locked(DeviceRun, prepared(*_first_waiting(run.pk, limit)), owner=owner)
    claims: list[Claim] = []
    while len(claims) < limit:
        full = [site for site, count in held.items() if count >= strategy.max_parallel_per_site]
        more = claim_some(claimable_device_runs(run.pk).exclude(device__site__in=full), owner=owner, limit=1)
        if not more:
            break
        claims += more
        held[DeviceRun.objects.values_list("device__site", flat=True).get(pk=more[0].row_id)] += 1
    return claims


def _first_waiting(run_id: int, limit: int) -> tuple[str, list[Any]]:
    """A statement that locks the first waiting device runs and gives their ids and fences."""
    text, values = _waiting_statement(limit)
    return text, [run_id if value == _ANY_RUN else value for value in values]


@lru_cache(maxsize=256)
def _waiting_statement(limit: int) -> tuple[str, tuple[Any, ...]]:
    """Django takes longer to compose it than PostgreSQL to answer, so it is composed once for each limit."""
    rows = claimable(claimable_device_runs(_ANY_RUN)).select_for_update(skip_locked=True, of=("self",))
    return rows.values_list("pk", "fence")[:limit].query.sql_with_params()


def _execute(run: Run, seal: PlanSeal, apart: StandingApart, claim: Claim, heartbeat: Heartbeat) -> None:
    if apart.gives_way(claim):
        return
    try:
        ended = execute(claim, seal=seal, on_driver=heartbeat.watch())
    except IntegrityError as error:
        if not _is_taken(error):
            raise
        # Another run took the device between our claim and our first step; wait for it.
        release(DeviceRun, claim, wait_s=settings.COUNTERSIGN_BUSY_WAIT_S, tried=False)
        return
    if ended in FAILURES:
        # Not with the dispatcher's next round: until then, many more devices could be begun.
        run_advance(run.pk)


def _is_taken(error: IntegrityError) -> bool:
    """Whether it is the rule of one busy run per device that refused, which nothing but a first step can break."""
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "one_busy_run_per_device"


@transaction.atomic
def run_advance(run_id: int) -> bool:
    """End a run whose devices have all ended: outcome, then the change goes to review. Returns whether it ended now."""
    found = Run.objects.filter(pk=run_id).values_list("change_id", flat=True).first()
    if found is None:
        return False
    change = lock_change(found)
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.state == RunState.ENDED:
        return False
    if run.state == RunState.PAUSED:
        paused_step(change, run)
    if run.state == RunState.RUNNING:
        waves_step(change, run)
    elif run.state == RunState.ROLLING_BACK:
        rollback_step(run)
    if run.device_runs.open().exists() or run.waves.exclude(state__in=ENDED_WAVE_STATES).exists():
        return False
    if last_steps_hold(change, run):
        return False
    by_state = run.device_runs.order_by().values_list("state").annotate(count=Count("pk"))
    counts = {DeviceRunState(state): count for state, count in by_state}
    run.outcome = outcome_with_steps(run, run_outcome(counts))
    before, run.state = run.state, check_run_step(RunState(run.state), RunState.ENDED)
    run.ended_at = Now()
    run.save(update_fields=["state", "outcome", "ended_at"])
    audit_run(run, "run.ended", actor=SYSTEM, moved_from=before, outcome=run.outcome, counts=counts)
    for kind in (OccasionKind.RUN, OccasionKind.HEALTH):
        credential_uses_report(Occasion(kind, run.pk))
    notes_queue(run, change)
    tell_ended(change, run)
    hooks_tell(HookPoint.AFTER_RUN, run.revision, run)
    if rollback_goes_on(change):
        return True
    move(
        change,
        ChangeEvent.FINISH,
        actor=SYSTEM,
        details={"run": run.pk, "outcome": run.outcome, "devices": counts},
    )
    return True
