"""The product against a NetBox that really runs, in the order of a working day: load, change, webhook, journal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from audit.actor import Actor
from devices.models import Device, JournalNote, SyncRun, SyncScope, WebhookDelivery
from devices.services.inventory_journal import Entry, journal_queue, journal_send_due
from devices.services.inventory_netbox import netbox_client, netbox_sync
from devices.services.inventory_webhook import deliveries_reconcile
from tests.netbox.seeding import Network, fault_of

pytestmark = [pytest.mark.netbox, pytest.mark.timeout(900)]

ACTOR = Actor.system("test")
SECRET = "a-secret-of-the-webhook"


def sync(scope: SyncScope = SyncScope.FULL) -> SyncRun:
    run = netbox_sync(actor=ACTOR, scope=scope)
    assert run.state == "succeeded", (run.code, run.detail)
    return run


def of(network: Network, number: int) -> Device:
    return Device.objects.get(source="netbox", source_key=str(network.ids[number]))


@pytest.fixture
def loaded(network: Network, source: None) -> Network:
    sync()
    return network


def test_every_device_comes_in_and_each_fault_has_its_code(loaded: Network) -> None:
    found = dict(Device.objects.values_list("source_key", "exclusion"))
    assert found == {str(loaded.ids[number]): code for number, code in loaded.expected.items()}
    assert len(Counter(found.values())) == 6, "the seed has every fault"
    assert of(loaded, 9).address == "2001:db8:9::1"
    assert (of(loaded, 40).platform, of(loaded, 41).platform) == ("arista_eos", "cisco_ios")
    again = sync()
    assert (again.unchanged, again.updated, again.created) == (len(found), 0, 0)


def test_the_command_reports_what_is_excluded(loaded: Network, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("devices_sync", "netbox")
    told = capsys.readouterr()
    assert f"netbox: 0 new, 0 updated, {len(loaded.ids)} unchanged, 0 missing." in told.out
    assert told.err.count("INV_NO_PRIMARY_IP") == sum(fault_of(n) == "INV_NO_PRIMARY_IP" for n in loaded.ids)


def test_the_change_log_tells_of_everything_that_matters(loaded: Network) -> None:
    api = loaded.api
    edited, moved, bare, gone, untouched = 1, 2, 10, 12, 14
    api.dcim.devices.get(loaded.ids[edited]).update({"serial": "EDITED"})
    api.ipam.ip_addresses.get(loaded.addresses[moved]).update({"address": "10.99.0.2/24"})
    api.ipam.ip_addresses.get(loaded.addresses[bare]).delete()
    api.dcim.devices.get(loaded.ids[gone]).delete()
    before = of(loaded, untouched).synced_at
    run = sync(SyncScope.CHANGES)
    assert run.scope == SyncScope.CHANGES
    assert of(loaded, edited).serial == "EDITED"
    assert of(loaded, moved).address == "10.99.0.2"
    assert of(loaded, bare).exclusion == "INV_NO_PRIMARY_IP", "the address was deleted under the device"
    assert of(loaded, gone).status == "missing"
    assert of(loaded, untouched).synced_at == before
    again = sync(SyncScope.CHANGES)
    assert (again.total, again.updated) == (0, 0)
    loaded.expected[bare] = "INV_NO_PRIMARY_IP"
    del loaded.expected[gone], loaded.ids[gone]


def test_a_renamed_platform_leads_to_a_full_load(loaded: Network) -> None:
    platform = loaded.api.dcim.platforms.get(slug="vyatta-legacy")
    platform.update({"name": f"Vyatta {time.time()}"})
    assert sync(SyncScope.CHANGES).scope == SyncScope.FULL


def test_netbox_still_ignores_unknown_filters_so_ours_are_checked_here(loaded: Network) -> None:
    assert loaded.api.dcim.devices.count(sight="ams1") == loaded.api.dcim.devices.count()


def tokens() -> list[tuple[str, str]]:
    return [
        ("mistyped", "does not know this token"),
        ("expired", "has expired"),
        ("disabled", "is disabled"),
        ("elsewhere", "this machine's address"),
        ("inactive", "is inactive"),
        ("powerless", "dcim.view_device"),
    ]


@pytest.mark.parametrize(("fault", "sentence"), tokens())
def test_each_wrong_token_has_its_sentence(
    network: Network, source: None, settings: Settings, fault: str, sentence: str
) -> None:
    settings.NETBOX_TOKEN = _wrong_token(network.api, fault, settings.NETBOX_TOKEN)
    run = netbox_sync(actor=ACTOR)
    assert run.code == "INV_SOURCE_DENIED", run.detail
    assert sentence in run.detail


def _wrong_token(api: Any, fault: str, good: str) -> str:  # noqa: ANN401 - pynetbox has no types
    if fault == "mistyped":
        return good[:-4] + "0000"
    name = f"test-{fault}-{time.time():.0f}"
    person = api.users.users.create(username=name, password="A-long-Passw0rd-of-a-test")
    soon = datetime.now(UTC) + timedelta(seconds=3)
    faults: dict[str, dict[str, Any]] = {
        # NetBox makes no token that has expired already.
        "expired": {"expires": soon.isoformat()},
        "disabled": {"enabled": False},
        "elsewhere": {"allowed_ips": ["203.0.113.0/24"]},
    }
    made = api.users.tokens.create(user=person.id, version=2, **faults.get(fault, {}))
    if fault == "expired":
        wait_for(lambda: datetime.now(UTC) > soon, 10)
    if fault == "inactive":
        person.update({"is_active": False})
    return f"nbt_{made.key}.{made.token}"


def test_a_token_of_version_1_is_accepted(network: Network, source: None, settings: Settings) -> None:
    admin = network.api.users.users.get(username="admin")
    settings.NETBOX_TOKEN = network.api.users.tokens.create(user=admin.id, version=1).token
    with netbox_client() as client:
        assert client.version()


@pytest.mark.django_db(transaction=True)
def test_a_webhook_of_netbox_is_proved_and_reconciled(
    network: Network, source: None, settings: Settings, live_server: LiveServer
) -> None:
    sync()
    settings.NETBOX_WEBHOOK_SECRET = SECRET
    api, name = network.api, f"countersign {time.time()}"
    hook = api.extras.webhooks.create(
        name=name,
        payload_url=f"{live_server.url}/api/v1/inventory/netbox/webhook/",
        secret=SECRET,
        http_method="POST",
    )
    rule = api.extras.event_rules.create(
        name=name,
        object_types=["dcim.device"],
        event_types=["object_updated"],
        action_type="webhook",
        action_object_type="extras.webhook",
        action_object_id=hook.id,
    )
    try:
        api.dcim.devices.get(network.ids[14]).update({"serial": "HOOKED"})
        wait_for(WebhookDelivery.objects.exists, 240)
    finally:
        rule.delete()
        hook.delete()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.object_id, delivery.event, len(delivery.request_id)) == (network.ids[14], "updated", 36)
    run = deliveries_reconcile()
    assert run is not None
    assert (run.updated, of(network, 14).serial) == (1, "HOOKED")


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come in time"
        time.sleep(0.1)


def test_the_journal_of_the_device_names_the_change(loaded: Network) -> None:
    device, reference = of(loaded, 15), f"CHG-00042, run {time.time_ns()}"
    journal_queue([Entry(device.pk, reference, "success", f"**{reference}**: succeeded. Started by `olivia`.")])
    assert journal_send_due() == 1
    # As if the answer had been lost: it is not written a second time.
    JournalNote.objects.update(state="pending", next_try_at=device.synced_at)
    assert journal_send_due() == 1
    entries = loaded.api.extras.journal_entries.filter(
        assigned_object_type="dcim.device", assigned_object_id=int(device.source_key)
    )
    [entry] = [entry for entry in entries if reference in entry.comments]
    assert "Started by `olivia`" in entry.comments
    assert str(entry.kind).lower() == "success"
