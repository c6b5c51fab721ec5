"""Versions of approval policies: their states, and who may draft, propose, activate and retire one. Pure rules."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from changes.domain.labels import Labelled
from changes.domain.manager_duties import role_denial
from changes.domain.policy import GATE_SELF_APPROVAL, Denial, Person, Role, Verdict
from changes.domain.states import IllegalTransitionError


class PolicyState(Labelled):
    """Where one version stands. Its content is the same in all of them."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    ACTIVE = "active"
    """It judges every change that is submitted; exactly one version of all policies is active."""
    RETIRED = "retired"


class PolicyEvent(Labelled):
    """What people do to a version; another one's activation retires the active one."""

    PROPOSE = "propose"
    ACTIVATE = "activate"
    RETIRE = "retire"


_S, _E = PolicyState, PolicyEvent
STEPS: Final = {
    (_S.DRAFT, _E.PROPOSE): _S.PROPOSED,
    (_S.RETIRED, _E.PROPOSE): _S.PROPOSED,
    (_S.PROPOSED, _E.ACTIVATE): _S.ACTIVE,
    (_S.DRAFT, _E.RETIRE): _S.RETIRED,
    (_S.PROPOSED, _E.RETIRE): _S.RETIRED,
}


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What the rules about people ask of a version.

    ``author_ids``: who wrote it or a version of the same name since the last one that was active, for each builds on
    the one before. ``proposer_id``: who proposed it last.
    """

    state: PolicyState
    author_ids: AbstractSet[int] = frozenset()
    proposer_id: int | None = None


def policy_next_state(state: PolicyState, event: PolicyEvent) -> PolicyState:
    """The state that an event leads to.

    Raises:
        IllegalTransitionError: there is no such step. The active version is only retired by the next one.
    """
    target = STEPS.get((state, event))
    if target is None:
        raise IllegalTransitionError(state, event, [one for known, one in STEPS if known is state])
    return target


def may_draft_policy(person: Person) -> Verdict:
    """Write a new version of an approval policy: administrators and change managers."""
    return _verdict(role_denial(person, "write an approval policy", Role.ADMINISTRATOR, Role.CHANGE_MANAGER))


def may_propose_policy(person: Person) -> Verdict:
    """Propose a version for activation: administrators and change managers. Whoever does cannot activate it."""
    return _verdict(role_denial(person, "propose an approval policy", Role.ADMINISTRATOR, Role.CHANGE_MANAGER))


def may_retire_policy(person: Person) -> Verdict:
    """Give up a draft or a proposal: administrators and change managers."""
    return _verdict(role_denial(person, "retire an approval policy", Role.ADMINISTRATOR, Role.CHANGE_MANAGER))


def may_activate_policy(person: Person, facts: VersionFacts) -> Verdict:
    """Let a proposed version judge all changes: a change manager who neither wrote nor proposed it."""
    own = None
    if person.id in facts.author_ids or person.id == facts.proposer_id:
        did = "wrote a part of" if person.id in facts.author_ids else "proposed"
        sentence = f"You {did} this version, so you cannot activate it. Ask another change manager."
        own = Denial(GATE_SELF_APPROVAL, sentence)
    return _verdict(role_denial(person, "activate an approval policy", Role.CHANGE_MANAGER), own)


def _verdict(*denials: Denial | None) -> Verdict:
    return Verdict(tuple(denial for denial in denials if denial is not None))
