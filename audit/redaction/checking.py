"""Whether what readers are shown is what was sealed: every commitment of the log against what opens it."""

import json
from typing import Any

import psycopg
from django.db import connection

from audit.redaction.commitments import MEMBER, commitments, opens
from audit.redaction.fields import is_text_of_a_person
from audit.verification.findings import Finding, FindingCode

ROWS_AT_ONCE = 2_000

# Only bodies that hold the form of a commitment are read; strings cannot hold its quotes unescaped.
_COMMITTED = f"""
SELECT event.id, event.body, beside.paths, beside.salts, beside.texts, beside.redactions
FROM audit_event event LEFT JOIN LATERAL (
    SELECT array_agg(path) AS paths, array_agg(salt) AS salts, array_agg(value) AS texts,
        array_agg(redaction_id) AS redactions
    FROM audit_opening opening WHERE opening.event_id = event.id) beside ON true
WHERE event.id >= %s AND strpos(event.body, '{{"{MEMBER}":"hmac-sha256:') > 0
ORDER BY event.id
"""  # noqa: S608 - constants

_STRAY = f"""
SELECT opening.event_id, opening.path FROM audit_opening opening
LEFT JOIN audit_event event ON event.id = opening.event_id
WHERE opening.event_id >= %s
    AND (event.id IS NULL OR strpos(event.body, '{{"{MEMBER}":"hmac-sha256:') = 0) LIMIT 1
"""  # noqa: S608 - constants

# Both steps name the event and the text, and are those of two people, of whom the second did not cause the event.
_REDACTED = """
SELECT count(*) FROM audit_event done
JOIN audit_event asked ON asked.object_type = 'redaction' AND asked.object_id = done.object_id
    AND asked.action = 'redaction.proposed' AND asked.state_to = 'proposed'
    AND asked.id < done.id AND asked.actor_id <> done.actor_id
JOIN audit_event about ON about.id = %(event)s AND about.actor_id IS DISTINCT FROM done.actor_id
WHERE done.object_type = 'redaction' AND done.object_id = %(redaction)s
    AND done.action = 'redaction.carried_out' AND done.state_to = 'carried_out'
    AND done.body::jsonb #> '{details,event}' = to_jsonb(about.id)
    AND asked.body::jsonb #> '{details,event}' = to_jsonb(about.id)
    AND done.body::jsonb #> '{details,paths}' @> to_jsonb(%(path)s::text)
    AND asked.body::jsonb #> '{details,paths}' = done.body::jsonb #> '{details,paths}'
"""


def compare_openings(since: int) -> dict[str, int]:
    """Open every commitment from the event ``since`` on; what was taken out must be what a redaction's event names.

    One walk over the log, of which only events with texts of people are read; memory does not grow with it.

    Raises:
        Finding: a text is not the one that was sealed, is gone without a redaction, or belongs to no commitment.
    """
    opened = taken_out = 0
    with psycopg.ServerCursor(connection.connection, "audit_openings") as rows:
        rows.itersize = ROWS_AT_ONCE
        rows.execute(_COMMITTED, (since,), binary=True)
        for event_id, body, paths, *beside in rows:
            stored = dict(zip(paths or (), zip(*(each or () for each in beside), strict=True), strict=True))
            sealed = json.loads(body)
            for path, promised in commitments(sealed):
                _check_place(event_id, path, sealed)
                if _opened(event_id, path, promised, stored.pop(path, None)):
                    opened += 1
                else:
                    taken_out += 1
            if stored:
                raise _stray(event_id, next(iter(stored)))
    with connection.cursor() as cursor:
        cursor.execute(_STRAY, [since])
        row = cursor.fetchone()
    if row is not None:
        raise _stray(*row)
    return {"texts": opened, "redacted texts": taken_out}


def _check_place(event_id: int, path: str, sealed: dict[str, Any]) -> None:
    thing = sealed.get("object")
    if not is_text_of_a_person(path, str(thing.get("type")) if isinstance(thing, dict) else ""):
        raise Finding(
            FindingCode.TEXT_DIFFERS,
            f"Event {event_id} has a commitment at {path}, where no text of a person stands: another program than this"
            " one wrote it, so that what stands there could be taken out.",
        )


def _opened(event_id: int, path: str, promised: str, stored: tuple[Any, ...] | None) -> bool:
    """Whether the text is there and fits; False where a redaction took it out."""
    if stored is None:
        raise Finding(
            FindingCode.TEXT_MISSING,
            f"The text {path} of event {event_id} is gone, and no redaction took it out: it was deleted past the"
            " database's guards, or never written with it.",
        )
    salt, text, redaction_id = stored
    if redaction_id is not None:
        _told(event_id, path, redaction_id)
        return False
    if not opens(promised, bytes(salt), text):
        raise Finding(
            FindingCode.TEXT_DIFFERS,
            f"The text {path} that is shown for event {event_id} is not the one that was sealed: it was exchanged, or"
            " guessed.",
        )
    return True


def _told(event_id: int, path: str, redaction_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_REDACTED, {"event": event_id, "redaction": str(redaction_id), "path": path})
        (found,) = cursor.fetchone()
    if not found:
        raise Finding(
            FindingCode.TEXT_MISSING,
            f"The text {path} of event {event_id} was taken out by the redaction {redaction_id}, but no events say that"
            " one person proposed this and another one, who did not cause the event, carried it out.",
        )


def _stray(event_id: int, path: str) -> Finding:
    return Finding(
        FindingCode.TEXT_DIFFERS,
        f"A text {path} stands beside event {event_id}, which has no such text: it was put there afterwards.",
    )
