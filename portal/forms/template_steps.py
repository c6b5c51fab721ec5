"""Decision steps of a template as rows of its form; :mod:`changes.domain.decision_steps` judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Self

from django import forms
from django.http import QueryDict

from changes.domain.decision_steps import (
    CONFIRMING_ROLES,
    DEFAULT_TIMEOUT_S,
    LONGEST_S,
    MAX_STEPS,
    SHORTEST_S,
    Otherwise,
    StepPlace,
)
from changes.domain.roles import group_label
from portal.forms.changes import Problem
from portal.forms.raw_text import RawText

_NUMBERS: Final = frozenset({"wave", "timeout_s"})


def _number(label: str, low: int, high: int, help_text: str) -> RawText:
    widget = forms.NumberInput(attrs={"min": low, "max": high, "inputmode": "numeric"})
    return RawText(label=label, widget=widget, help_text=help_text)


def _choice(label: str, choices: Sequence[tuple[str, str]], help_text: str = "") -> RawText:
    return RawText(label=label, widget=forms.Select(choices=choices), help_text=help_text)


class StepForm(forms.Form):
    """One manual step."""

    title = RawText(label="What is to be done", required=True, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    instruction = RawText(
        label="How, and when it is done",
        required=True,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Whoever confirms it reads this alone.",
    )
    place = _choice("Where the run waits", [(place.value, place.label) for place in StepPlace])
    wave = _number("Number of the wave", 1, 10_000, "Only after a wave.")
    person = RawText(
        label="Person who confirms",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        help_text="A user name; or choose a role.",
    )
    role = _choice(
        "Role that confirms",
        [("", "None: the person named here"), *((role.value, group_label(role)) for role in CONFIRMING_ROLES)],
    )
    timeout_s = _number("Waits at most", SHORTEST_S, LONGEST_S, "Seconds. Then it counts as stopped.")
    otherwise = _choice("When it is stopped", [(how.value, how.label) for how in Otherwise])


_FIELDS: Final = tuple(StepForm.base_fields)
_NEW: Final[Mapping[str, str]] = {"timeout_s": str(DEFAULT_TIMEOUT_S)}


class StepRows:
    """The rows as typed, with the sentences about them."""

    def __init__(self, texts: Sequence[Mapping[str, str]]) -> None:
        self._texts = list(texts)
        self.rows = [_form(number, text) for number, text in enumerate(self._texts)]
        self.errors: list[str] = []

    @classmethod
    def of(cls, steps: Sequence[Mapping[str, object]]) -> Self:
        """Stored steps."""
        return cls([{name: str(step.get(name) or "") for name in _FIELDS} for step in steps])

    @classmethod
    def read(cls, data: QueryDict) -> Self:
        """What somebody sent; how many rows there are stands in ``steps-count``."""
        given = data.get("steps-count", "")
        count = min(int(given), MAX_STEPS + 1) if given.isascii() and given.isdigit() and len(given) < 4 else 0
        return cls([{name: data.get(f"step-{at}-{name}", "") for name in _FIELDS} for at in range(count)])

    @property
    def full(self) -> bool:
        """Whether no further row is allowed."""
        return len(self.rows) >= MAX_STEPS

    def added(self) -> StepRows:
        """With one more empty row."""
        return self if self.full else StepRows([*self._texts, _NEW])

    def without(self, number: int) -> StepRows:
        """Without the row of that number, counted from 0."""
        return StepRows(self._texts[:number] + self._texts[number + 1 :])

    def body(self) -> list[dict[str, object]]:
        """The rows that hold something, for :func:`changes.domain.decision_steps.parse_steps`."""
        return [
            {name: _read(name, value.strip()) for name, value in self._texts[at].items() if value.strip()}
            for at in self._filled()
        ]

    def blame(self, below: str, sentence: str) -> Problem:
        """Put a sentence about ``<position>.<field>`` beside its control."""
        position, _, name = below.partition(".")
        filled = self._filled()
        if not position.isdigit() or int(position) >= len(filled):
            self.errors.append(sentence)
            return Problem("steps", "Decision steps", sentence)
        number = filled[int(position)]
        form = self.rows[number]
        control = name if name in form.fields else "title"
        form.add_error(control, sentence)
        label = f"Decision step {number + 1}, {str(form[control].label).lower()}"
        return Problem(form[control].id_for_label, label, sentence)

    def _filled(self) -> list[int]:
        said = ("title", "instruction", "person", "role")
        return [at for at, text in enumerate(self._texts) if any(text.get(name, "").strip() for name in said)]


def _form(number: int, text: Mapping[str, str]) -> StepForm:
    form = StepForm({f"step-{number}-{name}": value for name, value in text.items()}, prefix=f"step-{number}")
    form.full_clean()
    return form


def _read(name: str, text: str) -> object:
    """Whole numbers as numbers; anything else is left to the domain to refuse."""
    return int(text) if name in _NUMBERS and text.isascii() and text.isdigit() and len(text) < 10 else text
