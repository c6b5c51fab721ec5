"""How a change is rolled out: in what waves, how many devices at once, and what stops it. Part of what people sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, one_of, shown, unknown_names
from changes.domain.labels import Labelled
from changes.domain.policy import Role

MAX_PARALLEL: Final = 100
MAX_CANARY: Final = 3
MAX_DEVICES: Final = 100_000
DAY_S: Final = 86_400

Value = str | int

SIGNED_BESIDE: Final = frozenset({"wave", "steps_sha256", "inputs_sha256"})
"""What a device payload carries beside its strategy: its wave, and the digests of the decision steps and, for a plan
that was made from a template, of its inputs."""


class Promotion(Labelled):
    """What the devices of a wave must have shown before the next wave may open.

    *verified*: the run on each of them has ended, and no more of them failed than the budget allows; of a canary, none
    failed and at least one was verified. *healthy*: besides, when the soak time is over, their health and the
    post-checks are looked at once more.
    """

    VERIFIED = "verified"
    HEALTHY = "healthy"


class HumanGate(Labelled):
    """After which waves a person has to let the run go on."""

    NONE = "none"
    AFTER_CANARY = "after_canary"
    AFTER_EVERY_WAVE = "after_every_wave"


class BudgetAction(Labelled):
    """What happens to a run with more failures than its budget allows."""

    PAUSE = "pause"
    ABORT = "abort"
    ROLL_BACK = "roll_back"


class InFlight(Labelled):
    """What becomes of the devices that are being worked on when a run is aborted, or its window closes."""

    FINISH = "finish"
    BACK_OUT = "back_out"


@dataclass(frozen=True, slots=True)
class Strategy:
    """A rollout strategy; times in seconds, shares in per cent of the devices that the plan changes.

    Attributes:
        max_parallel: devices that are worked on at once, in all.
        max_parallel_per_site: the same for one site; 0: only ``max_parallel`` counts.
        on_failure: what happens on a device whose change failed; ``backout`` is the only answer.
        canary: devices in the first wave; 0: there is no canary.
        batch_percent: share of all devices in each later wave; 100: all that are left.
        batch_cap: most devices in each later wave; 0: no limit of its own.
        promote_when: what a wave has to show.
        soak_s: how long a wave that has ended is left alone before it is judged.
        cooldown_s: least time from one wave's verdict to the opening of the next.
        gate: after which waves a person lets the run go on.
        gate_role: who may; the run's starter is no exception.
        gate_timeout_s: when nobody did in this time the run is aborted; it never goes on by itself.
        failures_allowed: so many failed devices are borne; in a canary none is, whatever stands here.
        failures_allowed_percent: or this share of all devices; the larger of the two counts.
        on_budget_spent: what happens beyond that.
        on_window_close: what becomes of devices that are being worked on when the window closes.
    """

    max_parallel: int = 10
    max_parallel_per_site: int = 0
    on_failure: str = "backout"
    canary: int = 0
    batch_percent: int = 100
    batch_cap: int = 0
    promote_when: str = Promotion.VERIFIED.value
    soak_s: int = 0
    cooldown_s: int = 0
    gate: str = HumanGate.NONE.value
    gate_role: str = Role.IMPLEMENTER.value
    gate_timeout_s: int = 3_600
    failures_allowed: int = 0
    failures_allowed_percent: int = 0
    on_budget_spent: str = BudgetAction.PAUSE.value
    on_window_close: str = InFlight.FINISH.value

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> Self:
        """The strategy of a plan; older plans name fewer fields, the others have their defaults.

        Raises:
            InvalidInputError: a stored value is not one that a strategy may have.
        """
        return cls(**parse_strategy(stored))  # type: ignore[arg-type]  # every value was judged by its own rule

    @classmethod
    def signed(cls, stored: Mapping[str, object]) -> Self:
        """The strategy of a device payload, without what is signed beside it.

        Raises:
            InvalidInputError: a stored value is not one that a strategy may have.
        """
        return cls.of({name: value for name, value in stored.items() if name not in SIGNED_BESIDE})

    def as_data(self) -> dict[str, Value]:
        """The fields by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def failures_borne(self, devices: int) -> int:
        """How many failures the budget of a run over so many devices allows."""
        return max(self.failures_allowed, devices * self.failures_allowed_percent // 100)

    def bears(self, failed: int, *, devices: int, in_canary: int, accepted: int) -> bool:
        """Whether a run may go on with so many failed devices, of which ``in_canary`` are in its canary.

        ``accepted``: so many there were when a person last resumed the run, and so decided that it goes on with them.
        """
        if self.canary and in_canary > accepted:
            return False
        return failed <= max(self.failures_borne(devices), accepted)

    def waits_for_a_person(self, wave: int) -> bool:
        """Whether somebody has to let the run go on after the wave of this number, counted from 1."""
        if self.gate == HumanGate.AFTER_EVERY_WAVE:
            return True
        return self.gate == HumanGate.AFTER_CANARY and wave == 1


def parse_strategy(value: object, *, where: str = "strategy") -> dict[str, Value]:
    """Judge a strategy; what is left out takes its default.

    Raises:
        InvalidInputError: with sentences under ``strategy.<name>``.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError({where: ['The strategy must be an object, such as {"max_parallel": 10}.']})
    findings = Findings()
    for name, sentence in unknown_names(value, _RULES, "field").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    strategy = {**Strategy().as_data(), **{name: value[name] for name in _RULES if name in value}}
    for name, rule in _RULES.items():
        if sentence := rule(strategy[name]):
            findings.add(f"{where}.{name}", sentence)
    findings.check()
    return strategy


def _number(what: str, low: int, high: int) -> Callable[[object], str]:
    sentence = f"Give {what} as a whole number from {low:,} to {high:,}."

    def rule(value: object) -> str:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if good else sentence

    return rule


def _choice(*allowed: str) -> Callable[[object], str]:
    def rule(value: object) -> str:
        if isinstance(value, str) and value in allowed:
            return ""
        return f'"{shown(value)}" is not known. Allowed: {one_of(allowed)}.'

    return rule


_RULES: Final[Mapping[str, Callable[[object], str]]] = {
    "max_parallel": _number("the devices at once", 1, MAX_PARALLEL),
    "max_parallel_per_site": _number("the devices at once in one site (0: no limit of its own)", 0, MAX_PARALLEL),
    "on_failure": _choice("backout"),
    "canary": _number("the devices of the canary (0: none)", 0, MAX_CANARY),
    "batch_percent": _number("the share of a wave in per cent", 1, 100),
    "batch_cap": _number("the most devices of a wave (0: no limit of its own)", 0, MAX_DEVICES),
    "promote_when": _choice(*(promotion.value for promotion in Promotion)),
    "soak_s": _number("the soak time in seconds", 0, 7 * DAY_S),
    "cooldown_s": _number("the time between two waves in seconds", 0, 7 * DAY_S),
    "gate": _choice(*(gate.value for gate in HumanGate)),
    "gate_role": _choice(Role.IMPLEMENTER.value, Role.CHANGE_MANAGER.value, Role.CAB.value),
    "gate_timeout_s": _number("the time that a gate waits in seconds", 60, 7 * DAY_S),
    "failures_allowed": _number("the failures that are borne", 0, MAX_DEVICES),
    "failures_allowed_percent": _number("the share of failures that is borne in per cent", 0, 100),
    "on_budget_spent": _choice(*(action.value for action in BudgetAction)),
    "on_window_close": _choice(*(choice.value for choice in InFlight)),
}
