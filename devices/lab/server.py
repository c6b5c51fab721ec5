"""The SSH side of a simulated device: logins, terminal input, echo, paging and the faults that hit a session."""

import asyncio
import hmac
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import asyncssh
from typing_extensions import override

from devices.lab.faults import Faults
from devices.lab.ios.scp import ScpSink
from devices.lab.ios.shell import Reply
from devices.lab.journal import Journal

MORE = " --More-- "
_MAX_INPUT = 65536
_CTRL_C, _CTRL_U, _CTRL_V, _CTRL_Z = "\x03", "\x15", "\x16", "\x1a"
_QUOTED_QUESTION_MARK = "\ue03f"  # a private character: typed after Ctrl-V, so it asks for no help
_ERASE = ("\x08", "\x7f")


class Clock(Protocol):
    """A device's state, as far as a session must know it."""

    def tick(self) -> bool:
        """Let a timer run out, if its time has come."""
        ...


class Shell(Protocol):
    """A command line: it takes complete lines and tells what it waits for."""

    page_length: int

    @property
    def mode(self) -> str:
        """What the journal calls the mode."""
        ...

    @property
    def in_config(self) -> bool:
        """Whether a line is a configuration line."""
        ...

    @property
    def hides_input(self) -> bool:
        """Whether what is typed must not be echoed or logged."""
        ...

    @property
    def prompt(self) -> str:
        """What is shown while the device waits."""
        ...

    @property
    def greeting(self) -> str:
        """What is shown before the first prompt."""
        ...

    def execute(self, line: str) -> Reply:
        """Take one complete line."""
        ...

    def refusal(self, line: str) -> Reply:
        """What is printed for a line that is not understood."""
        ...

    def helps(self, line: str) -> bool:
        """Whether a bare question mark in this line asks for help."""
        ...

    def closed(self) -> None:
        """The session ended, whoever ended it."""
        ...


class Host(Protocol):
    """What a session needs of its device."""

    faults: Faults
    journal: Journal
    username: str
    password: str

    @property
    def machine(self) -> Clock:
        """The state that all sessions share."""
        ...

    def shell(self, username: str) -> Shell:
        """A command line for a new session."""
        ...

    def takes_files(self) -> bool:
        """Whether files may be sent by SCP."""
        ...

    def store_file(self, path: str, text: str) -> str:
        """Keep a file that was sent by SCP; gives the words of a refusal, or ""."""
        ...

    def connected(self, server: "LabServer") -> int:
        """Note a new connection; gives its number in the journal."""
        ...

    def disconnected(self, server: "LabServer") -> None:
        """Forget a connection."""
        ...

    def went_down(self) -> None:
        """Someone confirmed a reload."""
        ...

    def is_cut_off(self) -> bool:
        """Whether the running configuration cuts the way to the device."""
        ...


class LabServer(asyncssh.SSHServer):
    """One TCP connection: it authenticates by password alone and notes every offer."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._number = host.connected(self)
        self._connection: asyncssh.SSHServerConnection | None = None
        self._username = ""

    @override
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._host.journal.event(self._number, "connect")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._host.journal.event(self._number, "close", reason=type(exc).__name__ if exc else "")
        self._host.disconnected(self)

    @override
    def begin_auth(self, username: str) -> bool:
        self._username = username
        return True

    @override
    def password_auth_supported(self) -> bool:
        return True

    @override
    def validate_password(self, username: str, password: str) -> bool:
        host = self._host
        is_right = hmac.compare_digest(username.encode(), host.username.encode()) & hmac.compare_digest(
            password.encode(), host.password.encode()
        )
        accepted = bool(is_right) and not host.faults.refuse_login
        host.journal.event(self._number, "auth", username=username, result="accepted" if accepted else "refused")
        return accepted

    @override
    def session_requested(self) -> "CliSession":
        return CliSession(self._host, self._number, self._username, self.abort)

    def abort(self) -> None:
        """Cut the TCP connection without a word."""
        if self._connection is not None:
            self._connection.abort()


class CliSession(asyncssh.SSHServerSession[str]):
    """One terminal: lines are executed one after the other in the order in which they arrived complete."""

    def __init__(self, host: Host, number: int, username: str, abort: Callable[[], None]) -> None:
        self._host = host
        self._number = number
        self._abort = abort
        self._shell = host.shell(username)
        self._channel: asyncssh.SSHServerChannel[str] | None = None
        self._typed = ""
        self._after_return = False
        self._quoted = False
        self._paging = False
        self._input: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._config_lines = 0
        self._sink: ScpSink | None = None

    @override
    def connection_made(self, chan: asyncssh.SSHServerChannel[str]) -> None:
        self._channel = chan

    @override
    def pty_requested(self, term_type: str, term_size: object, term_modes: object) -> bool:
        return True

    @override
    def shell_requested(self) -> bool:
        return True

    @override
    def exec_requested(self, command: str) -> bool:
        """SCP into flash, where the device takes files."""
        if not command.startswith("scp ") or not self._host.takes_files():
            return False
        self._host.journal.event(self._number, "scp", command=command)
        self._sink = ScpSink(command, self._host.store_file)
        return True

    @override
    def session_started(self) -> None:
        if self._sink is not None:
            self._raw(self._sink.greeting)
            return
        self._host.journal.event(self._number, "open")
        self._task = asyncio.get_running_loop().create_task(self._serve())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._shell.closed()
        if self._task is not None:
            self._task.cancel()

    @override
    def eof_received(self) -> bool:
        if self._sink is not None and self._channel is not None:
            self._channel.exit(0)
        return False

    @override
    def break_received(self, msec: int) -> bool:
        return True

    @override
    def data_received(self, data: str, datatype: asyncssh.DataType) -> None:
        if self._sink is not None:
            self._raw(self._sink.feed(data))
            return
        for char in data:
            if self._paging:
                self._enter(char)
            elif char == "\n" and self._after_return:
                self._after_return = False
            else:
                self._after_return = char == "\r"
                self._key(char)

    def _key(self, char: str) -> None:
        if char in "\r\n":
            self._enter(self._typed)
            self._typed = ""
        elif char in (_CTRL_C, _CTRL_Z):
            self._typed = ""
            self._enter(char)
        elif char == _CTRL_U:
            self._typed = ""
        elif char in _ERASE:
            self._typed = self._typed[:-1]
        elif char == _CTRL_V:
            self._quoted = True
            return
        elif (char >= " " or char == "\t") and len(self._typed) < _MAX_INPUT:
            self._typed += _QUOTED_QUESTION_MARK if self._quoted and char == "?" else char
        self._quoted = False

    def _enter(self, line: str) -> None:
        """A line, or a key that counts as one, arrived: kept with the time, by the event loop's clock."""
        self._input.put_nowait((line, asyncio.get_running_loop().time()))

    async def _serve(self) -> None:
        self._write(self._shell.greeting + self._shell.prompt)
        while True:
            line, arrived = await self._input.get()
            if self._host.faults.round_trip_s:
                await asyncio.sleep(arrived + self._host.faults.round_trip_s - asyncio.get_running_loop().time())
            if not await self._take(line):
                return

    async def _take(self, line: str) -> bool:
        """Execute one line and answer it; False when the session is over."""
        host, shell = self._host, self._shell
        if host.faults.latency_s:
            await asyncio.sleep(host.faults.latency_s)
        host.machine.tick()
        mode, is_config = shell.mode, shell.in_config
        line = self._unquoted(line)
        shown = "" if shell.hides_input else line
        if line in (_CTRL_C, _CTRL_Z):
            line, shown = ("end", "^Z") if is_config else ("no" if mode == "question" else "", "")
        if host.faults.hang or (host.faults.hang_at and re.search(host.faults.hang_at, line)):
            host.journal.line(self._number, mode, shown, "hung")
            await asyncio.Event().wait()
        reply = self._faulty(line, is_config) or self._cut(shell.execute(line), is_config)
        host.journal.line(self._number, mode, shown, reply.result)
        if self._must_drop(line, is_config) or host.is_cut_off():
            self._end("cut")
            return False
        return await self._answer(shown, reply)

    def _unquoted(self, line: str) -> str:
        """The line as the device reads it: a bare question mark asks for help and is no part of the line."""
        if "?" in line and self._shell.helps(line):
            typed = line.replace(_QUOTED_QUESTION_MARK, "?")
            self._write(f"{typed}\n% Help is not simulated\n\n{self._shell.prompt}")
            line = line.replace("?", "")
        return line.replace(_QUOTED_QUESTION_MARK, "?")

    def _faulty(self, line: str, is_config: bool) -> Reply | None:
        faults = self._host.faults
        if not is_config or self._shell.mode == "banner":
            return None
        if faults.reject and re.search(faults.reject, line):
            return Reply(self._shell.refusal(line).text, "rejected")
        if faults.ignore and re.search(faults.ignore, line):
            return Reply(result="ignored")
        return None

    def _cut(self, reply: Reply, is_config: bool) -> Reply:
        limit = self._host.faults.cut_output_after_lines
        if is_config or not limit:
            return reply
        return replace(reply, text="".join(reply.text.splitlines(keepends=True)[:limit]))

    def _must_drop(self, line: str, is_config: bool) -> bool:
        self._config_lines += is_config
        faults = self._host.faults
        limit = faults.drop_after_config_lines
        is_due = is_config and limit and self._config_lines >= limit
        if not is_due and not (faults.drop_at and re.search(faults.drop_at, line)):
            return False
        if faults.drop_times:
            faults.drop_times -= 1
            if not faults.drop_times:
                faults.drop_after_config_lines, faults.drop_at = 0, ""
        return True

    async def _answer(self, shown: str, reply: Reply) -> bool:
        if reply.reboots:
            self._end("reload")
            self._host.went_down()
            return False
        await self._page(f"{shown}\n", reply.text)
        if reply.closes:
            self._end("exit")
            return False
        self._write(self._shell.prompt)
        return True

    async def _page(self, echo: str, text: str) -> None:
        """Write an output, stopping at each full screen as long as paging is on."""
        lines = text.splitlines(keepends=True)
        size = self._shell.page_length - 1 if self._shell.page_length else len(lines)
        self._write(echo + "".join(lines[:size]))
        rest = lines[size:]
        self._paging = bool(rest)
        while rest:
            self._write(MORE)
            key, _arrived = await self._input.get()
            step = {" ": size, "\r": 1, "\n": 1}.get(key, 0)
            self._write("\b" * len(MORE) + " " * len(MORE) + "\b" * len(MORE) + "".join(rest[:step]))
            rest = rest[step:] if step else []
        self._paging = False

    def _end(self, why: str) -> None:
        if why == "cut":
            self._host.journal.event(self._number, "cut")
            self._abort()
        elif self._channel is not None:
            self._channel.exit(0)

    def _raw(self, text: str) -> None:
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(text)

    def _write(self, text: str) -> None:
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(text.replace("\n", "\r\n"))
