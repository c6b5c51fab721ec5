"""Template filters for the calendar's sentences, by the clock that the reader chose."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django import template

from changes.domain.calendar.telling import told_in

register = template.Library()


@register.filter
def by_clock(text: str, zone: ZoneInfo) -> str:
    """The sentence with its periods by the clock of the zone, which is named."""
    return told_in(str(text), zone)


@register.filter
def with_clock(text: str, zone: ZoneInfo) -> str:
    """The same, with UTC before it: for pages on which times are entered in UTC."""
    return told_in(str(text), zone, beside_utc=True)
