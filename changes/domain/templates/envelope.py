"""The envelope of a standard change: how far a template is approved in advance, and what lies outside of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from changes.domain.canonical import canonical_json
from changes.domain.content import Variable, parse_variables
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, one_of, shown, unknown_names
from changes.domain.strategy import Strategy, Value, parse_strategy
from changes.domain.templates.schema import parse_narrowing
from changes.domain.templates.texts import text_problems
from changes.domain.templates.values import judge_values

Schema = Mapping[str, Any]

MAX_DEVICES: Final = 10_000
MAX_VALUES: Final = 200
NAMED: Final = 10
"""So many devices are named in one sentence."""
_FIELDS: Final = frozenset({"variables", "scope", "strategy"})
_PLACES: Final = ("sites", "roles", "platforms", "tags")


@dataclass(frozen=True, slots=True)
class Bound:
    """What one field of the strategy may be: from ``low`` to ``high``, or one of ``allowed``."""

    low: int | None = None
    high: int | None = None
    allowed: tuple[str, ...] = ()

    def holds(self, value: Value) -> bool:
        """Whether a value lies inside."""
        if self.allowed:
            return value in self.allowed
        if not isinstance(value, int):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the document."""
        if self.allowed:
            return {"allowed": list(self.allowed)}
        ends = {"min": self.low, "max": self.high}
        return {name: end for name, end in ends.items() if end is not None}

    @property
    def said(self) -> str:
        """In words: "from 1 to 5". A bound has an end, or values."""
        if self.allowed:
            return f"one of {', '.join(self.allowed)}"
        if self.low is None:
            return f"at most {self.high:,}"
        return f"at least {self.low:,}" if self.high is None else f"from {self.low:,} to {self.high:,}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is approved in advance. An empty place list means any; a device needs one of ``tags``.

    A field of the strategy that ``strategy`` does not name has to be as in the template version.
    """

    variables: Schema
    max_devices: int
    sites: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    strategy: Mapping[str, Bound] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the document."""
        return {
            "variables": self.variables,
            "scope": {**{name: list(getattr(self, name)) for name in _PLACES}, "max_devices": self.max_devices},
            "strategy": {name: bound.to_json() for name, bound in self.strategy.items()},
        }

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical form, hex."""
        return hashlib.sha256(canonical_json(self.to_json())).hexdigest()


@dataclass(frozen=True, slots=True)
class TargetFact:
    """Where one target device of a plan stands."""

    name: str
    site: str
    role: str
    platform: str
    tags: tuple[str, ...] = ()


def parse_envelope(value: object, schema: Schema, *, where: str = "envelope") -> Envelope | None:
    """Read ``{variables, scope: {sites, roles, platforms, tags, max_devices}, strategy}``; None: there is none.

    Raises:
        InvalidInputError: with sentences under ``where`` and the names below it.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInputError({where: ['The envelope is an object with "variables", "scope" and "strategy".']})
    findings = Findings()
    for name, sentence in unknown_names(value, _FIELDS, "field").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    variables: Schema = {}
    try:
        variables = parse_narrowing(value.get("variables", {}), schema, where=f"{where}.variables")
    except InvalidInputError as error:
        findings.absorb(error)
    places, most = _scope(value.get("scope"), f"{where}.scope", findings)
    bounds = _bounds(value.get("strategy", {}), f"{where}.strategy", findings)
    findings.check()
    return Envelope(variables=variables, max_devices=most, strategy=bounds, **places)


def outside(
    envelope: Envelope,
    *,
    schema: Schema,
    variables: Mapping[str, Variable],
    targets: Sequence[TargetFact],
    strategy: Mapping[str, Value],
    usual: Mapping[str, Value],
) -> Iterator[str]:
    """A sentence for everything of a plan that lies outside; ``schema`` and ``usual`` are the template version's.

    The variables are judged by the template's schema and by the narrower one, whoever judged them before. No sentence
    quotes the value of a variable.
    """
    yield from _variables_outside(envelope, schema, variables)
    yield from _targets_outside(envelope, targets)
    given = {**Strategy().as_data(), **strategy}
    for name, value in {**Strategy().as_data(), **usual}.items():
        bound = envelope.strategy.get(name)
        if bound is None and given[name] != value:
            yield f"The strategy's “{name}” is {given[name]}; only {value}, as in the template, is approved in advance."
        elif bound is not None and not bound.holds(given[name]):
            yield f"The strategy's “{name}” is {given[name]}; approved in advance is {bound.said}."


def _variables_outside(envelope: Envelope, schema: Schema, variables: Mapping[str, Variable]) -> Iterator[str]:
    narrower = envelope.variables["properties"]
    findings = Findings()
    for judge in (
        lambda: parse_variables(variables),
        lambda: judge_values(schema, variables),
        lambda: judge_values(envelope.variables, {name: variables[name] for name in narrower if name in variables}),
    ):
        try:
            judge()
        except InvalidInputError as error:
            findings.absorb(error)
    if not findings.fields:
        for name, sentence in text_problems(schema["properties"], narrower, variables):
            findings.add(f"variables.{name}", sentence)
    for name, sentences in findings.fields.items():
        variable = name.partition(".")[2] or name
        said = " ".join(dict.fromkeys(sentences))
        yield f"The variable “{variable}” is outside the approved range. {said}"


def _targets_outside(envelope: Envelope, targets: Sequence[TargetFact]) -> Iterator[str]:
    if len(targets) > envelope.max_devices:
        yield f"The plan has {len(targets):,} devices; at most {envelope.max_devices:,} are approved in advance."
    for name, word in (("sites", "site"), ("roles", "role"), ("platforms", "platform")):
        allowed = getattr(envelope, name)
        if allowed:
            folded = {value.casefold() for value in allowed}
            strange = [target.name for target in targets if getattr(target, word).casefold() not in folded]
            yield from _said_of(strange, f"the {name} {', '.join(allowed)}")
    if envelope.tags:
        folded = {tag.casefold() for tag in envelope.tags}
        strange = [target.name for target in targets if folded.isdisjoint(tag.casefold() for tag in target.tags)]
        yield from _said_of(strange, f"the devices with the tag {' or '.join(envelope.tags)}")


def _said_of(names: Sequence[str], what: str) -> Iterator[str]:
    if names:
        shown_names = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        number = "1 device is" if len(names) == 1 else f"{len(names)} devices are"
        yield f"{number} outside {what}: {shown_names}."


def _scope(value: object, where: str, findings: Findings) -> tuple[dict[str, tuple[str, ...]], int]:
    if not isinstance(value, Mapping):
        findings.add(where, 'Say for which devices it is: {"sites": […], "roles": […], "max_devices": 20}.')
        return {}, 0
    for name, sentence in unknown_names(value, {*_PLACES, "max_devices"}, "field").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    most = value.get("max_devices")
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MAX_DEVICES:
        findings.add(f"{where}.max_devices", f"Say how many devices at most: a whole number from 1 to {MAX_DEVICES:,}.")
        most = 1
    return {name: _names(value.get(name, []), f"{where}.{name}", findings) for name in _PLACES}, most


def _names(value: object, where: str, findings: Findings) -> tuple[str, ...]:
    good = isinstance(value, list | tuple) and all(isinstance(item, str) and item.strip() for item in value)
    if not isinstance(value, list | tuple) or not good:
        findings.add(where, "Give a list of names; an empty list means any.")
        return ()
    if len(value) > MAX_VALUES:
        findings.add(where, f"{len(value)} names are given; {MAX_VALUES} are allowed.")
    hidden = next((found for found in map(hidden_character, value) if found), None)
    if hidden:
        findings.add(where, f"In a name, {hidden}")
    return tuple(sorted({item.strip() for item in value}))


def _bounds(value: object, where: str, findings: Findings) -> dict[str, Bound]:
    if not isinstance(value, Mapping):
        findings.add(where, 'Give an object such as {"max_parallel": {"max": 5}}.')
        return {}
    usual = Strategy().as_data()
    for name, sentence in unknown_names(value, usual, "field").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    return {name: _bound(name, value[name], f"{where}.{name}", findings) for name in usual if name in value}


def _bound(name: str, value: object, where: str, findings: Findings) -> Bound:
    number = isinstance(Strategy().as_data()[name], int)
    known = {"min", "max"} if number else {"allowed"}
    if not isinstance(value, Mapping) or not value or set(map(str, value)) - known:
        findings.add(where, f"Give an object with {one_of(known)}.")
        return Bound()
    samples = list(value.values()) if number else value["allowed"]
    if not isinstance(samples, list | tuple) or not samples:
        findings.add(where, "Give a list of the values that are allowed.")
        return Bound()
    _judge_samples(name, samples, where, findings)
    if not number:
        return Bound(allowed=tuple(map(str, samples)))
    low, high = value.get("min"), value.get("max")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        findings.add(where, "The lower bound is above the upper one.")
    return Bound(low=low, high=high)


def _judge_samples(name: str, samples: Iterable[object], where: str, findings: Findings) -> None:
    for sample in samples:
        try:
            parse_strategy({name: sample})
        except InvalidInputError as error:
            findings.add(where, " ".join(next(iter(error.fields.values()))))
