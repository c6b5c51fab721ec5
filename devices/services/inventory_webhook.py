"""NetBox's webhook calls: proved, kept once, answered at once, and reconciled by reading NetBox.

A call is only a hint that something changed; nothing of its body but the object's id is used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django_q.tasks import async_task

from audit.actor import Actor
from audit.recorder import record
from devices.credentials.seen import remember
from devices.errors import BadFieldsError, InventoryError, SyncRunningError, WebhookRefusedError
from devices.models import DeliveryState, InventorySource, SyncRun, SyncScope, WebhookDelivery
from devices.services.inventory_netbox import netbox_client, netbox_sync
from devices.services.inventory_sources import netbox_source

RECEIVER: Final = Actor.system("webhook")
DELIVERIES_TASK: Final = "devices.tasks.inventory_deliveries_due"
MAX_BODY: Final = 256 * 1024
TELL_AGAIN_S: Final = 600
"""At most one audit event in so many seconds tells of refused calls, with how many there were."""
KEPT: Final = timedelta(days=7)
AT_ONCE: Final = 2000
_DEVICE, _ADDRESS = "dcim.device", "ipam.ipaddress"
_MODELS: Final = {"device": _DEVICE, "ipaddress": _ADDRESS}


@dataclass(frozen=True, slots=True)
class Call:
    """What a call says; the request is the one that changed the object in NetBox."""

    request_id: str
    object_type: str
    object_id: int
    event: str


def webhook_receive(*, body: bytes, signature: str, ip: str, request_id: str = "") -> bool:
    """Keep a call and ask the workers to reconcile; whether it is of use and new. NetBox is not asked here.

    Raises:
        WebhookRefusedError: no secret is set, or the signature is not that of the body. Counted, and audited at most
            once in ten minutes.
        BadFieldsError: the body is not what NetBox sends by default.
    """
    secret = settings.NETBOX_WEBHOOK_SECRET
    if not settings.NETBOX_URL or not secret:
        raise WebhookRefusedError("No webhook is set up here: set NETBOX_URL and NETBOX_WEBHOOK_SECRET.")
    remember(secret)
    proof = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
    # As bytes: compare_digest refuses texts that are not ASCII.
    if not hmac.compare_digest(proof.encode(), signature.strip().lower().encode()):
        _count_refusal(ip, request_id)
        raise WebhookRefusedError("The signature does not belong to the body. Check the secret on both sides.")
    call = read_call(body)
    return call is not None and _keep(call)


def read_call(body: bytes) -> Call | None:
    """What a body says; None where it is about nothing that the inventory holds.

    Raises:
        BadFieldsError: it is not JSON as NetBox's webhooks send it by default.
    """
    try:
        said = json.loads(body)
        kind = str(said.get("object_type") or _MODELS.get(str(said.get("model")), ""))
        # NetBox 4.7 names the request inside "request"; before, "request_id" stood beside the event.
        request_id = str(said.get("request_id") or (said.get("request") or {}).get("id") or "")
        call = Call(request_id[:64], kind, _whole(said["data"]["id"]), str(said["event"])[:40])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sentence = "The body is not what NetBox sends by default: leave the webhook's body template empty."
        raise BadFieldsError({"body": [sentence]}) from None
    if not request_id:
        # Calls without it cannot be told from repetitions, so each counts as new.
        call = Call(hashlib.sha256(body).hexdigest(), call.object_type, call.object_id, call.event)
    return call if call.object_type in {_DEVICE, _ADDRESS} else None


def _whole(value: Any) -> int:  # noqa: ANN401 - any JSON value
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise ValueError(value)
    return value


@transaction.atomic
def _keep(call: Call) -> bool:
    source = netbox_source()
    before = WebhookDelivery.objects.filter(
        request_id=call.request_id, object_type=call.object_type, object_id=call.object_id, event=call.event
    )
    if before.exists():
        return False
    delivery = WebhookDelivery(
        source=source,
        request_id=call.request_id,
        object_type=call.object_type,
        object_id=call.object_id,
        event=call.event,
    )
    WebhookDelivery.objects.bulk_create([delivery], ignore_conflicts=True)
    transaction.on_commit(lambda: async_task(DELIVERIES_TASK))
    return True


@transaction.atomic
def _count_refusal(ip: str, request_id: str) -> None:
    source = netbox_source()
    InventorySource.objects.filter(pk=source.pk).update(refused_calls=F("refused_calls") + 1)
    silent = Q(refusals_audited_at=None) | Q(refusals_audited_at__lt=Now() - timedelta(seconds=TELL_AGAIN_S))
    if not InventorySource.objects.filter(silent, pk=source.pk).update(refusals_audited_at=Now()):
        return
    source.refresh_from_db()
    InventorySource.objects.filter(pk=source.pk).update(refused_calls=0)
    record(
        actor=Actor(user_id=None, username="webhook", origin=RECEIVER.origin, request_id=request_id, ip=ip),
        action="inventory.webhook_refused",
        object_type="inventory_source",
        object_id=source.pk,
        object_label=source.name,
        code="GATE_SIGNATURE",
        reason="Webhook calls came whose signature does not belong to their body.",
        details={"calls": source.refused_calls},
    )


def deliveries_reconcile() -> SyncRun | None:
    """Read the devices that calls told of from NetBox, all that wait in one go; None where nothing waits.

    While the source is being synchronised they wait on; the next call of this, a minute later at most, takes them up.
    """
    if not settings.NETBOX_URL:
        return None
    WebhookDelivery.objects.filter(state=DeliveryState.DONE, received_at__lt=Now() - KEPT).delete()
    waiting = list(WebhookDelivery.objects.filter(state=DeliveryState.PENDING).order_by("pk")[:AT_ONCE])
    if not waiting:
        return None
    devices = {call.object_id for call in waiting if call.object_type == _DEVICE}
    addresses = sorted({call.object_id for call in waiting if call.object_type == _ADDRESS})
    try:
        if addresses:
            with netbox_client() as client:
                devices |= client.devices_of_addresses(addresses)
        run = netbox_sync(actor=RECEIVER, scope=SyncScope.DEVICES, ids=sorted(devices))
    except (SyncRunningError, InventoryError):
        # Tried again by the next call; a NetBox that fails is told of by its own synchronisation.
        return None
    if not run.code:
        WebhookDelivery.objects.filter(pk__in=[call.pk for call in waiting]).update(state=DeliveryState.DONE)
    return run
