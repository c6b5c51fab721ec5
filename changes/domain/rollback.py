"""What takes one device back, from what it had before the change, after it, and has now. Pure.

The rule of everything here: a rollback undoes this change and nothing else. Where the device is as the change left it,
what was approved is sent. Where somebody else changed other places, the same is undone beside their work. Where they
changed the same places, nothing is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from changes.domain.canonical import canonical_json
from changes.domain.labels import Labelled
from devices.domain.drift import Path, change_set, converged, is_part
from devices.domain.inverse import inverse_commands
from devices.domain.merging import merged
from devices.domain.places import Place, lines_at, named_place, touched
from devices.domain.platforms import Platform
from devices.domain.prediction import predict

Places = frozenset[Path]

ORDERED = "ROLLBACK_ORDERED"
"""Reason code of a device that was rolled back because somebody, or a policy, ordered it."""


class Source(Labelled):
    """Where the way back comes from.

    *nothing*: the change is not on the device any more. *approved*: what was approved with the plan. *rest*: what is
    left of a backout that was interrupted. *recomputed*: lines that nobody has approved, so a person confirms them.
    """

    NOTHING = "nothing"
    APPROVED = "approved"
    REST = "rest"
    RECOMPUTED = "recomputed"


@dataclass(frozen=True, slots=True)
class WayBack:
    """How a device is taken back.

    Attributes:
        source: where it comes from.
        commands: the lines to send; empty where the whole configuration is replaced, or nothing is to be sent.
        replaces: whether the whole configuration is replaced by ``wanted``: the one before the change, or, where
            others changed other places of a platform whose lines cannot be computed, theirs without the change.
        wanted: what the device must show afterwards, in normal form.
        elsewhere: the places that others changed since, and that stay as they are.
    """

    source: Source
    commands: tuple[str, ...]
    replaces: bool
    wanted: str
    elsewhere: Places = frozenset()


class NoWayBackError(Exception):
    """The device cannot be taken back without touching what others did; ``places`` say where.

    Without places no lines are known that lead back exactly.
    """

    def __init__(self, places: Iterable[Path] = ()) -> None:
        super().__init__("no way back")
        self.places = frozenset(places)


def way_back(
    *, before: str, after: str, actual: str, approved: Sequence[str], replaces: bool, platform: Platform
) -> WayBack:
    """Find out what takes a device back; all three configurations in normal form.

    ``approved`` are the approved lines, ``replaces`` says that the approved backout is a replacement of the whole
    configuration by ``before``. A device at ``before`` gets nothing sent.

    Raises:
        NoWayBackError: others changed the places that this change had changed, or no exact lines are known.
    """
    ours, theirs = touched(after, before, platform), touched(after, actual, platform)
    elsewhere = _named(theirs.places - ours.places)
    wanted, found = lines_at(before, platform), lines_at(actual, platform)
    if actual == before or (ours.places and all(wanted.get(place) == found.get(place) for place in ours.places)):
        return WayBack(Source.NOTHING, (), False, actual, elsewhere)
    if actual == after or is_part(after, before, actual, platform):
        return _untouched_by_others(before, actual, approved, replaces, platform, whole=actual == after)
    meeting = theirs.meeting(ours)
    if meeting or not theirs.places:
        # Without places it is the order of the lines that changed, on a platform whose orders are not known.
        raise NoWayBackError(_named(meeting) or {("the order of the lines",)})
    return _beside_others(before, after, actual, approved, replaces, platform, elsewhere)


def resumed(*, begun: str, wanted: str, actual: str, replaces: bool, platform: Platform) -> WayBack | None:
    """What is left of a rollback that led from ``begun`` to ``wanted`` and was interrupted; all in normal form.

    None where nothing of it is on the device, or where others changed it meanwhile: then a way back is found anew.

    Raises:
        NoWayBackError: a part of it is there, and no exact lines for the rest are known.
    """
    if converged(wanted, actual, platform):
        return WayBack(Source.NOTHING, (), False, actual)
    if actual == begun or not is_part(begun, wanted, actual, platform):
        return None
    commands = () if replaces else _exact(wanted, actual, platform)
    return WayBack(Source.REST, commands, replaces, wanted)


def meet(before: str, after: str, other_before: str, other_after: str, platform: Platform) -> Places:
    """Where two changes of the same device meet; empty where each could be undone without the other."""
    other = touched(other_before, other_after, platform)
    return _named(other.meeting(touched(before, after, platform)))


def _named(places: Iterable[Place]) -> Places:
    return frozenset(named_place(place) for place in places)


def lines_digest(*, device_run_id: int, actual_sha256: str, commands: Sequence[str], replaced_by: str = "") -> str:
    """SHA-256 over what a person confirms: these lines, on this device, from this configuration.

    ``replaced_by`` is the text that replaces the whole configuration, where no lines are sent.
    """
    data = {"schema": "countersign-recomputed-backout-1", "device_run": device_run_id, "actual_sha256": actual_sha256}
    if replaced_by:
        data["wanted_sha256"] = hashlib.sha256(replaced_by.encode()).hexdigest()
    return hashlib.sha256(canonical_json({**data, "commands": list(commands)})).hexdigest()


def _untouched_by_others(
    before: str, actual: str, approved: Sequence[str], replaces: bool, platform: Platform, *, whole: bool
) -> WayBack:
    if replaces:
        return WayBack(Source.APPROVED if whole else Source.REST, (), True, before)
    if whole and platform.predictable and predict(actual, approved, platform) == before:
        return WayBack(Source.APPROVED, tuple(approved), False, before)
    commands = _exact(before, actual, platform)
    return WayBack(Source.RECOMPUTED if whole else Source.REST, commands, False, before)


def _beside_others(
    before: str,
    after: str,
    actual: str,
    approved: Sequence[str],
    replaces: bool,
    platform: Platform,
    elsewhere: Places,
) -> WayBack:
    undone = change_set(after, before, platform)
    if not platform.predictable:
        wanted = merged(after, before, actual)
        if not replaces or wanted is None or change_set(actual, wanted, platform) != undone:
            raise NoWayBackError
        return WayBack(Source.RECOMPUTED, (), True, wanted, elsewhere)
    if not replaces:
        wanted = predict(actual, approved, platform)
        if change_set(actual, wanted, platform) == undone:
            return WayBack(Source.APPROVED, tuple(approved), False, wanted, elsewhere)
    wanted = predict(actual, inverse_commands(before, after, platform), platform)
    if change_set(actual, wanted, platform) != undone:
        raise NoWayBackError
    return WayBack(Source.RECOMPUTED, _exact(wanted, actual, platform), False, wanted, elsewhere)


def _exact(wanted: str, actual: str, platform: Platform) -> tuple[str, ...]:
    if not platform.predictable:
        raise NoWayBackError
    commands = inverse_commands(wanted, actual, platform)
    if predict(actual, commands, platform) != wanted:
        raise NoWayBackError
    return commands
