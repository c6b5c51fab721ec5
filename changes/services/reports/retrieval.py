"""The retrieval test: takes the evidence of some closed changes out of the store, and proves it again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from django.db.models.functions import Reverse

from audit.models import ArchivedEvent, Event
from changes.domain.reports.periods import Days
from changes.domain.states import ChangeState
from changes.errors import PlanIntegrityError
from changes.models import Approval, ChangeRequest, Decision, DeviceRun, Review
from changes.services.integrity import verify_revision
from changes.services.reviews import PRESENT, grounds_of

SAMPLE: Final = 10
_SNAPSHOTS: Final = 20


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What could be taken out of the store for one change; ``missing`` says what could not, as clauses.

    ``archived`` events are in archives, whose own retrieval tests prove them.
    """

    change: ChangeRequest
    devices: int
    snapshots: int
    events: int
    archived: int
    missing: tuple[str, ...]


def retrieval_test(days: Days) -> tuple[Retrieved, ...]:
    """Retrieve up to ten changes that were closed in the period, and prove each.

    The choice follows from the digests of their plans, so nobody can pick it, and the test can be made again. For each
    change all leaves of the plan are recomputed, decisions have to name its digest, up to 20 configurations are read
    and hashed, and the record has to hold its beginning and its end.
    """
    rows = ChangeRequest.objects.filter(
        state=ChangeState.CLOSED, closed_at__gte=days.start_at, closed_at__lt=days.end_at, revision__isnull=False
    ).select_related("revision")
    chosen = list(rows.order_by(Reverse("revision__digest"), "pk")[:SAMPLE])
    return tuple(_retrieved(change) for change in sorted(chosen, key=lambda change: change.pk))


def _retrieved(change: ChangeRequest) -> Retrieved:
    revision = change.revision
    assert revision is not None  # noqa: S101 - the query asks for it
    missing = []
    try:
        verify_revision(revision)
    except PlanIntegrityError:
        missing.append("the plan's bytes do not give its digest")
    signed = Approval.objects.filter(
        revision=revision, decision=Decision.APPROVED, voided_at=None, plan_digest=revision.digest
    )
    pre_approved = bool((revision.demand or {}).get("pre_approved"))
    if not signed.exists() and not pre_approved:
        missing.append("no decision names the plan's digest")
    snapshots, broken = _snapshots(change)
    missing += broken
    actions = set(Event.objects.filter(change_id=change.pk, object_type="change").values_list("action", flat=True))
    archived = ArchivedEvent.objects.filter(change_id=change.pk).count()
    missing += [
        f"the record lacks “{words}”"
        for action, words in (
            ("change.created", "created"),
            ("change.started", "started"),
            ("change.finished", "finished"),
            ("change.closed", "closed"),
        )
        if action not in actions and not archived
    ]
    if grounds_of(change) and not Review.objects.filter(change=change, state__in=PRESENT).exists():
        missing.append("its review is missing")
    events = Event.objects.filter(change_id=change.pk).count()
    return Retrieved(change, revision.device_count, snapshots, events, archived, tuple(missing))


def _snapshots(change: ChangeRequest) -> tuple[int, list[str]]:
    """How many configurations were read and proved, and what is wrong with others."""
    rows = (
        DeviceRun.objects.filter(run__change=change, lines_sent__gt=0)
        .select_related("device", "before__blob", "after__blob")
        .order_by("pk")
    )
    proved, wrong = 0, []
    for row in rows[: _SNAPSHOTS // 2]:
        for when, snapshot in (("before", row.before), ("after", row.after)):
            if snapshot is None:
                wrong.append(f"no configuration of {row.device.name} from {when} the change")
            elif hashlib.sha256(snapshot.blob.text.encode()).hexdigest() != snapshot.blob.sha256:
                wrong.append(f"the configuration of {row.device.name} from {when} the change does not give its SHA-256")
            else:
                proved += 1
    return proved, wrong
