"""Countersign against bare nornir with nornir-netmiko: `python -m tests.bench.execution_bench [--devices N] …`.

The same job on the same simulated devices, in alternating runs: connect, read 2,000 lines, send 10, save, read back.
For Countersign it is an approved change, with all that it does on a device. docs/performance.md describes the method.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.bench.bench_processes import Child, cpu_s, postgres_cpu_s
from tests.bench.bench_report import History, Measured, table

if TYPE_CHECKING:
    from changes.models import ChangeRequest

BASE = Path(__file__).resolve().parents[2]
PEER = BASE / ".venv-bench" / "bin" / "python"


def lines_of(number: int) -> list[str]:
    """Ten configuration lines that no run before has sent: eight of interfaces and two of the whole device."""
    ports = [
        (f"interface GigabitEthernet1/0/{port}", f"description uplink {port} run {number}") for port in (1, 2, 3, 4)
    ]
    pairs = [line for pair in ports for line in pair]
    return [*pairs, f"snmp-server location rack 7 run {number}", f"snmp-server contact noc{number}@example.net"]


class Bench:
    """The devices and the installation that all runs share."""

    def __init__(self, options: argparse.Namespace, home: Path, stack: ExitStack) -> None:
        self._options = options
        self._runs = 0
        self.versions: dict[str, str] = {}
        self._spare = dict(os.environ)
        command = [sys.executable, "-m", "tests.bench.bench_lab", str(home / "lab"), str(options.devices)]
        self.lab = stack.enter_context(Child(command, self._spare))
        self.shape = self.lab.read()
        self._inventory = home / "lab" / "inventory.yaml"
        self._credential = yaml.safe_load((home / "lab" / "credentials.yaml").read_text())["lab"]
        os.environ["DEVICE_CREDENTIALS"] = f"file:{home / 'lab' / 'credentials.yaml'}"
        self._install()

    def _install(self) -> None:
        from portal.start import prepare

        prepare(attach_database=True)
        import django

        django.setup()
        from django.conf import settings

        from portal.embedded_postgres import Layout
        from tests.bench import bench_change

        self._change = bench_change
        self._change.install(self._inventory)
        pid_file = Layout.of(settings.COUNTERSIGN_HOME).data / "postmaster.pid"
        self._postmaster = int(pid_file.read_text().split("\n")[0])

    def countersign(self, round_trip_s: float, threads: int) -> Measured:
        """One approved change, carried out by worker processes."""
        lines = self._next_lines()
        self.lab.ask(round_trip_s=0)
        options = self._options
        change = self._change.approved_change(lines, at_once=threads * options.processes)
        self.lab.ask(round_trip_s=round_trip_s)
        with ExitStack() as stack:
            command = [sys.executable, "-m", "tests.bench.runner_process"]
            environment = {**os.environ, "COUNTERSIGN_THREADS": str(threads)}
            runners = [stack.enter_context(Child(command, environment)) for _ in range(options.processes)]
            for runner in runners:
                runner.line()
            return self._carried_out(change, runners, round_trip_s, lines, threads)

    def _carried_out(
        self, change: ChangeRequest, runners: Sequence[Child], round_trip_s: float, lines: Sequence[str], threads: int
    ) -> Measured:
        database, lab = postgres_cpu_s(self._postmaster), cpu_s([self.lab.pid])
        began = time.monotonic()
        run = self._change.started(change)
        for runner in runners:
            runner.say(str(run.pk))
        answers = [runner.read() for runner in runners]
        wall_s = time.monotonic() - began
        ends = self._change.ends(run)
        return Measured(
            client=f"Countersign, {self._options.processes} x {threads}",
            round_trip_s=round_trip_s,
            devices=self._options.devices,
            wall_s=wall_s,
            cpu_s=sum(answer["cpu_s"] for answer in answers),
            database_cpu_s=postgres_cpu_s(self._postmaster) - database,
            lab_cpu_s=cpu_s([self.lab.pid]) - lab,
            peak_mib=sum(answer["peak_kib"] for answer in answers) / 1024,
            good=self._good(lines),
            problems=[f"{count} x {name}" for name, count in ends.items() if name != "succeeded"],
        )

    def nornir(self, round_trip_s: float, workers: int) -> Measured:
        """The same lines, by nornir."""
        lines = self._next_lines()
        self.lab.ask(round_trip_s=round_trip_s)
        with Child([PEER, BASE / "tests" / "bench" / "peer_nornir.py"], self._spare) as peer:
            peer.say(json.dumps({"hosts": self._hosts(), **self._credential, "workers": workers, "lines": lines}))
            peer.line()
            lab = cpu_s([self.lab.pid])
            peer.say("go")
            answer = peer.read()
        self.versions = answer["versions"]
        problems = [f"{name}: {error}" for name, error in answer["failed"].items()]
        return Measured(
            client=f"nornir, {workers} workers",
            round_trip_s=round_trip_s,
            devices=self._options.devices,
            wall_s=answer["wall_s"],
            cpu_s=answer["cpu_s"],
            database_cpu_s=0.0,
            lab_cpu_s=cpu_s([self.lab.pid]) - lab,
            peak_mib=answer["peak_kib"] / 1024,
            good=self._good(lines),
            problems=problems[:3] + [f"{answer['short']} cut configurations"] * bool(answer["short"]),
        )

    def _hosts(self) -> dict[str, Any]:
        devices = yaml.load(self._inventory.read_text(), Loader=yaml.CSafeLoader)["devices"]
        return {each["name"]: {"hostname": each["address"], "port": each["port"]} for each in devices}

    def _good(self, lines: Sequence[str]) -> int:
        """The devices that have the last line, running and saved: the simulator's own word."""
        return int(self.lab.ask(check=lines[-1])["good"])

    def _next_lines(self) -> list[str]:
        self._runs += 1
        return lines_of(self._runs)


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Measure Countersign against bare nornir.")
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, alternating")
    parser.add_argument("--round-trips", type=float, nargs="+", default=[0, 20, 100], metavar="MS")
    parser.add_argument("--workers", type=int, nargs="+", default=[50, 100], help="nornir's; the best one counts")
    parser.add_argument("--processes", type=int, default=2, help="Countersign's worker processes")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[12, 50], help="device sessions in each of them; the best one counts"
    )
    parser.add_argument("--history", type=Path, default=BASE / "var" / "bench" / "execution.jsonl")
    parser.add_argument("--alone", action="store_true", help="without nornir")
    return parser.parse_args()


def main() -> None:
    """Measure, print the table, and append to the history."""
    options = parsed()
    root = Path(os.environ.get("COUNTERSIGN_HOME") or BASE / "var") / "bench"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="home-") as folder, ExitStack() as stack:
        home = Path(folder)
        home.chmod(0o755)
        os.environ |= {
            "COUNTERSIGN_HOME": folder,
            "COUNTERSIGN_PIN_WORKERS": "1",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        os.environ.pop("DATABASE_URL", None)
        bench = Bench(options, home, stack)
        results: list[Measured] = []
        for round_trip_s in (milliseconds / 1000 for milliseconds in options.round_trips):
            for _ in range(options.rounds):
                turns = [partial(bench.countersign, round_trip_s, threads) for threads in options.threads]
                if not options.alone:
                    turns += [partial(bench.nornir, round_trip_s, workers) for workers in options.workers]
                for turn in turns:
                    results.append(turn())
                    sys.stderr.write(f"{results[-1].line()}\n")
        sys.stdout.write(table(results))
        History(options.history).append(results, {**bench.shape, **bench.versions})


if __name__ == "__main__":
    main()
