"""Do void decisions, comments and kept configurations say what the verified log says of them? For ``audit_verify``.

What came before an event was archived or written by an older version is not compared: those events name less.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final

from django.db import connection

from audit.models import Event
from audit.verification.findings import Finding, FindingCode
from changes.models import Approval
from devices.models import ConfigBlob

_AT_ONCE: Final = 500
_REDACTED: Final = "[redacted]"

# The last event that made a decision void, beside its row. Rows that were void before events named it are left out.
_VOID: Final = """
WITH said AS (
    SELECT DISTINCT ON (object_id) object_id, id AS event,
        CASE WHEN state_to = 'withdrawn' THEN 'withdrawn' ELSE body::jsonb #>> '{details,void_cause}' END AS cause
    FROM audit_event WHERE object_type = 'approval' AND action IN ('approval.voided', 'approval.withdrawn')
        AND id >= %(since)s ORDER BY object_id, id DESC
), named AS (
    SELECT min(at) AS since FROM audit_event WHERE object_type = 'approval' AND action = 'approval.voided'
), told AS (
    SELECT a.id AS thing, said.event, CASE
        WHEN said.event IS NULL AND a.voided_at > named.since AND %(since)s = 0 THEN 'unsaid'
        WHEN said.event IS NOT NULL AND a.voided_at IS NULL THEN 'revived'
        WHEN said.cause <> a.void_cause THEN 'cause' END AS wrong
    FROM changes_approval a LEFT JOIN said ON said.object_id = a.id::text CROSS JOIN named
    WHERE a.decision <> 'changes_requested' AND EXISTS (
        SELECT FROM audit_event e WHERE e.object_type = 'approval' AND e.object_id = a.id::text AND e.state_from = ''
            AND e.state_to <> '')
)
SELECT count(*) FILTER (WHERE event IS NOT NULL),
    (SELECT array[wrong, thing::text, coalesce(event::text, '')] FROM told
     WHERE wrong IS NOT NULL ORDER BY thing LIMIT 1) FROM told
"""
_WRONG: Final = {
    "unsaid": "The decision {thing} was made void without an event that says so.",
    "revived": "The decision {thing} counts again, but event {event} made it void: its row was changed.",
    "cause": "The decision {thing} is void for another reason than event {event} says.",
}

_CONFIGS: Final = """
SELECT e.id, e.object_id, said.name, said.digest, s.blob_id
FROM audit_event e
CROSS JOIN LATERAL (VALUES
    ('before', e.body::jsonb #>> '{details,config_before_sha256}'),
    ('after', e.body::jsonb #>> '{details,config_after_sha256}')) said (name, digest)
LEFT JOIN changes_devicerun r ON r.id::text = e.object_id
LEFT JOIN devices_configsnapshot s ON s.id = CASE said.name WHEN 'before' THEN r.before_id ELSE r.after_id END
WHERE e.object_type = 'device_run' AND e.action = 'device_run.ended' AND said.digest IS NOT NULL AND e.id >= %(since)s
    AND NOT EXISTS (SELECT FROM audit_event later WHERE later.object_type = 'device_run' AND later.id > e.id
        AND later.object_id = e.object_id AND later.state_to <> '')
ORDER BY e.id
"""


def compare_records(since: int) -> dict[str, int]:
    """Compare void decisions, comments and the configurations before and after with the events from ``since`` on.

    Raises:
        Finding: one says something else than the log.
    """
    return {"void decisions": _void(since), "comments": _comments(since), "configurations": _configs(since)}


def _void(since: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_VOID, {"since": since})
        count, first = cursor.fetchone()
    if first:
        wrong, thing, event = first
        raise Finding(FindingCode.DECISION_DIFFERS, _WRONG[wrong].format(thing=thing, event=event))
    return int(count)


def _comments(since: int) -> int:
    """What people read beside a decision is what they said, unless it was redacted."""
    count = 0
    rows = Approval.objects.order_by("pk").values_list("pk", "comment").iterator(_AT_ONCE)
    while chunk := dict(islice(rows, _AT_ONCE)):
        events = Event.objects.filter(object_type="approval", object_id__in=[str(pk) for pk in chunk], pk__gte=since)
        said = events.filter(state_from="").exclude(state_to="").order_by("pk")
        for event, thing, reason in said.values_list("pk", "object_id", "reason"):
            if reason not in {chunk[int(thing)], _REDACTED}:
                raise Finding(
                    FindingCode.DECISION_DIFFERS,
                    f"The comment of the decision {thing} is not the one that event {event} has.",
                )
            count += 1
    return count


def _configs(since: int) -> int:
    count, seen = 0, ""
    for event, thing, name, digest, kept in _rows(since):
        if kept != digest:
            raise Finding(
                FindingCode.RUN_DIFFERS,
                f"The configuration {name} of the device run {thing} is not the one that event {event} names.",
            )
        if digest != seen and not _is_whole(digest):
            raise Finding(
                FindingCode.RUN_DIFFERS,
                f"The text of the configuration {digest[:12]}…, which event {event} names, was changed.",
            )
        count, seen = count + 1, digest
    return count


def _is_whole(digest: str) -> bool:
    blob = ConfigBlob.objects.filter(pk=digest).first()
    try:
        return blob is not None and hashlib.sha256(zlib.decompress(bytes(blob.compressed))).hexdigest() == digest
    except zlib.error:
        return False


def _rows(since: int) -> Iterator[tuple[int, str, str, str, str | None]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_CONFIGS, {"since": since})
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows
