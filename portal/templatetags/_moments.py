from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString


def when(value: datetime | None, form: str = "") -> SafeString:
    """A moment in UTC with its distance from now.

    ``form`` may be ``short`` (distance only) or ``exact`` (with seconds, without distance).
    """
    if value is None:
        return SafeString('<span class="muted">—</span>')
    at = value.astimezone(UTC)
    absolute = f"{at:%d %b %Y %H:%M:%S}" if form == "exact" else f"{at:%d %b %Y %H:%M}"
    distance = _distance(timezone.now() - at)
    if form == "exact":
        shown = format_html("{} UTC", absolute)
    elif form == "short":
        shown = format_html("{}", distance or f"{at:%d %b %Y}")
    else:
        ago = format_html(' <span class="when__ago">· {}</span>', distance) if distance else ""
        shown = format_html("{} UTC{}", absolute, ago)
    return format_html(
        '<time class="when" datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(timespec="milliseconds"),
        f"{at:%A, %d %B %Y, %H:%M:%S}",
        shown,
    )


def _distance(past: timedelta) -> str:
    """``5 min ago``, ``in 2 h``; empty beyond thirty days, where the date says more."""
    seconds = past.total_seconds()
    if abs(seconds) < 45:
        return "just now"
    if abs(seconds) > 30 * 86_400:
        return ""
    minutes = max(1, round(abs(seconds) / 60))
    if minutes < 60:
        span = f"{minutes} min"
    elif minutes < 24 * 60:
        span = f"{minutes // 60} h"
    else:
        span = f"{minutes // (24 * 60)} d"
    return f"{span} ago" if seconds > 0 else f"in {span}"


def duration(value: float | timedelta | None) -> str:
    """A span for people: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if value is None:
        return "—"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def span_to(start: datetime | None, end: datetime | None) -> str:
    """The time from ``start`` to ``end``, or to now while it goes on."""
    return duration(None if start is None else (end or timezone.now()) - start)
