"""Processes of a benchmark: started ahead, told to begin, and asked what they cost."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """A process that speaks JSON, one object a line; ended with its context."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._process: subprocess.Popen[str] = subprocess.Popen(
            [str(word) for word in command],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        if kind is not None:
            self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def say(self, line: str) -> None:
        """Give it one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def line(self) -> str:
        """Its next line.

        Raises:
            RuntimeError: it ended instead; its own words stand on standard error.
        """
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended before it answered")
        return line.strip()

    def read(self) -> dict[str, Any]:
        """Its next line, as data."""
        data: dict[str, Any] = json.loads(self.line())
        return data

    def ask(self, **order: object) -> dict[str, Any]:
        """Give it an order and wait for the answer."""
        self.say(json.dumps(order))
        return self.read()


def cpu_s(pids: Iterable[int], *, with_ended: bool = False) -> float:
    """CPU seconds of processes until now; `with_ended`: and of their children that have ended."""
    return sum(_ticks(pid, with_ended=with_ended) for pid in pids) / TICKS


def _ticks(pid: int, *, with_ended: bool) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0
    # man 5 proc: utime and stime are fields 14 and 15, those of children that were waited for 16 and 17
    fields = text.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11 : 15 if with_ended else 13])


def postgres_cpu_s(postmaster: int) -> float:
    """CPU seconds of a PostgreSQL server until now: its processes, and those that have ended."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return cpu_s([postmaster], with_ended=True) + cpu_s(int(child) for child in children)
