"""NetBox's webhook calls: proved over the raw body, kept once, believed in nothing, reconciled by reading NetBox."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from audit.models import Event
from devices.models import Device, InventorySource, WebhookDelivery
from devices.services.inventory_webhook import MAX_BODY, deliveries_reconcile
from tests.integration.inventory.netbox_stub import NetBoxStub
from tests.integration.inventory.test_netbox_sync import device, sync

URL = "/api/v1/inventory/netbox/webhook/"


def body(number: int = 1, *, request: str = "r1", **changed: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """As NetBox 4.7 sends it."""
    call = {
        "event": "updated",
        "object_type": "dcim.device",
        "request": {"id": request, "user": "admin"},
        "data": {"id": number, "serial": "a lie"},
        **changed,
    }
    return json.dumps(call).encode()


def post(payload: bytes, *, secret: str = "a-secret-of-the-webhook", signature: str | None = None) -> Any:  # noqa: ANN401
    proof = hmac.new(secret.encode(), payload, hashlib.sha512).hexdigest() if signature is None else signature
    client = Client(enforce_csrf_checks=True)
    return client.post(URL, payload, content_type="application/json", headers={"X-Hook-Signature": proof})


def test_the_device_is_read_from_netbox_and_nothing_is_believed_of_the_body(netbox: NetBoxStub) -> None:
    netbox.add(1)
    netbox.add(2)
    sync()
    netbox.add(1, serial="NEW")
    netbox.add(2, serial="NEW TOO")
    netbox.asked.clear()
    answer = post(body(1))
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    assert not netbox.asked, "the call is answered before NetBox is asked"
    run = deliveries_reconcile()
    assert run is not None
    assert (run.scope, run.updated) == ("devices", 1)
    assert (device(1).serial, device(2).serial) == ("NEW", "SN2")
    assert deliveries_reconcile() is None
    events = Event.objects.count()
    post(body(1, request="a save that changed nothing"))
    again = deliveries_reconcile()
    assert again is not None
    assert (again.updated, again.unchanged, Event.objects.count()) == (0, 1, events)


def test_a_call_that_comes_again_is_kept_once(netbox: NetBoxStub) -> None:
    assert post(body()).json()["accepted"]
    assert not post(body()).json()["accepted"]
    assert post(body(request="r2")).json()["accepted"]
    assert WebhookDelivery.objects.count() == 2


def test_many_calls_are_one_reading(netbox: NetBoxStub) -> None:
    for number in range(1, 4):
        netbox.add(number)
        post(body(number, request=f"r{number}"))
    run = deliveries_reconcile()
    assert run is not None
    assert run.created == 3
    assert sum("dcim/devices" in asked for asked in netbox.asked) == 1


def test_a_deleted_device_is_missing_and_an_address_leads_to_its_device(netbox: NetBoxStub) -> None:
    netbox.add(1)
    netbox.add(2)
    sync()
    del netbox.devices[1]
    netbox.devices[2]["primary_ip4"]["address"] = "10.9.9.9/24"
    post(body(1, event="deleted"))
    post(body(1002, object_type="ipam.ipaddress"))
    deliveries_reconcile()
    assert (device(1).status, device(2).address) == ("missing", "10.9.9.9")


def test_the_older_form_of_a_body_is_understood(netbox: NetBoxStub) -> None:
    payload = json.dumps({"event": "created", "model": "device", "request_id": "r", "data": {"id": 5}}).encode()
    assert post(payload).json()["accepted"]
    assert WebhookDelivery.objects.get().object_type == "dcim.device"


def test_what_is_no_device_is_of_no_use(netbox: NetBoxStub) -> None:
    assert post(body(object_type="dcim.cable")).json() == {"accepted": False}


@pytest.mark.parametrize("signature", ["", "0" * 128, "ü", "sha512=0"])
def test_a_wrong_signature_is_refused_and_leaves_one_event_however_often_it_comes(
    netbox: NetBoxStub, signature: str
) -> None:
    before = Event.objects.filter(action="inventory.webhook_refused").count()
    for _ in range(5):
        answer = post(body(), signature=signature)
        assert (answer.status_code, answer.json()["code"]) == (403, "GATE_SIGNATURE")
    assert Event.objects.filter(action="inventory.webhook_refused").count() == before + 1
    assert InventorySource.objects.get().refused_calls == 4, "they are told of with the next event"
    assert not WebhookDelivery.objects.exists()


def test_a_body_that_was_changed_on_the_way_is_refused(netbox: NetBoxStub) -> None:
    proof = hmac.new(b"a-secret-of-the-webhook", body(1), hashlib.sha512).hexdigest()
    assert post(body(2), signature=proof).status_code == 403


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"not json", b"\xff", b'{"event": "x", "data": {"id": true}}'])
def test_a_signed_body_that_says_nothing_is_refused_with_a_sentence(netbox: NetBoxStub, payload: bytes) -> None:
    answer = post(payload)
    assert answer.status_code == 400
    assert "leave the webhook's body template empty" in answer.json()["detail"]


def test_a_large_body_is_refused_before_it_is_read(netbox: NetBoxStub) -> None:
    answer = post(b"x" * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_without_a_secret_nothing_is_taken(netbox: NetBoxStub, settings: Settings) -> None:
    settings.NETBOX_WEBHOOK_SECRET = ""
    answer = post(body(), secret="")
    assert answer.status_code == 403
    assert "NETBOX_WEBHOOK_SECRET" in answer.json()["detail"]


def test_while_netbox_fails_the_calls_wait(netbox: NetBoxStub) -> None:
    netbox.add(1)
    post(body(1))
    netbox.refusal = "Token expired"
    deliveries_reconcile()
    assert not Device.objects.exists()
    netbox.refusal = ""
    deliveries_reconcile()
    assert Device.objects.exists()
