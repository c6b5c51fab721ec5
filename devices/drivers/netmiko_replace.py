"""Line by line as elsewhere, with a copy on the device to go back to: IOS archives, NX-OS checkpoints.

Before the first line of a change the device keeps its running configuration, and the copy is checked. A replacement is
asked for only from a copy that is the wanted configuration. Nothing of it is assumed: what the device cannot do is
found out, by reading, when the session begins.

Sources: Cisco IOS Configuration Replace and Configuration Rollback; Cisco NX-OS System Management, Configuring
Rollback.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final

from netmiko import BaseConnection

from devices.domain.config_text import normalise
from devices.domain.drivers import NETMIKO_REPLACE
from devices.drivers.base import ApplyResult, Capabilities, OnLine
from devices.drivers.netmiko_cli import NetmikoCliDriver
from devices.errors import CommandRejectedError, SaveFailedError

_PATIENCE: Final = 4
_NEXT: Final = re.compile(r"next archive file will be named (\S+)")
_ON_THE_DEVICE: Final = re.compile(r"(?:(?:boot|slave)?flash|usbflash|disk|slot|harddisk|nvram)-?\d*:")
_ARCHIVED: Final = re.compile(r"^\s*\d+\s+(?P<name>\S+:\S+)(?P<newest> +<- Most Recent)?", re.MULTILINE)
_CHECKPOINT: Final = re.compile(r"^\d+\) (?P<name>\S+):$", re.MULTILINE)
_OWN: Final = "countersign-"
_DONE: Final = re.compile(r"Rollback (?:Done|completed)")
_MOST_READ: Final = 3


class NetmikoReplaceDriver(NetmikoCliDriver):
    """A session with one IOS, IOS XE or NX-OS device that keeps a copy before each change."""

    name = NETMIKO_REPLACE

    def _prepare(self, session: BaseConnection) -> None:
        super()._prepare(session)
        keeps = self._can_checkpoint() if self._platform.slug == "cisco_nxos" else self._can_archive()
        self.capabilities = Capabilities(config_replace=keeps)

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",
    ) -> ApplyResult:
        """Keep a copy, then send the lines.

        Raises:
            SaveFailedError: the device could not keep a copy; no line was sent.
        """
        if self.capabilities.config_replace and commands:
            self._refuse_control_characters(commands)
            self._keep(self.running_config())
        return super().apply(commands, on_line=on_line, confirm_within_s=confirm_within_s, name=name)

    def replace(
        self,
        config: str,
        *,
        confirm_within_s: int | None = None,
        name: str = "",  # noqa: ARG002 - there is no timer, so nothing has a name
    ) -> None:
        """Go back to the copy that is this configuration."""
        if confirm_within_s is not None:
            raise self._missing("a replacement that is confirmed")
        if not self.capabilities.config_replace:
            raise self._missing("a replacement of the whole configuration")
        copy = self._copy_of(config)
        if copy is None:
            raise self._rejected("configure replace", "The device keeps no copy of this configuration.")
        command = self._back_to(copy)
        answer = self._exchange(command, patience=_PATIENCE, renames=True)
        if answer.waiting == "question":
            self._reply("n")
        if not _DONE.search(answer.text):
            raise self._rejected(command, " ".join(answer.text.split()) or "no answer")

    def _keep(self, running: str) -> None:
        if self._copy_of(running) is not None:
            return
        make = self._checkpoint if self._platform.slug == "cisco_nxos" else self._archive
        words = make(running)
        if self._copy_of(running) is None:
            raise SaveFailedError(
                f"The device could not keep a copy to go back to, so no line was sent: {words or 'no answer'}",
                message=words,
                device=self._endpoint.name,
            )

    def _copy_of(self, config: str) -> str | None:
        find: Callable[[str], str | None] = (
            self._checkpoint_of if self._platform.slug == "cisco_nxos" else self._archived_as
        )
        return find(config)

    def _back_to(self, copy: str) -> str:
        if self._platform.slug == "cisco_nxos":
            return f"rollback running-config checkpoint {copy} atomic"
        return f"configure replace {copy} force"

    def _can_archive(self) -> bool:
        """Whether `archive` is configured, with a path on the device itself."""
        path = _NEXT.search(self._asked("show archive"))
        return path is not None and _ON_THE_DEVICE.match(path[1]) is not None

    def _archive(self, _running: str) -> str:
        return self._exchange("archive config", patience=_PATIENCE).text.strip()

    def _archived_as(self, config: str) -> str | None:
        """The newest copy whose text is this configuration: an archived one, or what the device starts with."""
        wanted = normalise(config, self._platform)
        found = list(_ARCHIVED.finditer(self._asked("show archive")))
        newest = next((position for position, each in enumerate(found) if each["newest"]), len(found) - 1)
        latest_first = [*reversed(found[: newest + 1]), *reversed(found[newest + 1 :])]
        names = [each["name"] for each in latest_first[:_MOST_READ]]
        for name in [*names, "nvram:startup-config"]:
            if normalise(self._asked(f"more {name}"), self._platform) == wanted:
                return name
        return None

    def _can_checkpoint(self) -> bool:
        """Whether the switch lists its checkpoints; it refuses where the account may not."""
        try:
            self.show("show checkpoint summary")
        except CommandRejectedError:
            return False
        return True

    def _checkpoint(self, running: str) -> str:
        """Keep a checkpoint in place of an earlier one of ours; its name is made from what it holds."""
        for name in self._checkpoints():
            if name.startswith(_OWN):
                self._exchange(f"no checkpoint {name}")
        words = self._exchange(f"checkpoint {self._checkpoint_name(running)}", patience=_PATIENCE).text.strip()
        if normalise(self.running_config(), self._platform) != normalise(running, self._platform):
            self._exchange(f"no checkpoint {self._checkpoint_name(running)}")
            return "the configuration changed meanwhile"
        return words

    def _checkpoint_of(self, config: str) -> str | None:
        name = self._checkpoint_name(config)
        return name if name in self._checkpoints() else None

    def _checkpoints(self) -> list[str]:
        return [found["name"] for found in _CHECKPOINT.finditer(self._asked("show checkpoint summary"))]

    def _checkpoint_name(self, config: str) -> str:
        text = normalise(config, self._platform)
        return f"{_OWN}{hashlib.sha256(text.encode()).hexdigest()[:24]}"

    def _asked(self, command: str) -> str:
        """An output, or nothing where the device refuses the command."""
        try:
            return self.show(command)
        except CommandRejectedError:
            return ""

    def _rejected(self, command: str, message: str) -> CommandRejectedError:
        return CommandRejectedError(
            f"The device did not go back: {message}", command=command, message=message, device=self._endpoint.name
        )
