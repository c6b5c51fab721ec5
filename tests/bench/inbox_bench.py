"""Server time of the inbox with 100,000 changes, 5,000 of them open: `python -m tests.bench.inbox_bench`.

The data is made by SQL in a database of its own, which is removed afterwards. Each page is asked for through Django's
test client, so that everything of the server counts (sessions, middleware, queries, templates), and nothing of a
network. “CPU” is that of Django alone: on a busy machine it says more than the time. Goal: 60 ms. `--explain` prints
the plans of the queries.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

from portal.start import prepare

GOAL_MS = 60.0


def main() -> None:
    """Fill, measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--explain", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    prepare(attach_database=True)
    import django

    django.setup()
    from django.conf import settings
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    settings.DEBUG = False
    setup_test_environment()
    from tests.database import sign_in_as_superuser

    sign_in_as_superuser()
    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    try:
        _measure(options)
    finally:
        teardown_databases(databases, verbosity=0)


def _measure(options: argparse.Namespace) -> None:
    from tests.bench.inbox_data import fill

    began = time.monotonic()
    people = fill(options.changes, options.open)
    sys.stdout.write(
        f"{options.changes:,} changes, {options.open:,} open, made in {time.monotonic() - began:.0f} s\n\n"
        f"{'who':12}{'page':34}{'least ms':>10}{'median ms':>11}{'p95 ms':>8}{'CPU ms':>8}{'queries':>9}\n"
    )
    worst = 0.0
    for name, user in people.items():
        for path in ("/", f"/?kind={_KIND[name]}", f"/?kind={_KIND[name]}&urgency=urgent", "/account/"):
            worst = max(worst, _row(name, user, path, options.rounds))
    if options.explain:
        _explain(people["everything"])
    sys.stdout.write(f"\nWorst p95 {worst:.1f} ms; the goal is {GOAL_MS:.0f} ms.\n")


_KIND = {"approver": "decide", "peer": "assess", "manager": "start", "author": "draft", "everything": "decide"}


def _row(name: str, user: object, path: str, rounds: int) -> float:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    queries = len(captured)
    if response.status_code != 200:
        raise SystemExit(f"{path} answered {response.status_code}")
    taken, worked = [], []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        client.get(path)
        taken.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - used) * 1000)
    p95 = statistics.quantiles(taken, n=20)[-1]
    sys.stdout.write(
        f"{name:12}{path:34}{min(taken):10.1f}{statistics.median(taken):11.1f}{p95:8.1f}{statistics.median(worked):8.1f}{queries:9}\n"
    )
    return p95


def _explain(user: object) -> None:
    from changes.domain.policy import Person
    from changes.models import ChangeRequest
    from changes.services.waiting import work_of

    roles = frozenset(user.groups.values_list("name", flat=True))  # type: ignore[attr-defined]
    for kind, rows in work_of(Person(user.pk, "bench", roles)).items():  # type: ignore[attr-defined]
        narrow = rows.values_list("pk", "urgent", "asked_at") if rows.model is ChangeRequest else rows
        sys.stdout.write(f"\n{kind}\n{narrow[:26].explain(analyze=True)}\n")
        counted = rows.order_by().values("pk")[:100]
        sys.stdout.write(f"\n{kind} counted\n{counted.explain(analyze=True)}\n")


if __name__ == "__main__":
    main()
