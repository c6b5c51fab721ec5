"""What each platform tells of its own health, as data: the command, how its answer is read, and the limit.

A probe whose answer cannot be read is *not assessed*; it never counts as healthy and never as ill. Patterns name what
they find: ``used`` or ``idle`` is a share in per cent; ``used_units`` or ``free_units`` with ``total_units`` are
amounts of one unit each. Sources: the command references of Cisco, Arista and Juniper, and watchfrr of FRR.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Probe:
    """One question about a device's health. ``limit`` is the highest share in per cent that is still healthy."""

    name: str
    label: str
    command: str
    pattern: re.Pattern[str]
    limit: float = 100.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one probe found. ``healthy`` is None where it could not be assessed; ``value`` is a share in per cent."""

    name: str
    label: str
    healthy: bool | None
    sentence: str
    value: float | None = None
    limit: float | None = None


CPU_LIMIT: Final = 90.0
MEMORY_LIMIT: Final = 95.0
DISK_LIMIT: Final = 97.0


def _probe(name: str, label: str, command: str, pattern: str, limit: float) -> Probe:
    return Probe(name, label, command, re.compile(pattern, re.MULTILINE), limit)


_IOS_CPU = r"CPU utilization for five seconds: \d+%(?:/\d+%)?; one minute: (?P<used>\d+)%"
_FLASH = r"^\s*(?P<total_units>\d+) bytes total \((?P<free_units>\d+) bytes free"
_IOS: Final = (
    _probe("cpu", "CPU", "show processes cpu | include CPU utilization", _IOS_CPU, CPU_LIMIT),
    _probe(
        "memory",
        "Memory",
        "show memory statistics",
        r"^Processor\s+\S+\s+(?P<total_units>\d+)\s+(?P<used_units>\d+)\s",
        MEMORY_LIMIT,
    ),
    _probe("disk", "Disk", "dir", _FLASH, DISK_LIMIT),
)
_NXOS: Final = (
    _probe("cpu", "CPU", "show system resources", r"^CPU states\s*:.*?(?P<idle>[\d.]+)% idle", CPU_LIMIT),
    _probe(
        "memory",
        "Memory",
        "show system resources",
        r"^Memory usage:\s+(?P<total_units>\d+)K total,\s+(?P<used_units>\d+)K used",
        MEMORY_LIMIT,
    ),
    _probe(
        "disk",
        "Disk",
        "dir bootflash:",
        r"^\s*(?P<free_units>\d+) bytes free\s+(?P<total_units>\d+) bytes total",
        DISK_LIMIT,
    ),
)
_EOS: Final = (
    _probe("cpu", "CPU", "show processes top once", r"^%?Cpu\(s\):.*?(?P<idle>[\d.]+)[% ]+id\b", CPU_LIMIT),
    _probe(
        "memory",
        "Memory",
        "show version",
        r"^Total memory:\s+(?P<total_units>\d+) kB\s+Free memory:\s+(?P<free_units>\d+) kB",
        MEMORY_LIMIT,
    ),
    _probe("disk", "Disk", "dir flash:", _FLASH, DISK_LIMIT),
)
_XR: Final = (
    _probe(
        "cpu",
        "CPU",
        "show processes cpu | include CPU utilization",
        r"CPU utilization for one minute: (?P<used>\d+)%",
        CPU_LIMIT,
    ),
    _probe(
        "memory",
        "Memory",
        "show memory summary",
        r"^\s*Physical Memory: (?P<total_units>\d+)M total \((?P<free_units>\d+)M available\)",
        MEMORY_LIMIT,
    ),
)
_JUNOS: Final = (
    _probe("cpu", "CPU", "show chassis routing-engine", r"^\s*Idle\s+(?P<idle>\d+) percent", CPU_LIMIT),
    _probe(
        "memory",
        "Memory",
        "show chassis routing-engine",
        r"^\s*Memory utilization\s+(?P<used>\d+) percent",
        MEMORY_LIMIT,
    ),
)
# vtysh knows neither the host's CPU nor its disk; it knows whether the routing daemons live, and that decides.
_FRR: Final = (
    _probe("daemons", "Routing daemons", "show watchfrr", r"^ {2}(?P<daemon>\S+)\s+(?P<state>\S+)\s*$", 0.0),
)

PROBES: Final[Mapping[str, tuple[Probe, ...]]] = {
    "cisco_ios": _IOS,
    "cisco_xe": _IOS,
    "cisco_nxos": _NXOS,
    "cisco_xr": _XR,
    "arista_eos": _EOS,
    "juniper_junos": _JUNOS,
    "frr": _FRR,
}


def read_health(probe: Probe, answer: str) -> Reading:
    """Judge one probe by the device's answer."""
    if "daemon" in probe.pattern.groupindex:
        return _daemons(probe, answer)
    found = probe.pattern.search(answer)
    used = _used(found.groupdict()) if found else None
    if used is None:
        return unassessed(probe, f"“{probe.command}” does not tell it")
    healthy = used <= probe.limit
    word = "in use" if healthy else f"in use, more than the limit of {probe.limit:g} %"
    return Reading(probe.name, probe.label, healthy, f"{probe.label}: {used:g} % {word}", used, probe.limit)


def unassessed(probe: Probe, why: str) -> Reading:
    """A probe that could not be judged."""
    return Reading(probe.name, probe.label, None, f"{probe.label}: not assessed, since {why}", limit=probe.limit)


def _used(found: Mapping[str, str | None]) -> float | None:
    amounts = {name: float(value) for name, value in found.items() if value is not None}
    if "used" in amounts:
        return amounts["used"]
    if "idle" in amounts:
        return round(100 - amounts["idle"], 1)
    total = amounts.get("total_units", 0.0)
    if total <= 0:
        return None
    used = amounts["used_units"] if "used_units" in amounts else total - amounts.get("free_units", 0.0)
    return round(100 * used / total, 1)


def _daemons(probe: Probe, answer: str) -> Reading:
    states = {found["daemon"]: found["state"] for found in probe.pattern.finditer(answer)}
    if not states:
        return unassessed(probe, f"“{probe.command}” names none")
    down = sorted(f"{name} is {state.lower()}" for name, state in states.items() if state != "Up")
    if down:
        return Reading(probe.name, probe.label, healthy=False, sentence=f"{probe.label}: {', '.join(down)}")
    return Reading(probe.name, probe.label, healthy=True, sentence=f"{probe.label}: all {len(states)} are up")
