"""What an evidence pack of a large change takes to make and to check: `make bench BENCH=pack`.

A server of its own; a change of `--devices` devices that was carried out by the worker's journal, and as many events
about it as `--events` says. The pack is made in this process, whose memory is measured, and checked by `verify.py` in a
bare Python. The report's PDF is left out: its length does not depend on the size of the change.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.gate_bench import sealer


def no_report(*_all: object) -> list[tuple[str, bytes]]:
    return []


def status(name: str) -> float:
    """A figure of this process from /proc, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(name)


@contextmanager
def measured(what: str) -> Iterator[None]:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak to the present size
    start, began, used = status("VmRSS"), time.perf_counter(), time.process_time()
    yield
    took, cpu, grew = time.perf_counter() - began, time.process_time() - used, status("VmHWM") - start
    sys.stdout.write(f"{what:<32} {took:7.1f} s, of it {cpu:6.1f} s on the processor, {grew:6.1f} MiB more memory\n")


def filled(devices: int, events: int) -> int:
    """A change of so many devices, with so many events about it; its id."""
    from django.db import connection, transaction

    from audit.actor import Actor
    from audit.models import Event
    from audit.recorder import INSERT_SELECT, event_values, record
    from changes.services.approvals import change_approve, change_assess, plan_open
    from changes.services.execution import change_start
    from changes.services.requests import change_submit
    from tests.factories import Cast, DeviceFactory, actor, carried_out, draft, ready_plan

    cast, worker = Cast.create(), Actor.system("worker")
    change = draft(cast.author)
    revision = ready_plan(change, DeviceFactory.create_batch(devices))
    with transaction.atomic():
        record(
            actor=worker, action="plan.ready", object_type="plan", object_id=revision.pk, change_id=change.pk,
            state_from="building", state_to="ready", details={"digest": revision.digest},
        )  # fmt: skip
    change_submit(change_id=change.pk, requester=actor(cast.author))
    for person, decide in ((cast.peer, change_assess), (cast.approver, change_approve)):
        plan_open(revision=revision, actor=actor(person))
        decide(change_id=change.pk, approver=actor(person), plan_digest=revision.digest)
    run = carried_out(change_start(change_id=change.pk, implementer=actor(cast.author)))
    missing = events - Event.objects.filter(change_id=run.change_id).count()
    for start in range(0, missing, 5_000):
        with transaction.atomic(), connection.cursor() as cursor:
            events_of = (
                event_values(
                    actor=worker, action="wave.checking", object_type="run", object_id=run.pk,
                    change_id=run.change_id, details={"visits": number, "plan_digest": run.plan_digest},
                )
                for number in range(start, min(start + 5_000, missing))
            )  # fmt: skip
            cursor.executemany(INSERT_SELECT, list(events_of))
    return run.change_id


ALONE = """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""
"""Runs a program and prints its own peak of memory, in KiB, as the last line."""


def measure(home: Path, devices: int, events: int) -> None:
    import django

    from portal.start import prepare

    prepare(attach_database=True)
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from audit.models import Event
    from audit.sealing.proof import sealing_lag
    from changes.evidence import verify

    settings.EVIDENCE_REPORT = f"{__name__}.no_report"
    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("audit_key", "make", "--name", "bench.example.net/audit", stdout=sys.stderr, stderr=sys.stderr)
    with sealer(home):
        began = time.perf_counter()
        change_id = filled(devices, events)
        while sealing_lag().pending:
            time.sleep(0.2)
        count = Event.objects.filter(change_id=change_id).count()
        said = f"{devices} devices, {count} events about the change, made in {time.perf_counter() - began:.0f} s"
        sys.stdout.write(f"{said}; load {os.getloadavg()[0]:.1f}\n")
        pack = home / "pack.zip"
        with measured("pack of the change, made"):
            call_command("evidence_pack", change=f"CHG-{change_id:05d}", out=pack, stdout=sys.stderr)
        whole = home / "whole.zip"
        with measured("pack of the whole log, made"):
            call_command("evidence_pack", whole_log=True, out=whole, stdout=sys.stderr)
    connection.close()
    key = (Path(settings.AUDIT_VERIFIERS).read_text().splitlines())[-1]
    for path in (pack, whole):
        command = [sys.executable, "-I", "-S", "-c", ALONE, verify.__file__, str(path), "--key", key]
        began = time.perf_counter()
        with (home / "said").open("wb") as said_by_it:
            child = subprocess.Popen(command, stdout=said_by_it, stderr=said_by_it)
            _pid, status_of_it, used = os.wait4(child.pid, 0)
        said, _, peak = (home / "said").read_text().rstrip().rpartition("\n")
        sys.stdout.write(
            f"{path.name + ' checked':<32} {time.perf_counter() - began:7.1f} s, of it {used.ru_utime:6.1f} s on the"
            f" processor, at most {int(peak) / 1024:.0f} MiB; {path.stat().st_size / 2**20:.1f} MiB of archive;"
            f" exit code {os.waitstatus_to_exitcode(status_of_it)}\n{said.partition('What this does')[0]}"
        )


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--devices", type=int, default=1_000)
    arguments.add_argument("--events", type=int, default=100_000)
    given = arguments.parse_args()
    base = Path(tempfile.mkdtemp(prefix="cs-bench-", dir="/tmp"))
    base.chmod(0o755)
    home = base / "var"
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(COUNTERSIGN_HOME=str(home), DJANGO_SETTINGS_MODULE="portal.settings")
    try:
        measure(home, given.devices, given.events)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
