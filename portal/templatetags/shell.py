"""Tags of the page shell: navigation and what the browser remembers."""

from typing import Any, Final, NamedTuple

from django import template
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse

from portal.preferences import preference as read_preference

register = template.Library()


class NavItem(NamedTuple):
    """One place of the main navigation.

    ``areas`` are the first words of the URL names that belong to it. ``thumb``: it stands in the tab bar of narrow
    screens; the others are behind “More” there.
    """

    label: str
    url_name: str
    icon: str
    areas: frozenset[str]
    thumb: bool = False


class NavGroup(NamedTuple):
    """Places that belong together, under a heading; the first group has none."""

    label: str
    items: tuple[NavItem, ...]


NAVIGATION: Final = (
    NavGroup("", (NavItem("Inbox", "inbox", "inbox", frozenset({"inbox"}), thumb=True),)),
    NavGroup(
        "Change",
        (
            NavItem("Changes", "change-list", "changes", frozenset({"change", "plan", "run"}), thumb=True),
            NavItem("Calendar", "calendar", "calendar", frozenset({"calendar", "freezes", "freeze"}), thumb=True),
            NavItem("Templates", "template-list", "template", frozenset({"template"})),
            NavItem("CAB meetings", "meeting-list", "users", frozenset({"meeting"})),
        ),
    ),
    NavGroup(
        "Network",
        (
            NavItem(
                "Devices",
                "device-list",
                "devices",
                frozenset({"inventory", "device", "credential", "breaker"}),
                thumb=True,
            ),
            NavItem("Drift", "drift-list", "file-diff", frozenset({"drift", "backup", "compliance"})),
        ),
    ),
    NavGroup(
        "Oversight",
        (
            NavItem("Policies", "policy-list", "shield", frozenset({"policy"})),
            NavItem("Reviews", "review-list", "s-review", frozenset({"review"})),
            NavItem("Reports", "kpi", "layers", frozenset({"kpi", "report"})),
            NavItem("Audit", "audit-list", "audit", frozenset({"audit", "evidence"})),
        ),
    ),
)
"""A new page adds one line to the group that fits; places whose page does not exist are left out."""

_COUNTS: Final = {"inbox": "inbox_count", "drift-list": "drift_count"}


@register.inclusion_tag("includes/_nav.html", takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """The main navigation in groups; the place that the page belongs to is current.

    ``inbox_count`` and ``drift_count`` of the context become the counts of their places.
    """
    match = getattr(context.get("request"), "resolver_match", None)
    area = (match.url_name or "").split("-")[0] if match else ""
    groups: list[dict[str, Any]] = [
        {"label": group.label, "items": [shown for item in group.items if (shown := _shown(item, area, context))]}
        for group in NAVIGATION
    ]
    more = [item for group in groups for item in group["items"] if not item["thumb"]]
    return {"groups": groups, "more": more, "more_current": any(item["current"] for item in more)}


def _shown(item: NavItem, area: str, context: Context) -> dict[str, Any]:
    url = _reversed(item.url_name)
    if not url:
        return {}
    counted = _COUNTS.get(item.url_name)
    return {
        "label": item.label,
        "icon": item.icon,
        "url": url,
        "current": area in item.areas,
        "thumb": item.thumb,
        "count": context.get(counted) if counted else None,
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
