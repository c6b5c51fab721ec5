"""Claims: how exactly one worker at a time works on a row, and how a worker learns that it no longer may.

A claim writes an owner token, raises the fence and sets a lease, all by the database's clock. Every later write names
owner and fence; when it matches no row, the lease went to somebody else and the worker stops (ADR 0006).
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from devices.errors import LeaseLostError
from devices.models.claims import Claimable
from devices.services.statements import prepared

Row = TypeVar("Row", bound=Claimable)

DEVICE_LOCK_CLASS = 0x0C5D
"""First key of the session advisory locks that guard devices; the second is the device's id."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one row: valid while the row still carries this owner and this fence."""

    row_id: int
    owner: uuid.UUID
    fence: int


def database_time_plus(seconds: float) -> ExpressionWrapper[Combinable]:
    """The database's present time plus some seconds."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def claimable(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those rows that nobody holds and that need not wait."""
    return rows.filter(owner__isnull=True).filter(Q(not_before=None) | Q(not_before__lte=Now()))


_CLAIM: Final = """
    UPDATE {table}
       SET owner = %s, fence = fence + 1, lease_until = statement_timestamp() + make_interval(secs => %s),
           attempts = attempts + 1, not_before = NULL
     WHERE id = ANY(%s)
"""


@transaction.atomic
def claim_some(rows: QuerySet[Row], *, owner: uuid.UUID, limit: int) -> list[Claim]:
    """Claim the first claimable rows, at most ``limit``, skipping those that another worker is claiming right now.

    Two queries. The attempts are counted, so that a row that kills its workers does not go on for ever.
    """
    waiting = claimable(rows).select_for_update(skip_locked=True, of=("self",))
    return claim_locked(rows.model, waiting.values_list("pk", "fence")[:limit], owner=owner)


def claim_locked(model: type[Claimable], found: Iterable[tuple[int, int]], *, owner: uuid.UUID) -> list[Claim]:
    """Claim rows, given by id and fence, that the caller has locked in its transaction. One query."""
    claims = [Claim(pk, owner, fence + 1) for pk, fence in found]
    if claims:
        rows = [claim.row_id for claim in claims]
        prepared(_CLAIM.format(table=model._meta.db_table), [owner, settings.COUNTERSIGN_LEASE_S, rows])
    return claims


def claim_next(rows: QuerySet[Row], *, owner: uuid.UUID) -> Claim | None:
    """Claim the first claimable row; None when none is left."""
    return next(iter(claim_some(rows, owner=owner, limit=1)), None)


def renew(model: type[Claimable], *, owner: uuid.UUID, rows: Collection[int]) -> int:
    """Extend the lease of those of ``rows`` that this owner still holds; returns how many. One query."""
    return model._default_manager.filter(owner=owner, pk__in=rows).update(
        lease_until=database_time_plus(settings.COUNTERSIGN_LEASE_S)
    )


def fenced_update(model: type[Claimable], claim: Claim, **values: object) -> None:
    """Write to a claimed row, if it is still claimed by us.

    Raises:
        LeaseLostError: the row went to somebody else; nothing was written.
    """
    held = model._default_manager.filter(pk=claim.row_id, owner=claim.owner, fence=claim.fence)
    if not held.update(**values):
        raise LeaseLostError("This worker's lease has ended; another worker carries on with the row.")


def release(model: type[Claimable], claim: Claim, *, wait_s: float = 0, tried: bool = True, **values: object) -> None:
    """Give a claimed row back, to be claimed again after ``wait_s`` seconds at the earliest.

    ``tried=False`` says that nothing was attempted: the device was busy, so the claim does not count. It ends no row of
    lost workers either; an attempt that came to its end does.

    Raises:
        LeaseLostError: the row went to somebody else already.
    """
    if tried:
        values["losses"] = 0
    else:
        values["attempts"] = F("attempts") - 1
    freed = {"owner": None, "lease_until": None, "not_before": database_time_plus(wait_s)}
    fenced_update(model, claim, **freed, **values)


def abandon(model: type[Claimable], claim: Claim, **values: object) -> None:
    """Let a claim's lease end now, so that the dispatcher hands the row to recovery; nothing happens if it is lost."""
    model._default_manager.filter(pk=claim.row_id, owner=claim.owner, fence=claim.fence).update(
        owner=uuid.uuid4(), lease_until=Now(), **values
    )


class _Kept(threading.local):
    """A thread's connections that hold no lock now; None outside of :func:`kept_lock_connections`."""

    idle: list[BaseDatabaseWrapper] | None = None


_kept = _Kept()


@contextmanager
def kept_lock_connections() -> Iterator[None]:
    """In this thread, keep the connections of device locks open for the next device until the body ends."""
    _kept.idle = []
    try:
        yield
    finally:
        idle, _kept.idle = _kept.idle, None
        for connection in idle or ():
            connection.close()


@contextmanager
def device_lock(device_id: int) -> Iterator[bool]:
    """Try to take the installation-wide session lock on a device, on a database connection of its own.

    Yields whether it was taken. PostgreSQL frees it when the body ends or the holder's process dies, never earlier, so
    a worker that is slow but alive cannot be overtaken on the device.
    """
    connection, locked = _try_lock(device_id)
    try:
        yield locked
    finally:
        _let_go(connection, device_id, locked=locked)


def _try_lock(device_id: int) -> tuple[BaseDatabaseWrapper, bool]:
    if _kept.idle:
        connection = _kept.idle.pop()
        try:
            return connection, _lock(connection, device_id)
        except DatabaseError:
            connection.close()  # it was lost while it was idle, and held nothing
    connection = connections.create_connection("default")
    try:
        with connection.cursor() as cursor:
            # A host that vanished closes nothing: PostgreSQL has to ask whether it is still there (TCP only).
            cursor.execute(
                "SELECT set_config('tcp_keepalives_idle', '10', false),"
                " set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)"
            )
        return connection, _lock(connection, device_id)
    except BaseException:
        connection.close()
        raise


def _lock(connection: BaseDatabaseWrapper, device_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [DEVICE_LOCK_CLASS, device_id])
        return bool(cursor.fetchone()[0])


def _let_go(connection: BaseDatabaseWrapper, device_id: int, *, locked: bool) -> None:
    """Free the lock and keep the connection where that is wanted; closing it frees the lock too."""
    try:
        if _kept.idle is not None:
            if locked:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [DEVICE_LOCK_CLASS, device_id])
            _kept.idle.append(connection)
            return
    except DatabaseError:
        pass
    connection.close()
