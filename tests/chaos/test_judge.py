"""The judge finds what it is there to find: a comparison that cannot fail proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.judge import Entry, _OnRecord, applied_twice, taken_back_twice, told
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


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([f"no {LINE}"], False),
        ([f"no {LINE}", f"no {LINE}"], True),
        ([f"no {LINE}", READ, f"no {LINE}"], True),  # it was read, and the change was gone
        ([f"no {LINE}", "(boot)", f"no {LINE}"], True),  # the change came back, but nobody looked
        ([f"no {LINE}", "(boot)", READ, f"no {LINE}"], False),
        ([f"no {LINE}", "write memory", "(boot)", READ, f"no {LINE}"], True),
    ],
)
def test_what_is_taken_back_again_without_need_is_found(lines: list[str], found: bool) -> None:
    assert bool(list(taken_back_twice(log(*lines)))) is found


def test_a_line_of_a_way_back_is_announced_for_each_attempt_anew() -> None:
    steps = [("backing_out", START), ("backing_out", START + timedelta(seconds=10))]
    history = [(START + timedelta(seconds=at), 3, back) for at, back in ((1, 1), (3, 2), (10, 0), (12, 1))]
    record = _OnRecord(history, steps)
    assert [record.line_back(START + timedelta(seconds=at)) for at in (2, 4, 5, 11, 13)] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert not record.commit(START + timedelta(seconds=11), timer=True)
    assert record.commit(START + timedelta(seconds=13), timer=True)


def test_every_point_gets_every_fault_once() -> None:
    schedules = list(every_point("cli", 10, [Fault.KILL, Fault.CUT], devices=4))
    done = [
        (fault, number) for each in schedules for points in each.faults.values() for number, fault in points.items()
    ]
    assert sorted(done) == sorted((fault, number) for fault in (Fault.KILL, Fault.CUT) for number in range(1, 11))


def test_a_seed_means_the_same_for_ever() -> None:
    assert random_schedule("eos", 7, devices=6) == random_schedule("eos", 7, devices=6)
    assert random_schedule("eos", 7, devices=6) != random_schedule("eos", 8, devices=6)
