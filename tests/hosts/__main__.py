"""Two hosts share a run, and one loses its way to the database in the middle of it: `python -m tests.hosts`.

Each host is a real worker (watchdog, task processes, dispatcher) in a network namespace of its own, with the settings
of production. The database is reached over TCP, the devices over another link, which stays: what was cut off could
still write. Shown is that its devices are taken over after the lease, that it writes nothing any more to what it held,
and that it works again when the link is back. Prints a table; exits with 1 if anything else happened.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.hosts.network import DEVICES, HOSTS, Host, Network, why_not

if TYPE_CHECKING:
    from changes.models import Run
    from devices.lab import Lab

BASE: Final = Path(__file__).resolve().parents[2]
COUNT: Final = 16
LINES: Final = [f"logging host 10.9.0.{number}" for number in range(1, 13)]
HELD: Final = """
SELECT device.name, activity.client_addr::text
FROM pg_locks AS lock
JOIN pg_stat_activity AS activity USING (pid)
JOIN devices_device AS device ON device.id = lock.objid
WHERE lock.locktype = 'advisory' AND lock.classid = %s AND lock.granted
"""
"""Which device is locked from which address, by PostgreSQL's own word."""


class Story:
    """The two hosts, the devices, and what happens."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        from tests.hosts.server import Server

        self._home = home
        self.network = stack.enter_context(Network())
        self._server = stack.enter_context(Server(home / "database", [host.database_side for host in HOSTS]))
        self._secret = secrets.token_urlsafe(40)
        os.environ |= {
            "DATABASE_URL": self._server.local_url,
            "SECRET_KEY": self._secret,
            "COUNTERSIGN_HOME": str(home / "office"),
            "AUDIT_VERIFIERS": str(home / "audit_verifiers"),  # public keys, as operators copy them to each host
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DEVICE_CREDENTIALS": f"file:{home / 'lab' / 'credentials.yaml'}",
            "COUNTERSIGN_BACKUP_EVERY_S": "0",
        }
        self.lab = self._installed(stack)
        self.rows: list[tuple[str, str]] = []
        self.problems: list[str] = []

    def _installed(self, stack: ExitStack) -> Lab:
        import django

        django.setup()
        from devices.lab import Lab
        from devices.lab.files import credentials, write_inventory
        from tests.bench import bench_change
        from tests.bench.small_lab import spec

        folder = self._home / "lab"
        folder.mkdir()
        username, password = credentials(folder, {})
        specs = [spec(number) for number in range(1, COUNT + 1)]
        lab: Lab = stack.enter_context(Lab(folder, specs, username=username, password=password, host=DEVICES))
        write_inventory(lab, folder / "inventory.yaml")
        bench_change.install(folder / "inventory.yaml")
        return lab

    def start(self, host: Host, stack: ExitStack) -> None:
        """Start the host's worker; it has a home and a way to the database of its own."""
        environment = {
            **os.environ,
            "DATABASE_URL": self._server.url(host.database_side),
            "COUNTERSIGN_HOME": str(self._home / host.name),
            "COUNTERSIGN_WORKERS": "1",
            "COUNTERSIGN_THREADS": "3",
        }
        log = stack.enter_context((self._home / f"{host.name}.log").open("ab"))
        command = [sys.executable, str(BASE / "manage.py"), "worker", "--skip-checks", "--drain-seconds", "20"]
        process = self.network.start(host, command, environment, log, BASE)
        stack.callback(_end, process)
        wait_until(lambda: self.is_alive(host), 60, f"{host.name}'s worker")

    @staticmethod
    def is_alive(host: Host) -> bool:
        """Whether the host's worker has shown a sign of life lately."""
        from portal.models import WorkerBeat

        return WorkerBeat.objects.all().alive().filter(host=host.name).exists()

    def held_by(self, host: Host) -> set[str]:
        """The devices that the host has locked."""
        from django.db import connection

        from devices.services.device_locks import DEVICE_LOCK_CLASS

        with connection.cursor() as cursor:
            cursor.execute(HELD, [DEVICE_LOCK_CLASS])
            return {name for name, address in cursor.fetchall() if (address or "").split("/")[0] == host.database}

    def note(self, what: str, value: object) -> None:
        """Keep a row of the table."""
        self.rows.append((what, str(value)))
        sys.stderr.write(f"{what}: {value}\n")

    def demand(self, holds: bool, otherwise: str) -> None:
        """Keep a problem unless it holds."""
        if not holds:
            self.problems.append(otherwise)

    def tell(self) -> None:
        """Start a run on both hosts, cut one off, and see it through."""
        change = _approved()
        for device in self.lab.devices:
            device.faults.latency_s = 0.25
        run = _started(change)
        cut, other = HOSTS

        def both_work() -> bool:
            return len(self.held_by(cut) & _half_written(run)) >= 2 and bool(self.held_by(other))

        wait_until(both_work, 90, "both hosts at work, one in the middle of two devices")
        held = sorted(self.held_by(cut))
        fences = _fences(run)
        self.network.cut_database(cut)
        cut_at = time.monotonic()
        self.note("devices in all; held by the host that was cut off", f"{COUNT}; {len(held)}: {', '.join(held)}")
        self._taken_over(run, held, fences, cut_at)
        self._ended(run, cut_at)
        self._writes_nothing(cut, held)
        self._judge(run, held)
        self._works_again(cut)

    def _taken_over(self, run: Run, held: list[str], fences: Mapping[str, int], cut_at: float) -> None:
        def is_taken(name: str) -> bool:
            now = _fences(run)
            return now[name] >= fences[name] + 2  # once by the dispatcher, once by the next worker

        for number, name in enumerate(held):
            wait_until(lambda name=name: is_taken(name), 90, f"{name} in other hands")  # type: ignore[misc]  # a default
            if number in {0, len(held) - 1}:
                which = "first" if number == 0 else "last"
                self.note(f"{which} of them taken over after", f"{time.monotonic() - cut_at:.1f} s")

    def _ended(self, run: Run, cut_at: float) -> None:
        for device in self.lab.devices:
            device.faults.latency_s = 0

        def is_over() -> bool:
            run.refresh_from_db()
            return run.state == "ended"

        wait_until(is_over, 120, "the end of the run")
        self.note("the run had ended after", f"{time.monotonic() - cut_at:.1f} s, by the other host alone")

    def _writes_nothing(self, cut: Host, held: list[str]) -> None:
        """Mend the link, and see what reaches the devices and the rows when the host comes back."""
        before = {name: len(self.lab.device(name).log()) for name in held}
        rows = _steps()
        self.network.mend_database(cut)
        mended_at = time.monotonic()
        wait_until(lambda: self.is_alive(cut), 60, f"{cut.name}'s sign of life")
        self.note("the host showed itself again after", f"{time.monotonic() - mended_at:.1f} s")
        time.sleep(10)
        late = {name: self.lab.device(name).log()[count:] for name, count in before.items()}
        lines = [entry["line"] for entries in late.values() for entry in entries if "line" in entry]
        self.note("lines from it that reached those devices after it came back", len(lines))
        self.demand(not lines, f"lines arrived late: {lines[:5]}")
        self.note("steps it wrote after it came back", _steps() - rows)
        self.demand(_steps() == rows, "steps were written late")

    def _judge(self, run: Run, held: list[str]) -> None:
        """Each device's own configuration against what the database says of it."""
        ends: dict[str, int] = {}
        for row in run.device_runs.select_related("device"):
            name = f"{row.state} {row.code}".strip()
            ends[name] = ends.get(name, 0) + 1
            device = self.lab.device(row.device.name)
            for text in (device.running_config(), device.startup_config()):
                has = [line for line in LINES if f"\n{line}\n" in text]
                wanted = LINES if row.state == "succeeded" else []
                self.demand(has == wanted, f"{row.device.name} is {row.state} and has {len(has)} lines")
            self.demand(row.device.name in held or row.state == "succeeded", f"{row.device.name} is {row.state}")
            twice = [line for line in LINES if device.config_lines().count(line) > 1]
            self.demand(not twice or row.losses == 0, f"{row.device.name} got {twice[:2]} twice")
        self.note("device runs", ", ".join(f"{count} {name}" for name, count in ends.items()))

    def _works_again(self, cut: Host) -> None:
        """A second change: the host takes its share."""
        for device in self.lab.devices:
            device.faults.latency_s = 0.1
        run = _started(_approved("snmp-server location rack 9\n"))
        wait_until(lambda: bool(self.held_by(cut)), 60, f"{cut.name} at work again")
        for device in self.lab.devices:
            device.faults.latency_s = 0

        def is_over() -> bool:
            run.refresh_from_db()
            return run.state == "ended"

        wait_until(is_over, 120, "the end of the second run")
        self.note("a second run over all devices, with both hosts", run.outcome)
        self.demand(run.outcome == "succeeded", f"the second run is {run.outcome}")


def wait_until(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it did not happen.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {within_s:.0f} s")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _approved(content: str = "\n".join(LINES)) -> Any:  # noqa: ANN401 - a model, which cannot be imported up there
    from changes.domain.states import PlanState
    from tests.bench import bench_change

    change, revision = bench_change.requested_plan(
        content.splitlines(), {"max_parallel": 6, "failures_allowed_percent": 100}
    )

    def is_built() -> bool:
        revision.refresh_from_db()
        return revision.state != PlanState.BUILDING

    wait_until(is_built, 120, "plan")
    return bench_change.reviewed(change, revision)


def _started(change: Any) -> Run:  # noqa: ANN401 - as above
    from tests.bench import bench_change

    return bench_change.started(change)


def _half_written(run: Run) -> set[str]:
    """Devices of which a part of the lines was sent."""
    rows = run.device_runs.filter(lines_sent__gte=2, lines_sent__lte=len(LINES) - 2, ended_at=None)
    return set(rows.values_list("device__name", flat=True))


def _fences(run: Run) -> dict[str, int]:
    return dict(run.device_runs.values_list("device__name", "fence"))


def _steps() -> int:
    from changes.models import RunStep

    return RunStep.objects.count()


def _situation() -> str:
    """What the tables and PostgreSQL say, for whoever has to find out why something did not happen."""
    from django.db import connection

    from changes.models import DeviceRun, Run

    names = ("device__name", "state", "code", "owner", "lease_until", "fence", "attempts", "losses", "not_before")
    lines = [str(row) for row in Run.objects.values_list("state", "code", "detail", "rung_at")]
    lines += [str(row) for row in DeviceRun.objects.filter(ended_at=None).values_list(*names)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT client_addr::text, state, wait_event_type, wait_event, now() - state_change, left(query, 90)"
            " FROM pg_stat_activity WHERE backend_type = 'client backend'"
        )
        lines += [str(row) for row in cursor.fetchall()]
    return "\n".join([*lines, ""])


def main() -> int:
    """Tell the story where there can be hosts; elsewhere say loudly that it was not told."""
    reason = why_not()
    if reason:
        sys.stderr.write(f"{'*' * 100}\n*  SKIPPED, two hosts in namespaces of their own: {reason}\n{'*' * 100}\n")
        return 1 if os.environ.get("CI") == "true" and os.geteuid() == 0 else 0
    with tempfile.TemporaryDirectory(prefix="cs-hosts-", dir="/tmp") as folder, ExitStack() as stack:
        home = Path(folder)
        home.chmod(0o755)
        story = Story(home, stack)
        with ExitStack() as workers:
            try:
                for host in HOSTS:
                    story.start(host, workers)
                story.tell()
            except BaseException:
                sys.stderr.write(_situation())
                for host in HOSTS:
                    sys.stderr.write(f"--- {host.name}\n{(home / f'{host.name}.log').read_text()[-4000:]}\n")
                raise
    sys.stdout.write("| | |\n| --- | --- |\n" + "".join(f"| {what} | {value} |\n" for what, value in story.rows))
    sys.stdout.write("".join(f"WRONG: {problem}\n" for problem in story.problems))
    return 1 if story.problems else 0


if __name__ == "__main__":
    sys.exit(main())
