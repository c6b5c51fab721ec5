import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor, Origin
from devices.errors import BadFieldsError, UnknownDeviceFilterError
from devices.models import BackupRun, BackupRunState, BackupState, DeviceBackup
from devices.selectors import DEVICE_FILTERS
from devices.services.backups import backup_finish, backup_start, backup_work, backups_dispatch

_POLL_S = 0.2
_QUIET = {BackupState.CHANGED, BackupState.UNCHANGED}


class Command(BaseCommand):
    """Back the configurations of devices up."""

    help = (
        "Read the running configuration of every device that the filters select, and keep what is new. This process "
        "does the work, together with any workers that run; --queue leaves it to them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        for name in DEVICE_FILTERS:
            hint = "* stands for any characters" if name == "name" else "may be given several times"
            parser.add_argument(f"--{name}", action="append", default=[], help=f"only devices with this {name}; {hint}")
        parser.add_argument("--queue", action="store_true", help="leave the work to the workers, and return at once")

    def handle(self, *, queue: bool, **options: object) -> None:
        """Do it; the exit status is 1 when a device could not be read."""
        actor = Actor(user_id=None, username="config_backup", origin=Origin.COMMAND)
        filters = {name: values for name in DEVICE_FILTERS if isinstance(values := options[name], list) and values}
        try:
            run = backup_start(filters=filters, actor=actor)
        except (BadFieldsError, UnknownDeviceFilterError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{run}: {run.device_count} devices")
        if queue:
            return
        self._work(run)
        run.refresh_from_db()
        self.stdout.write("ended: " + ", ".join(f"{run.counts[state]} {state}" for state in sorted(run.counts)))
        if run.counts.get(BackupState.FAILED) or run.counts.get(BackupState.SUSPICIOUS):
            raise CommandError("Not every device could be backed up; the reasons stand above.")

    def _work(self, run: BackupRun) -> None:
        while True:
            backup_work(run.pk)
            backup_finish(run.pk)
            if not BackupRun.objects.filter(pk=run.pk, state=BackupRunState.RUNNING).exists():
                break
            backups_dispatch()
            time.sleep(_POLL_S)
        troubled = DeviceBackup.objects.filter(run=run).exclude(state__in=_QUIET).select_related("device")
        for row in troubled.order_by("pk").iterator(chunk_size=200):
            self.stderr.write(f"{row.device.name}: {row.get_state_display()}: {row.code}: {row.detail}")
