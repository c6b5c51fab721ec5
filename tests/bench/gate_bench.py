"""How long an approval holds up the first write of a device: `make bench BENCH=gate`.

A server of its own, the sealer as it runs in production in a thread, and changes that people approve. From the commit
of the last approval it is asked every 10 ms whether a device may be written. *idle*: nothing else happens; *busy*:
`--writers` threads write events all the time. Then what the question itself costs: proved for the first time, and
remembered.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.factories import Cast


@contextmanager
def sealer(home: Path) -> Iterator[None]:
    from django.conf import settings

    from audit.sealing.database import connect_sealer
    from audit.sealing.memory import HeadMemory
    from audit.sealing.sealer import Sealer

    ending = threading.Event()
    loop = Sealer(connect=connect_sealer, key_file=Path(settings.AUDIT_KEY_FILE), memory=HeadMemory(home / "signed"))
    thread = threading.Thread(target=loop.run, args=(ending,))
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@contextmanager
def load(writers: int, written: list[int]) -> Iterator[None]:
    from django.db import connection, transaction

    from audit.actor import Actor
    from audit.recorder import ObjectType, record

    ending = threading.Event()

    def write() -> None:
        count, actor = 0, Actor.system("load")
        while not ending.is_set():
            with transaction.atomic():
                record(actor=actor, action="load.written", object_type=ObjectType.PRODUCT, object_id=1)
            count += 1
        written.append(count)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def delays(cast: Cast, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds from an approval to the leave to write, and of the last question and of one that is remembered."""
    from changes.services.approval_seals import ApprovalSeals
    from tests.factories import DeviceFactory, approved

    waited: list[float] = []
    first: list[float] = []
    again: list[float] = []
    for number in range(rounds):
        time.sleep(0.137 * (number % 8))  # not always at the same point of the sealer's second
        revision_id = approved(cast, [DeviceFactory.create()]).revision_id
        assert revision_id is not None
        began = time.perf_counter()
        while True:
            seals, asked = ApprovalSeals(), time.perf_counter()
            if seals.against(revision_id) is None:
                break
            time.sleep(0.01)
        waited.append(time.perf_counter() - began)
        first.append(time.perf_counter() - asked)
        asked = time.perf_counter()
        assert seals.against(revision_id) is None
        again.append(time.perf_counter() - asked)
    return waited, first, again


def told(name: str, values: list[float], unit_s: float, unit: str) -> str:
    of = sorted(value / unit_s for value in values)
    p95 = of[int(len(of) * 0.95)]
    return f"  {name:<28} median {statistics.median(of):8.2f}   p95 {p95:8.2f}   worst {of[-1]:8.2f} {unit}"


def measure(home: Path, rounds: int, writers: int) -> None:
    import django

    from portal.start import prepare

    prepare(attach_database=True)
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.factories import Cast

    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("audit_key", "make", "--name", "bench.example.net/audit", stdout=sys.stderr, stderr=sys.stderr)
    cast = Cast.create()
    for name, count in (("idle", 0), ("busy", writers)):
        written: list[int] = []
        with sealer(home):
            began = time.perf_counter()
            with load(count, written):
                waited, first, again = delays(cast, rounds)
            rate = sum(written) / (time.perf_counter() - began)
        sys.stdout.write(f"{name}: {rounds} approvals, {rate:.0f} other events/s\n")
        sys.stdout.write(told("approval to leave to write", waited, 1, "s") + "\n")
        sys.stdout.write(told("proved for the first time", first, 0.001, "ms") + "\n")
        sys.stdout.write(told("remembered", again, 0.001, "ms") + "\n")
    connection.close()


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--writers", type=int, default=8)
    given = arguments.parse_args()
    base = Path(tempfile.mkdtemp(prefix="cs-bench-", dir="/tmp"))
    base.chmod(0o755)
    home = base / "var"
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(COUNTERSIGN_HOME=str(home), DJANGO_SETTINGS_MODULE="portal.settings")
    try:
        measure(home, given.rounds, given.writers)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
