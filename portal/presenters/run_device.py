"""One device of a run: every step with its session, what was sent, and what the device shows before and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from changes.domain.errors import ChangeError
from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_ENDED, DeviceRunState
from changes.models import DeviceRun, HealthVerdict, RunStep, StepOutcome, WaveCheck
from changes.selectors import ladder_of
from devices.domain.diffing import diff_stat, unified_diff
from devices.domain.reasons import Reason
from devices.models import ConfigSnapshot
from portal.presenters.building import reason_of
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.ladder import Rung, ladder_rows
from portal.presenters.links import audit_url, device_url, page_url
from portal.presenters.visible import Mask, visible
from portal.templatetags._moments import duration

EVIDENCE_SHOWN = 10
SESSION_OPEN = 12
"""A session of so many lines stands open; a longer one unfolds."""
SESSION_SHOWN = 200
"""Lines of a session on the page, the last ones; the whole of it can be downloaded."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found."""

    passed: bool
    name: str
    sentence: str
    evidence: tuple[str, ...]
    before: str
    after: str
    """What was compared, in short; "" where nothing was."""


@dataclass(frozen=True, slots=True)
class Session:
    """What was said between worker and device in one step, redacted; ``cut`` counts lines that are left out before."""

    text: str
    lines: int
    cut: int
    open: bool


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step: recorded before it was taken, and again when it ended.

    ``start`` and ``width`` place it on the time of the whole device run, in per cent. ``handed_on``: another claim than
    that of the step before took it. ``elapsed_s`` stands where it goes on, for a script to count further.
    """

    number: int
    label: str
    outcome: str
    started_at: datetime
    ended_at: datetime | None
    start: float
    width: float
    elapsed: str
    elapsed_s: str
    handed_on: bool
    code: str
    reason: Reason | None
    detail: str
    facts: tuple[tuple[str, str], ...]
    checks: tuple[CheckResult, ...]
    session: Session | None


@dataclass(frozen=True, slots=True)
class Visit:
    """The look at a device between its run and the next wave; ``verdict`` is empty until somebody has looked."""

    healthy: bool
    verdict: str
    reason: Reason | None
    detail: str
    session: Session | None


@dataclass(frozen=True, slots=True)
class SentLine:
    """One approved line and how far it came; ``status`` is applied, rejected, unanswered or unsent."""

    text: str
    status: str


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """All that a run knows of one device; ``seen`` changes exactly when something of it does."""

    id: int
    name: str
    device_url: str
    page_url: str
    session_url: str
    wave: str
    state: str
    reason: Reason | None
    reason_tone: str
    detail: str
    elapsed: str
    elapsed_s: str
    started_at: datetime | None
    ended_at: datetime | None
    live: bool
    attempts: int
    drift: str
    plan_digest: str
    steps: tuple[StepRecord, ...]
    lines: tuple[SentLine, ...]
    lines_applied: int
    lines_sent: int
    before_sha256: str
    after_sha256: str
    compared: bool
    blocks: tuple[Block, ...]
    added: int
    removed: int
    expected: bool
    events_url: str
    seen: str
    ladder: tuple[Rung, ...] = ()
    visit: Visit | None = None


def record_of(row: DeviceRun, mask: Mask, now: datetime) -> DeviceRecord:
    """Gather one device's record; ``row`` comes with device, plan, steps and both snapshots' texts; no query."""
    steps = list(row.steps.all())
    diff = _difference(row.before, row.after)
    stat = diff_stat(diff)
    commands, expected = _plan(row)
    state = DeviceRunState(row.state)
    elapsed_s = max(0.0, ((row.ended_at or now) - (row.started_at or now)).total_seconds())
    keys = (row.run.change_id, row.run_id, row.pk)
    return DeviceRecord(
        id=row.pk,
        name=row.device.name,
        device_url=device_url(row.device_id),
        page_url=page_url("run-device", *keys),
        session_url=page_url("run-session", *keys) if any(step.transcript for step in steps) else "",
        wave=row.wave.name,
        state=row.state,
        reason=reason_of(row.code, row.detail) if row.code and state not in DEVICE_ACTIVE else None,
        reason_tone="" if state in DEVICE_ENDED else "wait",
        elapsed=duration(elapsed_s) if row.started_at else "",
        elapsed_s=f"{elapsed_s:.1f}" if row.started_at and state in DEVICE_ACTIVE else "",
        detail=mask.prose(row.detail),
        started_at=row.started_at,
        ended_at=row.ended_at,
        live=state not in DEVICE_ENDED,
        attempts=row.attempts,
        drift=row.drift,
        plan_digest=row.plan_digest,
        steps=_steps(steps, mask, now),
        lines=_lines(row, mask.lines(commands), steps),
        lines_applied=row.lines_applied,
        lines_sent=row.lines_sent,
        before_sha256=row.before.blob_id if row.before else "",
        after_sha256=row.after.blob_id if row.after else "",
        compared=row.before is not None and row.after is not None,
        blocks=diff_blocks(diff, mask),
        added=stat.added,
        removed=stat.removed,
        expected=bool(diff) and diff == expected,
        events_url=audit_url(object_type="device_run", object_id=row.pk),
        seen=record_version(row, steps),
        ladder=ladder_rows(ladder_of(steps), mask),
        visit=_visit(_check_of(row), mask),
    )


def record_version(row: DeviceRun, steps: Collection[RunStep]) -> str:
    """What tells one state of the record from the next."""
    ended = sum(step.ended_at is not None for step in steps)
    check = _check_of(row)
    looked = check.verdict if check is not None else ""
    return f"{looked}-{row.state}-{len(steps)}-{ended}-{row.lines_sent}-{row.lines_applied}-{row.attempts}-{row.code}"


def session_of(row: DeviceRun, mask: Mask) -> str:
    """Every session of a device run as one text, step by step; no query where the steps were fetched."""
    head = f"Run {row.run_id} of {row.run.change.number} on {row.device.name}. Secrets are masked. Times are UTC."
    parts = [visible(head)]
    for step in row.steps.all():
        ended = f"{step.ended_at.astimezone(UTC):%H:%M:%S}" if step.ended_at else "under way"
        begun = f"{step.intent_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        label = DeviceRunState(step.name).label
        outcome = f"{step.outcome or 'under way'} {step.code}".strip()
        parts.append(f"==== {step.sequence}. {label}: {begun} to {ended}, {outcome}")
        if step.detail:
            parts.append(mask.prose(step.detail))
        parts.append(mask.text(step.transcript) or "(no session)")
    check = _check_of(row)
    if check is not None and check.transcript:
        parts += ["==== Looked at once more, before the next wave", mask.text(check.transcript)]
    return "\n\n".join(parts) + "\n"


def _check_of(row: DeviceRun) -> WaveCheck | None:
    return getattr(row, "health_check", None)


def _visit(check: WaveCheck | None, mask: Mask) -> Visit | None:
    if check is None:
        return None
    return Visit(
        healthy=check.verdict == HealthVerdict.HEALTHY,
        verdict=HealthVerdict(check.verdict).label if check.verdict else "",
        reason=reason_of(check.code, check.detail) if check.code else None,
        detail=mask.prose(check.detail),
        session=_session(mask.text(check.transcript)),
    )


def _difference(before: ConfigSnapshot | None, after: ConfigSnapshot | None) -> str:
    if before is None or after is None or before.blob_id == after.blob_id:
        return ""
    return unified_diff(before.blob.text, after.blob.text)


def _plan(row: DeviceRun) -> tuple[Sequence[str], str]:
    """The approved lines and the approved diff; nothing where the stored plan cannot be read."""
    try:
        payload = row.device_plan.content
    except ChangeError:
        return (), ""
    return payload.commands, payload.expected_diff


def _lines(row: DeviceRun, commands: Sequence[str], steps: Sequence[RunStep]) -> tuple[SentLine, ...]:
    refused = [step.data.get("rejected_line") for step in steps if step.name == DeviceRunState.APPLYING]
    return tuple(
        SentLine(text, _line_status(number, row, refused[-1] if refused else None))
        for number, text in enumerate(commands, start=1)
    )


def _line_status(number: int, row: DeviceRun, refused: object) -> str:
    if number == refused:
        return "rejected"
    if number <= row.lines_applied:
        return "applied"
    return "unanswered" if number <= row.lines_sent else "unsent"


def _steps(steps: Sequence[RunStep], mask: Mask, now: datetime) -> tuple[StepRecord, ...]:
    if not steps:
        return ()
    begun = steps[0].intent_at
    whole_s = max(0.001, (max(step.ended_at or now for step in steps) - begun).total_seconds())
    fences = [None, *(step.fence for step in steps)]
    return tuple(
        _step(step, mask, now, (begun, whole_s), handed_on=before not in (None, step.fence))
        for before, step in zip(fences, steps, strict=False)
    )


def _step(step: RunStep, mask: Mask, now: datetime, axis: tuple[datetime, float], *, handed_on: bool) -> StepRecord:
    data = step.data if isinstance(step.data, Mapping) else {}
    begun, whole_s = axis
    took_s = max(0.0, ((step.ended_at or now) - step.intent_at).total_seconds())
    start = min(100.0, max(0.0, 100 * (step.intent_at - begun).total_seconds() / whole_s))
    failed = step.outcome != StepOutcome.OK
    backed_out = step.name == DeviceRunState.BACKING_OUT and not failed
    return StepRecord(
        number=step.sequence,
        label=DeviceRunState(step.name).label,
        # A backout that went well is no success.
        outcome="rolled_back" if backed_out else step.outcome or "current",
        started_at=step.intent_at,
        ended_at=step.ended_at,
        start=round(min(start, 99.5), 2),
        width=round(max(0.5, min(100 * took_s / whole_s, 100 - start)), 2),
        elapsed=duration(took_s) if took_s >= 0.1 else f"{took_s * 1000:.0f} ms",
        elapsed_s="" if step.ended_at else f"{took_s:.1f}",
        handed_on=handed_on,
        code=step.code,
        reason=reason_of(step.code, step.detail) if step.code and failed else None,
        detail=mask.prose(step.detail) if failed else "",
        facts=tuple(_facts(data, mask)),
        checks=tuple(_check(check, mask) for check in _list(data.get("checks"))),
        session=_session(mask.text(step.transcript)),
    )


def _session(text: str) -> Session | None:
    if not text:
        return None
    lines = text.split("\n")
    cut = max(0, len(lines) - SESSION_SHOWN)
    return Session("\n".join(lines[cut:]), len(lines), cut, open=len(lines) <= SESSION_OPEN)


def _facts(data: Mapping[str, object], mask: Mask) -> list[tuple[str, str]]:
    """What a step wrote down of what it found, in words."""
    identity, drift = data.get("identity"), data.get("drift")
    found = []
    if isinstance(identity, Mapping):
        found.append(("Answers as", " · ".join(str(value) for value in identity.values() if value)))
    if isinstance(drift, Mapping):
        paths = ", ".join(_path(str(path), mask) for path in _list(drift.get("paths"))[:EVIDENCE_SHOWN])
        found.append(("Changed since the plan", f"{drift.get('kind', '')}{': ' if paths else ''}{paths}"))
    labels = {"driver": "Driver", "attempts": "Attempts", "source": "Backout", "finding": "Read back"}
    found += _retries(data)
    found += [(label, str(data[name])) for name, label in labels.items() if data.get(name)]
    return [(label, mask.prose(value)) for label, value in found]


def _retries(data: Mapping[str, object]) -> list[tuple[str, str]]:
    """Each decision to try again, and how long a breaker makes the device wait."""
    found = [
        (f"Attempt {each.get('attempt')}", f"{each.get('code')}; the next one {each.get('wait_s')} s later")
        for each in _list(data.get("retries"))
    ]
    breaker = data.get("breaker")
    if isinstance(breaker, Mapping):
        gives_up = "open for too long: the device is given up"
        found.append(
            ("Breaker", gives_up if breaker.get("gives_up") else f"open: next try in {breaker.get('wait_s')} s")
        )
    return found


def _path(path: str, mask: Mask) -> str:
    """Block headers and a line; each is masked as the line that it is on the device."""
    return " / ".join(mask.text(line) for line in path.split(" / "))


def _list(value: object) -> list[Mapping[str, object]]:
    return value if isinstance(value, list) else []


def _check(check: Mapping[str, object], mask: Mask) -> CheckResult:
    return CheckResult(
        passed=check.get("passed") is True,
        name=mask.prose(str(check.get("name", ""))),
        sentence=mask.prose(str(check.get("sentence", ""))),
        evidence=tuple(mask.text(str(line)) for line in _list(check.get("evidence"))[:EVIDENCE_SHOWN]),
        before=mask.prose(str(check.get("before", ""))),
        after=mask.prose(str(check.get("after", ""))),
    )
