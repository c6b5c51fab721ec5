"""The CSV inventory: a line is a device as it stands, or is refused with its number; nothing in a cell is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.actor import Actor, Origin
from audit.models import Event
from devices.errors import InventoryError
from devices.models import Device, InventorySource, RefusedEntry
from devices.services.inventory import inventory_sync
from devices.sources.csv_file import load
from devices.sources.records import Inventory

SETUP = Actor(user_id=None, username="setup", origin=Origin.COMMAND)
HEAD = "name,platform,address,port,site,tags\n"


def read(tmp_path: Path, text: str | bytes) -> Inventory:
    path = tmp_path / "office.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def test_a_line_becomes_a_device(tmp_path: Path) -> None:
    [record] = read(tmp_path, f"\ufeff{HEAD}sw1,cisco_ios,192.0.2.1,2222,FRA,core;edge\r\n\r\n").records
    assert (record.key, record.name, record.port, record.site, record.tags) == (
        "sw1", "sw1", 2222, "FRA", ("core", "edge"),
    )  # fmt: skip


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_understood(tmp_path: Path, separator: str) -> None:
    text = f"{HEAD}sw1,cisco_ios,192.0.2.1,22,FRA,a|b\n".replace(",", separator)
    [record] = read(tmp_path, text).records
    assert record.tags == (("a", "b") if separator == ";" else ("a|b",))


def test_quotes_hold_separators_and_marks(tmp_path: Path) -> None:
    [record] = read(tmp_path, f'{HEAD}sw1,cisco_ios,192.0.2.1,22,"Frankfurt, ""West""",\n').records
    assert record.site == 'Frankfurt, "West"'


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("sw1,cisco_ios", "INV_FIELD_MISSING", "Line 2: 2 cells instead of the 6 of the header row"),
        ("sw1,windows,192.0.2.1,22,,", "PLATFORM_UNMAPPED", "Line 2: The platform 'windows'"),
        ("sw1,cisco_ios,,22,,", "INV_NO_PRIMARY_IP", "Line 2: sw1 has no address"),
        ("sw1,cisco_ios,192.0.2.1,ssh,,", "INV_FIELD_MISSING", "Line 2: sw1: port must be a number"),
        ('"=HYPERLINK(""x"")",cisco_ios,192.0.2.1,22,,', "INV_FIELD_MISSING", "Line 2: name begins with “=”"),
        ("sw1,cisco_ios,192.0.2.1,22,@SUM(1),", "INV_FIELD_MISSING", "Line 2: site begins with “@”"),
        ('"a\nb",cisco_ios,192.0.2.1,22,,', "INV_FIELD_MISSING", "Line 3: "),
    ],
)
def test_a_line_that_is_no_device_is_refused_with_its_number(
    tmp_path: Path, line: str, code: str, sentence: str
) -> None:
    loaded = read(tmp_path, f"{HEAD}{line}\nsw2,cisco_ios,192.0.2.2,22,,\n")
    [refused] = loaded.refused
    assert (refused.code, refused.sentence[: len(sentence)]) == (code, sentence)
    assert [record.name for record in loaded.records] == ["sw2"], "the others come in"


def test_a_second_device_of_a_name_is_refused(tmp_path: Path) -> None:
    loaded = read(tmp_path, f"{HEAD}sw1,cisco_ios,192.0.2.1,22,,\nsw1,cisco_ios,192.0.2.2,22,,\n")
    assert loaded.refused[0].sentence.startswith("Line 3: A second device is called “sw1”")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "lacks name and platform and address"),
        ("name,platform\n", "lacks address"),
        ("name,platform,address,colour\n", "the field “colour”"),
        ("name,name,platform,address\n", "names name twice"),
        (f'{HEAD}sw1,"cisco\n', "not valid CSV"),
        (f"{HEAD}sw1,cisco_ios,192.0.2.1,22,Zürich,\n".encode("latin-1"), "not UTF-8, first in line 2"),
    ],
)
def test_a_file_that_is_no_inventory_is_refused_as_a_whole(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(InventoryError, match=sentence):
        read(tmp_path, text)


def test_a_device_that_is_not_active_is_listed_with_its_reason(tmp_path: Path) -> None:
    [found] = read(tmp_path, "name,platform,address,status\nsw1,cisco_ios,192.0.2.1,maintenance\n").records
    assert found.status == "maintenance"
    assert found.exclusion == "INV_NOT_ACTIVE"
    assert found.exclusion_detail == "sw1 is “maintenance” in its source, not active."


@pytest.mark.django_db
def test_the_command_takes_csv_files_and_keeps_what_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "office.csv"
    path.write_text(f"{HEAD}sw1,cisco_ios,192.0.2.1,22,,\nsw2,cisco_ios,,22,,\n")
    call_command("devices_sync", str(path))
    assert Device.objects.get().source == "office"
    assert InventorySource.objects.get().kind == "csv"
    assert RefusedEntry.objects.get().sentence.startswith("Line 3: ")
    with pytest.raises(CommandError, match="is the name of the NetBox source"):
        call_command("devices_sync", str(path), "--name", "netbox")


def test_uplinks_are_separated_like_tags_and_come_into_the_inventory(tmp_path: Path, db: None) -> None:
    head = "name,platform,address,redundancy_group,uplinks\n"
    inventory = read(tmp_path, f"{head}sw1,cisco_ios,192.0.2.1,fra-dist,core2; core1;core2\n")
    assert (inventory.records[0].redundancy_group, inventory.records[0].uplinks) == ("fra-dist", ("core1", "core2"))
    inventory_sync(source="csv", inventory=inventory, actor=SETUP)
    found = Device.objects.get(name="sw1")
    assert (found.redundancy_group, found.uplinks) == ("fra-dist", ["core1", "core2"])
    changed = read(tmp_path, f"{head}sw1,cisco_ios,192.0.2.1,,core1\n")
    inventory_sync(source="csv", inventory=changed, actor=SETUP)
    event = Event.objects.filter(action="device.updated", device_id=found.pk).get()
    assert json.loads(event.body)["after"] == {"redundancy_group": "", "uplinks": ["core1"]}


def test_criticality_and_tenant_come_into_the_inventory(tmp_path: Path, db: None) -> None:
    head = "name,platform,address,tenant,criticality\n"
    inventory_sync(source="csv", inventory=read(tmp_path, f"{head}sw1,cisco_ios,192.0.2.1,campus,high\n"), actor=SETUP)
    found = Device.objects.get(name="sw1")
    assert (found.tenant, found.criticality) == ("campus", "high")


def test_an_uplink_with_hidden_characters_refuses_its_line(tmp_path: Path) -> None:
    text = "name,platform,address,uplinks\nsw1,cisco_ios,192.0.2.1,core\u200b1\n"
    [refused] = read(tmp_path, text).refused
    assert "Line 2: sw1: uplinks must be a list" in refused.sentence
