"""What an evidence pack takes out of the log: sealed lines in the tree's order, and proofs against one tree head."""

# ruff: noqa: S608 - what is put into a statement is the ORM's own SQL, with its values quoted by psycopg

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models import QuerySet

from audit.checkpoints import SignedHead, TrustedKey, in_use, verify_checkpoint
from audit.errors import NotSealedError
from audit.merkle import HASH_BYTES, NodeReader, consistency_proof, inclusion_proof, row_above
from audit.models import Event
from audit.notes import NoteError
from audit.redaction.commitments import Opening
from audit.sealing.proof import ProofProblem, ProofState, Standing, proof_state
from audit.sealing.storage import last_checkpoint, tile_loader
from audit.sealing.trust import trusted_keys
from audit.tiles import HEIGHT, TILE_BYTES, WIDTH, MissingHashError, node_reader

ROWS_AT_ONCE = 2_000
NODES_KEPT = 16_384
"""Hashes of nodes that stay in memory while proofs are made: neighbouring leaves share nearly all of theirs."""
TILES_KEPT = 256
"""Tiles that stay in memory while proofs are made, 8 KiB each."""


@dataclass(frozen=True, slots=True)
class SealedLine:
    """One event as it was sealed: its place in the tree, its id, and the line that was hashed."""

    leaf_index: int
    event_id: int
    line: str


@dataclass(frozen=True, slots=True)
class EnclosedHead:
    """A tree head of the log that a known key has signed, and the note that says so."""

    note: str
    signed: SignedHead

    @property
    def size(self) -> int:
        """How many entries it covers."""
        return self.signed.head.size


def newest_head() -> EnclosedHead:
    """The newest checkpoint, with its signature verified.

    Raises:
        NotSealedError: there is none, or no key that is known here has signed it.
        KeyFileError: the file of the public keys cannot be read.
    """
    with connection.cursor() as cursor:
        last = last_checkpoint(cursor)
    if last is None:
        raise NotSealedError(ProofProblem.PENDING.sentence)
    return _verified(last[2], in_use(trusted_keys()))


def head_of_size(size: int) -> EnclosedHead | None:
    """The checkpoint over exactly so many entries; None where none was made.

    Raises:
        NotSealedError: no key that is known here has signed it.
        KeyFileError: the file of the public keys cannot be read.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM audit_checkpoint WHERE tree_size = %s", [size])
        row = cursor.fetchone()
    return _verified(row[0], trusted_keys()) if row else None


def _verified(note: str, keys: Iterable[TrustedKey]) -> EnclosedHead:
    keys = tuple(keys)
    if not keys:
        raise NotSealedError(ProofProblem.NO_KEYS.sentence)
    try:
        return EnclosedHead(note, verify_checkpoint(note, keys))
    except NoteError:
        raise NotSealedError(ProofProblem.BAD_CHECKPOINT.sentence) from None


def anchored_sizes() -> list[int]:
    """The newest tree heads that were given to anchors, each size once, smallest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tree_size FROM audit_anchoring WHERE tree_size > 0 ORDER BY tree_size")
        return [row[0] for row in cursor.fetchall()]


def place_of(event_id: int) -> ProofState:
    """Where an event stands, as the tables say."""
    return proof_state([event_id])[event_id]


def is_covered(event_id: int) -> bool:
    """Whether a checkpoint covers the event already, and with it every event that was committed before it."""
    state = place_of(event_id)
    return state.standing is Standing.SEALED and state.tree_size is not None


def count_sealed(chosen: QuerySet[Event], size: int) -> int:
    """How many of the chosen events are among the first ``size`` entries."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM audit_leaf leaf WHERE leaf.leaf_index < %s {_among(chosen)}", [size])
        return int(cursor.fetchone()[0])


def sealed_lines(chosen: QuerySet[Event] | None, size: int) -> Iterator[SealedLine]:
    """Those of the first ``size`` entries that are chosen (None: all), in the order of the tree.

    They are read 2,000 at a time by their place; other statements may run in between. Memory does not grow.
    """
    line = "audit_event_line(event.id, event.at, event.txid, event.db_user, event.body)"
    tables = "audit_leaf leaf JOIN audit_event event ON event.id = leaf.event_id"
    for row in _by_place(f"SELECT leaf.leaf_index, event.id, {line} FROM {tables}", _among(chosen), size):
        yield SealedLine(*row)


def sealed_openings(chosen: QuerySet[Event] | None, size: int) -> Iterator[tuple[int, list[Opening]]]:
    """What opens the commitments of the same events in the same order, by event; those without any are left out.

    A text that was taken out is not among them. They are read 2,000 events at a time.
    """
    rows = (
        "SELECT leaf.leaf_index, leaf.event_id, beside.rows FROM audit_leaf leaf JOIN LATERAL ("
        "SELECT json_agg(json_build_array(opening.path, encode(opening.salt, 'hex'), opening.value)) AS rows"
        " FROM audit_opening opening WHERE opening.event_id = leaf.event_id AND opening.redaction_id IS NULL"
        " HAVING count(*) > 0) beside ON true"
    )
    for _leaf_index, event_id, openings in _by_place(rows, _among(chosen), size):
        yield event_id, [Opening(path, bytes.fromhex(salt), value) for path, salt, value in openings]


def sealed_places(chosen: QuerySet[Event], size: int) -> Iterator[tuple[int, int]]:
    """Place and id of the same events in the same order, without their texts."""
    yield from _by_place("SELECT leaf.leaf_index, leaf.event_id FROM audit_leaf leaf", _among(chosen), size)


def _by_place(select: str, among: str, size: int) -> Iterator[Any]:
    query = (
        f"{select} WHERE leaf.leaf_index >= %s AND leaf.leaf_index < %s {among}"
        f" ORDER BY leaf.leaf_index LIMIT {ROWS_AT_ONCE}"
    )
    start = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [start, size])
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        start = rows[-1][0] + 1


def _among(chosen: QuerySet[Event] | None) -> str:
    """The condition that leaves none but the chosen; their values are quoted by psycopg."""
    if chosen is None:
        return ""
    sql, params = chosen.order_by().values("id").query.sql_with_params()
    composed = cast("DatabaseOperations", connection.ops).compose_sql(sql, params)
    return f"AND leaf.event_id IN ({composed.replace('%', '%%')})"


class HeadProofs:
    """Makes proofs against one tree head, out of the stored tiles; nothing of it is kept but a few tiles."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._load = lru_cache(maxsize=TILES_KEPT)(self._tile)
        self._node: NodeReader = lru_cache(maxsize=NODES_KEPT)(node_reader(self._load, keep=1))
        self._rows = lru_cache(maxsize=1)(self._tile_rows)

    def inclusion(self, leaf_index: int) -> list[bytes]:
        """The path from a leaf to the root (RFC 6962, 2.1.1)."""
        tile_index, place = divmod(leaf_index, WIDTH)
        if (tile_index + 1) * WIDTH > self._size:
            return inclusion_proof(leaf_index, self._size, self._node)
        rows, above = self._rows(tile_index)
        return [rows[height][place >> height ^ 1] for height in range(HEIGHT)] + above

    def _tile_rows(self, tile_index: int) -> tuple[list[list[bytes]], list[bytes]]:
        """The hashes of a full tile, level by level from its leaves on, and the path from its root, all leaves' own."""
        rows, row = [], self._load(0, tile_index)
        if len(row) != TILE_BYTES:
            raise MissingHashError(0, tile_index)
        for _height in range(HEIGHT):
            rows.append([row[at : at + HASH_BYTES] for at in range(0, len(row), HASH_BYTES)])
            row = row_above(row)
        return rows, inclusion_proof(tile_index * WIDTH, self._size, self._node)[HEIGHT:]

    def consistency(self, old_size: int) -> list[bytes]:
        """That the tree begins with an older one (RFC 6962, 2.1.2)."""
        return consistency_proof(old_size, self._size, self._node)

    @staticmethod
    def _tile(level: int, tile_index: int) -> bytes:
        with connection.cursor() as cursor:
            return tile_loader(cursor)(level, tile_index)


def verifier_keys() -> Iterable[str]:
    """The public keys that are known here, as name+hash+key, those that were retired with ``until=`` behind it."""
    return [str(key.verifier) if key.until is None else f"{key.verifier} until={key.until}" for key in trusted_keys()]
