"""What stands on record of the lines of a change while they are sent: never less than what left, one write a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from changes.services.committing import send
from changes.services.device_work import DeviceWork
from changes.services.journal import LineStoppedError
from devices.drivers.base import ApplyResult, OnLine


class Record:
    """The journal's part that takes lines; from line ``stop`` on an order holds them back."""

    def __init__(self, stop: int = 99) -> None:
        self.writes: list[tuple[int, int]] = []
        self._stop = stop

    def before_line(self, *, sent: int, applied: int, first: bool) -> None:  # noqa: ARG002 - the journal's signature
        if sent > self._stop:
            raise LineStoppedError("RUN_ABORTED", "The run was aborted.")
        self.writes.append((sent, applied))

    def line(self, *, sent: int, applied: int) -> None:
        self.writes.append((sent, applied))


class Sender:
    """A driver that sends all lines, or all at once."""

    def __init__(self, *, atomic: bool = False) -> None:
        self.capabilities = SimpleNamespace(atomic_commit=atomic)

    def apply(self, commands: tuple[str, ...], *, on_line: OnLine) -> ApplyResult:
        for index, line in enumerate(commands):
            on_line(index, line, "send")
            on_line(index, line, "done")
        return ApplyResult(commands, None, "exec")


def sent(record: Record, driver: Sender) -> list[tuple[int, int]]:
    payload = SimpleNamespace(commands=("a", "b", "c"), confirm_within_s=0)
    work = SimpleNamespace(payload=payload, journal=record, assert_may_begin=lambda: None)
    send(cast("DeviceWork", work), cast("Any", driver))
    return record.writes


def test_each_line_is_on_record_before_it_leaves_and_the_last_one_when_it_was_taken() -> None:
    assert sent(Record(), Sender()) == [(1, 0), (2, 1), (3, 2), (3, 3)]


def test_what_was_taken_before_an_order_stopped_the_next_line_is_on_record() -> None:
    record = Record(stop=2)
    with pytest.raises(LineStoppedError):
        sent(record, Sender())
    assert record.writes == [(1, 0), (2, 1), (2, 2)]
