"""The pages about the audit log, as tabs."""

from __future__ import annotations

from typing import Final

from django.urls import reverse

TABS: Final = (
    ("audit-list", "Events"),
    ("audit-checkpoints", "Checkpoints and keys"),
    ("evidence-list", "Evidence packs"),
    ("audit-redactions", "Redactions"),
    ("audit-searches", "Saved searches"),
    ("retention", "Retention"),
)
"""URL name and label of each page."""


def audit_tabs(current: str) -> list[dict[str, object]]:
    """The tabs, of which the one with the URL name ``current`` is the page itself."""
    return [{"label": label, "url": reverse(name), "current": name == current, "count": None} for name, label in TABS]
