"""The separation of duties, over every combination of roles and of hands that somebody can have in a change."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from changes.domain import policy, reasons
from changes.domain.policy import (
    DEFAULT_STAGES,
    ApprovalFact,
    ChangeFacts,
    Decision,
    Denial,
    Person,
    Role,
    Stage,
    Verdict,
    live_approvals,
    may_abort,
    may_approve,
    may_assess,
    may_cancel,
    may_close,
    may_create,
    may_edit,
    may_pause,
    may_plan,
    may_reject,
    may_request_changes,
    may_resume,
    may_revise,
    may_roll_back,
    may_schedule,
    may_start,
    may_submit,
    may_withdraw,
    quorum_met,
    stage_open,
    verdicts,
)
from changes.domain.states import ChangeEvent, ChangeState, events_from

DIGEST = "d" * 64
AUTHOR, EDITOR, ME = 1, 2, 9


def facts(**changed: object) -> ChangeFacts:
    base = ChangeFacts(
        author_id=AUTHOR,
        state=ChangeState.ASSESSMENT,
        editor_ids=frozenset({AUTHOR, EDITOR}),
        plan_digest=DIGEST,
        opened_by=frozenset({ME}),
    )
    return replace(base, **changed)  # type: ignore[arg-type]  # the tests name the fields


def me(*roles: str, superuser: bool = False) -> Person:
    return Person(id=ME, username="me", roles=frozenset(roles), is_superuser=superuser)


def peer_approval(person: int, digest: str = DIGEST, stage: str = "peer", **changed: object) -> ApprovalFact:
    return replace(ApprovalFact(person_id=person, stage=stage, plan_digest=digest), **changed)  # type: ignore[arg-type]


def assess(person: Person, change: ChangeFacts) -> Verdict:
    return may_assess(person, change, seen_digest=change.plan_digest)


def approve(person: Person, change: ChangeFacts) -> Verdict:
    return may_approve(person, change, seen_digest=change.plan_digest)


def create(person: Person, change: ChangeFacts) -> Verdict:
    del change
    return may_create(person)


@dataclass(frozen=True)
class Case:
    """A person and a change, in the words of the expected rules."""

    roles: frozenset[str]
    superuser: bool
    wrote: bool
    edited: bool
    implemented: bool
    approved: bool
    opened: bool

    @property
    def hand_in(self) -> bool:
        return self.wrote or self.edited

    def has(self, *roles: str) -> bool:
        return "auditor" not in self.roles and not self.roles.isdisjoint(roles)

    def person(self) -> Person:
        return Person(id=ME, username="me", roles=self.roles, is_superuser=self.superuser)

    def facts(self) -> ChangeFacts:
        return facts(
            author_id=ME if self.wrote else AUTHOR,
            editor_ids=frozenset({EDITOR, ME} if self.edited else {EDITOR}),
            implementer_ids=frozenset({ME} if self.implemented else set()),
            approvals=(peer_approval(ME),) if self.approved else (),
            opened_by=frozenset({ME} if self.opened else set()),
        )


def every_case() -> Iterator[Case]:
    roles = [role.value for role in Role]
    for bits in itertools.product([False, True], repeat=len(roles) + 6):
        held = frozenset(role for role, bit in zip(roles, bits, strict=False) if bit)
        yield Case(held, *bits[len(roles) :])


@cache
def cases() -> list[tuple[Case, Person, ChangeFacts]]:
    return [(case, case.person(), case.facts()) for case in every_case()]


@cache
def refusals(verb: str) -> list[tuple[Denial, ...]]:
    """Why each case is refused; asked once, since the answers to 65,536 cases take most of a second."""
    rule, _ = RULES[verb]
    known: dict[tuple[Denial, ...], tuple[Denial, ...]] = {}
    return [known.setdefault(given, given) for given in (rule(person, change).reasons for _, person, change in cases())]


RULES: dict[str, tuple[Callable[[Person, ChangeFacts], Verdict], Callable[[Case], bool]]] = {
    "create": (create, lambda c: c.has("requester")),
    "edit": (may_edit, lambda c: c.has("requester")),
    "plan": (may_plan, lambda c: c.has("requester") and c.hand_in),
    "submit": (may_submit, lambda c: c.has("requester") and c.hand_in),
    "withdraw": (may_withdraw, lambda c: c.has("requester") and c.hand_in),
    "revise": (may_revise, lambda c: c.has("requester") and c.hand_in),
    "request_changes": (may_request_changes, lambda c: c.has("peer", "cab") and not c.hand_in),
    "assess": (
        assess,
        lambda c: c.has("peer") and not c.hand_in and not c.implemented and not c.approved and c.opened,
    ),
    "approve": (
        approve,
        lambda c: c.has("cab") and not c.hand_in and not c.implemented and not c.approved and c.opened,
    ),
    # With the peer's approval given, the open stage is the CAB's; before, it is the peers' as well.
    "reject": (
        may_reject,
        lambda c: not c.hand_in and not c.approved and c.has("cab", "peer"),
    ),
    "schedule": (may_schedule, lambda c: c.has("change-manager") or (c.has("requester") and c.hand_in)),
    "cancel": (may_cancel, lambda c: c.has("change-manager") or (c.has("requester") and c.hand_in)),
    "start": (may_start, lambda c: c.has("implementer") and not c.approved),
    "resume": (may_resume, lambda c: c.has("implementer") and not c.approved),
    "pause": (may_pause, lambda c: c.has("implementer")),
    "abort": (may_abort, lambda c: c.has("implementer")),
    "roll_back": (may_roll_back, lambda c: c.has("implementer")),
    "close": (may_close, lambda c: c.has("change-manager") and not c.hand_in and not c.implemented),
}


@pytest.mark.parametrize("verb", RULES)
def test_the_rule_holds_for_every_combination_of_roles_and_hands(verb: str) -> None:
    _, expected = RULES[verb]
    answers = zip(cases(), refusals(verb), strict=True)
    wrong = [case for (case, _, _), denials in answers if (not denials) != expected(case)]
    assert wrong == []


@pytest.mark.parametrize("verb", RULES)
def test_being_a_superuser_never_changes_the_answer(verb: str) -> None:
    answers: dict[bool, list[tuple[str, ...]]] = {False: [], True: []}  # both in the order of all else
    for (case, person, _), denials in zip(cases(), refusals(verb), strict=True):
        assert person.is_superuser == case.superuser
        answers[case.superuser].append(tuple(denial.code for denial in denials))
    assert answers[False] == answers[True]


@pytest.mark.parametrize("verb", RULES)
def test_every_refusal_has_a_known_code_and_a_whole_sentence(verb: str) -> None:
    denials = set(itertools.chain(*refusals(verb)))
    assert denials
    for denial in denials:
        assert reasons.reason(denial.code).code == denial.code
        assert denial.sentence.endswith(".")
        assert denial.sentence.startswith(("You ", "To ", "Only ", "The ", "There "))


@pytest.mark.parametrize("rule", [assess, approve, may_reject, may_request_changes, may_close])
@pytest.mark.parametrize("who", ["author", "editor"])
def test_who_wrote_or_ever_edited_a_change_does_not_judge_it(
    rule: Callable[[Person, ChangeFacts], Verdict], who: str
) -> None:
    every_role = me(*Role, superuser=True)
    every_role = replace(every_role, roles=every_role.roles - {"auditor"})
    change = facts(author_id=ME) if who == "author" else facts(editor_ids=frozenset({ME, EDITOR}))
    verdict = rule(every_role, change)
    assert verdict.codes == (policy.GATE_SELF_APPROVAL,)
    assert ("You wrote" if who == "author" else "You edited") in verdict.reasons[0].sentence


def test_the_refusal_of_a_superuser_says_that_the_role_is_needed() -> None:
    verdict = approve(me(superuser=True), facts())
    assert verdict.codes == (policy.GATE_ROLE_DENIED,)
    assert "Being a superuser does not replace the role." in verdict.reasons[0].sentence
    assert "role CAB" in verdict.reasons[0].sentence
    assert "superuser" not in approve(me(), facts()).reasons[0].sentence


def test_one_person_acts_in_one_stage_only() -> None:
    change = facts(state=ChangeState.AUTHORIZATION, approvals=(peer_approval(ME),))
    verdict = approve(me("peer", "cab"), change)
    assert verdict.codes == (policy.GATE_DUPLICATE,)
    assert "stage peer" in verdict.reasons[0].sentence


@pytest.mark.parametrize(
    ("approval", "allowed"),
    [
        (peer_approval(ME), False),
        (peer_approval(ME, digest="e" * 64), False),
        (peer_approval(ME, decision=Decision.REJECTED), False),
        (peer_approval(ME, void=True), True),
        (peer_approval(3), True),
    ],
)
def test_a_second_decision_about_a_revision_is_refused_unless_the_first_is_void(
    approval: ApprovalFact, *, allowed: bool
) -> None:
    assert assess(me("peer"), facts(approvals=(approval,))).allowed is allowed


@pytest.mark.parametrize("seen", ["", "e" * 64, DIGEST[:-1], DIGEST.upper(), f" {DIGEST}"])
@pytest.mark.parametrize("rule", [may_assess, may_approve])
def test_only_the_exact_digest_is_taken(rule: Callable[..., Verdict], seen: str) -> None:
    verdict = rule(me("peer", "cab"), facts(), seen_digest=seen)
    assert verdict.codes == (policy.GATE_DIGEST_MISMATCH,)
    assert DIGEST[:12] in verdict.reasons[0].sentence


@pytest.mark.parametrize("seen", ["", DIGEST])
def test_without_a_plan_there_is_nothing_to_approve(seen: str) -> None:
    verdict = may_approve(me("cab"), facts(plan_digest=""), seen_digest=seen)
    assert verdict.codes == (policy.PLAN_MISSING,)


def test_an_approver_must_have_opened_the_plan() -> None:
    verdict = approve(me("cab"), facts(opened_by=frozenset({AUTHOR, EDITOR})))
    assert verdict.codes == (policy.PLAN_NOT_OPENED,)
    assert "Open the plan" in verdict.reasons[0].sentence


def test_all_reasons_are_given_at_once() -> None:
    change = facts(author_id=ME, implementer_ids=frozenset({ME}), approvals=(peer_approval(ME),))
    verdict = may_approve(me("requester"), change, seen_digest="e" * 64)
    assert verdict.codes == (
        policy.GATE_ROLE_DENIED,
        policy.GATE_SELF_APPROVAL,
        policy.GATE_SELF_APPROVAL,
        policy.GATE_DUPLICATE,
        policy.GATE_DIGEST_MISMATCH,
    )
    assert not verdict


def test_a_peer_cannot_reject_once_the_change_waits_for_the_cab() -> None:
    waiting = facts(state=ChangeState.AUTHORIZATION, approvals=(peer_approval(3),))
    assert may_reject(me("peer"), waiting).codes == (policy.GATE_ROLE_DENIED,)
    assert may_reject(me("cab"), waiting)


def test_a_stage_that_the_policy_does_not_have_cannot_be_approved() -> None:
    change = facts(stages=(Stage("cab", "cab", 1, ChangeEvent.AUTHORIZE),))
    assert not assess(me("peer", "cab"), change)
    assert approve(me("cab"), change)


def test_an_approver_of_the_plan_cannot_start_it_but_can_stop_it() -> None:
    change = facts(state=ChangeState.APPROVED, approvals=(peer_approval(ME), peer_approval(4, stage="cab")))
    assert may_start(me("implementer", "peer"), change).codes == (policy.GATE_SELF_APPROVAL,)
    assert may_resume(me("implementer", "peer"), change).codes == (policy.GATE_SELF_APPROVAL,)
    assert may_pause(me("implementer", "peer"), change)
    assert may_abort(me("implementer", "peer"), change)


def test_an_approval_of_an_older_plan_does_not_keep_anybody_from_starting() -> None:
    change = facts(state=ChangeState.APPROVED, approvals=(peer_approval(ME, digest="e" * 64),))
    assert may_start(me("implementer"), change)


def test_who_implemented_neither_approves_nor_closes() -> None:
    change = facts(implementer_ids=frozenset({ME}))
    for verdict in (may_close(me("change-manager"), change), approve(me("cab"), change)):
        assert verdict.codes == (policy.GATE_SELF_APPROVAL,)
        assert "You implemented" in verdict.reasons[0].sentence


def test_an_unknown_group_carries_no_right_unless_a_stage_names_it() -> None:
    change = facts(stages=(Stage("security", "secops", 1, ChangeEvent.AUTHORIZE),))
    assert approve(me("secops"), change)
    assert "secops" in approve(me("cab"), change).reasons[0].sentence
    assert not approve(me("secops"), facts())


# Stages and quorums


def test_the_default_policy_asks_a_peer_and_then_the_cab() -> None:
    assert [(stage.name, stage.group, stage.quorum, stage.event) for stage in DEFAULT_STAGES] == [
        ("peer", "peer", 1, ChangeEvent.ASSESS),
        ("cab", "cab", 1, ChangeEvent.AUTHORIZE),
    ]


def test_stages_open_one_after_the_other() -> None:
    peer, cab = peer_approval(3), peer_approval(4, stage="cab")
    assert stage_open(DEFAULT_STAGES, []) == DEFAULT_STAGES[0]
    assert stage_open(DEFAULT_STAGES, [peer]) == DEFAULT_STAGES[1]
    assert stage_open(DEFAULT_STAGES, [cab]) == DEFAULT_STAGES[0]
    assert stage_open(DEFAULT_STAGES, [peer, cab]) is None


def test_a_quorum_counts_people_and_not_approvals() -> None:
    stage = Stage("cab", "cab", 2, ChangeEvent.AUTHORIZE)
    twice = [peer_approval(3, stage="cab"), peer_approval(3, stage="cab")]
    assert not quorum_met(stage, twice)
    assert quorum_met(stage, [*twice, peer_approval(4, stage="cab")])
    assert not quorum_met(stage, [peer_approval(3, stage="cab"), peer_approval(4)])


def test_only_approvals_of_exactly_this_plan_count() -> None:
    good = peer_approval(3)
    change = facts(
        approvals=(
            good,
            peer_approval(4, digest="e" * 64),
            peer_approval(5, void=True),
            peer_approval(6, decision=Decision.REJECTED),
        )
    )
    assert live_approvals(change) == (good,)
    assert live_approvals(facts(plan_digest="f" * 64, approvals=change.approvals)) == ()


# Buttons


@pytest.mark.parametrize("state", list(ChangeState))
def test_verdicts_are_given_for_every_event_that_people_can_cause_now(state: ChangeState) -> None:
    system = {ChangeEvent.EXPIRE, ChangeEvent.FINISH}
    assert set(verdicts(me("cab"), facts(state=state))) == set(events_from(state)) - system


@pytest.mark.parametrize(
    ("state", "role", "allowed"),
    [
        (ChangeState.ASSESSMENT, "peer", {"assess", "request_changes", "reject"}),
        (ChangeState.AUTHORIZATION, "cab", {"authorize", "request_changes", "reject"}),
        (ChangeState.APPROVED, "implementer", {"start"}),
        (ChangeState.APPROVED, "change-manager", {"schedule", "cancel"}),
        (ChangeState.IMPLEMENTING, "implementer", {"pause", "roll_back"}),
        (ChangeState.PAUSED, "implementer", {"resume", "roll_back"}),
        (ChangeState.REVIEW, "change-manager", {"close"}),
        (ChangeState.CLOSED, "change-manager", set()),
        (ChangeState.ASSESSMENT, "auditor", set()),
        (ChangeState.ASSESSMENT, "administrator", set()),
    ],
)
def test_what_one_role_may_do_in_a_state(state: ChangeState, role: str, allowed: set[str]) -> None:
    assessed = (peer_approval(4),) if state is ChangeState.AUTHORIZATION else ()
    judged = verdicts(me(role), facts(state=state, approvals=assessed))
    assert {event.value for event, verdict in judged.items() if verdict} == allowed


def test_roles_have_names_for_people() -> None:
    assert [role.label for role in Role] == [
        "Requester",
        "Peer",
        "CAB",
        "Security",
        "Service owner",
        "ECAB",
        "Change manager",
        "Implementer",
        "Auditor",
        "Administrator",
    ]
