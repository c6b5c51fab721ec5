"""Bringing a source in: what it costs, and what it must not hold up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor, Origin
from audit.models import Event
from devices.errors import SourceShrankError
from devices.models import Device, SnapshotPurpose
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import inventory_sync
from devices.services.snapshots import snapshot_store
from devices.sources.records import DeviceRecord, Inventory
from tests.factories import public_key

ACTOR = Actor(user_id=None, username="sync", origin=Origin.COMMAND)


def records(count: int, **changed: str) -> Inventory:
    return Inventory(
        tuple(
            DeviceRecord(key=f"k{number}", name=f"sw{number}", platform="cisco_ios", address="192.0.2.1", **changed)  # type: ignore[arg-type]
            for number in range(count)
        )
    )


@pytest.mark.django_db
def test_what_did_not_change_costs_no_query_each_and_is_fresh_again() -> None:
    inventory_sync(source="s", inventory=records(40), actor=ACTOR)
    before = Device.objects.get(name="sw1").synced_at
    with CaptureQueriesContext(connection) as captured:
        report = inventory_sync(source="s", inventory=records(40), actor=ACTOR)
    assert (report.unchanged, report.updated) == (40, 0)
    assert len(captured) <= 14, "a fixed number, however many devices"
    assert Device.objects.get(name="sw1").synced_at > before
    assert Event.objects.filter(action="device.updated", object_label="sw1").count() == 0


@pytest.mark.django_db
def test_each_difference_is_audited_with_what_was_and_what_is() -> None:
    inventory_sync(source="s", inventory=records(2), actor=ACTOR)
    report = inventory_sync(source="s", inventory=records(1, site="FRA"), actor=ACTOR)
    assert (report.updated, report.missing) == (1, 1)
    first, second = Device.objects.order_by("name")
    assert (first.site, second.status) == ("FRA", "missing")
    body = Event.objects.get(action="device.updated", device_id=first.pk).body
    assert '"before":{"site":""}' in body
    assert '"after":{"site":"FRA"}' in body


@pytest.mark.django_db
def test_a_device_that_comes_back_is_active_again() -> None:
    inventory_sync(source="s", inventory=records(2), actor=ACTOR)
    inventory_sync(source="s", inventory=records(1), actor=ACTOR)
    inventory_sync(source="s", inventory=records(2), actor=ACTOR)
    assert set(Device.objects.values_list("status", flat=True)) == {"active"}


@pytest.mark.django_db
def test_a_file_that_lost_most_of_its_devices_replaces_nothing_unless_somebody_says_so() -> None:
    inventory_sync(source="s", inventory=records(12), actor=ACTOR)
    with pytest.raises(SourceShrankError, match="no longer lists 7 of the 12"):
        inventory_sync(source="s", inventory=records(5), actor=ACTOR)
    assert not Device.objects.exclude(status="active").exists()
    assert inventory_sync(source="s", inventory=records(5), actor=ACTOR, accept_fewer=True).missing == 7


@pytest.mark.django_db
def test_another_source_is_left_alone() -> None:
    inventory_sync(source="one", inventory=records(1), actor=ACTOR)
    inventory_sync(source="two", inventory=Inventory(()), actor=ACTOR)
    assert Device.objects.get().status == "active"


@contextmanager
def elsewhere_within(seconds: float, device: Device) -> Iterator[None]:
    """A worker's snapshot of this device must be stored, on another connection, while the body's locks are held."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{int(seconds * 1000)}ms'")
            snapshot_store(device=device, text="hostname x\n", purpose=SnapshotPurpose.BEFORE)
        except BaseException as error:  # noqa: BLE001 - it is handed to the test
            failures.append(error)
        finally:
            connection.close()

    yield
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert not failures, failures


@pytest.mark.django_db(transaction=True)
def test_a_running_change_does_not_wait_for_the_inventory() -> None:
    inventory_sync(source="s", inventory=records(1), actor=ACTOR)
    device = Device.objects.get()
    with transaction.atomic(), elsewhere_within(1.0, device):
        inventory_sync(source="s", inventory=records(1), actor=ACTOR)
        host_key_enrol(device_id=device.pk, key_type="ssh-ed25519", public_key=public_key(1), actor=ACTOR)
