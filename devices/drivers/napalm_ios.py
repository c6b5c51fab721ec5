"""The driver for Cisco IOS whose backout is a replacement: NAPALM brings the text by SCP, the device replaces itself.

Lines are sent one by one, as by netmiko-cli, under the device's own rollback timer. NAPALM's merge is not used: it lets
"% Incomplete" and "% Ambiguous" pass, and loses `ntp …` beside `no ntp`. Its commit is not used either: it saves before
anybody verified anything, and leaves `file prompt quiet` in what it saved. What it does is to bring a text to flash by
SCP, with the pinned host key, and to prove by MD5 that it arrived.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Final

import paramiko
from napalm.base.exceptions import NapalmException
from napalm.ios.ios import IOSDriver
from netmiko import BaseConnection
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoBaseException
from scp import SCPException

from devices.domain.config_text import normalise
from devices.domain.drivers import NAPALM_IOS
from devices.drivers import connection
from devices.drivers.base import ApplyResult, Capabilities, OnLine, PendingConfirm
from devices.drivers.napalm_base import CAPABILITIES, OWN_PREFIX, unproved
from devices.drivers.netmiko_cli import NetmikoCliDriver
from devices.drivers.replaceable import ios_text
from devices.errors import (
    AuthenticationFailedError,
    CapabilityMissingError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceBusyError,
    NothingPendingError,
    SaveFailedError,
)

_MINUTE: Final = 60
_REPLACED: Final = re.compile(r"Rollback Done|Total number of passes", re.IGNORECASE)
_FAILED: Final = re.compile(
    r"original configuration has been successfully restored|\berror\b|failed|not a valid config", re.IGNORECASE
)
_ARCHIVE: Final = re.compile(r"next archive file will be named \S+")
_SINCE: Final = re.compile(r"^Time configured[^:]*: *(.+)$", re.MULTILINE)
_USER: Final = re.compile(r"^User: *(\S+)", re.MULTILINE)
_LEFT: Final = re.compile(r"^Time left: *(\d+) *s", re.MULTILINE)
_PATIENCE: Final = 4
_FILE: Final = f"{OWN_PREFIX}backout.cfg"
"""One name for all: what a lost worker left is written over. One run at a time has the device."""


class NapalmIosDriver(NetmikoCliDriver):
    """A session with one device; see `devices.drivers.base.Driver` for what each method promises."""

    name = NAPALM_IOS
    capabilities: Capabilities = CAPABILITIES[NAPALM_IOS]

    def _prepare(self, session: BaseConnection) -> None:
        """Declare what this device has: the timer needs an archive with a path, the replacement an SCP server."""
        super()._prepare(session)
        timer = CAPABILITIES[NAPALM_IOS].commit_confirmed if self._has_archive() else None
        self.capabilities = Capabilities(commit_confirmed=timer, config_replace=self._takes_files())

    def _has_archive(self) -> bool:
        return _ARCHIVE.search(self._asked("show archive")) is not None

    def _takes_files(self) -> bool:
        lines = self._asked("show running-config | include ^ip scp server enable").splitlines()
        return any(line.strip() == "ip scp server enable" for line in lines)

    def _asked(self, command: str) -> str:
        """An output, or nothing where the device refuses the command."""
        try:
            return self.show(command)
        except CommandRejectedError:
            return ""

    def apply(
        self,
        commands: Sequence[str],
        *,
        on_line: OnLine | None = None,
        confirm_within_s: int | None = None,
        name: str = "",
    ) -> ApplyResult:
        """Send lines one by one, with `confirm_within_s` under the device's rollback timer, which takes no name.

        Raises:
            SaveFailedError: a file with the running configuration does not reach the device; no line was sent.
        """
        self._refuse_control_characters(commands)
        if confirm_within_s is None:
            self._prove_way_back(commands)
            return super().apply(commands, on_line=on_line, name=name)
        minutes = self._minutes(confirm_within_s)
        if self.pending_confirm() is not None:
            raise DeviceBusyError("Another change waits to be confirmed on the device.", device=self._endpoint.name)
        self._prove_way_back(commands)
        result = self._apply_by(f"configure terminal revert timer {minutes}", commands, on_line)
        if result.mode != "exec":
            return result
        pending = self.pending_confirm()
        return ApplyResult(result.applied, result.rejection, result.mode, pending)

    def _minutes(self, confirm_within_s: int) -> int:
        timer = self.capabilities.commit_confirmed
        if timer is None:
            raise self._missing("a rollback timer without an archive that has a path")
        if timer.fit(confirm_within_s) != confirm_within_s:
            raise CapabilityMissingError(
                f"The rollback timer counts whole minutes from 1 to 120; {confirm_within_s} s is none.",
                device=self._endpoint.name,
            )
        return math.ceil(confirm_within_s / _MINUTE)

    def _prove_way_back(self, commands: Sequence[str]) -> None:
        """Bring the running configuration to flash and take it away again: if that fails, so would the backout."""
        if not commands or not self.capabilities.config_replace:
            return
        try:
            path = self._transfer(_FILE, ios_text(normalise(self.running_config(), self._platform)))
        except CommandRejectedError as error:
            raise SaveFailedError(
                f"The device takes no file to go back to, so no line was sent: {error.message}",
                message=error.message,
                device=self._endpoint.name,
            ) from error
        self._exchange(f"delete /force {path}")

    def confirm(self, name: str) -> None:
        """Stop the rollback timer."""
        self._refuse_unless_pending(name)
        self._expect_quiet("configure confirm")

    def revert(self, name: str) -> None:
        """Have the device restore the configuration from before the timer at once."""
        self._refuse_unless_pending(name)
        answer = self._exchange("configure revert now", patience=_PATIENCE)
        self._refuse_failure("configure revert now", answer.text)

    def pending_confirm(self) -> PendingConfirm | None:
        """The rollback timer that runs, by who started it and when; IOS takes no names."""
        text = self._exchange("show archive config rollback timer").text
        since, user = _SINCE.search(text), _USER.search(text)
        if since is None or user is None:
            return None
        left = _LEFT.search(text)
        return PendingConfirm(f"{user[1]} at {since[1].strip()}", int(left[1]) if left else None)

    def replace(
        self,
        config: str,
        *,
        confirm_within_s: int | None = None,
        name: str = "",  # noqa: ARG002 - the timer takes no name
    ) -> PendingConfirm | None:
        """Bring the text to flash by SCP and have the device replace its configuration by it, under its timer."""
        if not self.capabilities.config_replace:
            raise self._missing("a replacement of the whole configuration without “ip scp server enable”")
        if self.pending_confirm() is not None:
            raise DeviceBusyError("A change waits to be confirmed on the device.", device=self._endpoint.name)
        path = self._transfer(_FILE, ios_text(config))
        command = f"configure replace {path} force"
        if confirm_within_s is not None:
            command += f" revert trigger error timer {self._minutes(confirm_within_s)}"
        try:
            answer = self._exchange(command, patience=_PATIENCE, renames=True)
            self._refuse_failure(command, answer.text)
        finally:
            if self._terminal is not None:
                self._exchange(f"delete /force {path}")
        return self.pending_confirm() if confirm_within_s is not None else None

    def _transfer(self, file: str, text: str) -> str:
        """Bring a text to the device's file system by SCP; gives its whole path there.

        Raises:
            CommandRejectedError: the device takes no files, or has no room.
        """
        endpoint = self._endpoint
        with connection.known_hosts(endpoint) as known_hosts:
            napalm = IOSDriver(
                endpoint.host,
                endpoint.credential.username,
                endpoint.credential.password,
                timeout=endpoint.connect_timeout_s,
                optional_args={
                    "port": endpoint.port,
                    "secret": endpoint.credential.enable_secret,
                    "ssh_strict": True,
                    "alt_host_keys": True,
                    "alt_key_file": known_hosts,
                    "candidate_cfg": file,
                    "auto_file_prompt": False,  # otherwise NAPALM configures `file prompt quiet` and saves it
                },
            )
            try:
                napalm.open()
                napalm.load_replace_candidate(config=text)
                path: str = napalm._gen_full_path(file)  # noqa: SLF001 - only NAPALM knows which file system it chose
            except NetmikoAuthenticationException as error:
                raise AuthenticationFailedError(
                    f"The device refused the password of {endpoint.credential.username}.", device=endpoint.name
                ) from error
            except (NapalmException, SCPException, ValueError) as error:
                raise unproved(error, endpoint) or self._no_transfer(error) from error
            except (NetmikoBaseException, paramiko.SSHException, OSError, EOFError) as error:
                lost = ConnectionLostError(f"The configuration could not be sent by SCP: {error}", device=endpoint.name)
                raise unproved(error, endpoint) or lost from error
            finally:
                _close(napalm)
        self.transcript.append((f"scp {file}", f"({text.count(chr(10))} lines, MD5 verified)"))
        return path

    def _no_transfer(self, error: Exception) -> CommandRejectedError:
        words = str(error).strip() or type(error).__name__
        return CommandRejectedError(
            f"The device took no file by SCP: {words}", command="scp", message=words, device=self._endpoint.name
        )

    def _refuse_failure(self, command: str, text: str) -> None:
        refused = self._platform.rejection(text) or (text.strip() if _FAILED.search(text) else "")
        if refused or not _REPLACED.search(text):
            words = refused or text.strip() or "no answer"
            raise CommandRejectedError(
                f"The device refused “{command}”: {words}", command=command, message=words, device=self._endpoint.name
            )

    def _expect_quiet(self, command: str) -> None:
        refused = self._platform.rejection(self._exchange(command).text)
        if refused:
            raise NothingPendingError(f"The device answered “{refused}”.", device=self._endpoint.name)

    def _refuse_unless_pending(self, name: str) -> None:
        pending = self.pending_confirm()
        if pending is None or pending.name != name:
            raise NothingPendingError(
                f"No change “{name}” waits to be confirmed on the device.", device=self._endpoint.name
            )


def _close(napalm: Any) -> None:  # noqa: ANN401 - NAPALM ships no types
    """Close NAPALM's own session. It changed nothing on the device, so there is nothing to restore."""
    if getattr(napalm, "_netmiko_device", None) is not None:
        napalm.close()
