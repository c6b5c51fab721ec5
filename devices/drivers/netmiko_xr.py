"""IOS XR over its command line: a target configuration, `show commit changes diff`, `commit confirmed`, `abort`.

Sources: Cisco IOS XR System Management Configuration Guide (managing the router's configuration), `commit`,
`show configuration` and `show configuration commit list` command references.
"""

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Final

from devices.domain.config_text import banner_lines, free_delimiter, parse
from devices.domain.config_tree import Node
from devices.domain.platforms import Platform
from devices.drivers.base import Capabilities, ConfirmTimer, PendingConfirm
from devices.drivers.netmiko_candidate import COMMIT_PATIENCE, NetmikoCandidateDriver
from devices.errors import NothingPendingError

_NOTHING: Final = re.compile(r"No configuration changes to commit")
_FAILED: Final = re.compile(r"^% ?Failed[^\n]*|^!!%[^\n]*", re.MULTILINE)
_REPLACES: Final = re.compile(r"replace or remove the entire running configuration")
_LARGE: Final = re.compile(r"This could be a few minutes")
_HEAD: Final = re.compile(r"^(?:Building configuration\.\.\.|!! [^\n]*|end)$", re.MULTILINE)
_TOUCHED: Final = re.compile(r"^[+\-#]", re.MULTILINE)
_LABEL: Final = re.compile(r"\bLabel: *(?P<label>\S+?-(?P<time>\d+)s)\s")
_AT: Final = re.compile(r"\bTime: *\S{3} (\S{3} +\d+ \d\d:\d\d:\d\d \d{4})")
_CLOCK: Final = re.compile(r"(\d\d:\d\d:\d\d)(?:\.\d+)? \S+ \S{3} (\S{3}) +(\d+) (\d{4})")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LABEL_LENGTH: Final = 30
_LONG, _SHORT = "countersign-", "cs-"  # a label has no room for the long form


class NetmikoXrDriver(NetmikoCandidateDriver):
    """A session with one IOS XR device.

    A trial commit is confirmed in the session that made it, as Cisco describes it, so configuration mode stays open
    until then; reading goes on by `do`. Its label says for how long it is on trial, so another session can tell; that
    it was confirmed meanwhile, no other session can tell.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        candidate_diff=True,
        atomic_commit=True,
        commit_confirmed=ConfirmTimer(1, 30, 65535),
        config_replace=True,
        save=False,
    )
    _trial: PendingConfirm | None = None
    _trial_ends: float = 0.0
    _label: str = ""
    _confirmed: str = ""

    def pending_confirm(self) -> PendingConfirm | None:
        """The newest commit, if its label says that it is on trial and its time has not passed.

        A label stays, so time decides; when the router takes the commit back, another commit is the newest.
        """
        listed = self.show("show configuration commit list 1 detail")
        label, at = _LABEL.search(listed), _AT.search(listed)
        if self._trial is not None:
            left_s = int(self._trial_ends - time.monotonic())
            if left_s > 0 and label is not None and label["label"] == self._label:
                return PendingConfirm(self._trial.name, left_s)
            self._trial = None
            self._leave()
            return None
        if label is None or at is None or label["label"] == self._confirmed:
            return None
        rest_s = self._left_s(at[1], int(label["time"]))
        return PendingConfirm(_name(label["label"]), rest_s) if rest_s is None or rest_s > 0 else None

    def _left_s(self, at: str, within_s: int) -> int | None:
        now = _CLOCK.search(self.show("show clock"))
        if now is None:
            return None
        moment = _moment(f"{now[2]} {now[3]} {now[1]} {now[4]}")
        return int((_moment(at) + timedelta(seconds=within_s) - moment).total_seconds())

    def _output(self, command: str, timeout_s: float) -> str:
        inside = self._open_terminal().waiting == "config" and not command.startswith(_OF_THE_TARGET)
        return super()._output(f"do {command}" if inside else command, timeout_s)

    def _difference(self) -> str:
        text = self.show("show commit changes diff")
        lines = [line for line in text.splitlines() if line.strip() and not _HEAD.match(line)]
        return "\n".join([*lines, ""]) if _TOUCHED.search("\n".join(lines)) else ""

    def _candidate_text(self, *, changed: bool) -> str:
        if not changed:
            return self.running_config()
        text = self._output("show configuration merge", self._endpoint.read_timeout_s)
        self._raise_if_cut(text, "")
        return text.rstrip() + "\n"

    def _commit(
        self, confirm_within_s: int | None, name: str, *, whole: bool = False
    ) -> tuple[str, PendingConfirm | None]:
        command = "commit replace" if whole else "commit"
        if confirm_within_s is None:
            return self._committed(command), None
        label = _label(name, confirm_within_s)
        message = self._committed(f"{command} label {label} confirmed {confirm_within_s}")
        if message:
            return message, None
        self._trial = PendingConfirm(_name(label), confirm_within_s)
        self._confirmed = ""
        self._label = label
        self._trial_ends = time.monotonic() + confirm_within_s
        return "", self._trial

    def _committed(self, command: str) -> str:
        answer = self._exchange(command, patience=COMMIT_PATIENCE, renames=True)
        text = self._answered(answer, ((_REPLACES, "yes"), (_LARGE, "y")))
        failed = self._platform.rejection(text)
        if not failed:
            return ""
        reasons = _FAILED.findall(self.show("show configuration failed"))
        return " ".join([failed, *reasons])

    def _keep(self, name: str) -> None:
        self._trial = None
        answer = self._exchange("commit", patience=COMMIT_PATIENCE)
        # a question here tells of another commit since, such as the router's own when the time ran out
        if answer.waiting == "question":
            self._reply("no")
        if answer.waiting == "question" or _NOTHING.search(answer.text) or self._platform.rejection(answer.text):
            raise NothingPendingError(
                f"“{name}” could not be confirmed: {self._words(answer)}", device=self._endpoint.name
            )
        self._confirmed = self._label

    def _stays(self, pending: PendingConfirm | None) -> bool:
        return (pending or self._trial) is not None

    def _empty(self) -> None:
        """The target is empty when it is opened, and `commit replace` takes it as the whole."""

    def _replacement(self, config: str) -> list[str]:
        return list(_typed(parse(config, self._platform), self._platform))

    def _discard(self) -> None:
        self._exchange("abort")


_OF_THE_TARGET: Final = ("show commit changes", "show configuration merge", "show configuration failed")


def _label(name: str, time_s: int) -> str:
    """What a commit is listed as: its name, and for how long it is on trial."""
    end = f"-{time_s}s"
    short = _UNFIT.sub("-", name.replace(_LONG, _SHORT, 1) or "commit")
    return short[: _LABEL_LENGTH - len(end)] + end


def _name(label: str) -> str:
    """The name in a label of ours."""
    name = label.rpartition("-")[0]
    return _LONG + name.removeprefix(_SHORT) if name.startswith(_SHORT) else name


def _moment(text: str) -> datetime:
    """A time of the device without its time zone, which is the same in all of its outputs."""
    return datetime.strptime(" ".join(text.split()), "%b %d %H:%M:%S %Y")  # noqa: DTZ007 - one clock


def _typed(root: Node, platform: Platform) -> Iterator[str]:
    """A configuration as lines to type: every block is left again, and every top-level line begins at the top."""
    for position, node in enumerate(root.children):
        if position and node.body is None:
            yield "root"
        yield from _block(node, platform)


def _block(node: Node, platform: Platform) -> Iterator[str]:
    if node.body is not None and not platform.verbatim.match(node.text):
        yield from banner_lines(node, platform, free_delimiter(node.body))
        return
    yield node.text
    yield from node.body.split("\n") if node.body is not None else ()
    for child in node.children:
        yield from _block(child, platform)
    if node.children:
        yield "exit"
