"""What the pages about redactions show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from audit.models import Event, RedactionState
from audit.redaction.archived import ALL_TEXTS, Subject
from audit.redaction.selectors import RedactionSteps, TextOfEvent, open_redaction_of, place_in_words, texts_of
from audit.retention.whereabouts import where_event_went
from portal.presenters.visible import visible

_TONES = {RedactionState.PROPOSED: "warn", RedactionState.CARRIED_OUT: "info", RedactionState.DECLINED: ""}


@dataclass(frozen=True, slots=True)
class TextRow:
    """One text of an event: where it stands, what it says, and what took it out if something did."""

    path: str
    words: str
    value: str
    redaction_url: str
    fits: bool

    @property
    def there(self) -> bool:
        """Whether it can be taken out."""
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class EventTexts:
    """The texts of an event as its page tells of them; ``old`` where it is from before texts stood apart."""

    rows: tuple[TextRow, ...]
    old: bool
    propose_url: str
    open_url: str


@dataclass(frozen=True, slots=True)
class RedactionRow:
    """A redaction as its list and its page show it."""

    id: int
    url: str
    event_id: int
    event_url: str
    places: tuple[str, ...]
    state: str
    tone: str
    waits: bool
    carried_out: bool
    reason: str
    comment: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None


def event_texts(event: Event) -> EventTexts:
    """The texts of an event; at most two queries."""
    rows = text_rows(texts_of(event))
    waiting = open_redaction_of(event.pk) if rows else None
    some = any(row.there for row in rows)
    return EventTexts(
        rows=rows,
        old=event.sealed().get("schema") == "countersign.audit-event/1",
        propose_url=reverse("audit-redact", args=[event.pk]) if some and waiting is None else "",
        open_url=reverse("audit-redaction", args=[waiting.pk]) if waiting else "",
    )


def redaction_texts(found: RedactionSteps, event: Event | None) -> list[TextRow]:
    """The texts that a redaction is about; without their words where they are gone. One query at most."""
    there = {each.path: each for each in text_rows(texts_of(event))} if event else {}
    return [there.get(path) or TextRow(path, place_in_words(path), "", "", True) for path in found.redaction.paths]


def redactable_rows(event: Subject) -> tuple[TextRow, ...]:
    """What of an event can be taken out; of an archived one all of its texts together. One query."""
    if isinstance(event, Event):
        return tuple(row for row in text_rows(texts_of(event)) if row.there)
    went = where_event_went(event.pk)
    return (TextRow(ALL_TEXTS, place_in_words(ALL_TEXTS), went, "", True),)


def text_rows(texts: tuple[TextOfEvent, ...]) -> tuple[TextRow, ...]:
    """Texts for reading; no query."""
    return tuple(
        TextRow(
            path=text.path,
            words=text.words,
            value=visible(text.value or ""),
            redaction_url=reverse("audit-redaction", args=[text.redaction_id]) if text.redaction_id else "",
            fits=text.fits,
        )
        for text in texts
    )


def redaction_row(found: RedactionSteps) -> RedactionRow:
    """One redaction; no query."""
    row = found.redaction
    state = RedactionState(row.state)
    withdrawn = state is RedactionState.DECLINED and row.decided_by_id == row.proposed_by_id
    return RedactionRow(
        id=row.pk,
        url=reverse("audit-redaction", args=[row.pk]),
        event_id=row.event_id,
        event_url=reverse("audit-detail", args=[row.event_id]),
        places=tuple(place_in_words(path) for path in row.paths),
        state="Withdrawn" if withdrawn else str(state.label),
        tone=_TONES[state],
        waits=state is RedactionState.PROPOSED,
        carried_out=state is RedactionState.CARRIED_OUT,
        reason=visible(found.reason),
        comment=visible(found.comment),
        proposed_by=row.proposed_by_name,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by_name,
        decided_at=row.decided_at,
    )
