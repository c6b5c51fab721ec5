"""Events that went to an archive, as redactions see them: nothing of their texts is left in the database.

So a redaction of one takes all of its texts. Two people decide on it as ever; then whoever keeps the files has
``manage.py audit_archive --redact`` take them out of the archive.
"""

from collections.abc import Collection
from typing import Final

from audit.models import ArchivedEvent, Event, Redaction, RedactionState
from audit.redaction.errors import RedactionRefusedError

ALL_TEXTS: Final = "*"
"""In place of paths: every text of the event. The database takes it for archived events alone."""
Subject = Event | ArchivedEvent


def subject_of(event_id: int) -> Subject | None:
    """The event, or what is left of it where it went to an archive; None where there never was one."""
    event = Event.objects.filter(pk=event_id).first()
    return event or ArchivedEvent.objects.filter(pk=event_id).first()


def checked_archived(event_id: int, wanted: Collection[str]) -> list[str]:
    """The one choice that there is for an archived event.

    Raises:
        RedactionRefusedError: single texts were chosen, or its texts were taken out already.
    """
    if set(wanted) != {ALL_TEXTS}:
        raise RedactionRefusedError(
            "paths",
            f"Event {event_id} went to an archive. All of its texts are taken out of the file together: choose"
            f" {ALL_TEXTS!r}.",
        )
    if Redaction.objects.filter(event_id=event_id, paths=[ALL_TEXTS], state=RedactionState.CARRIED_OUT).exists():
        raise RedactionRefusedError("event", f"The texts of event {event_id} were redacted already.")
    return [ALL_TEXTS]
