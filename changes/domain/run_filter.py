"""Which devices of a run somebody wants to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of, shown
from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_ENDED, DeviceRunState

_D = DeviceRunState
ATTENTION: Final = frozenset({_D.FAILED, _D.ROLLED_BACK, _D.ROLLBACK_FAILED, _D.BLOCKED, _D.UNKNOWN})
"""Ends that somebody has to look at."""

STATE_GROUPS: Final[Mapping[str, frozenset[DeviceRunState]]] = {
    "waiting": frozenset({_D.PENDING, _D.ROLLBACK_PENDING}),
    "working": DEVICE_ACTIVE,
    "attention": ATTENTION,
    "done": DEVICE_ENDED,
}
"""Names for several states at once."""

FILTERS: Final = ("state", "site", "name", "code")
SEVERAL: Final = ("state",)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """States (or groups of them) as they were asked for, a site, a part of a name, a reason code; empty: all."""

    asked_states: tuple[str, ...] = ()
    site: str = ""
    name: str = ""
    code: str = ""

    @classmethod
    def read(cls, asked: Mapping[str, Sequence[str]]) -> Self:
        """The filter in values that are stripped and free of hidden characters.

        Raises:
            InvalidInputError: ``state`` names neither a state nor a group.
        """
        states = tuple(dict.fromkeys(asked.get("state", ())))
        known = [*STATE_GROUPS, *(state.value for state in DeviceRunState)]
        for state in states:
            if state not in known:
                raise InvalidInputError({"state": [f"“{shown(state)}” is no state. Use one of: {one_of(known)}."]})
        one = {name: (asked.get(name) or [""])[0] for name in ("site", "name", "code")}
        return cls(asked_states=states, **one)

    @property
    def states(self) -> frozenset[DeviceRunState]:
        """Every state that was asked for, those of groups among them.

        Without *attention*, since a state alone does not say whether somebody has to look.
        """
        found: set[DeviceRunState] = set()
        for name in self.asked_states:
            if name != "attention":
                found |= STATE_GROUPS[name] if name in STATE_GROUPS else {DeviceRunState(name)}
        return frozenset(found)

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        return not (self.asked_states or self.site or self.name or self.code)

    def query(self) -> list[tuple[str, str]]:
        """As parameters of an address, in a fixed order."""
        pairs = [("state", state) for state in self.asked_states]
        return pairs + [(name, value) for name in ("site", "name", "code") if (value := getattr(self, name))]

    def toggled(self, state: str) -> RunFilter:
        """The same filter with one state more, or one less."""
        states = self.asked_states
        kept = tuple(each for each in states if each != state) if state in states else (*states, state)
        return RunFilter(kept, self.site, self.name, self.code)
