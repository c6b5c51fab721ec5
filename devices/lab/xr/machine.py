"""An IOS XR-like router without a network: a running configuration that only commits change, a lock, trial commits.

Not simulated: the admin plane, `show` of anything live, commit databases beyond labels and times, best-effort commits,
commits from two sessions that do not exclude each other, most lines that XR knows (`devices/lab/xr/lines.py` lists
those that are).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from typing_extensions import override

from devices.lab.box import Box
from devices.lab.ios.errors import InvalidInputError
from devices.lab.line_tree import Entry, LineRefusedError, Place, load, written
from devices.lab.xr.lines import TABLE, TEXTS

VERSION = "7.3.2"


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of the commit list."""

    number: int
    label: str
    user: str
    at: datetime


@dataclass(slots=True)
class Trial:
    """A commit that is taken back at a time unless it is confirmed by the session that made it."""

    owner: object
    before: Entry
    ends: datetime


@dataclass(slots=True)
class XrMachine(Box):
    """The state that all sessions of a router share; see `Box`."""

    running: Entry = field(init=False)
    lock: object | None = field(init=False, default=None)
    trial: Trial | None = field(init=False, default=None)
    commits: list[Commit] = field(init=False, default_factory=list)

    @override
    def start_with(self, text: str) -> None:
        self.running = loaded(text)
        self.lock = self.trial = None

    @override
    def running_text(self) -> str:
        return text_of(self.running)

    @property
    @override
    def configured_name(self) -> str:
        found = (entry.text.split()[1] for entry in self.running.below if entry.text.startswith("hostname "))
        return next(found, "ios")

    @override
    def edit(self, lines: Iterable[str]) -> None:
        place = Place(self.running, TABLE)
        for line in lines:
            try:
                place.take(line)
            except LineRefusedError as error:
                raise InvalidInputError(error.column) from error
        self._keep()

    def commit(self, target: Entry, *, owner: object, user: str, label: str = "", trial_s: int | None = None) -> None:
        """Make the target the running configuration, on trial if a time is given."""
        if trial_s is not None:
            ends = self.clock() + trial_s * self.minute / 60
            self.trial = Trial(owner, self.running, ends)
        self.running = target
        self.commits.append(Commit(1_000_000_001 + len(self.commits), label, user, self.clock()))
        self._keep()

    @override
    def tick(self) -> bool:
        if self.trial is None or self.clock() < self.trial.ends:
            return False
        before, self.trial = self.trial.before, None
        self.commit(before, owner=None, user="system")
        return True

    def _keep(self) -> None:
        """What is committed is what the router starts with."""
        self.write_startup(self.running_text())


def loaded(text: str) -> Entry:
    """A configuration text as a tree; the lines of a policy or set are kept as one entry."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside:
            lines[-1] += f"\n{line}"
            inside = not TEXTS.end.fullmatch(line.strip())
        else:
            lines.append(line)
            inside = TEXTS.begin.fullmatch(line.strip()) is not None
    return load(lines, TABLE)


def text_of(root: Entry) -> str:
    """A tree as XR prints it, from the hostname to `end`."""
    lines: list[str] = []
    for entry in root.below:
        lines += written(Entry("", [entry]), step=1, closer="!")
        if not entry.below:
            lines += ["!"] * ("\n" in entry.text)
    return "\n".join([*lines, "end", ""])
