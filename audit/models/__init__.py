"""What the log is made of: the events, and the tree that seals them."""

from audit.models.event import Event, EventQuerySet
from audit.models.redaction import Opening, Redaction, RedactionState
from audit.models.retention import Archive, ArchivedEvent, LegalHold, RetentionPeriod, RetrievalTest
from audit.models.sealing import Anchoring, Checkpoint, Leaf, Pending, Tile
from audit.models.searches import SavedSearch, SavedSearchQuerySet

__all__ = [
    "Anchoring",
    "Archive",
    "ArchivedEvent",
    "Checkpoint",
    "Event",
    "EventQuerySet",
    "Leaf",
    "LegalHold",
    "Opening",
    "Pending",
    "Redaction",
    "RedactionState",
    "RetentionPeriod",
    "RetrievalTest",
    "SavedSearch",
    "SavedSearchQuerySet",
    "Tile",
]
