"""What a change does to one device and how it is taken back, by what its driver declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from devices.domain.config_text import normalise
from devices.domain.diffing import unified_diff
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import Platform
from devices.domain.prediction import PredictionImpossibleError, predict, predict_with_notes
from devices.drivers.base import Capabilities, Driver


class NoBackoutError(Exception):
    """No way back is known for a change; it is not planned without one."""

    code = "ROLLBACK_PLAN_MISSING"
    detail = (
        "No backout is known that would restore this device exactly, so the change is not planned. Write it in"
        " smaller steps, or with lines whose removal is defined."
    )


class NoTargetError(Exception):
    """Nobody can tell what a change would lead to: neither the device through its driver, nor an estimate."""

    code = "CAPABILITY_MISSING"

    def __init__(self, platform: Platform) -> None:
        self.detail = (
            f"What the change would do cannot be told: {platform.label} cannot be estimated, and the driver of this"
            " device does not show its candidate as a whole. Have the inventory name the driver netmiko-cli for it,"
            " then plan again."
        )
        super().__init__(self.detail)


@dataclass(frozen=True, slots=True)
class Effect:
    """Target and diff of a change on one device, who computed them, and the way back."""

    target: str
    diff: str
    diff_source: str
    notes: tuple[str, ...]
    backout: tuple[str, ...]
    backout_method: str


def target_on(driver: Driver, running: str, commands: tuple[str, ...], platform: Platform) -> str | None:
    """The configuration in normal form after the commands, as the device's own candidate shows it.

    None where the platform has no candidate. Nothing is applied.

    Raises:
        CommandRejectedError: the device refuses a line.
        DeviceBusyError: somebody else holds the candidate.
    """
    if not driver.capabilities.candidate_diff:
        return None
    if not commands:
        return running
    candidate = driver.compare(commands).candidate
    return None if candidate is None else normalise(candidate, platform)


def effect_of(
    running: str, commands: tuple[str, ...], candidate: str | None, can: Capabilities, platform: Platform
) -> Effect:
    """What reviewers see: from the device's candidate where there is one, else an estimate that says so.

    Raises:
        NoBackoutError: the platform cannot replace its configuration, and no exact inverse is known.
        NoTargetError: there is neither a candidate nor an estimate.
    """
    if candidate is None:
        try:
            prediction = predict_with_notes(running, commands, platform)
        except PredictionImpossibleError as error:
            raise NoTargetError(platform) from error
        target, notes, source = prediction.text, prediction.notes, "estimate"
    else:
        target, notes, source = candidate, (), "device"
    diff = unified_diff(running, target)
    if can.config_replace:
        return Effect(target, diff, source, notes, (), "replace")
    return Effect(target, diff, source, notes, _inverse(running, target, platform), "commands")


def confirm_time(can: Capabilities, post_checks: Iterable[Mapping[str, Any]]) -> int:
    """Seconds that the device waits for its confirmation: long enough for the post-checks; 0 without such a timer."""
    timer = can.commit_confirmed
    if timer is None:
        return 0
    checking_s = sum(int(check.get("timeout_s", 0)) + int(check.get("hold_s", 0)) for check in post_checks)
    return timer.fit(settings.DEVICE_CONFIRM_WITHIN_S + checking_s)


def _inverse(running: str, target: str, platform: Platform) -> tuple[str, ...]:
    """The commands that take the target back to what is running, proved by prediction."""
    if running == target:
        return ()
    backout = inverse_commands(running, target, platform)
    if predict(target, backout, platform) != running:
        raise NoBackoutError
    return backout
