"""How fast a log is sealed and verified, leaves the house, and is checked there: `make bench BENCH=export`.

A server of its own gets a million sealed events (`ARGS="--events 100000"` for fewer), 600 bytes each, none of a change.
Then, each in a process of its own, whose peak memory is told: both exports are written to nowhere, and two evidence
packs are made and checked as an auditor would, by `verify.py` on a bare interpreter: one of the whole log, and one of
as many events chosen by a filter, of which each has a proof of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portal.environment import BASE_DIR
from tests.bench.sealing_bench import check as verify
from tests.bench.sealing_bench import fill, prove, seal

CHOSEN = "device.checked"
"""What the filter of the second pack asks for: all events that are put in."""

BARE = """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    sys.stderr.write(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""
"""Runs a program and writes the peak of its memory in KiB to standard error."""

Figures = dict[str, float]
report_s: list[float] = []


def export(form: str, events: int) -> Figures:
    from audit.actor import Actor, Origin
    from audit.export import export_format, export_start
    from audit.filters import EventFilter

    began, size = time.perf_counter(), 0
    actor = Actor(user_id=None, username="bench", origin=Origin.COMMAND)
    for chunk in export_start(actor=actor, event_filter=EventFilter(), form=export_format(form)).chunks:
        size += len(chunk)
    wall_s = time.perf_counter() - began
    return {"rows_s": events / wall_s, "mib_s": size / wall_s / 2**20}


@contextmanager
def sealer() -> Iterator[None]:
    """A sealer that runs on, in a process of its own: its memory is not the pack's."""
    process = subprocess.Popen([sys.executable, "manage.py", "audit_sealer"], cwd=BASE_DIR, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def timed_report(*of: Any) -> Any:  # noqa: ANN401 - passed on
    """The report for people, whose size does not grow with the log; its seconds are told apart."""
    from portal.evidence_report import evidence_report

    began = time.perf_counter()
    made = evidence_report(*of)
    report_s.append(time.perf_counter() - began)
    return made


def pack(scope: str, events: int) -> Figures:
    from django.conf import settings

    from audit.actor import Actor, Origin
    from changes.domain.evidence import PackScope
    from changes.models import EvidencePack
    from changes.services.evidence.asking import pack_ask
    from changes.services.evidence.making import pack_make
    from changes.services.evidence.storing import stored_parts

    settings.EVIDENCE_REPORT = "tests.bench.export_bench.timed_report"
    actor = Actor(user_id=None, username="bench", origin=Origin.COMMAND)
    filters = {"action": CHOSEN} if scope == "filter" else None
    with sealer():
        asked = pack_ask(actor=actor, scope=PackScope(scope), filters=filters)
        asked_at = time.perf_counter()
        while pack_make(asked.pk) == "waiting":
            EvidencePack.objects.filter(pk=asked.pk).update(not_before=None)
            time.sleep(0.2)
            asked_at = time.perf_counter()
        wall_s = time.perf_counter() - asked_at
    made = EvidencePack.objects.get(pk=asked.pk)
    assert made.state == "ready", made.detail
    with pack_file(scope).open("wb") as file:
        file.writelines(stored_parts(made))
    return {"rows_s": events / (wall_s - sum(reported())), "report_s": sum(reported()), "mib": made.size / 2**20}


def reported() -> list[float]:
    """As above; this file is run as ``__main__``, and the report's function is found by its module's name."""
    from tests.bench import export_bench

    return export_bench.report_s


def pack_file(scope: str) -> Path:
    return Path(os.environ["COUNTERSIGN_HOME"]) / f"{scope}.zip"


def check(scope: str, events: int) -> Figures:
    """Checked as an auditor would, on a bare interpreter that tells its own peak at the end."""
    verifier = BASE_DIR / "changes" / "evidence" / "verify.py"
    began = time.perf_counter()
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", BARE, str(verifier), str(pack_file(scope))],
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.perf_counter() - began
    assert done.returncode == 0, done.stdout + done.stderr
    return {"rows_s": events / wall_s, "checker_mib": int(done.stderr) / 1024}


def measured(phase: str, events: int) -> Figures:
    name, _, of = phase.partition(" ")
    if name in LOG:
        figures = LOG[name](events)
    elif name == "export":
        figures = export(of, events)
    else:
        figures = pack(of, events) if name == "pack" else check(of, events)
    return {**figures, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


LOG = {"fill": fill, "seal": seal, "verify": verify, "prove": prove}
PHASES = (
    "fill",
    "seal",
    "verify",
    "prove",
    "export jsonl",
    "export csv",
    "pack whole",
    "check whole",
    "pack filter",
    "check filter",
)


def run_phase(phase: str, events: int) -> None:
    import django

    from portal.start import prepare

    prepare(attach_database=True)
    django.setup()
    sys.stdout.write(json.dumps(measured(phase, events)) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--phases", nargs="+", choices=PHASES[2:], default=PHASES[2:], help="these alone")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        run_phase(options.phase, options.events)
        return
    base = Path(tempfile.mkdtemp(prefix="cs-bench-", dir="/tmp"))
    base.chmod(0o755)
    environment = {**os.environ, "COUNTERSIGN_HOME": str(base / "var"), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    environment.pop("DATABASE_URL", None)
    try:
        for phase in (*PHASES[:2], *options.phases):
            tell(phase, options.events, environment)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def tell(phase: str, events: int, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.bench.export_bench", "--events", str(events), "--phase", phase]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    told = "  ".join(f"{name} {value:,.1f}" for name, value in figures.items())
    sys.stdout.write(f"{phase:<14}{time.perf_counter() - began:7.1f} s  {told}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
