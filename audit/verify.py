"""Verify the whole log on the server: nothing is believed but the public keys and what anchors keep.

Every event is read in the order of the tree, its sealed form is hashed anew, and tiles, checkpoints and anchors are
compared with the tree that results. That all checkpoints fit the one growing tree is what consistency between them
means; no proofs are needed for it. Memory does not grow with the number of events.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from audit.anchors.protocols import Witness
from audit.checkpoints import TrustedKey
from audit.merkle import GrowingTree, edge, leaf_hash
from audit.sealing.storage import tile_loader
from audit.tiles import WIDTH, MissingHashError, node_reader
from audit.verification.archives import ArchivedEvents, check_archives
from audit.verification.columns import COLUMNS, differing_column
from audit.verification.contents import Comparison
from audit.verification.findings import Finding, FindingCode, Report
from audit.verification.guards import check_guards
from audit.verification.heads import (
    CLOCK_TOLERANCE,
    OWN,
    Expected,
    anchored_heads,
    merged,
    newest_is_of_a_key_in_use,
    own_heads,
)
from audit.verification.reading import read_ahead
from audit.verification.tree import CheckedTree

ROWS_AT_ONCE = 2_000

_LEAVES = f"""
SELECT leaf.leaf_index, leaf.leaf_hash, leaf.event_id, event.at,
    audit_event_line(event.id, event.at, event.txid, event.db_user, event.body),
    {", ".join(f"event.{name}" for name in COLUMNS)}
FROM audit_leaf leaf LEFT JOIN audit_event event ON event.id = leaf.event_id
WHERE leaf.leaf_index >= %s ORDER BY leaf.leaf_index
"""  # noqa: S608 - constants
_BODY = ',"body":'
"""Where the body begins in a line: nothing before it can hold an unescaped quote behind a comma but JSON's own."""

_UNSEALED = """
SELECT event.id FROM audit_event event
WHERE NOT EXISTS (SELECT FROM audit_leaf leaf WHERE leaf.event_id = event.id)
    AND NOT EXISTS (SELECT FROM audit_pending pending WHERE pending.event_id = event.id) LIMIT 1
"""
_QUEUED_WRONGLY = """
SELECT pending.event_id FROM audit_pending pending
WHERE EXISTS (SELECT FROM audit_leaf leaf WHERE leaf.event_id = pending.event_id)
    OR NOT EXISTS (SELECT FROM audit_event event WHERE event.id = pending.event_id) LIMIT 1
"""


def verify(
    *,
    keys: tuple[TrustedKey, ...],
    witnesses: Mapping[str, Witness] | None = None,
    since_event: int | None = None,
    comparisons: Iterable[Comparison] = (),
    progress: Callable[[int], None] = lambda _events: None,
) -> Report:
    """Recompute the log from its rows and compare; what is wrong first stands in the report's ``finding``.

    ``witnesses`` are anchors by name that can be read. With ``since_event`` the entries before this event's are taken
    from the stored tree, which the later checkpoints still bind, and not hashed anew. ``comparisons`` follow when the
    log itself is whole: whether other tables say what it says. ``progress`` is told the number of events now and then.
    All is read from one snapshot, in a transaction that writes nothing; while a transaction is open already, in that
    one.
    """
    run = _Verification(keys, dict(witnesses or {}), progress)
    finding: Finding | None = None
    with _snapshot():
        try:
            run.everything(since_event)
            for comparison in comparisons:
                run.compared |= comparison(since_event or 0)
            run.columns_agree()
        except Finding as found:
            finding = found
    return run.report(finding)


class _Verification:
    def __init__(
        self, keys: tuple[TrustedKey, ...], witnesses: dict[str, Witness], progress: Callable[[int], None]
    ) -> None:
        self._keys = keys
        self._witnesses = witnesses
        self._progress = progress
        self._start = 0
        self._checked: CheckedTree | None = None
        self._newest: Expected | None = None
        self._latest: tuple[datetime, int] | None = None
        self._checkpoints = 0
        self._waiting = 0
        self._anchored = dict.fromkeys(witnesses, 0)
        self._anchored_size = dict.fromkeys(witnesses, 0)
        self._lying: tuple[int, str] | None = None
        self._lies = 0
        self._archived: ArchivedEvents | None = None
        self._archives = 0
        self.compared: dict[str, int] = {}

    def everything(self, since_event: int | None) -> None:
        with connection.cursor() as cursor:
            check_guards(cursor)
            if not self._keys:
                raise Finding(
                    FindingCode.NO_KEYS,
                    "No public key of the audit log is known, so no signature can be checked: put the log's verifier"
                    " keys into the file that AUDIT_VERIFIERS names.",
                )
            self._checked = checked = self._begin(cursor, since_event)
            self._archived = ArchivedEvents(connection.cursor(), self._start)
            heads = self._heads(cursor)
            expected = next(heads, None)
            with closing(self._leaves()) as leaves:
                for leaf in leaves:
                    checked.append(leaf)
                    while expected is not None and expected.size == checked.size:
                        self._meet(expected, checked.head())
                        expected = next(heads, None)
            self._end(expected, checked.size)
            newest_is_of_a_key_in_use(cursor, self._keys)
            checked.finish(checked.size)
            self._events_and_queue(cursor)
            self._archives = check_archives(cursor)
            self._anchors_kept_all(cursor)

    def _begin(self, cursor: Any, since_event: int | None) -> CheckedTree:  # noqa: ANN401 - any cursor
        if since_event is not None:
            cursor.execute(
                "SELECT coalesce((SELECT min(leaf_index) FROM audit_leaf WHERE event_id >= %s),"
                " (SELECT max(leaf_index) FROM audit_leaf), 0)",
                (since_event,),
            )
            self._start = cursor.fetchone()[0] // WIDTH * WIDTH
        try:
            right_edge = edge(self._start, node_reader(tile_loader(cursor)))
        except MissingHashError as error:
            raise Finding(FindingCode.TILE_DIFFERS, f"The stored tree has a hole: {error}") from None
        return CheckedTree(cursor, tree=GrowingTree(self._start, right_edge))

    def _heads(self, cursor: Any) -> Iterator[Expected]:  # noqa: ANN401 - any cursor
        own = own_heads(cursor, self._keys, after=self._start)
        anchored = (
            self._seen(name, anchored_heads(name, witness, self._keys, after=self._start))
            for name, witness in self._witnesses.items()
        )
        return merged([own, *anchored])

    def _seen(self, name: str, heads: Iterator[Expected]) -> Iterator[Expected]:
        for expected in heads:
            self._anchored_size[name] = expected.size
            yield expected

    def _leaves(self) -> Generator[bytes, None, None]:
        raw = connection.connection
        with psycopg.ServerCursor(raw, "audit_verify") as rows:
            rows.execute(_LEAVES, (self._start,), binary=True)
            index = self._start
            for row in read_ahead(rows, ROWS_AT_ONCE):
                yield self._leaf(index, row)
                index += 1
                if index % 100_000 == 0:
                    self._progress(index - self._start)

    def _leaf(self, index: int, row: tuple[Any, ...]) -> bytes:
        leaf_index, stored, event_id, at, line, *columns = row
        if leaf_index != index:
            raise Finding(FindingCode.LEAF_GAP, f"Entry {index} of the tree is missing: the next one is {leaf_index}.")
        assert self._archived is not None  # noqa: S101 - it is made before the first leaf
        if index >= self._archived.next and self._archived.went(index, event_id, there=line is not None):
            return bytes(stored)
        if line is None:
            raise Finding(
                FindingCode.EVENT_MISSING, f"Event {event_id} was sealed as entry {index}, and is gone: it was deleted."
            )
        leaf = leaf_hash(line.encode())
        if leaf != stored:
            raise Finding(
                FindingCode.EVENT_EDITED,
                f"Event {event_id} (entry {index}) is not what was sealed: it was changed afterwards.",
            )
        column = differing_column(line[line.index(_BODY) + len(_BODY) : -1], columns)
        if column:
            # Whoever may append can do this for ever: it must not hide what others did. So it is told last.
            self._lying = self._lying or (event_id, column)
            self._lies += 1
        if self._latest is None or at > self._latest[0]:
            self._latest = (at, event_id)
        return leaf

    def columns_agree(self) -> None:
        """Raise the finding of the first event whose columns are not what its body says."""
        if self._lying is None:
            return
        event_id, column = self._lying
        more = f" The same holds for {self._lies - 1:,} more events." if self._lies > 1 else ""
        raise Finding(
            FindingCode.COLUMNS_DIFFER,
            f"The column {column} of event {event_id} does not say what its sealed body says.{more}",
        )

    def _meet(self, expected: Expected, tree: GrowingTree) -> None:
        if expected.root != tree.root():
            raise _other_root(expected)
        if expected.source != OWN:
            self._anchored[expected.source] += 1
            return
        self._checkpoints += 1
        self._newest = expected
        if self._latest and expected.signed_at and self._latest[0] > expected.signed_at + CLOCK_TOLERANCE:
            raise Finding(
                FindingCode.TIME_AHEAD,
                f"Event {self._latest[1]} says that it was written at {_moment(self._latest[0])}, but it was sealed"
                f" before that, at {_moment(expected.signed_at)}: a clock was wrong, or the time was set.",
            )

    def _end(self, expected: Expected | None, size: int) -> None:
        if expected is not None and expected.source == OWN:
            raise Finding(
                FindingCode.EVENT_MISSING,
                f"A checkpoint of {expected.size} entries was signed, but the log holds {size}: the last were cut off.",
            )
        if expected is not None:
            raise Finding(
                FindingCode.ANCHOR_AHEAD,
                f"The anchor {expected.source} was given a tree of {expected.size} entries, but the log holds {size}:"
                " the last were cut off, or an older copy was put in the log's place.",
            )
        signed = self._newest.size if self._newest else self._start
        if size > signed:
            raise Finding(
                FindingCode.CHECKPOINT_MISSING,
                f"The log holds {size} entries, but the newest checkpoint covers {signed}: a checkpoint was removed, or"
                " entries were added without the sealer.",
            )

    def _events_and_queue(self, cursor: Any) -> None:  # noqa: ANN401 - any cursor
        cursor.execute("SELECT count(*) FROM audit_pending")
        self._waiting = cursor.fetchone()[0]
        cursor.execute(_UNSEALED)
        row = cursor.fetchone()
        if row is not None:
            raise Finding(
                FindingCode.EVENT_UNSEALED,
                f"Event {row[0]} is neither sealed nor waiting for it: it was put in past the log's own way, or taken"
                " out of the queue.",
            )
        cursor.execute(_QUEUED_WRONGLY)
        row = cursor.fetchone()
        if row is not None:
            raise Finding(
                FindingCode.QUEUE_WRONG,
                f"Event {row[0]} waits to be sealed, but it is sealed already or does not exist: it was deleted before"
                " it was sealed, or the queue was tampered with.",
            )

    def _anchors_kept_all(self, cursor: Any) -> None:  # noqa: ANN401 - any cursor
        cursor.execute("SELECT anchor, tree_size FROM audit_anchoring")
        for name, size in cursor.fetchall():
            kept = self._anchored_size.get(name)
            if kept is not None and size > max(kept, self._start):
                raise Finding(
                    FindingCode.ANCHOR_DIFFERS,
                    f"The anchor {name} was given a tree of {size} entries, but keeps none beyond {kept}: something was"
                    " removed from it.",
                )

    def report(self, finding: Finding | None) -> Report:
        size = self._checked.size if self._checked else 0
        newest = self._newest
        archived = self._archived.count if self._archived else 0
        return Report(
            first_index=self._start,
            events=size - self._start - archived,
            tiles=self._checked.tiles if self._checked else 0,
            checkpoints=self._checkpoints,
            waiting=self._waiting,
            anchored=self._anchored,
            tree_size=newest.size if newest else 0,
            root=newest.root.hex() if newest else "",
            signed_at=newest.signed_at if newest else None,
            finding=finding,
            compared=self.compared,
            archived=archived,
            archives=self._archives,
        )


def _other_root(expected: Expected) -> Finding:
    if expected.source == OWN:
        return Finding(
            FindingCode.CHECKPOINT_DIFFERS,
            f"The first {expected.size} entries do not give the tree that was signed: entries and their hashes were"
            " changed, exchanged or put in together.",
        )
    return Finding(
        FindingCode.ANCHOR_DIFFERS,
        f"The anchor {expected.source} was given another tree of {expected.size} entries: the log shows it one history"
        " and you another.",
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def _snapshot() -> Iterator[None]:
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
