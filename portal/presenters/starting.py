"""What will happen when a change is started, said before it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from changes.domain.states import DevicePlanState
from changes.models import Approval, Decision, DevicePlan
from changes.services.windows import window_of
from portal.presenters.sight import Sight
from portal.presenters.strategy import StrategyFact, strategy_facts
from portal.presenters.words import both, counted, group_label

NAMES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class StartFacts:
    """The confirm page of a start; ``names`` are the devices that will be written to."""

    digest: str
    revision: int
    devices: int
    unchanged: int
    where: str
    names: tuple[str, ...]
    more: int
    strategy: tuple[StrategyFact, ...]
    waves: int
    window: str
    approvals: tuple[str, ...]
    warned: int


def start_facts(sight: Sight) -> StartFacts | None:
    """The facts of the plan that would be executed; None without one. Two queries."""
    revision = sight.revision
    if revision is None or not sight.plan_ready:
        return None
    plans = DevicePlan.objects.filter(revision=revision, state=DevicePlanState.READY).order_by("position")
    rows = list(plans.values_list("device__name", "device__site", "wave"))
    signed = Approval.objects.filter(revision=revision, voided_at=None, decision=Decision.APPROVED).order_by("pk")
    sites = Counter(site or "no site" for _name, site, _wave in rows)
    return StartFacts(
        digest=revision.digest,
        revision=revision.number,
        devices=len(rows),
        unchanged=sight.totals.count(DevicePlanState.UNCHANGED),
        where=both([f"{counted(count, 'device')} in {site}" for site, count in sites.most_common(5)]),
        names=tuple(name for name, _site, _wave in rows[:NAMES_SHOWN]),
        more=max(0, len(rows) - NAMES_SHOWN),
        window=window.words if (window := window_of(sight.change)) else "",
        strategy=strategy_facts(revision.inputs.get("strategy", {})),
        waves=len({wave for _name, _site, wave in rows}),
        approvals=tuple(
            f"{name} ({group_label(stage)})" for name, stage in signed.values_list("approver__username", "stage")
        ),
        warned=sight.totals.warned,
    )
