"""One EOS switch without a network: running and startup configuration, configuration sessions, the commit timer."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from devices.lab.eos.config import EosSession, config_text, hostname, load
from devices.lab.ios.config import IosConfig
from devices.lab.ios.errors import RefusedError
from devices.lab.ios.machine import Hardware

VERSION: Final = "4.28.3M"
MAX_PENDING: Final = 5


@dataclass(slots=True)
class Candidate:
    """A configuration session that others can see: the configuration it would bring, and its state."""

    config: IosConfig
    state: str = "pending"


@dataclass(slots=True)
class CommitTimer:
    """`commit timer`: what comes back, and when, unless the session of this name is committed again."""

    name: str
    before: str
    at: datetime
    commit_by_s: int


@dataclass(slots=True)
class EosMachine:
    """The state that all sessions of a switch share. `clock` gives the time in UTC.

    `minute` is how long one minute of the commit timer takes, so that a test need not wait for a real one.
    `on_startup` is told each new startup configuration; `disk_full` makes every write to flash fail.
    """

    hardware: Hardware
    startup: str
    clock: Callable[[], datetime]
    minute: timedelta = timedelta(minutes=1)
    on_startup: Callable[[str], None] = lambda _text: None
    files: dict[str, str] = field(default_factory=dict)
    disk_full: bool = False
    seen_as: tuple[str, str] = ("", "")
    strain: tuple[int, int, int] = (0, 0, 0)
    running: IosConfig = field(init=False)
    booted: datetime = field(init=False)
    candidates: dict[str, Candidate] = field(init=False, default_factory=dict)
    timer: CommitTimer | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.reboot()

    def reboot(self) -> None:
        """Start from the startup configuration; what was not saved, sessions and the timer are lost."""
        self.running = self.load(self.startup)
        self.booted = self.clock()
        self.candidates.clear()
        self.timer = None

    def load(self, text: str) -> IosConfig:
        """The configuration that this switch has after booting with the text."""
        return load(text, self.hardware.interfaces)

    @property
    def hostname(self) -> str:
        """The name in outputs."""
        return self.seen_as[0] or hostname(self.running)

    @property
    def serial(self) -> str:
        """The serial number in outputs."""
        return self.seen_as[1] or self.hardware.serial

    @property
    def uptime_s(self) -> float:
        """Seconds since the switch started, in the switch's own time: a minute takes `minute`."""
        return (self.clock() - self.booted) / self.minute * 60

    def running_text(self) -> str:
        """The running configuration without the header that names the command."""
        return config_text(self.running)

    def header(self, command: str) -> str:
        """What the switch prints before a configuration."""
        return f"! Command: {command}\n! device: {self.hostname} ({self.hardware.model}, EOS-{VERSION})\n!\n"

    def save(self) -> None:
        """Make the running configuration the startup configuration.

        Raises:
            RefusedError: flash is full.
        """
        self._check_space()
        self.write_startup(self.running_text())

    def write_startup(self, text: str) -> None:
        """Put a text on flash as the startup configuration."""
        self.startup = text
        self.on_startup(text)

    def write_file(self, name: str, text: str) -> None:
        """Put a file on flash.

        Raises:
            RefusedError: flash is full.
        """
        self._check_space()
        self.files[name] = text

    def _check_space(self) -> None:
        if self.disk_full:
            raise RefusedError(
                "Error copying system:/running-config to flash:/startup-config (No space left on device)"
            )

    def edit(self, lines: Iterable[str]) -> None:
        """Change the running configuration past every session, as someone at the console would.

        Raises:
            IosError: a line is refused; the lines before it stay.
        """
        session = EosSession(self.running)
        for line in lines:
            session.execute(line)

    def replace_running(self, text: str) -> None:
        """Make the running configuration exactly this one."""
        new = self.load(text)
        self.running.root.entries.clear()
        self.running.root.entries.update(new.root.entries)

    def candidate(self, name: str) -> Candidate:
        """Open the session of this name, or make it from the running configuration.

        Raises:
            RefusedError: too many sessions are pending.
        """
        known = self.candidates.get(name)
        if known is not None and known.state == "pending":
            return known
        if known is not None and known.state == "pendingCommitTimer":
            raise RefusedError(f"Session {name} is waiting for its commit timer")
        pending = [each for each in self.candidates.values() if each.state == "pending"]
        if len(pending) >= MAX_PENDING:
            raise RefusedError(
                "Maximum number of pending sessions has been reached. Please commit or abort previous sessions "
                "before creating a new one."
            )
        self.candidates[name] = Candidate(self.load(self.running_text()))
        return self.candidates[name]

    def diff(self, name: str) -> str:
        """What a session would change, as `show session-config named … diffs` prints it."""
        candidate = config_text(self._known(name).config)
        lines = difflib.unified_diff(
            self.running_text().splitlines(),
            candidate.splitlines(),
            "system:/running-config",
            f"session:/{name}-session-config",
            lineterm="",
        )
        return "".join(f"{line}\n" for line in lines)

    def candidate_text(self, name: str) -> str:
        """The whole configuration that a session would bring.

        Raises:
            RefusedError: there is no such session.
        """
        return config_text(self._known(name).config)

    def _known(self, name: str) -> Candidate:
        if name not in self.candidates or self.candidates[name].state == "completed":
            raise RefusedError(f"Session {name} does not exist")
        return self.candidates[name]

    def commit(self, name: str, within_s: int | None = None) -> None:
        """Bring a session's configuration into force; with `within_s` until then, unless it is committed again.

        Raises:
            RefusedError: there is no such session, or another one's commit timer runs.
        """
        candidate = self._known(name)
        timer = self.timer
        if timer is not None and timer.name != name:
            raise RefusedError(f"Cannot commit session {name}: commit timer of session {timer.name} is running")
        if timer is not None:
            candidate.state, self.timer = "completed", None
            return
        before = self.running_text()
        self.replace_running(config_text(candidate.config))
        candidate.state = "completed"
        if within_s is not None:
            candidate.state = "pendingCommitTimer"
            at = self.clock() + within_s / 60 * self.minute
            self.timer = CommitTimer(name, before, at, int(self.uptime_s) + within_s)

    def abort(self, name: str) -> None:
        """Give a session up; one whose commit timer runs is taken back."""
        candidate = self.candidates.get(name)
        if candidate is None or candidate.state == "completed":
            return
        del self.candidates[name]
        if self.timer is not None and self.timer.name == name:
            before, self.timer = self.timer.before, None
            self.replace_running(before)

    def tick(self) -> bool:
        """Take a commit back when its timer has run out; tells whether that happened."""
        if self.timer is None or self.clock() < self.timer.at:
            return False
        self.abort(self.timer.name)
        return True
