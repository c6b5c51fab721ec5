"""Change freezes: periods in which nothing is started on the devices of a scope, but for exempt change types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from changes.domain.calendar.recurring import read_name
from changes.domain.calendar.scope import Scope
from changes.domain.input import Findings, one_of, shown, unknown_names
from changes.domain.states import ChangeType
from changes.domain.windows import FARTHEST, Period, moment_in

LONGEST: Final = timedelta(days=92)
_TIMES: Final = {"starts_at": "start", "ends_at": "end"}
FIELDS: Final = frozenset({"name", "comment", "scope", "exempt_types", *_TIMES})


@dataclass(frozen=True, slots=True)
class ScopedFreeze:
    """A period in which nothing is started on the devices of its scope, unless the change is of an exempt type."""

    period: Period
    scope: Scope = Scope()  # noqa: RUF009 - it is frozen
    exempt_types: frozenset[ChangeType] = frozenset()

    def holds_for(self, change_type: ChangeType) -> bool:
        """Whether it stops changes of this type."""
        return change_type not in self.exempt_types

    @property
    def reach(self) -> str:
        """For which devices and changes it holds: ``all devices, except emergency changes``."""
        types = [kind.value for kind in ChangeType if kind in self.exempt_types]
        return self.scope.words + (f", except {' and '.join(types)} changes" if types else "")

    @property
    def words(self) -> str:
        """``Year end, 20 Dec 2026 00:00 to 4 Jan 2027 00:00 UTC, for all devices``."""
        return f"{self.period.name or 'unnamed'}, {self.period.words}, for {self.reach}"

    def to_data(self) -> dict[str, object]:
        """The scope and the exempt types as JSON; name and times are the freeze's own columns."""
        return {"scope": self.scope.to_data(), "exempt_types": sorted(self.exempt_types)}


def parse_freeze(value: Mapping[str, object], *, now: datetime) -> ScopedFreeze:
    """Read ``name``, ``starts_at``, ``ends_at`` (ISO 8601; without a zone they mean UTC), ``scope``, ``exempt_types``.

    It may begin in the past: then it is in force at once. The comment is read by the service.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(value, FIELDS, "field").items():
        findings.add(shown(name), sentence)
    name = read_name(value.get("name"), findings, "Give the freeze a name that people know, such as Year end.")
    times = {key: moment_in(value, key, f"{what} of the freeze", findings) for key, what in _TIMES.items()}
    start, end = times["starts_at"], times["ends_at"]
    if start and end:
        _judge(start, end, now, findings)
    scope = Scope.parse(value.get("scope"), findings)
    exempt = _types(value.get("exempt_types", []), findings)
    findings.check()
    assert start and end  # noqa: PT018, S101 - whatever is missing was found above
    return ScopedFreeze(Period(start, end, name), scope, exempt)


def _judge(start: datetime, end: datetime, now: datetime, findings: Findings) -> None:
    if end <= start:
        findings.add("ends_at", "The freeze must end after it starts.")
    elif end - start > LONGEST:
        findings.add("ends_at", f"A freeze lasts at most {LONGEST.days} days; declare another one after it.")
    if end <= now:
        findings.add("ends_at", "This is over already; give a time to come.")
    elif start - now > FARTHEST:
        findings.add("starts_at", f"A freeze starts within {FARTHEST.days} days.")


def _types(value: object, findings: Findings) -> frozenset[ChangeType]:
    known = {member.value: member for member in ChangeType}
    if not isinstance(value, list) or not all(isinstance(each, str) and each in known for each in value):
        findings.add("exempt_types", f"This must be a list of change types: {one_of(known)}.")
        return frozenset()
    if len(set(value)) == len(known):
        findings.add("exempt_types", "A freeze that lets every change type through stops nothing. Take one out.")
    return frozenset(known[each] for each in value)
