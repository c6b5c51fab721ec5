"""A rollout strategy in sentences, and the waves of a plan before anybody approves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.errors import InvalidInputError
from changes.domain.states import DevicePlanState
from changes.domain.strategy import BudgetAction, HumanGate, InFlight, Promotion, Strategy
from changes.domain.waves import wave_name
from portal.presenters.plan_rows import PlanRow
from portal.presenters.words import counted, group_label

NAMES_SHOWN: Final = 200
OPEN_UP_TO: Final = 24
"""Names of devices that may stand on the page without a fold."""


@dataclass(frozen=True, slots=True)
class StrategyFact:
    """One line of the summary."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """One wave of a plan; ``names`` are the first of its devices."""

    number: int
    name: str
    count: int
    names: tuple[str, ...]
    gated: bool

    @property
    def more(self) -> int:
        """Devices that are not listed."""
        return self.count - len(self.names)


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a plan is rolled out; ``folded`` where the names would be too many to show at once."""

    facts: tuple[StrategyFact, ...]
    waves: tuple[PlannedWave, ...]
    folded: bool


def strategy_facts(stored: Mapping[str, object]) -> tuple[StrategyFact, ...]:
    """The strategy in sentences; what plays no part is left out, and so is a strategy that cannot be read."""
    try:
        strategy = Strategy.signed(stored)
    except InvalidInputError:
        return ()
    return tuple(StrategyFact(label, text) for label, text in _facts(strategy))


def rollout_of(rows: Sequence[PlanRow], stored: Mapping[str, object]) -> Rollout | None:
    """The waves of a plan's devices, as they would be executed; None where nothing would be. No query."""
    try:
        strategy = Strategy.of(stored)
    except InvalidInputError:
        return None
    by_wave: dict[int, list[str]] = {}
    for row in rows:
        if row.state == DevicePlanState.READY:
            by_wave.setdefault(row.wave, []).append(row.name)
    if not by_wave:
        return None
    waves = tuple(
        PlannedWave(
            number=number,
            name=wave_name(number, strategy, len(by_wave)),
            count=len(names),
            names=tuple(names[:NAMES_SHOWN]),
            gated=number < len(by_wave) and strategy.waits_for_a_person(number),
        )
        for number, names in sorted(by_wave.items())
    )
    return Rollout(strategy_facts(stored), waves, folded=sum(wave.count for wave in waves) > OPEN_UP_TO)


def _facts(strategy: Strategy) -> Iterator[tuple[str, str]]:
    yield "Waves", _waves(strategy)
    site = f", {strategy.max_parallel_per_site} in one site" if strategy.max_parallel_per_site else ""
    yield "At once", f"up to {counted(strategy.max_parallel, 'device')}{site}"
    if _has_several_waves(strategy):
        yield "Next wave", _promotion(strategy)
    if strategy.gate != HumanGate.NONE:
        when = "after every wave" if strategy.gate == HumanGate.AFTER_EVERY_WAVE else "after the first wave"
        limit = _span(strategy.gate_timeout_s)
        yield (
            "A person",
            (
                f"with the role {group_label(strategy.gate_role)} lets it go on {when};"
                f" without an answer in {limit} the run is aborted"
            ),
        )
    yield "Failures", _failures(strategy)
    if strategy.on_window_close == InFlight.BACK_OUT:
        yield "Window closes", "devices that are being worked on are backed out, and the run ends"


def _has_several_waves(strategy: Strategy) -> bool:
    return bool(strategy.canary or strategy.batch_cap) or strategy.batch_percent < 100


def _waves(strategy: Strategy) -> str:
    first = f"a canary of {counted(strategy.canary, 'device')}, then " if strategy.canary else ""
    if strategy.batch_percent == 100:
        rest = f"up to {counted(strategy.batch_cap, 'device')} at a time" if strategy.batch_cap else ""
    else:
        most = f", at most {counted(strategy.batch_cap, 'device')}" if strategy.batch_cap else ""
        rest = f"{strategy.batch_percent} % of the devices at a time{most}"
    return first + (rest or ("all the others" if first else "all devices in one"))


def _promotion(strategy: Strategy) -> str:
    parts = ["when all devices of the wave have ended"]
    if strategy.soak_s:
        parts.append(f"{_span(strategy.soak_s)} have passed")
    if strategy.promote_when == Promotion.HEALTHY:
        parts.append("they are found healthy once more")
    cooldown = f"; {_span(strategy.cooldown_s)} after that at the earliest" if strategy.cooldown_s else ""
    return " and ".join(parts) + cooldown


def _failures(strategy: Strategy) -> str:
    spent = _SPENT[BudgetAction(strategy.on_budget_spent)]
    canary = f"with the first failed device of the canary {spent}; after it, " if strategy.canary else ""
    if strategy.failures_allowed_percent == 100:
        return f"{canary}a device that fails is backed out and verified, and the others go on"
    share = f"{strategy.failures_allowed_percent} % of the devices" if strategy.failures_allowed_percent else ""
    count = counted(strategy.failures_allowed, "device") if strategy.failures_allowed else ""
    borne = " or ".join(part for part in (count, share) if part)
    if not borne:
        return f"with the first failed device {spent}; it is backed out and verified"
    return f"{canary}with more than {borne} failed {spent}; each is backed out and verified"


_SPENT: Final = {
    BudgetAction.PAUSE: "the run pauses",
    BudgetAction.ABORT: "the run is aborted",
    BudgetAction.ROLL_BACK: "the change is rolled back",
}


def _span(seconds: int) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return counted(seconds // size, unit)
    return counted(seconds, "second")
