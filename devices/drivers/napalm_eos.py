"""The driver for Arista EOS through NAPALM and eAPI: configuration sessions, the commit timer, replacement.

NAPALM opens the connection, compares, starts the commit timer and finds pending commits. Candidates are loaded here,
since NAPALM strips the lines of banners; a commit without a timer and a confirmation are sent here, since NAPALM saves
with them before anybody verified anything; `rollback` is never used, since it restores the old startup configuration.
"""

import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from napalm.base.exceptions import CommitError
from napalm.eos.eos import EOSDriver
from pyeapi.eapilib import CommandError

from devices.domain.config_text import read_lines
from devices.domain.drivers import NAPALM_EOS_HTTP
from devices.domain.platforms import platform_for
from devices.domain.warnings.situation import OwnSession
from devices.drivers import connection, eapi
from devices.drivers.base import (
    ApplyResult,
    Comparison,
    DeviceFacts,
    Endpoint,
    OnLine,
    PendingConfirm,
    Rejection,
)
from devices.drivers.napalm_base import CAPABILITIES, OWN_PREFIX, refuse_what_leaves, session_name
from devices.errors import (
    AuthorizationDeniedError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceBusyError,
    FactsMissingError,
    NothingPendingError,
    OutputTruncatedError,
    SaveFailedError,
)

_FAILED: Final = re.compile(r"CLI command (\d+) of \d+ ")
_BUSY: Final = re.compile(r"commit timer|Maximum number of pending sessions|waiting for its commit", re.IGNORECASE)
_BEFORE_LINES: Final = 2
"""`enable` and `configure session NAME` stand before the lines in a request."""


class NapalmEosDriver:
    """A session with one switch; see `devices.drivers.base.Driver` for what each method promises."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.name = name
        self.capabilities = CAPABILITIES[name]
        self.transcript: list[tuple[str, str]] = []
        self._endpoint = endpoint
        self._platform = platform_for(endpoint.platform)
        self._napalm: EOSDriver | None = None
        self._aborted = False

    @property
    def own_session(self) -> OwnSession:
        """The addresses that a connection to the device has by the system's routes."""
        return connection.own_session(self._endpoint)

    def __enter__(self) -> Self:
        endpoint = self._endpoint
        arguments = eapi.plain_arguments if self.name == NAPALM_EOS_HTTP else eapi.tls_arguments
        napalm = EOSDriver(
            endpoint.host,
            endpoint.credential.username,
            endpoint.credential.password,
            timeout=endpoint.connect_timeout_s,
            optional_args={
                "port": endpoint.port,
                "enable_password": endpoint.credential.enable_secret,
                "lock_disable": True,  # NAPALM waits ten seconds for a lock; here a taken one is told at once
                **arguments(endpoint),
            },
        )
        with eapi.translated(endpoint, opening=True):
            try:
                napalm.open()
            except CommandError as error:
                raise AuthorizationDeniedError(
                    f"{endpoint.credential.username} signed in, but gets no privileged mode on this device.",
                    device=endpoint.name,
                ) from error
        self._napalm = napalm
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not NAPALM's close(): it aborts its session, and with it a commit that waits to be confirmed. Each request
        # has a connection of its own, so there is nothing to close.
        self._napalm = None

    def facts(self) -> DeviceFacts:
        """Read hostname, serial number, model and version.

        Raises:
            FactsMissingError: the answer names neither a version nor a serial number.
        """
        version, host = self._run(["show version", "show hostname"])
        facts = DeviceFacts(
            hostname=str(host.get("hostname", "")),
            serial=str(version.get("serialNumber", "")),
            model=str(version.get("modelName", "")),
            version=str(version.get("version", "")),
        )
        self.transcript.append(("show version", f"{facts.hostname} {facts.model} {facts.serial} {facts.version}"))
        if not facts.version and not facts.serial:
            raise FactsMissingError(
                "“show version” names neither a version nor a serial number, so the device cannot be identified.",
                device=self._endpoint.name,
            )
        return facts

    def running_config(self) -> str:
        """Read the running configuration and make sure that it is complete."""
        return self._config("show running-config")

    def show(self, command: str, *, timeout_s: float | None = None) -> str:
        """Run one read-only command."""
        refuse_what_leaves([command], self._platform, device=self._endpoint.name)
        text = self._text(command, timeout_s)
        self.transcript.append((command, text))
        return text

    def compare(self, commands: Sequence[str]) -> Comparison:
        """Load the lines into a configuration session, read its diff and its text, and abort it."""
        name = session_name()
        self._refuse_if_taken()
        try:
            self._load(name, commands)
            diff = self._text(f"show session-config named {name} diffs")
            return Comparison(diff.strip("\n"), self._config(f"show session-config named {name}"))
        finally:
            self._discard(name)

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",
    ) -> ApplyResult:
        """Load the lines into a configuration session and commit it, all or nothing; nothing is saved."""
        name = name or session_name()
        self._clear_leftovers()
        self._refuse_if_taken()
        try:
            self._load(name, commands)
        except CommandRejectedError as error:
            self._discard(name)
            index = next((i for i, line in enumerate(commands) if line == error.command), 0)
            return ApplyResult((), Rejection(index, error.command, error.message), "exec")
        last = len(commands) - 1
        if on_line and commands:
            self._announce(on_line, last, commands[last], name)
        try:
            self._commit(name, confirm_within_s)
        except CommandRejectedError as error:
            self._discard(name)
            return ApplyResult((), Rejection(max(last, 0), error.command, error.message), "exec")
        if on_line and commands:
            on_line(last, commands[last], "done")
        pending = PendingConfirm(name, confirm_within_s) if confirm_within_s is not None else None
        return ApplyResult(tuple(commands), None, "exec", pending)

    def confirm(self, name: str) -> None:
        """Commit the session of this name for good."""
        self._refuse_unless_pending(name)
        self._run([f"configure session {name} commit"], note=True)

    def revert(self, name: str) -> None:
        """Abort the session whose commit timer runs."""
        self._refuse_unless_pending(name)
        self._run([f"configure session {name} abort"], note=True)

    def pending_confirm(self) -> PendingConfirm | None:
        """The session whose commit timer runs."""
        with eapi.translated(self._endpoint):
            pending: Mapping[str, int] = self._open()._get_pending_commits()  # noqa: SLF001 - has_pending_commit hides the name
        return next((PendingConfirm(name, left if left >= 0 else None) for name, left in pending.items()), None)

    def compare_replacement(self, config: str) -> Comparison:
        """Load the text into an empty configuration session, read its diff and its text, and abort it."""
        name = session_name()
        self._refuse_if_taken()
        try:
            self._load(name, _typed(config), replace=True)
            diff = self._text(f"show session-config named {name} diffs")
            return Comparison(diff.strip("\n"), self._config(f"show session-config named {name}"))
        finally:
            self._discard(name)

    def replace(self, config: str, *, confirm_within_s: int | None = None, name: str = "") -> PendingConfirm | None:
        """Load the text into an empty configuration session and commit it, under the commit timer if asked for."""
        name = name or session_name()
        self._clear_leftovers()
        self._refuse_if_taken()
        try:
            self._load(name, _typed(config), replace=True)
        except BaseException:
            self._discard(name)
            raise
        self._commit(name, confirm_within_s)
        return PendingConfirm(name, confirm_within_s) if confirm_within_s is not None else None

    def save(self) -> None:
        """Save the configuration and demand that the device did.

        Raises:
            SaveFailedError: any answer but success.
        """
        try:
            self._run(["write memory"], note=True)
        except CommandRejectedError as error:
            raise SaveFailedError(
                f"The device could not save its configuration: {error.message}",
                message=error.message,
                device=self._endpoint.name,
            ) from error

    def abort(self) -> None:
        """Cut the request that is under way; safe from any thread."""
        self._aborted = True
        napalm = self._napalm
        if napalm is not None and napalm.device is not None:
            eapi.shut_down(napalm.device.connection)

    def _load(self, name: str, commands: Sequence[str], *, replace: bool = False) -> None:
        """Put lines into a configuration session.

        Raises:
            CommandRejectedError: the device refuses one, which is named; the session must be discarded.
        """
        lines = list(read_lines(commands, self._platform))
        heads = [line.text for line in lines]
        refuse_what_leaves(heads, self._platform, device=self._endpoint.name)
        request: list[object] = [f"configure session {name}", *(["rollback clean-config"] if replace else [])]
        before = len(request) + _BEFORE_LINES - 1
        request += [line.text if line.body is None else {"cmd": line.text, "input": f"{line.body}\n"} for line in lines]
        try:
            self._request([*request, "end"])
        except CommandError as error:
            message = _words(error)
            found = _FAILED.search(str(error))
            at = int(found[1]) - before - 1 if found else -1
            self._raise_if_busy(message)
            number = lines[at].number if 0 <= at < len(lines) else 1
            refused = commands[number - 1]
            raise CommandRejectedError(
                f"The device refused “{refused.strip()}”: {message}",
                command=refused,
                message=message,
                device=self._endpoint.name,
            ) from None
        self.transcript.append((f"configure session {name}", "\n".join(commands) if not replace else "(a whole text)"))

    def _refuse_unless_pending(self, name: str) -> None:
        pending = self.pending_confirm()
        if pending is None or pending.name != name:
            raise NothingPendingError(
                f"No commit called “{name}” waits to be confirmed on the device.", device=self._endpoint.name
            )

    def _announce(self, on_line: OnLine, index: int, line: str, name: str) -> None:
        try:
            on_line(index, line, "send")
        except BaseException:
            self.abort()
            self.transcript.append((f"configure session {name}", "(not committed)"))
            raise

    def _commit(self, name: str, confirm_within_s: int | None) -> None:
        if confirm_within_s is None:
            self._run([f"configure session {name} commit"], note=True)
            return
        napalm = self._open()
        napalm.config_session = name
        self.transcript.append((f"configure session {name} commit timer", f"{confirm_within_s} s"))
        try:
            with eapi.translated(self._endpoint):
                napalm.commit_config(revert_in=confirm_within_s)
        except CommitError as error:
            raise DeviceBusyError(f"{error}", device=self._endpoint.name) from None
        except CommandError as error:
            raise self._refusal("commit timer", error) from None
        finally:
            # otherwise NAPALM would take the session for its own to abort
            napalm.config_session = None

    def _discard(self, name: str) -> None:
        """Abort a candidate; one that the device does not know any more is as good."""
        if self._napalm is None or self._aborted:
            return
        try:
            self._request([f"configure session {name} abort"])
        except CommandError:
            return

    def _sessions(self) -> dict[str, str]:
        (answer,) = self._run(["show configuration sessions"])
        return {name: str(each.get("state", "")) for name, each in answer.get("sessions", {}).items()}

    def _refuse_if_taken(self) -> None:
        for name, state in self._sessions().items():
            if state == "pendingCommitTimer" or (state == "pending" and not name.startswith(OWN_PREFIX)):
                what = "waits to be confirmed" if state == "pendingCommitTimer" else "is open"
                raise DeviceBusyError(
                    f"The configuration session “{name}” {what} on the device.", device=self._endpoint.name
                )

    def _clear_leftovers(self) -> None:
        """Abort candidates that lost workers left; nobody else writes while the device is leased to us."""
        for name, state in self._sessions().items():
            if state == "pending" and name.startswith(OWN_PREFIX):
                self._discard(name)

    def _config(self, command: str) -> str:
        text = self._text(command)
        self.transcript.append((command, f"({text.count(chr(10)) + 1} lines)"))
        last = text.rstrip().rpartition("\n")[2].strip()
        if last != self._platform.end_line:
            raise OutputTruncatedError(
                f"The configuration ended with “{last[:80]}” instead of “{self._platform.end_line}”. It was not used.",
                device=self._endpoint.name,
            )
        return text.rstrip() + "\n"

    def _text(self, command: str, timeout_s: float | None = None) -> str:
        (answer,) = self._run([command], encoding="text", timeout_s=timeout_s)
        return str(answer.get("output", "")).replace("\x00", "").replace("\r\n", "\n")

    def _run(
        self, commands: list[str], *, encoding: str = "json", timeout_s: float | None = None, note: bool = False
    ) -> list[dict[str, Any]]:
        try:
            answers = self._request(commands, encoding=encoding, timeout_s=timeout_s)
        except CommandError as error:
            self._raise_if_busy(_words(error))
            raise self._refusal(commands[-1], error) from None
        if note:
            self.transcript.append((commands[-1], ""))
        return answers

    def _request(
        self, commands: Sequence[object], *, encoding: str = "json", timeout_s: float | None = None
    ) -> list[dict[str, Any]]:
        napalm = self._open()
        napalm.device.connection.transport.timeout = timeout_s or self._endpoint.read_timeout_s
        with eapi.translated(self._endpoint):
            answers: list[dict[str, Any]] = napalm.device.run_commands(list(commands), encoding=encoding)
        return answers

    def _open(self) -> EOSDriver:
        if self._napalm is None or self._aborted:
            raise ConnectionLostError("The session is closed.", device=self._endpoint.name)
        return self._napalm

    def _raise_if_busy(self, message: str) -> None:
        if _BUSY.search(message):
            raise DeviceBusyError(f"The device is busy: {message}", device=self._endpoint.name)

    def _refusal(self, command: str, error: CommandError) -> CommandRejectedError:
        message = _words(error)
        return CommandRejectedError(
            f"The device refused “{command}”: {message}", command=command, message=message, device=self._endpoint.name
        )


def _typed(config: str) -> list[str]:
    """A whole configuration as lines to type."""
    return [line for line in config.splitlines() if line.strip() not in ("", "!", "end")]


def _words(error: CommandError) -> str:
    """The device's own words: those of the command that failed, which comes last."""
    output = error.output if isinstance(error.output, list) else []
    errors = output[-1].get("errors", []) if output and isinstance(output[-1], dict) else []
    return "; ".join(map(str, errors)) or str(error.error_text)
