"""Addresses of pages that other parts of the portal own."""

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode


def page_url(name: str, *args: object, **query: str | int) -> str:
    """The address of a page, or ``""`` where this installation has no such page."""
    try:
        path = reverse(name, args=args)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(query)}" if query else path


def device_url(device_id: int) -> str:
    """A device's own page."""
    return page_url("device-detail", device_id)


def audit_url(**filters: str | int) -> str:
    """The audit explorer, narrowed."""
    return page_url("audit-list", **filters)
