"""Activating an approval policy: one transaction for the policy, then bounded steps for the changes that wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.approval_policy.document import ApprovalPolicy, StageSpec
from changes.domain.approval_policy.sentences import either
from changes.domain.content import parse_comment
from changes.domain.input import did_you_mean, shown
from changes.domain.policy_versions import PolicyEvent, PolicyState, may_activate_policy, policy_next_state
from changes.domain.roles import Role, group_label
from changes.errors import ConflictError
from changes.models import ApprovalPolicyVersion
from changes.services.approval_policies import (
    policy_by_digest,
    refuse_unknown_origin,
    remembering,
    version_facts,
    version_locked,
    version_moves,
    version_retires,
)
from changes.services.people import enforce, person_of
from changes.services.rejudging import waiting_judge

AT_ONCE: Final = 25
"""So many waiting changes are judged again right after an activation; the dispatcher does the others."""


def policy_activate(*, version_id: int, actor: Actor, comment: str) -> ApprovalPolicyVersion:
    """Let a proposed version judge from now on; the one that was active is retired, in the same transaction.

    Waiting changes of which it asks more are judged again afterwards, in bounded steps; until then none of them starts.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager, or wrote or proposed it. The refusal is audited.
        InvalidInputError: no reason.
        IllegalTransitionError: it is not proposed.
        ConflictError: ``policy_group_unknown``; it names a group that does not exist.
        PlanIntegrityError: its stored document cannot be read, or nobody knows who wrote it.
    """
    with remembering("activate", actor, version_id):
        before = _active_locked()
        found, person = version_locked(version_id), person_of(actor)
        policy_next_state(PolicyState(found.state), PolicyEvent.ACTIVATE)
        enforce(may_activate_policy(person, version_facts(found)))
        comment = parse_comment(comment, action="activate a policy")
        refuse_unknown_origin(found)
        if unknown := unknown_groups(policy_by_digest(found.digest)):
            raise ConflictError(" ".join(unknown), code="policy_group_unknown")
        version_retires(before, actor=actor, reason=f"Replaced by {found.label}.")
        now: dict[str, object] = {"activated_by_id": person.id, "activated_at": Now(), "judged_at": None}
        version_moves(found, PolicyEvent.ACTIVATE, actor=actor, reason=comment, **now)
        transaction.on_commit(lambda: waiting_judge(limit=AT_ONCE), robust=True)
        return found


def unknown_groups(policy: ApprovalPolicy) -> tuple[str, ...]:
    """A sentence for each group that a stage names and that does not exist; one query.

    Nobody can ever act for such a group, so this is a mistake in the file. Too few members is none: people come and go.
    """
    known = sorted(Group.objects.values_list("name", flat=True))
    return tuple(
        f"The stage {stage.title} {does.format(f'“{shown(name)}”')}, and there is no such group."
        f"{did_you_mean(name, known)}"
        " Correct the name in a new version, or ask an administrator to add the group."
        for stage in policy.stages
        for does, names in (
            ("asks {}", stage.groups),
            ("lets members of {} act for others", stage.delegates),
            ("escalates to {}", stage.escalate_to),
        )
        for name in names
        if name not in known
    )


def short_of_people(policy: ApprovalPolicy) -> tuple[str, ...]:
    """A sentence for each stage that fewer people could decide than its quorum, whoever wrote the change. One query.

    Nobody would be asked in their place: a change that such a stage is asked of waits until members are added.
    """
    members = get_user_model().objects.filter(is_active=True, groups__isnull=False)
    able: dict[str, set[int]] = {}
    for name, pk in members.exclude(groups__name=Role.AUDITOR).values_list("groups__name", "pk"):
        able.setdefault(name, set()).add(pk)
    return tuple(filter(None, (_short(stage, policy, able) for stage in policy.stages)))


def _short(stage: StageSpec, policy: ApprovalPolicy, able: Mapping[str, set[int]]) -> str:
    asked = [ask.quorum for rule in policy.rules for ask in rule.asks if ask.stage == stage.name]
    most = max([stage.quorum, *asked])
    people = set().union(*(able.get(group, set()) for group in stage.groups))
    if len(people) >= most:
        return ""
    have = "no member" if not people else "1 member" if len(people) == 1 else f"{len(people)} members"
    groups = either(map(group_label, stage.groups))
    return f"The stage {stage.title} may ask for {most} of {groups}, which has {have}. Ask an administrator for more."


def _active_locked() -> ApprovalPolicyVersion:
    active = ApprovalPolicyVersion.objects.active().select_for_update()
    # A second look: who waited for another activation finds that the row it waited for is active no more.
    return active.first() or active.get()
