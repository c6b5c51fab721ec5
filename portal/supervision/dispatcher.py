import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from portal.models import WorkerBeat
from portal.supervision.beats import BeatDirectory
from portal.supervision.watchdog import DISPATCHER

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
RECORD_EVERY_S = 2.0
LONGEST_PAUSE_S = 5.0
# Any constant of our own will do; the same in all versions, since old and new dispatchers may overlap in an update.
LEADER_LOCK = 7_211_504_903_661


class Leadership:
    """The session advisory lock that one dispatcher of the installation holds."""

    def __init__(self) -> None:
        self._session: int | None = None

    def is_ours(self) -> bool:
        """Whether this connection leads, trying to take the lead if nobody has it.

        The lock belongs to the database session: after a reconnect it has to be won again.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            session: int = cursor.fetchone()[0]
            if session == self._session:
                return True
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK])
            self._session = session if cursor.fetchone()[0] else None
        return self._session is not None

    def lose(self) -> None:
        """Forget a lead whose connection is gone."""
        self._session = None


class Dispatcher:
    """Does its ``jobs`` every second while it leads, and reports this host's workers to the database."""

    def __init__(self, *jobs: Callable[[], object], interval_s: float = INTERVAL_S) -> None:
        self._jobs = jobs
        self._interval_s = interval_s
        self._leadership = Leadership()
        self._beats = BeatDirectory.of_this_process()
        self._started_at = time.monotonic()
        self._record_at = 0.0

    def run(self, ending: threading.Event) -> None:
        """Work until ``ending`` is set; PostgreSQL may come and go meanwhile."""
        failures = 0
        while not ending.is_set():
            if self._beats is not None:
                self._beats.touch(DISPATCHER)
            try:
                self._step()
            except (OperationalError, InterfaceError) as error:
                failures += 1
                self._leadership.lose()
                connection.close()
                logger.warning("PostgreSQL is away, trying again: %s", str(error).strip())
            except Exception:  # a job's outermost frame: one bad change must not stop the others for ever
                failures += 1
                logger.exception("A dispatch failed; the next one follows")
            else:
                failures = 0
            ending.wait(min(self._interval_s * (1 + failures), LONGEST_PAUSE_S))
        self._forget()

    def _step(self) -> None:
        leads = self._leadership.is_ours()
        if leads:
            for job in self._jobs:
                job()
        if self._beats is not None and time.monotonic() >= self._record_at:
            self._record(self._beats, leads=leads)

    def _record(self, beats: BeatDirectory, *, leads: bool) -> None:
        reading = beats.read(workers=settings.COUNTERSIGN_WORKERS, age_s=time.monotonic() - self._started_at)
        WorkerBeat.objects.beat(
            host=socket.gethostname(),
            pid=os.getppid(),
            workers=reading.workers,
            busy=reading.busy,
            polled_s=reading.polled_s,
            leads=leads,
        )
        if leads:
            WorkerBeat.objects.forget_old()
        # A group that has just started is waited for: say so as soon as it looks for work.
        self._record_at = time.monotonic() + (RECORD_EVERY_S if reading.polled_s is not None else 0.0)

    def _forget(self) -> None:
        if self._beats is None:
            return
        try:
            WorkerBeat.objects.filter(host=socket.gethostname(), pid=os.getppid()).delete()
        except (OperationalError, InterfaceError):
            logger.warning("PostgreSQL is away: this host's beat stays until it is old")
