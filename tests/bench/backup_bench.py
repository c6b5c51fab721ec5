"""Measure the memory of a backup of all streams: `python -m tests.bench.backup_bench [COUNT ...]`.

For each count: simulated devices in a process of their own, and one process that backs all of them up, twice. Uses the
database of COUNTERSIGN_HOME and takes its devices over: give it a home of its own. Prints a table.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

BACKUP = """
import resource, sys
from portal.start import prepare
prepare(attach_database=True)
import django
django.setup()
from django.core.management import call_command
sys.stdout = sys.stderr
call_command("config_backup", source=["bench"])
sys.__stdout__.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""
COUNTS = (100, 1_000, 2_000)
TIMES = 2


def measure(count: int, inventory: Path, environment: dict[str, str]) -> None:
    """Bring the devices in, with their host keys, and back them up."""
    sync = [
        sys.executable,
        "manage.py",
        "devices_sync",
        str(inventory),
        "--name",
        "bench",
        "--pin-host-keys",
        "--accept-fewer",
    ]
    subprocess.run(sync, env=environment, stdout=subprocess.DEVNULL, check=True)
    for number in range(1, TIMES + 1):
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", BACKUP], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        seconds = time.monotonic() - began
        sys.stdout.write(
            f"{count:5,} devices  backup {number}  {seconds:6.1f} s  peak {int(done.stdout) / 1024:6.1f} MiB\n"
        )
        sys.stdout.flush()


def main(counts: tuple[int, ...]) -> None:
    """Each count in turn; the first backup keeps every text, the second compares."""
    home = Path(os.environ["COUNTERSIGN_HOME"])
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True)
    for count in counts:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings"}
        environment["DEVICE_CREDENTIALS"] = f"file:{home / f'lab-{count}' / 'credentials.yaml'}"
        lab = subprocess.Popen(
            [sys.executable, "manage.py", "lab", "--devices", str(count), "--home", str(home / f"lab-{count}")],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert lab.stdout is not None
            lab.stdout.readline()
            measure(count, home / f"lab-{count}" / "inventory.yaml", environment)
        finally:
            lab.terminate()
            lab.wait()


if __name__ == "__main__":
    main(tuple(int(word) for word in sys.argv[1:]) or COUNTS)
