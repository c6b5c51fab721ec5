"""Is the stored plan the plan that was approved? Asked before every approval, every start and every device."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from changes.domain import policy
from changes.domain.decision_steps import SEAL as STEPS_SEAL
from changes.domain.decision_steps import DecisionStep, seal_of
from changes.domain.plan import (
    DevicePayload,
    PlanEmptyError,
    PlanHashMismatchError,
    PlanLeaf,
    device_digest,
    verify_plan,
)
from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, DevicePlan, PlanRevision, Run
from changes.services.approval_seals import ApprovalSeals
from changes.services.people import facts_of

_DIGEST_BYTES: Final = 32


class ProvedDigests:
    """The digests of a plan that was proved, by the ids of its device plans: 40 bytes for each device."""

    def __init__(self, ids: Iterable[int] = (), digests: bytes = b"") -> None:
        numbers = array("q", ids)
        self._order = array("q", sorted(range(len(numbers)), key=numbers.__getitem__))
        self._ids = array("q", map(numbers.__getitem__, self._order))
        self._digests = digests

    def holds(self, device_plan_id: int, digest: str) -> bool:
        """Whether this device plan had this digest."""
        at = bisect_left(self._ids, device_plan_id)
        if at == len(self._ids) or self._ids[at] != device_plan_id:
            return False
        start = self._order[at] * _DIGEST_BYTES
        return self._digests[start : start + _DIGEST_BYTES].hex() == digest


def verify_revision(revision: PlanRevision, *, approved_digest: str = "") -> ProvedDigests:
    """Recompute every leaf from its stored bytes, and the root over all, and compare with what was approved.

    Returns the proved digests. One query over all payloads, which are not kept.

    Raises:
        PlanIntegrityError: a row was edited, added, removed or reordered behind the application.
    """
    rows = DevicePlan.objects.filter(revision=revision).order_by("position").values_list("pk", "digest", "payload")
    ids = array("q")
    first = ""

    def leaves() -> Iterator[PlanLeaf]:
        nonlocal first
        for pk, digest, payload in rows.iterator(200):
            ids.append(pk)
            first = first or payload
            yield PlanLeaf(digest=digest, payload=payload.encode())

    try:
        digests = verify_plan(approved_digest or revision.digest, leaves())
    except (PlanHashMismatchError, PlanEmptyError) as mismatch:
        raise PlanIntegrityError(str(mismatch)) from mismatch
    signed_steps(revision, DevicePayload.from_bytes(first.encode()).strategy)
    return ProvedDigests(ids, digests)


def signed_steps(revision: PlanRevision, strategy: Mapping[str, object] | None = None) -> tuple[DecisionStep, ...]:
    """The manual steps of a plan, proved against what a device payload carries in ``strategy``.

    Without it the payload of the first device is read; one query.

    Raises:
        PlanIntegrityError: the stored steps are not those that were signed.
    """
    stored = revision.inputs.get("steps", [])
    if strategy is None:
        first = DevicePlan.objects.filter(revision=revision).exclude(payload="").order_by("position").first()
        strategy = first.content.strategy if first else {}
    if seal_of(stored) != {name: value for name, value in strategy.items() if name == STEPS_SEAL}:
        sentence = "The manual steps beside this plan are not those that were signed. Plan again and have it approved."
        raise PlanIntegrityError(sentence)
    return tuple(DecisionStep.of(step) for step in stored)


class PlanSeal:
    """A run's plan, proved as a whole when a runner begins; then each device's bytes are compared with that proof.

    The digests that were proved stay in the runner's memory, where no edit of a row reaches them: bytes that hash
    to one of them are a leaf of the approved tree. So a device costs one hash, not the whole plan again.
    """

    def __init__(self, run: Run) -> None:
        self.approvals = ApprovalSeals()
        """Which of the approvals were proved to be sealed; asked before a device is written, and not here."""
        self._broken: PlanIntegrityError | None = None
        self._digests = ProvedDigests()
        try:
            self._digests = verify_revision(run.revision, approved_digest=run.plan_digest)
        except PlanIntegrityError as error:
            self._broken = error

    def check(self, plan: DevicePlan) -> None:
        """Compare a device plan, as it was read just now, with the proved one.

        Raises:
            PlanIntegrityError: it differs, or the plan as a whole was not the approved one.
        """
        if self._broken is not None:
            raise PlanIntegrityError(str(self._broken)) from self._broken
        if not self._digests.holds(plan.pk, device_digest(plan.payload.encode())):
            raise PlanIntegrityError(
                "The stored plan of this device was edited after the run had begun. Nothing may be sent. Find out who"
                " changed the row, then plan again and have it approved again."
            )


def verify_approvals(change: ChangeRequest, revision: PlanRevision) -> None:
    """Every stage of the policy must have its quorum, for exactly this revision's digest.

    Raises:
        PlanIntegrityError: ``PLAN_NOT_APPROVED``; a stage lacks approvals that name this digest.
    """
    facts = facts_of(change)
    missing = policy.stage_open(facts.stages, policy.live_approvals(facts))
    if missing is not None or facts.plan_digest != revision.digest:
        stage = missing.name if missing else "every"
        raise PlanIntegrityError(
            f"The plan {revision.digest[:12]}… lacks approvals of the stage “{stage}”. Have it approved first.",
            code="PLAN_NOT_APPROVED",
        )
