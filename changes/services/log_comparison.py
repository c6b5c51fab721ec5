"""Do the stored plans, decisions and runs say what the verified log says of them? A part of ``manage.py audit_verify``.

The database refuses to edit most of these rows. Who switches that off can change what people see, and what would be
sent; the digests that the log sealed when the plan was made, approved and started stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from audit.verification.findings import Finding, FindingCode
from changes.domain.approval_policy.demands import DemandError, data_digest
from changes.errors import PlanIntegrityError
from changes.models import PlanRevision
from changes.services.integrity import verify_revision

_AT_ONCE: Final = 500

# Each digest that an event names, and of which revision: as it was made, decided on, and started.
_NAMED = """
SELECT revision, digest, min(event) FROM (
    SELECT e.object_id AS revision, e.body::jsonb #>> '{details,digest}' AS digest, e.id AS event
    FROM audit_event e WHERE e.object_type = 'plan' AND e.action = 'plan.ready' AND e.id >= %(since)s
    UNION ALL
    SELECT a.revision_id::text, e.body::jsonb #>> '{details,plan_digest}', e.id
    FROM audit_event e JOIN changes_approval a ON a.id::text = e.object_id
    WHERE e.object_type = 'approval' AND e.state_from = '' AND e.state_to <> '' AND e.id >= %(since)s
    UNION ALL
    SELECT r.revision_id::text, e.body::jsonb #>> '{details,plan_digest}', e.id
    FROM audit_event e JOIN changes_run r ON r.id::text = e.object_id
    WHERE e.object_type = 'run' AND e.action = 'run.started' AND e.id >= %(since)s
) named WHERE digest <> '' GROUP BY revision, digest ORDER BY min(event)
"""

_DEMANDS = """
SELECT DISTINCT ON (e.object_id) e.object_id, e.state_to, e.id
FROM audit_event e WHERE e.object_type = 'plan_demand' AND e.id >= %(since)s
ORDER BY e.object_id, e.id DESC
"""

# Details that events of older versions do not have are not compared.
_DECISIONS = """
WITH said AS (
    SELECT e.id AS event, e.object_id, e.state_to, e.change_id, e.body::jsonb -> 'details' AS details
    FROM audit_event e WHERE e.object_type = 'approval' AND e.state_from = '' AND e.state_to <> '' AND e.id >= %(since)s
), told AS (
    SELECT said.event, coalesce(a.id::text, said.object_id) AS thing, CASE
        WHEN a.id IS NULL THEN 'gone'
        WHEN said.event IS NULL THEN 'unsaid'
        WHEN a.plan_digest <> said.details ->> 'plan_digest' THEN 'plan'
        WHEN a.decision <> said.state_to THEN 'decision'
        WHEN a.change_id <> said.change_id THEN 'change'
        WHEN a.stage <> said.details ->> 'stage' THEN 'stage'
        WHEN a.approver_id::text <> said.details ->> 'approver_id' THEN 'person'
        WHEN said.details ? 'approver_id' AND (
            a.on_behalf_of_id::text IS DISTINCT FROM said.details ->> 'on_behalf_of_id'
            OR a."group" <> coalesce(said.details ->> 'group', '')) THEN 'right' END AS wrong
    FROM said FULL JOIN (SELECT * FROM changes_approval) a ON a.id::text = said.object_id
)
SELECT count(*) FILTER (WHERE event IS NOT NULL),
    (SELECT array[wrong, thing, event::text] FROM told
     WHERE wrong IS NOT NULL AND (wrong <> 'unsaid' OR (%(since)s = 0 AND NOT EXISTS (
        SELECT FROM audit_archived_event gone WHERE gone.object_type = 'approval' AND gone.object_id = thing)))
     ORDER BY event LIMIT 1) FROM told
"""

_RUNS = """
WITH said AS (
    SELECT e.id AS event, e.object_id, e.change_id, e.body::jsonb #>> '{details,plan_digest}' AS digest
    FROM audit_event e WHERE e.object_type = 'run' AND e.action = 'run.started' AND e.id >= %(since)s
), told AS (
    SELECT said.event, coalesce(r.id::text, said.object_id) AS thing, CASE
        WHEN r.id IS NULL THEN 'gone'
        WHEN said.event IS NULL THEN 'unsaid'
        WHEN r.plan_digest <> said.digest THEN 'plan'
        WHEN r.change_id <> said.change_id THEN 'change' END AS wrong
    FROM said FULL JOIN (SELECT * FROM changes_run) r ON r.id::text = said.object_id
)
SELECT count(*) FILTER (WHERE event IS NOT NULL),
    (SELECT array[wrong, thing, event::text] FROM told
     WHERE wrong IS NOT NULL AND (wrong <> 'unsaid' OR (%(since)s = 0 AND NOT EXISTS (
        SELECT FROM audit_archived_event gone WHERE gone.object_type = 'run' AND gone.object_id = thing)))
     ORDER BY event LIMIT 1) FROM told
"""

_DEVICE_RUNS = """
WITH told AS (
    SELECT e.id AS event, e.object_id AS thing, CASE
        WHEN r.id IS NULL THEN 'gone'
        WHEN r.plan_digest <> e.body::jsonb #>> '{details,plan_digest}' OR p.digest <> r.plan_digest THEN 'plan'
        END AS wrong
    FROM audit_event e LEFT JOIN changes_devicerun r ON r.id::text = e.object_id
        LEFT JOIN changes_deviceplan p ON p.id = r.device_plan_id
    WHERE e.object_type = 'device_run' AND e.action = 'device_run.ended' AND e.id >= %(since)s
)
SELECT count(DISTINCT thing),
    (SELECT array[wrong, thing, event::text] FROM told WHERE wrong IS NOT NULL ORDER BY event LIMIT 1) FROM told
"""

_WRONG: Final = {
    "gone": "Event {event} is about the {kind} {thing}, whose row is gone: it was deleted.",
    "unsaid": "No event says that the {kind} {thing} was made: its row was put in past the application.",
    "plan": "The {kind} {thing} names another plan than event {event} does: its digest was exchanged.",
    "decision": "The {kind} {thing} says another decision than event {event} does.",
    "change": "The {kind} {thing} belongs to another change than event {event} says.",
    "stage": "The {kind} {thing} counts for another stage than event {event} says.",
    "person": "The {kind} {thing} names another person than event {event} does.",
    "right": "The {kind} {thing} was given by another right than event {event} says: the group or the absent person"
    " was changed.",
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Rows that an event each speaks about, and the statement that finds the first that differs."""

    singular: str
    plural: str
    statement: str
    code: FindingCode


_KINDS: Final = (
    _Kind("decision", "decisions", _DECISIONS, FindingCode.DECISION_DIFFERS),
    _Kind("run", "runs", _RUNS, FindingCode.RUN_DIFFERS),
    _Kind("device run", "device runs", _DEVICE_RUNS, FindingCode.RUN_DIFFERS),
)


def compare_with_log(since: int) -> dict[str, int]:
    """Compare every plan, what the policy asked of it, every decision and every run with the events from ``since`` on.

    The events have to be verified before. Plans are computed again from their stored bytes, one device at a time.

    Raises:
        Finding: a row says something else than the log.
    """
    counts = {"plans": _plans(since), "policy demands": _demands(since)}
    for kind in _KINDS:
        with connection.cursor() as cursor:
            cursor.execute(kind.statement, {"since": since})
            counts[kind.plural], first = cursor.fetchone()
        if first:
            wrong, thing, event = first
            raise Finding(kind.code, _WRONG[wrong].format(kind=kind.singular, thing=thing, event=event))
    return counts


def _plans(since: int) -> int:
    count = 0
    for key, digest, event in _rows(_NAMED, since):
        revision = PlanRevision.objects.select_related("change").defer("facts", "demand").filter(pk=int(key)).first()
        if revision is None:
            raise Finding(
                FindingCode.PLAN_DIFFERS, f"Event {event} names the plan {digest[:12]}…, which is gone: it was deleted."
            )
        name = f"{revision.change.number} r{revision.number}"
        try:
            verify_revision(revision, approved_digest=digest)
        except PlanIntegrityError:
            raise Finding(
                FindingCode.PLAN_DIFFERS,
                f"The stored plan {name} is not the one that event {event} names ({digest[:12]}…): what is to be sent"
                " to a device, or a step of people's, was edited, or a device was put in, taken out or moved.",
            ) from None
        count += 1
    return count


def _demands(since: int) -> int:
    count = 0
    for key, digest, event in _rows(_DEMANDS, since):
        found = PlanRevision.objects.filter(pk=int(key)).values_list("demand", "demand_digest").first()
        if found is None or found[1] != digest or _digest(found[0]) != digest:
            raise Finding(
                FindingCode.DEMAND_DIFFERS,
                f"What the policy asks of the plan {key} is not what event {event} says: stages, people or numbers of"
                " approvals were changed.",
            )
        count += 1
    return count


def _digest(demand: object) -> str:
    """The digest of a stored demand; none where it is nothing that a policy could have answered."""
    try:
        return data_digest(demand)
    except DemandError:
        return ""


def _rows(statement: str, since: int) -> Iterator[tuple[Any, ...]]:
    """Row by row: of a large log, not all at once. The open snapshot keeps the server's cursor."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, {"since": since})
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows
