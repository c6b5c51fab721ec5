"""The states of a template version, as a table: the only place that says which step may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from changes.domain.labels import Labelled
from changes.domain.states import IllegalTransitionError


class TemplateState(Labelled):
    """Where one version of a template stands. Only a draft can be edited; a deprecated version stays readable."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    DEPRECATED = "deprecated"


class TemplateEvent(Labelled):
    """What somebody does to a template version."""

    EDIT = "edit"
    PROPOSE = "propose"
    WITHDRAW = "withdraw"
    RETURN = "return"
    APPROVE = "approve"
    DEPRECATE = "deprecate"


class ReviewDecision(Labelled):
    """What a reviewer decided about a proposed version."""

    APPROVED = "approved"
    RETURNED = "returned"


_S, _E = TemplateState, TemplateEvent

TEMPLATE_TRANSITIONS: Final[Mapping[tuple[TemplateState, TemplateEvent], TemplateState]] = {
    (_S.DRAFT, _E.EDIT): _S.DRAFT,
    (_S.DRAFT, _E.PROPOSE): _S.PROPOSED,
    (_S.PROPOSED, _E.WITHDRAW): _S.DRAFT,
    (_S.PROPOSED, _E.RETURN): _S.DRAFT,
    (_S.PROPOSED, _E.APPROVE): _S.APPROVED,
    (_S.APPROVED, _E.DEPRECATE): _S.DEPRECATED,
}
"""*approve*: the last of the reviews that the version needs. It deprecates the version that was approved before."""


def template_events_from(state: TemplateState) -> tuple[TemplateEvent, ...]:
    """Every event that the table allows in this state, in the table's order."""
    return tuple(event for source, event in TEMPLATE_TRANSITIONS if source is state)


def next_template_state(state: TemplateState, event: TemplateEvent) -> TemplateState:
    """The state that ``event`` leads to. People and guards are not checked here.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    found = TEMPLATE_TRANSITIONS.get((state, event))
    if found is None:
        raise IllegalTransitionError(state, event, template_events_from(state))
    return found
