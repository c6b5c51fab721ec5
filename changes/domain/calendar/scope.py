"""For which devices something of the calendar holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from changes.domain.input import Findings, hidden_character, one_of, shown, unknown_names

MAX_VALUES: Final = 100
MAX_VALUE: Final = 200
SCOPE_NAMES: Final = ("sites", "roles", "tags", "tenants")


@dataclass(frozen=True, slots=True)
class CalendarDevice:
    """A device of a change as the calendar sees it.

    ``apart_from`` names the sets whose members must not be worked on at the same time, as in
    :class:`changes.domain.waves.Member`: its redundancy group, and the uplinks of one device.
    """

    name: str
    site: str = ""
    role: str = ""
    tags: frozenset[str] = frozenset()
    tenant: str = ""
    apart_from: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """Values of the inventory; small and large letters are the same.

    The values of one name are alternatives, several names narrow each other, as in the targets of a change. A scope
    without any value holds for all devices.
    """

    sites: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    _folded: tuple[frozenset[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the case once: a scope is compared with thousands of devices."""
        values = tuple(frozenset(value.casefold() for value in getattr(self, name)) for name in SCOPE_NAMES)
        object.__setattr__(self, "_folded", values)

    @property
    def is_all(self) -> bool:
        """Whether it holds for all devices."""
        return not any(self._folded)

    def includes(self, device: CalendarDevice) -> bool:
        """Whether it holds for the device."""
        sites, roles, tags, tenants = self._folded
        return (
            (not sites or device.site.casefold() in sites)
            and (not roles or device.role.casefold() in roles)
            and (not tags or not tags.isdisjoint(tag.casefold() for tag in device.tags))
            and (not tenants or device.tenant.casefold() in tenants)
        )

    @property
    def words(self) -> str:
        """``all devices``, or ``site FRA or AMS, role core``."""
        named = [
            f"{name[:-1]} {' or '.join(sorted(getattr(self, name)))}" for name in SCOPE_NAMES if getattr(self, name)
        ]
        return ", ".join(named) or "all devices"

    def to_data(self) -> dict[str, list[str]]:
        """As JSON: ``{"sites": ["FRA"]}``; names without values are left out."""
        return {name: sorted(getattr(self, name)) for name in SCOPE_NAMES if getattr(self, name)}

    @classmethod
    def stored(cls, data: Mapping[str, Sequence[str]]) -> Self:
        """A scope as :meth:`to_data` wrote it."""
        return cls(**{name: frozenset(data.get(name, ())) for name in SCOPE_NAMES})

    @classmethod
    def parse(cls, data: object, findings: Findings, *, where: str = "scope") -> Self:
        """Read ``{"sites": ["FRA"], "roles": ["core"]}``; what is wrong goes to ``findings``, under ``where``."""
        if data is None:
            return cls()
        if not isinstance(data, Mapping):
            findings.add(where, f"The scope must be an object with lists for: {one_of(SCOPE_NAMES)}.")
            return cls()
        for name, sentence in unknown_names(data, SCOPE_NAMES, "scope").items():
            findings.add(f"{where}.{shown(name)}", sentence)
        values = {name: _values(data[name], findings, f"{where}.{name}") for name in SCOPE_NAMES if name in data}
        return cls(**values)


def names_in(scope: Scope, devices: Sequence[CalendarDevice]) -> tuple[str, ...]:
    """The names of the devices for which it holds, sorted."""
    return tuple(sorted(device.name for device in devices if scope.includes(device)))


def named(names: Collection[str], most: int = 5) -> str:
    """Names for a sentence: ``a, b and 3 more``. A page lists them all."""
    ordered = sorted(names)
    if len(ordered) > most:
        return f"{', '.join(ordered[:most])} and {len(ordered) - most} more"
    return ", ".join(ordered[:-1]) + f" and {ordered[-1]}" if len(ordered) > 1 else "".join(ordered)


def _values(value: object, findings: Findings, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        findings.add(where, 'This must be a list of names, such as ["FRA", "AMS"].')
        return frozenset()
    if len(value) > MAX_VALUES:
        findings.add(where, f"Give at most {MAX_VALUES} names, or use a tag.")
    for each in value[:MAX_VALUES]:
        if not each.strip() or len(each) > MAX_VALUE:
            findings.add(where, f"A name has 1 to {MAX_VALUE} characters.")
        elif hidden := hidden_character(each):
            findings.add(where, f"In the name {hidden}")
    return frozenset(each.strip() for each in value)
