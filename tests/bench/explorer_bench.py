"""How fast the audit explorer turns its pages in a large log: `make bench BENCH=explorer`.

A server of its own gets ten million events (`ARGS="--events 1000000"` for fewer), with leaves and checkpoints. Each
filter of the page, each pair of them and 200 larger combinations are asked for, each with many values: the first page,
and one that begins somewhere deep in the log, 50 events each with their proof states. It prints the times of a page in
milliseconds, how many queries it took, and the index that the events were read by. Bodies are short and nothing is
signed: the explorer's list reads neither.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from portal.environment import BASE_DIR
from tests.bench.explorer_data import DEVICES, EVENTS_OF_A_CHANGE, PEOPLE, UNSEALED, fill

SETTINGS = "tests.integration.audit.log_settings"
LIMIT_MS = 100.0
Query = dict[str, str]


def makers(events: int, dice: random.Random) -> dict[str, Callable[[], str]]:
    """For each filter, values that people ask for: common ones, rare ones, some that are not there."""
    some: Callable[[], int] = lambda: dice.randint(1, events)  # noqa: E731 - a name for the short lines below
    days: Callable[[int], str] = lambda day: f"{2024 + (304 + day) // 365}-{1 + day % 12:02}-{1 + day % 28:02}"  # noqa: E731
    return {
        "actor": lambda: dice.choice(["worker", "leaver", f"person{dice.randrange(PEOPLE)}", "nobody"]),
        "origin": lambda: dice.choice(["web", "system", "api", "command"]),
        "action": lambda: dice.choice(
            ["device_run.step_entered", "plan.migrated", f"thing.action{dice.randrange(40)}"]
        ),
        "object_type": lambda: dice.choice(["device_run", "change", "approval", "kill_switch", "meeting"]),
        "object_id": lambda: str(some() // 7),
        "change_id": lambda: str(1 + some() // EVENTS_OF_A_CHANGE),
        "device_id": lambda: str(1 + dice.randrange(DEVICES)),
        "code": lambda: dice.choice([f"CODE_{dice.randrange(70)}", "CODE_0", "CODE_NONE"]),
        "request_id": lambda: f"r{some() // 5}",
        "text": lambda: dice.choice(["fra-acc-17", "maintenance window", f"building {dice.randrange(900)}", "zzz"]),
        "since": lambda: days(dice.randrange(700)),
        "until": lambda: days(dice.randrange(30, 730)),
        "ids": lambda: ",".join(str(some()) for _ in range(200)),
    }


def ask(events: int, rounds: int) -> float:
    """Print a line for each combination; the worst p95."""
    dice = random.Random(6962)
    values = makers(events, dice)
    worst = 0.0
    singles: list[Iterable[tuple[str, ...]]] = [[()], *([(name,)] for name in values)]
    pairs = [[pair] for pair in itertools.combinations(values, 2)]
    many = [tuple(dice.sample([*values], dice.randint(3, 8))) for _ in range(200)]
    sys.stdout.write(f"{'filters':<28}{'first page p50/p95':>20}{'deep page p50/p95':>20}  queries  read by\n")
    for group in (*singles, *pairs, many):
        names = [*group]
        label = " ".join(names[0]) or "(none)" if len(names) == 1 else f"{len(names)} of 3 to 8"
        asked = [{name: values[name]() for name in each} for each in names for _ in range(max(1, rounds // len(names)))]
        first = [timed(query, None) for query in asked]
        deep = [timed(query, dice.randint(events // 20, events)) for query in asked]
        worst = max(worst, p95(first), p95(deep))
        queries, index = shape(asked[0])
        sys.stdout.write(f"{label:<28}{told(first):>20}{told(deep):>20}  {queries:>7}  {index}\n")
        sys.stdout.flush()
    return worst


def timed(query: Query, before: int | None) -> float:
    from audit.filters import EventFilter
    from audit.sealing.proof import proof_state
    from audit.selectors import event_page

    began = time.perf_counter()
    page = event_page(EventFilter.parse(query), before_id=before)
    proof_state(event.pk for event in page.events)
    return (time.perf_counter() - began) * 1000


def shape(query: Query) -> tuple[int, str]:
    """How many queries the first page takes, and by which indexes PostgreSQL reads the events."""
    from django.db import connection

    seen: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: ANN401 - Django's own
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        timed(query, None)
    events = [each for each in seen if re.search(r' walked WHERE|"audit_event"."id" IN', each[0])]
    if not events:
        return len(seen), "nothing to read"
    sql, params = events[0]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    found = re.findall(r"(?:using|on) (audit_event_\w+)", plan) or ["no index"]
    return len(seen), ", ".join(dict.fromkeys(found)) + (" SORTED" if "Sort" in plan else "")


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


def told(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} / {p95(times):.1f}"


def filled(events: int) -> bool:
    """Whether a folder that was kept holds these events already: the leaves come last but one."""
    from audit.models import Event
    from audit.sealing.proof import sealing_lag

    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest == events and sealing_lag().pending == UNSEALED


def measure(events: int, rounds: int) -> None:
    import django

    from portal.start import prepare

    prepare(attach_database=True)
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from portal.schema_owner import as_schema_owner, grants_renew

    with as_schema_owner():
        call_command("migrate", verbosity=0, skip_checks=True)
        grants_renew()
        began = time.perf_counter()
        if not filled(events):
            fill(events)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_size_pretty(pg_total_relation_size('audit_event')), version()")
            size, version = cursor.fetchone()
    sys.stdout.write(
        f"{events:,} events, {size}, made in {time.perf_counter() - began:.0f} s; {version.split(' on ')[0]}\n"
    )
    if not rounds:
        return
    worst = ask(events, rounds)
    sys.stdout.write(f"worst p95 of a page: {worst:.1f} ms (to stay under {LIMIT_MS:.0f})\n")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=40, help="Pages of each kind for each combination; 0: only fill.")
    parser.add_argument("--keep", type=Path, help="A folder in which the filled database stays, to be measured again.")
    parser.add_argument("--phase", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        measure(options.events, options.rounds)
        return
    base = options.keep or Path(tempfile.mkdtemp(prefix="cs-bench-", dir="/tmp"))
    base.mkdir(exist_ok=True)
    base.chmod(0o755)
    environment = {**os.environ, "COUNTERSIGN_HOME": str(base / "var"), "DJANGO_SETTINGS_MODULE": SETTINGS}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "tests.bench.explorer_bench", "--events", str(options.events)]
    try:
        subprocess.run(
            [*command, "--rounds", str(options.rounds), "--phase"], env=environment, cwd=BASE_DIR, check=True
        )
    finally:
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
