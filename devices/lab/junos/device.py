"""A Junos-like router of the lab, behind SSH."""

from datetime import UTC, datetime, timedelta

from typing_extensions import override

from devices.lab.device import SshDevice
from devices.lab.junos.machine import JunosMachine
from devices.lab.junos.shell import JunosShell
from devices.lab.server import Shell


class JunosDevice(SshDevice[JunosMachine]):
    """A router whose sessions are `JunosShell`."""

    @override
    def _boot(self, startup: str) -> JunosMachine:
        return JunosMachine(
            hardware=self.spec.hardware,
            startup=startup,
            clock=lambda: datetime.now(UTC),
            minute=timedelta(seconds=self.spec.minute_s),
            on_startup=self._write_disk,
        )

    @override
    def shell(self, username: str) -> Shell:
        return JunosShell(self.machine, username)
