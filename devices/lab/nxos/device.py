"""An NX-OS-like switch of the lab, behind SSH."""

from datetime import UTC, datetime, timedelta

from typing_extensions import override

from devices.lab.device import SshDevice
from devices.lab.nxos.machine import NxosMachine
from devices.lab.nxos.shell import NxosShell
from devices.lab.server import Shell


class NxosDevice(SshDevice[NxosMachine]):
    """A switch whose sessions are `NxosShell`."""

    @override
    def _boot(self, startup: str) -> NxosMachine:
        return NxosMachine(
            hardware=self.spec.hardware,
            startup=startup,
            clock=lambda: datetime.now(UTC),
            minute=timedelta(seconds=self.spec.minute_s),
            on_startup=self._write_disk,
        )

    @override
    def shell(self, username: str) -> Shell:
        return NxosShell(self.machine)
