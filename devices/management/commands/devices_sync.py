from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor, Origin
from devices.errors import InventoryError
from devices.models import Device
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import inventory_sync
from devices.sources import yaml_file


class Command(BaseCommand):
    """Bring the devices of one inventory file in."""

    help = (
        "Make the devices of a source equal to an inventory file (YAML): new ones are added, changed ones updated, "
        "and those it no longer lists become missing. All or nothing; every difference is audited."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        parser.add_argument("source", type=Path, help="the inventory file")
        parser.add_argument(
            "--name", default="", help="the source's name (default: the file's name without its ending)"
        )
        parser.add_argument(
            "--pin-host-keys",
            action="store_true",
            help="also pin the host keys that the file lists; do this only if you trust how they got there",
        )

    def handle(self, *, source: Path, name: str, pin_host_keys: bool, **_: object) -> None:
        """Do it."""
        actor = Actor(user_id=None, username="devices_sync", origin=Origin.COMMAND)
        source_name = name or source.stem
        try:
            inventory = yaml_file.load(source)
        except InventoryError as error:
            raise CommandError(str(error)) from error
        report = inventory_sync(source=source_name, inventory=inventory, actor=actor)
        pinned = 0
        if pin_host_keys:
            ids = dict(Device.objects.filter(source=source_name).values_list("source_key", "pk"))
            for record in inventory.records:
                for key in record.host_keys:
                    host_key_enrol(
                        device_id=ids[record.key], key_type=key.key_type, public_key=key.public_key, actor=actor
                    )
                    pinned += 1
        for refused in report.refused:
            self.stderr.write(f"{refused.key}: {refused.code}: {refused.sentence}")
        self.stdout.write(
            f"{source_name}: {report.created} new, {report.updated} updated, {report.unchanged} unchanged, "
            f"{report.missing} missing, {len(report.refused)} refused, {pinned} host keys pinned."
        )
