"""Where older events went, for pages and the API that look for them in the table."""

from datetime import datetime

from django.db.models import Count, Max

from audit.models import Archive, ArchivedEvent


def where_event_went(event_id: int) -> str:
    """To which archive an event went, as a sentence; empty where it did not. One query, one more where it did."""
    gone = ArchivedEvent.objects.filter(pk=event_id).first()
    if gone is None:
        return ""
    file = Archive.objects.values_list("file", flat=True).get(pk=gone.archive_id)
    return (
        f"Event {event_id} of {gone.at:%-d %b %Y} was sealed as entry {gone.leaf_index} and went to the archive {file}"
        " when its time was over. Whoever runs the server can take it from there: docs/retention.md says how."
    )


def where_change_went(change_id: int) -> str:
    """To which archives events of a change went, as a sentence; empty where none did. One query."""
    rows = ArchivedEvent.objects.filter(change_id=change_id).values("archive_id").annotate(events=Count("pk"))
    counts = {row["archive_id"]: row["events"] for row in rows.order_by("archive_id")}
    if not counts:
        return ""
    files = Archive.objects.filter(pk__in=counts).order_by("pk").values_list("pk", "file")
    told = ", ".join(f"{file} ({counts[pk]} event{'' if counts[pk] == 1 else 's'})" for pk, file in files)
    return f"Earlier events of this change went to the archive {told} when their time was over."


def archived_until() -> datetime | None:
    """The time of the newest event that went to an archive; None where none did. One query over the few archives."""
    newest: datetime | None = Archive.objects.filter(state="removed").aggregate(last=Max("last_at"))["last"]
    return newest
