"""NX-OS, Junos and IOS XR through NAPALM's own merge, comparison and commit, as far as its classes declare them.

None of these systems can be run by the tests of this project. What is tested is what can be: which arguments NAPALM
gets, that no password goes to an unknown key or certificate, the declared capabilities and the granularity of timers.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import paramiko
from jnpr.junos.exception import ConnectAuthError, ConnectError, LockError, RpcError
from napalm.base.base import NetworkDriver
from napalm.base.exceptions import (
    CommandErrorException,
    MergeConfigException,
    NapalmException,
    ReplaceConfigException,
)
from napalm.base.exceptions import (
    LockError as NapalmLockError,
)
from napalm.iosxr.iosxr import IOSXRDriver
from napalm.junos.junos import JunOSDriver
from napalm.nxapi_plumbing.errors import NXAPICommandError, NXAPIError
from napalm.pyIOSXR.exceptions import IOSXRException
from napalm.pyIOSXR.exceptions import LockError as IosxrLockError
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoBaseException

from devices.domain.drivers import NAPALM_IOSXR, NAPALM_JUNOS, NAPALM_NXOS
from devices.domain.platforms import platform_for
from devices.domain.warnings.situation import OwnSession
from devices.drivers import connection
from devices.drivers.base import ApplyResult, Comparison, DeviceFacts, Endpoint, OnLine, PendingConfirm, Rejection
from devices.drivers.napalm_base import CAPABILITIES, refuse_what_leaves, unproved
from devices.drivers.napalm_nxapi import PinnedNxosDriver
from devices.errors import (
    AuthenticationFailedError,
    CapabilityMissingError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceBusyError,
    DeviceError,
    FactsMissingError,
    NothingPendingError,
    OutputTruncatedError,
    UnreachableError,
)

_LOST: Final = (
    NapalmException, ConnectError, NetmikoBaseException, paramiko.SSHException, NXAPIError, IOSXRException, OSError,
    EOFError,
)  # fmt: skip
"""What the libraries raise when a session cannot be opened, ends, or answers with something else."""

_UNTOLD: Final = (None, "", "Unknown", "None", "N/A")

_CLASSES: Final[dict[str, type[NetworkDriver]]] = {
    NAPALM_JUNOS: JunOSDriver,
    NAPALM_IOSXR: IOSXRDriver,
}


class NapalmCandidateDriver:
    """A session with one device; see `devices.drivers.base.Driver` for what each method promises."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.name = name
        self.capabilities = CAPABILITIES[name]
        self.transcript: list[tuple[str, str]] = []
        self._endpoint = endpoint
        self._platform = platform_for(endpoint.platform)
        self._napalm: Any = None
        self._files = contextlib.ExitStack()

    @property
    def own_session(self) -> OwnSession:
        """The addresses that a connection to the device has by the system's routes."""
        return connection.own_session(self._endpoint)

    def __enter__(self) -> Self:
        try:
            napalm = library_driver(self._endpoint, self.name, self._files)
            with self._translated(opening=True):
                napalm.open()
        except BaseException:
            self._files.close()
            raise
        self._napalm = napalm
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        napalm, self._napalm = self._napalm, None
        self._files.close()
        # closing a session that is already lost fails in each library's own way, and changes nothing
        with contextlib.suppress(*_LOST, RpcError):
            if napalm is not None:
                napalm.close()

    def facts(self) -> DeviceFacts:
        """Read what NAPALM's `get_facts` tells; what it calls unknown is empty.

        Raises:
            FactsMissingError: it tells neither a version nor a serial number.
        """
        found = self._call("get_facts")
        told = {name: "" if value in _UNTOLD else str(value) for name, value in found.items()}
        if not told["os_version"] and not told["serial_number"]:
            raise FactsMissingError(
                "The device tells neither a version nor a serial number, so it cannot be identified.",
                device=self._endpoint.name,
            )
        return DeviceFacts(told["hostname"], told["serial_number"], told["model"], told["os_version"])

    def running_config(self) -> str:
        """Read the running configuration, of Junos as `set` lines; an empty one is never taken for the truth."""
        form = {"format": "set"} if self.name == NAPALM_JUNOS else {}
        text = str(self._call("get_config", retrieve="running", **form)["running"]).replace("\r\n", "\n")
        end = self._platform.end_line
        # NAPALM makes the word None of an answer without a text
        if text.strip() in ("", "None") or (end and text.rstrip().rpartition("\n")[2].strip() != end):
            raise OutputTruncatedError("The running configuration is not complete.", device=self._endpoint.name)
        self.transcript.append(("running configuration", f"({text.count(chr(10)) + 1} lines)"))
        return text.rstrip() + "\n"

    def show(self, command: str, *, timeout_s: float | None = None) -> str:  # noqa: ARG002 - NAPALM has one timeout
        """Run one read-only command."""
        refuse_what_leaves([command], self._platform, device=self._endpoint.name)
        text = str(self._call("cli", [command])[command])
        refused = self._platform.rejection(text)
        if refused:
            raise self._rejected(command, refused)
        self.transcript.append((command, text))
        return text

    def compare(self, commands: Sequence[str]) -> Comparison:
        """Load, compare and discard."""
        if not self.capabilities.candidate_diff:
            raise self._missing("a candidate configuration")
        try:
            self._load(commands)
            return Comparison(str(self._call("compare_config")), None)
        finally:
            self._call("discard_config")

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",  # noqa: ARG002 - none of these platforms takes a name through NAPALM
    ) -> ApplyResult:
        """Load and commit, without a message, since that raises on some platforms."""
        self._check_timer(confirm_within_s)
        try:
            self._load(commands)
        except CommandRejectedError as error:
            self._call("discard_config")
            return ApplyResult((), Rejection(0, error.command, error.message), "exec")
        last = len(commands) - 1
        if on_line and commands:
            on_line(last, commands[last], "send")
        self._call("commit_config", **({} if confirm_within_s is None else {"revert_in": confirm_within_s}))
        if on_line and commands:
            on_line(last, commands[last], "done")
        pending = self.pending_confirm() if confirm_within_s is not None else None
        return ApplyResult(tuple(commands), None, "exec", pending)

    def confirm(self, name: str) -> None:
        """Commit once more while the timer runs."""
        pending = self.pending_confirm()
        if pending is None or pending.name != name:
            raise NothingPendingError(f"No commit “{name}” waits to be confirmed.", device=self._endpoint.name)
        self._call("confirm_commit")

    def revert(self, name: str) -> None:
        """Refuse: the device takes an unconfirmed commit back by itself when its time is over."""
        raise self._missing(f"taking “{name}” back before its time is over")

    def pending_confirm(self) -> PendingConfirm | None:
        """The commit that waits, by the device's own number for it."""
        if self.capabilities.commit_confirmed is None:
            return None
        pending = self._call("_get_pending_commits")
        return next((PendingConfirm(str(number), int(left)) for number, left in pending.items()), None)

    def compare_replacement(self, config: str) -> Comparison:
        """Load the whole text, compare and discard."""
        if not self.capabilities.candidate_diff:
            raise self._missing("a candidate configuration")
        try:
            self._call("load_replace_candidate", config=config)
            return Comparison(str(self._call("compare_config")), None)
        finally:
            self._call("discard_config")

    def replace(
        self,
        config: str,
        *,
        confirm_within_s: int | None = None,
        name: str = "",  # noqa: ARG002 - none of these platforms takes a name through NAPALM
    ) -> PendingConfirm | None:
        """Load the text as the whole candidate and commit it."""
        self._check_timer(confirm_within_s)
        self._call("load_replace_candidate", config=config)
        self._call("commit_config", **({} if confirm_within_s is None else {"revert_in": confirm_within_s}))
        return self.pending_confirm() if confirm_within_s is not None else None

    def save(self) -> None:
        """Nothing to do: NAPALM's commit has saved."""

    def abort(self) -> None:
        """Close whatever socket NAPALM holds."""
        napalm = self._napalm
        with contextlib.suppress(*_LOST):
            if napalm is not None:
                napalm.close()

    def _check_timer(self, confirm_within_s: int | None) -> None:
        timer = self.capabilities.commit_confirmed
        if confirm_within_s is not None and (timer is None or timer.fit(confirm_within_s) != confirm_within_s):
            raise self._missing(f"a commit that is confirmed within {confirm_within_s} s")

    def _load(self, commands: Sequence[str]) -> None:
        refuse_what_leaves(commands, self._platform, device=self._endpoint.name)
        self.transcript.append(("merge", "\n".join(commands)))
        self._call("load_merge_candidate", config="\n".join(commands) + "\n")

    def _call(self, method: str, *args: object, **named: object) -> Any:  # noqa: ANN401 - NAPALM ships no types
        if self._napalm is None:
            raise ConnectionLostError("The session is closed.", device=self._endpoint.name)
        with self._translated():
            return getattr(self._napalm, method)(*args, **named)

    @contextlib.contextmanager
    def _translated(self, *, opening: bool = False) -> Iterator[None]:
        endpoint = self._endpoint
        try:
            yield
        except (NetmikoAuthenticationException, ConnectAuthError, paramiko.AuthenticationException) as error:
            raise AuthenticationFailedError(
                f"The device refused the password of {endpoint.credential.username}.", device=endpoint.name
            ) from error
        except (LockError, NapalmLockError, IosxrLockError) as error:
            raise DeviceBusyError(f"Somebody else holds the configuration: {error}", device=endpoint.name) from error
        except (
            MergeConfigException, ReplaceConfigException, CommandErrorException, RpcError, NXAPICommandError,
        ) as error:  # fmt: skip
            raise self._rejected("configuration", str(error)) from error
        except (*_LOST, ValueError) as error:
            lost: DeviceError = ConnectionLostError(f"The session ended: {error}", device=endpoint.name)
            if opening:
                lost = UnreachableError(f"No session could be opened: {error}", device=endpoint.name)
            raise unproved(error, endpoint) or lost from error

    def _rejected(self, command: str, message: str) -> CommandRejectedError:
        return CommandRejectedError(
            f"The device refused “{command}”: {message}", command=command, message=message, device=self._endpoint.name
        )

    def _missing(self, what: str) -> CapabilityMissingError:
        return CapabilityMissingError(
            f"The driver {self.name} does not offer {what} on this platform.", device=self._endpoint.name
        )


def library_driver(endpoint: Endpoint, name: str, files: contextlib.ExitStack) -> NetworkDriver:
    """NAPALM's driver with arguments that prove the device before a password leaves; `files` keeps what it reads."""
    if name == NAPALM_NXOS:
        return PinnedNxosDriver(endpoint)
    arguments: dict[str, object] = {"port": endpoint.port}
    known_hosts = files.enter_context(connection.known_hosts(endpoint))
    if name == NAPALM_IOSXR:
        arguments |= {"ssh_strict": True, "alt_host_keys": True, "alt_key_file": known_hosts}
    else:
        arguments["ssh_config_file"] = files.enter_context(_ssh_config(known_hosts))
    credential = endpoint.credential
    driver: Any = _CLASSES[name](
        endpoint.host,
        credential.username,
        credential.password,
        timeout=endpoint.read_timeout_s if name != NAPALM_JUNOS else int(endpoint.read_timeout_s),
        optional_args=arguments,
    )
    if name == NAPALM_JUNOS:
        # NAPALM does not pass this on, and without it PyEZ takes every host key
        driver.device._hostkey_verify = True  # noqa: SLF001
        # otherwise the keys of the worker's own account would be tried before the credential
        driver.device._look_for_keys = False  # noqa: SLF001
    return driver


@contextlib.contextmanager
def _ssh_config(known_hosts: str) -> Iterator[str]:
    descriptor, path = tempfile.mkstemp(prefix="countersign-ssh-config-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"Host *\n  UserKnownHostsFile {known_hosts}\n  StrictHostKeyChecking yes\n")
        yield path
    finally:
        os.unlink(path)  # noqa: PTH108 - mkstemp gives a string
