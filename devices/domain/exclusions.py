"""Which devices an inventory source's facts keep from being targets, and why: a reason code and a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.domain.drivers import drivers_of
from devices.domain.platforms import PLATFORMS

NOT_ACTIVE: Final = "INV_NOT_ACTIVE"
FIELD_MISSING: Final = "INV_FIELD_MISSING"
NO_ADDRESS: Final = "INV_NO_PRIMARY_IP"
UNMAPPED: Final = "PLATFORM_UNMAPPED"
DUPLICATE_NAME: Final = "INV_DUPLICATE_NAME"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a device cannot be a target; both empty where it can."""

    code: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class MappedPlatform:
    """What the platform table says about a word: our platform, and the driver to use ("" for the platform's own)."""

    platform: str
    driver: str = ""


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """The platform of one device; where there is none, ``problem`` is a sentence about why."""

    platform: str = ""
    driver: str = ""
    problem: str = ""


def choose_platform(table: Mapping[str, MappedPlatform], *, field_value: str, slug: str) -> PlatformChoice:
    """The platform that the table gives for a device: by its custom field where that is filled, else by its slug.

    A custom field with a word that the table does not have is not passed over in favour of the slug: somebody meant
    something by it.
    """
    word, origin = (field_value, "its custom field") if field_value else (slug, "its platform")
    if not word:
        return PlatformChoice(problem="has no platform")
    mapped = table.get(word)
    if mapped is None:
        return PlatformChoice(problem=f"has “{word[:60]}” as {origin}, which the platform table does not have")
    if mapped.platform not in PLATFORMS:
        return PlatformChoice(problem=f"runs {mapped.platform}, which this product cannot drive")
    if mapped.driver and mapped.driver not in drivers_of(mapped.platform):
        return PlatformChoice(
            problem=f"is mapped to the driver {mapped.driver}, which does not drive {mapped.platform}"
        )
    return PlatformChoice(mapped.platform, mapped.driver)


def judge(
    *, label: str, status_problem: str, field_problem: str, has_name: bool, address: str, platform_problem: str
) -> Exclusion:
    """The first reason why a device cannot be a target; names that repeat are judged over all devices, elsewhere.

    ``…_problem`` are the ends of sentences that begin with the device's name, or "".
    """
    if status_problem:
        return Exclusion(NOT_ACTIVE, f"{label} {status_problem}.")
    if not has_name:
        return Exclusion(FIELD_MISSING, f"{label} has no name in its source.")
    if field_problem:
        return Exclusion(FIELD_MISSING, f"{label}: {field_problem}")
    if not address:
        return Exclusion(NO_ADDRESS, f"{label} has no primary IP address in its source.")
    if platform_problem:
        return Exclusion(UNMAPPED, f"{label} {platform_problem}.")
    return Exclusion()
