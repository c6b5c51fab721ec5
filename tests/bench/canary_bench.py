"""A failing canary before 2,000 devices: `python -m tests.bench.canary_bench [--devices N] [--canary N]`.

A real worker (watchdog, two processes, dispatcher) plans one change for all devices; people approve it; one device of
the canary refuses the line. Shown is, by the simulator's own logs, that no other device was connected to after the
planning, and that the run stopped. Ends with a table, and with exit code 1 if anything else happened.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.bench.bench_processes import Child

if TYPE_CHECKING:
    from changes.models import ChangeRequest, Run

BASE = Path(__file__).resolve().parents[2]
LABS = 2
QUIET_S = 15.0
"""How long nothing may happen after the stop: several rounds of the dispatcher, and rings of the queue."""
LINE = "ntp server 198.51.100.77"


class Stage:
    """The simulated devices, an empty installation that knows them, and a worker on it."""

    def __init__(self, options: argparse.Namespace, home: Path, stack: ExitStack) -> None:
        each = -(-options.devices // LABS)
        environment = dict(os.environ)
        self.labs = []
        for number in range(LABS):
            count = min(each, options.devices - number * each)
            command = [sys.executable, "-m", "tests.bench.small_lab"]
            lab = Child([*command, home / f"lab-{number}", str(1 + number * each), str(count)], environment)
            self.labs.append(stack.enter_context(lab))
        for lab in self.labs:
            lab.read()
        inventory = _one_inventory(home)
        self._install(inventory)
        self.worker = stack.enter_context(_worker(home))

    @staticmethod
    def _install(inventory: Path) -> None:
        from portal.start import prepare

        prepare(attach_database=True)
        import django

        django.setup()
        from tests.bench import bench_change

        bench_change.install(inventory)

    def reached(self) -> dict[str, int]:
        """Devices that were connected to since the mark, with the lines of configuration that each got."""
        found: dict[str, int] = {}
        for lab in self.labs:
            found |= lab.ask(reached=True)["reached"]
        return found

    def peaks_mib(self) -> list[float]:
        """The largest resident size that each process of the worker had."""
        from portal.supervision.child import session_members

        children = Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children").read_text().split()
        members = [member for child in children for member in session_members(int(child))]
        return sorted((_peak_mib(pid) for pid in members), reverse=True)


def _one_inventory(home: Path) -> Path:
    """One file over all labs, which share a password."""
    devices: list[object] = []
    for number in range(LABS):
        text = (home / f"lab-{number}" / "inventory.yaml").read_text()
        devices += yaml.load(text, Loader=yaml.CSafeLoader)["devices"]
    path = home / "inventory.yaml"
    path.write_text(yaml.dump({"devices": devices}, Dumper=yaml.CSafeDumper, sort_keys=False))
    return path


@contextmanager
def _worker(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (home / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(BASE / "manage.py"), "worker", "--skip-checks"], stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(200)


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_until(condition: Callable[[], bool], within_s: float) -> float:
    """Seconds until it held.

    Raises:
        TimeoutError: it did not.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"nothing happened within {within_s:.0f} s")
        time.sleep(0.1)
    return time.monotonic() - began


class Story:
    """The change, from the request for a plan to the run that has stopped."""

    def __init__(self, stage: Stage, options: argparse.Namespace) -> None:
        self._stage = stage
        self._options = options
        self.rows: list[tuple[str, str]] = [("devices", f"{options.devices:,}")]
        self.problems: list[str] = []

    def tell(self) -> None:
        """Plan, approve, have the canary fail, and look at what was reached."""
        change = self._planned()
        canaries = self._canaries(change)
        self._stage.labs[0].ask(device=canaries[0], reject=f"^{LINE}$")
        for lab in self._stage.labs:
            lab.ask(mark=True)
        run = self._stopped(change)
        self._nothing_more(run, canaries)
        self._pages(change, run)
        peaks = self._stage.peaks_mib()
        self._note("worker's processes, largest resident sizes", ", ".join(f"{peak:.0f} MiB" for peak in peaks))

    def _planned(self) -> ChangeRequest:
        from changes.domain.states import PlanState
        from tests.bench import bench_change

        began = time.monotonic()
        strategy = {"canary": self._options.canary, "max_parallel": 50, "failures_allowed_percent": 0}
        change, revision = bench_change.requested_plan([LINE], strategy)
        self._note("plan requested", f"{time.monotonic() - began:.1f} s")

        def is_built() -> bool:
            revision.refresh_from_db()
            return revision.state != PlanState.BUILDING

        wait_until(is_built, 3600)
        taken_s = time.monotonic() - began
        self._note("planned by the worker", f"{taken_s:.0f} s, {self._options.devices / taken_s:.1f} devices/s")
        began = time.monotonic()
        bench_change.reviewed(change, revision)
        self._note("submitted, opened, assessed, opened, approved", f"{time.monotonic() - began:.1f} s")
        return change

    def _canaries(self, change: ChangeRequest) -> list[str]:
        from changes.models import DevicePlan

        plans = DevicePlan.objects.filter(revision=change.revision_id, wave=1).order_by("position")
        return list(plans.values_list("device__name", flat=True))

    def _stopped(self, change: ChangeRequest) -> Run:
        from changes.domain.run_states import RunState
        from tests.bench import bench_change

        began = time.monotonic()
        run = bench_change.started(change)
        self._note("started", f"{time.monotonic() - began:.1f} s")

        def has_stopped() -> bool:
            run.refresh_from_db()
            return run.state in {RunState.PAUSED, RunState.ENDED}

        self._note("until the run had stopped", f"{wait_until(has_stopped, 300):.1f} s")
        self._note("the run", f"{run.state}, {run.code}: {run.detail}")
        if (run.state, run.code) != (RunState.PAUSED, "ABORT_THRESHOLD_HIT"):
            self.problems.append(f"the run is {run.state} with {run.code or 'no code'}")
        return run

    def _nothing_more(self, run: Run, canaries: list[str]) -> None:
        time.sleep(QUIET_S)
        reached = self._stage.reached()
        states = {
            f"{name} {code}".strip(): count for (name, code), count in _states(run).items()
        }  # fmt: skip
        self._note("device runs", ", ".join(f"{count:,} {name}" for name, count in states.items()))
        self._note(f"reached since the planning, looked at {QUIET_S:.0f} s later", ", ".join(sorted(reached)) or "none")
        others = sorted(set(reached) - set(canaries))
        self._note("other devices that were connected to", f"{len(others)}")
        self.problems += [f"{name} was connected to" for name in others[:5]]
        if not set(reached) >= set(canaries):
            self.problems.append("a canary was not reached")

    def _pages(self, change: ChangeRequest, run: Run) -> None:
        """What pages and API cost now: statements and bytes."""
        from django.contrib.auth.models import User
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext

        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(User.objects.get(username="author"), backend="portal.passwords.RecordedPasswordBackend")
        paths = {
            "the change": f"/changes/{change.pk}/",
            "the plan": f"/changes/{change.pk}/plan/",
            "the run": f"/changes/{change.pk}/runs/{run.pk}/",
            "API: the change": f"/api/v1/changes/{change.pk}/",
            "API: the run": f"/api/v1/runs/{run.pk}/",
        }
        for name, path in paths.items():
            with CaptureQueriesContext(connection) as captured:
                began = time.monotonic()
                answer = client.get(path)
                taken_s = time.monotonic() - began
            cost = f"{len(captured)} statements, {len(answer.content) / 1024:,.0f} KiB, {taken_s * 1000:.0f} ms"
            self._note(name, f"{answer.status_code}, {cost}")

    def _note(self, what: str, value: str) -> None:
        self.rows.append((what, value))
        sys.stderr.write(f"{what}: {value}\n")


def _states(run: Run) -> Mapping[tuple[str, str], int]:
    from django.db.models import Count

    rows = run.device_runs.order_by().values_list("state", "code").annotate(count=Count("pk")).order_by("-count")
    return {(state, code): count for state, code, count in rows}


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Have a canary fail before thousands of devices.")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--canary", type=int, default=2, choices=(1, 2, 3))
    parser.add_argument("--threads", type=int, default=24, help="devices that one task of the worker works on at once")
    return parser.parse_args()


def main() -> int:
    """Tell the story in a home of its own; 1 if it ended otherwise than it should."""
    options = parsed()
    root = Path(os.environ.get("COUNTERSIGN_HOME") or BASE / "var") / "bench"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="home-") as folder, ExitStack() as stack:
        home = Path(folder)
        home.chmod(0o755)
        os.environ.pop("DATABASE_URL", None)
        # One password for both labs.
        os.environ |= {
            "COUNTERSIGN_HOME": folder,
            "COUNTERSIGN_THREADS": str(options.threads),
            "COUNTERSIGN_BACKUP_EVERY_S": "0",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DEVICE_CREDENTIALS": f"file:{home / 'lab-0' / 'credentials.yaml'}",
        }
        _share_password(home)
        story = Story(Stage(options, home, stack), options)
        story.tell()
    sys.stdout.write("| | |\n| --- | --- |\n" + "".join(f"| {what} | {value} |\n" for what, value in story.rows))
    sys.stdout.write("".join(f"WRONG: {problem}\n" for problem in story.problems))
    return 1 if story.problems else 0


def _share_password(home: Path) -> None:
    from devices.lab.files import credentials

    for number in range(LABS):
        (home / f"lab-{number}").mkdir()
    credentials(home / "lab-0", {})
    text = (home / "lab-0" / "credentials.yaml").read_text()
    for number in range(1, LABS):
        path = home / f"lab-{number}" / "credentials.yaml"
        path.touch(mode=0o600)
        path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
