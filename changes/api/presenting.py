"""What the API shows of plans and runs: parsed once, secrets masked, every reason code with its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from changes.api.run_diffs import actual_diffs
from changes.domain.plan import DevicePayload, device_digest
from changes.domain.policy import (
    ChangeFacts,
    Person,
    Verdict,
    may_abstain_now,
    may_answer_gate,
    may_edit,
    may_plan,
    may_roll_back,
    may_schedule,
    may_withdraw_decision,
    verdicts,
)
from changes.domain.reasons import reason
from changes.domain.secret_variables import secret_variables
from changes.domain.states import BEFORE_IMPLEMENTING, EDITABLE, EXECUTING, IN_REVIEW, ChangeEvent, ChangeState
from changes.domain.strategy import Strategy
from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, DevicePlan, DeviceRun, Run, RunStep, WaveCheck
from changes.selectors import ladder_of, last_run_of
from changes.services.retrying import is_retryable
from changes.services.run_orders import RULES, orders_possible
from changes.services.scheduling import MOVABLE
from changes.services.windows import window_of
from devices.domain.reasons import UnknownReasonError
from devices.services.scrubbing import Scrubber

MASK = "<hidden>"

# The table's events by the names of the calls that cause them; what has no call yet is left out.
_CALLS = {
    ChangeEvent.SUBMIT: "submit",
    ChangeEvent.WITHDRAW: "withdraw",
    ChangeEvent.REQUEST_CHANGES: "request-changes",
    ChangeEvent.ASSESS: "assess",
    ChangeEvent.AUTHORIZE: "approve",
    ChangeEvent.REJECT: "reject",
    ChangeEvent.SCHEDULE: "schedule",
    ChangeEvent.REVISE: "revise",
    ChangeEvent.START: "start",
    ChangeEvent.ROLL_BACK: "rollback",
    ChangeEvent.CLOSE: "close",
    ChangeEvent.CANCEL: "cancel",
}


@dataclass(frozen=True, slots=True)
class ShownReason:
    """A reason code with what the catalogue says about it; empty texts for a code that it does not hold."""

    code: str
    sentence: str = ""
    next_step: str = ""

    @classmethod
    def of(cls, code: str) -> ShownReason | None:
        """The reason, or None where there is no code."""
        if not code:
            return None
        try:
            entry = reason(code)
        except UnknownReasonError:
            return cls(code)
        return cls(code, entry.sentence, entry.next_step)


@dataclass(frozen=True, slots=True)
class ShownDevice:
    """Which device a row is about."""

    id: int
    name: str
    site: str
    platform: str

    @classmethod
    def of(cls, row: DevicePlan | DeviceRun) -> ShownDevice:
        """The device of a plan or of a run."""
        device = row.device
        return cls(device.pk, device.name, device.site, device.platform)


@dataclass(frozen=True, slots=True)
class ShownDevicePlan:
    """One device's plan as a reviewer reads it."""

    device: ShownDevice
    wave: int
    state: str
    code: str
    detail: str
    reason: ShownReason | None
    digest: str
    diff: str
    diff_source: str
    lines_added: int
    lines_removed: int
    commands: tuple[str, ...]
    backout: tuple[str, ...]
    backout_method: str
    confirm_within_s: int
    driver: str
    warnings: Sequence[Mapping[str, object]]
    kinds: Sequence[str]
    baseline_sha256: str
    target_sha256: str
    gates: Sequence[Mapping[str, object]]


def shown_plan(plan: DevicePlan, scrub: Scrubber) -> ShownDevicePlan:
    """A device's plan with secrets masked.

    Raises:
        PlanIntegrityError: the stored bytes are not those of the digest; nothing of them is shown.
        PayloadError, CanonicalError: the bytes are no plan at all.
    """
    content = _verified_content(plan)
    return ShownDevicePlan(
        device=ShownDevice.of(plan),
        wave=plan.wave,
        state=plan.state,
        code=plan.code,
        detail=plan.detail,
        reason=ShownReason.of(plan.code),
        digest=plan.digest,
        diff=scrub(content.expected_diff) if content else "",
        diff_source=plan.diff_source,
        lines_added=plan.lines_added,
        lines_removed=plan.lines_removed,
        commands=_masked_lines(content.commands, scrub) if content else (),
        backout=_masked_lines(content.backout, scrub) if content else (),
        backout_method=content.backout_method if content else "",
        confirm_within_s=content.confirm_within_s if content else 0,
        driver=content.driver if content else "",
        warnings=plan.warnings,
        kinds=plan.kinds,
        baseline_sha256=content.baseline_sha256 if content else "",
        target_sha256=content.target_sha256 if content else "",
        gates=plan.gates,
    )


def _verified_content(plan: DevicePlan) -> DevicePayload | None:
    if not plan.payload and not plan.digest:
        return None
    if device_digest(plan.payload.encode()) != plan.digest:
        raise PlanIntegrityError(
            f"The stored plan of {plan.device.name} does not have the digest that it claims, so it is not shown."
            " Find out who changed the row, then plan again."
        )
    return plan.content


def _masked_lines(lines: Iterable[str], scrub: Scrubber) -> tuple[str, ...]:
    # Masked as one text: what is secret in a line can depend on the line above.
    text = "\n".join(lines)
    return tuple(scrub(text).split("\n")) if text else ()


@dataclass(frozen=True, slots=True)
class ShownDeviceRun:
    """One device's run: where it is, why, and what became of its configuration."""

    device: ShownDevice
    wave: int
    state: str
    step: str
    code: str
    detail: str
    reason: ShownReason | None
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    lines_sent: int
    lines_applied: int
    drift: str
    before_sha256: str
    after_sha256: str
    diff: str
    log: Sequence[RunStep]
    gates: Sequence[Mapping[str, object]]
    health: WaveCheck | None
    retryable: bool


def shown_runs(runs: Sequence[DeviceRun], scrub: Scrubber) -> list[ShownDeviceRun]:
    """Device runs as the run page shows them; at most one query for all diffs that nobody has asked for yet."""
    diffs = actual_diffs(runs)
    return [_shown_run(run, diffs[run.pk], scrub) for run in runs]


def _shown_run(run: DeviceRun, diff: str, scrub: Scrubber) -> ShownDeviceRun:
    steps = list(run.steps.all())
    return ShownDeviceRun(
        device=ShownDevice.of(run),
        wave=run.wave.number,
        state=run.state,
        step=steps[-1].name if steps else "",
        code=run.code,
        detail=run.detail,
        reason=ShownReason.of(run.code),
        started_at=run.started_at,
        ended_at=run.ended_at,
        attempts=run.attempts,
        lines_sent=run.lines_sent,
        lines_applied=run.lines_applied,
        drift=run.drift,
        before_sha256=run.before.blob_id if run.before else "",
        after_sha256=run.after.blob_id if run.after else "",
        diff=scrub(diff),
        log=steps,
        gates=ladder_of(steps),
        health=getattr(run, "health_check", None),
        retryable=is_retryable(run),
    )


@dataclass(frozen=True, slots=True)
class ShownContent:
    """What was written into a change; ``masked`` says whether secrets were taken out for this reader."""

    content: str
    variables: Mapping[str, object]
    masked: bool


def shown_content(change: ChangeRequest, person: Person, facts: ChangeFacts) -> ShownContent:
    """The content as it is to those who wrote it, and with its secrets masked to everybody else."""
    if person.id == facts.author_id or person.id in facts.editor_ids:
        return ShownContent(change.content, change.variables, masked=False)
    scrub = Scrubber.load()
    secret = secret_variables(change.content, change.variables)
    variables = {
        name: MASK if name in secret else _masked_value(value, scrub) for name, value in change.variables.items()
    }
    return ShownContent(scrub(change.content), variables, masked=True)


def _masked_value(value: object, scrub: Scrubber) -> object:
    if isinstance(value, list):
        return [_masked_value(item, scrub) for item in value]
    return scrub(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class ShownAction:
    """One call that the change's state allows, and whether this person may make it now."""

    name: str
    allowed: bool
    reasons: tuple[Mapping[str, str], ...]


def shown_actions(person: Person, facts: ChangeFacts, change: ChangeRequest) -> list[ShownAction]:
    """The calls that the state allows, each with the rules that forbid it to this person.

    One query where the change was begun: for the last run, and whether it waits for a person.
    """
    found = {_CALLS[event]: verdict for event, verdict in verdicts(person, facts).items() if event in _CALLS}
    if facts.state in EDITABLE:
        found = {"edit": may_edit(person, facts), "plan": may_plan(person, facts), **found}
    if facts.state in IN_REVIEW:
        found["abstain"] = may_abstain_now(person, facts)
    if facts.state in BEFORE_IMPLEMENTING - EDITABLE:
        found["withdraw-decision"] = may_withdraw_decision(person, facts)
    if facts.state in MOVABLE and window_of(change):
        found["schedule"] = may_schedule(person, facts)
    if facts.state is ChangeState.ROLLING_BACK:
        found["rollback"] = may_roll_back(person, facts)
    run = last_run_of(change) if facts.state in EXECUTING | {ChangeState.REVIEW} else None
    if run is not None:
        found.update(_order_calls(person, facts, run))
    return [ShownAction(name, verdict.allowed, _reasons(verdict)) for name, verdict in found.items()]


def _order_calls(person: Person, facts: ChangeFacts, run: Run) -> dict[str, Verdict]:
    """The orders to a run and the answers to its gate, by the names of their calls."""
    possible = orders_possible(run, change_state=facts.state, is_last=True)
    found = {order.value.replace("_", "-"): RULES[order](person, facts) for order in possible}
    if getattr(run, "waits", False):
        answer = may_answer_gate(person, Strategy.of(run.strategy).gate_role)
        found.update({"release-wave": answer, "refuse-wave": answer})
    return found


def _reasons(verdict: Verdict) -> tuple[Mapping[str, str], ...]:
    return tuple({"code": denial.code, "detail": denial.sentence} for denial in verdict.reasons)
