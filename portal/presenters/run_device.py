"""One device of a run: every step with its session, what was sent, and what the device shows before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from changes.domain.errors import ChangeError
from changes.domain.run_states import DEVICE_ENDED, DeviceRunState
from changes.models import DeviceRun, RunStep, StepOutcome
from changes.selectors import ladder_of
from devices.domain.diffing import diff_stat, unified_diff
from devices.domain.reasons import Reason
from devices.models import ConfigSnapshot
from portal.presenters.building import reason_of
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.ladder import Rung, ladder_rows
from portal.presenters.links import audit_url, device_url
from portal.presenters.visible import Mask

EVIDENCE_SHOWN = 10


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
class StepRecord:
    """One step: recorded before it was taken, and again when it ended."""

    label: str
    outcome: str
    started_at: datetime
    ended_at: datetime | None
    code: str
    detail: str
    facts: tuple[tuple[str, str], ...]
    checks: tuple[CheckResult, ...]
    transcript: str


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
    state: str
    reason: Reason | None
    detail: str
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


def record_of(row: DeviceRun, mask: Mask) -> DeviceRecord:
    """Gather one device's record; ``row`` comes with device, plan, steps and both snapshots' texts; no query."""
    steps = list(row.steps.all())
    diff = _difference(row.before, row.after)
    stat = diff_stat(diff)
    commands, expected = _plan(row)
    state = DeviceRunState(row.state)
    return DeviceRecord(
        id=row.pk,
        name=row.device.name,
        device_url=device_url(row.device_id),
        state=row.state,
        reason=reason_of(row.code, row.detail) if row.code and state in DEVICE_ENDED else None,
        detail=mask.prose(row.detail),
        started_at=row.started_at,
        ended_at=row.ended_at,
        live=state not in DEVICE_ENDED,
        attempts=row.attempts,
        drift=row.drift,
        plan_digest=row.plan_digest,
        steps=tuple(_step(step, mask) for step in steps),
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
        seen=record_version(row, len(steps)),
        ladder=ladder_rows(ladder_of(steps), mask),
    )


def record_version(row: DeviceRun, steps: int) -> str:
    """What tells one state of the record from the next."""
    return f"{row.state}-{steps}-{row.lines_sent}-{row.lines_applied}-{row.attempts}"


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


def _step(step: RunStep, mask: Mask) -> StepRecord:
    data = step.data if isinstance(step.data, Mapping) else {}
    return StepRecord(
        label=DeviceRunState(step.name).label,
        outcome=step.outcome or "current",
        started_at=step.intent_at,
        ended_at=step.ended_at,
        code=step.code,
        detail=mask.prose(step.detail) if step.outcome != StepOutcome.OK else "",
        facts=tuple(_facts(data, mask)),
        checks=tuple(_check(check, mask) for check in _list(data.get("checks"))),
        transcript=mask.text(step.transcript),
    )


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
