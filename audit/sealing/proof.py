"""Whether an event is sealed, and the proof of it. Reads only, and knows public keys alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection

from audit.checkpoints import SignedHead, TrustedKey, in_use, verify_checkpoint
from audit.errors import KeyFileError
from audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from audit.notes import NoteError
from audit.sealing.storage import last_checkpoint, tile_loader
from audit.sealing.trust import trusted_keys
from audit.tiles import MissingHashError, node_reader

COUNT_LIMIT = 100_000
"""Beyond so many waiting events their number is not counted any further."""


class Standing(StrEnum):
    """Where an event stands: waiting for the sealer, under a checkpoint, or neither, which no event should be."""

    PENDING = "pending"
    SEALED = "sealed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class ProofState:
    """Where an event stands, as the tables say; nothing is verified here.

    A sealed one has its place in the tree and the first checkpoint that covers it: its size and when it was signed.
    """

    standing: Standing
    leaf_index: int | None = None
    tree_size: int | None = None
    signed_at: datetime | None = None


class ProofProblem(StrEnum):
    """Why an event does not count as sealed."""

    PENDING = "pending"
    ABSENT = "absent"
    NO_KEYS = "no_keys"
    BAD_CHECKPOINT = "bad_checkpoint"
    EVENT_DIFFERS = "event_differs"
    NOT_IN_TREE = "not_in_tree"

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    ProofProblem.PENDING: "The event waits for the sealer. It signs within about a second when it runs.",
    ProofProblem.ABSENT: "The event is neither sealed nor waiting for it. Run manage.py audit_verify.",
    ProofProblem.NO_KEYS: "No public key of the audit log is known here, so no seal can be checked (AUDIT_VERIFIERS).",
    ProofProblem.BAD_CHECKPOINT: "The newest checkpoint is not signed by a known key of the audit log.",
    ProofProblem.EVENT_DIFFERS: "The event is not what was sealed: it was changed afterwards.",
    ProofProblem.NOT_IN_TREE: "The event does not belong to the tree that was signed.",
}


@dataclass(frozen=True, slots=True)
class EventProof:
    """All that shows that an event is in the log: verified when this was made.

    ``line`` is what was hashed; ``path`` (RFC 6962's audit path, 32 bytes each) leads from its hash at ``leaf_index``
    to the root that the signed ``checkpoint`` states.
    """

    event_id: int
    line: str
    leaf_index: int
    path: tuple[bytes, ...]
    checkpoint: str
    signed: SignedHead


@dataclass(frozen=True, slots=True)
class Lag:
    """How far sealing is behind.

    ``pending`` counts waiting events (up to 100,000), ``oldest_s`` is how long the first of them has waited in seconds,
    ``tree_size`` and ``signed_at`` are the newest checkpoint's; ``None`` where there is none.
    """

    pending: int
    oldest_s: float | None
    tree_size: int | None
    signed_at: datetime | None


def proof_state(event_ids: Iterable[int]) -> dict[int, ProofState]:
    """Where each of these events stands. One query, however many they are; none for none.

    It is one statement, so that an event which is sealed meanwhile is seen either waiting or sealed, never as neither.
    """
    ids = list(event_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.event_id, waiting.event_id IS NOT NULL, leaf.leaf_index, covering.tree_size, covering.signed_at
            FROM unnest(%s::bigint[]) AS asked (event_id)
            LEFT JOIN audit_leaf leaf ON leaf.event_id = asked.event_id
            LEFT JOIN audit_pending waiting ON waiting.event_id = asked.event_id
            LEFT JOIN LATERAL (
                SELECT tree_size, signed_at FROM audit_checkpoint
                WHERE tree_size > leaf.leaf_index ORDER BY tree_size LIMIT 1) covering ON true
            """,
            [ids],
        )
        found = {event_id: _state(*rest) for event_id, *rest in cursor.fetchall()}
    return {event_id: found[event_id] for event_id in ids}


def _state(waits: bool, leaf_index: int | None, tree_size: int | None, signed_at: datetime | None) -> ProofState:
    if leaf_index is None:
        return ProofState(Standing.PENDING if waits else Standing.ABSENT)
    return ProofState(Standing.SEALED, leaf_index, tree_size, signed_at)


def is_sealed(event_id: int) -> bool:
    """Whether the event, as it is stored now, is under a checkpoint that a known key has signed.

    The signature and the inclusion proof are verified, from the row's own bytes up. Some five queries, a few
    milliseconds.
    """
    return not isinstance(event_proof(event_id), ProofProblem)


def event_proof(event_id: int) -> EventProof | ProofProblem:
    """The verified proof of an event under the newest checkpoint, or what is in its way."""
    try:
        return _proof(event_id)
    except _UnsealedError as unsealed:
        return unsealed.problem


class _UnsealedError(Exception):
    def __init__(self, problem: ProofProblem) -> None:
        super().__init__(problem)
        self.problem = problem


def _proof(event_id: int) -> EventProof:
    keys = _keys()
    with connection.cursor() as cursor:
        # The checkpoint first: what is read after it can only be of a later time, and tiles only grow.
        last = last_checkpoint(cursor)
        leaf_index, stored_hash, line = _leaf(event_id)
        if last is None or leaf_index >= last[0]:
            raise _UnsealedError(ProofProblem.PENDING)
        signed = _signed(last[2], keys)
        leaf = leaf_hash(line.encode())
        if leaf != stored_hash:
            raise _UnsealedError(ProofProblem.EVENT_DIFFERS)
        size, root = signed.head.size, signed.head.root
        try:
            path = inclusion_proof(leaf_index, size, node_reader(tile_loader(cursor)))
        except (MissingHashError, ValueError):
            raise _UnsealedError(ProofProblem.NOT_IN_TREE) from None
    if not verify_inclusion(index=leaf_index, size=size, leaf=leaf, proof=path, root=root):
        raise _UnsealedError(ProofProblem.NOT_IN_TREE)
    return EventProof(event_id, line, leaf_index, tuple(path), last[2], signed)


def _keys() -> tuple[TrustedKey, ...]:
    try:
        keys = trusted_keys()
    except KeyFileError:
        keys = ()
    if not keys:
        raise _UnsealedError(ProofProblem.NO_KEYS)
    return keys


def _signed(note: str, keys: Iterable[TrustedKey]) -> SignedHead:
    try:
        return verify_checkpoint(note, in_use(keys))
    except NoteError:
        raise _UnsealedError(ProofProblem.BAD_CHECKPOINT) from None


def sealing_lag() -> Lag:
    """How far sealing is behind. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM (SELECT FROM audit_pending LIMIT %s) waiting),
                (SELECT extract(epoch FROM clock_timestamp() - event.at)::float8
                 FROM audit_pending JOIN audit_event event ON event.id = event_id ORDER BY event_id LIMIT 1),
                newest.tree_size, newest.signed_at
            FROM (SELECT) nothing LEFT JOIN (
                SELECT tree_size, signed_at FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1) newest ON true
            """,
            [COUNT_LIMIT],
        )
        return Lag(*cursor.fetchone())


def _leaf(event_id: int) -> tuple[int, bytes, str]:
    """The event's place, the hash that was kept of it, and its line as it is stored now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT leaf.leaf_index, leaf.leaf_hash,
                audit_event_line(event.id, event.at, event.txid, event.db_user, event.body),
                EXISTS (SELECT FROM audit_pending WHERE event_id = event.id)
            FROM audit_event event LEFT JOIN audit_leaf leaf ON leaf.event_id = event.id WHERE event.id = %s
            """,
            [event_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise _UnsealedError(ProofProblem.ABSENT)
    leaf_index, stored_hash, line, waits = row
    if leaf_index is None:
        raise _UnsealedError(ProofProblem.PENDING if waits else ProofProblem.ABSENT)
    return leaf_index, bytes(stored_hash), line
