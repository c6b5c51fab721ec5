"""Change freezes as their page lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from changes.domain.windows import Period
from changes.models import ChangeFreeze
from changes.services.calendar import scoped
from changes.services.windows import database_now


@dataclass(frozen=True, slots=True)
class FreezeRow:
    """One freeze; ``state`` is to come, in force, over or lifted; ``may_lift``: whether this person may now."""

    freeze: ChangeFreeze
    words: str
    reach: str
    state: str
    tone: str
    may_lift: bool


def freeze_rows(rows: Sequence[ChangeFreeze], *, may_lift: bool) -> tuple[FreezeRow, ...]:
    """The rows of a page; one query, for the clock that decides."""
    now = database_now() if rows else None
    return tuple(_row(row, now, may_lift) for row in rows if now)


def lifts(row: ChangeFreeze) -> bool:
    """Whether it can still be lifted; one query."""
    return row.lifted_at is None and row.ends_at > database_now()


def _row(row: ChangeFreeze, now: datetime, may_lift: bool) -> FreezeRow:
    state, tone = _state(row, now)
    open_still = state in {"to come", "in force"}
    words = Period(row.starts_at, row.ends_at).words
    return FreezeRow(row, words, scoped(row).reach, state, tone, may_lift and open_still)


def _state(row: ChangeFreeze, now: datetime) -> tuple[str, str]:
    if row.lifted_at is not None:
        return "lifted", ""
    if row.ends_at <= now:
        return "over", ""
    return ("in force", "warn") if row.starts_at <= now else ("to come", "info")
