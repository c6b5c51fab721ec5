"""A command line behind netmiko's SSH session: connecting, reading and sending, one line after the other."""

import contextlib
import re
import socket
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import paramiko
from netmiko import BaseConnection

from devices.domain.platforms import Platform, platform_for
from devices.domain.warnings.situation import OwnSession
from devices.drivers import connection
from devices.drivers.base import DeviceFacts, Endpoint, OnLine, Rejection
from devices.drivers.channel import WaitingChannel
from devices.drivers.facts import fact_commands, read_facts
from devices.drivers.terminal import IOS_DIALECT, JUNOS_DIALECT, XR_DIALECT, Answer, Dialect, Terminal
from devices.errors import (
    AuthorizationDeniedError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceError,
    FactsMissingError,
    OutputTruncatedError,
)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_RENAMES: Final = re.compile(r"\s*(?:no\s+|default\s+)?(?:host|switchn)", re.IGNORECASE)
_COUNT: Final = re.compile(r"^(?:Count: )?(\d+)(?: lines)?$", re.MULTILINE)
_COUNT_SLACK: Final = 2
_REFUSAL_LINES: Final = 3
_REFUSAL_WITHIN: Final = 4096
_DIALECTS: Final[dict[str, Dialect]] = {"cisco_xr": XR_DIALECT, "juniper_junos": JUNOS_DIALECT}
_JUNOS_SET_UP: Final = (
    "set cli complete-on-space off",
    "set cli screen-width 511",
    "set cli screen-length 0",
)
_SET_UP: Final = {"juniper_junos": _JUNOS_SET_UP}
# platforms that know neither command complain, and need neither
_USUAL_SET_UP: Final = ("terminal width 511", "terminal length 0")


class NetmikoSession:
    """One signed-in terminal; see `devices.drivers.base.Driver` for what each method promises."""

    name = "netmiko-cli"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._platform: Platform = platform_for(endpoint.platform)
        self._socket: socket.socket | None = None
        self._session: BaseConnection | None = None
        self._terminal: Terminal | None = None
        self._aborted = False
        self.transcript: list[tuple[str, str]] = []

    @property
    def own_session(self) -> OwnSession:
        """The addresses of this very connection."""
        return connection.own_session(self._endpoint, self._socket)

    def __enter__(self) -> Self:
        endpoint = self._endpoint
        connection.check_keys(endpoint)
        self._socket = connection.open_socket(endpoint)
        try:
            self._session = connection.connect(endpoint, self._platform.netmiko_type, self._socket)
            self._prepare(self._session)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _prepare(self, session: BaseConnection) -> None:
        if self._aborted:
            raise ConnectionLostError("The session was aborted.", device=self._endpoint.name)
        channel = WaitingChannel(session.remote_conn, session.encoding)
        session.channel = channel
        dialect = _DIALECTS.get(self._platform.slug, IOS_DIALECT)
        terminal = Terminal(channel, device=self._endpoint.name, dialect=dialect)
        terminal.find_prompt(self._endpoint.read_timeout_s)
        self._terminal = terminal
        if terminal.waiting == "user":
            self._enable(terminal)
        for command in _SET_UP.get(self._platform.slug, _USUAL_SET_UP):
            self._exchange(command)

    def _enable(self, terminal: Terminal) -> None:
        """Become privileged. A secret is sent only if the device asks for one and the credential has one."""
        answer = self._exchange("enable")
        secret = self._endpoint.credential.enable_secret
        if answer.waiting == "password" and secret:
            answer = terminal.secret(secret, self._endpoint.read_timeout_s)
            self.transcript.append(("", answer.text))
        if answer.waiting != "exec":
            raise AuthorizationDeniedError(
                f"{self._endpoint.credential.username} signed in, but gets no privileged mode on this device.",
                device=self._endpoint.name,
            )

    def facts(self) -> DeviceFacts:
        """Read hostname, serial number, model and version, as the platform tells them.

        Raises:
            FactsMissingError: the outputs tell neither version nor serial number.
        """
        version, *more = (self.show(command) for command in fact_commands(self._platform.slug))
        facts = read_facts(version, self._open_terminal().name, *more)
        if not facts.version and not facts.serial:
            raise FactsMissingError(
                "“show version” names neither a version nor a serial number, so the device cannot be identified.",
                device=self._endpoint.name,
            )
        return facts

    def running_config(self) -> str:
        """Read the running configuration and make sure that it is complete."""
        command = self._platform.running_config_command
        text = self._output(command, self._endpoint.read_timeout_s)
        self.transcript.append((command, f"({text.count(chr(10)) + 1} lines)"))
        self._raise_if_refused(command, text)
        self._raise_if_cut(text, self._platform.count_command)
        return text.rstrip() + "\n"

    def _raise_if_cut(self, text: str, count_command: str) -> None:
        """A complete configuration ends with its last line, or has as many lines as the device counts itself."""
        last = text.rstrip().rpartition("\n")[2].strip()
        wanted = self._platform.end_line
        if wanted and last != wanted:
            raise OutputTruncatedError(
                f"The running configuration ended with “{last[:80]}” instead of “{wanted}”. It was not used.",
                device=self._endpoint.name,
            )
        if wanted or not count_command:
            return
        counted = _COUNT.search(self.show(count_command))
        lines = text.rstrip("\n").count("\n") + 1
        if counted is None or lines + _COUNT_SLACK < int(counted[1]) or not text.strip():
            told = f"of {counted[1]}" if counted else "without a count"
            raise OutputTruncatedError(
                f"The configuration arrived with {lines} lines {told}. It was not used.", device=self._endpoint.name
            )

    def show(self, command: str, *, timeout_s: float | None = None) -> str:
        """Run one read-only command."""
        self._refuse_control_characters((command,))
        text = self._output(command, timeout_s or self._endpoint.read_timeout_s)
        self.transcript.append((command, text))
        self._raise_if_refused(command, text)
        return text

    def _send_lines(self, commands: Sequence[str], on_line: OnLine | None) -> tuple[tuple[str, ...], Rejection | None]:
        text_end, text_start = "", 0
        for index, line in enumerate(commands):
            if on_line:
                on_line(index, line, "send")
            if text_end:
                ends = line == "EOF" if text_end == "EOF" else text_end in line
                answer = self._text_line(line, ends=ends)
                text_end = "" if ends else text_end
            else:
                answer = self._exchange(line, renames=bool(_RENAMES.match(line)))
                if answer.waiting == "question" and self._platform.asks_for_confirmation(line, answer.text):
                    answer = self._reply("")
                text_end, text_start = answer.text_end, index
            message = self._refusal(answer)
            if message:
                return tuple(commands[:index]), Rejection(index, line, message)
            if on_line:
                on_line(index, line, "done")
            if answer.waiting != "config" and not text_end and index + 1 < len(commands):
                message = "The line before it had left configuration mode, so it was not sent."
                return tuple(commands[: index + 1]), Rejection(index + 1, commands[index + 1], message)
        if text_end:
            message = f"The text that begins here is not ended by {text_end}; the device never took it."
            return tuple(commands[:text_start]), Rejection(text_start, commands[text_start], message)
        return tuple(commands), None

    def _refusal(self, answer: Answer) -> str:
        """The device's words if it refused the line. A question is refused: nobody approved an answer."""
        if answer.waiting == "question":
            self._reply("n")
            return f"The device asked: {answer.text.strip()}"
        if answer.waiting == "password":
            return f"The device asked for a password: {answer.text.strip()}"
        if answer.waiting == "text":
            return ""
        return self._platform.rejection(answer.text) or ""

    def abort(self) -> None:
        """Close the transport at once; safe from any thread."""
        self._aborted = True
        opened = self._socket
        if opened is not None:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        session, self._session, self._terminal = self._session, None, None
        if session is not None:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                connection.close(session)
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()

    def _open_terminal(self) -> Terminal:
        if self._terminal is None:
            raise ConnectionLostError("The session is closed.", device=self._endpoint.name)
        return self._terminal

    def _exchange(self, line: str, *, renames: bool = False, patience: float = 1) -> Answer:
        timeout_s = self._endpoint.read_timeout_s * patience
        with self._giving_up():
            answer = self._open_terminal().exchange(line, timeout_s, renames=renames)
        self.transcript.append((line, answer.text))
        return answer

    def _reply(self, value: str, *, renames: bool = False) -> Answer:
        with self._giving_up():
            answer = self._open_terminal().reply(value, self._endpoint.read_timeout_s * 2, renames=renames)
        self.transcript.append((value, answer.text))
        return answer

    def _text_line(self, line: str, *, ends: bool) -> Answer:
        with self._giving_up():
            answer = self._open_terminal().text_line(line, self._endpoint.read_timeout_s, ends=ends)
        self.transcript.append((line, answer.text))
        return answer

    def _output(self, command: str, timeout_s: float) -> str:
        with self._giving_up():
            return self._open_terminal().output(command, timeout_s)

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """After a timeout or a loss nobody knows what the device still reads, so the session is closed."""
        try:
            yield
        except DeviceError:
            self._close()
            raise

    def _raise_if_refused(self, command: str, text: str) -> None:
        # a refusal is short; of a long output the beginning is enough
        begin = text[:_REFUSAL_WITHIN].splitlines()
        head = "\n".join([line for line in begin if line.strip()][:_REFUSAL_LINES])
        message = self._platform.rejection(head)
        if message:
            raise CommandRejectedError(
                f"The device refused “{command}”: {message}",
                command=command,
                message=message,
                device=self._endpoint.name,
            )

    def _refuse_control_characters(self, commands: Sequence[str]) -> None:
        for command in commands:
            if _CONTROL.search(command):
                raise CommandRejectedError(
                    f"“{command!r}” holds a control character. Nothing was sent.",
                    command=command,
                    message="control character",
                    device=self._endpoint.name,
                )
