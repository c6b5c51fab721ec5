"""What the log is made of: the events, and the tree that seals them."""

from audit.models.event import Event, EventQuerySet
from audit.models.sealing import Anchoring, Checkpoint, Leaf, Pending, Tile
from audit.models.searches import SavedSearch, SavedSearchQuerySet

__all__ = [
    "Anchoring",
    "Checkpoint",
    "Event",
    "EventQuerySet",
    "Leaf",
    "Pending",
    "SavedSearch",
    "SavedSearchQuerySet",
    "Tile",
]
