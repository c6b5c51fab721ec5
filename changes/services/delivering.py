"""Notifications on their way out: taken from the table, sent, and tried again a bounded number of times.

The queue is a doorbell. A worker that dies leaves rows that another takes when their time is over, so a message may
arrive twice, with the same id and the same notifications; it is never lost while its row waits.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django_q.tasks import async_task

from changes.domain.notifications import MAX_ATTEMPTS, Channel, DeliveryState, wait_after
from changes.models import Notification, NotificationDelivery
from changes.outbound.errors import OutboundError
from changes.services.messages import send_email, send_webhook
from changes.services.queueing import is_ringing
from devices.services.claims import database_time_plus

logger = logging.getLogger(__name__)

TASK: Final = "changes.tasks.notifications_deliver"
LEASE_S: Final = 120
"""A row that was taken is due again after so long; longer than any one message may take."""
DEADLINE_S: Final = 20
"""A worker gives way to other work after so long; the dispatcher calls again while something is due."""
BUNDLE: Final = 100
"""The most notifications of one digest; what is left goes into the next message."""
KEPT_DAYS: Final = 180
_LOCK: Final = 0x0C5D_4017
"""Key of the advisory lock under which messages are put together."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows that go out as one message, taken by one worker."""

    rows: Sequence[NotificationDelivery]
    message: uuid.UUID
    owner: uuid.UUID

    @property
    def channel(self) -> Channel:
        """The way out."""
        return Channel(self.rows[0].channel)


def deliveries_dispatch() -> int:
    """The dispatcher's round: call a worker where something is due. Two small queries at most; how many calls."""
    if not _due().exists() or is_ringing():
        return 0
    async_task(TASK)
    return 1


def deliveries_work() -> int:
    """Send what is due until nothing is left or the time is over; returns how many messages were tried."""
    end = time.monotonic() + DEADLINE_S
    done = 0
    while time.monotonic() < end and (parcel := _take()):
        _carry(parcel)
        done += 1
    return done


def notifications_forget() -> int:
    """Delete notifications, and their deliveries, that are older than half a year; returns how many."""
    old = Notification.objects.filter(created_at__lt=Now() - timedelta(days=KEPT_DAYS))
    return old.delete()[1].get("changes.Notification", 0)


def _due() -> QuerySet[NotificationDelivery]:
    return NotificationDelivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=Now())


@transaction.atomic
def _take() -> Parcel | None:
    """The first row that is due, with those that go out with it, for this worker alone until the lease ends.

    One worker at a time: two that skipped each other's rows would send two halves of a message under one id, of which
    a receiver that remembers ids throws the second away.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    locked = _due().select_for_update(of=("self",), skip_locked=True, no_key=True)
    first = locked.order_by("due_at", "pk").first()
    if first is None:
        return None
    rows = [first]
    if first.message is not None:
        rows = list(locked.filter(message=first.message).order_by("pk"))
    elif first.bundled:
        same = locked.filter(person=first.person_id, channel=first.channel, bundled=True, message=None)
        rows = list(same.order_by("pk")[:BUNDLE])
    parcel = Parcel(rows, first.message or uuid.uuid4(), uuid.uuid4())
    taken = NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows])
    lease = database_time_plus(LEASE_S)
    taken.update(message=parcel.message, owner=parcel.owner, attempts=F("attempts") + 1, due_at=lease)
    return parcel


def _carry(parcel: Parcel) -> None:
    told = Notification.objects.filter(pk__in=[row.notification_id for row in parcel.rows])
    notifications = list(told.select_related("person", "change").order_by("pk"))
    send = send_email if parcel.channel is Channel.EMAIL else send_webhook
    try:
        _refuse_hopeless(parcel, notifications)
        send(notifications[0].person, notifications, str(parcel.message))
    except OutboundError as error:
        _failed(parcel, error)
    except Exception as error:  # a job's outermost frame: one bad message must not hold up the others
        logger.exception("A notification could not be sent; it is tried again")
        _failed(parcel, OutboundError("WORKER_FAILED", f"The worker failed with {type(error).__name__}."))
    else:
        _own(parcel).update(state=DeliveryState.SENT, ended_at=Now(), code="", detail="")


def _refuse_hopeless(parcel: Parcel, notifications: Sequence[Notification]) -> None:
    """Let nothing go out that must not any more.

    Raises:
        OutboundError: the account was switched off since, or worker after worker was lost over this message.
    """
    if not notifications[0].person.is_active:
        raise OutboundError("ACCOUNT_OFF", "The account was switched off meanwhile.", permanent=True)
    if parcel.rows[0].attempts >= MAX_ATTEMPTS:
        raise OutboundError("WORKER_FAILED", "Worker after worker was lost over this message.", permanent=True)


def _failed(parcel: Parcel, error: OutboundError) -> None:
    values = {"code": error.code, "detail": error.sentence[:300]}
    wait_s = None if error.permanent else wait_after(parcel.rows[0].attempts + 1)
    if wait_s is None:
        _own(parcel).update(state=DeliveryState.FAILED, ended_at=Now(), **values)
    else:
        _own(parcel).update(due_at=database_time_plus(wait_s), **values)


def _own(parcel: Parcel) -> QuerySet[NotificationDelivery]:
    """Its rows, unless another worker has taken them since."""
    return NotificationDelivery.objects.filter(message=parcel.message, owner=parcel.owner, state=DeliveryState.WAITING)
