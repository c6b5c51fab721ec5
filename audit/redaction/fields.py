"""Which texts of an event a person may have typed, and so may have to be taken out one day."""

from typing import Final

TITLED: Final = frozenset({
    "change", "decision_step", "meeting", "saved_search", "maintenance_window", "change_freeze", "token",
    "calendar_feed", "drift_rule", "compliance_rule",
})  # fmt: skip
"""Kinds of objects whose label, and whose ``name`` in before, after and details, is a title that people choose."""

FREE_TEXT: Final = frozenset({
    "title", "reason", "called_by", "emergency_reason", "content", "content_sha256", "close_note", "comment", "note",
    "text", "summary", "description", "justification", "minutes", "deferred_to", "item", "items", "guests",
    "what_happened", "impact", "cause", "went_well", "lessons", "conflict", "sentence", "message", "detail", "excerpt",
    "command", "value",
})  # fmt: skip
"""Names in before, after and details under which texts of people stand; a plain digest of one lets it be guessed."""


def holds_free_text(name: str, kind: str) -> bool:
    """Whether texts under this name, in an event about this kind of object, are committed to."""
    return name in FREE_TEXT or (name == "name" and kind in TITLED)
