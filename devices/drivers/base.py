"""What every driver offers, whatever it speaks underneath. One driver is one session with one device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

Mode = Literal["exec", "config", "unknown"]
Phase = Literal["send", "done"]
OnLine = Callable[[int, str, str], None]
"""Called as `on_line(index, line, phase)`: phase "send" before a line leaves, "done" once it is taken."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens a session. Its representation shows the username alone."""

    username: str
    password: str = field(repr=False)
    enable_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a device is, and how it proves itself.

    `host_keys` are the pinned keys in OpenSSH's form ("ssh-ed25519 AAAA…", a comment is allowed). Without
    any, a driver refuses to connect. `platform` is a slug of `devices.domain.platforms`.
    """

    name: str
    host: str
    port: int
    platform: str
    credential: Credential
    host_keys: tuple[str, ...]
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says about itself; the identity check compares it with the inventory."""

    hostname: str
    serial: str
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do by itself, so that the product does not have to imitate it."""

    candidate_diff: bool = False
    atomic_commit: bool = False
    commit_confirmed: bool = False
    config_replace: bool = False
    save: bool = True


@dataclass(frozen=True, slots=True)
class Rejection:
    """The line that the device refused: its index among the commands, and the device's own words."""

    index: int
    line: str
    message: str


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What `Driver.apply` did: the lines the device took, in order, and the session's mode afterwards."""

    applied: tuple[str, ...]
    rejection: Rejection | None
    mode: Mode


class Driver(Protocol):
    """A session with one device. Entering connects, proves the host key and signs in; leaving disconnects.

    Every method raises a subclass of `devices.errors.DeviceError` and nothing else of its own. A driver
    belongs to one thread; `abort` alone may be called from another.
    """

    @property
    def name(self) -> str:
        """The driver's name as it stands in a plan's digest, for example "netmiko-cli"."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this device can do by itself."""
        ...

    @property
    def transcript(self) -> list[tuple[str, str]]:
        """Every (sent, received) pair so far, without the credential; redact it before it is stored."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def facts(self) -> DeviceFacts:
        """Hostname, serial number, model and software version, as the device states them."""
        ...

    def running_config(self) -> str:
        """The complete running configuration, lines ended by LF.

        Raises:
            OutputTruncatedError: the text does not end where this platform's configuration ends.
        """
        ...

    def show(self, command: str, *, timeout_s: float | None = None) -> str:
        """The output of one read-only command, without echo and prompt.

        Without `timeout_s` the endpoint's read timeout holds.

        Raises:
            CommandRejectedError: the device does not know the command.
        """
        ...

    def apply(self, commands: Sequence[str], *, on_line: OnLine | None = None) -> ApplyResult:
        """Send configuration lines one by one and stop at the first that the device refuses.

        The driver enters and leaves configuration mode itself; nothing is saved. A refused line is a result,
        not an error, and the earlier lines stay applied. An exception from `on_line` closes the transport at
        once and is raised again: the line just announced by "send" was then not sent.

        Raises:
            ConnectionLostError, DeviceTimeoutError: a line announced by "send" without "done" is in doubt.
        """
        ...

    def save(self) -> None:
        """Make the running configuration the one the device starts with.

        Raises:
            SaveFailedError: the device answered that it could not.
        """
        ...

    def abort(self) -> None:
        """Close the transport at once, from any thread; the thread in a call gets `ConnectionLostError`."""
        ...
