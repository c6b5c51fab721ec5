"""The judge finds what it is there to find: a comparison that cannot fail proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.judge import Entry, applied_twice, told
from tests.chaos.schedules import Fault, every_point, random_schedule

LINE = "logging host 10.9.0.1"
READ = "show running-config"
START = datetime(2026, 11, 21, tzinfo=UTC)


def log(*lines: str) -> list[Entry]:
    """A device's log: a line, "(boot)" for an event, or "session 2: …" for another connection."""
    entries: list[Entry] = []
    for number, line in enumerate(lines):
        at = (START + timedelta(seconds=number)).isoformat()
        if line.startswith("("):
            entries.append({"at": at, "session": 0, "event": line.strip("()")})
            continue
        mode = "config" if line.startswith(("logging", "no ")) else "exec"
        entries.append({"at": at, "session": 1, "mode": mode, "line": line, "result": "ok"})
    return list(told(entries))


@pytest.mark.parametrize(
    "lines",
    [
        [LINE, LINE],
        [LINE, READ, LINE],  # it was read, and it was there
        [LINE, "(boot)", LINE],  # it was lost, but nobody looked
        [LINE, f"no {LINE}", LINE],
        [LINE, "write memory", "(boot)", READ, LINE],  # a saved line outlives a boot
        ["configure session a commit timer 00:02:00", READ, "configure session b commit timer 00:02:00"],
    ],
)
def test_what_is_sent_again_is_found(lines: list[str]) -> None:
    assert list(applied_twice(log(*lines)))


@pytest.mark.parametrize(
    "lines",
    [
        [LINE],
        [LINE, "(boot)", READ, LINE],
        [LINE, f"no {LINE}", READ, LINE],
        ["configure session a", LINE, "configure session b", LINE],  # two candidates, of which none was committed
        ["configure session a commit timer 00:02:00", "(rollback)", READ, "configure session b commit timer 00:02:00"],
    ],
)
def test_what_was_read_back_and_not_found_may_be_sent_again(lines: list[str]) -> None:
    assert not list(applied_twice(log(*lines)))


def test_every_point_gets_every_fault_once() -> None:
    schedules = list(every_point("cli", 10, [Fault.KILL, Fault.CUT], devices=4))
    done = [
        (fault, number) for each in schedules for points in each.faults.values() for number, fault in points.items()
    ]
    assert sorted(done) == sorted((fault, number) for fault in (Fault.KILL, Fault.CUT) for number in range(1, 11))


def test_a_seed_means_the_same_for_ever() -> None:
    assert random_schedule("eos", 7, devices=6) == random_schedule("eos", 7, devices=6)
    assert random_schedule("eos", 7, devices=6) != random_schedule("eos", 8, devices=6)
