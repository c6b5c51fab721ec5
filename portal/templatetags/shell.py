"""Tags of the page shell: navigation and what the browser remembers."""

from typing import Any, Final, NamedTuple

from django import template
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse

from portal.preferences import preference as read_preference

register = template.Library()


class NavItem(NamedTuple):
    """One place of the main navigation; ``areas`` are the first words of the URL names that belong to it."""

    label: str
    url_name: str
    icon: str
    areas: frozenset[str]


NAVIGATION: Final = (
    NavItem("Inbox", "inbox", "inbox", frozenset({"inbox"})),
    NavItem("Changes", "change-list", "changes", frozenset({"change", "plan", "run"})),
    NavItem("Devices", "device-list", "devices", frozenset({"inventory", "device", "credential", "breaker"})),
    NavItem("Drift", "drift-list", "file-diff", frozenset({"drift", "backup", "compliance"})),
    NavItem("Audit", "audit-list", "audit", frozenset({"audit"})),
)

_COUNTS: Final = {"inbox": "inbox_count", "drift-list": "drift_count"}


@register.inclusion_tag("includes/_nav.html", takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """The main navigation; the place that the page belongs to is current.

    ``inbox_count`` and ``drift_count`` of the context become the counts of their places.
    """
    match = getattr(context.get("request"), "resolver_match", None)
    area = (match.url_name or "").split("-")[0] if match else ""
    return {
        "items": [
            {
                "label": item.label,
                "icon": item.icon,
                "url": url,
                "current": area in item.areas,
                "count": context.get(counted) if (counted := _COUNTS.get(item.url_name)) else None,
            }
            for item in NAVIGATION
            if (url := _reversed(item.url_name))
        ]
    }


def _reversed(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def preference(context: Context, name: str) -> str:
    """What this browser chose for ``theme``, ``nav`` or ``diff``; see :data:`portal.preferences.CHOICES`."""
    request = context.get("request")
    return read_preference(request, name) if isinstance(request, HttpRequest) else read_preference(None, name)
