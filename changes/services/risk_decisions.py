"""What people decide about the risk of a change, within the rules: answers to questions, and other levels."""

from __future__ import annotations

from typing import Final

from audit.actor import Actor
from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.overriding import RISK_IN_REVIEW, may_answer, may_override
from changes.domain.risk.questions import with_answer
from changes.domain.states import ChangeState, PlanState
from changes.errors import ConflictError, DigestMismatchError, PlanNotReadyError
from changes.models import ChangeRequest, PlanRevision, RiskAnswer, RiskAssessment, RiskOverride
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.rejudging import change_rejudge
from changes.services.risk import answered, newest_of, risk_assess, risk_audit, risk_newest
from changes.services.risk_facts import risk_facts
from changes.services.transitions import remembering_refusal

MAX_REASON: Final = 2000


def risk_answer(*, change_id: int, actor: Actor, fact: str, answer: str, plan_digest: str) -> RiskAssessment:
    """Answer the question about a fact that no system knows, for exactly this plan; audited.

    In review an answer may raise the level, and never lower it. Where the policy then asks more, it is asked for.

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
        with_answer(answered(risk_facts(change, revision), revision), fact, answer)
        before = change.risk_level
        row = RiskAnswer.objects.create(
            change=change, revision=revision, plan_digest=revision.digest, fact=fact, answer=answer, person_id=person.id
        )
        risk_audit(
            change, revision, "risk_answer", row.pk, "risk.answered", actor, details={"fact": fact, "answer": answer}
        )
        risk_assess(change, revision, actor=actor)
        _refuse_lower(change, before)
        change_rejudge(change.pk)
        return newest_of(revision)


def risk_override(*, change_id: int, actor: Actor, level: str, plan_digest: str, reason: str = "") -> RiskAssessment:
    """Set another level than the one that holds, for exactly this plan; audited.

    Upward: who wrote or edited the change, or a change manager. Downward: a change manager who has no hand in it, with
    a reason, and only while the change is a draft. Where the policy then asks more, it is asked for.

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
            assessed = newest_of(revision)
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
        risk_audit(change, revision, "risk_override", row.pk, "risk.overridden", actor, reason=reason, details=said)
        risk_assess(change, revision, actor=actor)
        _refuse_lower(change, before)
        change_rejudge(change.pk)
        return newest_of(revision)


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
