"""Versions of approval policies: which one is active, and writing, proposing, activating and retiring one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.approval_policy.document import ApprovalPolicy
from changes.domain.approval_policy.reading import read_policy
from changes.domain.approval_policy.shipped_policies import BUILTIN, SHIPPED, shipped_policy
from changes.domain.content import parse_comment
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.policy_versions import (
    PolicyEvent,
    PolicyState,
    VersionFacts,
    may_draft_policy,
    may_propose_policy,
    may_retire_policy,
    policy_next_state,
)
from changes.errors import ChangeNotFoundError, ConflictError, PlanIntegrityError
from changes.models import ApprovalPolicyVersion
from changes.services.people import enforce, person_of
from devices.services.statements import prepared

OBJECT: Final = "approval_policy"

_ACTIVE: Final = "SELECT digest FROM changes_approvalpolicyversion WHERE state = 'active'"
_ACTIVE_HELD: Final = f"{_ACTIVE} FOR SHARE"
_DOCUMENT: Final = "SELECT document FROM changes_approvalpolicyversion WHERE digest = %s LIMIT 1"
_HANDS: Final = "SELECT DISTINCT changes_policy_hands(%s, %s)"


def active_policy(*, held: bool = False) -> ApprovalPolicy:
    """The policy that judges changes now. One small query; the document is read once in each process.

    What is remembered is found by its digest, which names exactly one content, so that no process can answer with an
    old one. With ``held`` nobody can activate another policy until the transaction ends.

    Raises:
        PlanIntegrityError: the stored document does not have its digest, or there is no active policy.
    """
    # A second look: who waited for an activation finds that the row it waited for is active no more.
    found = prepared(_ACTIVE_HELD, []) or prepared(_ACTIVE_HELD, []) if held else prepared(_ACTIVE, [])
    if not found:
        raise _broken("There is no active approval policy. Run manage.py migrate, which installs the shipped ones.")
    return policy_by_digest(found[0][0])


@lru_cache(maxsize=64)
def policy_by_digest(digest: str) -> ApprovalPolicy:
    """The policy with this digest, of whatever state.

    Raises:
        PlanIntegrityError: there is none, or its document does not have this digest.
    """
    found = prepared(_DOCUMENT, [digest])
    if not found:
        raise _broken(f"No approval policy has the digest {digest[:12]}….")
    try:
        policy = read_policy(found[0][0])
    except InvalidInputError as error:
        raise _broken(f"The stored approval policy {digest[:12]}… cannot be read: {error}") from error
    if policy.digest != digest:
        raise _broken(f"The stored approval policy {digest[:12]}… was altered. Find out who changed the row.")
    return policy


def policy_save_draft(*, actor: Actor, text: str) -> ApprovalPolicyVersion:
    """Keep a policy file, YAML or JSON, as a draft. Nothing is judged by it yet.

    Earlier drafts of the same name are retired.

    Raises:
        PolicyDeniedError: neither an administrator nor a change manager. The refusal is audited.
        InvalidInputError: with sentences under the place of each finding, that name the line where the file is YAML.
        ConflictError: this version exists already, with this content (``policy_exists``) or another one.
    """
    with remembering("draft", actor):
        person = person_of(actor)
        enforce(may_draft_policy(person))
        policy = read_policy(text)
        _check_number(policy)
        for earlier in ApprovalPolicyVersion.objects.select_for_update(no_key=True).filter(
            name=policy.name, state=PolicyState.DRAFT, author__isnull=False
        ):
            version_retires(earlier, actor=actor, reason=f"Replaced by the draft {policy.label}.")
        found = _create(policy, author_id=person.id)
        _audit(found, "approval_policy.drafted", actor=actor, before="")
        return found


def policy_propose(*, version_id: int, actor: Actor, comment: str = "") -> ApprovalPolicyVersion:
    """Hand a version in, so that another change manager activates it.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: neither an administrator nor a change manager. The refusal is audited.
        IllegalTransitionError: it is proposed or active already.
    """
    with remembering("propose", actor, version_id):
        found, person = version_locked(version_id), person_of(actor)
        enforce(may_propose_policy(person))
        comment = parse_comment(comment, action="propose a policy", required=False)
        version_moves(
            found, PolicyEvent.PROPOSE, actor=actor, reason=comment, proposed_by_id=person.id, proposed_at=Now()
        )
        return found


def policy_retire(*, version_id: int, actor: Actor, comment: str) -> ApprovalPolicyVersion:
    """Give up a draft or a proposal. The active version is retired only by activating another one.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: neither an administrator nor a change manager. The refusal is audited.
        InvalidInputError: no reason.
        IllegalTransitionError: it is active or retired.
    """
    with remembering("retire", actor, version_id):
        found, person = version_locked(version_id), person_of(actor)
        enforce(may_retire_policy(person))
        policy_next_state(PolicyState(found.state), PolicyEvent.RETIRE)
        comment = parse_comment(comment, action="retire a policy")
        version_retires(found, actor=actor, reason=comment)
        return found


def version_facts(found: ApprovalPolicyVersion) -> VersionFacts:
    """What the rules about people ask of a version; one query."""
    hands = frozenset(pk for (pk,) in prepared(_HANDS, [found.name, found.version]))
    return VersionFacts(PolicyState(found.state), hands, found.proposed_by_id)


def refuse_unknown_origin(found: ApprovalPolicyVersion) -> None:
    """A version without an author must have shipped: nobody could be kept from activating what they wrote themselves.

    Raises:
        PlanIntegrityError: it has no author, was never active, and no shipped policy has this content.
    """
    shipped = {policy.digest for policy in map(shipped_policy, SHIPPED)}
    if found.author_id is None and found.activated_at is None and found.digest not in shipped:
        raise _broken(f"Nobody knows who wrote {found.label}: it did not ship with this release. Upload it again.")


def next_number(name: str) -> int:
    """The version number that the next draft of this policy may have."""
    return (ApprovalPolicyVersion.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0) + 1


def install_shipped_policies() -> None:
    """Make sure that the shipped versions are there; the first one is active where no policy is. Edits nothing."""
    known = set(ApprovalPolicyVersion.objects.filter(name__in=SHIPPED).values_list("name", "version"))
    for policy in map(shipped_policy, SHIPPED):
        if (policy.name, policy.version) not in known:
            first = policy.name == BUILTIN and not ApprovalPolicyVersion.objects.exists()
            _create(policy, state=PolicyState.ACTIVE if first else PolicyState.DRAFT, judged=first)


def _create(
    policy: ApprovalPolicy,
    *,
    author_id: int | None = None,
    state: PolicyState = PolicyState.DRAFT,
    judged: bool = False,
) -> ApprovalPolicyVersion:
    return ApprovalPolicyVersion.objects.create(
        name=policy.name,
        version=policy.version,
        title=policy.title,
        document=policy.canonical().decode(),
        digest=policy.digest,
        author_id=author_id,
        state=state.value,
        activated_at=Now() if state is PolicyState.ACTIVE else None,
        judged_at=Now() if judged else None,
    )


def _check_number(policy: ApprovalPolicy) -> None:
    free = next_number(policy.name)
    if policy.version >= free:
        return
    same = ApprovalPolicyVersion.objects.filter(name=policy.name, version=policy.version).first()
    if same is not None and same.digest == policy.digest:
        raise ConflictError(f"{policy.label} exists already, with exactly this content.", code="policy_exists")
    raise ConflictError(
        f"{policy.label} exists already or is older than the newest version. A version is never changed:"
        f' write "version: {free}" in the file.',
        code="policy_exists",
    )


def version_locked(version_id: int) -> ApprovalPolicyVersion:
    """The version, locked until the transaction ends.

    Raises:
        ChangeNotFoundError: there is none with this id.
    """
    found = ApprovalPolicyVersion.objects.select_for_update(no_key=True).filter(pk=version_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no approval policy with the id {version_id}.")
    return found


def version_retires(found: ApprovalPolicyVersion, *, actor: Actor, reason: str) -> None:
    """Retire a locked version, and audit it. People's rights are the caller's business."""
    before, found.state = found.state, PolicyState.RETIRED.value
    _write(found, retired_at=Now())
    _audit(found, "approval_policy.retired", actor=actor, before=before, reason=reason)


def version_moves(
    found: ApprovalPolicyVersion, event: PolicyEvent, *, actor: Actor, reason: str, **columns: object
) -> None:
    """Take a locked version one step further, and audit it. People's rights are the caller's business.

    Raises:
        IllegalTransitionError: there is no such step.
    """
    before = found.state
    found.state = policy_next_state(PolicyState(before), event).value
    _write(found, **columns)
    _audit(found, f"approval_policy.{_PAST[event]}", actor=actor, before=before, reason=reason)


_PAST: Final = {PolicyEvent.PROPOSE: "proposed", PolicyEvent.ACTIVATE: "activated"}


def _write(found: ApprovalPolicyVersion, **columns: object) -> None:
    ApprovalPolicyVersion.objects.filter(pk=found.pk).update(state=found.state, **columns)
    found.refresh_from_db()


def _audit(found: ApprovalPolicyVersion, action: str, *, actor: Actor, before: str, reason: str = "") -> None:
    record(
        actor=actor,
        action=action,
        object_type=OBJECT,
        object_id=found.pk,
        object_label=found.label,
        state_from=before,
        state_to=found.state,
        reason=reason,
        details={"digest": found.digest},
    )


def _broken(sentence: str) -> PlanIntegrityError:
    return PlanIntegrityError(sentence, code="POLICY_BROKEN")


@contextmanager
def remembering(attempt: str, actor: Actor, version_id: int | None = None) -> Iterator[None]:
    """Run one attempt in its own transaction; a refusal is rolled back and audited, but for what cannot be read."""
    try:
        with transaction.atomic():
            yield
    except (ChangeNotFoundError, InvalidInputError):
        raise
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=f"approval_policy.{attempt}_refused",
                object_type=OBJECT,
                object_id=version_id or "none",
                object_label="approval policy",
                code=refusal.code,
                reason=str(refusal),
            )
        raise
