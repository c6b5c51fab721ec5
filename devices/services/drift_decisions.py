"""What people decide about drift: take it on, accept it, defer it, take a deferral back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Final

from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.drift_review import DriftEvent, DriftState
from devices.errors import BadFieldsError, DeviceError, DeviceNotFoundError, NotPermittedError, OutdatedError
from devices.models import ConfigSnapshot, Device, DriftRecord
from devices.services.drift import baseline_accept, drift_move
from devices.services.refusals import remembering_refusal
from devices.services.rights import CHANGE_MANAGER, IMPLEMENTER, REQUESTER, checked_reason, require_role

LONGEST_DEFERRAL: Final = timedelta(days=90)


def drift_locked(drift_id: int) -> DriftRecord:
    """The record, locked until the transaction ends, after its device: a backup judges the device in that order.

    Raises:
        DeviceNotFoundError: there is none with this id.
    """
    Device.objects.select_for_update(no_key=True, of=("self",)).filter(drifts=drift_id).first()
    rows = DriftRecord.objects.select_for_update(no_key=True, of=("self",))
    drift = rows.select_related("device", "baseline", "found").filter(pk=drift_id).first()
    if drift is None:
        raise DeviceNotFoundError(f"There is no drift record with the id {drift_id}.")
    return drift


@contextmanager
def drift_attempt(
    attempt: str, drift_id: int, actor: Actor, *, refusals: tuple[type[Exception], ...] = (DeviceError,)
) -> Iterator[None]:
    """Run one decision about a record in a transaction of its own; a refusal is audited as ``drift.…_refused``.

    Raises:
        DeviceNotFoundError: there is no such record.
    """
    drift = DriftRecord.objects.select_related("device").filter(pk=drift_id).first()
    if drift is None:
        raise DeviceNotFoundError(f"There is no drift record with the id {drift_id}.")
    with remembering_refusal(
        actor=actor,
        action=f"drift.{attempt}_refused",
        object_type="drift",
        object_id=drift_id,
        object_label=f"{drift.number} {drift.device.name}",
        device_id=drift.device_id,
        refusals=refusals,
    ):
        yield


def drift_accept(*, drift_id: int, found_sha256: str, reason: str, actor: Actor) -> DriftRecord:
    """Accept what a drift record found: it becomes the expected configuration; audited.

    ``found_sha256`` is the configuration that the person's page showed. Whom the device names as the author of the
    drift cannot accept it, as nobody approves a change of their own.

    Raises:
        NotPermittedError: no change manager, or the one who made the drift.
        OutdatedError: another configuration was found since, or the record is closed.
        BadFieldsError: no reason was given.
    """
    with drift_attempt("accept", drift_id, actor):
        require_role(actor, "accept drift", CHANGE_MANAGER)
        said = checked_reason(reason)
        drift = drift_locked(drift_id)
        if drift_made_by(drift, actor.username):
            raise NotPermittedError("The device names you as the author of this drift. Somebody else has to accept it.")
        if drift.found.blob_id != found_sha256:
            raise OutdatedError("A newer backup found something else than your page shows. Read it again, then decide.")
        _decided(drift, actor, said)
        drift_move(drift, DriftEvent.ACCEPT, actor=actor, reason=said)
        baseline_accept(drift)
        return drift


def drift_defer(*, drift_id: int, until: date, reason: str, actor: Actor) -> DriftRecord:
    """Put a drift record off until a day, of at most 90 from today; audited.

    Raises:
        NotPermittedError: no change manager.
        BadFieldsError: no reason, or a day that is not in that span.
        OutdatedError: the record is closed.
    """
    with drift_attempt("defer", drift_id, actor):
        require_role(actor, "defer drift", CHANGE_MANAGER)
        said = checked_reason(reason)
        today = timezone.now().date()
        if not today < until <= today + LONGEST_DEFERRAL:
            raise BadFieldsError({"until": [f"Choose a day after today, and not after {today + LONGEST_DEFERRAL}."]})
        drift = drift_locked(drift_id)
        _decided(drift, actor, said)
        drift.deferred_until = until
        drift_move(drift, DriftEvent.DEFER, actor=actor, reason=said)
        return drift


def drift_reopen(*, drift_id: int, reason: str, actor: Actor) -> DriftRecord:
    """Bring a drift record back to review that was deferred, or whose revert is given up; audited.

    Raises:
        NotPermittedError: no change manager.
        BadFieldsError: no reason was given.
        OutdatedError: the record is neither deferred nor being reverted.
    """
    with drift_attempt("reopen", drift_id, actor):
        require_role(actor, "reopen drift", CHANGE_MANAGER)
        said = checked_reason(reason)
        drift = drift_locked(drift_id)
        _decided(drift, actor, said)
        drift.deferred_until = None
        drift_move(drift, DriftEvent.REOPEN, actor=actor, reason=said)
        return drift


def drift_take(*, drift_id: int, actor: Actor) -> DriftRecord:
    """Become the owner of an open drift record; audited.

    Raises:
        NotPermittedError: neither change manager, implementer nor requester.
        OutdatedError: the record is closed.
    """
    with drift_attempt("take", drift_id, actor):
        require_role(actor, "take drift on", CHANGE_MANAGER, IMPLEMENTER, REQUESTER)
        drift = drift_locked(drift_id)
        if drift.closed_at is not None:
            raise OutdatedError(f"{drift.number} is closed. Load the page again.")
        before = drift.owner.get_username() if drift.owner else ""
        drift.owner_id = actor.user_id
        drift.save(update_fields=["owner"])
        record(
            actor=actor,
            action="drift.taken",
            object_type="drift",
            object_id=drift.pk,
            object_label=f"{drift.number} {drift.device.name}",
            device_id=drift.device_id,
            state_from=drift.state,
            state_to=DriftState(drift.state),
            before={"owner": before},
            after={"owner": actor.username},
        )
        return drift


def drift_reverting(*, drift_id: int, reason: str, actor: Actor) -> DriftRecord:
    """Note that a change request reverts the drift; the caller's transaction holds both.

    Raises:
        OutdatedError: the record is closed, or being reverted already.
    """
    drift = drift_locked(drift_id)
    _decided(drift, actor, reason)
    drift_move(drift, DriftEvent.REVERT, actor=actor, reason=reason)
    return drift


def drift_made_by(drift: DriftRecord, username: str) -> bool:
    """Whether the device named the person as the author of any version on the way from the expected to the found one.

    Devices write logins in either case, and the last author hides those before.
    """
    versions = ConfigSnapshot.objects.filter(
        device=drift.device_id, pk__gt=drift.baseline_id, pk__lte=drift.found_id, changed_by__iexact=username
    )
    return bool(username) and (drift.changed_by.casefold() == username.casefold() or versions.exists())


def _decided(drift: DriftRecord, actor: Actor, reason: str) -> None:
    drift.decided_by, drift.decided_at, drift.reason = actor.username, timezone.now(), reason
    if drift.owner_id is None:
        drift.owner_id = actor.user_id
