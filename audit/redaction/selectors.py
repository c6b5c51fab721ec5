"""What pages and the API show of redactions and of the texts that they are about."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from audit.models import Event, Redaction
from audit.recorder import ObjectType
from audit.redaction.archived import ALL_TEXTS
from audit.redaction.commitments import commitments, opens
from audit.redaction.errors import RedactionNotFoundError
from audit.redaction.openings import stored_openings

PAGE = 50
LABEL = "/object/label"

_REPEATED = """
SELECT DISTINCT other.event_id FROM audit_opening mine, audit_event e JOIN audit_opening other ON other.event_id = e.id
WHERE e.change_id = %(change)s AND mine.event_id = %(event)s AND e.id <> %(event)s
    AND mine.path <> '/object/label' AND other.value = mine.value ORDER BY 1 LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class TextOfEvent:
    """One text of an event that stands beside the log.

    ``value`` is ``None`` where ``redaction_id`` took it out; ``fits`` is False where it is not what was sealed.
    """

    path: str
    value: str | None
    redaction_id: int | None
    fits: bool

    @property
    def words(self) -> str:
        """Its place in the event, for people."""
        return place_in_words(self.path)


@dataclass(frozen=True, slots=True)
class RedactionSteps:
    """A redaction with what was said as it was proposed and decided on."""

    redaction: Redaction
    reason: str
    comment: str


@dataclass(frozen=True, slots=True)
class RedactionPage:
    """Some redactions, newest first; ``next_before_id`` asks for those that follow, ``None`` says none do."""

    rows: tuple[RedactionSteps, ...]
    next_before_id: int | None


def place_in_words(path: str) -> str:
    """A JSON Pointer into an event's body as people read it: ``after, title``."""
    if path == ALL_TEXTS:
        return "all texts of the event"
    if path == LABEL:
        return "label"
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    return ", ".join(step.replace("_", " ") for step in steps)


def texts_of(event: Event) -> tuple[TextOfEvent, ...]:
    """The texts of an event that can be taken out, or were, in their order; one query."""
    stored = stored_openings([event.pk])[event.pk]
    found = []
    for path, promised in sorted(commitments(event.sealed())):
        row = stored.get(path)
        if row is None or row.salt is None or row.value is None:
            found.append(TextOfEvent(path, None, row.redaction_id if row else None, row is not None))
        else:
            found.append(TextOfEvent(path, row.value, None, opens(promised, row.salt, row.value)))
    return tuple(found)


def repeated_in(event: Event) -> tuple[int, ...]:
    """Other events of the same change that repeat a text of this one, 20 at most; one query."""
    if event.change_id is None:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_REPEATED, {"change": event.change_id, "event": event.pk})
        return tuple(row[0] for row in cursor.fetchall())


def redaction_page(*, before_id: int | None = None, size: int = PAGE) -> RedactionPage:
    """Redactions with their reasons, newest first; two queries."""
    chosen: QuerySet[Redaction] = Redaction.objects.order_by("-pk")
    rows = list((chosen if before_id is None else chosen.filter(pk__lt=before_id))[: size + 1])
    return RedactionPage(_with_steps(rows[:size]), rows[size - 1].pk if len(rows) > size else None)


def redaction_get(redaction_id: int) -> RedactionSteps:
    """One redaction; two queries.

    Raises:
        RedactionNotFoundError: there is none.
    """
    found = Redaction.objects.filter(pk=redaction_id).first()
    if found is None:
        raise RedactionNotFoundError(redaction_id)
    return _with_steps([found])[0]


def open_redaction_of(event_id: int) -> Redaction | None:
    """The redaction of an event that waits for its decision, if there is one."""
    return Redaction.objects.filter(event_id=event_id, state="proposed").first()


def _with_steps(rows: Iterable[Redaction]) -> tuple[RedactionSteps, ...]:
    listed = list(rows)
    said: dict[tuple[str, str], str] = {}
    if listed:
        steps = Event.objects.filter(
            object_type=ObjectType.REDACTION, object_id__in=[str(row.pk) for row in listed], state_to__gt=""
        )
        said = {(row[0], row[1]): row[2] for row in steps.values_list("object_id", "state_to", "reason")}
    return tuple(
        RedactionSteps(
            row,
            said.get((str(row.pk), "proposed"), ""),
            said.get((str(row.pk), row.state), "") if row.decided_at else "",
        )
        for row in listed
    )
