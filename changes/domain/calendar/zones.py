"""Time zones by name, and wall clocks: hours that do not exist, and hours that come twice."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from changes.domain.input import did_you_mean, shown


class UnknownZoneError(Exception):
    """There is no time zone of this name; ``str()`` is a sentence."""


@cache
def zone_names() -> frozenset[str]:
    """The names of the time zone database that people may choose, such as ``Europe/Berlin`` and ``UTC``."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name in the IANA database.

    Raises:
        UnknownZoneError: there is none.
    """
    if name not in zone_names():
        near = did_you_mean(name, zone_names()) if len(name) <= 60 else ""
        raise UnknownZoneError(f'There is no time zone "{shown(name)}".{near} Give a name such as Europe/Berlin.')
    return ZoneInfo(name)


def moment(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks of the zone show a local time, in UTC.

    An hour that comes twice means the first of the two; one that does not exist is counted on from before the gap
    (RFC 5545, 3.3.5).
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone ever show this local time; they skip some when they go forward."""
    return moment(local, zone).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)


def wall_clock(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show at a moment, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)
