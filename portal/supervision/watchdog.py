import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from portal.environment import BASE_DIR
from portal.supervision.beats import ENVIRONMENT_NAME, BeatDirectory
from portal.supervision.child import Child, describe_exit
from portal.supervision.health import complaint
from portal.supervision.lifeline import SUPERVISED

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
DRAIN_S = 150.0  # longer than a task may last, so that draining ends by itself
HEALTHY_AFTER_S = 30.0
LONGEST_PAUSE_S = 30.0
DISPATCHER_SILENT_S = 30.0
CLUSTER = "cluster"
DISPATCHER = "dispatcher"


class Watchdog:
    """Runs the cluster and the dispatcher of this host, and starts again what died or hangs.

    It uses no database: it has to see and act when that is what hangs. Its members die with it.
    """

    def __init__(self, *, home: Path, workers: int, drain_s: float) -> None:
        self._workers = workers
        self._drain_s = drain_s
        self._beats = BeatDirectory(home / "run" / f"worker-{os.getpid()}")
        environment = {**os.environ, ENVIRONMENT_NAME: str(self._beats.path), SUPERVISED: "1"}
        self._members = {
            name: Child(
                name=name,
                # The watchdog's own command has made the system checks.
                command=[sys.executable, str(BASE_DIR / "manage.py"), command, "--skip-checks"],
                environment=environment,
                parent_death_signal=signal.SIGKILL,
            )
            for name, command in ((CLUSTER, "qcluster"), (DISPATCHER, "dispatcher"))
        }
        self._pauses_s = dict.fromkeys(self._members, 0.0)
        self._start_at = dict.fromkeys(self._members, 0.0)
        self._ending = threading.Event()
        self._at_once = False

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT, then drain; a second signal ends everything at once."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        try:
            while not self._ending.is_set():
                self._look()
                self._ending.wait(LOOK_EVERY_S)
            self._drain()
        finally:
            for member in self._members.values():
                member.kill_all()
            self._beats.remove()
        return 0

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._at_once = self._ending.is_set()
        self._ending.set()

    def _look(self) -> None:
        for name, member in self._members.items():
            if member.is_running():
                if reason := self._complaint(name, member):
                    logger.error("The %s hangs (%s): killing all its processes", name, reason)
                    member.kill_all()
                    self._schedule(name, member)
            elif member.pid is not None and not self._start_at[name]:
                logger.error("The %s %s: starting it again", name, describe_exit(member.exit_code()))
                member.kill_all()
                self._schedule(name, member)
            if not member.is_running() and time.monotonic() >= self._start_at[name]:
                self._start(name, member)

    def _complaint(self, name: str, member: Child) -> str:
        if name == CLUSTER:
            return complaint(self._beats.read(workers=self._workers, age_s=member.age_s))
        silent_s = self._beats.age_s(DISPATCHER, now=time.time())
        silent_s = member.age_s if silent_s is None else min(silent_s, member.age_s)
        return f"silent for {silent_s:.0f} s" if silent_s > DISPATCHER_SILENT_S else ""

    def _schedule(self, name: str, member: Child) -> None:
        """Start again at once after a long life; after a short one, wait longer each time."""
        short = member.age_s < HEALTHY_AFTER_S
        self._pauses_s[name] = min(max(1.0, self._pauses_s[name] * 2), LONGEST_PAUSE_S) if short else 0.0
        self._start_at[name] = time.monotonic() + self._pauses_s[name]

    def _start(self, name: str, member: Child) -> None:
        if name == CLUSTER:
            self._beats.clear()
        self._start_at[name] = 0.0
        member.start()

    def _drain(self) -> None:
        for member in self._members.values():
            member.ask_to_end()
        deadline = time.monotonic() + self._drain_s
        while time.monotonic() < deadline and not self._at_once:
            if not any(member.is_running() for member in self._members.values()):
                return
            time.sleep(0.1)
        logger.warning("Not everything ended within %.0f s: killing the rest", self._drain_s)
