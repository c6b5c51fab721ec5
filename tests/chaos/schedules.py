"""What is to happen, and when: a device's faults by the number of the point that its device run has reached. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What can happen at a point."""

    KILL = "kill"
    DATABASE = "database"
    KILL_AND_DATABASE = "kill+database"
    REBOOT = "reboot"
    KILL_AND_REBOOT = "kill+reboot"
    CUT = "cut"
    DISK = "disk full"
    STOP = "stop"
    STOP_AND_DATABASE = "stop+database"


SINGLE: Final = tuple(Fault)
MOST: Final = 3
"""Devices of a random schedule: more schedules find more than more devices."""
FRR_FAULTS: Final = (Fault.KILL, Fault.DATABASE, Fault.REBOOT, Fault.KILL_AND_REBOOT, Fault.CUT)
_WEIGHTS: Final[Mapping[Fault, int]] = {
    Fault.KILL: 8,
    Fault.DATABASE: 3,
    Fault.KILL_AND_DATABASE: 2,
    Fault.REBOOT: 4,
    Fault.KILL_AND_REBOOT: 2,
    Fault.CUT: 5,
    Fault.DISK: 2,
    Fault.STOP: 2,
    Fault.STOP_AND_DATABASE: 1,
}


@dataclass(frozen=True)
class Schedule:
    """One change on some devices, and what disturbs it.

    Attributes:
        label: how it is named, so that it can be repeated.
        kind: of the devices.
        faults: by the device's place in the change: the number of its point, or its name, and what happens there.
        refusing: places of the devices that refuse a line, so that they are backed out.
        rolls_back: the change is carried out undisturbed first, and its ordered rollback is disturbed.
        beside: with it, places of the devices on which somebody changed something else meanwhile.
        workers: how many processes pull.
        threads: how many devices each of them works on at once; whoever is killed loses all of them.
    """

    label: str
    kind: str
    faults: Mapping[int, Mapping[int | str, Fault]]
    refusing: frozenset[int] = field(default=frozenset())
    rolls_back: bool = False
    beside: frozenset[int] = field(default=frozenset())
    workers: int = 2
    threads: int = 1


class Way(StrEnum):
    """What is disturbed."""

    STRAIGHT = "straight"
    BACKED_OUT = "backed out"
    ROLLED_BACK = "rolled back"
    BESIDE = "rolled back beside others' work"

    @property
    def rolls_back(self) -> bool:
        """Whether it is an ordered rollback."""
        return self in (Way.ROLLED_BACK, Way.BESIDE)


def ways(kind: str) -> tuple[Way, ...]:
    """The ways that a kind of device can go. On EOS lines beside others' work are computed again, for a person."""
    return {"cli": tuple(Way), "eos": (Way.STRAIGHT, Way.BACKED_OUT, Way.ROLLED_BACK)}.get(
        kind, (Way.STRAIGHT, Way.ROLLED_BACK)
    )


def every_point(
    kind: str, points: int, faults: Sequence[Fault], *, devices: int, way: Way = Way.STRAIGHT
) -> Iterator[Schedule]:
    """Each fault at each point of a device run, once; as many devices at a time as there are."""
    for fault in faults:
        # One restart of the database, or one reboot, must not disturb the neighbours: those get few points each.
        for first in range(0, points, devices):
            numbers = range(first, min(first + devices, points))
            places = frozenset(range(len(numbers)))
            yield Schedule(
                label=f"{kind}, {way}, {fault} at point {numbers[0] + 1} to {numbers[-1] + 1}",
                kind=kind,
                faults={place: {number + 1: fault} for place, number in enumerate(numbers)},
                refusing=places if way is Way.BACKED_OUT else frozenset(),
                rolls_back=way.rolls_back,
                beside=places if way is Way.BESIDE else frozenset(),
                workers=len(numbers),
            )


def random_rollback(kind: str, seed: int, *, devices: int, allowed: Sequence[Fault] = SINGLE) -> Schedule:
    """Several faults during an ordered rollback, the same for the same seed for ever."""
    dice = random.Random(f"{kind} rollback {seed}")
    plain = random_schedule(kind, seed, devices=devices, allowed=allowed)
    beside = frozenset(place for place in plain.faults if Way.BESIDE in ways(kind) and dice.random() < 0.4)
    label = f"{kind}, rollback, seed {seed}"
    return replace(plain, label=label, refusing=frozenset(), rolls_back=True, beside=beside)


def random_schedule(kind: str, seed: int, *, devices: int, allowed: Sequence[Fault] = SINGLE) -> Schedule:
    """Several faults on several devices at several points, the same for the same seed for ever."""
    dice = random.Random(f"{kind} {seed}")
    count = dice.randint(2, min(devices, MOST))
    weights = [_WEIGHTS[fault] for fault in allowed]
    faults: dict[int, dict[int | str, Fault]] = {}
    for place in range(count):
        numbers = sorted(dice.sample(range(1, 60), dice.randint(0, 4)))
        faults[place] = dict(zip(numbers, dice.choices(allowed, weights, k=len(numbers)), strict=True))
    return Schedule(
        label=f"{kind}, seed {seed}",
        kind=kind,
        faults=faults,
        refusing=frozenset(place for place in range(count) if dice.random() < 0.25),
        workers=dice.randint(1, 3),
        threads=dice.randint(1, 3),
    )
