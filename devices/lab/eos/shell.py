"""What eAPI runs: the commands of one request, one after the other, from unprivileged mode to wherever they lead."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from devices.lab.eos import show
from devices.lab.eos.config import EosSession
from devices.lab.eos.machine import EosMachine
from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError, IosError, RefusedError
from devices.lab.ios.filters import filtered, split_filter

Output = dict[str, Any]
_TIMER: Final = re.compile(r"(\d{1,2}):(\d\d):(\d\d)")


class EosCliError(Exception):
    """A command failed; `errors` are the switch's words."""

    def __init__(self, errors: list[str], result: str) -> None:
        super().__init__(errors)
        self.errors = errors
        self.result = result


@dataclass(frozen=True, slots=True)
class _Command:
    pattern: re.Pattern[str]
    run: Callable[["EosShell", re.Match[str]], str]


class EosShell:
    """One request's way through the modes. `enable_secret` guards the privileged mode; None asks for nothing."""

    def __init__(self, machine: EosMachine, *, enable_secret: str | None = None) -> None:
        self._machine = machine
        self._secret = enable_secret
        self._privileged = False
        self._session: EosSession | None = None
        self._session_name = ""

    @property
    def mode(self) -> str:
        """user, privileged, or what stands in the prompt's brackets; "config-s-" begins a configuration session."""
        if self._session is None:
            return "privileged" if self._privileged else "user"
        inside = self._session.prompt
        return inside.replace("config", f"config-s-{self._session_name}", 1) if self._session_name else inside

    @property
    def in_config(self) -> bool:
        """Whether a line is a configuration line."""
        return self._session is not None

    def execute(self, command: str, given: str | None, style: str) -> Output:
        """Run one command; `given` is the input that goes with it, `style` "json" or "text".

        Raises:
            EosCliError: the switch refuses it.
        """
        try:
            return self._execute(command.strip(), given, style)
        except IosError as error:
            raise EosCliError([_complaint(error, command)], error.result) from None

    def _execute(self, command: str, given: str | None, style: str) -> Output:
        if self._session is not None:
            return _answer(self._config_line(self._session, command, given), style)
        if command == "enable":
            return _answer(self._enable(given), style)
        if not self._privileged:
            raise InvalidInputError(0)
        if style == "json" and (model := show.MODELS.get(command)) is not None:
            return model(self._machine)
        text, name, pattern = split_filter(command)
        output = self._exec(text)
        if style == "json" and command.startswith("show"):
            raise RefusedError("Command cannot be used over the API at this time: it is unconverted")
        return _answer(filtered(output, name, pattern) if name else output, style)

    def _enable(self, given: str | None) -> str:
        if self._secret is not None and given != self._secret:
            raise RefusedError("Bad secret")
        self._privileged = True
        return ""

    def _exec(self, command: str) -> str:
        if command in show.OUTPUTS:
            return show.OUTPUTS[command](self._machine)
        for each in _COMMANDS:
            found = each.pattern.fullmatch(command)
            if found is not None:
                return each.run(self, found)
        raise InvalidInputError(0)

    def _config_line(self, session: EosSession, line: str, given: str | None) -> str:
        if self._session_name and line in ("abort", "commit", "rollback clean-config"):
            self._session_line(session, line)
            return ""
        if self._session_name and (found := re.fullmatch(r"commit timer (\S+)", line)):
            self._machine.commit(self._session_name, _seconds(found[1]))
            self._session = None
            return ""
        session.execute(line)
        for text in given.splitlines() if given is not None else ():
            session.execute(text)
        if session.in_banner:
            session.execute("EOF")
        if session.ended:
            self._session = None
        return ""

    def _session_line(self, session: EosSession, line: str) -> None:
        name = self._session_name
        if line == "rollback clean-config":
            config = self._machine.candidate(name).config
            config.root.entries.clear()
            config.root.entries.update(self._machine.load("").root.entries)
            return
        session.ended = True
        self._session = None
        (self._machine.abort if line == "abort" else self._machine.commit)(name)

    # One method per command outside configuration mode.

    def enter_config(self, _found: re.Match[str]) -> str:
        """`configure`: lines take effect at once."""
        self._session, self._session_name = EosSession(self._machine.running), ""
        return ""

    def enter_session(self, found: re.Match[str]) -> str:
        """`configure session NAME`: lines go to the candidate."""
        candidate = self._machine.candidate(found[1])
        self._session, self._session_name = EosSession(candidate.config), found[1]
        return ""

    def end_session(self, found: re.Match[str]) -> str:
        """`configure session NAME commit|abort|commit timer H:M:S`."""
        name, what, time = found[1], found[2], found[3]
        if what == "abort":
            self._machine.abort(name)
        else:
            self._machine.commit(name, _seconds(time) if time else None)
        return ""

    def show_session(self, found: re.Match[str]) -> str:
        """`show session-config named NAME [diffs]`."""
        if found[2]:
            return self._machine.diff(found[1])
        return self._machine.header(found[0]) + self._machine.candidate_text(found[1])

    def copy(self, found: re.Match[str]) -> str:
        """`copy SOURCE TARGET`."""
        text = self._text_of(found[1])
        if found[2] == "startup-config":
            self._machine.save()
        else:
            self._machine.write_file(found[2].removeprefix("flash:").lstrip("/"), text)
        return "Copy completed successfully.\n"

    def write(self, _found: re.Match[str]) -> str:
        """`write memory`."""
        self._machine.save()
        return "Copy completed successfully.\n"

    def replace(self, found: re.Match[str]) -> str:
        """`configure replace SOURCE`."""
        text = self._text_of(found[1])
        if self._machine.timer is not None:
            raise RefusedError("Cannot replace the configuration: a commit timer is running")
        self._machine.replace_running(text)
        return ""

    def show_file(self, found: re.Match[str]) -> str:
        """`more FILE`."""
        return self._text_of(found[1])

    def nothing(self, _found: re.Match[str]) -> str:
        """A command without an effect here."""
        return ""

    def _text_of(self, source: str) -> str:
        if source == "running-config":
            return self._machine.running_text()
        if source == "startup-config":
            return self._machine.startup
        name = source.removeprefix("flash:").lstrip("/")
        if name not in self._machine.files:
            raise RefusedError(f"Error: {source} (No such file or directory)")
        return self._machine.files[name]


def _command(pattern: str, run: Callable[[EosShell, re.Match[str]], str]) -> _Command:
    return _Command(re.compile(pattern), run)


_COMMANDS: Final = (
    _command(r"configure(?: terminal)?", EosShell.enter_config),
    _command(r"configure session (\S+)", EosShell.enter_session),
    _command(r"configure session (\S+) (abort|commit)(?: timer (\S+))?", EosShell.end_session),
    _command(r"show session-config named (\S+)( diffs)?", EosShell.show_session),
    _command(r"copy (running-config|startup-config) (startup-config|flash:\S+)", EosShell.copy),
    _command(r"write(?: memory)?", EosShell.write),
    _command(r"configure replace (\S+)(?: ignore-errors)?", EosShell.replace),
    _command(r"more (\S+)", EosShell.show_file),
    _command(r"terminal .*|disable", EosShell.nothing),
)


def _answer(text: str, style: str) -> Output:
    if style == "text":
        return {"output": text}
    return {"messages": [text]} if text else {}


def _seconds(text: str) -> int:
    found = _TIMER.fullmatch(text)
    if found is None:
        raise InvalidInputError(0)
    hours, minutes, seconds = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _complaint(error: IosError, line: str) -> str:
    if isinstance(error, RefusedError):
        return error.message
    words = line.split()
    if isinstance(error, IncompleteError):
        return f"Incomplete command (at token {len(words)}: {None!r})"
    if isinstance(error, AmbiguousError):
        return f"Ambiguous command (at token 0: {words[0]!r})"
    column = error.column if isinstance(error, InvalidInputError) else 0
    at = len(line[: max(column, 0)].split())
    token = words[at] if at < len(words) else ""
    return f"Invalid input (at token {at}: {token!r})"
