"""The process that seals: one of the installation leads, the others stand by."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from audit.anchors.protocols import Newest
from audit.errors import KeyFileError, SealingError
from audit.sealing.keys import SealingKey
from audit.sealing.looking_back import look_back
from audit.sealing.memory import HeadMemory
from audit.sealing.presence import clocks_agree, take_lead
from audit.sealing.seal import BATCH, Sealed, seal_once
from audit.tiles import MissingHashError

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 1.0
LOOK_EVERY_S = 0.2
LONGEST_PAUSE_S = 5.0
Connect = Callable[[], psycopg.Connection[Any]]


class Sealer:
    """Looks every 0.2 s whether an event waits, and signs at most one checkpoint a second, unless told otherwise.

    A checkpoint takes in ``batch`` events at most; where more wait, the next one follows without a look in between.

    ``on_sealed`` is told of every checkpoint after its commit, and of the last one before when the lead is taken; what
    it raises ends the sealer. ``on_lead`` is called with each lead that is taken, before anything is sealed. ``newest``
    are anchors by name that tell what they were given last: they are asked where this sealer remembers nothing.
    ``accept_restore`` holds for the first look back alone, so that a process which was
    started with it does not accept a later restore in silence.
    """

    def __init__(
        self,
        *,
        connect: Connect,
        key_file: Path,
        memory: HeadMemory,
        on_sealed: Callable[[str], None] = lambda _note: None,
        on_lead: Callable[[psycopg.Connection[Any], SealingKey], None] = lambda _connection, _key: None,
        newest: Mapping[str, Newest] | None = None,
        accept_restore: bool = False,
        every_s: float = CHECKPOINT_EVERY_S,
        look_every_s: float = LOOK_EVERY_S,
        batch: int = BATCH,
    ) -> None:
        self._connect = connect
        self._key_file = key_file
        self._memory = memory
        self._on_sealed = on_sealed
        self._on_lead = on_lead
        self._newest = newest or {}
        self._accept_restore = accept_restore
        self._remembers = True
        self._every_s = every_s
        self._look_every_s = look_every_s
        self._batch = batch
        self._is_behind = False
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
            except psycopg.OperationalError as error:
                failures = self._again(failures)
                logger.warning("PostgreSQL is away or has no room, trying again: %s", str(error).strip())
            except psycopg.Error as error:
                failures = self._again(failures)
                logger.error(  # noqa: TRY400 - the sentence says it
                    "Nothing is sealed: PostgreSQL refuses a step of the sealer: %s", str(error).strip()
                )
            except MissingHashError as error:
                failures = self._again(failures)
                logger.error(  # noqa: TRY400 - the sentence says it
                    "Nothing is sealed: %s Run manage.py audit_verify; nothing is signed until it passes", error
                )
            except SealingError as error:
                failures = self._again(failures)
                logger.error("Nothing is sealed: %s", error)  # noqa: TRY400 - the sentence says it
            else:
                failures = 0
            ending.wait(self._pause_s(failures))
        self._seal_the_last()
        self._drop_connection()

    def _pause_s(self, failures: int) -> float:
        """Until the next look; until the next checkpoint may be signed where the last one left events waiting."""
        pause_s: float = min(self._look_every_s * 2**failures, LONGEST_PAUSE_S)
        return min(pause_s, max(0.0, self._next_at - time.monotonic())) if self._is_behind else pause_s

    def _seal_the_last(self) -> None:
        """What was committed since the last look does not wait for the next start."""
        if self._leads:
            self._next_at = 0.0
            with suppress(psycopg.Error, SealingError, MissingHashError):
                self._step()

    def _again(self, failures: int) -> int:
        self._drop_connection()
        return min(failures + 1, 10)

    def _step(self) -> None:
        self._is_behind = False
        if self._connection is None:
            self._connection, self._leads = self._connect(), False
        if not self._leads and not self._take_lead(self._connection):
            return
        if time.monotonic() < self._next_at or not _something_waits(self._connection):
            return
        self._next_at = time.monotonic() + self._every_s
        clocks_agree(self._connection)
        sealed = seal_once(self._connection, self._renew_key(), batch=self._batch)
        if sealed is not None:
            self._keep(sealed)
            self._is_behind = sealed.count == self._batch

    def _keep(self, sealed: Sealed) -> None:
        """Hand the checkpoint on, then remember it: a disk that is full takes the memory, not the anchors."""
        self._on_sealed(sealed.note)
        try:
            self._memory.remember(sealed.note)
        except KeyFileError as error:
            if self._remembers:
                logger.error(  # noqa: TRY400 - the sentence says it
                    "Sealed, but a database that goes back would not be noticed after a restart: %s", error
                )
            self._remembers = False
        else:
            self._remembers = True

    def _take_lead(self, connection: psycopg.Connection[Any]) -> bool:
        if not take_lead(connection):
            return False
        key = self._renew_key()
        accept, self._accept_restore = self._accept_restore, False
        try:
            look_back(connection, self._memory, key, self._newest, accept_restore=accept)
        except psycopg.Error:
            self._accept_restore = accept
            raise
        self._on_lead(connection, key)
        self._leads = True
        note = self._memory.note()
        if note:
            self._on_sealed(note)
        logger.info("Sealing the audit log %s", key.origin)
        return True

    def _renew_key(self) -> SealingKey:
        """The keys, read again when their file has changed: a rotation needs no restart."""
        try:
            status = self._key_file.stat()
        except OSError:
            status = None  # reading it says what is wrong
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
