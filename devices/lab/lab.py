"""A lab of simulated devices, run by a thread of its own. Calls here may come from any thread."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from devices.lab.device import IosDevice, LabDeviceSpec, Machine, RunningDevice
from devices.lab.eos.device import EosDevice
from devices.lab.errors import LabError
from devices.lab.faults import Faults
from devices.lab.junos.device import JunosDevice
from devices.lab.nxos.device import NxosDevice
from devices.lab.xr.device import XrDevice

_T = TypeVar("_T")
_TICK_S = 0.1
_KINDS: Final[dict[str, Callable[..., RunningDevice[Any]]]] = {
    "arista_eos": EosDevice,
    "cisco_nxos": NxosDevice,
    "cisco_xr": XrDevice,
    "juniper_junos": JunosDevice,
}


class LabDevice:
    """A handle on one device of a running lab."""

    def __init__(self, lab: "Lab", device: RunningDevice[Any]) -> None:
        self._lab = lab
        self._device = device

    @property
    def name(self) -> str:
        """The device's name in the lab, whatever hostname is configured."""
        return self._device.spec.name

    @property
    def spec(self) -> LabDeviceSpec:
        """What is simulated."""
        return self._device.spec

    @property
    def host(self) -> str:
        """The address that the device listens on."""
        return self._lab.host

    @property
    def port(self) -> int:
        """The port that the device listens on."""
        return self._device.port

    @property
    def host_key(self) -> str:
        """The public SSH host key, or the TLS certificate, as "type base64"; empty for one that speaks plain HTTP."""
        return self._device.public_key

    @property
    def faults(self) -> Faults:
        """The fault switches; set their attributes at any time."""
        return self._device.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._device.faults = faults

    def log(self) -> list[dict[str, Any]]:
        """Everything that reached the device, oldest first; see `devices.lab.journal`."""
        return self._device.journal.entries()

    def commands(self) -> list[dict[str, Any]]:
        """The received command lines alone, in order."""
        return [entry for entry in self.log() if "line" in entry]

    def config_lines(self) -> list[str]:
        """The lines that were received in a configuration mode, without indentation, in order."""
        return [e["line"].strip() for e in self.commands() if e["mode"].startswith(("config", "banner", "dhcp"))]

    def auth_attempts(self) -> list[dict[str, Any]]:
        """Each password that was offered: its username and result."""
        return [entry for entry in self.log() if entry.get("event") == "auth"]

    def running_config(self) -> str:
        """The running configuration without the header that changes with the time."""
        return self._lab.call(self._running_text)

    def _running_text(self) -> str:
        machine: Machine = self._device.machine
        return machine.running_text()

    @property
    def certificate(self) -> Path:
        """The device's own TLS certificate in PEM form, for one that has it."""
        return self._device.folder / "certificate.pem"

    def startup_config(self) -> str:
        """What the device would start with."""
        return self._lab.call(lambda: str(self._device.machine.startup))

    def edit_out_of_band(self, lines: Iterable[str]) -> None:
        """Change the running configuration as someone at the console would.

        Raises:
            LabError: the device refuses a line; those before it stay.
        """
        wanted = list(lines)
        self._lab.call(lambda: self._device.edit(wanted))

    def reboot(self) -> None:
        """Cut all sessions and start again from the startup configuration; the port is closed for `boot_s`."""
        self._lab.call(self._device.went_down)

    def power_off(self) -> None:
        """Close the port and cut all sessions; the running configuration is kept in memory."""
        self._lab.call(self._device.stop)

    def power_on(self) -> None:
        """Open the port again."""
        self._lab.call(self._device.start)


class Lab:
    """Simulated devices over SSH, EOS over eAPI, on one address. A context manager; state lives in `home/<device>/`.

    All devices take the same username and password.
    """

    def __init__(
        self,
        home: Path,
        devices: Sequence[LabDeviceSpec],
        *,
        username: str = "lab",
        password: str = "lab-password",  # noqa: S107 - devices on loopback that hold nothing
        host: str = "127.0.0.1",
    ) -> None:
        self.home = home
        self.username = username
        self.password = password
        self.host = host
        self._specs = list(devices)
        self._devices: dict[str, LabDevice] = {}
        self._running: list[RunningDevice[Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def devices(self) -> list[LabDevice]:
        """All devices in the order of their specifications."""
        return list(self._devices.values())

    def device(self, name: str) -> LabDevice:
        """The device with this name.

        Raises:
            LabError: there is none.
        """
        try:
            return self._devices[name]
        except KeyError:
            raise LabError(f"no device {name!r}; there are {', '.join(self._devices)}") from None

    def start(self) -> None:
        """Boot all devices; when this returns, their ports are open.

        Raises:
            LabError: a port is taken; nothing is left running.
        """
        self._thread.start()
        try:
            self.call(self._start_devices)
        except BaseException:
            self.stop()
            raise

    def _start_devices(self) -> None:
        for spec in self._specs:
            kind = _KINDS.get(spec.platform, IosDevice)
            device: RunningDevice[Any] = kind(spec, self.home / spec.name, self.host, self.username, self.password)
            device.start()
            self._running.append(device)
            self._devices[spec.name] = LabDevice(self, device)
        self._loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        for device in self._running:
            device.tick()
        self._loop.call_later(_TICK_S, self._tick)

    def stop(self) -> None:
        """Cut all sessions and close all ports."""
        if not self._thread.is_alive():
            return

        async def shut_down() -> None:
            for device in self._running:
                device.stop()
            await asyncio.sleep(0)
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(shut_down(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Callable[[], _T]) -> _T:
        """Run something in the lab's loop and wait for its result."""

        async def run() -> _T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()
