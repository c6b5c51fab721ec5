"""Who may answer a manual step: the person or the role that the signed plan names, and nobody else."""

from __future__ import annotations

from changes.domain.decision_steps import DecisionStep
from changes.domain.policy import GATE_ROLE_DENIED, Denial, Person, Verdict
from changes.domain.roles import Role, group_label


def may_answer_step(person: Person, step: DecisionStep) -> Verdict:
    """Confirm a step or stop the run at it. Superusers are not exempt; auditors only read."""
    if Role.AUDITOR in person.roles:
        return _no("You hold the auditor role, and auditors only read. Ask the person whom the step names.")
    if step.person_id:
        if person.id == step.person_id:
            return Verdict()
        return _no(f"The signed plan names {step.person} for this step, and nobody else. Ask {step.person}.")
    if step.role and step.role in person.roles:
        return Verdict()
    exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
    return _no(f"To answer this step you need the role {group_label(step.role)}.{exempt} Ask somebody who has it.")


def _no(sentence: str) -> Verdict:
    return Verdict((Denial(GATE_ROLE_DENIED, sentence),))
