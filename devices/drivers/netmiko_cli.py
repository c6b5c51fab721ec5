"""The driver for command lines on which every configuration line acts at once."""

import re
from collections.abc import Sequence
from typing import Final

from devices.drivers.base import ApplyResult, Capabilities, LineByLine, Mode, OnLine
from devices.drivers.netmiko_session import NetmikoSession
from devices.errors import AuthorizationDeniedError, SaveFailedError

_SAVED: Final = re.compile(r"\[OK\]|[Cc]opy complete|[Cc]onfiguration saved")


class NetmikoCliDriver(NetmikoSession, LineByLine):
    """A session with one device; see `devices.drivers.base.Driver` for what each method promises."""

    name = "netmiko-cli"
    capabilities = Capabilities()

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",  # noqa: ARG002 - there is nothing to confirm
    ) -> ApplyResult:
        """Send configuration lines one by one; see the protocol. There is no commit timer and so no `name`."""
        if confirm_within_s is not None:
            raise self._missing("commits that are confirmed")
        return self._apply_by("configure terminal", commands, on_line)

    def _apply_by(self, enter: str, commands: Sequence[str], on_line: OnLine | None) -> ApplyResult:
        self._refuse_control_characters(commands)
        entered = self._exchange(enter)
        if entered.waiting != "config":
            raise AuthorizationDeniedError(
                f"The device does not let {self._endpoint.credential.username} configure it: "
                f"{entered.text.strip() or 'no configuration mode'}.",
                device=self._endpoint.name,
            )
        try:
            applied, rejection = self._send_lines(commands, on_line)
        except BaseException:
            # what the device did with the last line is not known, and nothing more must follow it
            self._close()
            raise
        return ApplyResult(applied, rejection, self._leave_config())

    def _leave_config(self) -> Mode:
        terminal = self._open_terminal()
        if terminal.waiting == "config":
            self._exchange("end")
        if terminal.waiting == "exec":
            return "exec"
        # inside banner text or a question "end" would be taken for text, so the session is given up
        self._close()
        return "unknown"

    def save(self) -> None:
        """Save the configuration and demand the device's confirmation.

        Raises:
            SaveFailedError: any answer but success.
        """
        answer = self._exchange(self._platform.save_command, patience=2)
        text = answer.text
        while answer.waiting == "question":
            answer = self._reply("")
            text += "\n" + answer.text
        refused = self._platform.rejection(text)
        if refused or not _SAVED.search(text):
            words = refused or text.strip() or "no answer"
            raise SaveFailedError(
                f"The device could not save its configuration: {words}", message=words, device=self._endpoint.name
            )
