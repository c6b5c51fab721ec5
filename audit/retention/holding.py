"""Whether a legal hold keeps an event, and with it its texts."""

from django.db import connection

from audit.models import LegalHold

_HELD_BY = "SELECT audit_held_by(%s)"


def hold_on(event_id: int) -> LegalHold | None:
    """The first hold that keeps an event, by itself or with its change; ``None`` where none does. Two queries at most.

    A hold whose release is only proposed still holds.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HELD_BY, [event_id])
        hold_id = cursor.fetchone()[0]
    return None if hold_id is None else LegalHold.objects.filter(pk=hold_id).first()


def why_redaction_waits(event_id: int) -> str:
    """Why texts of an event cannot be taken out now, as a sentence; empty where nothing holds it."""
    hold = hold_on(event_id)
    if hold is None:
        return ""
    return (
        f"The legal hold {hold.matter} (number {hold.pk}) keeps event {event_id} with its texts. Two people have to"
        " release the hold first."
    )
