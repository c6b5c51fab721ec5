"""Devices from NetBox: all kept, what excludes one is said, nothing is taken in by halves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from audit.actor import Actor
from audit.models import Event
from devices.errors import SyncRunningError
from devices.models import Device, InventorySource, PlatformMapping, StagedDevice, SyncRun, SyncScope, SyncState
from devices.services.inventory_lock import SYNC_LOCK_CLASS
from devices.services.inventory_netbox import netbox_due, netbox_run, netbox_sync, netbox_waiting
from devices.services.inventory_platforms import platform_map
from devices.services.inventory_runs import sync_request
from devices.sources.netbox_client import DEVICE_FIELDS
from portal.presenters.inventory_pages import mapping_rows
from tests.integration.inventory.netbox_stub import NetBoxStub

ACTOR = Actor.system("test")


def sync(scope: SyncScope = SyncScope.FULL, **options: Any) -> SyncRun:  # noqa: ANN401 - the service's own
    return netbox_sync(actor=ACTOR, scope=scope, **options)


def device(number: int) -> Device:
    return Device.objects.get(source="netbox", source_key=str(number))


def test_a_device_becomes_what_netbox_says_of_it(netbox: NetBoxStub) -> None:
    netbox.add(7)
    run = sync()
    assert (run.state, run.created, run.done, run.total) == (SyncState.SUCCEEDED, 1, 1, 1)
    found = device(7)
    assert (found.name, found.hostname, found.address) == ("sw7", "sw7", "10.0.0.8")
    assert (found.site, found.role, found.tags, found.model) == ("ams1", "access-switch", ["pilot"], "C9300-48P")
    assert (found.platform, found.credential, found.serial) == ("cisco_ios", "lab", "SN7")
    assert (found.status, found.exclusion, found.exclusion_detail) == ("active", "", "")


@pytest.mark.parametrize(
    ("group", "uplinks"),
    [
        ("ams1-core", "core2, core1"),
        ({"value": "ams1-core", "label": "Core"}, ["core1", "core2"]),
        ({"id": 3, "name": "ams1-core"}, [{"id": 4, "name": "core1"}, {"id": 5, "name": "core2"}]),
    ],
)
def test_custom_fields_of_any_kind_name_group_and_uplinks(netbox: NetBoxStub, group: object, uplinks: object) -> None:
    netbox.add(7, custom_fields={"countersign_credential": "lab", "redundancy_group": group, "uplinks": uplinks})
    sync()
    assert (device(7).redundancy_group, device(7).uplinks) == ("ams1-core", ["core1", "core2"])
    assert (device(7).exclusion, device(7).credential) == ("", "lab")


@pytest.mark.parametrize(
    ("field", "tags", "criticality"),
    [
        ("Vital", [], "vital"),
        ({"value": "high", "label": "High"}, ["criticality-low"], "high"),
        (None, ["criticality-low", "criticality-high", "pilot"], "high"),
        ("mission critical", ["criticality-low"], ""),
        (None, ["pilot"], ""),
    ],
)
def test_criticality_by_custom_field_or_tag_and_the_tenant(
    netbox: NetBoxStub, field: object, tags: list[str], criticality: str
) -> None:
    slugs = [{"id": number, "slug": slug} for number, slug in enumerate(tags)]
    fields = {"countersign_credential": "lab", "criticality": field}
    netbox.add(7, custom_fields=fields, tags=slugs, tenant={"id": 4, "name": "Campus", "slug": "campus"})
    sync()
    assert (device(7).criticality, device(7).tenant, device(7).exclusion) == (criticality, "campus", "")


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"primary_ip4": None}, "INV_NO_PRIMARY_IP", "no primary IP address"),
        ({"platform": None}, "PLATFORM_UNMAPPED", "has no platform"),
        ({"platform": {"slug": "vyatta"}}, "PLATFORM_UNMAPPED", "“vyatta” as its platform"),
        ({"custom_fields": {"countersign_platform": "mikrotik"}}, "PLATFORM_UNMAPPED", "“mikrotik” as its custom"),
        ({"name": None, "display": "C9300 (9)"}, "INV_FIELD_MISSING", "C9300 (9) has no name"),
        ({"status": {"value": "planned"}}, "INV_NOT_ACTIVE", "is “planned”"),
        ({"serial": "SN\u200b9"}, "INV_FIELD_MISSING", "cannot be seen"),
        ({"name": "a\x00b", "display": None}, "INV_FIELD_MISSING", "cannot be seen"),
        ({"tags": ["text"], "device_type": "text", "site": None}, "INV_FIELD_MISSING", "tags must be"),
        ({"primary_ip4": {"id": 5, "address": "; reload"}}, "INV_FIELD_MISSING", "neither a host name nor"),
    ],
)
def test_a_device_that_cannot_be_a_target_is_kept_and_says_why(
    netbox: NetBoxStub, changed: dict[str, Any], code: str, words: str
) -> None:
    netbox.add(9, **changed)
    sync()
    found = device(9)
    assert found.exclusion == code
    assert words in found.exclusion_detail
    assert not Device.objects.targetable().exists()


def test_ipv6_alone_is_an_address(netbox: NetBoxStub) -> None:
    netbox.add(1, primary_ip4=None, primary_ip6={"id": 5, "address": "2001:db8::1/64"})
    sync()
    assert (device(1).address, device(1).exclusion) == ("2001:db8::1", "")


def test_names_that_repeat_exclude_each_other_until_one_is_renamed(netbox: NetBoxStub) -> None:
    netbox.add(1, name="core")
    netbox.add(2, name="CORE")
    netbox.add(3, name="core", status={"value": "decommissioning"})
    sync()
    assert [device(number).exclusion for number in (1, 2)] == ["INV_DUPLICATE_NAME"] * 2
    assert "called “core” too" in device(1).exclusion_detail
    again = sync()
    assert (again.updated, again.unchanged) == (0, 3), "a second load finds nothing new"
    netbox.add(2, name="core2")
    netbox.changed("dcim.device", 2)
    sync(SyncScope.CHANGES)
    assert [device(number).exclusion for number in (1, 2)] == ["", ""]
    assert Event.objects.filter(action="device.readmitted", object_label="core").exists()


def test_the_custom_field_goes_before_the_platform(netbox: NetBoxStub) -> None:
    netbox.add(1, custom_fields={"countersign_platform": "arista_eos"})
    sync()
    assert device(1).platform == "arista_eos"


def test_a_new_row_of_the_platform_table_makes_the_next_synchronisation_a_full_one(netbox: NetBoxStub) -> None:
    netbox.add(1, platform={"slug": "vyatta"})
    sync()
    platform_map(value="vyatta", platform="frr", driver="", actor=ACTOR)
    run = netbox_due(actor=ACTOR)
    assert run is not None
    assert (run.scope, device(1).platform, device(1).exclusion) == (SyncScope.FULL, "frr", "")
    assert Event.objects.filter(action="platform_mapping.set", object_label="vyatta").exists()


def test_devices_are_read_in_pages_by_id(netbox: NetBoxStub) -> None:
    netbox.page_limit = 2
    for number in (3, 4, 8, 20, 21):
        netbox.add(number)
    run = sync()
    assert (run.created, run.done, run.total) == (5, 5, 5)
    pages = [parse_qs(urlsplit(asked).query) for asked in netbox.asked if asked.startswith("/api/dcim/devices/")]
    assert [page["id__gt"] for page in pages] == [["0"], ["4"], ["20"]]
    assert {(*page["limit"], *page["offset"], *page["fields"]) for page in pages} == {("1000", "0", DEVICE_FIELDS)}


def test_no_device_costs_a_request_of_its_own(netbox: NetBoxStub) -> None:
    counts = []
    for number in range(1, 41, 13):
        netbox.add(number, primary_ip6=None, platform=None)
        netbox.asked.clear()
        sync()
        counts.append(len(netbox.asked))
    assert counts == counts[:1] * 4, "an attribute that NetBox did not send would be asked for, device by device"


@pytest.mark.parametrize(
    ("words", "netmiko", "napalm"),
    [
        ("cisco-ios ios", "cisco_ios", "ios"),
        ("ios-xe", "cisco_xe", "ios"),
        ("nxos", "cisco_nxos", "nxos"),
        ("iosxr", "cisco_xr", "iosxr"),
        ("arista-eos eos", "arista_eos", "eos"),
        ("juniper-junos junos", "juniper_junos", "junos"),
        ("frr", "cisco_ios", ""),
    ],
)
def test_the_usual_words_for_platforms_are_in_the_table(
    netbox: NetBoxStub, words: str, netmiko: str, napalm: str
) -> None:
    rows = mapping_rows(list(PlatformMapping.objects.filter(value__in=words.split())))
    assert [(row.netmiko_type, row.napalm_driver) for row in rows] == [(netmiko, napalm)] * len(words.split())


def test_a_failure_on_the_second_page_replaces_nothing(netbox: NetBoxStub) -> None:
    netbox.page_limit = 2
    for number in range(1, 6):
        netbox.add(number)
    sync()
    before = list(Device.objects.order_by("pk").values())
    netbox.devices = {}
    for number in range(1, 6):
        netbox.add(number, site={"slug": "nyc2"})
    netbox.asked.clear()
    netbox.fail_device_page = 2
    run = sync()
    assert (run.state, run.code) == (SyncState.FAILED, "INV_REFRESH_FAILED")
    assert "answered with an error (500) while reading devices" in run.detail
    assert run.done == 2, "the first page had been read"
    assert list(Device.objects.order_by("pk").values()) == before
    assert not StagedDevice.objects.exists()
    failures = Event.objects.filter(action="inventory.sync_failed", code="INV_REFRESH_FAILED")
    assert failures.count() == 1
    netbox.asked.clear()
    sync()
    assert failures.count() == 1, "an outage is one event, however often it is tried"
    netbox.fail_device_page = 0
    sync()
    netbox.fail_device_page = 2
    netbox.asked.clear()
    sync()
    assert failures.count() == 2


def test_a_device_that_netbox_no_longer_has_is_missing_and_comes_back(netbox: NetBoxStub) -> None:
    netbox.add(1)
    netbox.add(2)
    sync()
    del netbox.devices[2]
    assert sync().missing == 1
    assert device(2).status == "missing"
    netbox.add(2)
    sync()
    assert device(2).status == "active"


def test_most_devices_do_not_vanish_without_a_word(netbox: NetBoxStub) -> None:
    for number in range(1, 13):
        netbox.add(number)
    sync()
    netbox.devices = {1: netbox.devices[1]}
    run = sync()
    assert (run.code, run.missing) == ("INV_SOURCE_SHRANK", 0)
    assert "11 of the 12" in run.detail
    assert sync(accept_fewer=True).missing == 11


def test_only_what_changed_is_read(netbox: NetBoxStub) -> None:
    for number in range(1, 6):
        netbox.add(number)
    sync()
    netbox.add(2, serial="NEW")
    netbox.changed("dcim.device", 2)
    del netbox.devices[3]
    netbox.changed("dcim.device", 3, "delete")
    netbox.devices[4]["primary_ip4"]["address"] = "10.9.9.9/24"
    netbox.changed("ipam.ipaddress", 1004)
    netbox.changed("ipam.ipaddress", 9999, "delete")
    netbox.changed("dcim.interface", 1)
    netbox.asked.clear()
    run = sync(SyncScope.CHANGES)
    assert (run.scope, run.updated, run.missing, run.unchanged) == (SyncScope.CHANGES, 2, 1, 0)
    assert (device(2).serial, device(3).status, device(4).address) == ("NEW", "missing", "10.9.9.9")
    assert sync(SyncScope.CHANGES).total == 0, "nothing is read twice"


def test_an_entry_that_becomes_visible_late_is_not_missed(netbox: NetBoxStub) -> None:
    for number in (1, 2):
        netbox.add(number)
        netbox.changed("dcim.device", number)
    sync()
    # A slow transaction had the id 4, and ends after 5 was read.
    netbox.changes.append({"id": 5, "changed_object_type": "dcim.device", "changed_object_id": 1})
    sync(SyncScope.CHANGES)
    netbox.add(2, serial="LATE")
    netbox.changes.insert(-1, {"id": 4, "changed_object_type": "dcim.device", "changed_object_id": 2})
    sync(SyncScope.CHANGES)
    assert device(2).serial == "LATE"


@pytest.mark.parametrize("why", ["shared", "restored", "forbidden"])
def test_where_the_change_log_does_not_tell_all_devices_are_loaded(netbox: NetBoxStub, why: str) -> None:
    netbox.add(1)
    netbox.changed("dcim.device", 1)
    sync()
    netbox.add(1, serial="NEW")
    if why == "shared":
        netbox.changed("dcim.platform", 1)
    elif why == "restored":
        netbox.changes.clear()
    else:
        netbox.changes_forbidden = True
        InventorySource.objects.update(position=None)
    run = sync(SyncScope.CHANGES) if why != "forbidden" else netbox_due(actor=ACTOR)
    assert run is not None
    assert (run.scope, device(1).serial) == (SyncScope.FULL, "NEW")
    assert ("core.view_objectchange" in run.detail) == (why == "forbidden")
    if why != "forbidden":
        assert sync(SyncScope.CHANGES).scope == SyncScope.CHANGES, "one full load is enough"


def test_a_word_that_cannot_be_shown_is_left_out_of_the_sentence(netbox: NetBoxStub) -> None:
    netbox.add(1, custom_fields={"countersign_platform": "ios\u202eexe\x07"})
    sync()
    assert device(1).exclusion_detail == "sw1 has “iosexe” as its custom field, which the platform table does not have."


def test_only_the_devices_that_the_filter_means_are_taken(netbox: NetBoxStub, settings: Settings) -> None:
    netbox.add(1)
    netbox.add(2, site={"slug": "nyc2"})
    settings.NETBOX_FILTER = {"site": ["ams1"]}
    assert sync().created == 1
    netbox.devices[1]["site"] = {"slug": "nyc2"}
    netbox.changed("dcim.device", 1)
    assert sync(SyncScope.CHANGES).missing == 1, "it left what the filter means"


def test_many_ids_are_asked_for_in_parts(netbox: NetBoxStub) -> None:
    for number in range(1, 406):
        netbox.add(number)
    netbox.asked.clear()
    assert sync(SyncScope.DEVICES, ids=range(1, 406)).created == 405
    parts = [asked.count("id=") - asked.count("_id=") for asked in netbox.asked if "dcim/devices" in asked]
    assert parts == [200, 200, 5]


@pytest.mark.django_db(transaction=True)
def test_a_second_synchronisation_is_refused_and_a_lost_one_holds_nobody_up(netbox: NetBoxStub) -> None:
    from zlib import crc32

    netbox.add(1)
    sync()
    run = sync_request(source="netbox", actor=ACTOR)
    with pytest.raises(SyncRunningError, match="waiting for a worker already"):
        sync_request(source="netbox", actor=ACTOR)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [SYNC_LOCK_CLASS, crc32(b"netbox") - 2**31])
    try:
        with pytest.raises(SyncRunningError, match="at this moment"):
            netbox_run(run.pk)
        with pytest.raises(CommandError, match="INV_SYNC_RUNNING"):
            call_command("devices_sync", "netbox")
    finally:
        other.close()
    assert SyncRun.objects.get(pk=run.pk).code == "INV_SYNC_RUNNING"
    lost = SyncRun.objects.create(source_id="netbox", scope=SyncScope.FULL, state="loading", requested_by="x")
    assert sync().state == SyncState.SUCCEEDED
    assert SyncRun.objects.get(pk=lost.pk).code == "INV_SYNC_LOST"
    assert Event.objects.filter(action="inventory.sync_failed", code="INV_SYNC_LOST").count() == 1
    assert netbox_run(run.pk) is None, "delivered twice, it is done once"


def test_a_request_that_the_queue_lost_is_taken_up(netbox: NetBoxStub) -> None:
    netbox.add(1)
    run = sync_request(source="netbox", actor=ACTOR)
    assert netbox_waiting() is None, "its own call may still come"
    SyncRun.objects.update(requested_at=timezone.now() - timedelta(seconds=30))
    assert netbox_waiting() == run
    assert SyncRun.objects.get().state == SyncState.SUCCEEDED
    assert netbox_waiting() is None


def test_the_command_lists_the_excluded_devices(netbox: NetBoxStub, capsys: pytest.CaptureFixture[str]) -> None:
    netbox.add(1)
    netbox.add(2, primary_ip4=None)
    call_command("devices_sync", "netbox")
    told = capsys.readouterr()
    assert "netbox: 2 new, 0 updated, 0 unchanged, 0 missing." in told.out
    assert "2: INV_NO_PRIMARY_IP: sw2 has no primary IP address in its source." in told.err
