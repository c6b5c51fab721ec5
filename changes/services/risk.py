"""The risk of a change: assessed from facts, completed by the answers and the levels that people gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.risk.facts import RiskFacts
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.overriding import (
    Override,
    effective_level,
    standing_override,
)
from changes.domain.risk.questions import with_answer
from changes.domain.risk.scoring import Assessment, assess
from changes.models import ChangeRequest, PlanRevision, RiskAnswer, RiskAssessment, RiskOverride
from changes.services.risk_facts import risk_facts

ASSESSOR: Final = Actor.system("risk")
MAX_REASON: Final = 2000


def risk_assess(
    change: ChangeRequest, revision: PlanRevision, *, actor: Actor = ASSESSOR, at: datetime | None = None
) -> Assessment:
    """Compute the risk of a locked change's ready plan again, keep it where it is another one, and set its level.

    ``change.risk_level`` is then the level that holds, with the override where one stands. What is equal to the newest
    assessment adds no row and no event. ``at``: the moment of a start; it counts where no window is set, in place of
    what a person answered.
    """
    facts = answered(risk_facts(change, revision, at=at), revision)
    found = assess(facts)
    overrides = list(RiskOverride.objects.filter(change=change).order_by("-pk"))
    standing = standing_override([_domain(each) for each in overrides], plan_digest=revision.digest)
    level = effective_level(found.level, standing, plan_digest=revision.digest)
    row = overrides[[_domain(each) for each in overrides].index(standing)] if standing else None
    _keep(change, revision, facts, found, level, row if level is not found.level else None, actor)
    return found


def risk_newest(revision: PlanRevision | None) -> RiskAssessment | None:
    """The newest assessment of a plan; None: it was never assessed. One query."""
    rows = RiskAssessment.objects.select_related("override__person")
    return rows.filter(revision=revision).order_by("-pk").first() if revision else None


def answered(facts: RiskFacts, revision: PlanRevision) -> RiskFacts:
    """With the newest answer to each question that is still open: what a system knows by now counts instead."""
    answers = dict(RiskAnswer.objects.filter(revision=revision).order_by("pk").values_list("fact", "answer"))
    for fact, answer in answers.items():
        if getattr(facts, fact, None) is None:
            with suppress(InvalidInputError):  # it is below what is known by now, so that the question is open again
                facts = with_answer(facts, fact, answer)
    return facts


def _domain(row: RiskOverride) -> Override:
    return Override(RiskLevel(row.level), RiskLevel(row.computed), row.person_id, row.reason, row.plan_digest)


def _keep(  # all that one assessment consists of
    change: ChangeRequest,
    revision: PlanRevision,
    facts: RiskFacts,
    found: Assessment,
    level: RiskLevel,
    override: RiskOverride | None,
    actor: Actor,
) -> None:
    newest = risk_newest(revision)
    values = {
        "weights": found.version,
        "facts": facts.to_data(),
        "result": found.to_data(),
        "score": found.score,
        "computed": found.level.value,
        "level": level.value,
        "override_id": override.pk if override else None,
    }
    if newest is None or any(getattr(newest, name) != value for name, value in values.items()):
        row = RiskAssessment.objects.create(change=change, revision=revision, plan_digest=revision.digest, **values)
        details = {"score": found.score, "computed": found.level.value, "weights": found.version}
        risk_audit(
            change,
            revision,
            "risk_assessment",
            row.pk,
            "risk.assessed",
            actor,
            details={**details, "missing": list(found.missing), "plan_digest": revision.digest},
            states=(change.risk_level, level.value),
        )
    if change.risk_level != level.value:
        change.risk_level = level.value
        change.save(update_fields=["risk_level"])


def newest_of(revision: PlanRevision) -> RiskAssessment:
    """The newest assessment of a plan that was assessed. One query."""
    return RiskAssessment.objects.filter(revision=revision).order_by("-pk")[0]


def risk_audit(  # all that an event consists of
    change: ChangeRequest,
    revision: PlanRevision,
    kind: str,
    pk: int,
    action: str,
    actor: Actor,
    *,
    reason: str = "",
    details: Mapping[str, object],
    states: Sequence[str] = ("", ""),
) -> None:
    """Write the event of one row about a risk: an assessment, an answer or an override."""
    record(
        actor=actor,
        action=action,
        object_type=kind,
        object_id=pk,
        object_label=f"{change.number} r{revision.number}",
        change_id=change.pk,
        state_from=states[0],
        state_to=states[1],
        reason=reason,
        details=details,
    )
