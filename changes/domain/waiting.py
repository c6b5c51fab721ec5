"""What can wait for a person: kinds of work in the order of an inbox, and how urgent a piece of it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from changes.domain.labels import Labelled

SOON: Final = timedelta(hours=24)
"""A change whose window opens within this time is urgent."""
COUNTED: Final = 100
"""Nobody reads whether 100 or 4,000 things wait, so they are counted no further."""


class Work(Labelled):
    """A kind of work, in the order in which an inbox shows them: first what holds up a network, last one's drafts."""

    STEP = "step"
    GATE = "gate"
    DECIDE = "decide"
    ASSESS = "assess"
    DELEGATED = "delegated"
    THREAD = "thread"
    STALE = "stale"
    START = "start"
    CLOSE = "close"
    REVIEW = "review"
    TEMPLATE = "template"
    ACTION = "action"
    DRAFT = "draft"


class Urgency(Labelled):
    """How much a piece of work hurries."""

    URGENT = "urgent"
    NORMAL = "normal"


def why_urgent(*, emergency: bool, window_start: datetime | None, now: datetime) -> str:
    """Why a change hurries, in words; "": it does not."""
    if emergency:
        return "Emergency"
    if window_start is None or window_start > now + SOON:
        return ""
    return "Its window is open or over" if window_start <= now else "Its window opens within a day"
