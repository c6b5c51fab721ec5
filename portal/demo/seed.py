"""Filling a fresh installation with people, the lab's devices and a first change to look at."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from audit.actor import Actor, Origin
from changes.models import ChangeRequest
from changes.services.planning import plan_request
from changes.services.requests import change_create
from devices.models import Device
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import inventory_sync
from devices.sources import yaml_file
from portal.demo.people import SEED, DemoLogins, demo_password, seed_people
from portal.demo.templates import seed_templates

EXAMPLE = {
    "title": "Log to the new collector from the Munich access switches",
    "reason": "The log collector in Munich moves to 10.20.0.15 on Monday; the switches must log there before.",
    "type": "normal",
    "content": (
        "{# One line per collector. #}\n"
        "{% for collector in collectors -%}\n"
        "logging host {{ collector }}\n"
        "{% endfor -%}\n"
        "logging trap {{ level }}\n"
    ),
    "variables": {"collectors": ["10.20.0.15"], "level": "informational"},
    "targets": {"filter": {"site": ["MUC"], "role": ["access"]}},
    "checks": {
        "pre": [],
        "post": [
            {
                "name": "Logs go to the new collector",
                "command": "show running-config | include logging host",
                "expect": "contains",
                "value": "logging host 10.20.0.15",
                "timeout_s": 10,
            }
        ],
    },
}


FAULTS = """\
# What goes wrong in the demonstration network. Edit it while the lab runs; docs/lab.md lists the switches.
# This switch refuses banners, so that one device of the first change has to be backed out.
fra-acc-05:
  reject: "^banner"
"""


def seed_demo(lab_home: Path) -> DemoLogins:
    """Bring people, devices and their host keys in, and on the very first start one planned draft; safe to repeat.

    ``lab_home`` holds the running lab's ``inventory.yaml``. The lab's host keys are enrolled without a person's look:
    the lab made them itself, on this machine.
    """
    logins = seed_people(demo_password(settings.COUNTERSIGN_HOME))
    faults = lab_home / "faults.yaml"
    if not faults.exists():
        faults.write_text(FAULTS)
    inventory = yaml_file.load(lab_home / "inventory.yaml")
    inventory_sync(source="lab", inventory=inventory, actor=SEED, accept_fewer=True)  # the lab may be made smaller
    devices = {device.source_key: device for device in Device.objects.filter(source="lab")}
    for entry in inventory.records:
        for key in entry.host_keys:
            host_key_enrol(
                device_id=devices[entry.key].pk, key_type=key.key_type, public_key=key.public_key, actor=SEED
            )
    seed_templates()
    if not ChangeRequest.objects.exists():
        _first_change()
    return logins


def _first_change() -> None:
    olivia = User.objects.get(username="olivia")
    actor = Actor(user_id=olivia.pk, username=olivia.username, origin=Origin.COMMAND)
    change = change_create(data=EXAMPLE, author=actor)
    plan_request(change_id=change.pk, actor=actor)
