"""The driver for command lines with a candidate: lines are collected, compared by the device and committed as one."""

import contextlib
import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from devices.drivers.base import ApplyResult, Capabilities, Comparison, Mode, OnLine, PendingConfirm, Rejection
from devices.drivers.netmiko_session import NetmikoSession
from devices.drivers.terminal import Answer
from devices.errors import (
    AuthorizationDeniedError,
    CapabilityMissingError,
    CommandRejectedError,
    DeviceBusyError,
    DeviceError,
    NothingPendingError,
)

COMMIT_PATIENCE: Final = 4
"""A commit may take this many times as long as a line."""
_BUSY: Final = re.compile(r"lock|exclusive|database modified|being modified|in use|another", re.IGNORECASE)
_SHOWN: Final = 500


class NetmikoCandidateDriver(NetmikoSession):
    """What IOS XR and Junos have in common; see `devices.drivers.base.Driver` for what each method promises.

    The candidate is always locked for this session alone and discarded before it is left, so nothing of somebody
    else's is committed and nothing of ours stays behind.
    """

    capabilities: ClassVar[Capabilities]
    _enter_command: ClassVar[str] = "configure exclusive"
    _holds_whole: ClassVar[bool] = False
    """Whether a candidate can be a whole configuration that is compared before it is committed."""

    def compare(self, commands: Sequence[str]) -> Comparison:
        """Load the lines, take the device's own difference and the whole candidate, and discard it."""
        self._refuse_control_characters(commands)
        with self._candidate():
            _, rejection = self._load(commands)
            if rejection is not None:
                raise self._rejected(rejection)
            diff = self._difference()
            return Comparison(diff, self._candidate_text(changed=bool(diff)))

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",
    ) -> ApplyResult:
        """Load all lines and commit them; a refused line or commit leaves the device as it was."""
        self._check_timer(confirm_within_s)
        self._refuse_control_characters(commands)
        self._refuse_pending()
        with self._candidate():
            _, rejection = self._load(commands)
            if rejection is not None or not commands:
                return ApplyResult((), rejection, "exec")
            last = len(commands) - 1
            if on_line:
                on_line(last, commands[last], "send")
            message, pending = self._commit(confirm_within_s, name)
            if message:
                return ApplyResult((), Rejection(last, commands[last], message), "exec")
            if on_line:
                on_line(last, commands[last], "done")
            mode: Mode = "config" if self._stays(pending) else "exec"
            return ApplyResult(tuple(commands), None, mode, pending)

    def confirm(self, name: str) -> None:
        """Commit once more while the timer runs; nothing else is in the candidate."""
        self._check_pending(name)
        with self._candidate():
            self._keep(name)

    def revert(self, name: str) -> None:
        """Refuse: the device takes an unconfirmed commit back by itself when its time is over."""
        raise CapabilityMissingError(
            f"“{name}” cannot be taken back before its time is over.", device=self._endpoint.name
        )

    def compare_replacement(self, config: str) -> Comparison:
        """Load the text as the whole candidate, take the device's own difference, and discard it.

        Raises:
            CapabilityMissingError: the system merges a candidate until it is committed, so it cannot tell.
        """
        if not self._holds_whole:
            raise CapabilityMissingError(
                "A replacement cannot be compared on this platform before it is committed.", device=self._endpoint.name
            )
        lines = self._replacement(config)
        self._refuse_control_characters(lines)
        with self._candidate():
            self._empty()
            _, rejection = self._load(lines)
            if rejection is not None:
                raise self._rejected(rejection)
            diff = self._difference()
            return Comparison(diff, self._candidate_text(changed=bool(diff)))

    def replace(self, config: str, *, confirm_within_s: int | None = None, name: str = "") -> PendingConfirm | None:
        """Load the text as the whole candidate and commit it as the whole configuration."""
        self._check_timer(confirm_within_s)
        lines = self._replacement(config)
        self._refuse_control_characters(lines)
        self._refuse_pending()
        with self._candidate():
            self._empty()
            _, rejection = self._load(lines)
            if rejection is not None:
                raise self._rejected(rejection)
            message, pending = self._commit(confirm_within_s, name, whole=True)
            if message:
                raise CommandRejectedError(
                    f"The device did not take the configuration as a whole: {message}",
                    command="commit",
                    message=message,
                    device=self._endpoint.name,
                )
            return pending

    def save(self) -> None:
        """What is committed is saved; there is nothing to do."""

    @abstractmethod
    def pending_confirm(self) -> PendingConfirm | None:
        """The commit that waits to be confirmed on this device, whoever made it."""

    @abstractmethod
    def _difference(self) -> str:
        """The device's own words for what the candidate changes; "" for nothing."""

    @abstractmethod
    def _candidate_text(self, *, changed: bool) -> str:
        """The whole candidate, in the form of `running_config`."""

    @abstractmethod
    def _commit(
        self, confirm_within_s: int | None, name: str, *, whole: bool = False
    ) -> tuple[str, PendingConfirm | None]:
        """Commit; gives the device's words if it refused, and what waits to be confirmed.

        ``whole``: the candidate becomes the whole configuration.
        """

    @abstractmethod
    def _keep(self, name: str) -> None:
        """Confirm the pending commit; the candidate is open and empty."""

    @abstractmethod
    def _empty(self) -> None:
        """Prepare the open candidate for a whole configuration."""

    @abstractmethod
    def _replacement(self, config: str) -> list[str]:
        """The lines to type for a whole configuration."""

    @abstractmethod
    def _discard(self) -> None:
        """Discard the candidate and leave configuration mode."""

    def _stays(self, pending: PendingConfirm | None) -> bool:  # noqa: ARG002 - for platforms that must
        """Whether configuration mode stays open until the commit is confirmed."""
        return False

    @contextlib.contextmanager
    def _candidate(self) -> Iterator[None]:
        """An open candidate of our own, discarded and left at the end; after a lost session nothing is sent."""
        self._enter()
        try:
            yield
        except (CommandRejectedError, DeviceBusyError, NothingPendingError):
            self._leave()
            raise
        except BaseException:
            # what the device did with the last line is not known, and nothing more must follow it
            self._close()
            raise
        self._leave()

    def _enter(self) -> None:
        if self._open_terminal().waiting == "config":
            return
        answer = self._exchange(self._enter_command)
        if answer.waiting == "config":
            return
        words = self._words(answer)
        if _BUSY.search(words):
            raise DeviceBusyError(
                f"Somebody else holds this device's configuration: {words}", device=self._endpoint.name
            )
        raise AuthorizationDeniedError(
            f"The device does not let {self._endpoint.credential.username} configure it: {words}.",
            device=self._endpoint.name,
        )

    def _leave(self) -> None:
        terminal = self._open_terminal()
        if terminal.waiting == "config" and not self._stays(None):
            self._discard()
        if terminal.waiting not in ("exec", "config"):
            # inside a text or a question nothing more must be typed; closing discards the candidate
            self._close()

    def _load(self, commands: Sequence[str]) -> tuple[tuple[str, ...], Rejection | None]:
        taken, rejection = self._send_lines(commands, None)
        if rejection is None and commands and self._open_terminal().waiting != "config":
            message = "The line left configuration mode, so nothing was committed."
            return taken, Rejection(len(commands) - 1, commands[-1], message)
        return taken, rejection

    def _answered(self, answer: Answer, replies: Sequence[tuple[re.Pattern[str], str]]) -> str:
        """Answer the questions that are expected, whole texts by their patterns; another question is refused.

        Raises:
            DeviceBusyError: somebody else committed meanwhile.
        """
        text = answer.text
        while answer.waiting == "question":
            reply = next((value for pattern, value in replies if pattern.search(answer.text)), None)
            if reply is None:
                self._reply("no")
                raise DeviceBusyError(f"The device asked: {self._words(answer)}", device=self._endpoint.name)
            answer = self._reply(reply, renames=True)
            text += "\n" + answer.text
        return text

    def _check_timer(self, confirm_within_s: int | None) -> None:
        timer = self.capabilities.commit_confirmed
        if confirm_within_s is None:
            return
        if timer is None or timer.fit(confirm_within_s) != confirm_within_s:
            raise CapabilityMissingError(
                f"{self._platform.label} takes no confirmation time of {confirm_within_s} s.",
                device=self._endpoint.name,
            )

    def _refuse_pending(self) -> None:
        """A commit of ours would confirm somebody else's."""
        pending = self.pending_confirm()
        if pending is not None:
            raise DeviceBusyError(
                f"The commit “{pending.name}” waits to be confirmed on this device, and another one would confirm it.",
                device=self._endpoint.name,
            )

    def _check_pending(self, name: str) -> None:
        pending = self.pending_confirm()
        if pending is None or pending.name != name:
            raise NothingPendingError(
                f"No commit named “{name}” waits to be confirmed on this device.", device=self._endpoint.name
            )

    def _rejected(self, rejection: Rejection) -> DeviceError:
        return CommandRejectedError(
            f"The device refused “{rejection.line.strip()}”: {rejection.message}",
            command=rejection.line,
            message=rejection.message,
            device=self._endpoint.name,
        )

    @staticmethod
    def _words(answer: Answer) -> str:
        """The device's own words on one line, for a sentence."""
        return " ".join(answer.text.split())[:_SHOWN] or "no answer"
