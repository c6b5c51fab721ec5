"""The process that seals: one of the installation leads, the others stand by."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from audit.actor import Actor
from audit.checkpoints import TreeHead
from audit.errors import RolledBackError, SealingError
from audit.recorder import INSERT_SELECT, ObjectType, event_values
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.seal import remembered_head_stands, seal_once

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 1.0
LOOK_EVERY_S = 0.2
LONGEST_PAUSE_S = 5.0
LEADER_LOCK = 7_211_504_903_772
"""The session advisory lock of the sealer that leads."""

Connect = Callable[[], psycopg.Connection[Any]]


class Sealer:
    """Looks every 0.2 s whether an event waits, and signs at most one checkpoint a second, unless told otherwise.

    ``on_sealed`` is told of every checkpoint after its commit, and of the last one before when the lead is taken; what
    it raises ends the sealer.
    """

    def __init__(
        self,
        *,
        connect: Connect,
        key_file: Path,
        memory: HeadMemory,
        on_sealed: Callable[[str], None] = lambda _note: None,
        accept_restore: bool = False,
        every_s: float = CHECKPOINT_EVERY_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._connect = connect
        self._key_file = key_file
        self._memory = memory
        self._on_sealed = on_sealed
        self._accept_restore = accept_restore
        self._every_s = every_s
        self._look_every_s = look_every_s
        self._connection: psycopg.Connection[Any] | None = None
        self._key: SealingKey | None = None
        self._key_version: tuple[int, int] | None = None
        self._leads = False
        self._next_at = 0.0

    def run(self, ending: threading.Event) -> None:
        """Seal until ``ending`` is set. PostgreSQL may come and go; a damaged tree is reported until it is mended.

        Raises:
            KeyFileError: at the start, the key cannot be used.
        """
        self._renew_key()
        failures = 0
        while not ending.is_set():
            try:
                self._step()
            except psycopg.errors.InsufficientPrivilege:
                failures = self._again(failures)
                logger.exception(
                    "The sealer's login may not seal: set DATABASE_SEALER_URL to that of countersign_sealer"
                )
            except psycopg.Error as error:
                failures = self._again(failures)
                logger.warning("PostgreSQL is away, trying again: %s", str(error).strip())
            except SealingError as error:
                failures = self._again(failures)
                logger.error("Nothing is sealed: %s", error)  # noqa: TRY400 - the sentence says it
            else:
                failures = 0
            ending.wait(min(self._look_every_s * 2**failures, LONGEST_PAUSE_S))
        self._seal_the_last()
        self._drop_connection()

    def _seal_the_last(self) -> None:
        """What was committed since the last look does not wait for the next start."""
        if self._leads:
            self._next_at = 0.0
            with suppress(psycopg.Error, SealingError):
                self._step()

    def _again(self, failures: int) -> int:
        self._drop_connection()
        return min(failures + 1, 10)

    def _step(self) -> None:
        if self._connection is None:
            self._connection, self._leads = self._connect(), False
        if not self._leads and not self._take_lead(self._connection):
            return
        if time.monotonic() < self._next_at or not _something_waits(self._connection):
            return
        self._next_at = time.monotonic() + self._every_s
        sealed = seal_once(self._connection, self._renew_key())
        if sealed is not None:
            self._memory.remember(sealed.note)
            self._on_sealed(sealed.note)

    def _take_lead(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
        if not row or not row[0]:
            return False
        self._look_back(connection)
        self._leads = True
        note = self._memory.note()
        if note:
            self._on_sealed(note)
        logger.info("Sealing the audit log %s", self._renew_key().origin)
        return True

    def _look_back(self, connection: psycopg.Connection[Any]) -> None:
        """Compare the database with what this sealer signed last.

        Raises:
            RolledBackError: it is behind that, or another tree.
        """
        head = self._memory.head()
        if head is None or remembered_head_stands(connection, head):
            return
        if not self._accept_restore:
            raise RolledBackError(
                f"This sealer has signed a tree of {head.size} entries that the database does not hold. If a backup"
                " was restored, start the sealer once with --accept-restore: the log then says so, and the entries"
                " that are lost stay provable by anchors and exports. Otherwise somebody has replaced the log."
            )
        say_restored(connection, head)
        self._memory.forget()
        self._accept_restore = False

    def _renew_key(self) -> SealingKey:
        """The keys, read again when their file has changed: a rotation needs no restart."""
        status = self._key_file.stat() if self._key_file.exists() else None
        version = (status.st_mtime_ns, status.st_ino) if status else None
        if self._key is None or version != self._key_version:
            self._key, self._key_version = SealingKey.read(self._key_file), version
        return self._key

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection, self._leads = None, False


def _something_waits(connection: psycopg.Connection[Any]) -> bool:
    """By the index, and not by COUNT or EXISTS: rows that were just taken out cost next to nothing then."""
    return connection.execute("SELECT event_id FROM audit_pending ORDER BY event_id LIMIT 1").fetchone() is not None


def say_restored(connection: psycopg.Connection[Any], head: TreeHead) -> None:
    """Record that the log goes on from a database that lacks entries which were signed."""
    say(
        connection,
        action="audit.log_restored",
        object_type=ObjectType.AUDIT_LOG,
        object_id=head.origin,
        reason=f"The sealer had signed a tree of {head.size} entries that this database does not hold.",
        details={"signed_size": head.size, "signed_root": head.root.hex()},
    )


def say(connection: psycopg.Connection[Any], **event: Any) -> None:  # noqa: ANN401 - the parts of record()
    """Record an event of the sealer itself, through its own connection."""
    with connection.transaction():
        connection.execute(INSERT_SELECT, event_values(actor=Actor.system("sealer"), **event))
