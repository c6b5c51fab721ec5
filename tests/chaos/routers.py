"""Real FRRouting routers on the stage: restarted, cut off and read at their own console."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from audit.actor import Actor
from devices.models import Device
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import inventory_sync
from devices.sources.records import DeviceRecord, Inventory
from tests.chaos.stage import Stage
from tests.integration.changes.conftest import SETUP
from tests.integration.frr.lab import FRR, PASSWORD, FrrLab, LabError, Router, run, wait_for, why_not
from tests.integration.frr.router_config import configuration

LINES = tuple(f"ip route 198.51.100.{number}/32 blackhole" for number in range(1, 4))


class RealRouter:
    """A router under chaos. It keeps no log of received lines, so its configuration alone is compared."""

    def __init__(self, lab: FrrLab, router: Router) -> None:
        self._lab, self._router, self.name = lab, router, router.name

    def reset(self) -> None:
        """As it was at first, running and saved."""
        self._lab.reset(bgp=False)
        Path("/etc/frr", self._router.space, "frr.conf").write_text(configuration(self._router.number))

    def begin_log(self) -> None:
        """There is none."""

    def log(self) -> list[dict[str, Any]]:
        """Nothing: see the class."""
        return []

    def running(self) -> str:
        """The running configuration, as the console shows it."""
        return self._router.vtysh("show running-config")

    def startup(self) -> str:
        """What it would start with, without the lines that FRR writes at the top of the file."""
        text = self._router.startup_config()
        return "\n".join(sorted(line for line in text.splitlines() if line in LINES))

    def reboot(self) -> None:
        """Cut the sessions and start every daemon again, from the saved configuration."""
        self.cut()
        command = [
            "unshare",
            "--uts",
            "sh",
            "-c",
            f"hostname {self.name}; exec {FRR}/frrinit.sh restart {self._router.space}",
        ]
        subprocess.run(
            ["ip", "netns", "exec", self._router.space, *command],
            check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90,
        )  # fmt: skip
        wait_for(self._answers, f"{self.name} is back", 60)

    def _answers(self) -> bool:
        with contextlib.suppress(LabError):
            return "router bgp" in self.running()
        return False

    def cut(self) -> None:
        """End every SSH session, not the listener."""
        for pid in run("ip", "netns", "pids", self._router.space).split():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                if command.startswith(b"sshd") and b"listener" not in command:
                    os.kill(int(pid), signal.SIGKILL)

    def fill_disk(self) -> None:
        """Not possible here."""

    def refuse(self) -> None:
        """Not possible here: a real router refuses nothing of this change."""


@contextlib.contextmanager
def router_stage(cast: dict[str, Actor]) -> Iterator[Stage]:
    """Three real routers; an error where the machine cannot run them."""
    reason, _possible = why_not()
    if reason:
        raise SystemExit(f"Real routers cannot be started: {reason}.")
    with FrrLab() as lab:
        credentials = Path(settings.DEVICE_CREDENTIALS.removeprefix("file:"))
        with credentials.open("a") as file:
            file.write(f"routers: {{username: {lab.prefix}, password: {PASSWORD}}}\n")
        records = tuple(
            DeviceRecord(
                key=router.name, name=router.name, platform="frr", address=router.host, port=22, site="LAB",
                role="router", hostname=router.name, credential="routers",
            )
            for router in lab.routers
        )  # fmt: skip
        inventory_sync(source="routers", inventory=Inventory(records), actor=SETUP)
        for router in lab.routers:
            key_type, public_key = router.host_key.split()[:2]
            device = Device.objects.get(name=router.name)
            host_key_enrol(device_id=device.pk, key_type=key_type, public_key=public_key, actor=SETUP)
        stage = Stage({router.name: RealRouter(lab, router) for router in lab.routers}, cast)  # type: ignore[misc]
        stage.kind, stage.lines = "frr", LINES
        yield stage
