"""What people write about a CAB meeting, checked and masked before it is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from django.contrib.auth import get_user_model

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, unix_lines, unknown_names
from changes.domain.meetings import EARLIEST, LATEST, MAX_MINUTES, MAX_NAME, may_chair
from changes.domain.policy import Person
from devices.services.scrubbing import Scrubber

FIELDS: Final = frozenset({"title", "starts_at", "chair"})


def meeting_fields(data: Mapping[str, object], wanted: Collection[str]) -> dict[str, object]:
    """The wanted fields of a meeting as they are stored.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(data, FIELDS, "field").items():
        findings.add(name, sentence)
    values: dict[str, object] = {}
    if "title" in wanted:
        values["title"] = line_of(data.get("title"), "title", findings)
        if not values["title"]:
            findings.add("title", "Give the meeting a title, such as CAB.")
    if "starts_at" in wanted:
        values["starts_at"] = _starts(data.get("starts_at"), findings)
    if "chair" in wanted:
        values["chair_id"] = _chair(data.get("chair"), findings)
    findings.check()
    return values


def _starts(given: object, findings: Findings) -> datetime | None:
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given or ""))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        findings.add("starts_at", "Say when the meeting begins, such as 2030-01-31T10:00. Without a zone it means UTC.")
        return None
    if not EARLIEST <= moment < LATEST:
        findings.add("starts_at", f"Give a time between the years {EARLIEST.year} and {LATEST.year}.")
    return moment


def _chair(given: object, findings: Findings) -> int | None:
    user = get_user_model().objects.filter(username__iexact=str(given or ""), is_active=True).first()
    if user is not None:
        roles = frozenset(user.groups.values_list("name", flat=True))
        if may_chair(Person(user.pk, user.get_username(), roles)):
            return int(user.pk)
    findings.add("chair", "The chair is a member of the CAB or ECAB, or a change manager. Give their user name.")
    return None


def line_of(given: object, field: str, findings: Findings | None = None, *, limit: int = MAX_NAME) -> str:
    """One line of text with its secrets masked; what is wrong with it goes to ``findings``, or is raised."""
    text = " ".join(str(given or "").split()) if isinstance(given, str | None) else ""
    limit = 300 if field == "deferred_to" else limit
    problem = hidden_character(text) or (f"Shorten this to {limit} characters." if len(text) > limit else None)
    if problem and findings is not None:
        findings.add(field, problem)
    elif problem:
        raise InvalidInputError({field: [problem]})
    return Scrubber.load().prose(text)[:limit]


def prose_of(given: object, field: str, findings: Findings) -> str:
    """Minutes and the like with their secrets masked; what is wrong with them goes to ``findings``."""
    text = unix_lines(given).strip() if isinstance(given, str) else ""
    problem = hidden_character(text, allowed="\n\t")
    if len(text) > MAX_MINUTES:
        problem = f"Shorten this to {MAX_MINUTES:,} characters."
    if problem:
        findings.add(field, problem)
    return Scrubber.load().prose(text)
