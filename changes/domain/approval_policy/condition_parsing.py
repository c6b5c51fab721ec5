"""From what stands under ``when`` to conditions. Each condition names exactly one thing, so that it reads one way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Final

from changes.domain.approval_policy.conditions import ALWAYS, All, Any, Condition, Not, TypeIs
from changes.domain.approval_policy.leaves import DeviceCount, HasWarning, RiskAtLeast, ValuesIn, WindowIs
from changes.domain.approval_policy.places import Place
from changes.domain.approval_policy.vocabulary import BusinessHours, Weekday
from changes.domain.input import did_you_mean, one_of, shown
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind

MAX_DEPTH: Final = 10
MAX_CONDITIONS: Final = 300
MAX_VALUES: Final = 3_000
MAX_DEVICES: Final = 100_000
MAX_WINDOW_MIN: Final = 31 * 24 * 60

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


@dataclass(slots=True)
class Budget:
    """How many conditions, and values in them, a document may still have, over all its rules."""

    left: int = MAX_CONDITIONS
    values: int = MAX_VALUES

    def take(self, place: Place, depth: int) -> bool:
        """Use one of them; False, with a sentence at the place, where there are too many or they nest too deeply."""
        self.left -= 1
        if self.left >= 0 and depth <= MAX_DEPTH:
            return True
        what = f"{MAX_CONDITIONS:,} conditions in all" if self.left < 0 else f"{MAX_DEPTH} levels of conditions"
        place.say(f"A policy has at most {what}. Split the rule or make it simpler.")
        return False


def parse_condition(value: object, place: Place, budget: Budget, depth: int = 0) -> Condition | None:
    """Read one condition; None, with a sentence at the place, where it is wrong.

    ``always``, or an object with one name: ``all``, ``any``, ``not``, or a fact.
    """
    if not budget.take(place, depth):
        return None
    if value == "always":
        return ALWAYS
    if not isinstance(value, Mapping) or len(value) != 1:
        place.say(
            'A condition is "always", or an object with exactly one name; put several conditions into a list under'
            f' "all" or "any". Names: {one_of(_NAMES)}.'
        )
        return None
    name, inner = next(iter(value.items()))
    if name in ("all", "any"):
        return _several(str(name), inner, place.at(str(name)), budget, depth)
    if name == "not":
        part = parse_condition(inner, place.at("not"), budget, depth + 1)
        return None if part is None else Not(part)
    return _fact(str(name), inner, place, budget)


def _fact(name: str, value: object, place: Place, budget: Budget) -> Condition | None:
    if name in _FACTS:
        found = _FACTS[name](value, place.at(name))
        if isinstance(found, ValuesIn | HasWarning):
            budget.values -= len(found.values if isinstance(found, ValuesIn) else found.codes)
        if budget.values < 0:
            place.at(name).say(f"A policy names at most {MAX_VALUES:,} values in all. Shorten the lists.")
            return None
        return found
    near = did_you_mean(name, _NAMES)
    place.say(f'There is no condition "{shown(name)}".{near} Allowed: {one_of(_NAMES)}.')
    return None


def _several(name: str, value: object, place: Place, budget: Budget, depth: int) -> Condition | None:
    items = place.list(value, limit=100)
    if items is None:
        return None
    read = [parse_condition(item, place.item(index), budget, depth + 1) for index, item in enumerate(items)]
    parts = tuple(part for part in read if part is not None)
    if len(parts) != len(items):
        return None
    return All(parts) if name == "all" else Any(parts)


def _change_type(value: object, place: Place) -> Condition | None:
    types = place.words(value, ChangeType, kind="change type")
    return None if types is None else TypeIs(types)


def _risk(value: object, place: Place) -> Condition | None:
    fields = place.mapping(value, required=("at_least",))
    level = place.at("at_least").word(fields["at_least"], RiskLevel, kind="level of risk") if fields else None
    return None if level is None else RiskAtLeast(level)


def _device_count(value: object, place: Place) -> Condition | None:
    fields = place.mapping(value, known=("at_least", "at_most"))
    if fields is None:
        return None
    if not fields:
        place.say("Name at least one bound: at_least or at_most.")
        return None
    bounds = {
        name: place.at(name).integer(bound, least=0, most=MAX_DEVICES)
        for name, bound in fields.items()
        if name in ("at_least", "at_most")
    }
    if not bounds or None in bounds.values():
        return None
    least, most = bounds.get("at_least") or 0, bounds.get("at_most")
    if most is not None and least > most:
        place.say("at_least is larger than at_most, so this never holds.")
        return None
    return DeviceCount(least, most)


def _values(fact: str) -> Callable[[object, Place], Condition | None]:
    def read(value: object, place: Place) -> Condition | None:
        least: int | None = 1
        if isinstance(value, Mapping):
            fields = place.mapping(value, required=("any_of",), known=("devices_at_least",))
            if fields is None:
                return None
            least = place.at("devices_at_least").integer(fields.get("devices_at_least", 1), least=1, most=MAX_DEVICES)
            value, place = fields["any_of"], place.at("any_of")
        values = place.words(value, ContentKind, kind="kind of content") if fact == "content" else place.values(value)
        if values is None or least is None:
            return None
        return ValuesIn(fact, tuple(str(one) for one in values), least)

    return read


def _warnings(value: object, place: Place) -> Condition | None:
    fields = place.mapping(value, known=("codes", "severity_at_least"))
    if fields is None:
        return None
    if not fields:
        place.say("Name codes, severity_at_least, or both.")
        return None
    given = fields.get("severity_at_least", Severity.MINOR.value)
    severity = place.at("severity_at_least").word(given, Severity, kind="severity")
    codes: tuple[str, ...] | None = ()
    if "codes" in fields:
        codes = place.at("codes").values(fields["codes"])
        wrong = [code for code in codes or () if not _CODE.fullmatch(code)]
        if wrong:
            place.at("codes").say(f'"{shown(wrong[0])}" is not a code: codes are large letters, digits and "_".')
            return None
    return None if severity is None or codes is None else HasWarning(codes, severity)


def _window(value: object, place: Place) -> Condition | None:
    names = ("weekdays", "business_hours", "longer_than_min", "starts_from", "starts_before")
    fields = place.mapping(value, known=names)
    if fields is None:
        return None
    if not fields.keys() & set(names):
        place.say(f"Name at least one property of the window: {', '.join(names)}.")
        return None
    if ("starts_from" in fields) != ("starts_before" in fields):
        place.say("starts_from and starts_before belong together. Name both.")
        return None
    read = {name: _WINDOW[name](fields[name], place.at(name)) for name in names if name in fields}
    if None in read.values():
        return None
    if "starts_from" in read and read["starts_from"] == read["starts_before"]:
        place.say("starts_from and starts_before are the same moment, so it is not clear what is meant.")
        return None
    return WindowIs(**read)  # type: ignore[arg-type]  # each reader answers with its field's type


def clock(value: object, place: Place) -> time | None:
    """A time of the day, such as "22:00"."""
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        place.say('This must be a time of the day in quotation marks, such as "22:00".')
        return None
    return time(int(found[1]), int(found[2]))


_WINDOW: Final[Mapping[str, Callable[[object, Place], object]]] = {
    "weekdays": lambda value, place: place.words(value, Weekday, kind="weekday"),
    "business_hours": lambda value, place: place.word(value, BusinessHours, kind="relation to business hours"),
    "longer_than_min": lambda value, place: place.integer(value, least=0, most=MAX_WINDOW_MIN),
    "starts_from": clock,
    "starts_before": clock,
}
_FACTS: Final[Mapping[str, Callable[[object, Place], Condition | None]]] = {
    "change_type": _change_type,
    "risk": _risk,
    "device_count": _device_count,
    "platforms": _values("platforms"),
    "roles": _values("roles"),
    "sites": _values("sites"),
    "tags": _values("tags"),
    "tenants": _values("tenants"),
    "content": _values("content"),
    "warnings": _warnings,
    "window": _window,
}
_NAMES: Final = frozenset({"all", "any", "not", *_FACTS})
