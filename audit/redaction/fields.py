"""Which texts of an event a person may have typed, and so may have to be taken out one day."""

from typing import Final

PARTS: Final = ("after", "before", "details")
"""The members of an event that hold what its caller chose."""

TITLED: Final = frozenset({
    "change", "decision_step", "meeting", "saved_search", "maintenance_window", "change_freeze", "token",
    "calendar_feed", "drift_rule", "compliance_rule", "scheduled_start", "legal_hold",
})  # fmt: skip
"""Kinds of objects whose label, and whose ``name`` in before, after and details, is a title that people choose."""

FREE_TEXT: Final = frozenset({
    "title", "reason", "called_by", "emergency_reason", "content", "content_sha256", "close_note", "comment", "note",
    "text", "summary", "description", "justification", "minutes", "deferred_to", "item", "items", "guests",
    "what_happened", "impact", "cause", "went_well", "lessons", "conflict", "sentence", "message", "detail", "excerpt",
    "command", "value", "email", "because", "line", "pattern", "section", "feature",
})  # fmt: skip
"""Names in before, after and details under which texts of people stand; a plain digest of one lets it be guessed."""

SOUGHT: Final = frozenset({"filters", "query"})
"""Names under which everything is what a person looked for: a filter that found nothing can be a password, too."""


def holds_free_text(name: str, kind: str) -> bool:
    """Whether texts under this name, in an event about this kind of object, are committed to."""
    return name in FREE_TEXT or name in SOUGHT or (name == "name" and kind in TITLED)


def is_text_of_a_person(path: str, kind: str) -> bool:
    """Whether a JSON Pointer into the body of an event about this kind of object names a place of such a text."""
    if path == "/reason" or (path == "/object/label" and kind in TITLED):
        return True
    part, *inner = (step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])
    names = [step for step in inner if not step.isdecimal()] or [""]
    return part in PARTS and (holds_free_text(names[-1], kind) or not SOUGHT.isdisjoint(names))
