"""Junos over its command line: `configure exclusive`, complete lines, `commit confirmed`, `rollback 0`.

Sources: Junos CLI User Guide (configure exclusive, commit, show system commit, load, display set).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final

from devices.domain.config_text import normalise
from devices.drivers.base import Capabilities, ConfirmTimer, PendingConfirm, Rejection
from devices.drivers.netmiko_candidate import COMMIT_PATIENCE, NetmikoCandidateDriver
from devices.errors import DeviceBusyError, NothingPendingError

_MINUTE: Final = 60
_COMPLETE: Final = re.compile(r"^commit complete", re.MULTILINE)
_DELETE_ALL: Final = re.compile(r"Delete everything under this level\?|delete the entire configuration", re.IGNORECASE)
_DISCARD: Final = re.compile(r"uncommitted changes", re.IGNORECASE)
_NEWEST: Final = re.compile(
    r"^0 +(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \S+ by (?P<user>\S+)[^\n]*?"
    r"(?:commit confirmed, rollback in (?P<minutes>\d+)mins?[^\n]*)?\n(?P<below>(?: +(?!\d+ +\d{4}-)[^\n]*\n?)*)",
    re.MULTILINE,
)
_NOW: Final = re.compile(r"^Current time: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_STAMP: Final = "%Y-%m-%d %H:%M:%S"
_WAITING: Final = "rollback pending"
_NAME: Final = re.compile(r"[^A-Za-z0-9._:-]+")


class NetmikoJunosDriver(NetmikoCandidateDriver):
    """A session with one Junos device; configurations are `set` lines."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        candidate_diff=True,
        atomic_commit=True,
        commit_confirmed=ConfirmTimer(_MINUTE, _MINUTE, 65535 * _MINUTE),
        config_replace=True,
        save=False,
    )
    _holds_whole: ClassVar[bool] = True

    def pending_confirm(self) -> PendingConfirm | None:
        """The newest commit, if it waits: `show system commit` says "rollback pending" below it while its timer runs.

        The words "commit confirmed, rollback in 5mins" stay there for good, so they count only as long as the time
        that they name has not passed on the device's own clock.
        """
        newest = _NEWEST.search(self.show("show system commit | no-more") + "\n")
        if newest is None or newest["minutes"] is None:
            return None
        below = [line.strip() for line in newest["below"].splitlines() if line.strip()]
        left_s = self._left_s(newest["at"], int(newest["minutes"]) * _MINUTE)
        if _WAITING not in below and not (left_s or 0) > 0:
            return None
        comment = next((line for line in below if line != _WAITING), "")
        return PendingConfirm(comment or f"{newest['at']} by {newest['user']}", left_s)

    def revert(self, name: str) -> None:
        """Make the configuration before the pending commit the current one, at once."""
        self._check_pending(name)
        with self._candidate():
            self._exchange("rollback 1")
            message = self._committed("commit")
            if message:
                raise NothingPendingError(f"“{name}” could not be taken back: {message}", device=self._endpoint.name)

    def _left_s(self, at: str, within_s: int) -> int | None:
        now = _NOW.search(self.show("show system uptime | no-more"))
        if now is None:
            return None
        passed = datetime.strptime(now[1], _STAMP) - datetime.strptime(at, _STAMP)  # noqa: DTZ007 - one clock
        return max(0, within_s - int(passed.total_seconds()))

    def _enter(self) -> None:
        super()._enter()
        left_behind = self._difference()
        if left_behind:
            raise DeviceBusyError(
                "The candidate holds changes that somebody else has not committed.", device=self._endpoint.name
            )

    def _load(self, commands: Sequence[str]) -> tuple[tuple[str, ...], Rejection | None]:
        """Load the lines; one that holds a question mark must be found in the candidate, for it may ask for help."""
        taken, rejection = super()._load(commands)
        doubtful = [(index, line) for index, line in enumerate(commands) if line.startswith("set ") and "?" in line]
        if rejection is not None or not doubtful:
            return taken, rejection
        present = set(self._candidate_text(changed=True).splitlines())
        lost = next(((index, line) for index, line in doubtful if line not in present), None)
        if lost is None:
            return taken, None
        return taken[: lost[0]], Rejection(*lost, "The device took the question mark for a request for help.")

    def _difference(self) -> str:
        text = self.show("show | compare | no-more").strip("\n")
        return f"{text}\n" if text else ""

    def _candidate_text(self, *, changed: bool) -> str:
        del changed
        text = self._output("show | display set | no-more", self._endpoint.read_timeout_s)
        self._raise_if_cut(text, "show | display set | count")
        return text.rstrip() + "\n"

    def _commit(
        self,
        confirm_within_s: int | None,
        name: str,
        *,
        whole: bool = False,  # noqa: ARG002 - the candidate always is the whole configuration
    ) -> tuple[str, PendingConfirm | None]:
        name = _NAME.sub("-", name) or "countersign"
        command = f'commit confirmed {confirm_within_s // _MINUTE} comment "{name}"' if confirm_within_s else "commit"
        message = self._committed(command)
        pending = PendingConfirm(name, confirm_within_s) if confirm_within_s and not message else None
        return message, pending

    def _committed(self, command: str) -> str:
        answer = self._exchange(command, patience=COMMIT_PATIENCE, renames=True)
        text = self._answered(answer, ())
        return "" if _COMPLETE.search(text) else self._words(answer)

    def _keep(self, name: str) -> None:
        message = self._committed("commit")
        if message:
            raise NothingPendingError(f"“{name}” could not be confirmed: {message}", device=self._endpoint.name)

    def _empty(self) -> None:
        self._answered(self._exchange("delete"), ((_DELETE_ALL, "yes"),))

    def _replacement(self, config: str) -> list[str]:
        return normalise(config, self._platform).splitlines()

    def _discard(self) -> None:
        self._exchange("rollback 0")
        self._answered(self._exchange("exit configuration-mode"), ((_DISCARD, "yes"),))
