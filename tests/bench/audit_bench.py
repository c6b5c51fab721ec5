"""What the log's guards cost: `make bench BENCH=audit`. Goal: at least 0.75 of a plain insert, with 16 writers.

PostgreSQL's own pgbench writes events as the application's role, turn by turn with the same into a table of the same
columns, indexes and constraints, but without triggers; a ratio is the median of those of each two neighbours. Each
writer has 1,000 things of its own and writes about one of them by chance.

- *event*: one event that names no state; the trigger puts it into the sealer's queue.
- *text*: the same with a person's text beside it, which opens the commitment in its body; one statement.
- *state*: a row's change of state with its event; both constraint triggers look at COMMIT.

Each is measured with commits that wait for the disk, and with commits that do not, where the triggers' share is
largest. The database is one of its own and is removed afterwards.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from portal.start import prepare

GOAL: Final = 0.75
COLUMNS: Final = (
    "actor_id, actor_name, origin, request_id, ip, action, object_type, object_id, object_label, change_id, device_id,"
    " state_from, state_to, code, reason, body"
)
_THINGS: Final = 1000  # of each writer
_ANY_THING: Final = f"\\set thing :client_id * {_THINGS} + random(1, {_THINGS})\n"
# A colon before a letter would be a variable to pgbench, and a single brace one to format().
_BODY: Final = '{{"after": null, "before": null, "details": {{"text": "' + "x" * 500 + '"}}}}'
_EVENT: Final = (
    f"INSERT INTO {{table}} ({COLUMNS}) VALUES (7, 'olivia', 'web', 'c5b1', '192.0.2.7', 'change.moved', '{{kind}}',"  # noqa: S608
    f" :thing::text, 'CHG-00017', :thing, NULL, '{{before}}', '{{after}}', '', 'Looks good.',"
    f" '{_BODY}');"
)
_OPENED: Final = (
    "WITH event AS ({event} RETURNING id), opened AS (INSERT INTO {openings} (event_id, path, salt, value)"
    " SELECT id, '/reason', decode(repeat('5a', 32), 'hex'), 'Looks good.' FROM event) SELECT id FROM event;"
)
_EMPTY: Final = {"before": "", "after": "", "kind": "config"}
_SETUP: Final = """
CREATE TABLE bench_event (LIKE audit_event INCLUDING ALL);
CREATE TABLE bench_opening (LIKE audit_opening INCLUDING ALL);
CREATE TABLE bench_change (id bigint PRIMARY KEY, state text);
CREATE TABLE bench_plain (id bigint PRIMARY KEY, state text);
UPDATE audit_stateful SET table_name = 'bench_change' WHERE object_type = 'change';
SELECT audit_stateful_compile();
CREATE CONSTRAINT TRIGGER bench_change_needs_event AFTER INSERT OR UPDATE OF state ON bench_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_require_event('change', 'state');
"""
_BORN: Final = """
INSERT INTO {rows} SELECT n, 'a' FROM generate_series(1, {things}) n;
INSERT INTO {events} (actor_name, origin, request_id, ip, action, object_type, object_id, object_label, change_id,
    state_from, state_to, code, reason, body)
SELECT 'olivia', 'web', '', '', 'change.created', 'change', id::text, '', id, '', 'a', '', '', '{{}}' FROM {rows};
"""


def main() -> None:
    """Measure and print a table; ends with 1 where the goal is missed by commits that wait for the disk."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of one round of one side")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    prepare(attach_database=True)
    import django

    django.setup()
    from django.test.utils import setup_databases, teardown_databases

    from tests.database import sign_in_as_superuser

    sign_in_as_superuser()
    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    try:
        worst = _measure(options)
    finally:
        teardown_databases(databases, verbosity=0)
    sys.stdout.write(f"\nGoal: {GOAL}. {'Met' if worst >= GOAL else 'Missed'}.\n")
    sys.exit(0 if worst >= GOAL else 1)


def _measure(options: argparse.Namespace) -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET ROLE countersign_owner")
        cursor.execute(_SETUP)
        for rows, events in (("bench_plain", "bench_event"), ("bench_change", "audit_event")):
            cursor.execute(_BORN.format(rows=rows, events=events, things=options.writers * _THINGS))
            cursor.execute(f"ANALYZE {rows}, {events}")
        cursor.execute("RESET ROLE")
    write = sys.stdout.write
    write(f"{options.writers} writers, {options.rounds} rounds of {options.seconds} s for each side\n\n")
    write(f"{'what':8}{'commits':14}{'plain /s':>12}{'guarded /s':>12}{'ratio':>8}\n")
    ratios = {}
    for synchronous in ("on", "off"):
        for what, (plain, guarded) in _scripts().items():
            pairs = [
                (_rate(plain, synchronous, options), _rate(guarded, synchronous, options))
                for _ in range(options.rounds)
            ]
            ratio = statistics.median(mine / bare for bare, mine in pairs)
            ratios[what, synchronous] = ratio
            bare, mine = (statistics.median(side) for side in zip(*pairs, strict=True))
            words = "to the disk" if synchronous == "on" else "do not wait"
            write(f"{what:8}{words:14}{bare:12,.0f}{mine:12,.0f}{ratio:8.2f}\n")
    return min(ratio for (_what, synchronous), ratio in ratios.items() if synchronous == "on")


def _scripts() -> dict[str, tuple[str, str]]:
    """The statements of each kind: into the plain table, and into the log."""
    move = "BEGIN; UPDATE {rows} SET state = '{after}' WHERE id = :thing; {event} COMMIT;"

    def there_and_back(rows: str, table: str) -> str:
        steps = (("a", "b"), ("b", "a"))
        return "\n".join(
            move.format(
                rows=rows, after=after, event=_EVENT.format(table=table, kind="change", before=before, after=after)
            )
            for before, after in steps
        )

    def with_text(table: str, openings: str) -> str:
        event = _EVENT.format(table=table, **_EMPTY).removesuffix(";")
        return _OPENED.format(event=event, openings=openings)

    return {
        "event": (_EVENT.format(table="bench_event", **_EMPTY), _EVENT.format(table="audit_event", **_EMPTY)),
        "text": (with_text("bench_event", "bench_opening"), with_text("audit_event", "audit_opening")),
        "state": (there_and_back("bench_plain", "bench_event"), there_and_back("bench_change", "audit_event")),
    }


def _rate(script: str, synchronous: str, options: argparse.Namespace) -> float:
    """Runs of a script per second."""
    from django.conf import settings
    from django.db import connection

    from audit.database_roles import APPLICATION
    from portal.embedded_postgres import Layout, binaries

    layout = Layout.of(settings.COUNTERSIGN_HOME)
    values = connection.settings_dict
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(_ANY_THING + script.replace("; ", ";\n") + "\n")
        finished = subprocess.run(
            [
                str(binaries.programs(layout) / "pgbench"),
                *("-n", "-M", "prepared", "-f", str(file), "-T", str(options.seconds)),
                *("-c", str(options.writers), "-j", "2", "-h", str(values["HOST"]), "-U", APPLICATION),
                str(values["NAME"]),
            ],
            env={**os.environ, "PGOPTIONS": f"-c synchronous_commit={synchronous}"},
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"tps = ([\d.]+)", finished.stdout)
    if finished.returncode or not found:
        raise RuntimeError(finished.stderr or finished.stdout)
    return float(found[1])


if __name__ == "__main__":
    main()
