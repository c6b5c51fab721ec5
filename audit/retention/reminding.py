"""What is overdue about archives: a retrieval test, files that still hold redacted texts, archives that wait."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Min
from django.utils import timezone

from audit.models import Archive, RetrievalTest
from audit.redaction.archived import ALL_TEXTS

TEST_EVERY_DAYS: Final = 92
"""A retrieval test is due once a quarter."""
_WAITS_FOR: Final = timedelta(days=1)

# Redactions of archived events that no event about their archive names: the files are as they were.
_IN_FILES: Final = """
SELECT redaction.id, archive.file FROM audit_redaction redaction
JOIN audit_archived_event gone ON gone.event_id = redaction.event_id
JOIN audit_archive archive ON archive.id = gone.archive_id
WHERE redaction.state = 'carried_out' AND redaction.paths = ARRAY[%s] AND NOT EXISTS (
    SELECT FROM audit_event event
    WHERE event.object_type = 'audit_archive' AND event.object_id = gone.archive_id::text
        AND event.action = 'audit_archive.texts_renewed'
        AND event.body::jsonb #> '{details,redactions}' @> to_jsonb(redaction.id))
ORDER BY redaction.id
"""


def reminders() -> tuple[str, ...]:
    """What somebody has to do, a sentence each; empty where nothing is overdue. Four queries at most."""
    now = timezone.now()
    found = (_retrieval_test(now), _redactions(), _waiting(now))
    return tuple(sentence for sentence in found if sentence)


def redactions_in_files() -> dict[int, str]:
    """Redactions that were carried out and whose texts still stand in an archive: the file of each. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_FILES, [ALL_TEXTS])
        return dict(cursor.fetchall())


def _retrieval_test(now: datetime) -> str:
    first = Archive.objects.filter(state="removed").aggregate(at=Min("removed_at"))["at"]
    if first is None:
        return ""
    last = RetrievalTest.objects.order_by("-pk").first()
    if last is not None and not last.passed:
        return (
            f"The retrieval test {last.pk} of {last.made_at:%-d %b %Y} has failed. Restore the files that it names from"
            " a backup, and run manage.py audit_retrieval_test again."
        )
    if (last.made_at if last else first) > now - timedelta(days=TEST_EVERY_DAYS):
        return ""
    since = f"The last retrieval test was made on {last.made_at:%-d %b %Y}." if last else "None was made so far."
    return f"A retrieval test of the archives is due once a quarter. {since} Run manage.py audit_retrieval_test."


def _redactions() -> str:
    waiting = redactions_in_files()
    if not waiting:
        return ""
    files = ", ".join(sorted(set(waiting.values())))
    return (
        f"Texts that two people have redacted still stand in archives: {files}. Run manage.py audit_archive --redact as"
        " the sealer's user, and do the same with each copy."
    )


def _waiting(now: datetime) -> str:
    rows = Archive.objects.filter(state="recorded", recorded_at__lt=now - _WAITS_FOR).order_by("pk")
    names = ", ".join(rows.values_list("file", flat=True))
    if not names:
        return ""
    return (
        f"Archives wait, and their events are still in the table: {names}. Run manage.py audit_archive --apply, or"
        " leave them with --give-up."
    )
