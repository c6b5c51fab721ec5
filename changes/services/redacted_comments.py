"""The comment on a decision, or in a discussion, goes with the text of the event that tells of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from audit.actor import Actor
from audit.recorder import ObjectType, record
from audit.redaction.archived import ALL_TEXTS, Subject
from audit.redaction.commitments import REDACTED
from changes.models import Approval, ThreadComment

_ACTOR: Final = Actor.system("redaction")
_REASON: Final = "/reason"


def comments_redact(event: Subject, paths: Collection[str]) -> None:
    """Empty the comment that an event's reason repeats; part of carrying out a redaction. The decision itself stays."""
    if {_REASON, ALL_TEXTS}.isdisjoint(paths) or not event.object_id.isdecimal():
        return
    if event.object_type == "approval":
        Approval.objects.filter(pk=int(event.object_id)).exclude(comment="").update(comment=REDACTED)
    elif event.object_type == "thread_comment":
        _thread_comment_redact(int(event.object_id), event.change_id)


def _thread_comment_redact(comment_id: int, change_id: int | None) -> None:
    """The database demands an event of whatever changes a comment, also long after it was written."""
    if ThreadComment.objects.filter(pk=comment_id).update(text=REDACTED):
        record(
            actor=_ACTOR,
            action="thread_comment.redacted",
            object_type=ObjectType.THREAD_COMMENT,
            object_id=comment_id,
            change_id=change_id,
        )
