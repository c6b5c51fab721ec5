"""One step of the sealer: what waits becomes leaves, tiles and a signed checkpoint, in one transaction."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import psycopg

from audit.checkpoints import TreeHead, TrustedKey, sign_checkpoint, verify_checkpoint
from audit.errors import TreeDamagedError
from audit.merkle import EMPTY_ROOT, GrowingTree, edge, tree_root
from audit.notes import NoteError
from audit.sealing.keys import SealingKey
from audit.sealing.storage import last_checkpoint, tile_loader
from audit.tiles import MissingHashError, TileLoader, extended_tiles, node_reader, overlaid

BATCH = 50_000
"""Events that one checkpoint takes in at most: about a second's work."""

# Advisory locks are open to every login; this one is not, since it takes a right to write there. A table that is never
# large, so that no vacuum holds it for long, and in a mode that lets anchors be noted meanwhile.
_LOCK = "LOCK TABLE audit_anchoring IN SHARE UPDATE EXCLUSIVE MODE"

# The lock is taken first: only then does a statement see what the one before has committed. The OFFSET is a fence:
# each event is looked up by its id. Otherwise a queue that was long once has the planner read the whole log.
_WAITING = """
SELECT waiting.event_id, event.leaf_hash
FROM (SELECT event_id FROM audit_pending ORDER BY event_id LIMIT %s) waiting CROSS JOIN LATERAL (
    SELECT sha256('\\x00'::bytea || convert_to(audit_event_line(id, at, txid, db_user, body), 'UTF8')) AS leaf_hash
    FROM audit_event WHERE id = waiting.event_id OFFSET 0) event
"""
_KEEP_LEAVES = "COPY audit_leaf (leaf_index, event_id, leaf_hash) FROM STDIN (FORMAT binary)"

# Only what became a leaf just now: events that were committed meanwhile stay.
_TAKE = """
DELETE FROM audit_pending USING audit_leaf leaf
WHERE leaf.leaf_index >= %s AND leaf.event_id = audit_pending.event_id
"""

_KEEP_TILE = """
INSERT INTO audit_tile (level, tile_index, hashes) VALUES (%s, %s, %s)
ON CONFLICT (level, tile_index) DO UPDATE SET hashes = excluded.hashes
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a step has done: ``count`` events became the leaves from ``first_index`` on, under a signed head."""

    first_index: int
    count: int
    head: TreeHead
    note: str
    signed_at: datetime


def seal_once(
    connection: psycopg.Connection[Any],
    key: SealingKey,
    *,
    batch: int = BATCH,
    clock: Callable[[], float] = time.time,
) -> Sealed | None:
    """Seal up to ``batch`` waiting events in one transaction, the smallest ids first; None when nothing waits.

    Before that, the tree that the database holds is compared with the last checkpoint, and that with our keys. One
    step at a time in the whole database: a second one waits. Inside an open transaction it becomes a part of it.

    Raises:
        TreeDamagedError: the tree or its last checkpoint is not what was signed. Nothing was changed.
        psycopg.Error: the database is away, or the login may not.
    """
    with connection.transaction(), psycopg.Cursor(connection) as cursor:
        cursor.execute(_LOCK)
        load = cache(tile_loader(cursor))  # the few tiles at the right edge, which are asked for again and again
        tree, signed_before = _tree_so_far(cursor, key, load)
        first_index = tree.size
        waiting = sorted(cursor.execute(_WAITING, (batch,), binary=True).fetchall())
        if not waiting:
            return None
        keep_leaves(cursor, first_index, waiting)
        cursor.execute(_TAKE, (first_index,))
        size = first_index + len(waiting)
        changed = extended_tiles(first_index, [leaf for _event, leaf in waiting], load)
        _keep_tiles(cursor, changed)
        unix_time = max(int(clock()), signed_before)
        head = TreeHead(key.origin, size, tree_root(size, node_reader(overlaid(changed, load))))
        note = sign_checkpoint(head, key.signers, unix_time=unix_time)
        signed_at = datetime.fromtimestamp(unix_time, UTC)
        cursor.execute(
            "INSERT INTO audit_checkpoint (tree_size, root, note, signed_at) VALUES (%s, %s, %s, %s)",
            (head.size, head.root, note, signed_at),
        )
    return Sealed(first_index, len(waiting), head, note, signed_at)


def tree_of(load: TileLoader, size: int) -> GrowingTree:
    """The tree of the first ``size`` leaves, as the tiles have it.

    Raises:
        TreeDamagedError: tiles are missing.
    """
    try:
        return GrowingTree(size, edge(size, node_reader(load)))
    except MissingHashError as error:
        raise TreeDamagedError(f"{error} Run `manage.py audit_verify`; nothing is signed until it passes.") from None


def _tree_so_far(cursor: psycopg.Cursor[Any], key: SealingKey, load: TileLoader) -> tuple[GrowingTree, int]:
    """The tree to go on from, and when (seconds) its head was signed."""
    last = last_checkpoint(cursor)
    if last is None:
        return GrowingTree(), 0
    size, root, note, signed_at = last
    try:
        signed = verify_checkpoint(note, (TrustedKey(verifier) for verifier in key.verifiers))
    except NoteError as error:
        raise TreeDamagedError(
            f"The last checkpoint, of {size} entries, is none of this sealer's keys: {error} If the key file was"
            " replaced, put the old key back beside the new one; else run `manage.py audit_verify`."
        ) from None
    tree = tree_of(load, size)
    if (signed.head.size, signed.head.root, root) != (size, tree.root(), tree.root()):
        raise TreeDamagedError(
            f"The tree of {size} entries is not the one that was signed. Run `manage.py audit_verify`;"
            " nothing is signed until it passes."
        )
    return tree, int(signed_at.timestamp())


def keep_leaves(cursor: psycopg.Cursor[Any], first_index: int, waiting: Iterable[tuple[int, bytes]]) -> None:
    """Write the hashes of events (id, hash) as the leaves from ``first_index`` on; the database refuses a gap."""
    with cursor.copy(_KEEP_LEAVES) as copy:
        copy.set_types(("int8", "int8", "bytea"))
        for leaf_index, (event_id, leaf) in enumerate(waiting, start=first_index):
            copy.write_row((leaf_index, event_id, leaf))


def _keep_tiles(cursor: psycopg.Cursor[Any], changed: Mapping[tuple[int, int], bytes]) -> None:
    rows = [(level, tile_index, hashes) for (level, tile_index), hashes in changed.items()]
    cursor.executemany(_KEEP_TILE, rows)


def remembered_head_stands(connection: psycopg.Connection[Any], head: TreeHead) -> bool:
    """Whether the database's tree still begins with a tree that was signed before."""
    with connection.transaction(), psycopg.Cursor(connection) as cursor:
        last = last_checkpoint(cursor)
        size = last[0] if last else 0
        if head.size > size:
            return False
        root = tree_of(tile_loader(cursor), head.size).root() if head.size else EMPTY_ROOT
        return root == head.root
