"""The texts that open the commitments of events, read by their ids."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audit.redaction.commitments import DIFFERS, commitments, opens, told


@dataclass(frozen=True, slots=True)
class StoredOpening:
    """A row beside the log; ``salt`` and ``value`` are ``None`` where the redaction of that id took them out."""

    event_id: int
    path: str
    salt: bytes | None
    value: str | None
    redaction_id: int | None


def stored_openings(event_ids: Iterable[int]) -> dict[int, dict[str, StoredOpening]]:
    """What stands beside the log for these events, by event and path. One query; none for no events."""
    ids = list(event_ids)
    found: dict[int, dict[str, StoredOpening]] = defaultdict(dict)
    if not ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_id, path, salt, value, redaction_id FROM audit_opening WHERE event_id = ANY(%s)", [ids]
        )
        for row in _rows(cursor.fetchall()):
            found[row.event_id][row.path] = row
    return found


def _rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[StoredOpening]:
    for event_id, path, salt, value, redaction_id in rows:
        yield StoredOpening(event_id, path, None if salt is None else bytes(salt), value, redaction_id)


def body_as_told(event_id: int, sealed: dict[str, Any]) -> dict[str, Any]:
    """A sealed body with its texts; each is compared with its commitment, and one that does not fit is not shown."""
    asked = dict(commitments(sealed))
    return body_with(sealed, stored_openings([event_id])[event_id]) if asked else sealed


def body_with(sealed: dict[str, Any], stored: Mapping[str, StoredOpening]) -> dict[str, Any]:
    """The same with rows that were read already."""
    texts = {}
    for path, promised in commitments(sealed):
        opening = stored.get(path)
        if opening is not None and opening.salt is not None and opening.value is not None:
            texts[path] = opening.value if opens(promised, opening.salt, opening.value) else DIFFERS
    body: dict[str, Any] = told(sealed, texts)
    return body
