from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor, Origin
from devices.errors import DeviceError
from devices.models import Device, SourceKind, SyncRun, SyncScope
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import SyncReport, inventory_sync
from devices.services.inventory_netbox import netbox_sync
from devices.services.inventory_sources import NETBOX
from devices.sources import csv_file, yaml_file
from devices.sources.records import Inventory

ACTOR = Actor(user_id=None, username="devices_sync", origin=Origin.COMMAND)


class Command(BaseCommand):
    """Bring the devices of a source in."""

    help = (
        "Make the devices of a source equal to what it lists: `netbox` (see NETBOX_URL), or an inventory file (.yaml, "
        ".yml or .csv). New devices are added, changed ones updated, those that are no longer listed become missing. "
        "All or nothing; every difference is audited."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        parser.add_argument("source", help="`netbox`, or the inventory file")
        parser.add_argument(
            "--name", default="", help="the file source's name (default: the file's name without its ending)"
        )
        parser.add_argument(
            "--pin-host-keys",
            action="store_true",
            help="also pin the host keys that the file lists; do this only if you trust how they got there",
        )
        parser.add_argument(
            "--changes", action="store_true", help="netbox: read only what its change log tells of since the last time"
        )
        parser.add_argument(
            "--accept-fewer",
            action="store_true",
            help="accept that the source no longer lists more than half of its devices",
        )

    def handle(
        self,
        *,
        source: str,
        name: str,
        pin_host_keys: bool,
        changes: bool,
        accept_fewer: bool,
        **_: object,
    ) -> None:
        """Do it."""
        try:
            if source == NETBOX:
                self._netbox(SyncScope.CHANGES if changes else SyncScope.FULL, accept_fewer=accept_fewer)
            else:
                self._file(Path(source), name, pin_host_keys=pin_host_keys, accept_fewer=accept_fewer)
        except DeviceError as error:
            raise CommandError(f"{error} ({error.code})") from error

    def _netbox(self, scope: SyncScope, *, accept_fewer: bool) -> None:
        run = netbox_sync(actor=ACTOR, scope=scope, accept_fewer=accept_fewer)
        if run.code:
            raise CommandError(f"{run.detail} ({run.code})")
        for device in Device.objects.filter(source=NETBOX).excluded().order_by("name", "pk").iterator():
            self.stderr.write(f"{device.source_key}: {device.exclusion}: {device.exclusion_detail}")
        if run.detail:
            self.stderr.write(run.detail)
        self.stdout.write(_summary(NETBOX, run))

    def _file(self, path: Path, name: str, *, pin_host_keys: bool, accept_fewer: bool) -> None:
        is_csv = path.suffix.lower() == ".csv"
        source = name or path.stem
        if source == NETBOX:
            raise CommandError(f"“{NETBOX}” is the name of the NetBox source: give the file another one by --name.")
        inventory = csv_file.load(path) if is_csv else yaml_file.load(path)
        kind = SourceKind.CSV if is_csv else SourceKind.YAML
        report = inventory_sync(source=source, inventory=inventory, actor=ACTOR, kind=kind, accept_fewer=accept_fewer)
        pinned = self._pin(source, inventory) if pin_host_keys else 0
        for refused in report.refused:
            self.stderr.write(f"{refused.key}: {refused.code}: {refused.sentence}")
        self.stdout.write(f"{_summary(source, report)[:-1]}, {len(report.refused)} refused, {pinned} host keys pinned.")

    def _pin(self, source: str, inventory: Inventory) -> int:
        ids = dict(Device.objects.filter(source=source).values_list("source_key", "pk"))
        keys = [(ids[record.key], key) for record in inventory.records for key in record.host_keys]
        for device_id, key in keys:
            host_key_enrol(device_id=device_id, key_type=key.key_type, public_key=key.public_key, actor=ACTOR)
        return len(keys)


def _summary(source: str, done: SyncReport | SyncRun) -> str:
    return f"{source}: {done.created} new, {done.updated} updated, {done.unchanged} unchanged, {done.missing} missing."
