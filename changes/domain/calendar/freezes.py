"""Change freezes with a scope, and with change types that they let through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changes.domain.calendar.scope import Scope
from changes.domain.errors import InvalidInputError
from changes.domain.freezes import parse_freeze
from changes.domain.input import Findings, one_of
from changes.domain.states import ChangeType
from changes.domain.windows import Period

MORE_FIELDS: Final = frozenset({"scope", "exempt_types"})


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
    def words(self) -> str:
        """``Year end, 20 Dec 2026 00:00 to 4 Jan 2027 00:00 UTC, for all devices``."""
        exempt = ", except emergency changes" if self.exempt_types == {ChangeType.EMERGENCY} else ""
        if self.exempt_types and not exempt:
            exempt = f", except {' and '.join(sorted(self.exempt_types))} changes"
        return f"{self.period.name or 'unnamed'}, {self.period.words}, for {self.scope.words}{exempt}"

    def to_data(self) -> dict[str, object]:
        """The scope and the exempt types as JSON; name and times are the freeze's own columns."""
        return {"scope": self.scope.to_data(), "exempt_types": sorted(self.exempt_types)}


def parse_scoped_freeze(value: Mapping[str, object], *, now: datetime) -> ScopedFreeze:
    """Read a freeze as :func:`changes.domain.freezes.parse_freeze` does, with ``scope`` and ``exempt_types`` besides.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    period = None
    try:
        period = parse_freeze({name: each for name, each in value.items() if name not in MORE_FIELDS}, now=now)
    except InvalidInputError as error:
        findings.absorb(error)
    scope = Scope.parse(value.get("scope"), findings)
    exempt = _types(value.get("exempt_types", []), findings)
    findings.check()
    assert period  # noqa: S101 - found above
    return ScopedFreeze(period, scope, exempt)


def _types(value: object, findings: Findings) -> frozenset[ChangeType]:
    known = {member.value: member for member in ChangeType}
    if not isinstance(value, list) or not all(isinstance(each, str) and each in known for each in value):
        findings.add("exempt_types", f"This must be a list of change types: {one_of(known)}.")
        return frozenset()
    if len(set(value)) == len(known):
        findings.add("exempt_types", "A freeze that lets every change type through stops nothing. Take one out.")
    return frozenset(known[each] for each in value)
