"""What can be made to go wrong on a simulated device while it runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from devices.lab.errors import LabError


@dataclass(slots=True)
class Faults:
    """The switches of one device. They may be set at any time; each takes effect with the next line or login.

    Patterns are regular expressions, searched in the line as typed. `reject`, `ignore` and
    `drop_after_config_lines` concern configuration lines alone; `hang_at` and `drop_at` any line.
    """

    refuse_login: bool = False
    """Every password is wrong."""
    wrong_host_key: bool = False
    """The device proves itself with a key or a certificate that nobody pinned."""
    serial: str = ""
    """The serial number to claim instead of the own one."""
    hostname: str = ""
    """The hostname to claim instead of the configured one."""
    latency_s: float = 0.0
    """Seconds before each answer."""
    round_trip_s: float = 0.0
    """Seconds from a line's arrival to its answer, as on a long way: lines sent right behind each other share them."""
    drop_after_config_lines: int = 0
    """Cut the session when this many configuration lines of it are executed, before the answer; 0: never."""
    drop_at: str = ""
    """Cut the session when a matching line was executed, in any mode, before the answer."""
    drop_times: int = 0
    """How many sessions are cut before the switch goes off by itself; 0: all."""
    cut_off_while: str = ""
    """While the running configuration matches, the way to the device is cut: sessions end without an answer and no
    new one begins. Searched in the whole text, line by line; its own timers go on."""
    reject: str = ""
    """Refuse matching lines as invalid input; nothing changes."""
    ignore: str = ""
    """Take matching lines without a word and do nothing."""
    hang: bool = False
    """Take no line any more; sessions stay open."""
    hang_at: str = ""
    """Take a matching line, do nothing and never answer."""
    cut_output_after_lines: int = 0
    """End outputs outside configuration mode after this many lines, as if they were complete; 0: never."""
    disk_full: bool = False
    """Saving fails for want of space."""
    cpu_used: int = 0
    """The share of the CPU in per cent that is claimed to be in use; 0: an ordinary one."""
    memory_used: int = 0
    """The share of the memory in per cent that is claimed to be in use; 0: an ordinary one."""
    flash_used: int = 0
    """The share of the flash file system in per cent that is claimed to be in use; 0: an ordinary one."""

    @classmethod
    def parse(cls, switches: Mapping[str, Any]) -> "Faults":
        """Read switches from a file's mapping.

        Raises:
            LabError: an unknown switch or a value of the wrong kind; the sentence says which.
        """
        known = {each.name: each.type for each in fields(cls)}
        faults = cls()
        for name, value in switches.items():
            if name not in known:
                raise LabError(f"unknown switch {name!r}; known are {', '.join(sorted(known))}")
            setattr(faults, name, _checked(name, value, getattr(faults, name)))
        return faults


def _checked(name: str, value: object, example: object) -> object:
    if isinstance(example, bool):
        fits = isinstance(value, bool)
    elif isinstance(example, (int, float)):
        is_number = isinstance(value, int) or (isinstance(example, float) and isinstance(value, float))
        fits = is_number and not isinstance(value, bool) and float(str(value)) >= 0
    else:
        fits = isinstance(value, str)
    if not fits:
        raise LabError(f"switch {name} cannot be {value!r}; it takes something like {example!r}")
    if name in ("reject", "ignore", "hang_at", "drop_at", "cut_off_while"):
        try:
            re.compile(str(value))
        except re.error as error:
            raise LabError(f"switch {name}: {value!r} is no regular expression ({error})") from None
    return value
