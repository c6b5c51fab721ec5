"""One session with the IOS XR-like router: exec mode, a target configuration, commits."""

import re
from collections.abc import Callable
from typing import Final

from devices.lab.ios.shell import Reply
from devices.lab.line_tree import Entry, LineRefusedError, Place
from devices.lab.xr import show
from devices.lab.xr.lines import PROMPTS, TABLE, TEXTS
from devices.lab.xr.machine import XrMachine

_NAME_LENGTH: Final = 31  # XR cuts the whole prompt's name in configuration mode
_COMMIT: Final = re.compile(
    r"commit(?P<replace> replace)?(?: label (?P<label>\S+))?(?: confirmed (?P<minutes>minutes )?(?P<time>\d+))?"
)
_LEAVE: Final = "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]: "
_REPLACE: Final = (
    "This commit will replace or remove the entire running configuration. This\n"
    "operation can be service affecting.\nDo you wish to proceed? [no]: "
)
_OTHERS: Final = (
    "One or more commits have occurred from other\nconfiguration sessions since this session started or since the"
    " last\ncommit was made from this session. You can use the 'show configuration commit changes' command to browse"
    " the\nchanges.\nDo you wish to proceed with this commit anyway? [no]: "
)
_FAILED: Final = (
    "% Failed to commit one or more configuration items during a pseudo-atomic operation. All changes made have been"
    " reverted. Please issue 'show configuration failed [inheritance]' from this session to view the errors\n"
)
_BUSY: Final = "Cannot enter exclusive mode. The Configuration Namespace is locked by another agent.\n"


class XrShell:
    """A session on a machine."""

    def __init__(self, machine: XrMachine, username: str) -> None:
        self._machine = machine
        self._username = username
        self._place: Place | None = None
        self._typed = Place(Entry(""), TABLE)
        self._started = 0
        self._failed: list[str] = []
        self._text: list[str] = []
        self._ask: tuple[str, Callable[[str], Reply]] | None = None
        self.page_length = 24

    @property
    def mode(self) -> str:
        """privileged, question, or what stands in the prompt's brackets."""
        if self._ask is not None:
            return "question"
        return "privileged" if self._place is None else self._inside

    @property
    def _inside(self) -> str:
        if self._place is None:
            return ""
        mode = "text" if self._text else self._place.mode
        return PROMPTS.get(mode, f"config-{mode}")

    @property
    def in_config(self) -> bool:
        """Whether a line is a configuration line."""
        return self._place is not None and self._ask is None

    @property
    def hides_input(self) -> bool:
        """Nothing is asked for that must not be seen."""
        return False

    @property
    def prompt(self) -> str:
        """What the router shows while it waits."""
        if self._ask is not None:
            return self._ask[0]
        name = f"RP/0/RP0/CPU0:{self._machine.hostname}"
        return f"{name}#" if self._place is None else f"{name[:_NAME_LENGTH]}({self._inside})#"

    @property
    def greeting(self) -> str:
        """Nothing."""
        return ""

    def helps(self, line: str) -> bool:  # noqa: ARG002 - the mode alone decides
        """Whether a bare question mark in this line asks for help."""
        return self._ask is None and not self._text

    def closed(self) -> None:
        """A session that ends gives its lock and its target up; a trial runs on."""
        if self._machine.lock is self:
            self._machine.lock = None

    def refusal(self, line: str) -> Reply:
        """What is printed for a line that is not understood."""
        return self._invalid(len(line) - len(line.lstrip()))

    def _invalid(self, column: int) -> Reply:
        pad = " " * (len(self.prompt) + column)
        return Reply(f"{pad}^\n% Invalid input detected at '^' marker.\n", "invalid")

    def execute(self, line: str) -> Reply:
        """Take one complete line."""
        if self._ask is not None:
            (_, answer), self._ask = self._ask, None
            return answer(line.strip().lower())
        if self._place is not None:
            return self._configure(self._place, line)
        return self._exec(line)

    def _exec(self, line: str) -> Reply:
        text = " ".join(line.split())
        if not text or text.startswith("!"):
            return Reply()
        if text.startswith("terminal "):
            if text.startswith("terminal length "):
                self.page_length = int(text.split()[2])
            return self._stamped("")
        if text in ("configure", "configure terminal", "configure exclusive"):
            return self._enter(exclusive=text.endswith("exclusive"))
        if text in ("exit", "quit", "logout"):
            return Reply(closes=True)
        output = show.output(self._machine, text)
        return self.refusal(line) if output is None else self._stamped(output)

    def _stamped(self, text: str, result: str = "ok") -> Reply:
        """An answer below the time, as XR prints it."""
        return Reply(f"{show.stamp(self._machine.clock())}\n{text}", result)

    def _enter(self, *, exclusive: bool) -> Reply:
        machine = self._machine
        if exclusive and machine.lock is not None:
            return self._stamped(_BUSY, "busy")
        if exclusive:
            machine.lock = self
        self._open()
        return self._stamped("")

    def _open(self) -> None:
        self._place = Place(self._machine.running.copy(), TABLE)
        self._typed = Place(Entry(""), TABLE)
        self._started = len(self._machine.commits)

    def _configure(self, place: Place, line: str) -> Reply:
        text = " ".join(line.split())
        if self._text:
            return self._text_line(place, line)
        if not text or text.startswith("!"):
            return Reply()
        if text.startswith("do "):
            return self._exec(text.removeprefix("do "))
        if text.startswith("show "):
            return self._show(place, line, text)
        if text.startswith(("root", "exit", "end", "abort", "commit")):
            return self._leave_or_commit(place, text, line)
        return self._take(place, line, text)

    def _take(self, place: Place, line: str, text: str) -> Reply:
        if TEXTS.begin.fullmatch(text):
            self._text = [text]
            return Reply()
        try:
            place.take(line)
            self._typed.take(line)
        except LineRefusedError as error:
            return self._invalid(error.column)
        return Reply()

    def _leave_or_commit(self, place: Place, text: str, line: str) -> Reply:
        if text == "root" or (text == "exit" and place.path):
            for each in (place, self._typed):
                del each.path[0 if text == "root" else -1 :]
            return Reply()
        if text == "abort":
            return self._left()
        if text in ("exit", "end"):
            return self._left() if not show.changes(self._machine.running, place.root) else self._question(_LEAVE)
        found = _COMMIT.fullmatch(text)
        return self._commit(place, found) if found else self.refusal(line)

    def _text_line(self, place: Place, line: str) -> Reply:
        self._text.append(line)
        if TEXTS.end.fullmatch(line.strip()):
            for each in (place, self._typed):
                each.take_text("\n".join(self._text))
            self._text = []
        return Reply()

    def _question(self, prompt: str) -> Reply:
        def answer(given: str) -> Reply:
            if given == "yes" and self._place is not None:
                reply = self._settled(self._place, replace=False, label="", trial_s=None)
                return reply if reply.result != "ok" else self._left(reply.text)
            return self._left() if given == "no" else Reply()

        self._ask = (prompt, answer)
        return Reply()

    def _left(self, text: str = "") -> Reply:
        self._place = None
        self.closed()
        return self._stamped(text)

    def _commit(self, place: Place, found: re.Match[str]) -> Reply:
        trial_s = int(found["time"]) * (60 if found["minutes"] else 1) if found["time"] else None
        if trial_s is not None and not 30 <= trial_s <= 65535:
            return self._invalid(0)
        machine = self._machine
        if machine.lock is not None and machine.lock is not self:
            return self._stamped(_FAILED.replace("during", "(locked) during"), "busy")

        def settle(given: str) -> Reply:
            if given not in ("yes", "y"):
                return Reply()
            return self._settled(place, replace=bool(found["replace"]), label=found["label"] or "", trial_s=trial_s)

        if found["replace"] or self._started != len(machine.commits):
            self._ask = (_REPLACE if found["replace"] else _OTHERS, settle)
            return Reply()
        return settle("yes")

    def _settled(self, place: Place, *, replace: bool, label: str, trial_s: int | None) -> Reply:
        machine = self._machine
        target = self._typed.root if replace else place.root
        if not show.changes(machine.running, target):
            if machine.trial is not None and machine.trial.owner is self:
                machine.trial = None
                return self._stamped("% Confirming commit for trial session.\n")
            return self._stamped("% No configuration changes to commit.\n")
        self._failed = show.semantic_errors(target)
        if self._failed:
            return self._stamped(_FAILED, "refused")
        machine.commit(target.copy(), owner=self, user=self._username, label=label, trial_s=trial_s)
        self._open()
        return self._stamped("")

    def _show(self, place: Place, line: str, text: str) -> Reply:
        head = f"Building configuration...\n!! IOS XR Configuration {show.VERSION}\n"
        if text == "show commit changes diff":
            return self._stamped(f"{head}{show.difference(self._machine.running, place.root)}end\n")
        if text == "show configuration":
            return self._stamped(f"{head}{show.difference(self._machine.running, place.root)}end\n")
        if text == "show configuration merge":
            return self._stamped(f"{head}{show.text_of(place.root)}")
        if text == "show configuration failed":
            return self._stamped("".join(f"{each}\n" for each in self._failed))
        output = show.output(self._machine, text)
        return self.refusal(line) if output is None else self._stamped(output)
