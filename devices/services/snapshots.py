"""Keeping what was read from devices."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from devices.domain.config_tree import Node
from devices.errors import OutdatedError
from devices.models import (
    ConfigBlob,
    ConfigSnapshot,
    Device,
    SnapshotPurpose,
    SuspectConfig,
    SuspectState,
)
from devices.services.address_index import addresses_keep, is_indexed
from devices.services.refusals import remembering_refusal
from devices.services.rights import ADMINISTRATOR, CHANGE_MANAGER, checked_reason, require_role
from devices.services.statements import prepared

_STORE: Final = """
    WITH blob AS (
        INSERT INTO devices_configblob (sha256, compressed, size, line_count) VALUES (%s, %s, %s, %s)
        ON CONFLICT (sha256) DO NOTHING
    )
    INSERT INTO devices_configsnapshot AS kept (device_id, blob_id, purpose, changed_by) VALUES (%s, %s, %s, '')
    RETURNING id, taken_at, (SELECT a.blob_id FROM devices_deviceaddresses a WHERE a.device_id = kept.device_id)
"""


def snapshot_store(*, device: Device, text: str, purpose: SnapshotPurpose, tree: Node | None = None) -> ConfigSnapshot:
    """Store a normalised running configuration; equal texts share one compressed copy.

    One query, and one more for a text that the index of addresses does not know of the device. ``tree`` is the text
    where somebody has read it already.
    """
    blob = ConfigBlob.of(text)
    row = [blob.sha256, blob.compressed, blob.size, blob.line_count, device.pk, blob.sha256, purpose.value]
    [(pk, taken_at, indexed)] = prepared(_STORE, row)
    if indexed != blob.sha256:
        addresses_keep(device, snapshot_id=pk, sha256=blob.sha256, config=tree or text)
    return ConfigSnapshot(pk=pk, device=device, blob=blob, purpose=purpose, taken_at=taken_at)


def snapshot_keep(*, device: Device, text: str, changed_by: str) -> tuple[ConfigSnapshot, bool]:
    """Keep what a backup read; returns the snapshot and whether it is a new version.

    An unchanged configuration adds no blob, and no row either unless ``COUNTERSIGN_BACKUP_KEEP`` is ``every``: the
    last snapshot is then *seen until* now. At most six queries.
    """
    blob = ConfigBlob.store(text)
    last = ConfigSnapshot.objects.filter(device=device).order_by("-pk").first()
    is_new = last is None or last.blob_id != blob.sha256
    if last is not None and not is_new and settings.COUNTERSIGN_BACKUP_KEEP != "every":
        last.changed_by = last.changed_by or changed_by
        ConfigSnapshot.objects.filter(pk=last.pk).update(seen_until=Now(), changed_by=last.changed_by)
        _index(last, text)
        return last, False
    purpose = SnapshotPurpose.BACKUP
    kept = ConfigSnapshot.objects.create(device=device, blob=blob, purpose=purpose, changed_by=changed_by)
    _index(kept, text)
    return kept, is_new


def _index(snapshot: ConfigSnapshot, text: str) -> None:
    if not is_indexed(snapshot.device_id, snapshot.blob_id):
        addresses_keep(snapshot.device, snapshot_id=snapshot.pk, sha256=snapshot.blob_id, config=text)


def suspect_overtake(device: Device) -> None:
    """Dismiss the text that was kept apart, now that a whole configuration was read after it; audited.

    Nobody can take it as the newest version any more. One query where nothing waits.
    """
    waiting = SuspectConfig.objects.select_for_update(no_key=True).filter(device=device, state=SuspectState.OPEN)
    for suspect in waiting:
        reason = "A later backup read a whole configuration."
        _judged(suspect, SuspectState.DISMISSED, device=device, reason=reason, actor=Actor.system("worker"))


def _judged(suspect: SuspectConfig, state: SuspectState, *, device: Device, reason: str, actor: Actor) -> None:
    suspect.state = state
    suspect.decided_by, suspect.decided_at, suspect.reason = actor.username, Now(), reason
    suspect.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    record(
        actor=actor,
        action="config.suspect_taken" if state == SuspectState.TAKEN else "config.suspect_dismissed",
        object_type="config",
        object_id=suspect.pk,
        object_label=device.name,
        device_id=device.pk,
        state_from=SuspectState.OPEN,
        state_to=suspect.state,
        code=suspect.code,
        reason=reason,
        details={"sha256": suspect.blob_id},
    )


def suspect_keep(*, device: Device, text: str, code: str, detail: str) -> SuspectConfig:
    """Keep a text apart that may not be the whole configuration; one for each device waits to be judged."""
    blob = ConfigBlob.store(text)
    found, _is_new = SuspectConfig.objects.update_or_create(
        device=device,
        state=SuspectState.OPEN,
        defaults={"blob": blob, "code": code, "detail": detail, "last_seen_at": Now()},
    )
    return found


def suspect_decide(*, suspect_id: int, seen_sha256: str, take: bool, reason: str, actor: Actor) -> SuspectConfig:
    """Take a text that was kept apart as the device's configuration, or dismiss it; audited.

    ``seen_sha256`` is the text that the person's page showed.

    Raises:
        NotPermittedError: neither change manager nor administrator.
        BadFieldsError: no reason was given.
        OutdatedError: another text was read since.
        SuspectConfig.DoesNotExist: there is none that waits with this id.
    """
    named = SuspectConfig.objects.select_related("device").get(pk=suspect_id, state=SuspectState.OPEN)
    with remembering_refusal(
        actor=actor,
        action="config.suspect_refused",
        object_type="config",
        object_id=suspect_id,
        object_label=named.device.name,
        device_id=named.device_id,
    ):
        require_role(actor, "judge a configuration that was kept apart", CHANGE_MANAGER, ADMINISTRATOR)
        said = checked_reason(reason)
        waiting = SuspectConfig.objects.select_for_update(no_key=True, of=("self",)).select_related("device", "blob")
        suspect = waiting.get(pk=suspect_id, state=SuspectState.OPEN)
        if suspect.blob_id != seen_sha256:
            raise OutdatedError("A newer backup read something else than your page shows. Read it again, then decide.")
        if take:
            purpose = SnapshotPurpose.BACKUP
            taken = ConfigSnapshot.objects.create(device=suspect.device, blob=suspect.blob, purpose=purpose)
            _index(taken, suspect.blob.text)
        state = SuspectState.TAKEN if take else SuspectState.DISMISSED
        _judged(suspect, state, device=suspect.device, reason=said, actor=actor)
        return suspect


def raw_config_read(*, device_id: int, snapshot_id: int, reason: str, actor: Actor) -> ConfigSnapshot:
    """Hand out a configuration as it stands, with its secrets, to an administrator who says why; audited first.

    Raises:
        NotPermittedError: not an administrator.
        BadFieldsError: no reason was given.
        ConfigSnapshot.DoesNotExist: the device has no such configuration.
    """
    snapshot = ConfigSnapshot.objects.select_related("device", "blob").get(device_id=device_id, pk=snapshot_id)
    with remembering_refusal(
        actor=actor,
        action="config.raw_read_refused",
        object_type="config",
        object_id=snapshot.pk,
        object_label=snapshot.device.name,
        device_id=device_id,
    ):
        require_role(actor, "read a configuration with its secrets", ADMINISTRATOR)
        said = checked_reason(reason)
        record(
            actor=actor,
            action="config.raw_read",
            object_type="config",
            object_id=snapshot.pk,
            object_label=snapshot.device.name,
            device_id=device_id,
            reason=said,
            details={"sha256": snapshot.blob_id, "lines": snapshot.blob.line_count},
        )
        return snapshot
