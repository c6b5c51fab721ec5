"""The calendar's sentences by the clock of whoever reads them; stored and audited they are in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from changes.domain.windows import Period

_DAY: Final = "[0-9]{2} [A-Z][a-z]{2} [0-9]{4}"
_WORDS: Final = re.compile(rf"({_DAY}) ([0-9]{{2}}:[0-9]{{2}}) to (?:({_DAY}) )?([0-9]{{2}}:[0-9]{{2}}) UTC")


def told_in(text: str, zone: ZoneInfo, *, beside_utc: bool = False) -> str:
    """A sentence with each period, as :attr:`Period.words` writes it, by the clock of a zone, which is named.

    ``beside_utc``: in UTC too, for pages where times are entered in UTC.
    """
    if zone.key == "UTC":
        return text
    return _WORDS.sub(lambda found: _told(found, zone, beside_utc=beside_utc), text)


def _told(found: re.Match[str], zone: ZoneInfo, *, beside_utc: bool) -> str:
    first_day, start, last_day, end = found.groups()
    try:
        period = Period(_moment(first_day, start), _moment(last_day or first_day, end))
        told = f"{period.by_clock(zone)} {zone.key}"
    except (ValueError, OverflowError):
        return found[0]
    return f"{found[0]} ({told})" if beside_utc else told


def _moment(day: str, clock: str) -> datetime:
    return datetime.strptime(f"{day} {clock}", "%d %b %Y %H:%M").replace(tzinfo=UTC)
