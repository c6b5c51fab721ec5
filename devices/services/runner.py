"""A runner: pulls claimed rows and works on several devices at once, in threads, until its deadline nears.

Several runners on several machines share one run; the rows, not the queue, say what is left. A heartbeat renews the
leases; when it fails for longer than a lease, every open session is closed, because another worker may take over.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from devices.drivers.base import Driver
from devices.errors import LeaseLostError
from devices.models.claims import Claimable
from devices.services.claims import Claim, abandon, renew
from devices.services.device_locks import kept_lock_session
from devices.services.draining import is_draining

logger = logging.getLogger(__name__)

ClaimSome = Callable[[uuid.UUID, int], Sequence[Claim]]
"""Claims rows for an owner, at most so many."""
Work = Callable[[Claim, "Heartbeat"], None]


class Heartbeat(AbstractContextManager["Heartbeat"]):
    """Renews the leases of one owner, and closes all sessions when it no longer can.

    A thread renews, another one watches it: a database that hangs would hold the first one up for ever.
    """

    def __init__(self, model: type[Claimable], owner: uuid.UUID) -> None:
        self._model = model
        self._owner = owner
        self._stop = threading.Event()
        self._drivers: set[Driver] = set()
        self._rows: set[int] = set()
        self._guard = threading.Lock()
        self._renewed = time.monotonic()
        self._threads = [
            threading.Thread(target=work, name="heartbeat", daemon=True) for work in (self._beat, self._watch)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def hold(self, claim: Claim) -> None:
        """Keep this claim's lease alive from now on."""
        with self._guard:
            self._rows.add(claim.row_id)

    def let_go(self, claim: Claim) -> None:
        """Nobody works on this row any more: were it still ours by mistake, its lease must be able to end."""
        with self._guard:
            self._rows.discard(claim.row_id)

    def watch(self) -> Callable[[Driver | None], None]:
        """A callback for one thread: told the driver it uses now, or None when it has let go of it."""
        held: list[Driver] = []

        def on_driver(driver: Driver | None) -> None:
            with self._guard:
                while held:
                    self._drivers.discard(held.pop())
                if driver is not None:
                    held.append(driver)
                    self._drivers.add(driver)

        return on_driver

    def _beat(self) -> None:
        try:
            while not self._stop.wait(settings.COUNTERSIGN_LEASE_S / 4):
                began = time.monotonic()
                try:
                    with self._guard:
                        rows = tuple(self._rows)
                    renew(self._model, owner=self._owner, rows=rows)
                    self._renewed = began
                except DatabaseError:
                    connection.close()
        finally:
            connection.close()

    def _watch(self) -> None:
        while not self._stop.wait(settings.COUNTERSIGN_LEASE_S / 8):
            if time.monotonic() - self._renewed > settings.COUNTERSIGN_LEASE_S * 0.75:
                self._abort_all()

    def _abort_all(self) -> None:
        with self._guard:
            drivers = tuple(self._drivers)
        if drivers:
            logger.error("leases cannot be renewed; closing %s device sessions of this worker", len(drivers))
        for driver in drivers:
            driver.abort()


class _Crew(AbstractContextManager["_Crew"]):
    """At most ``size`` threads that do one claim each; one thread alone gives orders.

    Each keeps its database connection from one row to the next, since to open it costs more than a row's queries.
    """

    def __init__(self, size: int, do: Callable[[Claim], None]) -> None:
        self._size = size
        self._do = do
        self._orders: SimpleQueue[Claim | None] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _thread in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self._busy > 0

    @property
    def free(self) -> int:
        """How many more could be begun now."""
        return self._size - self._busy

    def begin(self, claim: Claim) -> None:
        """Have a free thread do it; a new one if all are busy."""
        if self._busy == len(self._threads):
            self._threads.append(threading.Thread(target=self._serve, name="device"))
            self._threads[-1].start()
        self._busy += 1
        self._orders.put(claim)

    def wait_for_one(self) -> None:
        """Wait until at least one is done."""
        self._done.get()
        self._busy -= 1
        while True:
            try:
                self._done.get_nowait()
            except Empty:
                return
            self._busy -= 1

    def _serve(self) -> None:
        try:
            while (claim := self._orders.get()) is not None:
                try:
                    self._do(claim)
                finally:
                    self._done.put(None)
        finally:
            connection.close()


def run_claims(model: type[Claimable], *, claim_some: ClaimSome, work: Work, threads: int) -> int:
    """Claim and work until nothing is claimable, the deadline nears, or this worker is to end.

    Nothing is claimed ahead: a row is taken when a thread is free for it. Returns how many rows were worked on.
    """
    owner = uuid.uuid4()
    deadline = time.monotonic() + settings.COUNTERSIGN_RUNNER_DEADLINE_S
    done = 0
    with (
        kept_lock_session(),
        Heartbeat(model, owner) as heartbeat,
        _Crew(threads, lambda claim: _guarded(model, work, claim, heartbeat)) as crew,
    ):
        while True:
            if crew.free and time.monotonic() < deadline and not is_draining():
                # As many as are free now at once: under load several threads become free between two looks.
                for claim in claim_some(owner, crew.free):
                    heartbeat.hold(claim)
                    crew.begin(claim)
                    done += 1
            if not crew.busy:
                return done
            crew.wait_for_one()


def _guarded(model: type[Claimable], work: Work, claim: Claim, heartbeat: Heartbeat) -> None:
    """The outermost frame of one row's work: whatever goes wrong, the other rows go on."""
    try:
        work(claim, heartbeat)
    except LeaseLostError:
        logger.warning("%s %s: the lease went to another worker", model.__name__, claim.row_id)
    except Exception as error:
        # Recovery reads the device back, so nothing is assumed here about how far it came.
        logger.exception("%s %s: the worker failed; recovery takes over", model.__name__, claim.row_id)
        _abandon(model, claim, error)
    finally:
        heartbeat.let_go(claim)
        connection.close_if_unusable_or_obsolete()


def _abandon(model: type[Claimable], claim: Claim, error: Exception) -> None:
    """Hand the row to recovery at once; without the database its lease runs out by itself."""
    connection.close()  # it may be what failed
    detail = f"The worker failed with {type(error).__name__}; its log says where."
    try:
        abandon(model, claim, code="WORKER_FAILED", detail=detail)
    except DatabaseError:
        logger.warning("%s %s: the database is away; the lease has to run out", model.__name__, claim.row_id)
