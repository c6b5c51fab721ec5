"""What makes a closed change count for a figure, once, for the figures and for the lists behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import Exists, F, OuterRef, Q

from audit.models import Event
from changes.domain.risk.levels import RiskLevel
from changes.domain.run_states import RunOutcome
from changes.domain.states import ChangeType, CloseCode
from changes.models import Approval, Decision, DeviceRun, Review, RollbackOrder, Run
from changes.services.reviews import PRESENT

INTERVENTIONS: Final = (
    "run.paused",
    "run.resumed",
    "run.aborted",
    "run.stop_ordered",
    "run.retried",
    "run.rollback_started",
    "run.recomputed_backout_confirmed",
    "device_run.ended",
    "wave.refused",
    "change.retried",
)
"""Audit actions by which a person stepped into a run; the index ``audit_event_intervened`` has the same list."""

_BAD_CODES: Final = (CloseCode.FAILED.value, CloseCode.ROLLED_BACK.value, CloseCode.ABORTED.value)
_BAD_OUTCOMES: Final = tuple(
    outcome.value for outcome in (RunOutcome.FAILED, RunOutcome.ROLLED_BACK, RunOutcome.ABORTED, RunOutcome.UNKNOWN)
)
_HELD: Final = (RunOutcome.SUCCEEDED.value, RunOutcome.PARTIAL.value)


def intervened() -> Q:
    """A person stepped into one of its runs; further orders of a rollback that goes on already are orders, too."""
    steps = Event.objects.filter(change_id=OuterRef("pk"), actor_id__isnull=False, action__in=INTERVENTIONS)
    orders = RollbackOrder.objects.filter(run__change=OuterRef("pk"), ordered_by__isnull=False)
    return Q(Exists(steps)) | Q(Exists(orders))


def approved_on_record() -> Q:
    """A decision stands that names the digest of its plan."""
    decisions = Approval.objects.filter(
        revision=OuterRef("revision"),
        decision=Decision.APPROVED,
        voided_at=None,
        plan_digest=OuterRef("revision__digest"),
    )
    return Q(Exists(decisions))


def review_demanded() -> Q:
    """It had to be reviewed before it was closed: by its type, its close code, its policy or what its runs came to."""
    runs = Run.objects.filter(change=OuterRef("pk"))
    nothing_held = Q(Exists(runs.filter(outcome__in=_BAD_OUTCOMES))) & ~Q(Exists(runs.filter(outcome__in=_HELD)))
    return (
        Q(type=ChangeType.EMERGENCY)
        | Q(close_code__in=_BAD_CODES)
        | nothing_held
        | Q(Exists(runs.filter(outcome=RunOutcome.UNKNOWN)))
        | Q(revision__demand__duties__contains=[{"duty": "review"}])
    )


def evidence_complete() -> Q:
    """Nothing of its evidence is missing; the definition of the figure says what that is."""
    executed = Run.objects.filter(change=OuterRef("pk"), plan_digest=OuterRef("revision__digest"))
    unproved = DeviceRun.objects.filter(Q(before=None) | Q(after=None), run__change=OuterRef("pk"), lines_sent__gt=0)
    later_run = Run.objects.filter(change=OuterRef("change"), ended_at__gt=OuterRef("submitted_at"))
    reviewed = Review.objects.filter(~Exists(later_run), change=OuterRef("pk"), state__in=PRESENT)
    return (
        Q(revision__digest__regex=r"^[0-9a-f]{64}$")
        & Q(Exists(executed))
        & ~Q(Exists(unproved))
        & (approved_on_record() | Q(revision__demand__pre_approved=True))
        & (~review_demanded() | Q(Exists(reviewed)))
    )


def conditions() -> Mapping[str, tuple[Q, Q]]:
    """For each figure that is counted over closed changes: which are counted at all, and which of them count for it."""
    everything = Q(pk__isnull=False)
    ended_badly = Q(close_code__in=_BAD_CODES)
    taken_back = Q(close_code=CloseCode.ROLLED_BACK) | Q(
        Exists(RollbackOrder.objects.filter(run__change=OuterRef("pk")))
    )
    times = Q(review__state__in=PRESENT)
    ran = Q(Exists(Run.objects.filter(change=OuterRef("pk"), ended_at__isnull=False)))
    return {
        "success-rate": (everything, Q(close_code=CloseCode.SUCCESSFUL)),
        "change-failure-rate": (everything, Q(close_code__in=[CloseCode.FAILED, CloseCode.ROLLED_BACK])),
        "rollback-rate": (everything, taken_back),
        "safe-abort-ratio": (ended_badly, Q(close_code=CloseCode.ABORTED)),
        "emergency-share": (everything, Q(type=ChangeType.EMERGENCY)),
        "human-intervention-rate": (everything, intervened()),
        "evidence-completeness": (everything, evidence_complete()),
        "high-risk-approvals": (Q(risk_level=RiskLevel.HIGH), approved_on_record()),
        "lead-time": (ran, ran),
        "time-to-detect": (times & Q(review__began_at__lte=F("review__detected_at")), everything),
        "time-to-restore": (times & Q(review__detected_at__lte=F("review__restored_at")), everything),
    }
