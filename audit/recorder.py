"""The only writer of the audit log."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypedDict, Unpack

from django.db import connection

from audit.actor import Actor
from audit.body import clean_text, clip, plain, written
from audit.errors import OutsideTransactionError, UnrecordableError
from audit.redaction.commitments import commit
from audit.statements import prepared

SCHEMA = "countersign.audit-event/2"
"""First member of every body, so that a reader in ten years knows what it holds.

Version 1 held the texts of people themselves, where this one holds commitments (``audit.redaction``).
"""


class ObjectType(StrEnum):
    """The kinds of things that events are about."""

    CHANGE = "change"
    APPROVAL = "approval"
    DELEGATION = "delegation"
    APPROVAL_POLICY = "approval_policy"
    PLAN_DEMAND = "plan_demand"
    PLAN = "plan"
    DEVICE_PLAN = "device_plan"
    RUN = "run"
    DEVICE_RUN = "device_run"
    KILL_SWITCH = "kill_switch"
    CHANGE_FREEZE = "change_freeze"
    MAINTENANCE_WINDOW = "maintenance_window"
    CONFLICT_WAIVER = "conflict_waiver"
    SCHEDULED_START = "scheduled_start"
    CALENDAR_FEED = "calendar_feed"
    BREAKER = "breaker"
    DEVICE = "device"
    HOST_KEY = "host_key"
    HOST_KEY_ALERT = "host_key_alert"
    FIELD_TRUST = "field_trust"
    GATE_EXCEPTION = "gate_exception"
    INVENTORY_SOURCE = "inventory_source"
    PLATFORM_MAPPING = "platform_mapping"
    USER = "user"
    GROUP = "group"
    EXPORT = "export"
    EVIDENCE_PACK = "evidence_pack"
    TOKEN = "token"  # noqa: S105 - the name of a kind, not a token
    PRODUCT = "product"
    CONFIG = "config"
    BACKUP = "backup"
    CREDENTIAL = "credential"
    DRIFT = "drift"
    DRIFT_RULE = "drift_rule"
    COMPLIANCE_RULE = "compliance_rule"
    REVIEW = "review"
    REVIEW_ACTION = "review_action"
    REPORT = "report"
    RISK_ANSWER = "risk_answer"
    RISK_ASSESSMENT = "risk_assessment"
    RISK_OVERRIDE = "risk_override"
    TEMPLATE = "template"
    TEMPLATE_VERSION = "template_version"
    TEMPLATE_REVIEW = "template_review"
    TEMPLATE_RESTORATION = "template_restoration"
    THREAD = "thread"
    THREAD_COMMENT = "thread_comment"
    HOOK = "hook"
    DECISION_STEP = "decision_step"
    NOTIFICATION_PROFILE = "notification_profile"
    MEETING = "meeting"
    AUDIT_KEY = "audit_key"
    AUDIT_LOG = "audit_log"
    ANCHOR = "anchor"
    REDACTION = "redaction"
    CHECKPOINT = "checkpoint"
    SAVED_SEARCH = "saved_search"
    LEGAL_HOLD = "legal_hold"
    RETENTION_PERIOD = "retention_period"
    AUDIT_ARCHIVE = "audit_archive"
    RETRIEVAL_TEST = "retrieval_test"


_ACTION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_IDENTIFIER_LIMIT = 200
_LABEL_LIMIT = 300
_BIGINT = 2**63

_COLUMNS = {
    "actor_id": "bigint", "actor_name": "text", "origin": "text", "request_id": "text", "ip": "text",
    "action": "text", "object_type": "text", "object_id": "text", "object_label": "text",
    "change_id": "bigint", "device_id": "bigint", "state_from": "text", "state_to": "text",
    "code": "text", "reason": "text", "body": "text",
}  # fmt: skip
EventValue = int | str | None | list[str] | list[bytes]
"""One of the values of :func:`event_values`."""

_APPEND = (
    f"INSERT INTO audit_event ({', '.join(_COLUMNS)}) SELECT {', '.join(f'%s::{kind}' for kind in _COLUMNS.values())}"
)
_OPEN = (
    "INSERT INTO audit_opening (event_id, path, salt, value) SELECT event.id, opening.path, opening.salt, opening.value"
    " FROM event, unnest(%s::text[], %s::bytea[], %s::text[]) AS opening (path, salt, value)"
)


def appending(source: str = "") -> str:
    """Parts of a WITH that append the event of :func:`event_values` and its openings; ``source`` is their FROM.

    The event's part is named ``event`` and returns its id. Where ``source`` gives no row, nothing is appended.
    """
    return f"event AS ({_APPEND} {source} RETURNING id), opened AS ({_OPEN})"


INSERT_SELECT = f"WITH {appending()} SELECT id FROM event"  # noqa: S608 - constants
"""Appends the event of :func:`event_values` by itself and returns its id."""

_INSERT = f"{_APPEND} RETURNING id"
"""The same for an event without openings, of which most are."""
_OPENINGS = 3
"""How many of an event's values are those of its openings."""


class EventParts(TypedDict, total=False):
    """The parts of an event that it may lack; see :func:`record`."""

    object_label: str
    change_id: int | None
    device_id: int | None
    state_from: str
    state_to: str
    code: str
    reason: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    details: Mapping[str, object] | None


def record(*, actor: Actor, action: str, object_type: str, object_id: int | str, **parts: Unpack[EventParts]) -> int:
    """Append one event in the caller's transaction and return its id; rolled back with it, kept with it.

    One statement, nothing else. Texts that a person may have typed (``audit.redaction.fields`` says which) are stored
    beside the event and sealed as commitments, so that they can be taken out one day. The columns that prove (``id``,
    ``at``, ``txid``, ``db_user``) are not sent: the database fills them in. ``action`` is past tense with a dot
    (``change.approved``), ``state_from`` and ``state_to`` are given when a state changed, ``code`` is a reason code,
    ``before``, ``after`` and ``details`` are JSON-like (see ``audit.body.canonical`` for what becomes of other
    values). Free text loses NULs and what exceeds 262,144 characters (300 in the label), and then ends with its length
    and SHA-256.

    Raises:
        OutsideTransactionError: no ``transaction.atomic()`` block is open.
        SecretRefusedError: a value stands under a name that looks like a secret's. Nothing was written.
        UnrecordableError: an unknown object type, a malformed action, an over-long identifier or a value that
            has no canonical form. Nothing was written.
    """
    if not connection.in_atomic_block:
        raise OutsideTransactionError(action)
    values = event_values(actor=actor, action=action, object_type=object_type, object_id=object_id, **parts)
    statement = INSERT_SELECT if values[-1] else _INSERT
    rows = prepared(statement, values if values[-1] else values[:-_OPENINGS])
    return int(rows[0][0])


def event_values(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: int | str,
    object_label: str = "",
    change_id: int | None = None,
    device_id: int | None = None,
    state_from: str = "",
    state_to: str = "",
    code: str = "",
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    details: Mapping[str, object] | None = None,
) -> list[EventValue]:
    """The values of :data:`INSERT_SELECT` and :func:`appending`; arguments and errors are those of :func:`record`.

    For a statement that writes an event together with what the event is about. It must be one statement, or stand in a
    transaction, so that neither is written without the other.
    """
    person = _person(actor)
    thing = {
        "type": _object_type(object_type),
        "id": _identifier("object_id", str(object_id), required=True),
        "label": _free(object_label, _LABEL_LIMIT),
    }
    links = {"change_id": _key("change_id", change_id), "device_id": _key("device_id", device_id)}
    state = {"from": _identifier("state_from", state_from), "to": _identifier("state_to", state_to)}
    outcome = {"code": _identifier("code", code), "reason": _free(reason)}
    body = plain({
        "schema": SCHEMA, "actor": person, "action": _action(action), "object": thing, **links,
        "state": state, **outcome, "before": before, "after": after, "details": details,
    })  # fmt: skip
    openings = commit(body, thing["type"])
    beside = {each.path for each in openings}
    return [
        *person.values(),
        action,
        *{**thing, "label": "" if "/object/label" in beside else thing["label"]}.values(),
        *links.values(),
        *state.values(),
        outcome["code"],
        "" if "/reason" in beside else outcome["reason"],
        written(body, besides=sum(len(each.value) for each in openings)),
        [each.path for each in openings],
        [each.salt for each in openings],
        [each.value for each in openings],
    ]


def _person(actor: Actor) -> dict[str, int | str | None]:
    return {
        "id": _key("actor.id", actor.user_id),
        "name": _free(actor.username, _IDENTIFIER_LIMIT),
        "origin": actor.origin.value,
        "request_id": _free(actor.request_id, _IDENTIFIER_LIMIT),
        "ip": _free(actor.ip, _IDENTIFIER_LIMIT),
    }


def _free(text: str, limit: int | None = None) -> str:
    clean = clean_text(text)
    return clip(clean) if limit is None else clip(clean, limit)


def _identifier(name: str, value: str, *, required: bool = False) -> str:
    """Identifiers are never shortened: half an id is another id."""
    clean = clean_text(value)
    if len(clean) > _IDENTIFIER_LIMIT:
        raise UnrecordableError(name, f"is longer than {_IDENTIFIER_LIMIT} characters.")
    if required and not clean:
        raise UnrecordableError(name, "is empty. Say which object the event is about.")
    return clean


def _key(name: str, value: int | None) -> int | None:
    if value is not None and not 0 < value < _BIGINT:
        raise UnrecordableError(name, "is not the id of a row.")
    return value


def _action(action: str) -> str:
    if len(action) > _IDENTIFIER_LIMIT or not _ACTION.fullmatch(action):
        raise UnrecordableError("action", "is not of the form 'change.approved' (small letters, a dot, past tense).")
    return action


def _object_type(object_type: str) -> str:
    try:
        return ObjectType(object_type).value
    except ValueError:
        known = ", ".join(ObjectType)
        raise UnrecordableError("object_type", f"is not one of: {known}.") from None
