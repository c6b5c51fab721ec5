"""The places of the area of figures, reports and reviews."""

from __future__ import annotations

from typing import Final

from django.urls import reverse

TABS: Final = (
    ("kpi", "Key figures", "layers"),
    ("report-list", "Reports", "audit"),
    ("review-list", "Reviews", "comment"),
    ("review-actions", "Actions", "check"),
)


def report_tabs(current: str) -> list[dict[str, object]]:
    """The tabs, of which ``current`` is the one that the person sees."""
    return [
        {"label": label, "url": reverse(name), "icon": icon, "current": name == current, "count": None}
        for name, label, icon in TABS
    ]
