"""Is the stored plan the plan that was approved? Asked before every approval, every start and every device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from changes.domain import policy
from changes.domain.plan import PlanEmptyError, PlanHashMismatchError, PlanLeaf, device_digest, verify_plan
from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, DevicePlan, PlanRevision, Run
from changes.services.people import facts_of


def verify_revision(revision: PlanRevision, *, approved_digest: str = "") -> Mapping[int, str]:
    """Recompute every leaf from its stored bytes, and the root over all, and compare with what was approved.

    Returns the proved digest of each device plan, by its id. One query over all payloads, which are not kept.

    Raises:
        PlanIntegrityError: a row was edited, added, removed or reordered behind the application.
    """
    rows = DevicePlan.objects.filter(revision=revision).order_by("position").values_list("pk", "digest", "payload")
    ids: list[int] = []

    def leaves() -> Iterator[PlanLeaf]:
        for pk, digest, payload in rows.iterator(200):
            ids.append(pk)
            yield PlanLeaf(digest=digest, payload=payload.encode())

    try:
        digests = verify_plan(approved_digest or revision.digest, leaves())
    except (PlanHashMismatchError, PlanEmptyError) as mismatch:
        raise PlanIntegrityError(str(mismatch)) from mismatch
    return dict(zip(ids, digests, strict=True))


class PlanSeal:
    """A run's plan, proved as a whole when a runner begins; then each device's bytes are compared with that proof.

    The digests that were proved stay in the runner's memory, where no edit of a row reaches them: bytes that hash
    to one of them are a leaf of the approved tree. So a device costs one hash, not the whole plan again.
    """

    def __init__(self, run: Run) -> None:
        self._broken: PlanIntegrityError | None = None
        self._digests: Mapping[int, str] = {}
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
        if device_digest(plan.payload.encode()) != self._digests.get(plan.pk):
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
