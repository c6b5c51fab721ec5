"""The fields of a rollout strategy on the form of a change; :mod:`changes.domain.strategy` judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from changes.domain.policy import Role
from changes.domain.strategy import BudgetAction, HumanGate, InFlight, Promotion, Strategy
from portal.forms.raw_text import RawText

_USUAL: Final = Strategy()


def _number(label: str, low: int, high: int, help_text: str) -> RawText:
    widget = forms.NumberInput(attrs={"min": low, "max": high, "inputmode": "numeric"})
    return RawText(label=label, widget=widget, help_text=help_text)


def _choice(label: str, choices: Mapping[str, str], help_text: str = "") -> RawText:
    return RawText(label=label, widget=forms.Select(choices=list(choices.items())), help_text=help_text)


class StrategyFields(forms.Form):
    """How the plan is carried out: in what waves, how many devices at once, and what stops it."""

    max_parallel = _number(
        "Devices at the same time", 1, 100, "At most so many devices are worked on at once, 1 to 100."
    )
    max_parallel_per_site = _number("Of these in one site", 0, 100, "0: no limit of its own.")
    canary = _number("Canary devices", 0, 3, "The first wave, up to 3 devices. 0: no canary.")
    batch_percent = _number("Share of a later wave", 1, 100, "In per cent of all devices. 100: all that are left.")
    batch_cap = _number("Most devices of a later wave", 0, 100_000, "0: no limit of its own.")
    failures_allowed = _number(
        "Failed devices that are borne", 0, 100_000, "In the whole run. 0: the first one stops it. A canary bears none."
    )
    failures_allowed_percent = _number(
        "Or this share", 0, 100, "In per cent of all devices. The larger of the two counts. 100: failures stop nothing."
    )
    on_budget_spent = _choice(
        "When more fail",
        {
            BudgetAction.PAUSE: "Pause: a person decides",
            BudgetAction.ABORT: "Abort: nothing new is started",
            BudgetAction.ROLL_BACK: "Roll the change back",
        },
    )
    promote_when = _choice(
        "A wave has held when",
        {
            Promotion.VERIFIED: "Its devices have ended",
            Promotion.HEALTHY: "They are found healthy again",
        },
        "Healthy: identity, health and post-checks are looked at once more, read-only. What fails counts as a failure.",
    )
    soak_s = _number("Soak time", 0, 604_800, "Seconds that a finished wave is left alone before it is judged.")
    cooldown_s = _number("Pause between waves", 0, 604_800, "Least seconds from one wave's verdict to the next wave.")
    gate = _choice(
        "A person lets it go on",
        {
            HumanGate.NONE: "Not needed",
            HumanGate.AFTER_CANARY: "After the first wave",
            HumanGate.AFTER_EVERY_WAVE: "After every wave",
        },
    )
    gate_role = _choice("Who may", {role: role.label for role in (Role.IMPLEMENTER, Role.CHANGE_MANAGER, Role.CAB)})
    gate_timeout_s = _number(
        "Waits at most", 60, 604_800, "Seconds. Without an answer the run is aborted; it never goes on by itself."
    )
    on_window_close = _choice(
        "When the maintenance window closes",
        {
            InFlight.FINISH: "Finish devices that are being worked on",
            InFlight.BACK_OUT: "Back these devices out and end the run",
        },
        "Nothing new is started after its end.",
    )


def strategy_texts(stored: Mapping[str, object]) -> dict[str, str]:
    """What the fields show for a stored strategy; those that it lacks have their usual values."""
    return {name: str(stored.get(name, usual)) for name, usual in _USUAL.as_data().items() if name in _NAMES}


def strategy_body(texts: Mapping[str, Any]) -> dict[str, object]:
    """The fields as :func:`changes.domain.strategy.parse_strategy` takes them; empty ones are left to their default."""
    given = {name: str(texts.get(name) or "").strip() for name in _NAMES}
    return {name: _read(name, text) for name, text in given.items() if text}


def is_usual(texts: Mapping[str, Any]) -> bool:
    """Whether waves are judged in the usual way, so that those fields may stay folded."""
    usual = strategy_texts({})
    return all(str(texts.get(name) or usual[name]) == usual[name] for name in BETWEEN_WAVES)


def _read(name: str, text: str) -> object:
    whole = isinstance(_USUAL.as_data()[name], int) and text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if whole else text


_NAMES: Final = tuple(StrategyFields.base_fields)
BETWEEN_WAVES: Final = (
    "promote_when", "soak_s", "cooldown_s", "gate", "gate_role", "gate_timeout_s", "on_window_close",
)  # fmt: skip
