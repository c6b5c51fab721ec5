"""Building plans: targets are frozen, workers read each device and write its plan, the digest closes the revision."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain import policy
from changes.domain.errors import InvalidInputError
from changes.domain.hooks import HookPoint
from changes.domain.plan import merkle_root
from changes.domain.states import ChangeState, DevicePlanState, PlanState, check_editable
from changes.domain.strategy import Strategy
from changes.domain.targets import MAX_TARGETS, parse_targets
from changes.errors import UnplannableError
from changes.models import ChangeRequest, DevicePlan, PlanRevision
from changes.rendering import check_syntax
from changes.selectors import Targets, plan_progress, resolve_targets
from changes.services.approval_policies import active_policy
from changes.services.device_planning import Planner
from changes.services.fact_gathering import duplicates_within, facts_digest, facts_gather
from changes.services.hook_calls import hooks_tell, plan_held
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.queueing import ring_planners
from changes.services.requests import discard_plan
from changes.services.risk import risk_assess
from changes.services.rollout import waves_laid_out, waves_settle
from changes.services.template_use import targets_with_content, template_inputs
from changes.services.transitions import audit_change, remembering_refusal
from devices.domain.occasions import Occasion, OccasionKind
from devices.services.claims import Claim, claim_some, claimable
from devices.services.credential_uses import credential_uses_report
from devices.services.runner import run_claims

PLANNER = Actor.system("planner")

EXCLUDED_KEPT: Final = 500
"""Sentences about left out devices that the audit event keeps; it has a limit, and inventories have none."""


def plan_request(*, change_id: int, actor: Actor) -> PlanRevision:
    """Freeze a draft's inputs and targets as a new plan revision and call the workers to build it.

    An earlier plan of the draft is superseded. Nothing is read from a device here.

    Raises:
        IllegalTransitionError: the change is not a draft.
        PolicyDeniedError: the person neither wrote nor edited the change.
        InvalidInputError: no device can be a target; the sentence says why each was left out.
        UnplannableError: the content cannot be rendered for any device; with the line of each problem.
    """
    with remembering_refusal(actor=actor, attempt="plan", change_id=change_id):
        change = lock_change(change_id)
        check_editable(ChangeState(change.state), verb="plan")
        person = person_of(actor)
        enforce(policy.may_plan(person, facts_of(change)))
        _check_content(change)
        targets = targets_with_content(change, resolve_targets(parse_targets(change.targets)))
        _require_devices(targets, named=bool(change.targets.get("device_ids")))
        discard_plan(change, actor=actor)
        revision = _create_revision(change, person.id, targets)
        change.revision = revision
        change.save(update_fields=["revision", "updated_at"])
        audit_change(
            change,
            "plan.requested",
            actor=actor,
            details={
                "revision": revision.number,
                "devices": [device.name for device in targets.devices],
                "excluded": [excluded.told for excluded in targets.excluded[:EXCLUDED_KEPT]],
                "excluded_count": len(targets.excluded),
            },
        )
        hooks_tell(HookPoint.BEFORE_PLAN, revision)
        ring_planners(revision.pk, waiting=len(targets.devices))
        return revision


def _check_content(change: ChangeRequest) -> None:
    problems = check_syntax(change.content, change.variables)
    if problems:
        raise UnplannableError(" ".join(map(str, problems[:10])), code=problems[0].code)


def _require_devices(targets: Targets, *, named: bool) -> None:
    reasons = [excluded.told for excluded in targets.excluded]
    if named and reasons:
        raise InvalidInputError({"targets": reasons[:20]})
    if len(targets.devices) > MAX_TARGETS:
        sentence = f"{len(targets.devices)} devices match; one change may have {MAX_TARGETS}. Split the change."
        raise InvalidInputError({"targets": [sentence]})
    if not targets.devices:
        sentence = "No device matches these targets." if not reasons else "No matching device can be changed:"
        raise InvalidInputError({"targets": [" ".join([sentence, *reasons[:5]])]})


def _create_revision(change: ChangeRequest, requester_id: int, targets: Targets) -> PlanRevision:
    last = change.revisions.aggregate(last=Max("number"))["last"] or 0
    revision = PlanRevision.objects.create(
        change=change,
        number=last + 1,
        inputs={
            "content": change.content,
            "variables": change.variables,
            "checks": {"pre": change.checks.get("pre", []), "post": change.checks.get("post", [])},
            "strategy": change.strategy,
            "targets": change.targets,
            **template_inputs(change),
        },
        policy_version=active_policy().label,
        device_count=len(targets.devices),
        requested_by_id=requester_id,
    )
    rows = [(device.pk, device.name, device.redundancy_group) for device in targets.devices]
    waves = waves_laid_out(rows, Strategy.of(change.strategy))
    DevicePlan.objects.bulk_create(
        (
            DevicePlan(revision=revision, device=device, position=position, wave=waves[device.pk])
            for position, device in enumerate(targets.devices)
        ),
        batch_size=500,
    )
    return revision


def waiting_device_plans(revision_id: int) -> QuerySet[DevicePlan]:
    """A building revision's device plans that nobody has started on."""
    return DevicePlan.objects.filter(
        revision_id=revision_id, revision__state=PlanState.BUILDING, state=DevicePlanState.PENDING
    ).order_by("position")


def plan_devices(revision_id: int) -> int:
    """Build device plans in this process until none is left or the deadline nears; returns how many were claimed.

    Safe to call twice at once. When nothing is left, the revision is closed with its digest.
    """
    revision = PlanRevision.objects.filter(pk=revision_id, state=PlanState.BUILDING).first()
    if revision is None or _held_by_hooks(revision):
        return 0
    with Planner(revision) as planner:

        def claim(owner: uuid.UUID, limit: int) -> list[Claim]:
            return claim_some(waiting_device_plans(revision_id), owner=owner, limit=limit)

        done = run_claims(DevicePlan, claim_some=claim, work=planner.build, threads=settings.COUNTERSIGN_THREADS)
    revision_finish(revision_id)
    if done and claimable(waiting_device_plans(revision_id)).exists():
        ring_planners(revision_id)
    return done


def revision_finish(revision_id: int) -> bool:
    """Close a revision whose device plans are all done: compute its digest, or say why it failed.

    Returns whether it was closed now.
    """
    change_id = PlanRevision.objects.filter(pk=revision_id).values_list("change_id", flat=True).first()
    if change_id is None:
        return False
    with transaction.atomic():
        change = lock_change(change_id)
        revision = PlanRevision.objects.select_for_update().get(pk=revision_id)
        progress = plan_progress(revision)
        under_way = progress.get(DevicePlanState.PENDING, 0) + progress.get(DevicePlanState.BUILDING, 0)
        if revision.state != PlanState.BUILDING or under_way:
            return False
        _close(revision, progress)
        revision.save()
        if revision.state == PlanState.READY:
            risk_assess(change, revision, actor=PLANNER)
        record(
            actor=PLANNER,
            action="plan.ready" if revision.state == PlanState.READY else "plan.failed",
            object_type="plan",
            object_id=revision.pk,
            object_label=f"{change.number} r{revision.number}",
            change_id=change.pk,
            state_from=PlanState.BUILDING,
            state_to=revision.state,
            code=revision.code,
            reason=revision.detail,
            details={"digest": revision.digest, "devices": progress, "facts_sha256": facts_digest(revision.facts)},
        )
        hooks_tell(HookPoint.AFTER_PLAN, revision)
        credential_uses_report(Occasion(OccasionKind.PLAN, revision.pk))
        return True


def _held_by_hooks(revision: PlanRevision) -> bool:
    """Whether nothing is read yet because required hooks were asked; a revision that one stands against is refused."""
    held = plan_held(revision)
    if held.code:
        _refuse(revision.pk, held.code, held.detail)
    return held.waits or bool(held.code)


@transaction.atomic
def _refuse(revision_id: int, code: str, detail: str) -> None:
    change_id = PlanRevision.objects.values_list("change_id", flat=True).get(pk=revision_id)
    change = lock_change(change_id)
    revision = PlanRevision.objects.select_for_update().get(pk=revision_id)
    if revision.state != PlanState.BUILDING:
        return
    revision.state, revision.code, revision.detail, revision.finished_at = PlanState.FAILED, code, detail, Now()
    revision.save()
    record(
        actor=PLANNER,
        action="plan.failed",
        object_type="plan",
        object_id=revision.pk,
        object_label=f"{change.number} r{revision.number}",
        change_id=change.pk,
        state_from=PlanState.BUILDING,
        state_to=revision.state,
        code=code,
        reason=detail,
    )
    hooks_tell(HookPoint.AFTER_PLAN, revision)


def _close(revision: PlanRevision, progress: Mapping[str, int]) -> None:
    revision.finished_at = Now()
    failed = progress.get(DevicePlanState.FAILED, 0)
    plans = DevicePlan.objects.filter(revision=revision).order_by("position")
    if failed:
        first = plans.filter(state=DevicePlanState.FAILED).select_related("device").first()
        revision.state, revision.code = PlanState.FAILED, first.code if first else "PLAN_MISSING"
        names = ", ".join(plans.filter(state=DevicePlanState.FAILED).values_list("device__name", flat=True)[:10])
        revision.detail = (
            f"{failed} of {revision.device_count} devices cannot be planned ({names})."
            " Read the reason on each, correct the content or leave the device out, then plan again."
        )
        return
    if not progress.get(DevicePlanState.READY, 0):
        revision.state, revision.code = PlanState.FAILED, "PLAN_EMPTY"
        revision.detail = "Every device is already as this change wants it; there is nothing to approve."
        return
    waves_settle(revision)
    duplicates_within(revision)
    revision.facts = facts_gather(revision)
    revision.state = PlanState.READY
    revision.digest = merkle_root(list(plans.values_list("digest", flat=True)))
