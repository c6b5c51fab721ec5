"""An IOS XR-like router of the lab, behind SSH."""

from datetime import UTC, datetime, timedelta

from typing_extensions import override

from devices.lab.device import SshDevice
from devices.lab.server import Shell
from devices.lab.xr.machine import XrMachine
from devices.lab.xr.shell import XrShell


class XrDevice(SshDevice[XrMachine]):
    """A router whose sessions are `XrShell`."""

    @override
    def _boot(self, startup: str) -> XrMachine:
        return XrMachine(
            hardware=self.spec.hardware,
            startup=startup,
            clock=lambda: datetime.now(UTC),
            minute=timedelta(seconds=self.spec.minute_s),
            on_startup=self._write_disk,
        )

    @override
    def shell(self, username: str) -> Shell:
        return XrShell(self.machine, username)
