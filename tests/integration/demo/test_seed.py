"""The demo's first start makes everything; later starts find it and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import RequestFactory

from audit.models import Event
from changes.models import ChangeRequest, PlanRevision
from devices.lab.faults import Faults
from devices.models import Device, HostKey
from portal.demo.people import demo_password
from portal.demo.seed import seed_demo

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab_home(tmp_path: Path, settings: object) -> Path:
    settings.COUNTERSIGN_HOME = tmp_path  # type: ignore[attr-defined]  # pytest-django's fixture
    home = tmp_path / "lab"
    home.mkdir()
    devices = [
        {
            "name": name,
            "platform": "cisco_ios",
            "address": "127.0.0.1",
            "port": 22000 + number,
            "site": "MUC",
            "role": "access",
            "credential": "lab",
            "host_keys": [KEY],
        }
        for number, name in enumerate(("muc-acc-01", "muc-acc-02"))
    ]
    (home / "inventory.yaml").write_text(yaml.safe_dump({"devices": devices}))
    return home


def test_the_first_start_brings_people_devices_keys_and_a_change(lab_home: Path) -> None:
    logins = seed_demo(lab_home)

    request = RequestFactory().post("/sign-in/")
    for person in logins.people:
        user = authenticate(request, username=person.username, password=logins.password(person.username))
        assert isinstance(user, User)
        assert set(user.groups.values_list("name", flat=True)) == set(person.roles)
    assert Device.objects.filter(source="lab").count() == 2
    assert HostKey.objects.count() == 2
    assert ChangeRequest.objects.get().author.username == "olivia"
    assert PlanRevision.objects.get().device_count == 2


def test_a_later_start_changes_nothing(lab_home: Path) -> None:
    first = seed_demo(lab_home)
    events, hashes = Event.objects.count(), list(User.objects.order_by("pk").values_list("password", flat=True))

    again = seed_demo(lab_home)

    assert again.password("olivia") == first.password("olivia")
    assert Event.objects.count() == events
    assert list(User.objects.order_by("pk").values_list("password", flat=True)) == hashes


def test_the_password_is_random_and_readable_to_its_owner_alone(lab_home: Path) -> None:
    del lab_home
    from django.conf import settings

    password = demo_password(settings.COUNTERSIGN_HOME)
    kept = settings.COUNTERSIGN_HOME / "demo-password"
    assert kept.stat().st_mode & 0o077 == 0
    assert password == kept.read_text().strip()
    assert len(password) >= 16


def test_the_faults_file_is_one_that_the_lab_understands_and_edits_to_it_stay(lab_home: Path) -> None:
    seed_demo(lab_home)
    faults = lab_home / "faults.yaml"
    for switches in yaml.safe_load(faults.read_text()).values():
        Faults.parse(switches)
    faults.write_text("{}\n")
    seed_demo(lab_home)
    assert faults.read_text() == "{}\n"


def test_a_device_that_left_the_lab_is_missing_and_its_people_stay(lab_home: Path) -> None:
    seed_demo(lab_home)
    inventory = yaml.safe_load((lab_home / "inventory.yaml").read_text())
    inventory["devices"].pop()
    (lab_home / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    seed_demo(lab_home)
    assert Device.objects.get(name="muc-acc-02").status == "missing"
