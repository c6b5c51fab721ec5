"""What people write in a review and in its actions, judged before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from changes.domain.input import Findings, hidden_character, one_of, shown, unix_lines, unknown_names
from changes.domain.labels import Labelled
from changes.domain.windows import moment_in

MAX_TEXT: Final = 10_000
MAX_ACTION: Final = 500
FARTHEST_DUE: Final = timedelta(days=731)


class ReviewState(Labelled):
    """Where a review stands. An accepted one never changes again."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"


class ReviewOutcome(Labelled):
    """The result of the whole change, in the words of the operators' worksheet."""

    SUCCESSFUL = "successful"
    WITH_EXCEPTIONS = "with_exceptions"
    SAFE_ABORT = "safe_abort"
    ESCALATED = "escalated"

    @property
    def label(self) -> str:
        """The result as people read it."""
        return {
            ReviewOutcome.SUCCESSFUL: "Successful",
            ReviewOutcome.WITH_EXCEPTIONS: "Successful with exceptions",
            ReviewOutcome.SAFE_ABORT: "Stopped safely",
            ReviewOutcome.ESCALATED: "Escalated to an incident",
        }[self]


class ActionState(Labelled):
    """Where an action stands."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


TEXTS: Final[Mapping[str, str]] = {
    "what_happened": "What happened",
    "impact": "Impact",
    "cause": "Cause",
    "went_well": "What went well",
    "lessons": "Lessons",
}
"""The texts of a review by name, in the order of the form, with their headings."""
OPTIONAL: Final = frozenset({"went_well"})
TIMES: Final[Mapping[str, str]] = {
    "began_at": "Trouble began",
    "detected_at": "Detected",
    "restored_at": "Restored",
}
FIELDS: Final = frozenset({*TEXTS, *TIMES, "outcome"})


@dataclass(frozen=True, slots=True)
class ReviewContent:
    """What people say in a review; empty texts and None where nothing is said yet. Times are in UTC."""

    what_happened: str = ""
    impact: str = ""
    cause: str = ""
    went_well: str = ""
    lessons: str = ""
    outcome: str = ""
    began_at: datetime | None = None
    detected_at: datetime | None = None
    restored_at: datetime | None = None


def parse_review(value: Mapping[str, object], *, now: datetime) -> ReviewContent:
    """Read the texts, the outcome and the times of a review; whatever is missing is empty, as in a draft.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(value, FIELDS, "field").items():
        findings.add(shown(name), sentence)
    texts = {name: _text(value.get(name), name, label, findings) for name, label in TEXTS.items()}
    outcome = value.get("outcome") or ""
    if outcome and outcome not in set(ReviewOutcome):
        findings.add("outcome", f"“{shown(outcome)}” is no outcome. Use one of: {one_of(ReviewOutcome)}.")
    times = {name: moment_in(value, name, label.lower(), findings) for name, label in TIMES.items() if value.get(name)}
    _order(times, now, findings)
    findings.check()
    return ReviewContent(
        **texts,
        outcome=str(outcome),
        began_at=times.get("began_at"),
        detected_at=times.get("detected_at"),
        restored_at=times.get("restored_at"),
    )


def missing(content: ReviewContent) -> Mapping[str, list[str]]:
    """What has to be written before the review can be submitted: a sentence for each field that is empty."""
    found = {
        name: [f"Write something under “{label}”. If there is nothing to say, say so."]
        for name, label in TEXTS.items()
        if name not in OPTIONAL and not getattr(content, name)
    }
    if not content.outcome:
        found["outcome"] = ["Say what the change came to."]
    if content.restored_at and not content.detected_at:
        found["detected_at"] = ["Say when the trouble was detected, since you say when it was over."]
    return found


def _order(times: Mapping[str, datetime | None], now: datetime, findings: Findings) -> None:
    before: tuple[str, datetime] | None = None
    for name, label in TIMES.items():
        moment = times.get(name)
        if moment is None:
            continue
        if moment > now:
            findings.add(name, "This lies in the future. Give the time at which it happened, in UTC.")
        if before and moment < before[1]:
            findings.add(name, f"“{label}” cannot be before “{before[0]}”.")
        before = (label, moment)


def _text(value: object, name: str, label: str, findings: Findings, *, limit: int = MAX_TEXT) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        findings.add(name, f"“{label}” must be a text.")
        return ""
    text = unix_lines(value).strip()
    if len(text) > limit:
        findings.add(name, f"“{label}” has {len(text):,} characters; {limit:,} are allowed.")
    elif hidden := hidden_character(text, allowed="\n\t"):
        findings.add(name, f"In “{label}”, {hidden}")
    return text


@dataclass(frozen=True, slots=True)
class ActionContent:
    """What is to be done, by whom (a user name) and until when."""

    text: str
    owner: str
    due_on: date


ACTION_FIELDS: Final = frozenset({"text", "owner", "due_on"})


def parse_action(value: Mapping[str, object], *, today: date) -> ActionContent:
    """Read an action. Whether the owner exists is judged by the service.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(value, ACTION_FIELDS, "field").items():
        findings.add(shown(name), sentence)
    text = _text(value.get("text"), "text", "What is to be done", findings, limit=MAX_ACTION)
    if not text and "text" not in findings.fields:
        findings.add("text", "Say what is to be done.")
    owner = _text(value.get("owner"), "owner", "Owner", findings, limit=150)
    if not owner and "owner" not in findings.fields:
        findings.add("owner", "Name the person who sees to it.")
    due = parse_due(value.get("due_on"), today, findings)
    findings.check()
    assert due is not None  # noqa: S101 - it was found above
    return ActionContent(text, owner, due)


def parse_due(value: object, today: date, findings: Findings) -> date | None:
    """A day on which something is due, today or later; None, and a finding, where it is none."""
    try:
        due = date.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        due = None
    if due is None:
        findings.add("due_on", "Write the day as 2026-12-31.")
    elif due < today:
        findings.add("due_on", "This day is over. Give today or a day to come.")
    elif due - today > FARTHEST_DUE:
        findings.add("due_on", "An action is due within two years.")
    return due
