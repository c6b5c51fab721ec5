"""How long a policy takes to answer: `python -m tests.bench.policy_bench`. The limit is 5 ms.

The largest legal document (60 rules with 300 conditions and 3,000 values in all, every rule holding, so that every
reason is put into words) is asked about a plan for 10,000 devices at 1,000 sites; then the shipped policies. At last
the active policy through its service in a database of its own: the query for its digest, the kept document, the
plan's stored facts and the answer, as before each wave.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from changes.domain.approval_policy.condition_parsing import MAX_CONDITIONS, MAX_VALUES
from changes.domain.approval_policy.document import SCHEMA, ApprovalPolicy
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts, WarningFact
from changes.domain.approval_policy.parsing import MAX_RULES, parse_policy
from changes.domain.approval_policy.shipped_policies import SHIPPED, shipped_policy
from changes.domain.risk.levels import RiskLevel
from changes.domain.windows import Period
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind
from portal.start import prepare

LIMIT_MS = 5.0
WINDOW = Period(datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC))
ROUNDS = 500

PLAN = PlanFacts(
    risk=RiskLevel.HIGH,
    device_count=10_000,
    platforms={"cisco_ios": 6_000, "arista_eos": 4_000},
    roles={"access": 9_000, "core": 1_000},
    sites={f"site-{number}": 10 for number in range(1_000)},
    tags={f"tag-{number}": 10 for number in range(500)},
    tenants={f"tenant-{number}": 10 for number in range(200)},
    content=dict.fromkeys(ContentKind, 10_000),
    warnings=tuple(WarningFact(f"CODE_{number}", Severity.MAJOR, 10) for number in range(50)),
    window=WINDOW,
)


def largest() -> ApprovalPolicy:
    """A document at every limit of the parser."""
    leaves_each = (MAX_CONDITIONS - 2) // (MAX_RULES - 1) - 1
    values_each = MAX_VALUES // ((MAX_RULES - 1) * leaves_each)
    rules: list[object] = [{"name": "base", "when": "always", "ask": [{"stage": "peer"}, {"stage": "cab"}]}]
    for number in range(MAX_RULES - 1):
        names = [f"site-{(number * 7 + offset * 31) % 1_000}" for offset in range(values_each)]
        leaves: list[object] = [{"sites": names} for _ in range(leaves_each - 1)]
        leaves.append({"window": {"business_hours": "touched"}})
        rules.append({"name": f"rule-{number}", "when": {"all": leaves}, "ask": [{"stage": "cab", "quorum": 2}]})
    stages = [
        {"name": "peer", "title": "Peer", "step": "assessment", "groups": ["peer"]},
        {"name": "cab", "title": "CAB", "step": "authorization", "groups": ["cab"]},
    ]
    return parse_policy(
        {"schema": SCHEMA, "name": "largest", "version": 1, "title": "Largest", "stages": stages, "rules": rules}
    )


Times = tuple[list[float], list[float]]
"""Wall clock and CPU of each answer in milliseconds, each sorted."""


def milliseconds(answer: Callable[[], object]) -> Times:
    """Ask many times over."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        answer()
        cpus.append((time.process_time() - cpu) * 1_000)
        walls.append((time.perf_counter() - wall) * 1_000)
    return sorted(walls), sorted(cpus)


@contextmanager
def own_database() -> Iterator[None]:
    """A database that is removed afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    prepare(attach_database=True)
    import django

    django.setup()
    from django.conf import settings
    from django.test.utils import setup_databases, teardown_databases

    settings.DEBUG = False
    from tests.database import sign_in_as_superuser

    sign_in_as_superuser()
    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    try:
        yield
    finally:
        teardown_databases(databases, verbosity=0)


def through_the_service() -> Times:
    """The same by ``what_is_more``: the largest policy is active, and a submitted change is asked about again."""
    from django.db import connection

    from changes.models import ApprovalPolicyVersion, ChangeRequest, PlanRevision
    from changes.services.demanding import what_is_more

    policy = largest()
    with connection.cursor() as cursor:  # a policy cannot be taken away otherwise
        cursor.execute("ALTER TABLE changes_approvalpolicyversion DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM changes_approvalpolicyversion")
    ApprovalPolicyVersion.objects.create(
        name=policy.name, version=1, title=policy.title, document=policy.canonical().decode(), digest=policy.digest,
        state="active",
    )  # fmt: skip
    demand = evaluate(policy, PLAN)
    change = ChangeRequest(type="normal", risk_level="high", window_start=WINDOW.start, window_end=WINDOW.end)
    revision = PlanRevision(facts=PLAN.to_data(), demand=demand.to_data(), demand_digest=demand.digest)
    if what_is_more(change, revision):
        raise ValueError("the same policy asks more of the same facts")
    return milliseconds(lambda: what_is_more(change, revision))


def told(name: str, times: Times) -> float:
    """Print one line; returns the median by the wall clock."""
    walls, cpus = times
    median, last = statistics.median(walls), walls[int(ROUNDS * 0.99)]
    cpu = statistics.median(cpus)
    sys.stdout.write(f"{name:16} median {median:6.3f} ms, 99 % below {last:6.3f} ms; CPU median {cpu:6.3f} ms\n")
    return median


def main() -> int:
    """Print a line per policy; 1 where a median is over the limit."""
    policies = (*map(shipped_policy, SHIPPED), largest())
    worst = max(told(policy.label, milliseconds(partial(evaluate, policy, PLAN))) for policy in policies)
    with own_database():
        worst = max(worst, told("through service", through_the_service()))
    return int(worst > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
