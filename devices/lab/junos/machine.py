"""A Junos-like router without a network: one shared candidate, an exclusive lock, commits that wait to be confirmed.

Not simulated: configuration in braces, private candidates, `edit` and relative paths, `load`, commit scripts, apply
groups, most checks of a commit, two routing engines, root's shell.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from typing_extensions import override

from devices.lab.box import Box
from devices.lab.ios.errors import RefusedError
from devices.lab.junos.statements import StatementError, Statements

VERSION = "21.4R3.15"


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of `show system commit`, newest first."""

    at: datetime
    user: str
    client: str = "cli"
    minutes: int | None = None
    comment: str = ""


@dataclass(slots=True)
class JunosMachine(Box):
    """The state that all sessions of a router share; see `Box`."""

    running: Statements = field(init=False)
    candidate: Statements = field(init=False)
    lock: object | None = field(init=False, default=None)
    lock_user: str = field(init=False, default="")
    commits: list[Commit] = field(init=False, default_factory=list)
    history: list[Statements] = field(init=False, default_factory=list)
    revert_at: datetime | None = field(init=False, default=None)

    @override
    def start_with(self, text: str) -> None:
        self.running = Statements(text.splitlines())
        self.candidate = self.running.copy()
        self.lock = None
        self.revert_at = None

    @override
    def running_text(self) -> str:
        return "".join(f"{line}\n" for line in self.running.lines())

    @property
    @override
    def configured_name(self) -> str:
        return self.running.value("system", "host-name") or "Amnesiac"

    @override
    def edit(self, lines: Iterable[str]) -> None:
        try:
            for line in lines:
                self.candidate.edit(line)
        except StatementError as error:
            raise RefusedError(error.message) from error
        self.commit(user="console")

    def commit(self, *, user: str, minutes: int | None = None, comment: str = "", client: str = "cli") -> None:
        """Make the candidate the running configuration, to be confirmed if a time is given."""
        self.history.insert(0, self.running)
        self.running = self.candidate.copy()
        self.commits.insert(0, Commit(self.clock(), user, client, minutes, comment))
        self.revert_at = None if minutes is None else self.clock() + minutes * self.minute
        self.write_startup(self.running_text())

    @override
    def tick(self) -> bool:
        if self.revert_at is None or self.clock() < self.revert_at:
            return False
        self.candidate = self.history[0].copy()
        self.commit(user="root", client="other")
        return True
