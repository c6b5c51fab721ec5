"""Writing a change request and moving it to and from review: what its author does."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import ChangeDraft, parse_comment, parse_draft, parse_patch
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, PlanState, check_editable, next_state
from changes.errors import ConflictError, PlanNotReadyError, StaleEditError
from changes.models import ChangeRequest, PlanRevision
from changes.services.carrying_over import review_begun
from changes.services.demanding import demand_settle
from changes.services.device_work import sha256_hex
from changes.services.integrity import verify_revision
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.template_use import with_template
from changes.services.templates import template_editor_ids
from changes.services.transitions import audit_change, move, remembering_refusal
from changes.services.voiding import void_approvals
from devices.services.scrubbing import Scrubber

_PLANNED_FIELDS = frozenset({"content", "variables", "targets", "checks", "strategy", "template_version_id"})


@transaction.atomic
def change_create(*, data: Mapping[str, object], author: Actor) -> ChangeRequest:
    """Write a new draft from raw input, and audit it. Nothing is planned yet.

    ``data`` has the shape of :func:`changes.domain.content.parse_draft`.

    Raises:
        PolicyDeniedError: the person may not write changes.
        InvalidInputError: with every sentence about every field.
    """
    person = person_of(author)
    enforce(policy.may_create(person))
    values = with_template(_values_of(parse_draft(data)), data, None)
    change = ChangeRequest.objects.create(author_id=person.id, last_editor_id=person.id, **_columns(values))
    change.editors.add(person.id)
    audit_change(
        change,
        "change.created",
        actor=author,
        state_to=change.state,
        after=_audited(_columns(values)),
    )
    return change


def change_edit(
    *, change_id: int, data: Mapping[str, object], editor: Actor, version: int | None = None
) -> ChangeRequest:
    """Change a draft. What the plan was made from can only change together with the plan: it is then void.

    ``version`` is the one that the editor's form was drawn from; None skips that check. Whoever edits can no longer
    approve.

    Raises:
        PolicyDeniedError, InvalidInputError: as in :func:`change_create`.
        IllegalTransitionError: the change is not a draft.
        StaleEditError: somebody else edited it meanwhile; nothing is lost, nothing was written.
    """
    with remembering_refusal(actor=editor, attempt="edit", change_id=change_id):
        change = lock_change(change_id)
        check_editable(ChangeState(change.state))
        person = person_of(editor)
        enforce(policy.may_edit(person, facts_of(change)))
        if version is not None and version != change.version:
            raise StaleEditError(
                f"{change.last_editor.get_username()} edited {change.number} after you opened it."
                " Open it again; your text is still in your form."
            )
        template_writers = template_editor_ids(change)
        columns = _columns(with_template(parse_patch(data), data, change))
        before = {name: getattr(change, name) for name in columns}
        changed = {name for name in columns if before[name] != columns[name]}
        for name in changed:
            setattr(change, name, columns[name])
        if not changed:
            return change
        change.version += 1
        change.last_editor_id = person.id
        if changed & _PLANNED_FIELDS:
            discard_plan(change, actor=editor)
        # Who wrote a template wrote the lines that stay when it is given up.
        kept = template_writers if change.template_version_id is None else frozenset()
        change.editors.add(person.id, *kept)
        change.save()
        audit_change(
            change,
            "change.edited",
            actor=editor,
            before=_audited({name: before[name] for name in changed}),
            after=_audited({name: columns[name] for name in changed}),
        )
        return change


def discard_plan(change: ChangeRequest, *, actor: Actor) -> None:
    """Void a locked change's current plan; the caller saves the change."""
    if change.revision is None:
        return
    void_approvals(change.revision, actor=actor)
    PlanRevision.objects.filter(pk=change.revision.pk).update(state=PlanState.SUPERSEDED, finished_at=timezone.now())
    change.revision, change.risk_level = None, ""


def change_submit(*, change_id: int, requester: Actor) -> ChangeRequest:
    """Hand a planned draft in, and settle what the active policy asks of it.

    It is assessed next; an emergency goes straight to its authorization, and a pre-approved standard change is
    approved by its template's envelope.

    Raises:
        IllegalTransitionError: the change is not a draft.
        PolicyDeniedError: only who wrote or edited it may submit it.
        PlanNotReadyError: some target has no ready plan.
        PlanIntegrityError: the stored plan, or the active policy, is not what it was.
    """
    with remembering_refusal(actor=requester, attempt="submit", change_id=change_id):
        change = lock_change(change_id)
        person = person_of(requester)
        next_state(ChangeState(change.state), ChangeEvent.SUBMIT, change_type=ChangeType(change.type))
        enforce(policy.may_submit(person, facts_of(change)))
        if change.on_hold:
            raise ConflictError(f"{change.number} is on hold.", code="on_hold")
        revision = change.revision
        if revision is None or revision.state != PlanState.READY:
            raise PlanNotReadyError(
                "Every target needs a ready plan before the change can be submitted. Build the plan first."
            )
        verify_revision(revision)
        demand = demand_settle(change, revision, actor=requester)
        change.submitted_at = timezone.now()
        move(
            change,
            ChangeEvent.SUBMIT,
            actor=requester,
            details={
                "plan_digest": revision.digest,
                "revision": revision.number,
                "devices": revision.device_count,
                "policy": demand.policy,
                "demand_digest": revision.demand_digest,
            },
            pre_approved=demand.pre_approved,
        )
        review_begun(change)
        return change


def change_withdraw(*, change_id: int, requester: Actor, comment: str = "") -> ChangeRequest:
    """Take a change back from review; approvals given so far are void.

    Raises:
        IllegalTransitionError: the change is not in review.
        PolicyDeniedError: only who wrote or edited it may withdraw it.
    """
    comment = parse_comment(comment, action="withdraw a change", required=False)
    with remembering_refusal(actor=requester, attempt="withdraw", change_id=change_id):
        change = lock_change(change_id)
        next_state(ChangeState(change.state), ChangeEvent.WITHDRAW, change_type=ChangeType(change.type))
        enforce(policy.may_withdraw(person_of(requester), facts_of(change)))
        if change.revision:
            void_approvals(change.revision, actor=requester)
        move(change, ChangeEvent.WITHDRAW, actor=requester, reason=comment)
        return change


def change_cancel(*, change_id: int, actor: Actor, comment: str) -> ChangeRequest:
    """Give a change up before it is implemented, with a reason. It cannot be taken up again.

    Raises:
        InvalidInputError: the reason is missing.
        IllegalTransitionError: the change is being, or was, implemented, or has ended.
        PolicyDeniedError: neither its author nor a change manager.
    """
    comment = parse_comment(comment, action="cancel a change")
    with remembering_refusal(actor=actor, attempt="cancel", change_id=change_id):
        change = lock_change(change_id)
        next_state(ChangeState(change.state), ChangeEvent.CANCEL, change_type=ChangeType(change.type))
        enforce(policy.may_cancel(person_of(actor), facts_of(change)))
        if change.revision:
            void_approvals(change.revision, actor=actor)
            # Devices need not be read any further for a plan that nobody will approve.
            building = PlanRevision.objects.filter(pk=change.revision.pk, state=PlanState.BUILDING)
            building.update(state=PlanState.SUPERSEDED, finished_at=timezone.now())
        move(change, ChangeEvent.CANCEL, actor=actor, reason=comment)
        return change


_AS_THEY_ARE = ("title", "reason", "content", "called_by", "emergency_reason", "template_version_id")


def _values_of(draft: ChangeDraft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in ChangeDraft.__dataclass_fields__}


def _columns(values: Mapping[str, object]) -> dict[str, object]:
    """The parsed values by the names and in the forms of the model's columns."""
    columns = {name: values[name] for name in _AS_THEY_ARE if name in values}
    if "change_type" in values:
        columns["type"] = ChangeType(str(values["change_type"])).value
    if "targets" in values:
        columns["targets"] = values["targets"].to_json()  # type: ignore[attr-defined]
    for name in ("variables", "strategy"):
        if name in values:
            columns[name] = dict(values[name])  # type: ignore[call-overload]
    if "pre_checks" in values or "post_checks" in values:
        columns["checks"] = {
            kind: [check.to_json() for check in values.get(f"{kind}_checks", ())]  # type: ignore[attr-defined]
            for kind in ("pre", "post")
        }
    return columns


def _audited(columns: Mapping[str, object]) -> dict[str, object]:
    """What the log keeps of an edit: content with its secrets masked; of variables the names and one fingerprint."""
    kept = dict(columns)
    if "content" in kept:
        text = str(kept.pop("content"))
        kept |= {"content": Scrubber.load()(text), "content_sha256": sha256_hex(text)}
    if "variables" in kept:
        variables = dict(kept.pop("variables"))  # type: ignore[call-overload]
        # A plain hash of a short secret could be guessed; the keyed one only says whether two are equal.
        tag = salted_hmac("countersign.variables", json.dumps(variables, sort_keys=True), algorithm="sha256")
        kept |= {"variable_names": sorted(variables), "variables_tag": tag.hexdigest()}
    return kept
