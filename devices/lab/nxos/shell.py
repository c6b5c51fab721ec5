"""One session with the NX-OS-like switch."""

import re
from typing import Final

from devices.lab.ios.errors import InvalidInputError, RefusedError
from devices.lab.ios.shell import Reply
from devices.lab.line_tree import Place
from devices.lab.nxos.lines import PROMPTS, TABLE
from devices.lab.nxos.machine import VERSION, NxosMachine

_CHECKPOINT: Final = re.compile(r"(?P<no>no )?checkpoint (?P<name>\S+)")
_ROLLBACK: Final = re.compile(r"rollback running-config checkpoint (?P<name>\S+)(?: atomic)?")
_PROGRESS: Final = f"[{'#' * 40}] 100%\nCopy complete, now saving to disk (please wait)...\nCopy complete.\n"
_ROLLED_BACK: Final = """Note: Applying config parallelly may fail Rollback verification
Collecting Running-Config
Generating Rollback Patch
Executing Rollback Patch
Generating Running-config for verification
Generating Patch for verification

Verification is Successful.

Rollback completed successfully.

"""


class NxosShell:
    """A session on a machine."""

    def __init__(self, machine: NxosMachine) -> None:
        self._machine = machine
        self._place: Place | None = None
        self.page_length = 24

    @property
    def mode(self) -> str:
        """privileged, or what stands in the prompt's brackets."""
        return "privileged" if self._place is None else PROMPTS.get(self._place.mode, f"config-{self._place.mode}")

    @property
    def in_config(self) -> bool:
        """Whether a line is a configuration line."""
        return self._place is not None

    @property
    def hides_input(self) -> bool:
        """Nothing is asked for that must not be seen."""
        return False

    @property
    def prompt(self) -> str:
        """What the switch shows while it waits."""
        name = self._machine.hostname
        return f"{name}# " if self._place is None else f"{name}({self.mode})# "

    @property
    def greeting(self) -> str:
        """The notice that NX-OS shows at every login, cut short."""
        return "Cisco Nexus Operating System (NX-OS) Software\n(a simulated device of the Countersign lab)\n"

    def helps(self, line: str) -> bool:  # noqa: ARG002 - the same in all modes
        """Whether a bare question mark in this line asks for help."""
        return True

    def closed(self) -> None:
        """A session that ends leaves nothing behind."""

    def refusal(self, line: str) -> Reply:
        """What is printed for a line that is not understood."""
        return self._invalid(len(line) - len(line.lstrip()))

    def _invalid(self, column: int) -> Reply:
        return Reply(f"{' ' * (len(self.prompt) + column)}^\n% Invalid command at '^' marker.\n", "invalid")

    def execute(self, line: str) -> Reply:
        """Take one complete line."""
        text = " ".join(line.split())
        if not text or text.startswith("!"):
            return Reply()
        try:
            return self._exec(text, line) if self._place is None else self._configure(self._place, text, line)
        except InvalidInputError as error:
            return self._invalid(error.column)
        except RefusedError as error:
            return Reply(f"{error.message}\n", error.result)

    def _configure(self, place: Place, text: str, line: str) -> Reply:
        if text == "end" or (text == "exit" and not place.path):
            self._place = None
        elif text == "exit":
            place.leave()
        elif text.startswith(("show ", "copy ")):
            return self._exec(text, line)
        else:
            self._machine.take(place, line)
        return Reply()

    def _exec(self, text: str, line: str) -> Reply:
        if text in ("configure terminal", "configure"):
            self._place = Place(self._machine.running, TABLE)
            return Reply("Enter configuration commands, one per line. End with CNTL/Z.\n")
        if text in ("exit", "quit"):
            return Reply(closes=True)
        if text.startswith("terminal "):
            if text.startswith("terminal length "):
                self.page_length = int(text.split()[2])
            return Reply()
        if text == "copy running-config startup-config":
            self._machine.save()
            return Reply(_PROGRESS)
        return self._go_back(text) or self._show(text) or self.refusal(line)

    def _go_back(self, text: str) -> Reply | None:
        found = _CHECKPOINT.fullmatch(text)
        if found and found["no"]:
            self._machine.checkpoints.pop(found["name"], None)
            return Reply()
        if found:
            self._machine.checkpoint(found["name"])
            return Reply("...Done\n")
        found = _ROLLBACK.fullmatch(text)
        if found:
            self._machine.roll_back(found["name"])
            return Reply(_ROLLED_BACK)
        return None

    def _show(self, text: str) -> Reply | None:
        if text.startswith("show running-config"):
            return self._running(text.removeprefix("show running-config"))
        if text == "show version":
            return Reply(self._version())
        if text == "show checkpoint summary":
            return Reply(self._summary())
        return None

    def _running(self, pipes: str) -> Reply | None:
        now, changed = self._machine.clock(), self._machine.changed
        text = (
            f"\n!Command: show running-config\n!Running configuration last done at: {changed:%a %b %d %H:%M:%S %Y}\n"
            f"!Time: {now:%a %b %d %H:%M:%S %Y}\n\n{self._machine.running_text()}\n"
        )
        if pipes == " | count":
            return Reply(f"{text.count(chr(10))}\n")
        return None if pipes else Reply(text)

    def _version(self) -> str:
        machine = self._machine
        return f"""Cisco Nexus Operating System (NX-OS) Software
TAC support: http://www.cisco.com/tac
Certain components of this software are licensed under
the GNU General Public License (GPL) version 2.0 or the GNU
Lesser General Public License (LGPL) Version 2.1.

Software
  BIOS: version 05.47
  NXOS: version {VERSION}

Hardware
  cisco {machine.hardware.model} Chassis
  Processor Board ID {machine.serial}

  Device name: {machine.hostname}
"""

    def _summary(self) -> str:
        rows = ["User Checkpoint Summary", "-" * 80] if self._machine.checkpoints else []
        for number, name in enumerate(self._machine.checkpoints, start=1):
            rows += [f"{number}) {name}:", "Created by admin", "Size is 5,824 bytes", "Description: None", ""]
        return "".join(f"{row}\n" for row in rows)
