"""Backup runs: starting them, sharing their devices among workers, and ending them.

The rows hold the truth, as in a change's run (ADR 0006): a worker claims one device at a time, so that many workers
share a run, losing one costs nothing, and what is in memory does not depend on how many devices there are.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Now
from django_q.brokers import get_broker
from django_q.tasks import async_task

from audit.actor import Actor
from audit.recorder import record
from devices.domain.occasions import Occasion, OccasionKind
from devices.errors import BadFieldsError
from devices.models import BackupRun, BackupRunState, BackupState, BackupTrigger, DeviceBackup
from devices.selectors import devices_matching
from devices.services.backup_device import back_up
from devices.services.claims import Claim, claim_some, claimable, database_time_plus
from devices.services.credential_uses import credential_uses_report
from devices.services.rights import ADMINISTRATOR, CHANGE_MANAGER, IMPLEMENTER, require_role
from devices.services.runner import run_claims

SCHEDULER: Final = Actor.system("scheduler")
WORKER: Final = Actor.system("worker")
MAX_LOSSES: Final = 5
_BATCH: Final = 500
_VALUE_LIMIT: Final = 200
_GATE: Final = 0x0C5E
"""Advisory lock under which the sessions of all workers are counted."""
_TASK: Final = "devices.tasks.backup_work"
_TASK_LIMIT_S: Final = 3600


@transaction.atomic
def backup_start(
    *,
    filters: Mapping[str, str | Sequence[str]],
    actor: Actor,
    trigger: BackupTrigger = BackupTrigger.MANUAL,
) -> BackupRun:
    """Make a run with one row for every targetable device that the filters select, and call the workers; audited.

    Raises:
        NotPermittedError: a person who is neither change manager, implementer nor administrator.
        UnknownDeviceFilterError: a filter that does not exist.
        BadFieldsError: no device can be read, or a filter has a value that nothing here can have.
    """
    require_role(actor, "start a backup", CHANGE_MANAGER, IMPLEMENTER, ADMINISTRATOR)
    values = [item for given in filters.values() for item in ([given] if isinstance(given, str) else given)]
    if any(len(item) > _VALUE_LIMIT or not item.isprintable() for item in values):
        sentence = f"A value is longer than {_VALUE_LIMIT} characters, or holds some that nothing here can have."
        raise BadFieldsError({"filters": [f"{sentence} Type it anew."]})
    found = devices_matching(filters).targetable().order_by("pk").values_list("pk", flat=True)
    run = BackupRun.objects.create(trigger=trigger, requested_by=actor.username, filters=dict(filters))
    ids = found.iterator(chunk_size=_BATCH)
    while batch := list(islice(ids, _BATCH)):
        DeviceBackup.objects.bulk_create(DeviceBackup(run=run, device_id=pk) for pk in batch)
        run.device_count += len(batch)
    if not run.device_count:
        raise BadFieldsError({"filters": ["No device that these filters select can be read. Loosen them."]})
    run.save(update_fields=["device_count"])
    _audit(run, "backup.started", actor=actor, state_to=BackupRunState.RUNNING, filters=dict(filters))
    _ring(run.pk)
    return run


def backup_scheduled() -> BackupRun | None:
    """Start the recurring backup of all devices, unless the last one still goes on; old rows are forgotten."""
    backup_forget()
    running = BackupRun.objects.filter(state=BackupRunState.RUNNING, trigger=BackupTrigger.SCHEDULED)
    if running.exists():
        return None
    try:
        return backup_start(filters={}, actor=SCHEDULER, trigger=BackupTrigger.SCHEDULED)
    except BadFieldsError:
        return None


def backup_work(run_id: int) -> int:
    """Read devices of a run until none is left or the deadline nears; returns how many were claimed.

    Safe to call twice at once. At most ``COUNTERSIGN_THREADS`` sessions are open here, and
    ``COUNTERSIGN_BACKUP_SESSIONS`` in the whole installation.
    """
    waiting = DeviceBackup.objects.waiting().filter(run_id=run_id).order_by("pk")

    def claim(owner: uuid.UUID, limit: int) -> list[Claim]:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_GATE])
            free = settings.COUNTERSIGN_BACKUP_SESSIONS - DeviceBackup.objects.held().count()
            return claim_some(waiting, owner=owner, limit=min(limit, free)) if free > 0 else []

    threads = min(settings.COUNTERSIGN_THREADS, settings.COUNTERSIGN_BACKUP_SESSIONS)
    done = run_claims(DeviceBackup, claim_some=claim, work=back_up, threads=threads)
    backup_finish(run_id)
    if done and claimable(waiting).exists():
        _ring(run_id)
    return done


@transaction.atomic
def backup_finish(run_id: int) -> bool:
    """End a run of which every device has ended; returns whether it was ended now."""
    run = BackupRun.objects.select_for_update(no_key=True).filter(pk=run_id, state=BackupRunState.RUNNING).first()
    if run is None or run.devices.filter(state=BackupState.PENDING).exists():
        return False
    rows = run.devices.order_by().values_list("state").annotate(count=Count("pk"))
    run.counts = dict(rows)
    credential_uses_report(Occasion(OccasionKind.BACKUP, run.pk))
    run.state, run.ended_at = BackupRunState.ENDED, Now()
    run.save(update_fields=["counts", "state", "ended_at"])
    _audit(run, "backup.ended", actor=WORKER, state_from=BackupRunState.RUNNING, counts=run.counts)
    return True


def backups_dispatch() -> int:
    """The dispatcher's round: rows of lost workers are freed, runs are ended, workers called; how much it did."""
    moved = _hand_on()
    running = list(BackupRun.objects.filter(state=BackupRunState.RUNNING).values_list("pk", flat=True))
    for pk in running:
        moved += backup_finish(pk)
    if get_broker().queue_size():
        return moved  # all workers are busy; more tasks would only lengthen the queue
    due = Q(rung_at=None) | Q(rung_at__lt=database_time_plus(-settings.COUNTERSIGN_RING_AGAIN_S))
    for run in BackupRun.objects.filter(due, state=BackupRunState.RUNNING):
        if claimable(DeviceBackup.objects.waiting().filter(run=run)).exists():
            moved += 1
            _ring(run.pk)
    return moved


def _hand_on() -> int:
    """Reading changes nothing, so a lost worker's row simply starts again; not for ever. Two queries."""
    freed: dict[str, object] = {"owner": None, "lease_until": None, "losses": F("losses") + 1}
    detail = f"{MAX_LOSSES} attempts to read this device ended with the loss of the worker."
    given_up = DeviceBackup.objects.lost().filter(losses__gte=MAX_LOSSES - 1)
    count = given_up.update(state=BackupState.FAILED, code="BACKUP_WORKER_LOST", detail=detail, ended_at=Now(), **freed)
    return count + DeviceBackup.objects.lost().update(**freed)


def backup_forget() -> int:
    """Delete the rows of runs that ended longer ago than ``COUNTERSIGN_BACKUP_LOG_DAYS``; configurations stay."""
    before = Now() - timedelta(days=settings.COUNTERSIGN_BACKUP_LOG_DAYS)
    old = BackupRun.objects.filter(state=BackupRunState.ENDED, ended_at__lt=before)
    count, _by_model = DeviceBackup.objects.filter(run__in=old).delete()
    old.delete()
    return count


def _ring(run_id: int) -> None:
    BackupRun.objects.filter(pk=run_id).update(rung_at=Now())
    transaction.on_commit(lambda: async_task(_TASK, run_id, timeout=_TASK_LIMIT_S), robust=True)


def _audit(
    run: BackupRun, action: str, *, actor: Actor, state_from: str = "", state_to: str = "", **details: object
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="backup",
        object_id=run.pk,
        object_label=str(run),
        state_from=state_from,
        state_to=state_to or run.state,
        details={"devices": run.device_count, "trigger": run.trigger, **details},
    )
