"""A runner: pulls claimed rows and works on several devices at once, in threads, until its deadline nears.

Several runners on several machines share one run; the rows, not the queue, say what is left. A heartbeat renews the
leases; when it fails for longer than a lease, every open session is closed, because another worker may take over.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from devices.drivers.base import Driver
from devices.errors import LeaseLostError
from devices.models.claims import Claimable
from devices.services.claims import Claim, abandon, renew

logger = logging.getLogger(__name__)

ClaimNext = Callable[[uuid.UUID], Claim | None]
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


def run_claims(model: type[Claimable], *, claim_next: ClaimNext, work: Work, threads: int) -> int:
    """Claim and work until nothing is claimable or the deadline nears; returns how many rows were worked on."""
    owner = uuid.uuid4()
    deadline = time.monotonic() + settings.COUNTERSIGN_RUNNER_DEADLINE_S
    done = 0
    with (
        Heartbeat(model, owner) as heartbeat,
        ThreadPoolExecutor(threads, thread_name_prefix="device") as pool,
    ):
        busy: set[Future[None]] = set()
        while True:
            while len(busy) < threads and time.monotonic() < deadline:
                claim = claim_next(owner)
                if claim is None:
                    break
                heartbeat.hold(claim)
                busy.add(pool.submit(_guarded, model, work, claim, heartbeat))
                done += 1
            if not busy:
                return done
            _finished, busy = wait(busy, return_when=FIRST_COMPLETED)


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
        connection.close()


def _abandon(model: type[Claimable], claim: Claim, error: Exception) -> None:
    """Hand the row to recovery at once; without the database its lease runs out by itself."""
    connection.close()  # it may be what failed
    detail = f"The worker failed with {type(error).__name__}; its log says where."
    try:
        abandon(model, claim, code="WORKER_FAILED", detail=detail)
    except DatabaseError:
        logger.warning("%s %s: the database is away; the lease has to run out", model.__name__, claim.row_id)
