import re

import pytest
from django.test import Client

from devices.models import SnapshotPurpose
from devices.services.snapshots import snapshot_store
from portal.views.devices import SNAPSHOTS
from tests.factories import DeviceFactory, PersonFactory


@pytest.fixture
def reader(db: None) -> Client:
    client = Client()
    client.force_login(PersonFactory.create(roles=["peer"]))
    return client


def test_device_that_was_never_read_has_a_page(reader: Client) -> None:
    device = DeviceFactory.create()
    response = reader.get(f"/devices/{device.pk}/")
    assert response.status_code == 200
    assert "Never read" in response.content.decode()


def test_only_what_differs_from_the_one_before_is_new(reader: Client) -> None:
    device = DeviceFactory.create()
    for text in ("hostname a\n", *["hostname b\n"] * (SNAPSHOTS + 1)):
        snapshot_store(device=device, text=text, purpose=SnapshotPurpose.PLAN)
    page = reader.get(f"/devices/{device.pk}/").content.decode()
    assert len(re.findall(r"/configs/\d", page)) == SNAPSHOTS
    assert ">new<" not in page
