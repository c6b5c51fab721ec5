"""What a person can do to a change now, and why not what they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from django.urls import reverse

from changes.domain import policy
from changes.domain.policy import Verdict
from changes.domain.states import EDITABLE, ChangeEvent, ChangeState, ChangeType
from changes.services.scheduling import MOVABLE
from changes.services.start_window import why_not_now
from changes.services.windows import window_of
from portal.presenters.links import page_url
from portal.presenters.sight import Sight
from portal.presenters.words import either, group_label


@dataclass(frozen=True, slots=True)
class Action:
    """One button. ``posts`` tells a form's button from a link; ``ask`` is a question that it puts first.

    ``refusal`` says why it is disabled, with the rule's ``code``; empty where it is open.
    """

    key: str
    label: str
    url: str
    icon: str = ""
    posts: bool = False
    variant: str = ""
    hint: str = ""
    ask: str = ""
    refusal: str = ""
    code: str = ""

    @property
    def allowed(self) -> bool:
        """Whether this person can take it now."""
        return not self.refusal


@dataclass(frozen=True, slots=True)
class Actions:
    """All that the state allows, apart by whether this person may; the first of ``allowed`` is the way on."""

    allowed: tuple[Action, ...]
    refused: tuple[Action, ...]

    @property
    def primary(self) -> Action | None:
        """The step that takes the change on, if it is this person's."""
        return next((action for action in self.allowed if action.variant == "primary"), None)

    def get(self, key: str) -> Action | None:
        """One of them by its key, allowed or not."""
        return next((action for action in (*self.allowed, *self.refused) if action.key == key), None)


_LOOKS: Final[dict[ChangeEvent, Action]] = {
    ChangeEvent.SUBMIT: Action(
        "submit", "Submit for assessment", "change-submit", "arrow-right", True, "primary",
        "A technical peer reads the plan next. It can be withdrawn until it is started.",
    ),
    ChangeEvent.ASSESS: Action(
        "assess", "Approve as peer", "change-assess", "signature", True, "primary",
        "Signs the plan with the digest that the page shows.",
    ),
    ChangeEvent.AUTHORIZE: Action(
        "approve", "Approve", "change-approve", "signature", True, "primary",
        "Signs the plan with the digest that the page shows.",
    ),
    ChangeEvent.REQUEST_CHANGES: Action(
        "request-changes", "Request changes", "change-request-changes", "undo", True, "",
        "Sends it back to its author; approvals so far become void.",
    ),
    ChangeEvent.REJECT: Action(
        "reject", "Reject", "change-reject", "s-rejected", True, "danger", "Ends the change for good.",
    ),
    ChangeEvent.REVISE: Action(
        "revise", "Revise", "change-revise", "edit", True, "primary",
        "Makes it a draft again. Plan it anew; approvals of unchanged devices may be carried over.",
    ),
    ChangeEvent.SCHEDULE: Action(
        "schedule", "Set the window", "change-schedule", "calendar", False, "",
        "Nothing is started before it opens or after it closes.",
    ),
    ChangeEvent.START: Action(
        "start", "Start", "change-start", "play", False, "primary", "Shows what will happen and asks once more.",
    ),
    ChangeEvent.CLOSE: Action(
        "close", "Close", "change-close", "s-closed", False, "primary", "Records how the change went, and ends it.",
    ),
    ChangeEvent.ROLL_BACK: Action(
        "rollback", "Roll back", "change-rollback", "s-rollback", False, "danger",
        "Shows what will be sent to which device and asks once more.",
    ),
    ChangeEvent.WITHDRAW: Action(
        "withdraw", "Withdraw", "change-withdraw", "undo", True, "",
        "Takes it back to draft; approvals so far become void.", "Withdraw this change?",
    ),
    ChangeEvent.CANCEL: Action(
        "cancel", "Cancel change", "change-cancel", "s-canceled", False, "danger",
        "Gives the change up for good, with a reason.",
    ),
}  # fmt: skip
"""Events that have a page or a button; the order is that of importance. Others have no way to be caused yet."""

_ABSTAIN: Final = Action(
    "abstain", "Abstain", "change-abstain", "s-skipped", True, "",
    "Says that you do not decide. It counts for nothing, and binds you until you withdraw it.",
)  # fmt: skip

DECISIONS: Final = ("assess", "approve", "abstain", "request-changes", "reject")
"""Keys of what reviewers decide; they are offered beside the plan alone, where it can be read."""


def actions_of(sight: Sight) -> Actions:
    """Everything that the change's state allows, for this person."""
    found = tuple(_possible(sight))
    return Actions(
        allowed=tuple(action for action in found if action.allowed),
        refused=tuple(action for action in found if not action.allowed),
    )


def _possible(sight: Sight) -> Iterator[Action]:
    for event, look in _LOOKS.items():
        verdict = sight.verdicts.get(event)
        if verdict is not None:
            yield _judged(_placed(_named(event, look, sight), sight), verdict, sight)
        if event is ChangeEvent.REQUEST_CHANGES and sight.may_abstain:
            yield _judged(_placed(_ABSTAIN, sight), Verdict(), sight)
        if event is ChangeEvent.SCHEDULE and sight.state in MOVABLE and window_of(sight.change):
            again = replace(_placed(look, sight), label="Move the window")
            yield _judged(again, policy.may_schedule(sight.person, sight.facts), sight)
        if event is ChangeEvent.ROLL_BACK and sight.state is ChangeState.ROLLING_BACK:
            more = replace(_placed(look, sight), label="Roll back more devices")
            yield _judged(more, policy.may_roll_back(sight.person, sight.facts), sight)
        if event is ChangeEvent.SUBMIT and sight.state in EDITABLE:
            yield from _drafting(sight)


_SUBMITS: Final[dict[ChangeType, tuple[str, str]]] = {
    ChangeType.STANDARD: (
        "Submit",
        "Inside the envelope of its template it is approved at once; outside, a technical peer reads the plan next.",
    ),
    ChangeType.EMERGENCY: ("Submit to the ECAB", "The ECAB decides at once. It can be withdrawn until it is started."),
}


def _named(event: ChangeEvent, look: Action, sight: Sight) -> Action:
    """A submission by what follows it, and an approval by the name of its stage, unless that is a usual one."""
    if event is ChangeEvent.SUBMIT:
        label, hint = _SUBMITS.get(ChangeType(sight.change.type), (look.label, look.hint))
        return replace(look, label=label, hint=hint)
    stage = policy.deciding_stage(sight.facts, event) if event in {ChangeEvent.ASSESS, ChangeEvent.AUTHORIZE} else None
    if stage is None or stage.name in {"peer", "cab"}:
        return look
    return replace(look, label=f"Approve as {either([group_label(group) for group in stage.groups])}")


def _drafting(sight: Sight) -> Iterator[Action]:
    may_plan = policy.may_plan(sight.person, sight.facts)
    label = "Build the plan again" if sight.revision else "Build the plan"
    way_on = not sight.plan_ready and not sight.plan_building
    build = Action("build", label, "plan-build", "refresh", True, "primary" if way_on else "")
    hint = "Reads every device and works out what would be sent to it. Nothing is changed."
    yield _judged(_placed(replace(build, hint=hint), sight), may_plan, sight)
    url = page_url("change-edit", sight.change.pk)
    if url:
        hint = "Whoever edits a change can no longer approve it."
        edit = Action("edit", "Edit", url, "edit", hint=hint)
        yield _judged(edit, policy.may_edit(sight.person, sight.facts), sight)


def _placed(look: Action, sight: Sight) -> Action:
    return replace(look, url=reverse(look.url, args=[sight.change.pk]))


def _judged(action: Action, verdict: Verdict, sight: Sight) -> Action:
    if not verdict.allowed:
        # An administrator can give a role; that a person has a hand in the change, nobody can take back.
        told = min(verdict.reasons, key=lambda denial: denial.code != policy.GATE_SELF_APPROVAL)
        return replace(action, refusal=told.sentence, code=told.code)
    guard = _guard(action.key, sight)
    return replace(action, refusal=guard[1], code=guard[0]) if guard else action


def _guard(key: str, sight: Sight) -> tuple[str, str] | None:
    """What besides the person stands in the way; the services ask the same again."""
    held = sight.change.on_hold and key in {"submit", "schedule", "start", *DECISIONS}
    if held:
        return "on_hold", "The change is on hold. Have the hold released first."
    if key == "start" and (closed := why_not_now(sight.change)):
        return closed.code, closed.sentence
    if key == "submit" and not sight.plan_ready:
        waiting = "The plan is still being built." if sight.plan_building else "Build the plan and read it first."
        return "PLAN_MISSING", waiting
    return None
