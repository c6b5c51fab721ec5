"""One change as one person sees it: what every page about a change starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Count, Q, Sum
from django.shortcuts import get_object_or_404

from audit.actor import Actor
from changes.domain import policy
from changes.domain.policy import ChangeFacts, Person, Verdict
from changes.domain.run_states import RunState
from changes.domain.states import ChangeEvent, ChangeState, DevicePlanState, PlanState
from changes.models import ChangeRequest, DevicePlan, PlanRevision, Run
from changes.services.delegations import absent_members, acting_for
from changes.services.people import facts_of


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """A revision's device plans added up; ``states`` counts them by state."""

    states: Mapping[str, int] = field(default_factory=dict)
    added: int = 0
    removed: int = 0
    warned: int = 0

    @property
    def devices(self) -> int:
        """All devices of the plan."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """Devices whose planning has ended, one way or the other."""
        waiting = self.count(DevicePlanState.PENDING) + self.count(DevicePlanState.BUILDING)
        return self.devices - waiting

    def count(self, state: DevicePlanState) -> int:
        """How many device plans are in one state."""
        return self.states.get(state.value, 0)


def plan_totals(revision: PlanRevision | None) -> PlanTotals:
    """Add a revision's device plans up; one query."""
    if revision is None:
        return PlanTotals()
    rows = (
        DevicePlan.objects.filter(revision=revision)
        .order_by("state")
        .values("state")
        .annotate(
            count=Count("pk"),
            added=Sum("lines_added"),
            removed=Sum("lines_removed"),
            warned=Count("pk", filter=~Q(warnings=[])),
        )
    )
    counted = list(rows)
    return PlanTotals(
        states={row["state"]: row["count"] for row in counted},
        added=sum(row["added"] for row in counted),
        removed=sum(row["removed"] for row in counted),
        warned=sum(row["warned"] for row in counted),
    )


@dataclass(frozen=True)
class Sight:
    """A change, who looks at it, and what the rules say about the two."""

    change: ChangeRequest
    actor: Actor
    person: Person
    facts: ChangeFacts
    totals: PlanTotals
    runs: tuple[Run, ...]

    @property
    def state(self) -> ChangeState:
        """Where the change stands."""
        return ChangeState(self.change.state)

    @property
    def revision(self) -> PlanRevision | None:
        """The plan that counts now."""
        return self.change.revision

    @property
    def plan_ready(self) -> bool:
        """Whether there is a plan that people can decide on."""
        return self.revision is not None and self.revision.state == PlanState.READY

    @property
    def plan_building(self) -> bool:
        """Whether workers are at the plan."""
        return self.revision is not None and self.revision.state == PlanState.BUILDING

    @property
    def run(self) -> Run | None:
        """The latest run."""
        return self.runs[0] if self.runs else None

    @property
    def run_is_open(self) -> bool:
        """Whether the latest run still goes on."""
        return self.run is not None and self.run.state != RunState.ENDED

    @cached_property
    def verdicts(self) -> Mapping[ChangeEvent, Verdict]:
        """What this person may cause now, for each event that the state allows and people can cause.

        Who cannot approve for themself may still do so for an absent member.
        """
        own = policy.verdicts(self.person, self.facts)
        return {event: Verdict() if self.absent.get(event) else verdict for event, verdict in own.items()}

    @cached_property
    def absent(self) -> Mapping[ChangeEvent, tuple[tuple[int, str], ...]]:
        """For whom the person may approve now, by a delegation: ids and usernames. One query in review."""
        judges = {ChangeState.ASSESSMENT: policy.may_assess, ChangeState.AUTHORIZATION: policy.may_approve}
        judge = judges.get(self.state)
        if judge is None:
            return {}
        event = ChangeEvent.ASSESS if self.state is ChangeState.ASSESSMENT else ChangeEvent.AUTHORIZE
        stage, digest = policy.deciding_stage(self.facts, event), self.facts.plan_digest
        found = tuple(
            (pk, name)
            for pk, name in absent_members(self.person)
            if judge(self.person, self.facts, seen_digest=digest, acting_for=acting_for(self.person, pk, stage))
        )
        return {event: found} if found else {}

    @cached_property
    def approves_alone(self) -> bool:
        """Whether the person may approve in their own right."""
        own = policy.verdicts(self.person, self.facts)
        return any(own.get(event, Verdict(())) for event in (ChangeEvent.ASSESS, ChangeEvent.AUTHORIZE) if event in own)

    @property
    def may_abstain(self) -> bool:
        """Whether the person could approve in a stage that still lacks approvals, so that they may abstain."""
        return bool(policy.may_abstain_now(self.person, self.facts))


def change_or_404(change_id: int) -> ChangeRequest:
    """A change with its people and its current revision; one query."""
    changes = ChangeRequest.objects.select_related("author", "last_editor", "revision__requested_by")
    return get_object_or_404(changes, pk=change_id)


def sight_of(change: ChangeRequest, actor: Actor, person: Person) -> Sight:
    """Gather what the pages about a change need; six queries."""
    return Sight(
        change=change,
        actor=actor,
        person=person,
        facts=facts_of(change),
        totals=plan_totals(change.revision),
        runs=tuple(change.runs.select_related("started_by", "revision").order_by("-id")),
    )
