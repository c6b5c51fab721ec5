"""Who may do what to a change, and why not: the one choke point for the separation of duties.

Every rule is a pure function from a person and the facts of one change to a :class:`Verdict`. Nobody is
exempt: ``is_superuser`` is known here only so that the refusal can say so. Which steps a state allows is the
business of :mod:`changes.domain.states`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from changes.domain.approval_facts import (
    DEFAULT_STAGES,
    ApprovalFact,
    ChangeFacts,
    Decision,
    Denial,
    Person,
    Verdict,
    lapsed_approvals,
    live_approvals,
)
from changes.domain.approval_policy.delegation import ActingFor, group_for, why_not_for
from changes.domain.approval_policy.stages import Stage, counted_in, groups_lacking, quorum_met, stage_open
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.roles import Role, group_label
from changes.domain.states import BEFORE_IMPLEMENTING, IN_REVIEW, ChangeEvent, ChangeState, events_from

__all__ = [
    "DEFAULT_STAGES", "GATE_DIGEST_MISMATCH", "GATE_DUPLICATE", "GATE_ROLE_DENIED", "GATE_SELF_APPROVAL",
    "PLAN_MISSING", "PLAN_NOT_OPENED", "THREADS_UNRESOLVED", "ActingFor", "ApprovalFact",
    "ChangeFacts", "Decision", "Denial", "Duty", "Person", "Policy", "Role", "Stage", "Verdict", "acting_group",
    "deciding_stage", "lapsed_approvals", "live_approvals", "may_abort", "may_abstain",
    "may_abstain_now", "may_act_in",
    "may_answer_gate", "may_approve", "may_assess", "may_cancel", "may_close", "may_create", "may_declare_freeze",
    "may_edit", "may_engage_kill_switch", "may_pause", "may_plan", "may_reject", "may_release_kill_switch",
    "may_request_changes", "may_resume", "may_retry", "may_revise", "may_roll_back", "may_schedule", "may_skip",
    "may_start", "may_stop_after_wave", "may_submit", "may_withdraw", "may_withdraw_decision", "quorum_met",
    "stage_open", "verdicts",
]  # fmt: skip

GATE_SELF_APPROVAL: Final = "GATE_SELF_APPROVAL"
GATE_ROLE_DENIED: Final = "GATE_ROLE_DENIED"
GATE_DUPLICATE: Final = "GATE_DUPLICATE"
GATE_DIGEST_MISMATCH: Final = "GATE_DIGEST_MISMATCH"
PLAN_NOT_OPENED: Final = "PLAN_NOT_OPENED"
PLAN_MISSING: Final = "PLAN_MISSING"
THREADS_UNRESOLVED: Final = "THREADS_UNRESOLVED"

Policy = Callable[[Person, ChangeFacts], Verdict]


def may_create(person: Person) -> Verdict:
    """Write a new change: requesters."""
    return _verdict(_role(person, "write a change", Role.REQUESTER))


def may_edit(person: Person, facts: ChangeFacts) -> Verdict:
    """Change a draft: any requester. Whoever does becomes an editor and can no longer approve it."""
    del facts
    return _verdict(_role(person, "edit a change", Role.REQUESTER))


def may_plan(person: Person, facts: ChangeFacts) -> Verdict:
    """Build a new plan revision: a requester who wrote or edited the change."""
    return _own(person, facts, "plan this change")


def may_submit(person: Person, facts: ChangeFacts) -> Verdict:
    """Hand the change in for review: a requester who wrote or edited it."""
    return _own(person, facts, "submit this change")


def may_withdraw(person: Person, facts: ChangeFacts) -> Verdict:
    """Take a change back from review: a requester who wrote or edited it."""
    return _own(person, facts, "withdraw this change")


def may_revise(person: Person, facts: ChangeFacts) -> Verdict:
    """Make a stale change a draft again: a requester who wrote or edited it."""
    return _own(person, facts, "revise this change")


def may_request_changes(person: Person, facts: ChangeFacts) -> Verdict:
    """Send a change back to its author: a member of any approval group who has no hand in the change."""
    return _verdict(
        _role(person, "ask for changes", *_groups(facts)),
        _not_author(person, facts, "ask for changes", instead="Withdraw the change if you want it back."),
    )


def may_assess(person: Person, facts: ChangeFacts, *, seen_digest: str, acting_for: ActingFor | None = None) -> Verdict:
    """Approve as a technical peer the plan whose digest ``seen_digest`` the person's page showed.

    With ``acting_for`` the approval is given for an absent member; then every rule is asked of both people.
    """
    return _may_decide(person, facts, deciding_stage(facts, ChangeEvent.ASSESS), seen_digest, acting_for)


def may_approve(
    person: Person, facts: ChangeFacts, *, seen_digest: str, acting_for: ActingFor | None = None
) -> Verdict:
    """Approve as the change authority the plan whose digest ``seen_digest`` the person's page showed.

    With ``acting_for`` the approval is given for an absent member; then every rule is asked of both people.
    """
    return _may_decide(person, facts, deciding_stage(facts, ChangeEvent.AUTHORIZE), seen_digest, acting_for)


def may_act_in(person: Person, facts: ChangeFacts, stage: Stage, *, acting_for: ActingFor | None = None) -> Verdict:
    """Count among the M of whom a stage needs N: a member of its groups with no hand in the change who can decide.

    Whether the person has opened the plan is not asked: inboxes and reminders are for those who have not yet.
    """
    instead = f"Ask another member of {' or '.join(group_label(group) for group in stage.groups)}."
    rights: tuple[Denial | None, ...]
    if acting_for is None:
        rights = (_role(person, f"approve in the stage {stage.name}", *stage.groups),)
    else:
        rights = (*why_not_for(person, acting_for, stage, facts.now), *_principal(acting_for.principal, facts))
    return _verdict(
        *rights,
        _not_author(person, facts, "approve it", instead=instead),
        _not_implementer(person, facts, "approve it", instead=instead),
        _not_twice(person, facts),
    )


def may_abstain(person: Person, facts: ChangeFacts, stage: Stage) -> Verdict:
    """Say openly that one will not decide in this stage: whoever could have approved in it."""
    return may_act_in(person, facts, stage)


def may_abstain_now(person: Person, facts: ChangeFacts) -> Verdict:
    """Abstain in a stage that still lacks approvals; else what stands against it in the first of them."""
    live = live_approvals(facts)
    lacking = tuple(stage for stage in facts.stages if not quorum_met(stage, live)) or facts.stages
    found = [may_abstain(person, facts, stage) for stage in lacking]
    if facts.state not in IN_REVIEW or not found:
        return _verdict(Denial(GATE_ROLE_DENIED, "Nothing is decided about this change now, so nobody abstains."))
    return next((verdict for verdict in found if verdict), found[0])


def may_withdraw_decision(person: Person, facts: ChangeFacts) -> Verdict:
    """Take back one's own approval or abstention, or one given on one's behalf, before the change is implemented."""
    own = [fact for fact in facts.approvals if person.id in fact.people and not fact.void]
    sentence = None
    if facts.state not in BEFORE_IMPLEMENTING - {ChangeState.DRAFT}:
        sentence = "The change is not waiting any more, so its approvals stand. Ask an implementer to pause or stop it."
    elif not any(fact.decision is not Decision.REJECTED for fact in own):
        sentence = "You have no approval or abstention to withdraw on this revision."
    return _verdict(None if sentence is None else Denial(GATE_ROLE_DENIED, sentence))


def acting_group(
    person: Person, facts: ChangeFacts, stage: Stage, *, acting_for: ActingFor | None = None
) -> str | None:
    """The group by whose right a person acts in a stage, to be stored with the decision; None: they have none.

    Where each group has to give an approval, one that still lacks it goes first.
    """
    if acting_for is not None:
        return group_for(stage, acting_for)
    lacking = groups_lacking(stage, counted_in(stage, live_approvals(facts)))
    return next((group for group in (*lacking, *stage.groups) if group in person.roles), None)


def may_reject(person: Person, facts: ChangeFacts) -> Verdict:
    """End a change in review for good: the change authority, or the group whose stage is open."""
    waiting = stage_open(facts.stages, live_approvals(facts))
    asked = [stage for stage in (waiting, *facts.stages[-1:]) if stage is not None]
    groups = dict.fromkeys(group for stage in asked for group in stage.groups)
    return _verdict(
        _role(person, "reject this change", *groups),
        _not_author(person, facts, "reject it", instead="Withdraw or cancel the change instead."),
        _not_twice(person, facts),
    )


def may_schedule(person: Person, facts: ChangeFacts) -> Verdict:
    """Give an approved change its window: change managers, or a requester who wrote or edited it."""
    return _manager_or_own(person, facts, "schedule this change")


def may_cancel(person: Person, facts: ChangeFacts) -> Verdict:
    """Give a change up before it is implemented: change managers, or a requester who wrote or edited it."""
    return _manager_or_own(person, facts, "cancel this change")


def may_start(person: Person, facts: ChangeFacts) -> Verdict:
    """Start the approved plan: implementers who did not approve it themselves.

    Where its policy wants threads resolved, one that was opened after the last approval holds the start too.
    """
    able = _implement(person, facts, "start a change", "start this change")
    return _verdict(*able.reasons, _threads(facts))


def may_resume(person: Person, facts: ChangeFacts) -> Verdict:
    """Let a paused run go on: the same people who may start it."""
    return _implement(person, facts, "resume a change", "resume this change")


def may_pause(person: Person, facts: ChangeFacts) -> Verdict:
    """Hold a run: implementers. Stopping is open to more people than starting."""
    del facts
    return _verdict(_role(person, "pause a change", Role.IMPLEMENTER))


def may_abort(person: Person, facts: ChangeFacts) -> Verdict:
    """Stop a run for good: implementers."""
    del facts
    return _verdict(_role(person, "abort a change", Role.IMPLEMENTER))


def may_roll_back(person: Person, facts: ChangeFacts) -> Verdict:
    """Run the approved backout: implementers."""
    del facts
    return _verdict(_role(person, "roll back a change", Role.IMPLEMENTER))


def may_answer_gate(person: Person, role: str) -> Verdict:
    """Let a run go on after a wave, or end it: the role that its signed strategy names, and nobody else."""
    return _verdict(_role(person, "decide whether this run goes on", role))


def may_stop_after_wave(person: Person, facts: ChangeFacts) -> Verdict:
    """Have a run stop when the present wave has ended: who may hold the run."""
    return may_pause(person, facts)


def may_skip(person: Person, facts: ChangeFacts) -> Verdict:
    """Leave out one device that waits: implementers."""
    del facts
    return _verdict(_role(person, "skip a device", Role.IMPLEMENTER))


def may_retry(person: Person, facts: ChangeFacts) -> Verdict:
    """Have devices that hold nothing of the change tried again: the same people who may start it."""
    return _implement(person, facts, "retry devices", "retry devices")


def may_declare_freeze(person: Person) -> Verdict:
    """Declare a change freeze, or lift one: change managers."""
    return _verdict(_role(person, "declare or lift a change freeze", Role.CHANGE_MANAGER))


def may_engage_kill_switch(person: Person) -> Verdict:
    """Stop all writing to devices: whoever carries changes out, answers for them, or runs the installation."""
    return _verdict(_role(person, "engage the kill switch", Role.IMPLEMENTER, Role.CHANGE_MANAGER, Role.ADMINISTRATOR))


def may_release_kill_switch(person: Person, *, engaged_by_id: int) -> Verdict:
    """Let changes write again: a change manager or an administrator, and another person than who engaged it.

    Stopping has to be easy and quick, so one person is enough. That the reason is gone is for a second one to see.
    """
    own = None
    if person.id == engaged_by_id:
        sentence = "You engaged the kill switch, so you cannot release it. Ask a second person."
        own = Denial(GATE_SELF_APPROVAL, sentence)
    return _verdict(_role(person, "release the kill switch", Role.CHANGE_MANAGER, Role.ADMINISTRATOR), own)


def may_close(person: Person, facts: ChangeFacts) -> Verdict:
    """Close the review: change managers who neither wrote, edited nor implemented the change."""
    return _verdict(
        _role(person, "close a change", Role.CHANGE_MANAGER),
        _not_author(person, facts, "close it", instead="Ask another change manager to close it."),
        _not_implementer(person, facts, "close it", instead="Ask another change manager to close it."),
    )


def verdicts(person: Person, facts: ChangeFacts) -> Mapping[ChangeEvent, Verdict]:
    """Whether this person may cause each event that the state allows and people can cause; buttons follow it.

    The digest is taken as seen; the service asks again with the digest that the page sent.
    """
    possible = events_from(facts.state, change_type=facts.change_type)
    return {event: _POLICIES[event](person, facts) for event in possible if event in _POLICIES}


_POLICIES: Final[Mapping[ChangeEvent, Policy]] = {
    ChangeEvent.SUBMIT: may_submit,
    ChangeEvent.ASSESS: lambda person, facts: may_assess(person, facts, seen_digest=facts.plan_digest),
    ChangeEvent.REQUEST_CHANGES: may_request_changes,
    ChangeEvent.WITHDRAW: may_withdraw,
    ChangeEvent.REJECT: may_reject,
    ChangeEvent.AUTHORIZE: lambda person, facts: may_approve(person, facts, seen_digest=facts.plan_digest),
    ChangeEvent.REOPEN: may_withdraw_decision,
    ChangeEvent.SCHEDULE: may_schedule,
    ChangeEvent.REVISE: may_revise,
    ChangeEvent.START: may_start,
    ChangeEvent.PAUSE: may_pause,
    ChangeEvent.RESUME: may_resume,
    ChangeEvent.ROLL_BACK: may_roll_back,
    ChangeEvent.RETRY: may_retry,
    ChangeEvent.CLOSE: may_close,
    ChangeEvent.CANCEL: may_cancel,
}


def _verdict(*denials: Denial | None) -> Verdict:
    return Verdict(tuple(denial for denial in denials if denial is not None))


def _role(person: Person, what: str, *roles: str) -> Denial | None:
    if Role.AUDITOR in person.roles:
        sentence = f"You hold the auditor role, and auditors only read: you cannot {what}. Ask a colleague."
        return Denial(GATE_ROLE_DENIED, sentence)
    if person.roles.isdisjoint(roles):
        needed = " or ".join(group_label(role) for role in roles)
        exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
        return Denial(
            GATE_ROLE_DENIED,
            f"To {what} you need the role {needed}.{exempt} Ask somebody who has it, or an administrator to add you.",
        )
    return None


def _groups(facts: ChangeFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for stage in facts.stages for group in stage.groups))


def deciding_stage(facts: ChangeFacts, event: ChangeEvent) -> Stage | None:
    """The stage in which an approval for this event counts now; None: the policy has none for it.

    During the authorization a stage of the assessment is open again when an approval in it has expired or was
    withdrawn.
    """
    live = live_approvals(facts)
    authorizing = event is ChangeEvent.AUTHORIZE and facts.state is ChangeState.AUTHORIZATION
    before = [stage for stage in facts.stages if authorizing and stage.event is not event]
    matching = [stage for stage in facts.stages if stage.event is event]
    return stage_open([*before, *matching], live) or (matching[-1] if matching else None)


def _has_hand_in(person: Person, facts: ChangeFacts) -> bool:
    return person.id == facts.author_id or person.id in facts.editor_ids


def _own(person: Person, facts: ChangeFacts, what: str) -> Verdict:
    denial = None
    if not _has_hand_in(person, facts):
        sentence = f"Only somebody who wrote or edited the change can {what}. Ask its author."
        denial = Denial(GATE_ROLE_DENIED, sentence)
    return _verdict(_role(person, what, Role.REQUESTER) or denial)


def _manager_or_own(person: Person, facts: ChangeFacts, what: str) -> Verdict:
    denial = _role(person, what, Role.CHANGE_MANAGER, Role.REQUESTER)
    if denial is not None or Role.CHANGE_MANAGER in person.roles:
        return _verdict(denial)
    return _own(person, facts, what)


def _may_decide(
    person: Person, facts: ChangeFacts, stage: Stage | None, seen_digest: str, acting_for: ActingFor | None
) -> Verdict:
    if stage is None:
        sentence = "The policy of this change has no such approval stage. Reload the page to see the open one."
        return _verdict(Denial(GATE_ROLE_DENIED, sentence))
    able = may_act_in(person, facts, stage, acting_for=acting_for)
    return _verdict(*able.reasons, _threads(facts), _digest_seen(person, facts, seen_digest))


def _principal(principal: Person, facts: ChangeFacts) -> tuple[Denial | None, ...]:
    """The separation of duties for the person who is absent: what they may not do, nobody does for them."""
    name = principal.username
    hand, code = None, GATE_SELF_APPROVAL
    if _has_hand_in(principal, facts):
        hand = f"{name} wrote or edited this change, so nobody approves it on their behalf."
    elif principal.id in facts.implementer_ids:
        hand = f"{name} implemented this change, so nobody approves it on their behalf."
    elif any(principal.id in fact.people for fact in _decided(facts)):
        hand, code = (
            f"{name} has already decided about this revision, so nobody decides for them again.",
            GATE_DUPLICATE,
        )
    return (None if hand is None else Denial(code, f"{hand} Ask another member of the group."),)


def _threads(facts: ChangeFacts) -> Denial | None:
    if Duty.RESOLVE_THREADS not in facts.duties or not facts.unresolved_threads:
        return None
    many = facts.unresolved_threads
    what = "1 discussion thread is" if many == 1 else f"{many} discussion threads are"
    sentence = f"By the policy of this change, {what} to be resolved first. Open the discussion and resolve it."
    return Denial(THREADS_UNRESOLVED, sentence)


def _implement(person: Person, facts: ChangeFacts, verb: str, what: str) -> Verdict:
    apart = None
    if Duty.IMPLEMENTER_APART in facts.duties and _has_hand_in(person, facts):
        did = "wrote" if person.id == facts.author_id else "edited"
        sentence = f"You {did} this change, and by its policy somebody else implements it. Ask another implementer."
        apart = Denial(GATE_SELF_APPROVAL, sentence)
    return _verdict(_role(person, verb, Role.IMPLEMENTER), apart, _not_approver(person, facts, what))


def _not_author(person: Person, facts: ChangeFacts, what: str, *, instead: str) -> Denial | None:
    if not _has_hand_in(person, facts):
        return None
    did = "wrote" if person.id == facts.author_id else "edited"
    return Denial(GATE_SELF_APPROVAL, f"You {did} this change, so you cannot {what}. {instead}")


def _not_implementer(person: Person, facts: ChangeFacts, what: str, *, instead: str) -> Denial | None:
    if person.id not in facts.implementer_ids:
        return None
    return Denial(GATE_SELF_APPROVAL, f"You implemented this change, so you cannot {what}. {instead}")


def _not_approver(person: Person, facts: ChangeFacts, what: str) -> Denial | None:
    given = (fact for fact in facts.approvals if fact.decision is Decision.APPROVED and not fact.void)
    if not any(person.id in fact.people and fact.plan_digest == facts.plan_digest for fact in given):
        return None
    return Denial(GATE_SELF_APPROVAL, f"You approved this plan, so you cannot {what}. Ask another implementer.")


def _not_twice(person: Person, facts: ChangeFacts) -> Denial | None:
    for fact in _decided(facts):
        if person.id in fact.people:
            by = "You have" if fact.person_id == person.id else "Somebody has, on your behalf,"
            return Denial(
                GATE_DUPLICATE,
                f"{by} already decided about this revision in the stage {fact.stage}, and one person"
                " acts in one stage only. Ask another member of the group.",
            )
    return None


def barred_from_deciding(facts: ChangeFacts) -> frozenset[int]:
    """Who cannot decide about the present plan, whatever their groups: hands, implementers, and who has decided."""
    decided = (pk for fact in _decided(facts) for pk in fact.people)
    return frozenset({facts.author_id, *facts.editor_ids, *facts.implementer_ids, *decided})


def _decided(facts: ChangeFacts) -> tuple[ApprovalFact, ...]:
    """Every decision that binds who made it: not the void ones, nor those whose time is over."""
    lapsed = set(lapsed_approvals(facts))
    return tuple(fact for fact in facts.approvals if not fact.void and fact not in lapsed)


def _digest_seen(person: Person, facts: ChangeFacts, seen_digest: str) -> Denial | None:
    if not facts.plan_digest:
        return Denial(PLAN_MISSING, "There is no ready plan to approve. Ask the author to plan the change.")
    if seen_digest != facts.plan_digest:
        named = f"you named {seen_digest[:12]}…" if seen_digest else "you named none"
        return Denial(
            GATE_DIGEST_MISMATCH,
            f"The plan's digest is {facts.plan_digest[:12]}…, but {named}. The plan was rebuilt after your"
            " page was drawn, or the digest was copied wrongly. Open the plan, review it, and approve that.",
        )
    if person.id not in facts.opened_by:
        sentence = "You have not opened this plan yet. Open the plan, review what it does, then approve it."
        return Denial(PLAN_NOT_OPENED, sentence)
    return None
