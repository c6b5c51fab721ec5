"""Legal holds, periods, archives and retrieval tests in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from audit.models import Archive, LegalHold, RetrievalTest
from audit.retention.people import KEEPERS
from audit.retention.periods import periods
from audit.retention.vocabulary import HoldState
from changes.domain.policy import Person

_ARCHIVE_STATES = {"recorded": "Still in the database", "removed": "Left the database", "given_up": "Given up"}
_ARCHIVE_TONES = {"recorded": "warn", "removed": "ok", "given_up": ""}
_TONES = {HoldState.ACTIVE: "live", HoldState.RELEASE_PROPOSED: "warn", HoldState.RELEASED: ""}


def hold_rows(holds: Iterable[LegalHold], person: Person) -> list[dict[str, Any]]:
    """Each hold with what it holds, and which of its steps this person is offered."""
    keeper = not person.roles.isdisjoint(KEEPERS)
    rows = []
    for hold in holds:
        state = HoldState(hold.state)
        proposed = state is HoldState.RELEASE_PROPOSED
        rows.append({
            "hold": hold,
            "state": state.label,
            "tone": _TONES[state],
            "held": _held(hold),
            "held_url": reverse("audit-trail", args=[hold.change_id]) if hold.change_id else "",
            "events_url": f"{reverse('audit-list')}?object_type=legal_hold&object_id={hold.pk}",
            "may_propose": keeper and state is HoldState.ACTIVE,
            "may_decline": keeper and proposed,
            "may_release": keeper and proposed and hold.proposed_by_id != person.id,
            "own_proposal": proposed and hold.proposed_by_id == person.id,
        })  # fmt: skip
    return rows


def _held(hold: LegalHold) -> str:
    if hold.change_id:
        return f"CHG-{hold.change_id:05d}"
    since = f"{hold.since:%-d %b %Y %H:%M}" if hold.since else ""
    return f"{since} to {hold.until:%-d %b %Y %H:%M} UTC" if hold.until else f"Everything from {since} UTC on"


def period_rows() -> list[dict[str, Any]]:
    """Each class and how long its events stay."""
    return [
        {
            "label": period.retention_class.label,
            "value": period.retention_class.value,
            "days": period.days or "",
            "words": f"{period.days:,} days" if period.days else "for ever",
        }
        for period in periods()
    ]


def archive_rows(archives: Iterable[Archive]) -> list[dict[str, Any]]:
    """Each archive with its size in words."""
    return [
        {
            "archive": archive,
            "size": filesizeformat(archive.size),
            "span": f"{archive.first_at:%-d %b %Y} to {archive.last_at:%-d %b %Y}",
            "state": _ARCHIVE_STATES[archive.state],
            "tone": _ARCHIVE_TONES[archive.state],
        }
        for archive in archives
    ]


def test_rows(tests: Iterable[RetrievalTest]) -> list[dict[str, Any]]:
    """Each retrieval test with its address."""
    return [
        {"test": test, "url": reverse("retrieval-test", args=[test.pk]), "taken": len(test.result["taken"])}
        for test in tests
    ]


def test_detail(test: RetrievalTest) -> dict[str, Any]:
    """A retrieval test as its report shows it."""
    taken = [{**each, "size_words": filesizeformat(each["size"])} for each in test.result["taken"]]
    bad = sum(1 for each in taken if each["problem"])
    return {
        "test": test,
        "taken": taken,
        "verdict": f"{bad} of {len(taken)} archives could not be proved." if bad else "Every archive was proved.",
        "of": test.result["archives"],
        "folder": test.result["folder"],
    }
