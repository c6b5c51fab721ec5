"""One session with the Junos-like router: operational mode, configuration mode, commits."""

import re
from collections.abc import Callable
from typing import Final

from devices.lab.ios.shell import Reply
from devices.lab.junos import show
from devices.lab.junos.machine import JunosMachine
from devices.lab.junos.statements import StatementError, compare

_COMMIT: Final = re.compile(
    r"commit(?P<check> check)?(?: confirmed(?: (?P<minutes>\d+))?)?(?: comment \"(?P<comment>[^\"]*)\")?"
    r"(?P<quit> and-quit)?"
)
_SETTINGS: Final = {
    "set cli complete-on-space off": "Disabling complete-on-space",
    "set cli screen-width": "Screen width set to {}",
    "set cli screen-length": "Screen length set to {}",
}
_EDITS: Final = ("set", "delete", "activate", "deactivate")
_DELETE_ALL: Final = "This will delete the entire configuration\nDelete everything under this level? [yes,no] (no) "
_EXCLUSIVE_EXIT: Final = (
    "The configuration has been changed but not committed\nwarning: Auto rollback on exiting 'configure exclusive'\n"
    "Discard uncommitted changes? [yes,no] (yes) "
)
_SHARED_EXIT: Final = (
    "The configuration has been changed but not committed\nExit with uncommitted changes? [yes,no] (yes) "
)


class JunosShell:
    """A session on a machine."""

    def __init__(self, machine: JunosMachine, username: str) -> None:
        self._machine = machine
        self._username = username
        self._configuring = False
        self._ask: tuple[str, Callable[[str], Reply]] | None = None
        self.page_length = 24

    @property
    def mode(self) -> str:
        """operational, question or config."""
        if self._ask is not None:
            return "question"
        return "config" if self._configuring else "operational"

    @property
    def in_config(self) -> bool:
        """Whether a line is a configuration line."""
        return self._configuring and self._ask is None

    @property
    def hides_input(self) -> bool:
        """Nothing is asked for that must not be seen."""
        return False

    @property
    def prompt(self) -> str:
        """What the router shows while it waits, with the lines above the prompt itself."""
        if self._ask is not None:
            return self._ask[0]
        machine = self._machine
        member = "{master:0}" if machine.hardware.model.startswith(("EX", "QFX")) else ""
        name = f"{self._username}@{machine.hostname}"
        if not self._configuring:
            return "\n" + f"{member}\n" * bool(member) + f"{name}> "
        minutes = machine.commits[0].minutes if machine.revert_at is not None else None
        timer = f"\n# commit confirmed will be rolled back in {minutes} minutes" if minutes else ""
        return f"{timer}\n{member}[edit]\n{name}# "

    @property
    def greeting(self) -> str:
        """The release, as Junos shows it."""
        return show.greeting()

    def helps(self, line: str) -> bool:
        """Whether a bare question mark in this line asks for help."""
        return self._ask is None and "?" in re.sub(r'"[^"]*"', "", line)

    def closed(self) -> None:
        """A session that ends gives its lock up, and what it changed under it."""
        if self._machine.lock is self:
            self._machine.lock = None
            self._machine.candidate = self._machine.running.copy()

    def refusal(self, line: str) -> Reply:
        """What is printed for a line that is not understood."""
        return self._pointed(len(line) - len(line.lstrip()), "unknown command.")

    def _pointed(self, column: int, message: str) -> Reply:
        before = len(self.prompt.rpartition("\n")[2])
        return Reply(f"{' ' * (before + column)}^\n{message}\n", "invalid")

    def execute(self, line: str) -> Reply:
        """Take one complete line."""
        if self._ask is not None:
            (_, answer), self._ask = self._ask, None
            return answer(line.strip().lower())
        text = " ".join(line.split()) if '"' not in line else line.strip()
        if not text or text.startswith("#"):
            return Reply()
        return self._configure(text, line) if self._configuring else self._operational(text, line)

    def _operational(self, text: str, line: str) -> Reply:
        for setting, answer in _SETTINGS.items():
            if text.startswith(setting):
                value = text.rpartition(" ")[2]
                if setting.endswith("length"):
                    self.page_length = int(value)
                return Reply(answer.format(value) + "\n")
        if text in ("configure", "configure exclusive"):
            return self._enter(exclusive=text.endswith("exclusive"))
        if text in ("exit", "quit"):
            return Reply(closes=True)
        output = show.output(self._machine, text)
        return self.refusal(line) if output is None else Reply(output)

    def _enter(self, *, exclusive: bool) -> Reply:
        machine = self._machine
        if machine.lock is not None:
            return Reply(
                f"error: configuration database locked by:\n  {machine.lock_user} terminal pts/0 (pid 4681) on since"
                f" {show.stamp(machine.clock())}, idle 00:00:10\n      exclusive [edit]\n",
                "busy",
            )
        changed = compare(machine.running, machine.candidate)
        if exclusive and changed:
            return Reply("error: configuration database modified\n", "busy")
        self._configuring = True
        if exclusive:
            machine.lock, machine.lock_user = self, self._username
            return Reply("warning: uncommitted changes will be discarded on exit\nEntering configuration mode\n")
        return Reply(
            "Entering configuration mode\n" + "The configuration has been changed but not committed\n" * bool(changed)
        )

    def _configure(self, text: str, line: str) -> Reply:
        if text in ("exit", "quit", "exit configuration-mode"):
            return self._leave()
        if text == "delete":
            return self._delete_all()
        if text.split(maxsplit=1)[0] in _EDITS:
            return self._edit(line)
        found = _COMMIT.fullmatch(text)
        if found:
            return self._commit(found, confirmed=" confirmed" in text)
        output = self._said(text)
        return self.refusal(line) if output is None else Reply(output)

    def _edit(self, line: str) -> Reply:
        try:
            return Reply(self._machine.candidate.edit(line.strip()))
        except StatementError as error:
            column = 0 if error.column is None else error.column
            return self._pointed(column + len(line) - len(line.lstrip()), error.message)

    def _said(self, text: str) -> str | None:
        """What is printed for a line that only reads or goes back; None for one that is not known."""
        machine = self._machine
        found = re.fullmatch(r"rollback (\d+)", text)
        if found and int(found[1]) <= len(machine.history):
            machine.candidate = [machine.running, *machine.history][int(found[1])].copy()
            return "load complete\n"
        if text in ("top", "up"):
            return ""
        if text.startswith("run "):
            return show.output(machine, text.removeprefix("run "))
        return show.candidate_output(machine, text)

    def _delete_all(self) -> Reply:
        def answer(given: str) -> Reply:
            if given in ("yes", "y"):
                self._machine.candidate.paths.clear()
                self._machine.candidate.inactive.clear()
            return Reply()

        self._ask = (_DELETE_ALL, answer)
        return Reply()

    def _leave(self) -> Reply:
        machine = self._machine

        def answer(given: str) -> Reply:
            if given not in ("", "yes", "y"):
                return Reply()
            discards = machine.lock is self
            self._configuring = False
            self.closed()
            words = "warning: discarding uncommitted changes\nload complete\n" if discards else ""
            return Reply(f"{words}Exiting configuration mode\n")

        if compare(machine.running, machine.candidate):
            self._ask = (_EXCLUSIVE_EXIT if machine.lock is self else _SHARED_EXIT, answer)
            return Reply()
        self._configuring = False
        self.closed()
        return Reply("Exiting configuration mode\n")

    def _commit(self, found: re.Match[str], *, confirmed: bool) -> Reply:
        machine = self._machine
        if machine.lock is not None and machine.lock is not self:
            return Reply("error: configuration database locked by another user\n", "busy")
        problems = machine.candidate.problems()
        if problems:
            return Reply(problems, "refused")
        if found["check"]:
            return Reply("configuration check succeeds\n")
        minutes = int(found["minutes"] or 10) if confirmed else None
        machine.commit(user=self._username, minutes=minutes, comment=found["comment"] or "")
        warning = (
            f"commit confirmed will be automatically rolled back in {minutes} minutes unless confirmed\n"
            if minutes is not None
            else ""
        )
        if found["quit"]:
            self._configuring = False
            self.closed()
            return Reply(f"{warning}commit complete\nExiting configuration mode\n")
        return Reply(f"{warning}commit complete\n")
