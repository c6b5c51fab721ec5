"""Files in the folder of archives that no record counts on: may they be deleted, or are they all that is left?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from audit.checkpoints import TrustedKey
from audit.retention.archive_file import CheckedArchive
from audit.retention.checking import check_against_leaves
from audit.retention.errors import ArchiveError
from audit.sealing.storage import Cursor

_MISSING: Final = """
SELECT count(*) FROM unnest(%s::int8multirange) AS part
JOIN audit_leaf leaf ON leaf.leaf_index >= lower(part) AND leaf.leaf_index < upper(part)
WHERE NOT EXISTS (SELECT FROM audit_event event WHERE event.id = leaf.event_id)
    AND NOT EXISTS (SELECT FROM audit_archived_event gone JOIN audit_archive archive ON archive.id = gone.archive_id
                    WHERE gone.event_id = leaf.event_id)
"""


def unrecorded(cursor: Cursor, folder: Path) -> list[Path]:
    """Archives in the folder that no record counts on: a run was ended before it, or it was given up. One query."""
    files = sorted(folder.glob("archive-*.zip"))
    cursor.execute(
        "SELECT file FROM audit_archive WHERE file = ANY (%s) AND state <> 'given_up'", ([path.name for path in files],)
    )
    recorded = {name for (name,) in cursor.fetchall()}
    return [path for path in files if path.name not in recorded]


def missing_events(cursor: Cursor, checked: CheckedArchive) -> int:
    """How many events of a file that fits the log are neither in the table nor in a recorded archive. One query."""
    cursor.execute(_MISSING, (str(checked.places),))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def leftovers(cursor: Cursor, folder: Path, keys: Sequence[TrustedKey]) -> Iterator[str]:
    """What to do with each such file, as a sentence: only one whose every event is elsewhere may be deleted."""
    for path in unrecorded(cursor, folder):
        try:
            missing = missing_events(cursor, check_against_leaves(cursor, path, keys))
        except ArchiveError as error:
            yield f"{path} is not recorded, and cannot be judged: {error} Keep it until you know where it is from."
            continue
        if missing:
            yield (
                f"{path} is not recorded, and {missing:,} of its events are neither in the table nor in a recorded"
                " archive. Keep it: it may be all that is left of them. Was a backup of the database restored?"
            )
        else:
            yield (
                f"{path} is not recorded: a run was ended before that. Its events are all in the table or in recorded"
                " archives. When manage.py audit_verify --archives finds these whole, delete this one: it holds texts"
                " of people, which nobody keeps track of in it."
            )
