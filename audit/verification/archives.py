"""What became of entries whose events are not in the table any more, as far as the database itself can say.

Their leaves are bound by the tree, but their texts are in files: ``audit_verify --archive`` reads those. Here it is
held against each other what was recorded of the archives, what is left of their events, and what the log says of both.
"""

import hashlib
from typing import Final

from audit.sealing.storage import Cursor
from audit.verification.findings import Finding, FindingCode

_PAGE: Final = 5_000

_ARCHIVES: Final = """
SELECT archive.id, archive.file, archive.state, archive.events, archive.sha256, archive.manifest_sha256,
    archive.leaves::text, coalesce(there.leaves = archive.leaves, false), coalesce(there.number, 0),
    said.details ->> 'sha256', said.details ->> 'manifest_sha256', said.details ->> 'leaves_sha256'
FROM audit_archive archive
LEFT JOIN LATERAL (
    SELECT range_agg(int8range(leaf_index, leaf_index + 1)) AS leaves, count(*) AS number
    FROM audit_archived_event WHERE archive_id = archive.id) there ON true
LEFT JOIN LATERAL (
    SELECT event.body::jsonb -> 'details' AS details FROM audit_event event
    WHERE event.object_type = 'audit_archive' AND event.object_id = archive.id::text
        AND event.action = 'audit_archive.recorded' AND event.state_to = 'recorded'
    ORDER BY event.id LIMIT 1) said ON true
WHERE archive.id > %s ORDER BY archive.id LIMIT 1
"""
_STRAY: Final = """
SELECT event_id FROM audit_archived_event gone
WHERE NOT EXISTS (SELECT FROM audit_archive archive WHERE archive.id = gone.archive_id AND archive.state = 'removed')
ORDER BY event_id LIMIT 1
"""


class ArchivedEvents:
    """Tells of each entry, in ascending order, whether its event went to an archive; 5,000 are read at once.

    No entry before ``next`` did: those need not be asked for.
    """

    def __init__(self, cursor: Cursor, start: int) -> None:
        self._cursor = cursor
        self._read: list[tuple[int, int]] = []
        self._at = 0
        self._next_page = self.next = start
        self.count = 0

    def went(self, index: int, event_id: int, *, there: bool) -> bool:
        """Whether the event of this entry went to an archive; ``there``: it is in the table.

        Raises:
            Finding: what is left of the entry names another event, or its event is in the table as well.
        """
        while self._at < len(self._read) and self._read[self._at][0] < index:
            self._at += 1
        if self._at == len(self._read) and self._next_page <= index:
            self._read_from(index)
        self.next = self._read[self._at][0] if self._at < len(self._read) else self._next_page
        if self._at == len(self._read) or self._read[self._at][0] != index:
            return False
        if there or self._read[self._at][1] != event_id:
            raise Finding(
                FindingCode.ARCHIVE_DIFFERS,
                f"Entry {index} went to an archive, but the table has an event in its place: it was put there"
                " afterwards, or what is left of the entry was changed.",
            )
        self.count += 1
        return True

    def _read_from(self, index: int) -> None:
        self._cursor.execute(
            "SELECT leaf_index, event_id FROM audit_archived_event WHERE leaf_index >= %s ORDER BY leaf_index LIMIT %s",
            (index, _PAGE),
        )
        self._read, self._at = self._cursor.fetchall(), 0
        # Where fewer came there are no further ones; else those from the last one on are read next.
        self._next_page = self._read[-1][0] + 1 if len(self._read) == _PAGE else 2**63


def check_archives(cursor: Cursor) -> int:
    """Compare the records of all archives with the sealed events about them; returns how many there are.

    Raises:
        Finding: a record, or what is left of an archive's events, is not what the log says.
    """
    cursor.execute(_STRAY)
    row = cursor.fetchone()
    if row is not None:
        raise Finding(
            FindingCode.ARCHIVE_DIFFERS,
            f"Event {row[0]} is said to be in an archive that was never recorded: it was deleted.",
        )
    count, last = 0, 0
    while True:
        cursor.execute(_ARCHIVES, (last,))
        row = cursor.fetchone()
        if row is None:
            return count
        last, count = row[0], count + 1
        _check(*row[1:])


def _check(
    file: str, state: str, events: int, sha256: str, manifest: str, leaves: str, same: bool, there: int, *said: str
) -> None:
    recorded = (sha256, manifest, hashlib.sha256(leaves.encode()).hexdigest())
    if said != recorded:
        raise Finding(
            FindingCode.ARCHIVE_DIFFERS,
            f"The record of the archive {file} is not what the log says of it: it was changed, or put in.",
        )
    if (state == "removed") != same or there != (events if state == "removed" else 0):
        raise Finding(
            FindingCode.ARCHIVE_DIFFERS,
            f"What is left of the events of the archive {file} is not what was recorded: rows were put in or out.",
        )
