"""The command that brings an inventory file in: all or nothing, audited, and helpful about what it refuses."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from devices.models import Device, HostKey

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
INVENTORY = f"""
devices:
  - name: sw1
    platform: cisco_ios
    address: 192.0.2.1
    site: FRA
    tags: [lab]
    host_keys: ["{KEY}"]
  - name: sw2
    platform: cisco_ios
    address: 192.0.2.2
  - name: sw3
    platform: windows
    address: 192.0.2.3
  - name: sw4
    platform: cisco_ios
"""

pytestmark = pytest.mark.django_db


def sync(path: Path, *options: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("devices_sync", str(path), *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "office.yaml"
    path.write_text(INVENTORY)
    return path


def test_devices_come_in_and_the_refused_ones_are_named_with_their_codes(inventory: Path) -> None:
    out, err = sync(inventory)
    assert "office: 2 new, 0 updated, 0 unchanged, 0 missing, 2 refused, 0 host keys pinned." in out
    assert "sw3: PLATFORM_UNMAPPED" in err
    assert "sw4: INV_NO_PRIMARY_IP" in err
    assert set(Device.objects.filter(source="office").values_list("name", flat=True)) == {"sw1", "sw2"}
    assert not HostKey.objects.exists(), "keys are pinned only when somebody says so"


def test_a_second_load_changes_only_what_changed_and_audits_it(inventory: Path) -> None:
    sync(inventory)
    inventory.write_text(INVENTORY.replace("site: FRA", "site: MUC").replace("name: sw2", "name: sw9"))
    out, _err = sync(inventory)
    assert "1 new, 1 updated, 0 unchanged, 1 missing" in out
    assert Device.objects.get(name="sw2").status == "missing"
    event = Event.objects.filter(action="device.updated", object_label="sw1").latest("id")
    assert event.content()["before"] == {"site": "FRA"}
    assert event.content()["after"] == {"site": "MUC"}


def test_host_keys_are_pinned_on_request(inventory: Path) -> None:
    out, _err = sync(inventory, "--pin-host-keys")
    assert "1 host keys pinned" in out
    assert HostKey.objects.get().openssh == KEY
    assert Event.objects.filter(action="host_key.pinned").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("devices: [", "is not valid YAML"), ("nothing: here", "has no list “devices”"), (None, "cannot be read")],
)
def test_a_file_that_is_no_inventory_changes_nothing(tmp_path: Path, text: str | None, sentence: str) -> None:
    path = tmp_path / "office.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CommandError, match=sentence):
        sync(path)
    assert not Device.objects.exists()
