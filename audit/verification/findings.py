"""What a verification can find, in the words of an auditor. The codes are stable and meant for programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class FindingCode(StrEnum):
    """What kind of thing is wrong."""

    GUARD_MISSING = "guard_missing"
    NO_KEYS = "no_keys"
    EVENT_MISSING = "event_missing"
    EVENT_EDITED = "event_edited"
    EVENT_UNSEALED = "event_unsealed"
    COLUMNS_DIFFER = "columns_differ"
    TIME_AHEAD = "time_ahead"
    LEAF_GAP = "leaf_gap"
    QUEUE_WRONG = "queue_wrong"
    TILE_DIFFERS = "tile_differs"
    CHECKPOINT_UNSIGNED = "checkpoint_unsigned"
    CHECKPOINT_DIFFERS = "checkpoint_differs"
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_TIME = "checkpoint_time"
    ANCHOR_AHEAD = "anchor_ahead"
    ANCHOR_DIFFERS = "anchor_differs"
    ANCHOR_UNREADABLE = "anchor_unreadable"
    STATE_DIFFERS = "state_differs"
    PLAN_DIFFERS = "plan_differs"
    DEMAND_DIFFERS = "demand_differs"
    DECISION_DIFFERS = "decision_differs"
    RUN_DIFFERS = "run_differs"
    TEXT_MISSING = "text_missing"
    TEXT_DIFFERS = "text_differs"
    ARCHIVE_DIFFERS = "archive_differs"


class Finding(Exception):  # noqa: N818 - it ends a verification, and is its result
    """The first thing that is wrong: a code, and a sentence for people."""

    def __init__(self, code: FindingCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification has looked at; ``finding`` is empty where all of it is as it should be.

    ``first_index`` is the leaf it began with; ``events``, ``tiles`` and ``checkpoints`` count what was recomputed,
    ``waiting`` the events that are not sealed yet, ``anchored`` the checkpoints by anchor that agree, ``compared`` the
    rows by kind ("plans", "decisions") that say what the log says. ``tree_size``, ``root`` (hex) and ``signed_at`` are
    the newest checkpoint's. ``archived`` counts the entries whose events are in archives: the tree binds their hashes,
    but their texts were not read. ``archives`` are the records of archives that were compared.
    """

    first_index: int
    events: int
    tiles: int
    checkpoints: int
    waiting: int
    anchored: dict[str, int]
    tree_size: int
    root: str
    signed_at: datetime | None
    finding: Finding | None = None
    compared: Mapping[str, int] = field(default_factory=dict)
    archived: int = 0
    archives: int = 0
