"""How long a policy takes to answer: `python -m tests.bench.policy_bench`. The limit is 5 ms.

The largest legal document (60 rules with 300 conditions and 3,000 values in all, every rule holding, so that every
reason is put into words) is asked about a plan for 10,000 devices at 1,000 sites; then the shipped policies.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime

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

LIMIT_MS = 5.0
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
    window=Period(datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)),
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


def milliseconds(policy: ApprovalPolicy) -> list[float]:
    """The time of each answer, sorted."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        evaluate(policy, PLAN)
        times.append((time.perf_counter() - start) * 1_000)
    return sorted(times)


def main() -> int:
    """Print a line per policy; 1 where the median is over the limit."""
    worst = 0.0
    for policy in (*map(shipped_policy, SHIPPED), largest()):
        times = milliseconds(policy)
        median = statistics.median(times)
        worst = max(worst, median)
        sys.stdout.write(f"{policy.label:16} median {median:6.3f} ms, 99 % below {times[int(ROUNDS * 0.99)]:6.3f} ms\n")
    return int(worst > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
