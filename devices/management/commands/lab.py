import os
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from devices.lab.core_site import core_specs
from devices.lab.eos.site import eos_specs
from devices.lab.errors import LabError
from devices.lab.files import FaultsFile, credentials, write_inventory
from devices.lab.lab import Lab
from devices.lab.site import site_specs

_POLL_S = 0.25
_MAX_DEVICES = 2000


class Command(BaseCommand):
    """Run simulated devices over SSH and eAPI until SIGTERM or SIGINT. Needs no database."""

    help = "Run simulated network devices over SSH and eAPI, for demonstrations and tests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        parser.add_argument("--devices", type=int, default=12, help="how many devices (default 12)")
        parser.add_argument("--eos", type=int, default=0, help="how many EOS switches besides (default 0)")
        parser.add_argument("--core", type=int, default=0, help="how many of IOS XR, Junos and NX-OS each (default 0)")
        parser.add_argument("--faults", type=Path, help="JSON or YAML file of fault switches, read on change")
        parser.add_argument("--port", type=int, default=0, help="port of the first device; 0: free ones")
        parser.add_argument("--home", type=Path, help="where devices keep their state")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Start the lab, say so, and wait for a signal."""
        devices, eos, core = options["devices"], options["eos"], options["core"]
        count = devices + eos + 3 * core
        if min(devices, eos, core) < 0 or not 1 <= count <= _MAX_DEVICES:
            raise CommandError(
                f"--devices must be between 1 and {_MAX_DEVICES}, together with those of --eos and --core."
            )
        if not 0 <= options["port"] <= 65535 - count:
            raise CommandError(f"--port must be 0, or leave room for {count} ports below 65536.")
        home = options["home"] or Path(settings.COUNTERSIGN_HOME) / "lab"
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stopper(stopped))
        try:
            home.mkdir(parents=True, exist_ok=True)
            username, password = credentials(home, os.environ)
            port = options["port"]
            specs = site_specs(devices, first_port=port)
            specs += eos_specs(eos, first_port=port + devices if port else 0)
            specs += core_specs(core, first_port=port + devices + eos if port else 0)
            with Lab(home, specs, username=username, password=password, host=options["host"]) as lab:
                self._run(lab, home, options["faults"], stopped)
        except LabError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The lab cannot use {home}: {error.strerror}. Choose another --home.") from error

    def _run(self, lab: Lab, home: Path, faults: Path | None, stopped: threading.Event) -> None:
        write_inventory(lab, home / "inventory.yaml")
        watched = FaultsFile(lab, faults) if faults else None
        self._poll(watched)
        first, last = lab.devices[0], lab.devices[-1]
        self.stdout.write(
            f"lab ready: {len(lab.devices)} devices on {lab.host}, ports {first.port} to {last.port}, "
            f"inventory {home / 'inventory.yaml'}"
        )
        self.stdout.flush()
        while not stopped.wait(_POLL_S):
            self._poll(watched)

    def _poll(self, watched: FaultsFile | None) -> None:
        if watched is None:
            return
        try:
            if watched.poll():
                self.stdout.write("lab: fault switches applied")
                self.stdout.flush()
        except (LabError, OSError) as error:
            self.stderr.write(f"lab: the fault switches stay as they were: {error}")


def _stopper(stopped: threading.Event) -> Callable[[int, FrameType | None], None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    return stop
