"""What one version of a template says, judged; its canonical bytes, whose SHA-256 is what reviewers sign."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from changes.domain.canonical import canonical_json, parse_canonical
from changes.domain.checks import Check, parse_checks
from changes.domain.content import MAX_CONTENT_BYTES, parse_content
from changes.domain.decision_steps import DecisionStep, parse_steps
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, one_of, shown, unix_lines, unknown_names
from changes.domain.strategy import Strategy, Value, parse_strategy
from changes.domain.templates.composing import composed
from changes.domain.templates.envelope import Envelope, parse_envelope
from changes.domain.templates.rubric import RubricAnswer, parse_rubric
from changes.domain.templates.schema import EMPTY, Schema, parse_schema
from changes.domain.templates.texts import unbounded_texts
from devices.domain.platforms import PLATFORMS
from devices.domain.redaction import redact

SCHEMA: Final = "countersign.template/1"
MAX_TEXT: Final = 10_000
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STANDS_FOR: Final = "zqVARIABLEqz"


@dataclass(frozen=True, slots=True)
class TemplateDocument:
    """One version of a template as its authors wrote it.

    Attributes:
        purpose: what a change made from it achieves.
        trigger: when it is to be used.
        variables: a JSON Schema, see :mod:`changes.domain.templates.schema`.
        content: Jinja2 text by platform slug.
        pre_checks, post_checks, strategy: as those of a change.
        backout_notes: what people have to know about the way back, beside the computed backout.
        steps: decision steps: manual steps that a named person confirms between automated ones.
        rubric: whether the job is fit for automation.
        envelope: how far it is approved in advance; None: not at all.
    """

    purpose: str = ""
    trigger: str = ""
    variables: Schema = field(default_factory=lambda: EMPTY)
    content: Mapping[str, str] = field(default_factory=dict)
    pre_checks: tuple[Check, ...] = ()
    post_checks: tuple[Check, ...] = ()
    strategy: Mapping[str, Value] = field(default_factory=lambda: Strategy().as_data())
    backout_notes: str = ""
    steps: tuple[DecisionStep, ...] = ()
    rubric: tuple[RubricAnswer, ...] = ()
    envelope: Envelope | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The document that the bytes hold.

        Raises:
            CanonicalError: they are not canonical.
            InvalidInputError: they are no template document.
        """
        value = parse_canonical(data)
        if not isinstance(value, Mapping) or value.get("schema") != SCHEMA:
            raise InvalidInputError({"document": ["This is not a template document of a known schema."]})
        return cls(**_parsed({name: item for name, item in value.items() if name != "schema"}))

    def to_json(self) -> dict[str, Any]:
        """As it is stored, sent and shown."""
        return {
            "schema": SCHEMA,
            "purpose": self.purpose,
            "trigger": self.trigger,
            "variables": self.variables,
            "content": dict(self.content),
            "checks": {"pre": _as_data(self.pre_checks), "post": _as_data(self.post_checks)},
            "strategy": dict(self.strategy),
            "backout_notes": self.backout_notes,
            "steps": [_step_data(step) for step in self.steps],
            "rubric": _as_data(self.rubric),
            "envelope": self.envelope and self.envelope.to_json(),
        }

    def to_bytes(self) -> bytes:
        """The only encoding of this document."""
        return canonical_json(self.to_json())

    @property
    def digest(self) -> str:
        """SHA-256 of :meth:`to_bytes`, hex."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def change_content(self) -> str:
        """The content of a change made from it."""
        return composed(self.content)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it has content for, sorted."""
        return tuple(sorted(self.content))


def parse_document(data: object) -> TemplateDocument:
    """Read what a person wrote; every field may be left out of a draft.

    Raises:
        InvalidInputError: with every sentence about every field.
    """
    return TemplateDocument(**_parsed(data))


def why_not_ready(document: TemplateDocument) -> Iterator[tuple[str, str]]:
    """What a draft lacks before it can be proposed: pairs of a field's name and a sentence."""
    for name, sentence in _NEEDED.items():
        if not getattr(document, name):
            yield name, sentence
    if not document.post_checks:
        yield "checks.post", "Add a check after the change. Without one nothing proves that it worked."
    for at, found in enumerate(document.rubric):
        if not found.answer:
            yield f"rubric[{at}].answer", f"Answer the question “{shown(found.question, 120)}”."
    if document.envelope:
        yield from _why_not_in_advance(document, document.envelope)


def _why_not_in_advance(document: TemplateDocument, envelope: Envelope) -> Iterator[tuple[str, str]]:
    for name in unbounded_texts(document.variables["properties"], envelope.variables["properties"]):
        yield (
            "envelope.variables",
            (
                f"The text “{name}” could say anything. Give it a format, a list of values, or a pattern that the whole"
                " text has to fit, before changes with it are approved in advance."
            ),
        )
    for name, bound in envelope.strategy.items():
        if not bound.holds(document.strategy[name]):
            yield f"strategy.{name}", f"The envelope asks for {bound.said} here, and the template itself is outside."
    if not all(found.ready for found in document.rubric):
        yield (
            "envelope",
            (
                "A question of the rubric says that the job is not ready for automation, so it cannot be approved in"
                " advance. Take the envelope out, or change what made the answer a no."
            ),
        )


_NEEDED: Final = {
    "purpose": "Say what a change made from this template achieves.",
    "trigger": "Say when it is to be used, so that people find the right template.",
    "content": "Write the content for at least one platform.",
    "backout_notes": "Say what people have to know about the way back; “nothing” is an answer too.",
}


def _as_data(items: tuple[Check, ...] | tuple[RubricAnswer, ...]) -> list[dict[str, Any]]:
    return [dict(item.to_json()) for item in items]


def _step_data(step: DecisionStep) -> dict[str, Any]:
    """A step without the account of its person, which is looked up when a plan is made."""
    return {name: value for name, value in step.as_data().items() if name != "person_id"}


def _parsed(data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidInputError({"body": [f"A template is an object with {one_of(_PARSERS)}."]})
    findings = Findings()
    for name, sentence in unknown_names(data, {*_PARSERS, "envelope"}, "field").items():
        findings.add(shown(name), sentence)
    values: dict[str, Any] = {"rubric": parse_rubric([])}
    for name, parser in _PARSERS.items():
        if name in data:
            try:
                values.update(parser(data[name]))
            except InvalidInputError as error:
                findings.absorb(error)
    # Judged by the schema that it narrows; where that is wrong, its sentences come first.
    if not any(name.startswith("variables") for name in findings.fields):
        try:
            values["envelope"] = parse_envelope(data.get("envelope"), values.get("variables", EMPTY))
        except InvalidInputError as error:
            findings.absorb(error)
    findings.check()
    return values


def _prose(name: str) -> Callable[[object], dict[str, Any]]:
    def parser(value: object) -> dict[str, Any]:
        text = unix_lines(value).strip() if isinstance(value, str) else ""
        problem = None
        if not isinstance(value, str):
            problem = "Give a text."
        elif len(text) > MAX_TEXT:
            problem = f"This has {len(text):,} characters; {MAX_TEXT:,} are allowed. Shorten it."
        elif hidden := hidden_character(text, allowed="\n\t"):
            problem = f"Here, {hidden}"
        if problem:
            raise InvalidInputError({name: [problem]})
        return {name: text}

    return parser


def _content(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInputError({"content": ['The content is an object by platform, such as {"cisco_ios": "…"}.']})
    findings = Findings()
    for name, sentence in unknown_names(value, PLATFORMS, "platform").items():
        findings.add(f"content.{shown(name)}", sentence)
    content: dict[str, str] = {}
    for platform in sorted(name for name in value if name in PLATFORMS):
        try:
            content[platform] = parse_content(value[platform], where=f"content.{platform}")
        except InvalidInputError as error:
            findings.absorb(error)
        else:
            for line in _secret_lines(content[platform]):
                findings.add(f"content.{platform}", f"Line {line} holds a secret. Make it a variable; all read this.")
    if len(composed(content).encode()) > MAX_CONTENT_BYTES:
        findings.add("content", f"The content of all platforms together is over {MAX_CONTENT_BYTES:,} bytes.")
    findings.check()
    return {"content": content}


def _secret_lines(content: str) -> Iterator[int]:
    """The lines, counted from 1, in which a secret stands as it is, and not as a variable."""
    # Expressions over several lines keep their line ends, so that the lines keep their numbers.
    plain = _EXPRESSION.sub(lambda found: _STANDS_FOR + "\n" * found[0].count("\n"), content)
    masked = redact(plain, key=b"only where masks stand is asked here, not what they are")
    for number, (line, after) in enumerate(zip(plain.split("\n"), masked.split("\n"), strict=True), start=1):
        if line != after and line.count(_STANDS_FOR) == after.count(_STANDS_FOR):
            yield number


def _checks(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInputError({"checks": ['The checks are an object: {"pre": […], "post": […]}.']})
    findings = Findings()
    for name, sentence in unknown_names(value, {"pre", "post"}, "field").items():
        findings.add(f"checks.{shown(name)}", sentence)
    parsed: dict[str, Any] = {}
    for name in ("pre", "post"):
        try:
            parsed[f"{name}_checks"] = parse_checks(value.get(name, []), where=f"checks.{name}", after=name == "post")
        except InvalidInputError as error:
            findings.absorb(error)
    findings.check()
    return parsed


_PARSERS: Final[Mapping[str, Callable[[object], dict[str, Any]]]] = {
    "purpose": _prose("purpose"),
    "trigger": _prose("trigger"),
    "variables": lambda value: {"variables": parse_schema(value)},
    "content": _content,
    "checks": _checks,
    "strategy": lambda value: {"strategy": parse_strategy(value)},
    "backout_notes": _prose("backout_notes"),
    "steps": lambda value: {"steps": parse_steps(value)},
    "rubric": lambda value: {"rubric": parse_rubric(value)},
}
