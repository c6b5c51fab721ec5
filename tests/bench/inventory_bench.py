"""Measure the memory of a synchronisation with 1,000 and 10,000 devices: `python -m tests.bench.inventory_bench`.

Uses the database of COUNTERSIGN_HOME, under the source name `netbox`: give it a home of its own. Prints a table.
"""

import os
import subprocess
import sys
import time

from tests.integration.inventory.netbox_stub import TOKEN, netbox_stub

SYNC = """
import resource
from portal.start import prepare
prepare(attach_database=True)
import django
django.setup()
from django.core.management import call_command
call_command("devices_sync", "netbox")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def measure(count: int, *, changed: bool) -> None:
    """One synchronisation in a process of its own, against a stub with ``count`` devices."""
    with netbox_stub() as stub:
        for number in range(1, count + 1):
            stub.add(number, serial=f"{'A' if changed else 'B'}{number}")
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "NETBOX_URL": stub.url,
            "NETBOX_TOKEN": TOKEN,
        }
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", SYNC], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        seconds = time.monotonic() - began
    *told, peak = done.stdout.split("\n")[:-1]
    sys.stdout.write(f"{count:6,} devices  {seconds:6.1f} s  peak {int(peak) / 1024:6.1f} MiB  {told[-1]}\n")


def main() -> None:
    """First loads, then loads in which every device changed."""
    for count in (1_000, 10_000):
        measure(count, changed=False)
        measure(count, changed=True)


if __name__ == "__main__":
    main()
