"""The form of a template version. It collects what was typed and puts what the domain says about it in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from django import forms
from django.http import QueryDict

from changes.domain.content import MAX_COMMENT
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings
from changes.domain.templates.document import TemplateDocument
from changes.domain.templates.rubric import MAX_QUESTIONS, USUAL_QUESTIONS
from devices.domain.platforms import PLATFORMS
from portal.forms.changes import Problem
from portal.forms.checks import KINDS, CheckRows
from portal.forms.raw_text import RawText
from portal.forms.strategy import StrategyFields, strategy_body, strategy_texts
from portal.forms.template_ranges import BoundRows, RangeRows
from portal.forms.template_steps import StepRows

_CHECK: Final = re.compile(r"checks\.(?P<kind>pre|post)(?:\[(?P<at>\d+)\](?:\.(?P<field>\w+))?)?")
_PROSE: Final = ("purpose", "trigger", "backout_notes")
_PLACES: Final = ("sites", "roles", "platforms", "tags")


def _area(label: str, rows: int, help_text: str, *, required: bool = False) -> RawText:
    return RawText(label=label, required=required, widget=forms.Textarea(attrs={"rows": rows}), help_text=help_text)


def _names(label: str, help_text: str) -> RawText:
    return RawText(label=label, widget=forms.TextInput(attrs={"autocomplete": "off"}), help_text=help_text)


class TemplateForm(StrategyFields):
    """The single fields of a version, and the name of a new template."""

    name = RawText(label="Name", required=True, help_text="What people look for, such as “NTP servers”.")
    purpose = _area("Purpose", 2, "What a change made from it achieves.", required=True)
    trigger = _area("When to use it", 2, "What has to be the case, so that people find the right one.", required=True)
    variables = _area("Variables (JSON Schema)", 12, "An object of properties. The form of a change is made from it.")
    backout_notes = _area(
        "Backout notes", 3, "What people have to know about the way back, beside the computed backout.", required=True
    )
    pre_approves = forms.BooleanField(
        required=False, label="Approve changes inside an envelope in advance (standard changes)"
    )
    sites = _names("Sites", "Names with commas between them. Empty: any.")
    roles = _names("Roles", "Empty: any.")
    platforms = _names("Platforms", "Empty: all that it has content for.")
    tags = _names("Tags", "A device needs one of them. Empty: any.")
    max_devices = RawText(
        label="Devices at most", widget=forms.NumberInput(attrs={"min": 1}), help_text="In one change."
    )
    edits = RawText(widget=forms.HiddenInput)


@dataclass(slots=True)
class PlatformText:
    """The content for one platform, as typed, and the sentences about it."""

    slug: str
    label: str
    text: str
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RubricRow:
    """One question of the rubric as typed; the usual ones cannot be reworded."""

    question: str
    answer: str
    ready: bool
    errors: list[str] = field(default_factory=list)

    @property
    def usual(self) -> bool:
        """Whether every template answers it."""
        return self.question in USUAL_QUESTIONS


@dataclass(slots=True)
class TemplateInput:
    """Everything on the page of a version's form, as typed, and what was found wrong with it."""

    form: TemplateForm
    content: list[PlatformText]
    checks: dict[str, CheckRows]
    rubric: list[RubricRow]
    steps: StepRows
    ranges: RangeRows
    bounds: BoundRows
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, document: TemplateDocument, *, name: str = "", edits: int = 0) -> Self:
        """A stored version, or an empty one."""
        data = document.to_json()
        scope = (data["envelope"] or {}).get("scope", {})
        envelope = data["envelope"] or {"variables": {}, "strategy": {}}
        texts: dict[str, Any] = {
            **strategy_texts(data["strategy"]),
            **{prose: data[prose] for prose in _PROSE},
            **{place: ", ".join(scope.get(place, [])) for place in _PLACES},
            "name": name,
            "edits": str(edits),
            "variables": _pretty(_short(data["variables"])),
            "max_devices": str(scope.get("max_devices", "")),
        }
        if data["envelope"]:
            texts["pre_approves"] = "on"
        content = [_platform(slug, text) for slug, text in sorted(data["content"].items())]
        rubric = [RubricRow(item["question"], item["answer"], item["ready"]) for item in data["rubric"]]
        rows = rubric or [RubricRow(question, "", ready=False) for question in USUAL_QUESTIONS]
        return cls(
            form=_filled(texts),
            content=content,
            checks={kind: CheckRows.of(data["checks"][kind], kind) for kind in KINDS},
            rubric=rows,
            steps=StepRows.of(data["steps"]),
            ranges=RangeRows.of(texts["variables"], envelope["variables"]),
            bounds=BoundRows.of(envelope["strategy"]),
        )

    @classmethod
    def read(cls, data: QueryDict) -> Self:
        """What somebody sent."""
        slugs = [slug for slug in PLATFORMS if f"content-{slug}" in data]
        content = [_platform(slug, data.get(f"content-{slug}", "")) for slug in slugs]
        count = data.get("rubric-count", "")
        number = min(int(count), MAX_QUESTIONS) if count.isascii() and count.isdigit() and len(count) < 4 else 0
        rubric = [
            RubricRow(
                data.get(f"rubric-{at}-question", ""),
                data.get(f"rubric-{at}-answer", ""),
                ready=f"rubric-{at}-ready" in data,
            )
            for at in range(number)
        ]
        return cls(
            form=_filled(data),
            content=content,
            checks={kind: CheckRows.read(data, kind) for kind in KINDS},
            rubric=[row for row in rubric if row.question.strip() or row.answer],
            steps=StepRows.read(data),
            ranges=RangeRows.read(data),
            bounds=BoundRows(data),
        )

    @property
    def absent_platforms(self) -> list[tuple[str, str]]:
        """The platforms that there is no content for yet."""
        present = {found.slug for found in self.content}
        return [(slug, platform.label) for slug, platform in PLATFORMS.items() if slug not in present]

    def add_platform(self, slug: str) -> None:
        """One more text area."""
        if slug in dict(self.absent_platforms):
            self.content.append(_platform(slug, ""))

    def text(self, name: str) -> str:
        """What stands in a field."""
        return str(self.form[name].value() or "")

    @property
    def edits(self) -> int:
        """The count of edits that the form was drawn from; 0 where it names none."""
        text = self.text("edits")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def body(self) -> dict[str, object]:
        """The document for :func:`changes.domain.templates.document.parse_document`.

        Raises:
            InvalidInputError: a field that has to be JSON is not.
        """
        findings = Findings()
        variables = _parsed("variables", self.text("variables"), {}, findings)
        findings.check()
        return {
            **{name: self.text(name) for name in _PROSE},
            "variables": variables,
            "content": {found.slug: found.text for found in self.content if found.text.strip()},
            "checks": {kind: rows.body() for kind, rows in self.checks.items()},
            "strategy": strategy_body({name: self.text(name) for name in self.form.fields}),
            "steps": self.steps.body(),
            "rubric": [{"question": row.question, "answer": row.answer, "ready": row.ready} for row in self.rubric],
            "envelope": self._envelope() if self.text("pre_approves") not in {"", "False"} else None,
        }

    def _envelope(self) -> dict[str, object]:
        places = {name: [part.strip() for part in self.text(name).split(",") if part.strip()] for name in _PLACES}
        most = self.text("max_devices").strip()
        number: object = int(most) if most.isascii() and most.isdigit() and len(most) < 10 else most
        return {
            "variables": self.ranges.body(),
            "scope": {**places, "max_devices": number},
            "strategy": self.bounds.body(),
        }

    def blame(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Put the domain's sentences under the controls that they are about, and into the summary."""
        for name, sentences in fields.items():
            for sentence in sentences:
                self.problems.append(self._placed(name, sentence))

    def _placed(self, name: str, sentence: str) -> Problem:
        top, _, below = name.partition(".")
        check = _CHECK.fullmatch(name)
        if check:
            return self._placed_check(check, sentence)
        if top == "content":
            return self._placed_content(below, sentence)
        if top.startswith("rubric"):
            return self._placed_rubric(top, sentence)
        if top == "steps":
            return self.steps.blame(below, sentence)
        part, _, rest = below.partition(".")
        if top == "envelope" and part in {"variables", "strategy"}:
            return (self.ranges if part == "variables" else self.bounds).blame(rest, sentence)
        return self._placed_field(top, below, sentence)

    def _placed_field(self, top: str, below: str, sentence: str) -> Problem:
        control, where = _control(top, below)
        if control not in self.form.fields:
            return Problem("", "", sentence)
        said = f"{where}: {sentence}" if where else sentence
        self.form.add_error(control, said)
        return Problem(self.form[control].id_for_label, str(self.form[control].label), said)

    def _placed_content(self, slug: str, sentence: str) -> Problem:
        for found in self.content:
            if found.slug == slug:
                found.errors.append(sentence)
                return Problem(f"id_content-{slug}", f"Content for {found.label}", sentence)
        return Problem("content", "Content", sentence)

    def _placed_rubric(self, top: str, sentence: str) -> Problem:
        at = re.fullmatch(r"rubric\[(\d+)\]", top)
        if at is None or int(at[1]) >= len(self.rubric):
            return Problem("rubric", "Readiness rubric", sentence)
        self.rubric[int(at[1])].errors.append(sentence)
        return Problem(f"id_rubric-{at[1]}-answer", f"Readiness rubric, question {int(at[1]) + 1}", sentence)

    def _placed_check(self, found: re.Match[str], sentence: str) -> Problem:
        kind = found["kind"]
        rows, label = self.checks[kind], f"{kind.capitalize()}-checks"
        if found["at"] is None or not rows.rows:
            self.checks[kind] = CheckRows(kind, rows.rows, (*rows.errors, sentence))
            return Problem(f"checks-{kind}", label, sentence)
        number, name = rows.number_of(int(found["at"])), found["field"] or "name"
        self.checks[kind] = rows.blamed(number, name, sentence)
        return Problem(f"id_{kind}-{number}-{name}", f"{label}, row {number + 1}", sentence)


class ReasonForm(forms.Form):
    """A reason that is kept."""

    comment = RawText(
        label="Reason",
        required=True,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_COMMENT}),
        help_text="Everybody can read it. It is kept in the audit log.",
    )


class DeprecationForm(ReasonForm):
    """Why a template is deprecated, and what to use instead."""

    successor = RawText(label="Use instead", widget=forms.Select())

    def __init__(self, data: Mapping[str, Any] | None, successors: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["successor"].widget = forms.Select(choices=[("", "Nothing takes its place"), *successors])


class SettingsForm(forms.Form):
    """Name and owner of a template."""

    name = RawText(label="Name", required=True)
    owner = RawText(label="Owner", required=True, help_text="A user name. Who answers for it, and may deprecate it.")


def _control(top: str, below: str) -> tuple[str, str]:
    """The control that a finding's field belongs to, and what is left to say about where in it."""
    if top == "strategy":
        return below or "max_parallel", ""
    if top == "envelope":
        part, _, rest = below.partition(".")
        if part == "scope":
            return rest.partition(".")[0] or "max_devices", ""
        return "pre_approves", rest
    return top, below


def _platform(slug: str, text: str) -> PlatformText:
    return PlatformText(slug, PLATFORMS[slug].label, text)


def _filled(texts: Mapping[str, Any]) -> TemplateForm:
    form = TemplateForm(texts)
    form.full_clean()
    return form


def _short(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without the words that are the same in every one."""
    return {name: word for name, word in schema.items() if name not in {"type", "additionalProperties"} and word}


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""


def _parsed(name: str, text: str, empty: object, findings: Findings) -> object:
    if not text.strip():
        return empty
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        findings.add(name, "This is nested too deeply.")
    except json.JSONDecodeError as error:
        findings.add(name, f"Line {error.lineno}, character {error.colno}: this is not JSON ({error.msg}).")
    except ValueError as error:
        findings.add(name, f"This is not JSON: {error}")
    return empty


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _value in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"the name {twice!r} stands twice in one object.")
    return dict(pairs)


__all__ = ["DeprecationForm", "InvalidInputError", "ReasonForm", "SettingsForm", "TemplateForm", "TemplateInput"]
