"""The risk of a change: assessed from facts, completed by answers, and set by people within the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of
from changes.domain.risk.facts import RiskFacts
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.overriding import (
    RISK_IN_REVIEW,
    Override,
    effective_level,
    may_answer,
    may_override,
    standing_override,
)
from changes.domain.risk.questions import with_answer
from changes.domain.risk.scoring import Assessment, assess
from changes.domain.states import ChangeState, PlanState
from changes.errors import ConflictError, DigestMismatchError, PlanNotReadyError
from changes.models import ChangeRequest, PlanRevision, RiskAnswer, RiskAssessment, RiskOverride
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.risk_facts import risk_facts
from changes.services.transitions import remembering_refusal

ASSESSOR: Final = Actor.system("risk")
MAX_REASON: Final = 2000


def risk_assess(change: ChangeRequest, revision: PlanRevision, *, actor: Actor = ASSESSOR) -> Assessment:
    """Compute the risk of a locked change's ready plan again, keep it where it is another one, and set its level.

    ``change.risk_level`` is then the level that holds, with the override where one stands. What is equal to the newest
    assessment adds no row and no event.
    """
    facts = _answered(risk_facts(change, revision), revision)
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


def risk_answer(*, change_id: int, actor: Actor, fact: str, answer: str, plan_digest: str) -> RiskAssessment:
    """Answer the question about a fact that no system knows, for exactly this plan; audited.

    In review an answer may raise the level, and never lower it.

    Raises:
        PolicyDeniedError: neither who wrote or edited the change nor a change manager, or it was started.
        InvalidInputError: there is no such question, or the answer is none of the possible ones.
        DigestMismatchError: the plan was rebuilt after the person's page was drawn.
        ConflictError: ``RISK_IN_REVIEW``; the level would fall while people decide.
    """
    with remembering_refusal(actor=actor, attempt="risk_answer", change_id=change_id, fact=fact):
        change, revision = _planned(change_id, plan_digest)
        person = person_of(actor)
        enforce(may_answer(person, facts_of(change)))
        with_answer(_answered(risk_facts(change, revision), revision), fact, answer)
        before = change.risk_level
        row = RiskAnswer.objects.create(
            change=change, revision=revision, plan_digest=revision.digest, fact=fact, answer=answer, person_id=person.id
        )
        _audit(
            change, revision, "risk_answer", row.pk, "risk.answered", actor, details={"fact": fact, "answer": answer}
        )
        risk_assess(change, revision, actor=actor)
        _refuse_lower(change, before)
        return _newest(revision)


def risk_override(*, change_id: int, actor: Actor, level: str, plan_digest: str, reason: str = "") -> RiskAssessment:
    """Set another level than the one that holds, for exactly this plan; audited.

    Upward: who wrote or edited the change, or a change manager. Downward: a change manager who has no hand in it, with
    a reason, and only while the change is a draft.

    Raises:
        PolicyDeniedError: a rule forbids it to this person.
        InvalidInputError: there is no such level, or the reason is too long.
        DigestMismatchError: the plan was rebuilt after the person's page was drawn.
        ConflictError: ``RISK_IN_REVIEW``; the level would fall while people decide.
    """
    reason = reason.strip()
    with remembering_refusal(actor=actor, attempt="risk_override", change_id=change_id, level=level):
        wanted = _level(level, reason)
        change, revision = _planned(change_id, plan_digest)
        person = person_of(actor)
        assessed = risk_newest(revision)
        if assessed is None:
            risk_assess(change, revision, actor=actor)
            assessed = _newest(revision)
        enforce(
            may_override(person, facts_of(change), effective=RiskLevel(assessed.level), wanted=wanted, reason=reason)
        )
        before = change.risk_level
        row = RiskOverride.objects.create(
            change=change,
            revision=revision,
            plan_digest=revision.digest,
            level=wanted.value,
            computed=assessed.computed,
            reason=reason,
            person_id=person.id,
        )
        said = {"from": assessed.level, "to": wanted.value, "computed": assessed.computed}
        _audit(change, revision, "risk_override", row.pk, "risk.overridden", actor, reason=reason, details=said)
        risk_assess(change, revision, actor=actor)
        _refuse_lower(change, before)
        return _newest(revision)


def _planned(change_id: int, plan_digest: str) -> tuple[ChangeRequest, PlanRevision]:
    change = lock_change(change_id)
    revision = change.revision
    if revision is None or revision.state != PlanState.READY:
        raise PlanNotReadyError("There is no ready plan whose risk could be judged. Plan the change first.")
    if plan_digest != revision.digest:
        raise DigestMismatchError(given=plan_digest, current=revision.digest)
    return change, revision


def _level(level: str, reason: str) -> RiskLevel:
    if level not in set(RiskLevel):
        raise InvalidInputError({"level": [f"Choose one of: {one_of([each.value for each in RiskLevel])}."]})
    if len(reason) > MAX_REASON:
        raise InvalidInputError({"reason": [f"The reason has {len(reason)} characters; {MAX_REASON} are allowed."]})
    return RiskLevel(level)


def _refuse_lower(change: ChangeRequest, before: str) -> None:
    """What people decide about in review must not become less than they were asked for."""
    if change.state == ChangeState.DRAFT or not before:
        return
    if RiskLevel(change.risk_level).rank < RiskLevel(before).rank:
        raise ConflictError(
            "The change was submitted: until it is withdrawn its risk can be raised, not lowered. Withdraw it, or send"
            " it back, then lower the risk and submit it again.",
            code=RISK_IN_REVIEW,
        )


def _answered(facts: RiskFacts, revision: PlanRevision) -> RiskFacts:
    """With the newest answer to each question that is still open: what a system knows by now counts instead."""
    answers = dict(RiskAnswer.objects.filter(revision=revision).order_by("pk").values_list("fact", "answer"))
    for fact, answer in answers.items():
        if getattr(facts, fact, None) is None:
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
        _audit(
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


def _newest(revision: PlanRevision) -> RiskAssessment:
    return RiskAssessment.objects.filter(revision=revision).order_by("-pk")[0]


def _audit(  # all that an event consists of
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
