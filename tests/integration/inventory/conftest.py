from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.integration.inventory.netbox_stub import TOKEN, NetBoxStub, netbox_stub


@pytest.fixture
def netbox(settings: Settings, db: None) -> Iterator[NetBoxStub]:
    """A NetBox that the settings name."""
    with netbox_stub() as stub:
        settings.NETBOX_URL = stub.url
        settings.NETBOX_TOKEN = TOKEN
        settings.NETBOX_TIMEOUT_S = 5
        settings.NETBOX_WEBHOOK_SECRET = "a-secret-of-the-webhook"
        yield stub
