"""An NX-OS-like switch without a network: lines act at once, checkpoints keep configurations to go back to.

Not simulated: modules, VDCs, `show` of anything live, configuration sessions, defaults that NX-OS prints, most lines
that it knows (`devices/lab/nxos/lines.py` lists those that are).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from typing_extensions import override

from devices.lab.box import Box
from devices.lab.ios.errors import InvalidInputError, RefusedError
from devices.lab.line_tree import Entry, LineRefusedError, Place, load, written
from devices.lab.nxos.lines import NEEDS_FEATURE, TABLE

VERSION = "9.3(10)"
_MOST_CHECKPOINTS = 10
_RESEQUENCE = re.compile(r"resequence ip access-list (\S+) (\d+) (\d+)")


@dataclass(slots=True)
class NxosMachine(Box):
    """The state that all sessions of a switch share; see `Box`."""

    running: Entry = field(init=False)
    changed: datetime = field(init=False)
    checkpoints: dict[str, Entry] = field(init=False, default_factory=dict)

    @override
    def start_with(self, text: str) -> None:
        self.running = load(text.splitlines(), TABLE)
        self.changed = self.clock()

    @override
    def running_text(self) -> str:
        return "".join(f"{line}\n" for line in written(self.running, step=2))

    @property
    @override
    def configured_name(self) -> str:
        found = (entry.text.split()[1] for entry in self.running.below if entry.text.startswith("hostname "))
        return next(found, "switch")

    @override
    def edit(self, lines: Iterable[str]) -> None:
        place = Place(self.running, TABLE)
        for line in lines:
            self.take(place, line)

    def take(self, place: Place, line: str) -> None:
        """Take one line at a place.

        Raises:
            InvalidInputError: the switch does not know it there, or the feature that it needs is off.
        """
        text = " ".join(line.split()).removeprefix("no ")
        feature = next((name for begins, name in NEEDS_FEATURE.items() if text.startswith(begins)), "")
        if feature and not any(entry.text == f"feature {feature}" for entry in self.running.below):
            raise InvalidInputError(line.index(text))
        renumbering = _RESEQUENCE.fullmatch(text)
        if renumbering:
            self._resequence(renumbering[1], int(renumbering[2]), int(renumbering[3]))
            return
        if place.mode == "acl" and text == " ".join(line.split()):
            self._refuse_duplicate(place.path[-1][1], text)
        try:
            place.take(line)
        except LineRefusedError as error:
            raise InvalidInputError(error.column) from error
        self.changed = self.clock()

    def _resequence(self, name: str, start: int, step: int) -> None:
        for block in self.running.below:
            if block.text == f"ip access-list {name}":
                for position, entry in enumerate(block.below):
                    entry.text = f"{start + position * step} {entry.text.partition(' ')[2]}"

    @staticmethod
    def _refuse_duplicate(block: Entry, text: str) -> None:
        """A sequence number that is taken is refused, so that nothing relies on its being replaced."""
        number = text.partition(" ")[0]
        if any(entry.text.partition(" ")[0] == number and entry.text != text for entry in block.below):
            raise RefusedError("ERROR: Duplicate sequence number")

    def save(self) -> None:
        """Make the running configuration the startup configuration.

        Raises:
            RefusedError: the disk is full.
        """
        if self.disk_full:
            raise RefusedError("Copy failed: No space left on device")
        self.write_startup(self.running_text())

    def checkpoint(self, name: str) -> None:
        """Keep the running configuration under a name.

        Raises:
            RefusedError: the name is taken, there are ten already, or the disk is full.
        """
        if name in self.checkpoints:
            raise RefusedError(f"ERROR: ascii-cfg: Checkpoint {name} already exists")
        if len(self.checkpoints) >= _MOST_CHECKPOINTS or self.disk_full:
            raise RefusedError("ERROR: ascii-cfg: No space for another checkpoint")
        self.checkpoints[name] = self.running.copy()

    def roll_back(self, name: str) -> None:
        """Make the configuration of a checkpoint the running one.

        Raises:
            RefusedError: there is no such checkpoint.
        """
        if name not in self.checkpoints:
            raise RefusedError(f"ERROR: ascii-cfg: Checkpoint {name} does not exist")
        self.running.below = self.checkpoints[name].copy().below
        self.changed = self.clock()

    @override
    def tick(self) -> bool:
        return False
