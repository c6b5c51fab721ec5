from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from pytest_django import Settings

from devices.models import PlatformMapping
from tests.integration.inventory.netbox_stub import TOKEN, NetBoxStub, netbox_stub


@pytest.fixture
def netbox(settings: Settings, db: None) -> Iterator[NetBoxStub]:
    """A NetBox that the settings name, and the platform table as it is in a new installation."""
    if not PlatformMapping.objects.exists():  # a test that committed has emptied it
        import_module("devices.migrations.0004_inventory_sources").seed(apps, None)
    with netbox_stub() as stub:
        settings.NETBOX_URL = stub.url
        settings.NETBOX_TOKEN = TOKEN
        settings.NETBOX_TIMEOUT_S = 5
        settings.NETBOX_WEBHOOK_SECRET = "a-secret-of-the-webhook"
        yield stub
