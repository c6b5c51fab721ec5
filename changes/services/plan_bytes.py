"""The exact bytes of each device's plan, as they were signed: listed, and handed out with an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Func, IntegerField

from audit.actor import Actor
from audit.recorder import ObjectType, record
from changes.domain.errors import ChangeError
from changes.domain.evidence import may_have_evidence
from changes.domain.plan import device_digest
from changes.errors import ChangeNotFoundError, PlanIntegrityError
from changes.models import ChangeRequest, DevicePlan, PlanRevision
from changes.services.people import enforce, person_of

LISTED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class SignedDevice:
    """One leaf of a plan: the device, the digest of its bytes and how many there are."""

    position: int
    device_id: int
    device: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class SignedDevices:
    """Some leaves in their order; ``next_after`` is the position that those which follow come after, if any do."""

    revision: PlanRevision
    devices: Sequence[SignedDevice]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class PlanBytes:
    """The canonical bytes of one device's plan. Their SHA-256 is ``digest``: it was recomputed from them."""

    filename: str
    content: bytes
    digest: str
    event_id: int


def signed_devices(*, change_id: int, number: int, after: int | None = None) -> SignedDevices:
    """Devices of a plan revision that have bytes, by their place in the tree; two queries, without the bytes.

    They come 100 at a time, those whose position is beyond ``after``.

    Raises:
        ChangeNotFoundError: the change has no such revision.
    """
    revision = _revision(change_id, number)
    rows = DevicePlan.objects.filter(revision=revision).exclude(payload="").order_by("position")
    if after is not None:
        rows = rows.filter(position__gt=after)
    sized = rows.annotate(size=Func("payload", function="octet_length", output_field=IntegerField()))
    size = LISTED_AT_ONCE
    found = [
        SignedDevice(*row)
        for row in sized.values_list("position", "device_id", "device__name", "digest", "size")[: size + 1]
    ]
    return SignedDevices(revision, found[:size], found[size - 1].position if len(found) > size else None)


def _revision(change_id: int, number: int) -> PlanRevision:
    found = PlanRevision.objects.select_related("change").filter(change_id=change_id, number=number).first()
    if found is None:
        raise ChangeNotFoundError(f"The change {change_id} has no plan with the revision {number}.")
    return found


def plan_bytes_take(*, actor: Actor, change_id: int, number: int, position: int) -> PlanBytes:
    """Record that somebody takes the exact bytes of a device's plan, and hand them over. They are not masked.

    Their digest is recomputed. Nothing about the plan changes; it does not count as opening the plan for review.

    Raises:
        PolicyDeniedError: the person does not read the audit log. The refusal is audited.
        ChangeNotFoundError: there is no such revision, or it has no bytes at this position.
        PlanIntegrityError: the stored bytes do not have the stored digest. The refusal is audited.
    """
    try:
        with transaction.atomic():
            return _take(actor, change_id, number, position)
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        _refusal_audit(actor, change_id, f"r{number}/{position}"[:100], refusal)
        raise


def _take(actor: Actor, change_id: int, number: int, position: int) -> PlanBytes:
    enforce(may_have_evidence(person_of(actor)))
    revision = _revision(change_id, number)
    plan = DevicePlan.objects.select_related("device").filter(revision=revision, position=position).first()
    if plan is None or not plan.payload:
        raise ChangeNotFoundError(f"The plan {revision.change.number} r{number} has no bytes at position {position}.")
    content = plan.payload.encode()
    if device_digest(content) != plan.digest:
        raise PlanIntegrityError(
            f"The stored bytes of {plan.device.name} in {revision.change.number} r{number} do not have the digest that"
            " was stored with them: one of the two was edited. Run manage.py audit_verify."
        )
    event_id = record(
        actor=actor,
        action="device_plan.downloaded",
        object_type=ObjectType.DEVICE_PLAN,
        object_id=plan.pk,
        object_label=f"{revision.change.number} r{number} {plan.device.name}",
        change_id=change_id,
        device_id=plan.device_id,
        details={"revision": number, "position": position, "digest": plan.digest, "size": len(content)},
    )
    return PlanBytes(f"{revision.change.number}-r{number}-{position:05d}.json", content, plan.digest, event_id)


def _refusal_audit(actor: Actor, change_id: int, place: str, refusal: ChangeError) -> None:
    """Record an attempt that was refused, in a transaction of its own."""
    known = ChangeRequest.objects.filter(pk=change_id).exists()
    with transaction.atomic():
        record(
            actor=actor,
            action="device_plan.download_refused",
            object_type=ObjectType.DEVICE_PLAN,
            object_id=place,
            change_id=change_id if known else None,
            code=refusal.code,
            reason=str(refusal),
        )
