"""The form of a change. It collects what was typed and puts what the domain says about it in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from django import forms
from django.http import QueryDict

from changes.domain.content import Variable, parse_draft
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings
from changes.domain.states import ChangeType
from changes.domain.templates.composing import composed
from changes.domain.templates.values import judge_values, with_defaults
from changes.models import ChangeRequest, TemplateVersion
from portal.forms.checks import KINDS, CheckRows
from portal.forms.raw_text import RawText
from portal.forms.strategy import BETWEEN_WAVES, StrategyFields, is_usual, strategy_body, strategy_texts
from portal.forms.targets import TargetInput
from portal.forms.template_variables import VariableForm, filled_form
from portal.forms.variables_text import read_variables, write_variables

_STORED: Final = ("title", "reason", "content", "version", "type", "called_by", "emergency_reason")
_CHECK: Final = re.compile(r"checks\.(?P<kind>pre|post)(?:\[(?P<at>\d+)\](?:\.(?P<field>\w+))?)?")


class ChangeForm(StrategyFields):
    """The single fields of a change."""

    title = RawText(
        required=True,
        widget=forms.TextInput(attrs={"placeholder": "Set NTP servers on all access switches in FRA"}),
        help_text="What it does, in one line.",
    )
    reason = RawText(
        required=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why it is needed, and what happens if it is not done. Approvers read this first.",
    )
    content = RawText(required=True, label="Configuration", widget=forms.Textarea(attrs={"rows": 14, "wrap": "off"}))
    variables = RawText(
        widget=forms.Textarea(attrs={"rows": 6, "wrap": "off"}), help_text="One “name: value” on each line."
    )
    version = RawText(widget=forms.HiddenInput)
    type = RawText(required=True, label="Type", widget=forms.Select(choices=ChangeType.choices()))
    called_by = RawText(
        label="Who called the emergency", help_text="A person, a shift or a ticket. Needed for an emergency only."
    )
    emergency_reason = RawText(
        label="Why it cannot wait",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What breaks, for whom, if it waits for the normal way. Needed for an emergency only.",
    )
    template = RawText(widget=forms.HiddenInput)


def _filled(texts: Mapping[str, Any]) -> ChangeForm:
    form = ChangeForm(texts)
    form.full_clean()
    return form


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence for the summary: the control it is about (``anchor`` may be ""), and how that is called."""

    anchor: str
    label: str
    sentence: str


@dataclass(slots=True)
class TemplateOrigin:
    """The template version that the form is for, with the form of its variables."""

    version: TemplateVersion
    schema: Mapping[str, Any]
    content: str
    variables: VariableForm

    @classmethod
    def of(cls, version: TemplateVersion, values: Mapping[str, Variable]) -> Self:
        """With stored values, or the defaults."""
        schema = version.said["variables"]
        return cls(version, schema, composed(version.said["content"]), filled_form(schema, values))

    @classmethod
    def read(cls, version: TemplateVersion, data: QueryDict) -> Self:
        """With what somebody sent."""
        schema = version.said["variables"]
        return cls(version, schema, composed(version.said["content"]), VariableForm(schema, data))

    def placed(self, name: str, sentence: str) -> Problem:
        """Put a sentence under the control of a variable."""
        if name not in self.variables.fields:
            return Problem("", "Variables", sentence)
        self.variables.add_error(name, sentence)
        bound = self.variables[name]
        return Problem(bound.id_for_label, str(bound.label), sentence)


@dataclass(slots=True)
class ChangeInput:
    """Everything on the page of a change's form, as typed, and what was found wrong with it."""

    form: ChangeForm
    targets: TargetInput
    checks: dict[str, CheckRows]
    origin: TemplateOrigin | None = None
    problems: list[Problem] = field(default_factory=list)
    target_errors: list[str] = field(default_factory=list)

    @classmethod
    def blank(cls, version: TemplateVersion | None = None) -> Self:
        """A new change, from a template if there is a version."""
        texts = {**strategy_texts({}), "type": ChangeType.NORMAL.value}
        checks = {kind: CheckRows.of([], kind) for kind in KINDS}
        if version is None:
            return cls(_filled(texts), TargetInput(), checks)
        origin = TemplateOrigin.of(version, {})
        kind = ChangeType.STANDARD if version.envelope_digest else ChangeType.NORMAL
        texts |= {**strategy_texts(version.said["strategy"]), "type": kind.value, "template": str(version.template_id)}
        return cls(_filled(texts), TargetInput(), checks, origin)

    @classmethod
    def of(cls, change: ChangeRequest) -> Self:
        """A stored change."""
        texts = {name: str(getattr(change, name)) for name in _STORED}
        texts["variables"] = write_variables(change.variables)
        texts |= strategy_texts(change.strategy)
        checks = {kind: CheckRows.of(change.checks.get(kind, []), kind) for kind in KINDS}
        version = change.template_version
        origin = TemplateOrigin.of(version, change.variables) if version else None
        return cls(_filled(texts), TargetInput.of(change.targets), checks, origin)

    @classmethod
    def read(cls, data: QueryDict, version: TemplateVersion | None = None) -> Self:
        """What somebody sent, on the form of a change from a template if there is a version."""
        checks = {kind: CheckRows.read(data, kind) for kind in KINDS}
        origin = TemplateOrigin.read(version, data) if version else None
        return cls(_filled(data), TargetInput.read(data), checks, origin)

    def text(self, name: str) -> str:
        """What stands in a field now, typed or stored."""
        return str(self.form[name].value() or "")

    def body(self) -> dict[str, object]:
        """The change for :func:`changes.domain.content.parse_draft`.

        Raises:
            InvalidInputError: the variables cannot be read; with everything that is wrong besides.
        """
        body: dict[str, object] = {
            "title": self.text("title"),
            "reason": self.text("reason"),
            "type": self.text("type") or ChangeType.NORMAL.value,
            "targets": self.targets.body(),
            "strategy": strategy_body(self._texts()),
        }
        emergency = body["type"] == ChangeType.EMERGENCY
        body |= {name: self.text(name) if emergency else "" for name in ("called_by", "emergency_reason")}
        if self.origin is not None:
            return {**body, "variables": self.origin.variables.values()}
        body |= {
            "content": self.text("content"),
            "checks": {kind: rows.body() for kind, rows in self.checks.items()},
        }
        try:
            body["variables"] = read_variables(self.text("variables")).values
        except InvalidInputError as unreadable:
            raise _with_the_rest(unreadable, body) from unreadable
        return body

    @property
    def content_text(self) -> str:
        """The content that a preview renders: that of the template, or what was typed."""
        return self.origin.content if self.origin else self.text("content")

    def variable_values(self) -> dict[str, Variable]:
        """The variables as far as they can be read.

        Raises:
            InvalidInputError: under ``variables``, with the line; or a value that the template does not allow.
        """
        if self.origin is None:
            return read_variables(self.text("variables")).values
        values = with_defaults(self.origin.schema, self.origin.variables.values())
        judge_values(self.origin.schema, values)
        return values

    def _texts(self) -> dict[str, str]:
        return {name: self.text(name) for name in self.form.fields}

    @property
    def strategy_is_usual(self) -> bool:
        """Whether the rarer fields of the strategy may stay folded: nothing is set there, and nothing is wrong."""
        return is_usual(self._texts()) and not any(name in self.form.errors for name in BETWEEN_WAVES)

    @property
    def version(self) -> int | None:
        """The version that the form was drawn from; None where it names none."""
        text = self.text("version")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    def blame(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Put the domain's sentences under the controls that they are about, and into the summary."""
        for name, sentences in fields.items():
            for sentence in sentences:
                self.problems.append(self._placed(name, sentence))
        self.problems.sort(key=_place_on_page)

    def _placed(self, name: str, sentence: str) -> Problem:
        check = _CHECK.fullmatch(name)
        if check:
            return self._placed_check(check, sentence)
        return self._placed_single(name, sentence)

    def _placed_single(self, name: str, sentence: str) -> Problem:
        top, _, below = name.partition(".")
        if top == "targets":
            facet = below.removeprefix("filter").removeprefix(".")
            self.target_errors.append(sentence)
            return Problem("targets", f"Devices, {facet}" if facet and facet != "device_ids" else "Devices", sentence)
        if top == "strategy":
            return self._placed_field(below if below in self.form.fields else "max_parallel", sentence)
        if top == "variables" and self.origin is not None:
            return self.origin.placed(below, sentence)
        if top == "variables" and below:
            return self._placed_field("variables", self._variable(below, sentence))
        if top in self.form.fields:
            return self._placed_field(top, sentence)
        return Problem("", "", sentence)

    def _placed_field(self, name: str, sentence: str) -> Problem:
        self.form.add_error(name, sentence)
        return Problem(self.form[name].id_for_label, str(self.form[name].label), sentence)

    def _variable(self, name: str, sentence: str) -> str:
        try:
            line = read_variables(self.text("variables")).lines.get(name)
        except InvalidInputError:
            line = None
        return f"Line {line}, {name}: {sentence}" if line else f"{name}: {sentence}"

    def _placed_check(self, found: re.Match[str], sentence: str) -> Problem:
        kind = found["kind"]
        rows = self.checks[kind]
        label = f"{kind.capitalize()}-checks"
        if found["at"] is None or not rows.rows:
            self.checks[kind] = CheckRows(kind, rows.rows, (*rows.errors, sentence))
            return Problem(f"checks-{kind}", label, sentence)
        number, name = rows.number_of(int(found["at"])), found["field"] or "name"
        self.checks[kind] = rows.blamed(number, name, sentence)
        return Problem(f"id_{kind}-{number}-{name}", f"{label}, row {number + 1}, {_spoken(name)}", sentence)


_ORDER: Final = (
    "",
    "id_type",
    "id_called_by",
    "id_emergency_reason",
    "id_title",
    "id_reason",
    "targets",
    "id_content",
    "id_variables",
    "checks-pre",
    "id_pre",
    "checks-post",
)


def _place_on_page(problem: Problem) -> int:
    """How far down the control stands; the summary follows the page."""
    anchor = problem.anchor.partition("-")[0] if problem.anchor.startswith("id_pre-") else problem.anchor
    return _ORDER.index(anchor) if anchor in _ORDER else len(_ORDER)


_SPOKEN: Final = {
    "timeout_s": "time limit",
    "hold_s": "time to hold",
    "expect": "output",
    "parser": "read as",
    "select": "what to take",
    "filter": "only those that match",
}


def _spoken(name: str) -> str:
    return _SPOKEN.get(name, name)


def _with_the_rest(unreadable: InvalidInputError, body: Mapping[str, object]) -> InvalidInputError:
    findings = Findings()
    try:
        parse_draft(body)
    except InvalidInputError as others:
        findings.absorb(others)
    findings.absorb(unreadable)
    return InvalidInputError(findings.fields)
