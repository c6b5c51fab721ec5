"""What a benchmark measured: its table, its ratios, and the history in which regressions show."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

PACKAGES = ("django", "psycopg", "netmiko", "paramiko", "cryptography", "asyncssh")
OURS = "Countersign"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds, MiB, and how many devices have the lines afterwards by the simulator's own word.

    `cpu_s` is the client's processes' alone; PostgreSQL's and the simulator's stand beside it.
    """

    client: str
    round_trip_s: float
    devices: int
    wall_s: float
    cpu_s: float
    database_cpu_s: float
    lab_cpu_s: float
    peak_mib: float
    good: int
    problems: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Devices a second."""
        return self.devices / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """The client's CPU milliseconds for each device."""
        return 1000 * self.cpu_s / self.devices

    def line(self) -> str:
        """The run in one line."""
        problems = f"  {'; '.join(self.problems)}" if self.problems else ""
        return (
            f"{self.client:24} {self.round_trip_s * 1000:4.0f} ms {self.rate:7.1f} devices/s"
            f" {self.cpu_ms:6.1f} CPU ms/device (database {1000 * self.database_cpu_s / self.devices:.1f},"
            f" simulator {1000 * self.lab_cpu_s / self.devices:.1f}) {self.peak_mib:5.0f} MiB"
            f" {self.good}/{self.devices} right{problems}"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of a client's runs at one round-trip time."""

    client: str
    round_trip_s: float
    rate: float
    cpu_ms: float
    database_ms: float
    lab_ms: float
    peak_mib: float
    failed: int


def rows(results: Iterable[Measured]) -> list[Row]:
    """Medians, in the order in which the clients first ran."""
    groups: dict[tuple[float, str], list[Measured]] = {}
    for result in results:
        groups.setdefault((result.round_trip_s, result.client), []).append(result)
    return [
        Row(
            client=client,
            round_trip_s=round_trip_s,
            rate=median(each.rate for each in group),
            cpu_ms=median(each.cpu_ms for each in group),
            database_ms=median(1000 * each.database_cpu_s / each.devices for each in group),
            lab_ms=median(1000 * each.lab_cpu_s / each.devices for each in group),
            peak_mib=median(each.peak_mib for each in group),
            failed=sum(each.devices - each.good for each in group),
        )
        for (round_trip_s, client), group in groups.items()
    ]


def table(results: Iterable[Measured]) -> str:
    """All medians, and Countersign's best row beside the peer's best at each round-trip time."""
    found = rows(results)
    lines = [
        "| round trip | client | devices/s | CPU ms per device | of PostgreSQL | of the simulator | peak MiB | wrong |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.round_trip_s * 1000:.0f} ms | {row.client} | {row.rate:.1f} | {row.cpu_ms:.1f} | {row.database_ms:.1f}"
        f" | {row.lab_ms:.1f} | {row.peak_mib:.0f} | {row.failed} |"
        for row in found
    ]
    return "\n".join([*lines, "", *ratios(found)]) + "\n"


def ratios(found: Sequence[Row]) -> list[str]:
    """A sentence for each round-trip time at which both ran."""
    sentences = []
    for round_trip_s in dict.fromkeys(row.round_trip_s for row in found):
        here = [row for row in found if row.round_trip_s == round_trip_s]
        own = [row for row in here if row.client.startswith(OURS)]
        peers = [row for row in here if not row.client.startswith(OURS)]
        if not own or not peers:
            continue
        ours, best = (max(some, key=lambda row: row.rate) for some in (own, peers))
        sentences.append(
            f"At {round_trip_s * 1000:.0f} ms, {ours.client}: {ours.rate / best.rate:.2f} times the devices/s of"
            f" {best.client}, at {ours.cpu_ms / best.cpu_ms:.2f} times its CPU per device."
        )
    return sentences


class History:
    """A file of JSON lines, one for each run of the benchmark: when, with which versions, and the medians."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, results: Sequence[Measured], setting: Mapping[str, object]) -> None:
        """Add one line."""
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            "python": platform.python_version(),
            "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0], "system": platform.platform()},
            "packages": {name: version(name) for name in PACKAGES},
            "setting": dict(setting),
            "rows": [asdict(row) for row in rows(results)],
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    except FileNotFoundError:
        return ""
    return found.stdout.strip()
