"""What the audit explorer shows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse

from audit.models import Event
from audit.sealing.proof import ProofState
from portal.presenters.audit_proofs import ProofMark, proof_mark
from portal.presenters.links import audit_url, device_url, page_url
from portal.presenters.visible import visible

_REFUSALS: Final = ("_refused", ".refused", "_failed", ".failed", ".not_proved", ".throttled")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ONE_LINE: Final = 100


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as a row of the explorer.

    ``states`` says in words how the state changed, if it did. ``change_url`` is empty where the label or the
    object's own link leads to the change already.
    """

    id: int
    url: str
    at: datetime
    actor: str
    origin: str
    action: str
    label: str
    object_url: str
    change_url: str
    change_number: str
    states: str
    code: str
    reason: str
    proof: ProofMark | None = None

    @property
    def tone(self) -> str:
        """``warn`` where somebody was refused or something failed."""
        return "warn" if self.action.endswith(_REFUSALS) else ""


@dataclass(frozen=True, slots=True)
class Value:
    """A value for reading: in a line, as a ``block`` of text, or as a ``digest``; empty text for nothing."""

    text: str = ""
    form: str = "line"


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field and what it was and became."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Link:
    """Another page."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event with all that it says.

    ``changed`` has both sides where the event knows both (``has_before``); ``body`` is exactly what is stored, and
    ``pretty`` the same for reading. ``sha256`` is the digest of the stored bytes.
    """

    row: EventRow
    state_from: str
    state_to: str
    request_id: str
    ip: str
    db_user: str
    txid: int
    object_type: str
    object_id: str
    change: Link | None
    device: Link | None
    changed: tuple[FieldRow, ...]
    has_before: bool
    details: tuple[FieldRow, ...]
    related: tuple[Link, ...]
    pretty: str
    body: str
    sha256: str


def event_rows(events: Iterable[Event], proofs: Mapping[int, ProofState]) -> list[EventRow]:
    """Events as rows, each with its proof state; no query."""
    return [event_row(event, proofs.get(event.pk)) for event in events]


def event_detail(event: Event, proof: ProofState) -> EventDetail:
    """One event with its body taken apart; one query where texts stand beside it."""
    content = event.checked_content()
    before, after = _fields(content.get("before")), _fields(content.get("after"))
    return EventDetail(
        row=event_row(event, proof),
        state_from=event.state_from,
        state_to=event.state_to,
        request_id=event.request_id,
        ip=event.ip,
        db_user=event.db_user,
        txid=event.txid,
        object_type=event.object_type.replace("_", " "),
        object_id=visible(event.object_id),
        change=Link(_number(event), page_url("change-detail", event.change_id)) if event.change_id else None,
        device=Link(f"device {event.device_id}", device_url(event.device_id)) if event.device_id else None,
        changed=tuple(FieldRow(name, _value(before, name), _value(after, name)) for name in {**before, **after}),
        has_before=bool(before),
        details=tuple(FieldRow(name, Value(), _value(_fields(content["details"]), name)) for name in _details(content)),
        related=tuple(_related(event)),
        pretty=visible(json.dumps(content, indent=2, ensure_ascii=False)),
        body=event.body,
        sha256=hashlib.sha256(event.body.encode()).hexdigest(),
    )


def _fields(part: object) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else {}


def _details(content: Mapping[str, Any]) -> Iterable[str]:
    return _fields(content.get("details"))


def _value(fields: Mapping[str, Any], name: str) -> Value:
    if name not in fields:
        return Value()
    value = fields[name]
    if isinstance(value, str):
        if _SHA256.fullmatch(value):
            return Value(value, "digest")
        return Value(visible(value), "block" if "\n" in value or len(value) > _ONE_LINE else "line")
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        text = visible(", ".join(map(str, value)))
        return Value(text or "none", "block" if len(text) > _ONE_LINE else "line")
    compact = json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict | list) and len(compact) > _ONE_LINE:
        return Value(visible(json.dumps(value, indent=2, ensure_ascii=False)), "block")
    return Value(visible(compact))


def event_row(event: Event, proof: ProofState | None = None) -> EventRow:
    """One event as a row; no query."""
    label, number = visible(_label(event)), _number(event)
    return EventRow(
        id=event.pk,
        url=reverse("audit-detail", args=[event.pk]),
        at=event.at,
        actor=visible(event.actor_name),
        origin=event.origin,
        action=event.action,
        label=label,
        object_url=_object_url(event),
        # Most labels name the change already.
        change_url=page_url("change-detail", event.change_id) if number and number not in label else "",
        change_number=number,
        states=" → ".join(_word(state) for state in (event.state_from, event.state_to) if state),
        code=event.code,
        reason=visible(event.reason),
        proof=proof_mark(proof) if proof else None,
    )


def _number(event: Event) -> str:
    return f"CHG-{event.change_id:05d}" if event.change_id else ""


def _label(event: Event) -> str:
    """What the event is about; a change goes by its number, whatever its title was at the time."""
    if event.object_type == "change" and event.change_id:
        return _number(event)
    return event.object_label or f"{event.object_type} {event.object_id}"


def _word(state: str) -> str:
    """A state as people read it; what it was is history, so it has no live glyph. A digest is cut to what names it."""
    if _SHA256.fullmatch(state):
        return f"Digest {state[:12]}"
    return state.replace("_", " ").capitalize()


_PAGES_OF_CHANGE: Final = {
    "change": "change-detail",
    "plan": "change-plan",
    "device_plan": "change-plan",
    "approval": "change-approvals",
    "device_run": "change-execution",
}

_OWN_PAGES: Final = {"drift": "drift-detail", "backup": "backup-detail"}


def _object_url(event: Event) -> str:
    """Where the object is shown, or the part of its change that it belongs to; "" where it has no page."""
    if event.change_id and event.object_type in _PAGES_OF_CHANGE:
        return page_url(_PAGES_OF_CHANGE[event.object_type], event.change_id)
    if event.change_id and event.object_type == "run" and event.object_id.isdecimal():
        return page_url("run-detail", event.change_id, int(event.object_id))
    if event.device_id and event.object_type in {"device", "host_key"}:
        return page_url("device-detail", event.device_id)
    if event.device_id and event.object_type == "config":
        return page_url("device-configs", event.device_id)
    if event.object_type in _OWN_PAGES and event.object_id.isdecimal():
        return page_url(_OWN_PAGES[event.object_type], int(event.object_id))
    return ""


def _related(event: Event) -> Iterator[Link]:
    kind = event.object_type.replace("_", " ")
    yield Link(
        f"Everything about this {kind}", audit_url(object_type=event.object_type, object_id=visible(event.object_id))
    )
    if event.change_id and event.object_type != "change":
        yield Link(f"Everything about {_number(event)}", audit_url(change_id=event.change_id))
    if event.change_id:
        yield Link(f"{_number(event)} from its beginning", page_url("audit-trail", event.change_id))
    if event.device_id and event.object_type != "device":
        yield Link("Everything about this device", audit_url(device_id=event.device_id))
    if event.request_id:
        yield Link("Everything that this request did", audit_url(request_id=event.request_id))
    yield Link(f"Everything by {visible(event.actor_name)}", audit_url(actor=event.actor_name))
