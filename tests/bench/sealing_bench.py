"""How fast events are sealed, verified and proved, and in how much memory: `make bench BENCH=sealing`.

A server of its own gets a million events (`ARGS="--events 100000"` for fewer), 600 bytes each. Then, each in a process
of its own, whose peak memory is told: everything is sealed in steps of 50,000 as the sealer does after an outage, all
is verified as `manage.py audit_verify` does, and 500 events are proved from the row up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from portal.environment import BASE_DIR

SETTINGS = "tests.integration.audit.log_settings"
PROOFS = 500
PART = 100_000

FILL = """
INSERT INTO audit_event (actor_id, actor_name, origin, request_id, ip, action, object_type, object_id, object_label,
    change_id, device_id, state_from, state_to, code, reason, body)
SELECT 1 + n %% 90, 'person' || n %% 90, 'web', 'r' || n, '192.0.2.1', 'device.checked', 'device', (n %% 1000)::text,
    'edge-' || n %% 1000, NULL, 1 + n %% 1000, '', '', 'CODE_' || n %% 70, 'checked before the change',
    '{"action":"device.checked","actor":{"id":' || 1 + n %% 90 || ',"ip":"192.0.2.1","name":"person' || n %% 90
    || '","origin":"web","request_id":"r' || n || '"},"after":{"lines":"' || repeat('x', 220)
    || '"},"before":null,"change_id":null,"code":"CODE_' || n %% 70 || '","details":null,"device_id":'
    || 1 + n %% 1000 || ',"object":{"id":"' || n %% 1000 || '","label":"edge-' || n %% 1000
    || '","type":"device"},"reason":"checked before the change","schema":"countersign.audit-event/1",'
    || '"state":{"from":"","to":""}}'
FROM generate_series(%s::bigint, %s::bigint) AS n
"""


def fill(events: int) -> dict[str, float]:
    from django.core.management import call_command
    from django.db import connection, transaction

    from portal.schema_owner import as_schema_owner, grants_renew

    with as_schema_owner():
        call_command("migrate", verbosity=0, skip_checks=True)
        grants_renew()
    call_command("audit_key", "make", "--name", "bench.example.net/audit", stdout=sys.stderr, stderr=sys.stderr)
    for first in range(1, events + 1, PART):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FILL, [first, min(first + PART - 1, events)])
    connection.close()
    return {}


def seal(events: int) -> dict[str, float]:
    from django.conf import settings

    from audit.sealing.database import connect_sealer
    from audit.sealing.keys import SealingKey
    from audit.sealing.seal import seal_once

    key, longest, count, steps = SealingKey.read(settings.AUDIT_KEY_FILE), 0.0, 0, 0
    began = time.perf_counter()
    with connect_sealer() as connection:
        while True:
            step_began = time.perf_counter()
            sealed = seal_once(connection, key)
            if sealed is None:
                break
            longest, count, steps = max(longest, time.perf_counter() - step_began), count + sealed.count, steps + 1
    wall_s = time.perf_counter() - began
    assert count >= events
    return {"rows_s": count / wall_s, "steps": steps, "longest_step_s": longest}


def check(events: int) -> dict[str, float]:
    from audit.sealing.trust import trusted_keys
    from audit.verify import verify

    began = time.perf_counter()
    report = verify(keys=trusted_keys())
    assert report.finding is None, report.finding
    assert report.events >= events
    return {"rows_s": report.events / (time.perf_counter() - began), "tiles": report.tiles}


def prove(events: int) -> dict[str, float]:
    from audit.sealing.proof import proof_state, sealing_lag

    chosen = random.Random(6962).sample(range(10, events), PROOFS)
    took = [timed(partial(is_proved, event_id)) for event_id in chosen]
    return {
        "proof_p50_ms": statistics.median(took) * 1000,
        "proof_p95_ms": statistics.quantiles(took, n=20)[-1] * 1000,
        "states_of_50_ms": timed(lambda: len(proof_state(chosen[:50])) == 50) * 1000,
        "lag_ms": timed(lambda: sealing_lag().pending == 0) * 1000,
    }


def is_proved(event_id: int) -> bool:
    from audit.sealing.proof import is_sealed

    return is_sealed(event_id)


def timed(action: Callable[[], bool]) -> float:
    began = time.perf_counter()
    assert action()
    return time.perf_counter() - began


PHASES = {"fill": fill, "seal": seal, "verify": check, "prove": prove}


def run_phase(name: str, events: int) -> None:
    import django

    from portal.start import prepare

    prepare(attach_database=True)
    django.setup()
    result = PHASES[name](events)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({**result, "peak_mib": peak_mib}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--phase", choices=[*PHASES], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        run_phase(options.phase, options.events)
        return
    base = Path(tempfile.mkdtemp(prefix="cs-bench-", dir="/tmp"))
    base.chmod(0o755)
    environment = {**os.environ, "COUNTERSIGN_HOME": str(base / "var"), "DJANGO_SETTINGS_MODULE": SETTINGS}
    environment.pop("DATABASE_URL", None)
    try:
        for phase in PHASES:
            command = [sys.executable, "-m", "tests.bench.sealing_bench", "--events", str(options.events)]
            began = time.perf_counter()
            done = subprocess.run(
                [*command, "--phase", phase],
                env=environment,
                cwd=BASE_DIR,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            figures = json.loads(done.stdout.splitlines()[-1])
            told = "  ".join(f"{name} {value:,.1f}" for name, value in figures.items())
            sys.stdout.write(f"{phase:<8}{time.perf_counter() - began:7.1f} s  {told}\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
