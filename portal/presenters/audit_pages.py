"""What the audit explorer shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from audit.models import Event
from portal.presenters.visible import visible


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as a row of the explorer."""

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
    state_from: str
    state_to: str
    code: str
    reason: str

    @property
    def is_refusal(self) -> bool:
        """Whether somebody tried something and was refused."""
        return self.action.endswith(("_refused", "_failed"))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an event's body, written out for reading."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event with all that it says; ``body`` is exactly what is stored."""

    row: EventRow
    request_id: str
    ip: str
    db_user: str
    txid: int
    object_type: str
    object_id: str
    parts: tuple[Part, ...]
    body: str


def event_rows(events: Iterable[Event]) -> list[EventRow]:
    """Events as rows; no query."""
    return [_row(event) for event in events]


def event_detail(event: Event) -> EventDetail:
    """One event with its body taken apart."""
    content = event.content()
    return EventDetail(
        row=_row(event),
        request_id=event.request_id,
        ip=event.ip,
        db_user=event.db_user,
        txid=event.txid,
        object_type=event.object_type.replace("_", " "),
        object_id=visible(event.object_id),
        parts=tuple(_parts(content)),
        body=visible(event.body),
    )


def _parts(content: Mapping[str, Any]) -> Iterable[Part]:
    for title, name in (("Before", "before"), ("After", "after"), ("Details", "details")):
        if content.get(name):
            yield Part(title, visible(json.dumps(content[name], indent=2, ensure_ascii=False)))


def _row(event: Event) -> EventRow:
    return EventRow(
        id=event.pk,
        url=reverse("audit-detail", args=[event.pk]),
        at=event.at,
        actor=visible(event.actor_name),
        origin=event.origin,
        action=event.action,
        label=visible(_label(event)),
        object_url=_object_url(event),
        change_url=reverse("change-detail", args=[event.change_id]) if event.change_id else "",
        change_number=f"CHG-{event.change_id:05d}" if event.change_id else "",
        states=" → ".join(_word(state) for state in (event.state_from, event.state_to) if state),
        state_from=event.state_from,
        state_to=event.state_to,
        code=event.code,
        reason=visible(event.reason),
    )


def _label(event: Event) -> str:
    """What the event is about; a change goes by its number, whatever its title was at the time."""
    if event.object_type == "change" and event.change_id:
        return f"CHG-{event.change_id:05d}"
    return event.object_label or f"{event.object_type} {event.object_id}"


def _word(state: str) -> str:
    """A state as people read it; what it was is history, so it has no live glyph."""
    return state.replace("_", " ").capitalize()


def _object_url(event: Event) -> str:
    """Where the object has a page of its own."""
    if not event.object_id.isdecimal():
        return ""
    if event.object_type == "change":
        return reverse("change-detail", args=[int(event.object_id)])
    if event.object_type == "run" and event.change_id:
        return reverse("run-detail", args=[event.change_id, int(event.object_id)])
    if event.object_type in {"device", "host_key"} and event.device_id:
        return reverse("device-detail", args=[event.device_id])
    return ""
