"""The record of fetched credentials: a small table of counts, and audit events per piece of work, not per device."""

from __future__ import annotations

import os
import socket
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from devices.credentials import Retrieved
from devices.domain.occasions import Occasion, is_unusual
from devices.errors import DeviceError
from devices.models import CredentialUse, Device

WORKER: Final = Actor.system("worker")
SETTLED: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=180)

_KEPT_IN_EVENTS: Final = ("purpose", "uses", "devices", "providers", "unusual", "first_at", "last_at")
_UPSERT = """
    INSERT INTO devices_credentialuse AS known
        (credential, purpose, occasion, occasion_key, change_key, device_id, provider, version, changed_at,
         worker, unusual, code, count, reported, first_at, last_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, 0, now(), now())
    ON CONFLICT (occasion, occasion_key, credential, purpose, device_id, code) DO UPDATE
        SET count = known.count + 1, last_at = now(), worker = excluded.worker, provider = excluded.provider,
            version = excluded.version, changed_at = excluded.changed_at
"""

_TAKE = """
    WITH due AS (
        SELECT id, count - reported AS more, credential, purpose, occasion, occasion_key, change_key, device_id,
               provider, version, worker, code, unusual, first_at, last_at
          FROM devices_credentialuse AS uses
         WHERE reported < count AND {which}
           FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE devices_credentialuse AS uses SET reported = uses.reported + due.more FROM due WHERE uses.id = due.id
    )
    SELECT occasion, occasion_key, max(change_key) AS change_key, credential, purpose, code,
           bool_or(unusual) AS unusual, sum(more)::int AS uses, count(DISTINCT device_id)::int AS devices,
           min(device_id) AS device_id, array_agg(DISTINCT provider) AS providers,
           array_agg(DISTINCT version) AS versions, array_agg(DISTINCT worker) AS workers,
           min(first_at) AS first_at, max(last_at) AS last_at
      FROM due GROUP BY occasion, occasion_key, credential, purpose, code
     ORDER BY occasion, occasion_key, credential, purpose, code
"""
_OF_ONE = "occasion = %s AND occasion_key = %s"
_SETTLED_ONES = """NOT EXISTS (
    SELECT FROM devices_credentialuse AS newer
     WHERE newer.occasion = uses.occasion AND newer.occasion_key = uses.occasion_key
       AND newer.reported < newer.count AND newer.last_at > now() - %s)"""


def credential_use_record(
    *,
    device: Device,
    name: str,
    purpose: str,
    occasion: Occasion,
    retrieved: Retrieved | None = None,
    error: DeviceError | None = None,
) -> None:
    """Count one retrieval, or one refusal by its ``error``. One query; a use out of place is audited at once.

    Raises nothing of its own: where the record cannot be written, the database's error keeps the session from opening.
    """
    unusual = is_unusual(occasion, purpose)
    with transaction.atomic(savepoint=False) if unusual else nullcontext():
        announced = unusual and _recently_announced(name, purpose, occasion)
        with connection.cursor() as cursor:
            cursor.execute(
                _UPSERT,
                [
                    name, purpose, occasion.kind.value, occasion.id, occasion.change_id, device.pk,
                    retrieved.provider if retrieved else "", retrieved.version[:40] if retrieved else "",
                    retrieved.changed_at if retrieved else None,
                    worker_name(), unusual, error.code if error else "",
                ],
            )  # fmt: skip
        if unusual and not announced:
            _announce(device, name, purpose, occasion, error)


def credential_uses_report(occasion: Occasion) -> int:
    """Write one audit event per credential, purpose and outcome of a piece of work that ended; returns how many.

    In the caller's transaction, so that the end and its summary are written together. One query and one per event.
    """
    return _report(_OF_ONE, [occasion.kind.value, occasion.id])


def credential_uses_settle() -> int:
    """Report the uses of work that went quiet without an end, and forget those of half a year ago."""
    with transaction.atomic():
        reported = _report(_SETTLED_ONES, [SETTLED])
    CredentialUse.objects.filter(last_at__lt=Now() - KEPT).delete()
    return reported


def worker_name() -> str:
    """This process, for people who look for it: host and process id."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


@transaction.atomic
def _report(which: str, values: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(which=which), values)
        names = [column.name for column in cursor.description]
        groups = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for group in groups:
        _audit(group)
    return len(groups)


def _audit(group: dict[str, Any]) -> None:
    name, code = group["credential"], group["code"]
    record(
        actor=WORKER,
        action="credential.refused" if code else "credential.used",
        object_type="credential",
        object_id=name or "none",
        object_label=f"{name or 'no credential'} ({group['purpose']})",
        change_id=group["change_key"],
        device_id=group["device_id"] if group["devices"] == 1 else None,
        code=code,
        details={
            **{kept: group[kept] for kept in _KEPT_IN_EVENTS},
            "work": group["occasion"],
            "work_id": group["occasion_key"],
            "versions": group["versions"][:20],
            "workers": group["workers"][:20],
        },
    )


def _recently_announced(name: str, purpose: str, occasion: Occasion) -> bool:
    """Whether the same credential was used out of place a moment ago: a loop over devices is one event."""
    return CredentialUse.objects.filter(
        credential=name, purpose=purpose, occasion=occasion.kind, unusual=True, last_at__gt=Now() - SETTLED
    ).exists()


def _announce(device: Device, name: str, purpose: str, occasion: Occasion, error: DeviceError | None) -> None:
    record(
        actor=WORKER,
        action="credential.used_out_of_place",
        object_type="credential",
        object_id=name or "none",
        object_label=f"{name or 'no credential'} ({purpose})",
        change_id=occasion.change_id,
        device_id=device.pk,
        code=error.code if error else "",
        reason="The credential was asked for outside of the work that it is for.",
        details={"purpose": purpose, "work": occasion.kind, "work_id": occasion.id, "worker": worker_name()},
    )
