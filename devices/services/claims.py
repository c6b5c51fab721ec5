"""Claims: how exactly one worker at a time works on a row, and how a worker learns that it no longer may.

A claim writes an owner token, raises the fence and sets a lease, all by the database's clock. Every later write names
owner and fence; when it matches no row, the lease went to somebody else and the worker stops (ADR 0006).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from devices.errors import LeaseLostError
from devices.models.claims import Claimable
from devices.services.statements import prepared

Row = TypeVar("Row", bound=Claimable)


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
