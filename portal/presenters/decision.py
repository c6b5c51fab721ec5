"""The bar under the plan: what this person can sign, and exactly what the signature covers."""

from __future__ import annotations

from dataclasses import dataclass

from changes.domain.states import EDITABLE, IN_REVIEW, ChangeState
from portal.presenters.actions import DECISIONS, Action, Actions
from portal.presenters.sight import Sight
from portal.presenters.words import counted


@dataclass(frozen=True, slots=True)
class DecisionBar:
    """``buttons`` are open to this person, ``refused`` are not; ``asks_comment`` where a decision takes one.

    ``signed`` says in words what the digest stands for. ``absent`` are members for whom the person may approve by a
    delegation, by their ids; with ``alone`` they may in their own right too.
    """

    title: str
    signed: str
    digest: str
    revision: int
    asks_comment: bool
    buttons: tuple[Action, ...]
    refused: tuple[Action, ...]
    absent: tuple[tuple[int, str], ...] = ()
    alone: bool = True


def decision_of(sight: Sight, actions: Actions) -> DecisionBar | None:
    """The bar for a plan that is ready and current; None where nothing can be decided about it."""
    revision = sight.revision
    if revision is None or not sight.plan_ready:
        return None
    keys = _keys(sight)
    buttons = tuple(action for action in actions.allowed if action.key in keys)
    refused = tuple(action for action in actions.refused if action.key in keys)
    if not buttons and not refused:
        return None
    return DecisionBar(
        title=_title(sight, buttons, revision.number),
        signed=_signed(sight),
        digest=revision.digest,
        revision=revision.number,
        asks_comment=any(action.key in DECISIONS for action in buttons),
        buttons=buttons,
        refused=refused,
        absent=tuple(one for found in sight.absent.values() for one in found),
        alone=sight.approves_alone,
    )


def _keys(sight: Sight) -> frozenset[str]:
    if sight.state in IN_REVIEW:
        return frozenset(DECISIONS)
    if sight.state in EDITABLE:
        return frozenset({"submit"})
    return frozenset({"start"}) if sight.state is ChangeState.APPROVED else frozenset()


def _title(sight: Sight, buttons: tuple[Action, ...], number: int) -> str:
    if sight.state in IN_REVIEW:
        return f"Your decision on revision {number}" if buttons else f"You cannot decide on revision {number}"
    if sight.state in EDITABLE:
        return f"Submit revision {number}"
    return f"Start revision {number}"


def _signed(sight: Sight) -> str:
    devices = counted(sight.totals.devices, "device")
    return (
        f"The digest covers the commands, the backout and the checks of {devices}, and nothing else is sent."
        " If any of it changes, a signature no longer counts."
    )
