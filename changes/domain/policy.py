"""Who may do what to a change, and why not: the one choke point for the separation of duties.

Every rule is a pure function from a person and the facts of one change to a :class:`Verdict`. Nobody is
exempt: ``is_superuser`` is known here only so that the refusal can say so. Which steps a state allows is the
business of :mod:`changes.domain.states`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.labels import Labelled
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, events_from

POLICY_VERSION: Final = "builtin-1"

GATE_SELF_APPROVAL: Final = "GATE_SELF_APPROVAL"
GATE_ROLE_DENIED: Final = "GATE_ROLE_DENIED"
GATE_DUPLICATE: Final = "GATE_DUPLICATE"
GATE_DIGEST_MISMATCH: Final = "GATE_DIGEST_MISMATCH"
PLAN_NOT_OPENED: Final = "PLAN_NOT_OPENED"
PLAN_MISSING: Final = "PLAN_MISSING"


class Role(Labelled):
    """The groups that carry a right; the value is the group's name."""

    REQUESTER = "requester"
    PEER = "peer"
    CAB = "cab"
    CHANGE_MANAGER = "change-manager"
    IMPLEMENTER = "implementer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"

    @property
    def label(self) -> str:
        """The role as shown on a page."""
        return "CAB" if self is Role.CAB else super().label


class Decision(Labelled):
    """What a reviewer decided about one plan revision."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the approval: ``quorum`` different members of ``group`` approve, then ``event`` happens."""

    name: str
    group: str
    quorum: int
    event: ChangeEvent


DEFAULT_STAGES: Final = (
    Stage("peer", Role.PEER, 1, ChangeEvent.ASSESS),
    Stage("cab", Role.CAB, 1, ChangeEvent.AUTHORIZE),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in. ``roles`` are names of groups; unknown ones carry no right."""

    id: int
    username: str
    roles: frozenset[str] = frozenset()
    is_superuser: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """One stored decision about the current revision. A void one no longer counts for anything."""

    person_id: int
    stage: str
    plan_digest: str
    decision: Decision = Decision.APPROVED
    void: bool = False


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """All that the rules need to know about one change.

    ``editor_ids`` is everybody who ever saved its content, ``implementer_ids`` everybody who started, resumed
    or rolled back a run of it, ``opened_by`` everybody who opened the plan with exactly ``plan_digest``;
    ``approvals`` are those of the current revision.
    """

    author_id: int
    state: ChangeState
    change_type: ChangeType = ChangeType.NORMAL
    editor_ids: frozenset[int] = frozenset()
    implementer_ids: frozenset[int] = frozenset()
    plan_digest: str = ""
    opened_by: frozenset[int] = frozenset()
    approvals: tuple[ApprovalFact, ...] = ()
    stages: tuple[Stage, ...] = DEFAULT_STAGES


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason for a refusal: a stable code and a sentence that names what to do instead."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed exactly when no rule has a reason against it."""

    reasons: tuple[Denial, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether no rule forbids it."""
        return not self.reasons

    @property
    def codes(self) -> tuple[str, ...]:
        """The reasons' codes, in the rules' order."""
        return tuple(denial.code for denial in self.reasons)

    def __bool__(self) -> bool:
        return self.allowed


Policy = Callable[[Person, ChangeFacts], Verdict]


def live_approvals(facts: ChangeFacts) -> tuple[ApprovalFact, ...]:
    """The approvals that count: given, not void, and for exactly the plan as it is now."""
    return tuple(
        fact
        for fact in facts.approvals
        if fact.decision is Decision.APPROVED and not fact.void and fact.plan_digest == facts.plan_digest
    )


def quorum_met(stage: Stage, approvals: Iterable[ApprovalFact]) -> bool:
    """Whether enough different people approved in this stage. Pass :func:`live_approvals`."""
    return len({fact.person_id for fact in approvals if fact.stage == stage.name}) >= stage.quorum


def stage_open(stages: Sequence[Stage], approvals: Sequence[ApprovalFact]) -> Stage | None:
    """The first stage that still lacks approvals; None when all have them. Pass :func:`live_approvals`."""
    return next((stage for stage in stages if not quorum_met(stage, approvals)), None)


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


def may_assess(person: Person, facts: ChangeFacts, *, seen_digest: str) -> Verdict:
    """Approve as a technical peer the plan whose digest ``seen_digest`` the person's page showed."""
    return _may_decide(person, facts, _stage(facts, ChangeEvent.ASSESS), seen_digest)


def may_approve(person: Person, facts: ChangeFacts, *, seen_digest: str) -> Verdict:
    """Approve as the change authority the plan whose digest ``seen_digest`` the person's page showed."""
    return _may_decide(person, facts, _stage(facts, ChangeEvent.AUTHORIZE), seen_digest)


def may_reject(person: Person, facts: ChangeFacts) -> Verdict:
    """End a change in review for good: the change authority, or the group whose stage is open."""
    waiting = stage_open(facts.stages, live_approvals(facts))
    groups = dict.fromkeys(stage.group for stage in (waiting, facts.stages[-1]) if stage is not None)
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
    """Start the approved plan: implementers who did not approve it themselves."""
    return _verdict(
        _role(person, "start a change", Role.IMPLEMENTER), _not_approver(person, facts, "start this change")
    )


def may_resume(person: Person, facts: ChangeFacts) -> Verdict:
    """Let a paused run go on: the same people who may start it."""
    return _verdict(
        _role(person, "resume a change", Role.IMPLEMENTER), _not_approver(person, facts, "resume this change")
    )


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
    return _verdict(_role(person, "retry devices", Role.IMPLEMENTER), _not_approver(person, facts, "retry devices"))


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
        needed = " or ".join(_role_label(role) for role in roles)
        exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
        return Denial(
            GATE_ROLE_DENIED,
            f"To {what} you need the role {needed}.{exempt} Ask somebody who has it, or an administrator to add you.",
        )
    return None


def _role_label(role: str) -> str:
    return Role(role).label if role in set(Role) else role


def _groups(facts: ChangeFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stage.group for stage in facts.stages))


def _stage(facts: ChangeFacts, event: ChangeEvent) -> Stage | None:
    matching = [stage for stage in facts.stages if stage.event is event]
    return stage_open(matching, live_approvals(facts)) or (matching[-1] if matching else None)


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


def _may_decide(person: Person, facts: ChangeFacts, stage: Stage | None, seen_digest: str) -> Verdict:
    if stage is None:
        sentence = "The policy of this change has no such approval stage. Reload the page to see the open one."
        return _verdict(Denial(GATE_ROLE_DENIED, sentence))
    instead = f"Ask another member of {_role_label(stage.group)}."
    return _verdict(
        _role(person, f"approve in the stage {stage.name}", stage.group),
        _not_author(person, facts, "approve it", instead=instead),
        _not_implementer(person, facts, "approve it", instead=instead),
        _not_twice(person, facts),
        _digest_seen(person, facts, seen_digest),
    )


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
    if person.id not in {fact.person_id for fact in live_approvals(facts)}:
        return None
    return Denial(GATE_SELF_APPROVAL, f"You approved this plan, so you cannot {what}. Ask another implementer.")


def _not_twice(person: Person, facts: ChangeFacts) -> Denial | None:
    for fact in facts.approvals:
        if fact.person_id == person.id and not fact.void:
            return Denial(
                GATE_DUPLICATE,
                f"You have already decided about this revision in the stage {fact.stage}, and one person"
                " acts in one stage only. Ask another member of the group.",
            )
    return None


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
