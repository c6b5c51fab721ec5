"""What people order about a run: pause, resume, stop after this wave, abort, skip a device.

Each order locks the change, then its run, asks the table of orders and the people rules, writes, and audits; a refusal
is audited too. Workers learn of it at their next safe point: a step or a line. Nothing depends on who watches a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of, shown
from changes.domain.orders import DEVICE_SKIPPED, RUN_ABORTED, RUN_PAUSED, Order, check_order, orders_from
from changes.domain.policy import ChangeFacts, Person, Verdict
from changes.domain.run_states import DeviceRunState, RunState, WaveState
from changes.domain.states import ChangeState, ChangeType, IllegalTransitionError, events_from
from changes.domain.strategy import InFlight
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import ChangeRequest, DeviceRun, Run
from changes.services import run_control
from changes.services.demanding import verify_demand
from changes.services.execution import run_advance
from changes.services.integrity import verify_approvals, verify_revision
from changes.services.kill_switch import refuse_while_engaged
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.queueing import ring_runners
from changes.services.transitions import remembering_refusal
from changes.services.wave_progress import failed_devices
from changes.services.windows import refuse_outside_window

Rule = Callable[[Person, ChangeFacts], Verdict]

RULES: Final[Mapping[Order, Rule]] = {
    Order.PAUSE: policy.may_pause,
    Order.RESUME: policy.may_resume,
    Order.STOP_AFTER_WAVE: policy.may_stop_after_wave,
    Order.ABORT: policy.may_abort,
    Order.SKIP: policy.may_skip,
    Order.RETRY: policy.may_retry,
}
"""Who may give which order; pages and the API offer what these allow."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A locked change with its locked run, and the person whose order holds for them."""

    change: ChangeRequest
    run: Run
    person: Person


def run_pause(*, change_id: int, actor: Actor, comment: str = "") -> Run:
    """Begin no further device and open no further wave; devices that are being worked on are finished.

    Raises:
        IllegalTransitionError: no run of the change is running, or it is being aborted.
        PolicyDeniedError: the person is no implementer.
    """
    with ordered(Order.PAUSE, change_id, actor) as found:
        comment = parse_comment(comment, action="pause a run", required=False)
        run_control.pause(
            found.change, found.run, actor=actor, code=RUN_PAUSED, detail=_said("Paused", found.person, comment)
        )
        return found.run


def run_resume(*, change_id: int, actor: Actor, comment: str = "") -> Run:
    """Let a paused run go on; digest, approvals and kill switch are checked again, and present failures are accepted.

    For a running run that is to stop after this wave, it takes that order back.

    Raises:
        IllegalTransitionError: the run is neither paused nor to stop after a wave.
        PolicyDeniedError: the person is no implementer, or approved this plan.
        PlanIntegrityError: the stored plan is not the approved one, or lacks approvals.
        ConflictError: the kill switch is engaged, or the maintenance window is closed.
    """
    with ordered(Order.RESUME, change_id, actor) as found:
        run = found.run
        comment = parse_comment(comment, action="resume a run", required=False)
        refuse_while_engaged()
        refuse_outside_window(found.change, found.run)
        verify_revision(run.revision, approved_digest=run.plan_digest)
        verify_approvals(found.change, run.revision)
        verify_demand(found.change, run.revision)
        run.implementers.add(found.person.id)
        if run.state == RunState.RUNNING:
            _stops_after_wave(run, actor=actor, stops=False, comment=comment)
            return run
        # Who resumes has seen the failures that there are; only further ones count against the budget again.
        run.failures_accepted = failed_devices(run)
        run_control.resume(found.change, run, actor=actor, detail=comment)
        ring_runners(run.pk)
        return _advanced(run)


def run_stop_after_wave(*, change_id: int, actor: Actor, comment: str = "") -> Run:
    """Pause the run when the present wave has held, before the next one is opened.

    Raises:
        IllegalTransitionError: no run of the change is running, or it has that order already, or is being aborted.
        PolicyDeniedError: the person is no implementer.
        ConflictError: there is no further wave.
    """
    with ordered(Order.STOP_AFTER_WAVE, change_id, actor) as found:
        comment = parse_comment(comment, action="stop a run after this wave", required=False)
        if not found.run.waves.filter(state=WaveState.PENDING).exists():
            raise ConflictError("This is the last wave of the run; pause or abort it instead.", code="no_further_wave")
        _stops_after_wave(found.run, actor=actor, stops=True, comment=comment)
        return found.run


def _stops_after_wave(run: Run, *, actor: Actor, stops: bool, comment: str) -> None:
    run.stop_after_wave = stops
    run.save(update_fields=["stop_after_wave"])
    action = "run.stop_ordered" if stops else "run.stop_withdrawn"
    run_control.audit_run(run, action, actor=actor, reason=comment)


def run_abort(*, change_id: int, actor: Actor, comment: str, in_flight: str = InFlight.FINISH.value) -> Run:
    """End a run for good: devices that nobody has begun are skipped, those in flight are finished or backed out.

    ``in_flight``: ``finish`` or ``back_out``. Backing out takes back, the approved way, what was written to a device
    that has not ended; devices that have succeeded stay as they are. "finish" may become "back out" later, not the
    other way round.

    Raises:
        IllegalTransitionError: no run of the change is under way, or it is being aborted in that way already.
        PolicyDeniedError: the person is no implementer.
        InvalidInputError: no comment, or no such way.
    """
    with ordered(Order.ABORT, change_id, actor, in_flight=in_flight) as found:
        comment = parse_comment(comment, action="abort a run")
        if in_flight not in set(InFlight):
            sentence = f"“{shown(in_flight)}” is not known. Allowed: {one_of(InFlight)}."
            raise InvalidInputError({"in_flight": [sentence]})
        detail = _said("Aborted", found.person, comment)
        run_control.abort(found.change, found.run, InFlight(in_flight), actor=actor, code=RUN_ABORTED, detail=detail)
        return _advanced(found.run)


def device_skip(*, change_id: int, device_id: int, actor: Actor, comment: str) -> DeviceRun:
    """Leave out one device that nobody has begun; nothing is sent to it.

    Raises:
        IllegalTransitionError: no run of the change is under way, or it is being aborted.
        PolicyDeniedError: the person is no implementer.
        ChangeNotFoundError: the device is not in the run.
        ConflictError: the device does not wait: it is being worked on, or has ended.
        InvalidInputError: no comment.
    """
    with ordered(Order.SKIP, change_id, actor, device_id=device_id) as found:
        comment = parse_comment(comment, action="skip a device")
        rows = found.run.device_runs.select_for_update(of=("self",)).select_related("run__change", "device")
        row = rows.filter(device_id=device_id).first()
        if row is None:
            raise ChangeNotFoundError(f"The run has no device with the id {device_id}.")
        if row.state != DeviceRunState.PENDING or row.owner is not None:
            stands = "a worker has just taken it" if row.state == DeviceRunState.PENDING else f"it is {_words(row)}"
            raise ConflictError(
                f"{row.device.name} does not wait any more: {stands}. Only a device that waits can be skipped.",
                code="device_not_waiting",
            )
        run_control.skip(row, actor=actor, code=DEVICE_SKIPPED, detail=_said("Skipped", found.person, comment))
        _advanced(found.run)
        return row


def orders_possible(run: Run, *, change_state: ChangeState, is_last: bool) -> tuple[Order, ...]:
    """The orders that fit how a run stands, whoever gives them; no query.

    Of an ended run that is a retry, as long as it is the last one of its change and the change is in review.
    """
    if run.state == RunState.ENDED and not (is_last and change_state is ChangeState.REVIEW):
        return ()
    return orders_from(RunState(run.state), stop_after_wave=run.stop_after_wave, abort=run.abort)


@contextmanager
def ordered(order: Order, change_id: int, actor: Actor, **asked: object) -> Iterator[Ordered]:
    """Lock change and run, and let an order through that fits both the run's state and the person.

    Raises:
        IllegalTransitionError: the table of orders has no such order for a run in this state.
        PolicyDeniedError: the order's rule forbids it to the person.
    """
    with remembering_refusal(actor=actor, attempt=order.value, change_id=change_id, **asked):
        change = lock_change(change_id)
        run = _locked_run(change, order)
        check_order(
            order,
            RunState(run.state),
            stop_after_wave=run.stop_after_wave,
            abort=run.abort,
            in_flight=str(asked.get("in_flight", "")),
        )
        person = person_of(actor)
        enforce(RULES[order](person, facts_of(change)))
        yield Ordered(change, run, person)


def _locked_run(change: ChangeRequest, order: Order) -> Run:
    """The run that is under way; for a retry in review the last one."""
    runs = change.runs.select_for_update(of=("self",)).select_related("revision")
    if not (order is Order.RETRY and change.state == ChangeState.REVIEW):
        runs = runs.exclude(state=RunState.ENDED)
    run = runs.order_by("-pk").first()
    if run is None:
        possible = events_from(ChangeState(change.state), change_type=ChangeType(change.type))
        raise IllegalTransitionError(change.state, order, possible)
    return run


def _advanced(run: Run) -> Run:
    """Take the run as far as it may go now: the order shows at once, not with the dispatcher's next round."""
    run_advance(run.pk)
    run.refresh_from_db()
    return run


def _said(what: str, person: Person, comment: str) -> str:
    return f"{what} by {person.username}: {comment}" if comment else f"{what} by {person.username}."


def _words(row: DeviceRun) -> str:
    return row.get_state_display().lower()
