"""What blocks a change: the people who have to act, and the checks that machines make, apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.contrib.auth import get_user_model
from django.urls import reverse

from changes.domain import policy
from changes.domain.policy import Role, Stage
from changes.domain.run_states import RunOutcome
from changes.domain.states import BEFORE_IMPLEMENTING, ENDED, IN_REVIEW, ChangeState, ChangeType, DevicePlanState
from changes.models import Approval
from changes.selectors import Blocker, blockers
from portal.presenters.sealing import SealNote
from portal.presenters.sight import Sight
from portal.presenters.words import counted, either, group_label

_S = ChangeState


@dataclass(frozen=True, slots=True)
class Gate:
    """One row; ``status`` is passed, waiting, pending, blocked, failed or current."""

    status: str
    label: str
    detail: str = ""
    url: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Gates:
    """The box: its head says the one thing that matters now."""

    title: str
    text: str
    tone: str
    icon: str
    people: tuple[Gate, ...]
    machine: tuple[Gate, ...]


def gates_of(sight: Sight, seal_note: SealNote | None = None) -> Gates | None:
    """The box for a change that goes on; None for one that has ended."""
    if sight.state in ENDED:
        return None
    found = tuple(blockers(sight.change, sight.facts))
    head = _head(sight)
    if seal_note is not None and not sight.change.on_hold:
        head = _UNSEALED
    return Gates(*head, people=tuple(_people(sight, found)), machine=tuple(_machine(sight, found)))


_HEADS: Final[dict[ChangeState, tuple[str, str, str, str]]] = {
    _S.ASSESSMENT: ("A technical assessment is missing", "Then the change authority decides.", "wait", "s-assessment"),
    _S.APPROVED: ("Nothing blocks this: it can be started", "An implementer starts it.", "ok", "s-approved"),
    _S.SCHEDULED: ("It waits for its window", "", "live", "s-scheduled"),
    _S.STALE: ("The approval no longer holds", "The author revises the change and plans it again.", "warn", "s-stale"),
    _S.IMPLEMENTING: ("It is being implemented", "Workers send the approved lines.", "live", "s-implementing"),
    _S.PAUSED: ("The run is paused", "Nothing further is started until it is resumed.", "warn", "s-paused"),
    _S.ROLLING_BACK: ("It is being rolled back", "Workers send the approved backout.", "warn", "s-rollback"),
    _S.REVIEW: ("It waits to be closed", "A change manager records how it went.", "wait", "s-review"),
}

_UNSEALED: Final = ("Its approvals are not sealed yet", "Nothing is written before they are.", "warn", "s-paused")


def _head(sight: Sight) -> tuple[str, str, str, str]:
    if sight.change.on_hold:
        return "The change is on hold", "Nothing moves until the hold is released.", "warn", "s-paused"
    if sight.state is _S.DRAFT:
        return _draft_head(sight)
    if sight.state is _S.AUTHORIZATION:
        return _authorization_head(sight)
    return _HEADS[sight.state]


def _draft_head(sight: Sight) -> tuple[str, str, str, str]:
    if sight.plan_ready:
        return (
            "Nothing blocks this: it can be submitted",
            "Read the plan once more, then submit it.",
            "ok",
            "s-approved",
        )
    if sight.plan_building:
        return "The plan is being built", "Every device is read; nothing is changed.", "live", "s-running"
    if sight.revision is None:
        return "A plan is missing", "It shows for each device what would be sent.", "wait", "file-diff"
    if sight.revision.code == "PLAN_EMPTY":
        return "There is nothing to change", "Every device is already as this change wants it.", "warn", "alert"
    return "The plan could not be made", "Read the reasons below, then plan again.", "bad", "s-failed"


def _authorization_head(sight: Sight) -> tuple[str, str, str, str]:
    stage = policy.stage_open(sight.facts.stages, policy.live_approvals(sight.facts))
    missing = stage.quorum - _given(sight, stage) if stage else 0
    title = "One approval is missing" if missing == 1 else f"{missing} approvals are missing"
    return title, "Then an implementer can start the change.", "wait", "s-authorization"


def _given(sight: Sight, stage: Stage) -> int:
    live = policy.live_approvals(sight.facts)
    return len({fact.person_id for fact in live if fact.stage == stage.name})


# ---- people


def _people(sight: Sight, found: tuple[Blocker, ...]) -> Iterator[Gate]:
    open_stage = policy.stage_open(sight.facts.stages, policy.live_approvals(sight.facts))
    signers = _signers(sight)
    asked = _BEFORE_ASKING.get(ChangeType(sight.change.type), "") if sight.state is _S.DRAFT else ""
    if asked:
        yield Gate("pending", asked)
    for stage in () if asked else sight.facts.stages:
        yield _stage_gate(sight, stage, open_stage, signers)
    for blocker in found:
        # The stages say the same as this one, with names.
        if blocker.kind == "people" and blocker.code != "PLAN_NOT_APPROVED":
            yield Gate("waiting" if blocker.code != "on_hold" else "blocked", blocker.sentence, _who(sight))
    if sight.state in BEFORE_IMPLEMENTING - {_S.APPROVED}:
        yield Gate("pending", "Start by an implementer")


_BEFORE_ASKING: Final[dict[ChangeType, str]] = {
    ChangeType.STANDARD: "Approval: none inside the envelope, else as for a normal change",
    ChangeType.EMERGENCY: "ECAB approval",
}
"""What can be said of a draft before the policy is asked; of a normal one its usual stages are named."""


def _signers(sight: Sight) -> dict[str, list[str]]:
    """Who gave the approvals that count, by stage; one query."""
    signers: dict[str, list[str]] = {}
    if sight.revision and policy.live_approvals(sight.facts):
        rows = Approval.objects.filter(revision=sight.revision, voided_at=None, decision="approved")
        for stage, name in rows.values_list("stage", "approver__username"):
            signers.setdefault(stage, []).append(name)
    return signers


def _stage_gate(sight: Sight, stage: Stage, open_stage: Stage | None, signers: dict[str, list[str]]) -> Gate:
    what = f"{group_label(stage.group)} approval" if stage.name != "peer" else "Peer assessment"
    if policy.quorum_met(stage, policy.live_approvals(sight.facts)):
        return Gate("passed", what, f"by {', '.join(signers.get(stage.name, []))}")
    if sight.state in IN_REVIEW and stage == open_stage:
        missing = stage.quorum - _given(sight, stage)
        label = f"{what}: {missing} of {stage.quorum} to come"
        url = reverse("change-plan", args=[sight.change.pk])
        return Gate("waiting", label, _members(sight, stage.group), url, "Read the plan")
    return Gate("pending", what)


def _members(sight: Sight, group: str) -> str:
    """Who could act: the active members of a group who have no hand in the change; one query."""
    hands = {sight.facts.author_id, *sight.facts.editor_ids, *sight.facts.implementer_ids}
    users = get_user_model().objects.filter(is_active=True, groups__name=group).exclude(pk__in=hands)
    names = list(users.order_by("username").values_list("username", flat=True)[:7])
    if not names:
        return f"Nobody of the group {group_label(group)} is free to do it. Ask an administrator."
    return f"{either([*names[:6], 'others'] if len(names) > 6 else names)} can do it"


def _who(sight: Sight) -> str:
    groups = {_S.APPROVED: Role.IMPLEMENTER, _S.REVIEW: Role.CHANGE_MANAGER}
    role = groups.get(sight.state)
    return "" if role is None else _free_members(sight, role)


def _free_members(sight: Sight, role: Role) -> str:
    if role is Role.CHANGE_MANAGER:
        return _members(sight, role)
    approved = {fact.person_id for fact in policy.live_approvals(sight.facts)}
    users = get_user_model().objects.filter(is_active=True, groups__name=role).exclude(pk__in=approved)
    names = list(users.order_by("username").values_list("username", flat=True)[:6])
    return f"{either(names)} can do it" if names else "Nobody is free to do it. Ask an administrator."


# ---- machines


def _machine(sight: Sight, found: tuple[Blocker, ...]) -> Iterator[Gate]:
    plan = reverse("change-plan", args=[sight.change.pk])
    for blocker in found:
        if blocker.kind == "machine":
            status = "current" if sight.plan_building else "waiting" if sight.revision is None else "failed"
            yield Gate(status, blocker.sentence, url=plan if sight.revision else "")
    if sight.plan_ready:
        yield Gate("passed", "Every device has a plan", _plan_detail(sight))
        yield Gate("passed", "No forbidden command", "checked on the rendered lines of every device")
    if sight.totals.warned:
        devices = counted(sight.totals.warned, "device")
        yield Gate("waiting", f"Warnings on {devices}", "they do not block; read them", plan, "Read")
    yield from _execution(sight)


def _plan_detail(sight: Sight) -> str:
    ready, unchanged = sight.totals.count(DevicePlanState.READY), sight.totals.count(DevicePlanState.UNCHANGED)
    already = f", {unchanged} already as wanted" if unchanged else ""
    return f"{ready} of {sight.totals.devices} to be changed{already}"


_OUTCOMES: Final = {
    RunOutcome.SUCCEEDED: ("passed", "Every device holds the change"),
    RunOutcome.PARTIAL: ("failed", "Only a part of the devices holds the change"),
    RunOutcome.FAILED: ("failed", "No device holds the change verified"),
    RunOutcome.ROLLED_BACK: ("failed", "The change was backed out everywhere"),
    RunOutcome.ABORTED: ("failed", "No device was changed"),
    RunOutcome.UNKNOWN: ("failed", "It is not known what some device holds"),
}


def _execution(sight: Sight) -> Iterator[Gate]:
    if sight.state is _S.APPROVED:
        yield Gate("pending", "At the start: plan, digest and approvals", "checked again on the stored bytes")
        yield Gate(
            "pending", "Before each device: identity and drift", "a device that changed meanwhile is not written"
        )
    if sight.run is None:
        return
    url = reverse("run-detail", args=[sight.change.pk, sight.run.pk])
    if sight.run.outcome:
        status, label = _OUTCOMES[RunOutcome(sight.run.outcome)]
        yield Gate(status, label, f"run {sight.run.pk}", url, "See the run")
    else:
        yield Gate("current", "The run goes on", counted(sight.run.device_count, "device"), url, "Watch")
