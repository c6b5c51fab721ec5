"""Laying out waves: a canary first, then batches, never both members of a redundancy pair in one wave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.strategy import Strategy

CANARY: Final = 1
"""The number of the wave that is the canary, where the strategy has one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A device of a plan as the layout sees it.

    ``apart_from`` names sets: two devices that share one must never be in the same wave, since something else depends
    on one of them staying as it is. A redundancy pair is such a set, and so are the uplinks of one device.
    """

    key: int
    apart_from: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Clash:
    """Two devices that must not be in one wave, and the set that says so."""

    wave: int
    first: int
    second: int
    because: str


def lay_out(members: Sequence[Member], strategy: Strategy) -> tuple[tuple[int, ...], ...]:
    """The waves in their order, each as keys in the order of ``members``; together they hold every key once.

    The first ``canary`` members that may be together form the canary; each later wave takes as many of the others as
    its size allows. Who must be kept apart from a member of a wave waits for a later one, so that there may be more
    waves than the sizes ask for. The same members and the same strategy always give the same waves.
    """
    waves = []
    waiting = list(members)
    size = min(strategy.canary, len(members)) or _batch(len(members), strategy)
    while waiting:
        wave, waiting = _fill(waiting, size)
        waves.append(wave)
        size = _batch(len(members), strategy)
    return tuple(waves)


def _batch(total: int, strategy: Strategy) -> int:
    size = max(1, math.ceil(total * strategy.batch_percent / 100))
    return min(size, strategy.batch_cap) if strategy.batch_cap else size


def _fill(waiting: Iterable[Member], size: int) -> tuple[tuple[int, ...], list[Member]]:
    """One wave, and who has to wait. The first one that waits always gets in, so every wave has a member."""
    wave: list[int] = []
    later: list[Member] = []
    taken: set[str] = set()
    rest = iter(waiting)
    for member in rest:
        if taken.isdisjoint(member.apart_from):
            wave.append(member.key)
            taken |= member.apart_from
        else:
            later.append(member)
        if len(wave) == size:
            break
    return tuple(wave), [*later, *rest]


def clashes(waves: Mapping[int, Iterable[Member]]) -> tuple[Clash, ...]:
    """Who shares a wave though the inventory, as it is now, keeps them apart; empty when the layout holds."""
    found = []
    for number, members in waves.items():
        seen: dict[str, int] = {}
        for member in members:
            for name in sorted(member.apart_from):
                if name in seen:
                    found.append(Clash(number, seen[name], member.key, name))
                seen.setdefault(name, member.key)
    return tuple(found)


def wave_name(number: int, strategy: Strategy, waves: int) -> str:
    """What people call the wave of this number, counted from 1."""
    if waves == 1:
        return "All devices"
    return "Canary" if number == CANARY and strategy.canary else f"Wave {number}"
