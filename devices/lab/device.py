"""One simulated device with its listener and its disk under the lab's home."""

import asyncio
import contextlib
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import asyncssh
from typing_extensions import override

from devices.lab.errors import LabError
from devices.lab.faults import Faults
from devices.lab.ios.errors import IosError, RefusedError
from devices.lab.ios.machine import Hardware, IosMachine
from devices.lab.ios.shell import Shell as IosShell
from devices.lab.journal import Journal
from devices.lab.server import LabServer, Shell

_BACKLOG = 512
_LOGIN_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class LabDeviceSpec:
    """What to simulate. `startup` is the first startup configuration; one saved under the home goes before it.

    Port 0 takes a free one. `privilege` 15 signs in to privileged exec mode, less to user exec mode, where `enable`
    asks for `enable_secret` (None: asks for nothing). `minute_s` is the length of a minute of the rollback timer,
    `boot_s` how long a reboot takes. `redundancy_group`, `uplinks` and `driver` are what the inventory says of it; no
    driver: the platform's own. An EOS device (`platform` "arista_eos") speaks eAPI, over TLS with a certificate of its
    own if `tls`.
    """

    name: str
    startup: str
    hardware: Hardware
    port: int = 0
    privilege: int = 15
    enable_secret: str | None = None
    site: str = ""
    role: str = ""
    tags: tuple[str, ...] = ()
    redundancy_group: str = ""
    tenant: str = ""
    criticality: str = ""
    uplinks: tuple[str, ...] = ()
    platform: str = "cisco_ios"
    driver: str = ""
    tls: bool = False
    minute_s: float = 60.0
    boot_s: float = 0.2


class Machine(Protocol):
    """What every simulated device has, whatever it speaks."""

    startup: str
    disk_full: bool
    seen_as: tuple[str, str]
    strain: tuple[int, int, int]

    def running_text(self) -> str:
        """The running configuration without the header that changes with the time."""
        ...

    def write_startup(self, text: str) -> None:
        """Put a text on the disk as the startup configuration."""
        ...

    def edit(self, lines: Iterable[str]) -> None:
        """Change the running configuration past every session."""
        ...

    def reboot(self) -> None:
        """Start from the startup configuration."""
        ...

    def tick(self) -> bool:
        """Let a timer run out, if its time has come; tells whether it did."""
        ...


_M = TypeVar("_M", bound=Machine)


class RunningDevice(ABC, Generic[_M]):
    """A device inside the lab's event loop. Its methods must be called from that loop."""

    def __init__(self, spec: LabDeviceSpec, folder: Path, host: str, username: str, password: str) -> None:
        self.spec = spec
        self.faults = Faults()
        self.username = username
        self.password = password
        self.privileged = spec.privilege >= 15
        self.enable_secret = spec.enable_secret
        self.port = spec.port
        self.folder = folder
        self._host = host
        self._sessions = 0
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(folder / "commands.jsonl")
        self._machine: _M | None = None
        self._disk = folder / "startup-config"

    @property
    def machine(self) -> _M:
        """The device's state; it boots when it is first needed, so that hundreds of devices start at once."""
        if self._machine is None:
            self._machine = self._booted()
        self._machine.seen_as = (self.faults.hostname, self.faults.serial)
        self._machine.disk_full = self.faults.disk_full
        self._machine.strain = (self.faults.cpu_used, self.faults.memory_used, self.faults.flash_used)
        return self._machine

    def _booted(self) -> _M:
        machine = self._boot(self._disk.read_text() if self._disk.exists() else self.spec.startup)
        if not self._disk.exists():
            machine.write_startup(machine.running_text())
        return machine

    @abstractmethod
    def _boot(self, startup: str) -> _M:
        """The machine with this startup configuration."""

    @abstractmethod
    async def _serve(self, connection: socket.socket) -> None:
        """Serve one accepted connection until it ends."""

    @property
    def public_key(self) -> str:
        """The SSH host key as "type base64"; empty for a device without SSH."""
        return ""

    def _write_disk(self, text: str) -> None:
        self._disk.write_text(text)

    def next_session(self) -> int:
        """The number of a new connection in the journal."""
        self._sessions += 1
        return self._sessions

    def start(self) -> None:
        """Listen for connections.

        Raises:
            LabError: the port is taken.
        """
        self._listener = _listener(self._host, self.port, self.spec.name)
        self.port = self._listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def stop(self) -> None:
        """Close the port and cut every session."""
        for task in list(self._tasks):
            task.cancel()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def went_down(self) -> None:
        """Reboot: sessions are cut, what was not saved is lost, and the port is closed for a while."""
        self.journal.event(0, "boot")
        self.machine.reboot()
        self.stop()
        self._spawn(self._come_up())

    async def _come_up(self) -> None:
        await asyncio.sleep(self.spec.boot_s)
        self.start()

    def edit(self, lines: Sequence[str]) -> None:
        """Change the running configuration as someone at the console would; no session notices.

        Raises:
            LabError: the device refuses a line; those before it stay.
        """
        try:
            self.machine.edit(lines)
        except IosError as error:
            words = error.message if isinstance(error, RefusedError) else f"{error.result} input"
            raise LabError(f"{self.spec.name} refuses an out-of-band line: {words}") from error

    def tick(self) -> None:
        """Let the rollback timer run out, if there is one."""
        if self._machine is not None and self._machine.tick():
            self.journal.event(0, "rollback")

    def is_cut_off(self) -> bool:
        """Whether the running configuration, as it is now, cuts the way to the device."""
        pattern = self.faults.cut_off_while
        if not pattern:
            return False
        self.tick()
        return re.search(pattern, self.machine.running_text(), re.MULTILINE) is not None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        if self.is_cut_off():
            connection.close()
            return
        connection.setblocking(False)
        served = self._spawn(self._serve(connection))
        served.add_done_callback(partial(_close_unserved, connection))


class SshDevice(RunningDevice[_M]):
    """A device with a command line behind SSH."""

    def __init__(self, spec: LabDeviceSpec, folder: Path, host: str, username: str, password: str) -> None:
        super().__init__(spec, folder, host, username, password)
        self._servers: set[LabServer] = set()
        self._key = _persistent_key(folder / "host_key")
        self._options = self._server_options(self._key)
        self._wrong_options: asyncssh.SSHServerConnectionOptions | None = None

    @abstractmethod
    def shell(self, username: str) -> Shell:
        """A command line for a new session."""

    @property
    @override
    def public_key(self) -> str:
        return " ".join(self._key.export_public_key("openssh").decode().split()[:2])

    def takes_files(self) -> bool:
        """Whether files may be sent by SCP."""
        return False

    def store_file(self, path: str, text: str) -> str:  # noqa: ARG002 - devices that take files replace it
        """Keep a file that was sent by SCP; gives the words of a refusal, or ""."""
        return f"{path}: not possible here"

    def connected(self, server: LabServer) -> int:
        """Note a new connection; gives its number in the journal."""
        self._servers.add(server)
        return self.next_session()

    def disconnected(self, server: LabServer) -> None:
        """Forget a connection."""
        self._servers.discard(server)

    @override
    def stop(self) -> None:
        super().stop()
        for server in list(self._servers):
            server.abort()

    @override
    async def _serve(self, connection: socket.socket) -> None:
        if self.faults.wrong_host_key and self._wrong_options is None:
            self._wrong_options = self._server_options(asyncssh.generate_private_key("ssh-ed25519"))
        options = self._wrong_options if self.faults.wrong_host_key else self._options
        # a client that leaves during the key exchange or gives up on passwords is no news
        with contextlib.suppress(OSError, asyncssh.Error):
            await asyncssh.run_server(connection, options=options)

    def _server_options(self, key: asyncssh.SSHKey) -> asyncssh.SSHServerConnectionOptions:
        return asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: LabServer(self),
            server_host_keys=[key],
            line_editor=False,
            allow_scp=False,
            login_timeout=_LOGIN_TIMEOUT_S,
            encoding="utf-8",
            errors="replace",
        )


class IosDevice(SshDevice[IosMachine]):
    """An IOS-like switch."""

    @override
    def _boot(self, startup: str) -> IosMachine:
        return IosMachine(
            hardware=self.spec.hardware,
            startup=startup,
            clock=lambda: datetime.now(UTC),
            minute=timedelta(seconds=self.spec.minute_s),
            on_startup=self._write_disk,
        )

    @override
    def takes_files(self) -> bool:
        return self.machine.running.root.find("ip", "scp", "server", "enable") is not None

    @override
    def store_file(self, path: str, text: str) -> str:
        if self.machine.disk_full:
            return f"{path}: No space left on device"
        self.machine.files[path.removeprefix("flash:").lstrip("/")] = text
        return ""

    @override
    def shell(self, username: str) -> Shell:
        return IosShell(self.machine, username=username, privileged=self.privileged, enable_secret=self.enable_secret)


def _close_unserved(connection: socket.socket, task: asyncio.Task[None]) -> None:
    """A connection that was accepted when the device went down belongs to nobody else."""
    if task.cancelled():
        connection.close()


def _listener(host: str, port: int, name: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise LabError(
            f"{name} cannot listen on {host} port {port}: {error.strerror}. Choose another --port."
        ) from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _persistent_key(path: Path) -> asyncssh.SSHKey:
    if path.exists():
        return asyncssh.read_private_key(path)
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key("openssh"))
    return key
