"""The pages and the API about sources: what people see and who may act."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from changes.services.device_work import _in_service
from changes.services.journal import BlockedError
from devices.models import Device, InventorySource, JournalNote, PlatformMapping, SyncRun
from devices.services.inventory import inventory_sync
from devices.services.inventory_netbox import netbox_run
from devices.sources.records import Inventory, RefusedRecord
from tests.factories import PersonFactory
from tests.integration.inventory.netbox_stub import NetBoxStub
from tests.integration.inventory.test_netbox_sync import ACTOR, sync

HTMX = {"HX-Request": "true"}


def person(*roles: str) -> User:
    made: User = PersonFactory.create(roles=list(roles))
    return made


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(db: None) -> Client:
    return client_of(person("administrator"))


@pytest.fixture
def reader(db: None) -> Client:
    return client_of(person("requester"))


def html_of(client: Client, url: str = "/inventory/") -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_without_a_source_the_page_says_how_to_get_one(reader: Client) -> None:
    assert "No source yet" in html_of(reader)
    assert "Inventory sources" in html_of(reader, "/devices/")


def test_a_synchronisation_from_the_button_to_its_end(netbox: NetBoxStub, admin: Client) -> None:
    netbox.add(1)
    netbox.add(2, primary_ip4=None)
    assert "none yet" in html_of(admin)
    assert admin.post("/inventory/netbox/sync/").status_code == 302
    run = SyncRun.objects.get()
    moving = admin.get("/inventory/", headers=HTMX)
    assert (moving.status_code, b"Waiting for a worker" in moving.content) == (200, True)
    again = admin.post("/inventory/netbox/sync/")
    assert again.status_code == 409
    assert "waiting for a worker already" in again.content.decode()
    assert "INV_SYNC_RUNNING" in again.content.decode()
    SyncRun.objects.update(state="loading", done=1000, total=10_000)
    assert "1,000 of 10,000 devices read" in html_of(admin)
    SyncRun.objects.update(state="queued")
    netbox_run(run.pk)
    ended = admin.get("/inventory/", headers=HTMX)
    assert ended.status_code == 286, "the page asks no more"
    assert "hx-trigger" not in ended.content.decode()
    page = html_of(admin)
    assert "2 new" in page
    assert "sw2 has no primary IP address in its source. <code>INV_NO_PRIMARY_IP</code>" in page
    assert "Set the primary address in the source of truth" in page
    assert admin.get("/inventory/netbox/sync/").status_code == 302


def test_only_administrators_act(netbox: NetBoxStub, reader: Client) -> None:
    sync()
    assert 'action="/inventory/netbox/sync/"' not in html_of(reader)
    row = PlatformMapping.objects.get(value="eos")
    acts = ("netbox/sync/", "platforms/set/", f"platforms/{row.pk}/remove/", "journal/retry/")
    for url in acts:
        assert reader.post(f"/inventory/{url}").status_code == 403, url
    auditor = client_of(person("administrator", "auditor"))
    assert auditor.post("/inventory/netbox/sync/").status_code == 403
    assert SyncRun.objects.count() == 1
    assert PlatformMapping.objects.filter(pk=row.pk).exists()


def test_reasons_narrow_the_list_and_refused_entries_are_shown(netbox: NetBoxStub, reader: Client) -> None:
    netbox.add(1, primary_ip4=None)
    netbox.add(2, platform=None)
    sync()
    refused = (RefusedRecord("Line 7", "INV_FIELD_MISSING", "Line 7: port must be a number."),)
    inventory_sync(source="office", inventory=Inventory((), refused), actor=ACTOR)
    assert "Line 7: port must be a number." in html_of(reader)
    narrowed = html_of(reader, "/inventory/?code=PLATFORM_UNMAPPED")
    assert "sw2 has no platform" in narrowed
    assert "sw1 has no primary" not in narrowed
    assert reader.get("/inventory/?colour=red").status_code == 400
    assert reader.get("/inventory/?after=x").status_code == 400


def test_the_page_costs_the_same_however_many_devices_there_are(
    netbox: NetBoxStub, reader: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(1, 60):
        netbox.add(number, primary_ip4=None)
    sync()
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        html_of(reader)


def test_the_platform_table_is_kept_by_administrators(netbox: NetBoxStub, admin: Client) -> None:
    sync()
    page = html_of(admin, "/inventory/platforms/")
    assert all(word in page for word in ("ios-xe", "cisco_xe", "by default"))
    bad = admin.post("/inventory/platforms/set/", {"value": "v y", "platform": "windows", "driver": ""})
    assert bad.status_code == 400
    assert "There is no platform “windows”" in bad.content.decode()
    assert 'value="v y"' in bad.content.decode(), "what was typed is still there"
    good = admin.post("/inventory/platforms/set/", {"value": "vyos", "platform": "frr", "driver": ""})
    assert good.status_code == 302
    row = PlatformMapping.objects.get(value="vyos")
    assert InventorySource.objects.get().position is None
    admin.post(f"/inventory/platforms/{row.pk}/remove/")
    assert not PlatformMapping.objects.filter(value="vyos").exists()


def test_entries_that_netbox_did_not_take_are_shown_and_sent_again(netbox: NetBoxStub, admin: Client) -> None:
    netbox.add(1)
    sync()
    device = Device.objects.get()
    JournalNote.objects.create(
        device=device,
        source="netbox",
        source_key="1",
        reference="r",
        kind="info",
        text="x",
        state="given_up",
        error="Why.",
    )
    assert "NetBox did not take 1 journal entry" in html_of(admin)
    admin.post("/inventory/journal/retry/")
    assert JournalNote.objects.get().state == "pending"


def test_an_excluded_device_says_why_on_its_own_page(netbox: NetBoxStub, reader: Client) -> None:
    netbox.add(1, platform=None)
    sync()
    page = html_of(reader, f"/devices/{Device.objects.get().pk}/")
    assert "sw1 has no platform." in page
    assert "PLATFORM_UNMAPPED" in page
    assert "PLATFORM_UNMAPPED" in html_of(reader, "/devices/")


def test_a_device_that_was_excluded_after_its_plan_was_made_is_not_written_to(netbox: NetBoxStub) -> None:
    netbox.add(1)
    sync()
    _in_service(Device.objects.get())
    netbox.add(1, platform=None)
    sync()
    with pytest.raises(BlockedError, match="sw1 has no platform") as blocked:
        _in_service(Device.objects.get())
    assert blocked.value.code == "PLATFORM_UNMAPPED"


def test_the_api_says_the_same(netbox: NetBoxStub) -> None:
    netbox.add(1, platform=None)
    user, reader = person("administrator"), APIClient()
    client = APIClient()
    client.force_login(user)
    started = client.post("/api/v1/inventory/sources/netbox/sync/", {})
    assert started.status_code == 202, started.json()
    assert client.post("/api/v1/inventory/sources/netbox/sync/", {}).json()["code"] == "INV_SYNC_RUNNING"
    assert client.post("/api/v1/inventory/sources/netbox/sync/", {"scope": "some"}).status_code == 400
    assert client.post("/api/v1/inventory/sources/office/sync/", {}).status_code == 404
    netbox_run(started.json()["id"])
    shown = client.get(f"/api/v1/inventory/runs/{started.json()['id']}/").json()
    assert (shown["state"], shown["created"], shown["requested_by"]) == ("succeeded", 1, user.get_username())
    [source] = client.get("/api/v1/inventory/sources/").json()["results"]
    assert (source["name"], source["excluded"], source["last_run"]["id"]) == ("netbox", 1, shown["id"])
    [device] = client.get("/api/v1/inventory/excluded/?code=PLATFORM_UNMAPPED").json()["results"]
    assert (device["code"], device["sentence"]) == ("PLATFORM_UNMAPPED", "sw1 has no platform.")
    assert client.get("/api/v1/inventory/excluded/?colour=red").status_code == 400
    made = client.put("/api/v1/inventory/platforms/", {"value": "vyos", "platform": "frr"})
    assert (made.status_code, made.json()["updated_by"]) == (200, user.get_username())
    assert "value" in client.put("/api/v1/inventory/platforms/", {"platform": "frr"}).json()["fields"]
    assert client.delete(f"/api/v1/inventory/platforms/{made.json()['id']}/").status_code == 204
    reader.force_login(person("requester"))
    assert reader.put("/api/v1/inventory/platforms/", {"value": "x", "platform": "frr"}).status_code == 403
    assert reader.post("/api/v1/inventory/sources/netbox/sync/", {}).status_code == 403
