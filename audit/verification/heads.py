"""Checkpoints that a tree has to meet as it grows: the database's own, and those that anchors keep."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.anchors.protocols import Witness
from audit.checkpoints import SignedHead, TrustedKey, in_use, verify_checkpoint
from audit.errors import AnchorError
from audit.notes import NoteError
from audit.sealing.storage import Cursor, last_checkpoint
from audit.verification.findings import Finding, FindingCode

OWN = ""
_PAGE = 500
CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much one clock may be ahead of another."""


@dataclass(frozen=True, order=True, slots=True)
class Expected:
    """A tree of this size has this root, says this source: an anchor's name, or nothing for the database itself."""

    size: int
    source: str
    root: bytes
    signed_at: datetime | None = None


def own_heads(cursor: Cursor, keys: tuple[TrustedKey, ...], *, after: int) -> Iterator[Expected]:
    """The database's checkpoints of more than ``after`` leaves, smallest first, each verified; 500 are read at once.

    Raises:
        Finding: one is not signed, says something else than its row, or states a time before its predecessor's.
    """
    before: datetime | None = None
    size = after
    while True:
        cursor.execute(
            "SELECT tree_size, root, note, signed_at FROM audit_checkpoint WHERE tree_size > %s"
            " ORDER BY tree_size LIMIT %s",
            (size, _PAGE),
        )
        rows = cursor.fetchall()
        for size, root, note, signed_at in rows:
            signed = _verified(note, keys, f"The checkpoint of {size} entries")
            _check_row(size, bytes(root), signed_at, signed, before)
            before = signed.signed_at
            yield Expected(size, OWN, signed.head.root, signed.signed_at)
        if len(rows) < _PAGE:
            return


def _check_row(size: int, root: bytes, signed_at: datetime, signed: SignedHead, before: datetime | None) -> None:
    head = signed.head
    if (head.size, head.root) != (size, root):
        raise Finding(
            FindingCode.CHECKPOINT_DIFFERS,
            f"The row of the checkpoint of {size} entries does not say what was signed, a tree of {head.size} entries.",
        )
    if signed.signed_at is None or signed.signed_at != signed_at.replace(microsecond=0):
        raise Finding(
            FindingCode.CHECKPOINT_TIME,
            f"The row of the checkpoint of {size} entries names another time than its signature does.",
        )
    if signed.signed_at > datetime.now(UTC) + CLOCK_TOLERANCE:
        raise Finding(
            FindingCode.TIME_AHEAD,
            f"The checkpoint of {size} entries says that it was signed at {signed.signed_at:%Y-%m-%d %H:%M:%S} UTC,"
            " which is still to come: the sealer's clock was wrong, or the time was set.",
        )
    if before is not None and signed.signed_at < before - timedelta(seconds=1):
        raise Finding(
            FindingCode.CHECKPOINT_TIME,
            f"The checkpoint of {size} entries was signed before the one of fewer entries.",
        )


def anchored_heads(name: str, witness: Witness, keys: tuple[TrustedKey, ...], *, after: int) -> Iterator[Expected]:
    """What an anchor was given, smallest first; what it holds of another log's keys is a finding too.

    Raises:
        Finding: the anchor cannot be read, a note is not ours, or they do not grow.
    """
    last = 0
    try:
        for note in witness.checkpoints():
            head = _verified(note, keys, f"A checkpoint that the anchor {name} keeps").head
            if head.size < last:
                raise Finding(
                    FindingCode.ANCHOR_DIFFERS,
                    f"The anchor {name} was given a tree of {head.size} entries after one of {last}: the log went"
                    " back.",
                )
            last = head.size
            if head.size > after:
                yield Expected(head.size, name, head.root)
    except AnchorError as error:
        raise Finding(FindingCode.ANCHOR_UNREADABLE, f"The anchor {name} cannot be read: {error}") from None


def newest_is_of_a_key_in_use(cursor: Cursor, keys: tuple[TrustedKey, ...]) -> None:
    """Look whether the newest checkpoint is signed by a key that was not retired.

    Raises:
        Finding: only by retired keys, which sign nothing new.
    """
    last = last_checkpoint(cursor)
    if last is None:
        return
    try:
        verify_checkpoint(last[2], in_use(keys))
    except NoteError:
        raise Finding(
            FindingCode.CHECKPOINT_UNSIGNED,
            f"The newest checkpoint, of {last[0]} entries, is signed by retired keys alone, which sign nothing new: the"
            " log was cut back to a time when they were in use, perhaps by somebody who stole one.",
        ) from None


def merged(sources: Iterable[Iterator[Expected]]) -> Iterator[Expected]:
    """All that a growing tree meets, by size; each source is read as the tree grows."""
    return heapq.merge(*sources, key=lambda expected: (expected.size, expected.source))


def _verified(note: str, keys: tuple[TrustedKey, ...], what: str) -> SignedHead:
    try:
        return verify_checkpoint(note, keys)
    except NoteError as error:
        raise Finding(FindingCode.CHECKPOINT_UNSIGNED, f"{what} does not verify. {error}") from None
