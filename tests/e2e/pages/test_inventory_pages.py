"""Inventory sources in a browser: synchronised by a button, with what was left out, and the platform table."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from playwright.sync_api import expect
from pytest_django import Settings

from audit.actor import Actor
from devices.models import PlatformMapping, SyncRun
from devices.services.inventory import inventory_sync
from devices.services.inventory_netbox import netbox_run
from devices.sources.records import Inventory, RefusedRecord
from tests.e2e.browsing import DESKTOP
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, PersonFactory
from tests.integration.inventory.netbox_stub import TOKEN, NetBoxStub, netbox_stub

pytestmark = pytest.mark.e2e


@pytest.fixture
def netbox(transactional_db: None, settings: Settings) -> Iterator[NetBoxStub]:
    """A NetBox with devices of which some cannot be targets, and a file with entries that became no devices."""
    PlatformMapping.objects.all().delete()
    import_module("devices.migrations.0004_inventory_sources").seed(apps, None)
    sentences = (
        "Line 7: fra-acc-77: port must be a number from 1 to 65535.",
        "Line 9: A device has no name; give it one.",
    )
    refused = tuple(RefusedRecord(text.split(":")[0], "INV_FIELD_MISSING", text) for text in sentences)
    inventory_sync(source="office", inventory=Inventory((), refused), actor=Actor.system("test"))
    with netbox_stub() as stub:
        settings.NETBOX_URL, settings.NETBOX_TOKEN = stub.url, TOKEN
        stub.add(1)
        stub.add(2, primary_ip4=None)
        stub.add(3, platform={"slug": "vyatta-legacy"})
        yield stub


def test_a_source_is_synchronised_and_what_it_left_out_is_put_right(
    comes: Comes, cast: Cast, netbox: NetBoxStub
) -> None:
    root = comes(PersonFactory.create(username="root", roles=["administrator"]))
    root.goes("/inventory/")
    root.clicks("button", "Synchronise netbox")
    page = root.page
    expect(page.get_by_text("Waiting for a worker").first).to_be_visible()
    netbox_run(SyncRun.objects.latest("pk").pk)
    expect(page.get_by_text("3 new").first).to_be_visible()  # the page asks by itself
    page.reload()
    for words in (
        "sw2 has no primary IP address in its source.",
        "“vyatta-legacy” as its platform",
        "Line 7: fra-acc-77",
    ):
        expect(page.get_by_text(words).first).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 900})
    root.fits()
    root.pictures("looks/inventory-360-light", whole=True)
    page.set_viewport_size(DESKTOP)
    root.clicks("link", "Platform table")
    page.get_by_label("Word in the source").fill("vyatta-legacy")
    page.get_by_label("Platform here").select_option("frr")
    root.clicks("button", "Map it")
    assert PlatformMapping.objects.filter(value="vyatta-legacy", platform="frr", updated_by="root").exists()
    page.set_viewport_size({"width": 360, "height": 900})
    root.fits()
    reader = comes(cast.author, scripts=False)
    reader.goes("/inventory/?code=PLATFORM_UNMAPPED")
    assert reader.page.get_by_role("button", name="Synchronise netbox").count() == 0
    assert "sw2 has no primary" not in reader.page.content()
