"""A run at a glance: how far it is, what it came to, and what somebody has to do next."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_ENDED, DeviceRunState, RunOutcome, RunState
from changes.models import Run
from devices.domain.reasons import Reason
from portal.presenters.actions import Action, Actions
from portal.presenters.building import reason_of
from portal.presenters.links import page_url
from portal.presenters.rollback import KEPT, was_ordered
from portal.presenters.run_rows import Light
from portal.presenters.visible import Mask
from portal.presenters.words import counted, few
from portal.templatetags._moments import duration

_D = DeviceRunState
ATTENTION: Final = frozenset({_D.FAILED, _D.ROLLED_BACK, _D.ROLLBACK_FAILED, _D.BLOCKED, _D.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure; ``elapsed_s`` for one that goes on, so that a script can count it further."""

    label: str
    value: str
    unit: str = ""
    icon: str = ""
    tone: str = ""
    elapsed_s: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the bar, in per cent of its width."""

    state: str
    count: int
    start: float
    width: float
    live: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Devices that ended for one reason, and what to do about it."""

    state: str
    reason: Reason
    detail: str
    devices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The head of the run's page; ``seen`` changes exactly when something that it shows does."""

    live: bool
    state: str
    headline: str
    text: str
    tone: str
    stats: tuple[Stat, ...]
    shares: tuple[Share, ...]
    shares_label: str
    troubles: tuple[Trouble, ...]
    next_steps: tuple[str, ...]
    close: Action | None
    new_change_url: str
    seen: str


def figures_of(run: Run, rows: Sequence[Light], now: datetime, actions: Actions, mask: Mask) -> RunFigures:
    """The figures of a run at the moment ``now``; no query."""
    live = run.state != RunState.ENDED
    headline, text, tone = _headline(run, rows)
    shares = _shares(rows)
    close = actions.get("close")
    return RunFigures(
        live=live,
        state=run.outcome or run.state,
        headline=headline,
        text=text,
        tone=tone,
        stats=_stats(run, rows, now),
        shares=shares,
        shares_label=", ".join(f"{share.count} {share.state.replace('_', ' ')}" for share in shares),
        troubles=_troubles(rows, mask),
        next_steps=() if live else _next_steps(rows, close),
        close=close if close and close.allowed else None,
        new_change_url="" if live or run.outcome == RunOutcome.SUCCEEDED else page_url("change-create"),
        seen=seen_of(run, rows),
    )


def seen_of(run: Run, rows: Sequence[Light]) -> str:
    """What tells one state of the run's page from the next."""
    orders = (run.code, run.abort, run.stop_after_wave)
    facts = (
        run.state,
        run.outcome,
        orders,
        [(row.pk, row.state.value, row.code, row.sent, row.applied, row.wave_state) for row in rows],
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _headline(run: Run, rows: Sequence[Light]) -> tuple[str, str, str]:
    ended = sum(row.state in DEVICE_ENDED for row in rows)
    if run.state != RunState.ENDED:
        return f"{ended} of {counted(len(rows), 'device')} done", "The page follows by itself.", "live"
    held = sum(row.state is _D.SUCCEEDED for row in rows)
    stuck = sum(row.state is _D.ROLLBACK_FAILED for row in rows)
    if stuck and run.outcome == RunOutcome.FAILED:
        return f"Failed: {counted(stuck, 'device')} could not be taken back", "See the reason on each below.", "bad"
    title, text, tone = _END[RunOutcome(run.outcome)]
    return title.format(held=held, total=counted(len(rows), "device")), text, tone


_END: Final = {
    RunOutcome.SUCCEEDED: ("All {total} hold the change", "Each was read back and verified.", "ok"),
    RunOutcome.PARTIAL: ("Partial: {held} of {total} hold the change", "The others do not; see why below.", "warn"),
    RunOutcome.FAILED: ("Failed: no device holds the change", "See the reason on each device below.", "bad"),
    RunOutcome.ROLLED_BACK: ("Rolled back: every device is as it was before", "See why below.", "warn"),
    RunOutcome.ABORTED: ("Aborted: no device was changed", "A gate refused each of them.", "warn"),
    RunOutcome.UNKNOWN: ("Unknown: a device's state could not be proved", "Two people must look at it.", "bad"),
}


def _needs_attention(row: Light) -> bool:
    return row.state in ATTENTION and not was_ordered(row)


def _stats(run: Run, rows: Sequence[Light], now: datetime) -> tuple[Stat, ...]:
    ended = sum(row.state in DEVICE_ENDED for row in rows)
    held = sum(row.state in {_D.SUCCEEDED, _D.ROLLBACK_PENDING} for row in rows)
    wrong = sum(_needs_attention(row) for row in rows)
    elapsed_s = max(0.0, ((run.ended_at or now) - run.started_at).total_seconds())
    pace = f"{ended / elapsed_s * 60:.1f}" if ended and elapsed_s else "—"
    return (
        Stat("Devices done", f"{ended:,}", f"of {len(rows):,}"),
        Stat("Hold the change", f"{held:,}", icon="s-succeeded", tone="ok") if held else Stat("Hold the change", "0"),
        Stat("Need attention", f"{wrong:,}", icon="alert", tone="warn") if wrong else Stat("Need attention", "0"),
        Stat("Elapsed", duration(elapsed_s), elapsed_s="" if run.ended_at else f"{elapsed_s:.1f}"),
        Stat("Devices a minute", pace),
        Stat("Lines applied", f"{sum(row.applied for row in rows):,}", f"of {sum(row.sent for row in rows):,} sent"),
    )


def _shares(rows: Sequence[Light]) -> tuple[Share, ...]:
    counts = Counter("running" if row.state in DEVICE_ACTIVE else row.state.value for row in rows)
    order = ["succeeded", "rolled_back", "blocked", "skipped", "failed", "rollback_failed", "unknown", "running",
             "rollback_pending", "pending"]  # fmt: skip
    shares, start = [], 0.0
    for state in order:
        if counts[state]:
            width = 100 * counts[state] / len(rows)
            shares.append(Share(state, counts[state], round(start, 1), round(width, 1), live=state == "running"))
            start += width
    return tuple(shares)


def _troubles(rows: Sequence[Light], mask: Mask) -> tuple[Trouble, ...]:
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for row in rows:
        if _needs_attention(row):
            found.setdefault((row.state.value, row.code, row.detail), []).append((row.name, f"#device-run-{row.pk}"))
    return tuple(
        Trouble(state, reason_of(code, detail), mask.prose(detail), tuple(devices))
        for (state, code, detail), devices in found.items()
    )


def _next_steps(rows: Sequence[Light], close: Action | None) -> tuple[str, ...]:
    steps = []
    kept = [row.name for row in rows if row.state is _D.ROLLBACK_FAILED and row.code in KEPT]
    if kept:
        steps.append(
            f"{few(kept)} could not be rolled back, and nothing was sent. Remove the cause, or confirm the lines that"
            " were computed again, on the page “Roll back”; or leave the change there."
        )
    unknown = [row.name for row in rows if row.state in {_D.UNKNOWN, _D.ROLLBACK_FAILED} and row.name not in kept]
    if unknown:
        steps.append(f"Look at {few(unknown)} first: what is on them now could not be proved to be what was approved.")
    again = [row.name for row in rows if _needs_attention(row) and row.name not in (*unknown, *kept)]
    if again:
        steps.append(f"Remove the cause on {few(again)}, then write a new change for what is left.")
    if close is None:
        return tuple(steps)
    steps.append(
        "Close the change, and say how it went." if close.allowed else "A change manager closes the change then."
    )
    return tuple(steps)
