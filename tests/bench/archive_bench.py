"""How long archives take, and in how much memory: `make bench BENCH=archive`.

A server of its own gets 100,000 events whose time is over (`ARGS="--events 50000"` for fewer), 700 bytes each, and as
many that stay. Half are of changes with 100 events, half of none; a third have a text of a person. All is sealed. Then
what `manage.py audit_archive --apply` does is timed step by step, and the file is verified as `verify.py` does.
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
from pathlib import Path

from portal.environment import BASE_DIR

OF_A_CHANGE = 100

# An HMAC with a salt of zeros, in SQL: what opens it is checked as every other.
FILL = """
INSERT INTO audit_event (id, at, actor_id, actor_name, origin, request_id, ip, action, object_type, object_id,
    object_label, change_id, device_id, state_from, state_to, code, reason, body) OVERRIDING SYSTEM VALUE
SELECT n, now() - make_interval(days => %(days)s, mins => -n::int), NULL, 'worker', 'system', '', '', 'thing.noted',
    CASE WHEN change IS NULL THEN 'device' ELSE 'change' END, coalesce(change, n)::text, '', change, NULL,
    CASE WHEN last THEN 'draft' ELSE '' END, CASE WHEN last THEN 'canceled' ELSE '' END, '', '',
    '{"action":"thing.noted","actor":{"id":null,"ip":"","name":"worker","origin":"system","request_id":""},"after":'
    || '{"lines":"' || repeat('x', 300) || '"},"before":null,"change_id":' || coalesce(change::text, 'null')
    || ',"code":"","details":null,"device_id":null,"object":{"id":"' || coalesce(change, n) || '","label":"","type":"'
    || CASE WHEN change IS NULL THEN 'device' ELSE 'change' END || '"},"reason":'
    || CASE WHEN n %% 3 > 0 THEN '""' ELSE '{"redactable":"hmac-sha256:' || encode(sha256(
        decode(repeat('5c', 64), 'hex') || sha256(
        convert_to(repeat('6', 64) || 'Checked before the change ' || n, 'UTF8'))), 'hex') || '"}' END
    || ',"schema":"countersign.audit-event/2","state":{"from":"","to":""}}'
FROM (SELECT n, CASE WHEN n %% 2 = 0 THEN %(first)s + n / (2 * %(each)s) END AS change,
             n %% 2 = 0 AND (n / 2) %% %(each)s = 0 AS last
      FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n) AS made
"""
TEXTS = """
INSERT INTO audit_opening (event_id, path, salt, value)
SELECT id, '/reason', decode(repeat('00', 32), 'hex'), 'Checked before the change ' || id FROM audit_event
WHERE position('redactable' IN body) > 0 AND action = 'thing.noted'
"""
CHANGES = """
INSERT INTO changes_changerequest SELECT (jsonb_populate_record(NULL::changes_changerequest,
    to_jsonb(model) || jsonb_build_object('id', n, 'state',
    CASE WHEN n < %(until)s THEN 'canceled' ELSE 'draft' END))).*
FROM (SELECT * FROM changes_changerequest ORDER BY id LIMIT 1) model, generate_series(%(first)s, %(last)s) AS n
"""
NO_GUARDS = ("audit_event", "audit_opening", "changes_changerequest", "audit_retention_period")


def fill(events: int) -> dict[str, float]:
    from django.core.management import call_command
    from django.db import connection

    from portal.schema_owner import as_schema_owner, grants_renew
    from tests.database import as_superuser, sign_in_as_superuser
    from tests.factories import Cast, draft

    with as_schema_owner():
        call_command("migrate", verbosity=0, skip_checks=True)
        grants_renew()
    call_command("audit_key", "make", "--name", "bench.example.net/audit", stdout=sys.stderr, stderr=sys.stderr)
    connection.close()
    sign_in_as_superuser()
    model = draft(Cast.create().author).pk
    first = model + 1
    last = first + 2 * events // (2 * OF_A_CHANGE) + 1
    with as_superuser() as cursor:
        for table in NO_GUARDS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_is_enqueued")
        cursor.execute(CHANGES, {"first": first, "last": last, "until": first + events // (2 * OF_A_CHANGE)})
        cursor.execute("SELECT max(id) FROM audit_event")
        low = cursor.fetchone()[0] + 1
        for days, begin in ((3000, low), (30, low + events)):
            numbers = {"low": begin, "high": begin + events - 1, "first": first - low // (2 * OF_A_CHANGE)}
            cursor.execute(FILL, {**numbers, "days": days, "each": OF_A_CHANGE})
        cursor.execute(TEXTS)
        cursor.execute("SELECT setval(pg_get_serial_sequence('audit_event', 'id'), max(id)) FROM audit_event")
        cursor.execute("INSERT INTO audit_retention_period (change_class, days) VALUES ('normal', 700), ('none', 700)")
        for table in NO_GUARDS:
            cursor.execute(
                "SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    return {}


def seal(events: int) -> dict[str, float]:
    from django.conf import settings

    from audit.sealing.database import connect_sealer
    from audit.sealing.keys import SealingKey
    from audit.sealing.seal import seal_once

    key, count = SealingKey.read(settings.AUDIT_KEY_FILE), 0
    with connect_sealer() as connection:
        while sealed := seal_once(connection, key):
            count += sealed.count
    assert count >= 2 * events
    return {"sealed": count}


def archive(events: int) -> dict[str, float]:
    from django.conf import settings

    from audit.retention.archiving import Archivist
    from audit.retention.choosing import due_events
    from audit.sealing.database import connect_sealer
    from audit.sealing.memory import HeadMemory
    from audit.sealing.trust import trusted_keys

    took: dict[str, float] = {}
    began = time.perf_counter()

    def step(name: str) -> None:
        nonlocal began
        now = time.perf_counter()
        took[f"{name}_s"], began = now - began, now

    home = Path(settings.AUDIT_KEY_FILE).parent
    with connect_sealer() as connection:
        with connection.cursor() as cursor:
            due = due_events(cursor)
        step("due")
        made = Archivist(
            connection, folder=home / "archives", key_file=Path(settings.AUDIT_KEY_FILE),
            memory=HeadMemory(home / "last-signed"), keys=trusted_keys(), after=step,
        ).make(10 * events)  # fmt: skip
    assert made is not None
    return {"due": sum(each.events for each in due), "moved": made.events, **took}  # type: ignore[union-attr]


def check(events: int) -> dict[str, float]:
    from django.conf import settings

    from audit.sealing.trust import trusted_keys
    from changes.evidence import verify

    (file,) = (Path(settings.AUDIT_KEY_FILE).parent / "archives").glob("*.zip")
    began = time.perf_counter()
    assert verify.main([str(file), "--key", str(trusted_keys()[0].verifier)]) == 0
    return {"rows_s": events / (time.perf_counter() - began), "MiB": file.stat().st_size / 2**20}


PHASES = {"fill": fill, "seal": seal, "archive": archive, "verify": check}


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
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--phase", choices=[*PHASES], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        run_phase(options.phase, options.events)
        return
    base = Path(tempfile.mkdtemp(prefix="cs-bench-", dir="/tmp"))
    base.chmod(0o755)
    environment = {**os.environ, "COUNTERSIGN_HOME": str(base / "var"), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    environment.pop("DATABASE_URL", None)
    try:
        for phase in PHASES:
            command = [sys.executable, "-m", "tests.bench.archive_bench", "--events", str(options.events)]
            began = time.perf_counter()
            done = subprocess.run(
                [*command, "--phase", phase], env=environment, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True,
                check=True,
            )  # fmt: skip
            figures = json.loads(done.stdout.splitlines()[-1])
            told = "  ".join(f"{name} {value:,.1f}" for name, value in figures.items())
            load = os.getloadavg()[0]
            sys.stdout.write(f"{phase:<8}{time.perf_counter() - began:7.1f} s  load {load:.1f}  {told}\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
