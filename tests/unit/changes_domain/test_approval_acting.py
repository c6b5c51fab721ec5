"""Who may act in a stage: groups, delegates, abstentions, expiry, carried-over approvals, and what time does."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from changes.domain import reasons
from changes.domain.approval_policy.carry_over import CarryOver, Revision, carry_over
from changes.domain.approval_policy.clock import Due, Notice, Waiting, due, expires_at, next_look, standing
from changes.domain.approval_policy.delegation import Delegation, why_no_delegation
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.stages import quorum_met
from changes.domain.policy import (
    ActingFor,
    ApprovalFact,
    ChangeFacts,
    Decision,
    Duty,
    Person,
    Stage,
    acting_group,
    deciding_stage,
    live_approvals,
    may_abstain,
    may_act_in,
    may_approve,
    may_resume,
    may_retry,
    may_start,
    may_withdraw_decision,
    stage_open,
)
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeEvent, ChangeState, ChangeType
from tests.unit.changes_domain import approval_documents as documents

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIGEST, OLD = "d" * 64, "e" * 64
AUTHOR, ME, ANA, AMIR, PETE = 1, 9, 11, 12, 13
PEER = Stage("peer", "peer", 1, ChangeEvent.ASSESS)
CAB = Stage("cab", "cab", 2, ChangeEvent.AUTHORIZE, delegates=("cab", "deputies"))
EVERYBODY = frozenset({AUTHOR, ME, ANA, AMIR, PETE})


def change(**changed: object) -> ChangeFacts:
    base = ChangeFacts(
        author_id=AUTHOR,
        state=ChangeState.AUTHORIZATION,
        plan_digest=DIGEST,
        opened_by=EVERYBODY,
        stages=(PEER, CAB),
        approvals=(given(PETE, "peer"),),
        now=NOW,
    )
    return replace(base, **changed)  # type: ignore[arg-type]  # the tests name the fields


def given(person: int, stage: str = "cab", **changed: object) -> ApprovalFact:
    base = ApprovalFact(person, stage, DIGEST, group=stage, given_at=NOW - HOUR)
    return replace(base, **changed)  # type: ignore[arg-type]  # the tests name the fields


def person(number: int, *roles: str) -> Person:
    return Person(number, {ME: "me", ANA: "ana", AMIR: "amir", PETE: "pete"}.get(number, "x"), frozenset(roles))


def delegation(principal: int = ANA, delegate: int = ME, **changed: object) -> Delegation:
    base = Delegation(principal, delegate, NOW - HOUR, NOW + HOUR)
    return replace(base, **changed)  # type: ignore[arg-type]  # the tests name the fields


def acting(principal: Person | None = None, **changed: object) -> ActingFor:
    who = person(ANA, "cab") if principal is None else principal
    made = Delegation(who.id, ME, NOW - HOUR, NOW + HOUR)
    return ActingFor(who, replace(made, **changed))  # type: ignore[arg-type]  # the tests name the fields


def approve_for(
    facts: ChangeFacts, acting_for: ActingFor, me: Person | None = None, seen: str = DIGEST
) -> tuple[str, ...]:
    verdict = may_approve(me or person(ME, "deputies"), facts, seen_digest=seen, acting_for=acting_for)
    for denial in verdict.reasons:
        assert reasons.reason(denial.code).code == denial.code
        assert denial.sentence.endswith(".")
    return verdict.codes


# Delegation


def test_a_delegate_whom_the_stage_allows_approves_for_an_absent_member() -> None:
    assert approve_for(change(), acting()) == ()
    assert acting_group(person(ME, "deputies"), change(), CAB, acting_for=acting()) == "cab"
    assert approve_for(change(), acting(groups=frozenset({"cab"}))) == ()


@pytest.mark.parametrize(
    ("facts", "acting_for", "me"),
    [
        (change(now=None), acting(), None),
        (change(), acting(end=NOW), None),
        (change(), acting(start=NOW + HOUR, end=NOW + 2 * HOUR), None),
        (change(), acting(revoked_at=NOW), None),
        (change(), acting(groups=frozenset({"peer"})), None),
        (change(), acting(delegate_id=AMIR), None),
        (change(), acting(principal_id=AMIR), None),
        (change(), acting(person(ANA, "peer")), None),
        (change(), acting(person(ANA, "cab", "auditor")), None),
        (change(), acting(), person(ME, "peer")),
        (change(), acting(), person(ME, "deputies", "auditor")),
        (change(), acting(person(ME, "cab")), person(ME, "cab")),
        (change(stages=(PEER, replace(CAB, delegates=()))), acting(), person(ME, "cab")),
    ],
)
def test_without_a_delegation_in_force_nobody_acts_for_another(
    facts: ChangeFacts, acting_for: ActingFor, me: Person | None
) -> None:
    assert "DELEGATION_REFUSED" in approve_for(facts, acting_for, me)


@pytest.mark.parametrize("hand", [{"author_id": ANA}, {"editor_ids": frozenset({ANA})}])
def test_nobody_approves_their_own_change_through_a_delegate(hand: dict[str, Any]) -> None:
    assert approve_for(change(**hand), acting()) == ("GATE_SELF_APPROVAL",)
    mine: dict[str, Any] = {"author_id": ME} if "author_id" in hand else {"editor_ids": frozenset({ME})}
    assert approve_for(change(**mine), acting()) == ("GATE_SELF_APPROVAL",)


@pytest.mark.parametrize("implementer", [ANA, ME])
def test_neither_the_delegate_nor_the_absent_member_implemented_it(implementer: int) -> None:
    assert approve_for(change(implementer_ids=frozenset({implementer})), acting()) == ("GATE_SELF_APPROVAL",)


@pytest.mark.parametrize(
    "earlier",
    [
        given(ANA),
        given(ME),
        given(ME, "peer"),
        given(ME, on_behalf_of=AMIR),
        given(AMIR, on_behalf_of=ANA),
        given(ANA, decision=Decision.ABSTAINED),
        given(ANA, "peer"),
    ],
)
def test_one_person_does_not_fill_a_quorum_twice_by_acting_for_several(earlier: ApprovalFact) -> None:
    facts = change(approvals=(given(PETE, "peer"), earlier))
    assert approve_for(facts, acting()) == ("GATE_DUPLICATE",)


def test_who_was_acted_for_does_not_decide_again_nor_implement() -> None:
    facts = change(approvals=(given(PETE, "peer"), given(ME, on_behalf_of=ANA)))
    verdict = may_approve(person(ANA, "cab"), facts, seen_digest=DIGEST)
    assert verdict.codes == ("GATE_DUPLICATE",)
    assert verdict.reasons[0].sentence.startswith("Somebody has, on your behalf, already decided")
    for who in (ME, ANA):
        assert may_start(person(who, "implementer"), facts).codes == ("GATE_SELF_APPROVAL",)


def test_a_delegate_must_have_opened_the_plan_and_name_its_digest() -> None:
    assert approve_for(change(opened_by=frozenset({ANA})), acting()) == ("PLAN_NOT_OPENED",)
    assert approve_for(change(), acting(), seen=OLD) == ("GATE_DIGEST_MISMATCH",)


def test_rows_that_should_not_be_there_are_not_counted_twice_either() -> None:
    twice = (given(ME, on_behalf_of=ANA), given(ME, on_behalf_of=AMIR))
    chained = (given(ME, on_behalf_of=ANA), given(ANA))
    for rows in (twice, chained):
        assert not quorum_met(CAB, rows)
        assert quorum_met(CAB, (*rows, given(PETE)))


def test_no_random_crowd_reaches_a_quorum_with_too_few_people() -> None:
    """Whatever people with any roles and delegations try, N approvals take N people who are not the author."""
    rng = random.Random(7)
    crowd = [AUTHOR, ME, ANA]
    stage = replace(CAB, quorum=3)
    for _ in range(300):
        facts = change(stages=(PEER, stage), implementer_ids=frozenset(rng.sample(crowd, rng.randint(0, 1))))
        for _ in range(12):
            who, for_whom = rng.choice(crowd), rng.choice([None, *crowd])
            roles = {each: rng.sample(["cab", "deputies", "peer", "auditor"], rng.randint(0, 3)) for each in crowd}
            me = person(who, *roles[who])
            acting_for = None
            if for_whom is not None:
                acting_for = ActingFor(person(for_whom, *roles[for_whom]), delegation(for_whom, who))
            if may_approve(me, facts, seen_digest=DIGEST, acting_for=acting_for):
                row = given(who, on_behalf_of=for_whom)
                facts = replace(facts, approvals=(*facts.approvals, row))
        assert stage_open(facts.stages, live_approvals(facts)) == stage
        assert all(AUTHOR not in fact.people for fact in facts.approvals)


@pytest.mark.parametrize(
    ("made", "others", "sentence"),
    [
        (delegation(), (), None),
        (delegation(delegate=ANA), (), "another person"),
        (delegation(end=NOW - HOUR), (), "end after it starts"),
        (delegation(end=NOW + timedelta(days=100)), (), "at most 92 days"),
        (delegation(), (delegation(delegate=AMIR, start=NOW),), "End it first"),
        (delegation(), (delegation(delegate=AMIR, start=NOW, revoked_at=NOW - HOUR),), None),
        (delegation(), (delegation(delegate=AMIR, start=NOW + HOUR, end=NOW + 2 * HOUR),), None),
        (delegation(groups=frozenset({"cab"})), (delegation(delegate=AMIR, groups=frozenset({"peer"})),), None),
        (delegation(groups=frozenset({"cab"})), (delegation(delegate=AMIR),), "End it first"),
    ],
)
def test_a_delegation_is_for_another_person_for_a_time_and_clear(
    made: Delegation, others: tuple[Delegation, ...], sentence: str | None
) -> None:
    found = why_no_delegation(made, others=others)
    assert (sentence in found[0]) if sentence else found == ()


# Several groups

BOTH = Stage("owners", "network", 2, ChangeEvent.AUTHORIZE, other_groups=("service",), from_each_group=True)


def test_each_group_gives_an_approval_where_the_stage_asks_for_it() -> None:
    network = (given(ANA, "owners", group="network"), given(AMIR, "owners", group="network"))
    assert not quorum_met(BOTH, network)
    assert quorum_met(BOTH, (*network, given(ME, "owners", group="service")))
    assert quorum_met(replace(BOTH, from_each_group=False), network)
    facts = change(stages=(BOTH,), approvals=network[:1])
    both = person(ME, "network", "service")
    assert acting_group(both, facts, BOTH) == "service"
    assert acting_group(both, change(stages=(BOTH,), approvals=()), BOTH) == "network"
    assert acting_group(person(ME, "cab"), facts, BOTH) is None
    assert may_act_in(person(ME, "service"), facts, BOTH)
    assert not may_act_in(person(ME, "cab"), facts, BOTH)


# Abstaining, withdrawing, threads, implementers


def test_an_abstention_counts_for_nothing_and_binds_until_it_is_withdrawn() -> None:
    assert may_abstain(person(ME, "cab"), change(), CAB)
    assert not may_abstain(person(AUTHOR, "cab"), change(), CAB)
    abstained = given(ME, decision=Decision.ABSTAINED)
    facts = change(approvals=(given(PETE, "peer"), given(ANA), abstained))
    assert not quorum_met(CAB, live_approvals(facts))
    assert may_approve(person(ME, "cab"), facts, seen_digest=DIGEST).codes == ("GATE_DUPLICATE",)
    assert may_withdraw_decision(person(ME), facts)
    withdrawn = replace(facts, approvals=(*facts.approvals[:2], replace(abstained, void=True)))
    assert may_approve(person(ME, "cab"), withdrawn, seen_digest=DIGEST)


@pytest.mark.parametrize("state", list(ChangeState))
def test_an_approval_is_withdrawn_before_the_change_is_implemented_and_not_after(state: ChangeState) -> None:
    before = {"assessment", "authorization", "approved", "scheduled", "stale"}
    verdict = may_withdraw_decision(person(PETE), change(state=state))
    assert verdict.allowed is (state in before)


def test_only_own_decisions_that_stand_are_withdrawn() -> None:
    assert not may_withdraw_decision(person(ME), change())
    assert not may_withdraw_decision(person(PETE), change(approvals=(given(PETE, "peer", void=True),)))
    assert not may_withdraw_decision(person(PETE), change(approvals=(given(PETE, decision=Decision.REJECTED),)))
    assert may_withdraw_decision(person(ANA), change(approvals=(given(ME, on_behalf_of=ANA),)))


def test_open_threads_hold_an_approval_back_only_where_the_policy_says_so() -> None:
    approve = person(ME, "cab")
    held = change(duties=frozenset({Duty.RESOLVE_THREADS}), unresolved_threads=2)
    assert may_approve(approve, held, seen_digest=DIGEST).codes == ("THREADS_UNRESOLVED",)
    assert may_approve(approve, replace(held, unresolved_threads=0), seen_digest=DIGEST)
    assert may_approve(approve, replace(held, duties=frozenset()), seen_digest=DIGEST)


def test_the_author_implements_unless_the_policy_asks_for_somebody_else() -> None:
    author = person(AUTHOR, "implementer")
    apart = change(duties=frozenset({Duty.IMPLEMENTER_APART}))
    for may in (may_start, may_resume, may_retry):
        assert may(author, change())
        assert may(author, apart).codes == ("GATE_SELF_APPROVAL",)
        assert may(person(ME, "implementer"), apart)


def test_only_a_standard_change_may_have_no_stage() -> None:
    with pytest.raises(ValueError, match="pre-approved"):
        change(stages=())
    assert change(stages=(), change_type=ChangeType.STANDARD).stages == ()


# Time

SHORT = replace(CAB, quorum=1, expires_after_h=24)


@pytest.mark.parametrize(
    ("given_at", "now", "counts"),
    [
        (NOW - 23 * HOUR, NOW, True),
        (NOW - 24 * HOUR, NOW, False),
        (None, NOW, False),
        (NOW - HOUR, None, False),
    ],
)
def test_an_approval_counts_for_so_long_as_its_stage_says(
    given_at: datetime | None, now: datetime | None, *, counts: bool
) -> None:
    facts = change(stages=(PEER, SHORT), approvals=(given(PETE, "peer"), given(ANA, given_at=given_at)), now=now)
    assert (stage_open(facts.stages, live_approvals(facts)) is None) is counts
    assert may_approve(person(ANA, "cab"), facts, seen_digest=DIGEST).allowed is not counts


def test_time_alone_never_adds_an_approval() -> None:
    rng = random.Random(3)
    for _ in range(200):
        rows = tuple(
            given(person_id, rng.choice(["peer", "cab"]), given_at=NOW - rng.randint(0, 60) * HOUR,
                  decision=rng.choice(list(Decision)), void=rng.random() < 0.2)
            for person_id in range(20, 20 + rng.randint(0, 6))
        )  # fmt: skip
        stages = (replace(PEER, expires_after_h=rng.choice([0, 10])), replace(CAB, expires_after_h=rng.choice([0, 30])))
        counts = [
            {fact.person_id for fact in live_approvals(change(stages=stages, approvals=rows, now=NOW + later * HOUR))}
            for later in (0, 1, 5, 50, 5_000)
        ]
        assert all(later <= earlier for earlier, later in pairwise(counts))


def test_a_stage_of_the_assessment_opens_again_when_its_approval_expired_during_the_authorization() -> None:
    peer = replace(PEER, expires_after_h=10)
    facts = change(stages=(peer, CAB), approvals=(given(PETE, "peer", given_at=NOW - 11 * HOUR),))
    assert deciding_stage(facts, ChangeEvent.AUTHORIZE) == peer
    assert may_approve(person(ME, "peer"), facts, seen_digest=DIGEST)
    assert not may_approve(person(ME, "cab"), facts, seen_digest=DIGEST)
    again = replace(facts, approvals=(*facts.approvals, given(ME, "peer")))
    assert deciding_stage(again, ChangeEvent.AUTHORIZE) == CAB


def test_stages_of_one_step_are_decided_one_after_the_other() -> None:
    owner = Stage("owner", "owner", 1, ChangeEvent.AUTHORIZE)
    assessed = (given(PETE, "peer"),)
    facts = change(stages=(PEER, owner, CAB), approvals=assessed)
    assert deciding_stage(facts, ChangeEvent.AUTHORIZE) == owner
    assert deciding_stage(replace(facts, approvals=(*assessed, given(ANA, "owner"))), ChangeEvent.AUTHORIZE) == CAB


def test_a_stage_of_the_assessment_opens_again_when_its_approval_was_withdrawn_during_the_authorization() -> None:
    withdrawn = replace(given(PETE, "peer"), void=True)
    facts = change(stages=(PEER, CAB), approvals=(withdrawn,))
    assert deciding_stage(facts, ChangeEvent.AUTHORIZE) == PEER
    assert not may_approve(person(ME, "cab"), facts, seen_digest=DIGEST)
    assert may_approve(person(PETE, "peer"), facts, seen_digest=DIGEST), "who withdrew it may decide again"
    assert deciding_stage(replace(facts, state=ChangeState.ASSESSMENT), ChangeEvent.AUTHORIZE) == CAB


def test_an_approval_by_somebody_who_has_a_hand_in_the_change_by_now_does_not_count() -> None:
    rows = (given(PETE, "peer"), given(ANA), given(AMIR))
    assert stage_open((PEER, CAB), live_approvals(change(approvals=rows))) is None
    edited = change(approvals=rows, editor_ids=frozenset({ANA}))
    assert stage_open((PEER, CAB), live_approvals(edited)) == CAB
    assert not may_start(person(ANA, "implementer"), edited), "having approved it, they do not start it either"


def test_the_first_moment_at_which_a_quorum_is_lost_is_known_beforehand() -> None:
    two = replace(CAB, expires_after_h=24)
    rows = (given(PETE, "peer"), given(ANA, given_at=NOW - 5 * HOUR), given(AMIR, given_at=NOW - HOUR))
    facts = change(stages=(PEER, two), approvals=rows)
    assert expires_at(facts) == NOW + 19 * HOUR
    spare = replace(facts, approvals=(*rows, given(ME, given_at=NOW - 2 * HOUR)))
    assert expires_at(spare) == NOW + 22 * HOUR
    assert expires_at(change()) is None


def test_reminders_and_the_escalation_are_due_once_each_and_decide_nothing() -> None:
    stage = replace(CAB, remind_every_h=4, escalate_after_h=10, escalate_to=("boss",))
    waiting = Waiting(stage, opened_at=NOW)
    assert due(waiting, NOW + 3 * HOUR) == ()
    assert next_look(waiting) == NOW + 4 * HOUR
    assert due(waiting, NOW + 4 * HOUR) == (Due(Notice.REMIND, ("cab",)),)
    late = due(waiting, NOW + 500 * HOUR)
    assert late == (Due(Notice.REMIND, ("cab",)), Due(Notice.ESCALATE, ("boss",)))
    told = replace(waiting, reminded_at=NOW + 12 * HOUR, escalated_at=NOW + 12 * HOUR)
    assert due(told, NOW + 13 * HOUR) == ()
    assert next_look(told) == NOW + 16 * HOUR
    assert next_look(Waiting(CAB, NOW)) is None
    assert {notice.value for notice in Notice} == {"remind", "escalate"}


def test_how_far_a_stage_is_counts_people_who_may_still_act() -> None:
    facts = change(approvals=(given(PETE, "peer"), given(ANA)))
    found = standing(CAB, facts, [ANA, AMIR, ME])
    assert (found.given, found.needed, found.able, found.reachable) == (1, 2, 2, True)
    assert found.sentence == "1 of 2 approvals given; 2 people may still give one."
    stuck = standing(CAB, facts, [ANA])
    assert not stuck.reachable
    assert "ask an administrator" in stuck.sentence


# Approvals of the revision before

LEAVES = {"r1": "1" * 64, "r2": "2" * 64, "r3": "3" * 64}
PEOPLE = {PETE: person(PETE, "peer"), ANA: person(ANA, "cab"), ME: person(ME, "deputies")}


def revision(digest: str, leaves: dict[str, str], risk: RiskLevel | None = RiskLevel.LOW, *rules: object) -> Revision:
    return Revision(digest, leaves, evaluate(documents.policy(*rules), documents.facts()), risk)


def carried(
    after: Revision, *approvals: ApprovalFact, people: dict[int, Person] | None = None, hands: int = AUTHOR
) -> CarryOver:
    rows = approvals or (given(PETE, "peer", plan_digest=OLD), given(ANA, plan_digest=OLD))
    before = revision(OLD, LEAVES)
    return carry_over(
        rows, before=before, after=after, people=PEOPLE if people is None else people, hands=frozenset({hands})
    )


FEWER = {"r1": LEAVES["r1"], "r2": LEAVES["r2"]}


def test_approvals_are_carried_over_where_every_device_plan_was_signed_before() -> None:
    found = carried(revision(DIGEST, FEWER))
    assert [(fact.person_id, fact.plan_digest, fact.carried_from) for fact in found.approvals] == [
        (PETE, DIGEST, OLD),
        (ANA, DIGEST, OLD),
    ]
    assert found.approvals[0].given_at == NOW - HOUR
    assert found.unchanged == {"r1", "r2"}
    assert not found.to_review
    assert not found.why_not
    facts = change(stages=documents_stages(), approvals=found.approvals)
    assert stage_open(facts.stages, live_approvals(facts)) is None
    further = replace(found.approvals[0], carried_from="f" * 64, plan_digest=OLD)
    assert carried(revision(DIGEST, FEWER), further).approvals[0].carried_from == "f" * 64


def documents_stages() -> tuple[Stage, ...]:
    return evaluate(documents.policy(), documents.facts()).as_stages()


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (revision(DIGEST, LEAVES | {"r3": "4" * 64}), "1 device's plan is new or changed"),
        (revision(DIGEST, LEAVES | {"r4": "4" * 64, "r5": "5" * 64}), "2 devices' plans are new or changed"),
        (revision(DIGEST, {"r2": LEAVES["r1"]}), "new or changed"),
        (revision(DIGEST, {}), "no device plan"),
        (revision(DIGEST, FEWER, RiskLevel.HIGH), "The risk is high"),
        (revision(DIGEST, FEWER, None), "The risk is not known"),
        (revision(DIGEST, FEWER, RiskLevel.LOW, documents.rule("always")), "The stage Security is new."),
        (
            revision(DIGEST, FEWER, RiskLevel.LOW, {"name": "n", "when": "always", "duties": ["no_carry_over"]}),
            "asks for new approvals of each revision",
        ),
    ],
)
def test_nothing_is_carried_over_that_somebody_did_not_see_or_may_weigh_more(after: Revision, sentence: str) -> None:
    found = carried(after)
    assert found.approvals == ()
    assert any(sentence in each for each in found.why_not)


@pytest.mark.parametrize(
    "row",
    [
        given(PETE, "peer", plan_digest=OLD, void=True),
        given(PETE, "peer", plan_digest="f" * 64),
        given(PETE, "peer", plan_digest=OLD, decision=Decision.ABSTAINED),
        given(PETE, "gone", plan_digest=OLD),
        given(AMIR, plan_digest=OLD),
        given(PETE, plan_digest=OLD),
        given(ME, plan_digest=OLD),
        given(ANA, plan_digest=OLD, on_behalf_of=ME),
        given(AUTHOR, plan_digest=OLD),
    ],
)
def test_an_approval_that_would_not_be_taken_today_is_not_carried_over(row: ApprovalFact) -> None:
    assert carried(revision(DIGEST, FEWER), row).approvals == ()


def test_who_edited_the_change_meanwhile_or_lost_the_role_is_asked_no_more() -> None:
    after = revision(DIGEST, FEWER)
    assert [fact.person_id for fact in carried(after, hands=ANA).approvals] == [PETE]
    lost = PEOPLE | {ANA: person(ANA)}
    assert [fact.person_id for fact in carried(after, people=lost).approvals] == [PETE]
    auditor = PEOPLE | {ANA: person(ANA, "cab", "auditor")}
    assert [fact.person_id for fact in carried(after, people=auditor).approvals] == [PETE]
    behalf = given(ME, plan_digest=OLD, on_behalf_of=ANA)
    assert carried(after, behalf).approvals[0].people == {ME, ANA}
    assert carried(after, behalf, hands=ANA).approvals == ()
