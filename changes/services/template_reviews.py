"""Reviewing proposed versions, and giving a template its pre-approval back after a failure."""

from __future__ import annotations

from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.content import parse_comment
from changes.domain.roles import Role
from changes.domain.states import ENDED
from changes.domain.templates.policy import may_restore, may_return, may_review, reviewing_role
from changes.domain.templates.states import ReviewDecision, TemplateEvent, TemplateState, next_template_state
from changes.errors import ConflictError, DigestMismatchError
from changes.models import ChangeRequest, PreApprovalRestoration, Run, TemplateReview, TemplateVersion
from changes.services.people import enforce, person_of
from changes.services.template_history import unforgiven_failures
from changes.services.template_records import (
    RESTORATION,
    REVIEW,
    audit_version,
    lock_template,
    lock_version,
    remembering,
    version_facts,
)
from changes.services.templates import version_deprecate


def version_approve(
    *, template_id: int, number: int, reviewer: Actor, digest: str, comment: str = ""
) -> TemplateVersion:
    """Approve exactly the text whose digest the reviewer's page showed. The last review that is needed approves it.

    A version without an envelope needs a peer; one with an envelope a peer and, besides, a member of the CAB. The
    version that was approved before is deprecated in the same transaction.

    Raises:
        ChangeNotFoundError, IllegalTransitionError.
        DigestMismatchError: the version was edited after the page was drawn.
        PolicyDeniedError: the person wrote a part of it, reviewed it already, or has no role that is lacking.
    """
    comment = parse_comment(comment, action="approve a version", required=False)
    with remembering("approve", reviewer, template_id):
        version = lock_version(template_id, number)
        state = next_template_state(TemplateState(version.state), TemplateEvent.APPROVE)
        person, facts = person_of(reviewer), version_facts(version)
        _same_digest(version, digest)
        enforce(may_review(person, facts))
        role = reviewing_role(person, facts) or Role.PEER
        _store(version, person.id, role, ReviewDecision.APPROVED, comment, reviewer)
        if set(facts.lacking) == {role}:
            _approved(version, state, reviewer)
        return version


def version_return(*, template_id: int, number: int, reviewer: Actor, digest: str, comment: str) -> TemplateVersion:
    """Send a proposed version back to its authors with a comment; reviews given so far are void.

    Raises:
        ChangeNotFoundError, IllegalTransitionError, DigestMismatchError, PolicyDeniedError.
        InvalidInputError: the comment is missing.
    """
    comment = parse_comment(comment, action="send a version back")
    with remembering("return", reviewer, template_id):
        version = lock_version(template_id, number)
        state = next_template_state(TemplateState(version.state), TemplateEvent.RETURN)
        person = person_of(reviewer)
        enforce(may_return(person, version_facts(version)))
        _same_digest(version, digest)
        version.reviews.filter(voided_at=None).update(voided_at=timezone.now())
        role = Role.CAB if Role.CAB in person.roles and Role.PEER not in person.roles else Role.PEER
        _store(version, person.id, role, ReviewDecision.RETURNED, comment, reviewer)
        before, version.state = version.state, state.value
        version.save(update_fields=["state"])
        audit_version(version, "returned", actor=reviewer, state_from=before, reason=comment)
        return version


def pre_approval_restore(*, template_id: int, manager: Actor, comment: str) -> PreApprovalRestoration:
    """Give a template its pre-approval back, with a reason, after every failed change from it was looked at.

    Raises:
        ChangeNotFoundError, InvalidInputError.
        ConflictError: it has not lost it, or a failed change has not been closed yet.
        PolicyDeniedError: no change manager, or one with a hand in the template or in a failed change.
    """
    with remembering("restore", manager, template_id):
        template = lock_template(template_id)
        failed = unforgiven_failures(template_id)
        person = person_of(manager)
        enforce(may_restore(person, involved_ids=_involved(template_id, failed)))
        reason = parse_comment(comment, action="give a pre-approval back")
        if not failed:
            raise ConflictError(f"{template.number} has not lost its pre-approval.", code="nothing_lost")
        open_ones = ChangeRequest.objects.filter(pk__in=failed).exclude(state__in=ENDED).order_by("pk")
        if open_ones:
            names = ", ".join(change.number for change in open_ones[:5])
            raise ConflictError(f"Close {names} first, so that it is known what failed.", code="failure_not_closed")
        found = PreApprovalRestoration.objects.create(
            template=template, change_ids=failed, restored_by_id=person.id, reason=reason
        )
        record(
            actor=manager,
            action="template.pre_approval_restored",
            object_type=RESTORATION,
            object_id=found.pk,
            object_label=str(template),
            reason=reason,
            details={"template": template.number, "changes": [f"CHG-{pk:05d}" for pk in failed[:100]]},
        )
        return found


def _approved(version: TemplateVersion, state: TemplateState, reviewer: Actor) -> None:
    earlier = version.template.versions.approved().first()
    if earlier is not None:
        earlier.template = version.template
        version_deprecate(earlier, actor=reviewer, reason=f"{version.label} took its place.")
    before, version.state, version.approved_at = version.state, state.value, timezone.now()
    version.save(update_fields=["state", "approved_at"])
    audit_version(version, "approved", actor=reviewer, state_from=before)


def _same_digest(version: TemplateVersion, digest: str) -> None:
    if digest != version.digest:
        raise DigestMismatchError(given=digest, current=version.digest)


def _store(
    version: TemplateVersion, reviewer_id: int, role: Role, decision: ReviewDecision, comment: str, actor: Actor
) -> None:
    returned = decision is ReviewDecision.RETURNED
    review = TemplateReview.objects.create(
        version=version,
        reviewer_id=reviewer_id,
        role=role.value,
        decision=decision.value,
        digest=version.digest,
        comment=comment,
        voided_at=timezone.now() if returned else None,
    )
    record(
        actor=actor,
        action=f"template_review.{decision.value}",
        object_type=REVIEW,
        object_id=review.pk,
        object_label=f"{role.label} on {version.label}",
        state_to=decision.value,
        reason=comment,
        details={"digest": version.digest, "version": version.label, "role": role.value},
    )


def _involved(template_id: int, failed: list[int]) -> set[int]:
    """Who wrote a part of the template, or wrote or implemented one of the failed changes."""
    editors = TemplateVersion.editors.through.objects.filter(templateversion__template_id=template_id)
    people = set(editors.values_list("user_id", flat=True))
    for author_id, editor_id in ChangeRequest.objects.filter(pk__in=failed).values_list("author", "editors"):
        people |= {author_id, editor_id}
    for starter_id, helper_id in Run.objects.filter(change_id__in=failed).values_list("started_by", "implementers"):
        people |= {starter_id, helper_id}
    return {pk for pk in people if pk is not None}
