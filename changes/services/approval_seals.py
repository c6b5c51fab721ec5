"""Whether the approvals that carry a plan are sealed in the audit log. Before that, nothing is written to a device.

An approval that nobody outside can see yet could still be taken out of the log without a trace. So the event of each
has to lie under a signed checkpoint before the first line leaves (ADR 0036).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from audit.models import Event
from audit.sealing.proof import EventProof, ProofProblem, event_proof
from changes.domain.roles import Role
from changes.domain.run_states import DeviceRunState, RunState
from changes.domain.sealing import AUDIT_NOT_SEALED, AUDIT_SEAL_BROKEN, CONFIRMED, Carrier, is_told_by
from changes.domain.states import EXECUTING, ChangeState, ChangeType
from changes.models import ChangeRequest, DeviceRun, DeviceRunQuerySet, Run
from devices.services.claims import claimable, database_time_plus
from devices.services.statements import prepared

USUAL_S: Final = 2.0
"""Nobody is told of an approval that was given just now."""
ASK_AGAIN_S: Final = 1.0
"""The sealer signs once a second at most, so a device that waits for it is looked at again as soon."""
STILL_WAITS: Final = "Nothing was sent. The device waits, and goes on by itself."
GOES_ON: Final = "Nothing is written to a device before it is sealed; then everything goes on by itself."

# Those who approved, and what they had approved where that was carried over (0 where nobody had: that carries nothing);
# by what the change became approved; and for a standard change those who approved what the template says. Each with its
# newest event that says so.
_CARRIERS: Final = """
    SELECT 'approval', a.id, a.plan_digest, a.stage, a.approver_id,
           (SELECT max(e.id) FROM audit_event e
            WHERE e.object_type = 'approval' AND e.object_id = a.id::text AND e.state_to = 'approved')
    FROM changes_approval a
    WHERE a.decision = 'approved' AND a.revision_id = %s AND a.voided_at IS NULL
    UNION ALL
    SELECT 'approval', coalesce(first.id, 0), next.carried_from, next.stage, next.approver_id,
           (SELECT max(e.id) FROM audit_event e
            WHERE e.object_type = 'approval' AND e.object_id = first.id::text AND e.state_to = 'approved')
    FROM changes_approval next LEFT JOIN changes_approval first
        ON first.change_id = next.change_id AND first.approver_id = next.approver_id AND first.stage = next.stage
        AND first.on_behalf_of_id IS NOT DISTINCT FROM next.on_behalf_of_id
        AND first.plan_digest = next.carried_from AND first.carried_from = '' AND first.decision = 'approved'
    WHERE next.decision = 'approved' AND next.revision_id = %s AND next.voided_at IS NULL AND next.carried_from <> ''
    UNION ALL
    SELECT 'change', c.id, r.digest, c.type, NULL,
           (SELECT max(e.id) FROM audit_event e
            WHERE e.object_type = 'change' AND e.object_id = c.id::text AND e.state_to = 'approved'
              AND e.state_from IN ('draft', 'assessment', 'authorization'))
    FROM changes_planrevision r JOIN changes_changerequest c ON c.id = r.change_id WHERE r.id = %s
    UNION ALL
    SELECT 'template_review', t.id, v.digest, t.role, NULL,
           (SELECT max(e.id) FROM audit_event e
            WHERE e.object_type = 'template_review' AND e.object_id = t.id::text AND e.state_to = 'approved')
    FROM changes_planrevision r JOIN changes_changerequest c ON c.id = r.change_id
    JOIN changes_templateversion v ON v.id = c.template_version_id
    JOIN changes_templatereview t ON t.version_id = v.id
    WHERE r.id = %s AND c.type = 'standard' AND t.decision = 'approved' AND t.voided_at IS NULL
"""

_WAITS: Final = f"""
    WITH carrier (kind, id, digest, words, person_id, event_id) AS ({_CARRIERS})
    SELECT (SELECT max(extract(epoch FROM clock_timestamp() - e.at)) FROM carrier
            JOIN audit_pending USING (event_id) JOIN audit_event e ON e.id = event_id),
           (SELECT min(d.detail) FROM changes_devicerun d JOIN changes_run r ON r.id = d.run_id
            WHERE d.code = %s AND d.state IN ('pending', 'rollback_pending') AND r.state <> 'ended'
              AND r.change_id = %s)
"""  # noqa: S608 - two statements of this file
_WRITTEN_FOR: Final = EXECUTING | {ChangeState.APPROVED, ChangeState.SCHEDULED}


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Why nothing may be written: a reason code, and a sentence for people."""

    code: str
    detail: str


class ApprovalSeals:
    """What a runner has verified: an event that is sealed stays sealed, so each is proved once. For many threads."""

    def __init__(self) -> None:
        self._sealed: set[tuple[Carrier, int]] = set()
        self._guard = threading.Lock()

    def against(self, revision_id: int) -> Unsealed | None:
        """Why the approvals of this plan do not carry a write yet; None: all of them are sealed.

        One statement, and about six more for each event that was not proved before.
        """
        rows = prepared(_CARRIERS, [revision_id] * 4)
        carriers = [(Carrier(*values), event_id) for *values, event_id in rows]
        if not carriers:
            return Unsealed(AUDIT_SEAL_BROKEN, "There is no plan of this number whose approvals could be sealed.")
        if not _somebody_approved(carrier for carrier, _event in carriers):
            return Unsealed(AUDIT_SEAL_BROKEN, "Nobody approved this plan, neither by itself nor in advance.")
        for carrier, event_id in carriers:
            found = self._against(carrier, event_id)
            if found is not None:
                return found
        return None

    def against_confirmation(self, run: DeviceRun, lines_digest: str) -> Unsealed | None:
        """The same of the confirmation of lines that were computed again; nobody had approved them before."""
        events = Event.objects.filter(object_type="run", object_id=str(run.run_id), action=CONFIRMED)
        told = events.filter(body__contains=f'"lines_digest":"{lines_digest}"').order_by("-id")
        carrier = Carrier("run", run.run_id, lines_digest)
        return self._against(carrier, told.values_list("pk", flat=True).first())

    def _against(self, carrier: Carrier, event_id: int | None) -> Unsealed | None:
        if event_id is None:
            return Unsealed(AUDIT_SEAL_BROKEN, f"The audit log has no event of {carrier.name}.")
        if (carrier, event_id) in self._sealed:
            return None
        with self._guard:  # one thread asks, the others that came meanwhile hear of it
            return None if (carrier, event_id) in self._sealed else self._prove(carrier, event_id)

    def _prove(self, carrier: Carrier, event_id: int) -> Unsealed | None:
        found = event_proof(event_id)
        if isinstance(found, EventProof):
            if not is_told_by(carrier, _body_of(found)):
                sentence = f"The sealed event {event_id} does not say what the row of {carrier.name} says."
                return Unsealed(AUDIT_SEAL_BROKEN, sentence)
            self._sealed.add((carrier, event_id))
            return None
        name = f"{carrier.name[:1].upper()}{carrier.name[1:]}"
        if found is ProofProblem.PENDING:
            return Unsealed(AUDIT_NOT_SEALED, f"{name} is not sealed in the audit log yet. {found.sentence}")
        return Unsealed(AUDIT_SEAL_BROKEN, f"{name} cannot be proved by the audit log. {found.sentence}")


def _somebody_approved(carriers: Iterable[Carrier]) -> bool:
    """Whether there is an approval of the plan; or, for a standard change, of its template by a peer and the CAB."""
    words = {(carrier.kind, carrier.words) for carrier in carriers}
    in_advance = {
        ("change", ChangeType.STANDARD.value),
        ("template_review", Role.PEER.value),
        ("template_review", Role.CAB.value),
    }
    return in_advance <= words or any(kind == "approval" for kind, _ in words)


def _body_of(proof: EventProof) -> dict[str, Any]:
    """What the sealed bytes say, and not what a row says now."""
    body: dict[str, Any] = json.loads(proof.line)["body"]
    return body


@transaction.atomic
def devices_hold(run: Run, waiting: DeviceRunQuerySet, unsealed: Unsealed) -> None:
    """Have the next devices of a run wait for the sealer and say so; those that are read back wait for nothing.

    Nothing is claimed and no session is opened. The dispatcher calls workers again after a second.
    """
    rows = claimable(waiting).exclude(state=DeviceRunState.RECONCILING)
    ids = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[: run.max_parallel])
    DeviceRun.objects.filter(pk__in=ids).update(
        code=unsealed.code,
        detail=f"{unsealed.detail} {STILL_WAITS}",
        not_before=database_time_plus(ASK_AGAIN_S),
    )
    look_again(run.pk)


def look_again(run_id: int) -> None:
    """Have the dispatcher call workers for a run in a second, and not only after its usual pause."""
    Run.objects.filter(pk=run_id).update(rung_at=database_time_plus(ASK_AGAIN_S - settings.COUNTERSIGN_RING_AGAIN_S))


def seal_wait(change: ChangeRequest) -> Unsealed | None:
    """What a page says of a change that nothing is written for, because its approvals are not proved to be sealed.

    None where they are, where none waits for longer than the sealer takes, and where nothing is to be written. At most
    one statement; a proof that does not hold is told once a device has met it.
    """
    if change.revision_id is None or change.state not in _WRITTEN_FOR:
        return None
    [(waited_s, broken)] = prepared(_WAITS, [*[change.revision_id] * 4, AUDIT_SEAL_BROKEN, change.pk])
    if broken:
        return Unsealed(AUDIT_SEAL_BROKEN, broken)
    if waited_s is None or waited_s < USUAL_S:
        return None
    return Unsealed(AUDIT_NOT_SEALED, f"An approval has been waiting for {waited_s:.0f} s. {GOES_ON}")


def devices_unproved() -> bool:
    """Whether a device waits because the log does not prove its approvals, and not for the sealer alone. One query."""
    waiting = DeviceRun.objects.open().filter(code=AUDIT_SEAL_BROKEN, owner=None)
    return waiting.filter(run__in=Run.objects.exclude(state=RunState.ENDED)).exists()
