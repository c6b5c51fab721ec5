"""The comment on a decision, or in a discussion, goes with the text of the event that tells of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from audit.redaction.archived import ALL_TEXTS, Subject
from audit.redaction.commitments import REDACTED
from changes.models import Approval, ThreadComment

_REASON: Final = "/reason"


def comments_redact(event: Subject, paths: Collection[str]) -> None:
    """Empty the comment that an event's reason repeats; part of carrying out a redaction. The decision itself stays."""
    if {_REASON, ALL_TEXTS}.isdisjoint(paths) or not event.object_id.isdecimal():
        return
    if event.object_type == "approval":
        Approval.objects.filter(pk=int(event.object_id)).exclude(comment="").update(comment=REDACTED)
    elif event.object_type == "thread_comment":
        ThreadComment.objects.filter(pk=int(event.object_id)).update(text=REDACTED)
