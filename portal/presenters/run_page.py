"""A run at a glance: how far it is, how fast it goes, what it came to, and what somebody has to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changes.domain.pace import Pace
from changes.domain.run_filter import RunFilter
from changes.domain.run_states import DEVICE_ACTIVE, DeviceRunState, RunOutcome, RunState, WaveState
from changes.models import Run
from changes.services.run_watching import Ends, Figures, pace
from devices.domain.reasons import Reason
from portal.presenters.actions import Action, Actions
from portal.presenters.building import reason_of
from portal.presenters.links import page_url
from portal.presenters.rollback import KEPT
from portal.presenters.run_query import RunQuery, run_url
from portal.presenters.shares import ORDER, Share, shares_of
from portal.presenters.visible import Mask
from portal.presenters.words import counted
from portal.templatetags._moments import duration

_D = DeviceRunState


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure; ``elapsed_s`` for one that goes on, so that a script can count it further."""

    key: str
    label: str
    value: str
    unit: str = ""
    icon: str = ""
    tone: str = ""
    note: str = ""
    elapsed_s: str = ""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The head of the run's page; ``news`` is what somebody who cannot see it is told when it changes."""

    live: bool
    state: str
    headline: str
    text: str
    tone: str
    news: str
    stats: tuple[Stat, ...]
    shares: tuple[Share, ...]
    shares_label: str


def figures_of(run: Run, found: Figures, now: datetime, mask: Mask) -> RunFigures:
    """The figures of a run at the moment ``now``; no query but for a rollback's pace."""
    headline, text, tone = _headline(run, found)
    shares = shares_of(found.states)
    return RunFigures(
        live=run.state != RunState.ENDED,
        state=run.outcome or run.state,
        headline=headline,
        text=text,
        tone=tone,
        news=_news(run, found, headline, mask),
        stats=_stats(run, found, now),
        shares=shares,
        shares_label=", ".join(f"{share.count} {share.state.replace('_', ' ')}" for share in shares),
    )


def _headline(run: Run, found: Figures) -> tuple[str, str, str]:
    if run.state != RunState.ENDED:
        return f"{found.ended:,} of {counted(found.total, 'device')} done", _standing(run, found), "live"
    held, stuck = found.states[_D.SUCCEEDED], found.states[_D.ROLLBACK_FAILED]
    if stuck and run.outcome == RunOutcome.FAILED:
        return f"Failed: {counted(stuck, 'device')} could not be taken back", "See the reason on each below.", "bad"
    title, text, tone = _END[RunOutcome(run.outcome)]
    return title.format(held=f"{held:,}", total=counted(found.total, "device")), text, tone


def _standing(run: Run, found: Figures) -> str:
    if run.state == RunState.PAUSED:
        return "The run is paused."
    if run.state == RunState.ROLLING_BACK:
        return "The change is being rolled back."
    waiting = next((each.wave.name for each in found.waves if each.wave.state == WaveState.WAITING), "")
    return f"{waiting} is done, and a person decides whether the run goes on." if waiting else "The page follows it."


_END: Final = {
    RunOutcome.SUCCEEDED: ("All {total} hold the change", "Each was read back and verified.", "ok"),
    RunOutcome.PARTIAL: ("Partial: {held} of {total} hold the change", "The others do not; see why below.", "warn"),
    RunOutcome.FAILED: ("Failed: no device holds the change", "See the reason on each device below.", "bad"),
    RunOutcome.ROLLED_BACK: ("Rolled back: every device is as it was before", "See why below.", "warn"),
    RunOutcome.ABORTED: ("Aborted: no device was changed", "A gate refused each of them.", "warn"),
    RunOutcome.UNKNOWN: ("Unknown: a device's state could not be proved", "Two people must look at it.", "bad"),
}


def _news(run: Run, found: Figures, headline: str, mask: Mask) -> str:
    """What is worth interrupting somebody for: a pause, a gate, an abort, the end. Never how far it is."""
    if run.state == RunState.ENDED:
        return f"The run has ended. {headline}."
    if run.state == RunState.PAUSED:
        return f"The run is paused. {mask.prose(run.detail)}".strip()
    if run.abort:
        return f"The run is being aborted. {mask.prose(run.detail)}".strip()
    if any(each.wave.state == WaveState.WAITING for each in found.waves):
        return _standing(run, found)
    return "The change is being rolled back." if run.state == RunState.ROLLING_BACK else ""


def _stats(run: Run, found: Figures, now: datetime) -> tuple[Stat, ...]:
    held = found.states[_D.SUCCEEDED] + found.states[_D.ROLLBACK_PENDING]
    wrong = found.attention
    elapsed_s = max(0.0, ((run.ended_at or now) - run.started_at).total_seconds())
    goes = pace(run, found, now)
    left = () if run.ended_at else (_left(goes),)
    return (
        Stat("done", "Devices done", f"{found.ended:,}", f"of {found.total:,}"),
        Stat("held", "Hold the change", f"{held:,}", icon="s-succeeded" if held else "", tone="ok" if held else ""),
        Stat("wrong", "Need attention", f"{wrong:,}", icon="alert" if wrong else "", tone="warn" if wrong else ""),
        Stat("elapsed", "Elapsed", duration(elapsed_s), elapsed_s="" if run.ended_at else f"{elapsed_s:.1f}"),
        Stat("pace", "Devices a minute", "—" if goes.per_minute is None else f"{goes.per_minute:,.1f}"),
        *left,
        Stat("lines", "Lines applied", f"{found.applied:,}", f"of {found.sent:,} sent"),
    )


def _left(goes: Pace) -> Stat:
    gates = f"and {counted(goes.gates, 'decision')} by people" if goes.gates else ""
    if goes.left_s is None:
        return Stat("left", "Time left", "—", note=goes.unknown)
    return Stat("left", "Time left", _about(goes.left_s), note=gates)


def _about(seconds: float) -> str:
    """A time that nobody can know to the second: the nearest 5 s, minute, or 5 minutes."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} min"
    rounded = round(minutes / 5) * 5
    return f"about {rounded // 60} h {rounded % 60:02d} min"


# ---- what to do


@dataclass(frozen=True, slots=True)
class Trouble:
    """Devices that ended for one reason, and what to do about it; ``more`` counts those that are not named."""

    state: str
    reason: Reason
    detail: str
    devices: tuple[tuple[str, str, str], ...]
    count: int
    more: int
    more_url: str


@dataclass(frozen=True, slots=True)
class RunAdvice:
    """What needs attention, and what people do after the end; ``live`` and ``tone`` are those of the run."""

    live: bool
    tone: str
    troubles: tuple[Trouble, ...]
    next_steps: tuple[str, ...]
    close: Action | None
    new_change_url: str


def advice_of(run: Run, figures: RunFigures, ends: Sequence[Ends], actions: Actions, mask: Mask) -> RunAdvice:
    """What somebody has to do about a run; no query."""
    close = actions.get("close")
    return RunAdvice(
        live=figures.live,
        tone=figures.tone,
        troubles=tuple(_trouble(run, each, mask) for each in ends),
        next_steps=() if figures.live else _next_steps(ends, close),
        close=close if close and close.allowed and not figures.live else None,
        new_change_url=page_url("change-create") if not figures.live and run.outcome != RunOutcome.SUCCEEDED else "",
    )


def _trouble(run: Run, each: Ends, mask: Mask) -> Trouble:
    names = tuple(
        (name, page_url("run-device", run.change_id, run.pk, pk), f"device-run-{pk}") for pk, name in each.first
    )
    only = RunQuery(chosen=RunFilter(asked_states=(each.state.value,), code=each.code))
    return Trouble(
        state=each.state.value,
        reason=reason_of(each.code, each.detail),
        detail=mask.prose(each.detail),
        devices=names,
        count=each.count,
        more=each.count - len(names),
        more_url=run_url(run, only),
    )


def _next_steps(ends: Sequence[Ends], close: Action | None) -> tuple[str, ...]:
    steps = []
    kept = [each for each in ends if each.state is _D.ROLLBACK_FAILED and each.code in KEPT]
    if kept:
        steps.append(
            f"{_named(kept)} could not be rolled back, and nothing was sent. Remove the cause, or confirm the lines"
            " that were computed again, on the page “Roll back”; or leave the change there."
        )
    unknown = [each for each in ends if each.state in {_D.UNKNOWN, _D.ROLLBACK_FAILED} and each not in kept]
    if unknown:
        steps.append(
            f"Look at {_named(unknown)} first: what is on them now could not be proved to be what was approved."
        )
    again = [each for each in ends if each not in kept and each not in unknown]
    if again:
        steps.append(f"Remove the cause on {_named(again)}, then retry there, or write a new change for what is left.")
    if close is None:
        return tuple(steps)
    steps.append(
        "Close the change, and say how it went." if close.allowed else "A change manager closes the change then."
    )
    return tuple(steps)


def _named(ends: Sequence[Ends], limit: int = 8) -> str:
    names = [name for each in ends for _, name in each.first][:limit]
    more = sum(each.count for each in ends) - len(names)
    if more:
        return f"{', '.join(names)} and {more:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


# ---- narrowing


@dataclass(frozen=True, slots=True)
class Chip:
    """One state to narrow the devices by, with how many there are; following it switches it on or off."""

    key: str
    label: str
    state: str
    count: str
    on: bool
    url: str


_GROUPS: Final = (("attention", "Needs attention", "partial"), ("working", "Being worked on", "running"))


def chips_of(run: Run, found: Figures, query: RunQuery) -> tuple[Chip, ...]:
    """The states that devices of the run are in, groups first, and whatever is switched on; no query."""
    counts = {"attention": found.attention, "working": sum(found.states[state] for state in DEVICE_ACTIVE)}
    asked = query.chosen.asked_states
    chips = [
        _chip(run, query, name, label, state, counts[name])
        for name, label, state in _GROUPS
        if counts[name] or name in asked
    ]
    ordered = [name for name in ORDER if name != "running"] + sorted(state.value for state in DEVICE_ACTIVE)
    for name in ordered:
        count = found.states[_D(name)]
        active_alone = _D(name) in DEVICE_ACTIVE and name not in asked
        if (count and not active_alone) or name in asked:
            chips.append(_chip(run, query, name, _D(name).label, name, count))
    others = [name for name in ("waiting", "done") if name in asked]
    labels = {"waiting": "Waiting", "done": "Done"}
    return (*chips, *(_chip(run, query, name, labels[name], "ended", found.matching) for name in others))


def _chip(run: Run, query: RunQuery, name: str, label: str, state: str, count: int) -> Chip:
    on = name in query.chosen.asked_states
    return Chip(name, label, state, f"{count:,}", on, run_url(run, query.filtered(query.chosen.toggled(name))))
