"""How the processes of one worker group show that they work, without a database and without talking.

Each group has a folder. The pusher touches ``polled`` whenever it looks for tasks and leaves a ``taken-<id>`` for
each that it took; a worker removes that when the task begins, touches ``activity``, and while the task runs touches
``busy-<pid>`` every second; when it ends, it leaves an ``ended-<id>`` that the monitor removes. The watchdog reads the
folder; it has to work when everything else hangs.
"""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Any, Self

from portal.supervision.health import Reading

ENVIRONMENT_NAME = "COUNTERSIGN_BEATS"
BUSY_BEAT_S = 1.0
# A worker that has not touched its file for this long is stopped or dead, whatever its process table entry says.
BUSY_FRESH_S = 6.0


class BeatDirectory:
    """The folder of one worker group."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_this_process(cls) -> Self | None:
        """The folder that the watchdog named, or None when no watchdog runs this process."""
        value = os.environ.get(ENVIRONMENT_NAME)
        return cls(Path(value)) if value else None

    def clear(self) -> None:
        """Make the folder, empty: of a group that is about to start."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for entry in self.path.iterdir():
            entry.unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget the group."""
        with contextlib.suppress(OSError):
            self.clear()
            self.path.rmdir()

    def touch(self, name: str) -> None:
        """Beat; a folder that is gone or full must not stop work."""
        with contextlib.suppress(OSError):
            (self.path / name).touch()

    def drop(self, name: str) -> None:
        """Take a sign back."""
        with contextlib.suppress(OSError):
            (self.path / name).unlink(missing_ok=True)

    def age_s(self, name: str, *, now: float) -> float | None:
        """Seconds since the last beat of that name, or None when there was none."""
        try:
            return max(0.0, now - (self.path / name).stat().st_mtime)
        except OSError:
            return None

    def read(self, *, workers: int, age_s: float) -> Reading:
        """What the group shows now; ``age_s`` is how long it has been running."""
        now = time.time()
        waiting, ended = self._ages("taken-", now), self._ages("ended-", now)
        busy = [age for age in self._ages("busy-", now) if age < BUSY_FRESH_S]
        return Reading(
            age_s=age_s,
            workers=workers,
            busy=len(busy),
            oldest_taken_s=max(waiting, default=None),
            oldest_ended_s=max(ended, default=None),
            polled_s=self.age_s("polled", now=now),
            activity_s=self.age_s("activity", now=now),
        )

    def has_room(self, *, workers: int) -> bool:
        """Whether a worker is free that no task which was taken already waits for."""
        now = time.time()
        busy = [age for age in self._ages("busy-", now) if age < BUSY_FRESH_S]
        return len(busy) + len(self._ages("taken-", now)) < workers

    def _ages(self, prefix: str, now: float) -> list[float]:
        try:
            names = [entry.name for entry in self.path.iterdir() if entry.name.startswith(prefix)]
        except OSError:
            return []
        return [age for name in names if (age := self.age_s(name, now=now)) is not None]


def taken(task_id: object) -> str:
    """The sign of a task that was taken from the queue and not begun."""
    return f"taken-{task_id}"


def _ended(task_id: object) -> str:
    return f"ended-{task_id}"


def beat_acknowledging(task_id: object) -> None:
    """The monitor tries to take a task that ended out of the queue; it may have to wait for PostgreSQL."""
    beats = BeatDirectory.of_this_process()
    if beats is not None:
        beats.touch(_ended(task_id))


def beat_acknowledged(task_id: object) -> None:
    """The monitor is done with a task."""
    beats = BeatDirectory.of_this_process()
    if beats is not None:
        beats.drop(_ended(task_id))


class WorkerBeat:
    """The beat of one worker process: a thread that touches its file while a task runs."""

    def __init__(self, beats: BeatDirectory) -> None:
        self._beats = beats
        self._pid = 0
        self._working = threading.Event()

    def begin(self, task: dict[str, Any]) -> None:
        """A task begins here."""
        if self._pid != os.getpid():
            self._begin_in_new_process()
        self._beats.touch("activity")
        self._beats.touch(self._name)
        self._beats.drop(taken(task.get("ack_id")))
        self._working.set()

    def end(self, task: dict[str, Any]) -> None:
        """The task ended, well or badly."""
        self._working.clear()
        self._beats.touch("activity")
        self._beats.touch(_ended(task.get("ack_id")))
        self._beats.drop(self._name)

    @property
    def _name(self) -> str:
        return f"busy-{self._pid}"

    def _begin_in_new_process(self) -> None:
        self._pid = os.getpid()
        self._working = threading.Event()
        threading.Thread(target=self._beat_for_ever, name="worker-beat", daemon=True).start()

    def _beat_for_ever(self) -> None:
        while True:
            self._working.wait()
            self._beats.touch(self._name)
            time.sleep(BUSY_BEAT_S)


def connect_worker_beats() -> None:
    """Beat at the begin and end of each task, when a watchdog runs this process."""
    from django_q.signals import post_execute_in_worker, pre_execute

    beats = BeatDirectory.of_this_process()
    if beats is None:
        return
    beat = WorkerBeat(beats)

    def begin(task: dict[str, Any], **_: object) -> None:
        beat.begin(task)

    def end(task: dict[str, Any], **_: object) -> None:
        beat.end(task)

    pre_execute.connect(begin, weak=False, dispatch_uid="worker-beat-begin")
    post_execute_in_worker.connect(end, weak=False, dispatch_uid="worker-beat-end")
