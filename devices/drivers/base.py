"""What every driver offers, whatever it speaks underneath. One driver is one session with one device."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

from devices.domain.warnings.situation import OwnSession
from devices.errors import CapabilityMissingError

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

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be packed: what is packed ends in a queue, a cache or a file."""
        raise TypeError("A credential stays in its process and cannot be packed.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a device is, and how it proves itself.

    `host_keys` are the pinned keys in OpenSSH's form ("ssh-ed25519 AAAA…", a comment is allowed), and of a device that
    speaks HTTPS its certificates ("tls-certificate" and base64 of their DER form). Without any, a driver refuses to
    connect. `platform` is a slug of `devices.domain.platforms`, `driver` a name of
    `devices.domain.drivers` (empty: the platform's own). `ca_file` holds authorities one of which must have signed the
    pinned certificate, too (empty: any signer). `allow_plain_http` gives up every proof.
    """

    name: str
    host: str
    port: int
    platform: str
    credential: Credential
    host_keys: tuple[str, ...]
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    driver: str = ""
    ca_file: str = ""
    allow_plain_http: bool = False


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says about itself; the identity check compares it with the inventory.

    ``os`` is the slug of the platform that its version text speaks of, or empty where the driver cannot tell.
    """

    hostname: str
    serial: str
    model: str
    version: str
    os: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmTimer:
    """Which times a platform takes for a commit that takes itself back unless it is confirmed, in seconds."""

    step_s: int
    least_s: int
    most_s: int

    def fit(self, wish_s: float) -> int:
        """The shortest time that the platform takes and that is not shorter than wished; at most its longest."""
        steps = math.ceil(max(wish_s, self.least_s) / self.step_s)
        return min(steps * self.step_s, self.most_s)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do by itself, so that the product does not have to imitate it."""

    candidate_diff: bool = False
    """`Driver.compare` gives the device's own diff."""
    atomic_commit: bool = False
    """`Driver.apply` applies all lines or none."""
    commit_confirmed: ConfirmTimer | None = None
    """`Driver.apply` takes `confirm_within_s`; None: the platform has no such timer."""
    config_replace: bool = False
    """`Driver.replace` makes the whole configuration equal to a text."""
    save: bool = True
    """The running configuration is lost at a restart unless `Driver.save` was called."""
    one_session: bool = True
    """A restart of the device breaks the session; False: each request has its own connection, and notices nothing."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The line that the device refused: its index among the commands, and the device's own words."""

    index: int
    line: str
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What commands would do, as the device itself says. Nothing of it is applied."""

    diff: str
    """The device's own words; empty if the commands change nothing."""
    candidate: str | None = None
    """The whole configuration as it would be, in the form of `Driver.running_config`; None: it does not tell."""


@dataclass(frozen=True, slots=True)
class PendingConfirm:
    """A commit that the device takes back by itself unless it is confirmed by this name."""

    name: str
    left_s: int | None
    """Seconds until it is taken back; None: the device does not tell."""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What `Driver.apply` did: the lines the device took, in order, and the session's mode afterwards."""

    applied: tuple[str, ...]
    rejection: Rejection | None
    mode: Mode
    pending: PendingConfirm | None = None
    """The commit that waits to be confirmed, if `confirm_within_s` was asked for."""


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

    @property
    def own_session(self) -> OwnSession:
        """How this session reaches the device: both addresses as the socket has them, the port and the user.

        Behind a translation of addresses the device sees another one; nothing here can know it. Nothing is sent.
        """
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

    def compare(self, commands: Sequence[str]) -> Comparison:
        """What the commands would do; the device's candidate is discarded again.

        Raises:
            CommandRejectedError: the device refuses a line, which is named.
            DeviceBusyError: somebody else holds the candidate or its lock.
            CapabilityMissingError: without `candidate_diff`.
        """
        ...

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",
    ) -> ApplyResult:
        """Apply configuration lines; nothing is saved.

        Without `atomic_commit` the lines are sent one by one, up to the first that the device refuses; the
        earlier ones stay applied. With it all are applied or none, and `on_line` announces them as one, with the last
        index. A refused line is a result, not an error. The driver enters and leaves configuration mode itself. An
        exception from `on_line` closes the transport at once and is raised again: what was just announced by "send"
        was then not sent.

        With `confirm_within_s`, a time that `Capabilities.commit_confirmed` takes, the device takes everything back
        after that time unless `confirm` is called; `name` is what it is confirmed by, where the platform takes names.

        Raises:
            ConnectionLostError, DeviceTimeoutError: a line announced by "send" without "done" is in doubt.
            DeviceBusyError: somebody else holds the candidate or its lock; nothing was applied.
            CapabilityMissingError: `confirm_within_s` was given without `commit_confirmed`.
        """
        ...

    def confirm(self, name: str) -> None:
        """Keep what was applied with `confirm_within_s`, by the name that `pending_confirm` gives.

        Raises:
            NothingPendingError: no commit of that name waits; it may have been taken back already.
            CapabilityMissingError: without `commit_confirmed`.
        """
        ...

    def revert(self, name: str) -> None:
        """Take a commit that waits to be confirmed back at once, instead of waiting until its time is over.

        Raises:
            NothingPendingError: no commit of that name waits.
            CapabilityMissingError: the platform can only wait.
        """
        ...

    def pending_confirm(self) -> PendingConfirm | None:
        """The commit that waits to be confirmed on this device, whoever made it; always None without such a timer."""
        ...

    def compare_replacement(self, config: str) -> Comparison:
        """What `replace` would do; the device's candidate is discarded again.

        Raises:
            CommandRejectedError: the device refuses a line of the text.
            DeviceBusyError: somebody else holds the candidate or its lock.
            CapabilityMissingError: without `candidate_diff` or without `config_replace`.
        """
        ...

    def replace(self, config: str, *, confirm_within_s: int | None = None, name: str = "") -> PendingConfirm | None:
        """Make the whole running configuration equal to the text; nothing is saved. Read back afterwards.

        With `confirm_within_s` the device takes the replacement back after that time unless `confirm` is called, as
        for `apply`; what waits is returned.

        Raises:
            CommandRejectedError: the device refuses the text; the configuration is as before, or must be read back.
            DeviceBusyError: somebody else holds the candidate or its lock; nothing was applied.
            CapabilityMissingError: without `config_replace`, or `confirm_within_s` was given without
                `commit_confirmed`.
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


class LineByLine:
    """The answers of a driver whose platform has no candidate, no commit timer and no replace."""

    name: str

    def compare(self, commands: Sequence[str]) -> Comparison:  # noqa: ARG002 - the protocol's signature
        """Refuse: there is no candidate to compare with."""
        raise self._missing("a candidate configuration")

    def confirm(self, name: str) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse: nothing can be pending."""
        raise self._missing("commits that are confirmed")

    def revert(self, name: str) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse: nothing can be pending."""
        raise self._missing("commits that are confirmed")

    def pending_confirm(self) -> PendingConfirm | None:
        """Nothing can be pending."""
        return None

    def compare_replacement(self, config: str) -> Comparison:  # noqa: ARG002 - the protocol's signature
        """Refuse: there is no candidate to compare with."""
        raise self._missing("a candidate configuration")

    def replace(
        self,
        config: str,  # noqa: ARG002 - the protocol's signature
        *,
        confirm_within_s: int | None = None,  # noqa: ARG002
        name: str = "",  # noqa: ARG002
    ) -> PendingConfirm | None:
        """Refuse: lines can only be added and removed."""
        raise self._missing("a replacement of the whole configuration")

    def _missing(self, what: str) -> CapabilityMissingError:
        return CapabilityMissingError(f"The driver {self.name} does not offer {what} on this platform.")
