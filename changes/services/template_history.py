"""How changes made from a template went, and which failures cost it its pre-approval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Max, OuterRef, Q

from changes.domain.run_states import DeviceRunState, RunOutcome, RunState
from changes.domain.states import CloseCode
from changes.models import ChangeRequest, DeviceRun, PreApprovalRestoration, Run

FAILED_CODES = [CloseCode.ROLLED_BACK.value, CloseCode.FAILED.value, CloseCode.ABORTED.value]
_BAD_ENDS = [
    DeviceRunState.FAILED.value,
    DeviceRunState.ROLLED_BACK.value,
    DeviceRunState.ROLLBACK_FAILED.value,
    DeviceRunState.UNKNOWN.value,
]
_GOOD_CODES = [CloseCode.SUCCESSFUL.value, CloseCode.SUCCESSFUL_WITH_ISSUES.value]


@dataclass(frozen=True, slots=True)
class TemplateHistory:
    """How closed changes from one template went; ``issues`` are among the ``succeeded``."""

    succeeded: int = 0
    issues: int = 0
    failed: int = 0
    last_closed_at: datetime | None = None

    @property
    def runs(self) -> int:
        """All closed changes that were carried out."""
        return self.succeeded + self.failed

    @property
    def success_percent(self) -> int | None:
        """The share that succeeded, rounded down; None without any."""
        return self.succeeded * 100 // self.runs if self.runs else None


def template_histories(template_ids: Iterable[int]) -> Mapping[int, TemplateHistory]:
    """The history of each template, over all its versions; one query. A template without changes is left out."""
    rows = (
        ChangeRequest.objects.filter(template_version__template_id__in=list(template_ids))
        .exclude(close_code="")
        .order_by()
        .values("template_version__template_id")
        .annotate(
            succeeded=Count("pk", filter=Q(close_code__in=_GOOD_CODES)),
            issues=Count("pk", filter=Q(close_code=CloseCode.SUCCESSFUL_WITH_ISSUES)),
            failed=Count("pk", filter=Q(close_code__in=FAILED_CODES)),
            last_closed_at=Max("closed_at"),
        )
    )
    return {
        row["template_version__template_id"]: TemplateHistory(
            row["succeeded"], row["issues"], row["failed"], row["last_closed_at"]
        )
        for row in rows
    }


def template_history(template_id: int) -> TemplateHistory:
    """The history of one template; one query."""
    return template_histories([template_id]).get(template_id, TemplateHistory())


def failures_by_template(template_ids: Iterable[int]) -> Mapping[int, list[int]]:
    """The changes from each template that did not succeed, newest first: by close code, run or a single device.

    A device counts as soon as it has failed or was backed out, long before its run ends or anybody closes the change.
    One query; a template without failures is left out.
    """
    badly = Q(state=RunState.ENDED) & ~Q(outcome__in=[RunOutcome.SUCCEEDED.value, ""])
    ended = Run.objects.filter(badly, change=OuterRef("pk"))
    made = ChangeRequest.objects.filter(template_version__template_id__in=list(template_ids))
    devices = DeviceRun.objects.filter(run__change=OuterRef("pk"), state__in=_BAD_ENDS)
    rows = made.filter(Q(close_code__in=FAILED_CODES) | Exists(ended) | Exists(devices)).order_by("-pk")
    found: dict[int, list[int]] = defaultdict(list)
    for template_id, change_id in rows.values_list("template_version__template_id", "pk"):
        found[template_id].append(change_id)
    return found


def unforgiven_failures(template_id: int) -> list[int]:
    """The failed changes after which nobody has given the pre-approval back, newest first; two queries."""
    restored = PreApprovalRestoration.objects.filter(template_id=template_id).values_list("change_ids", flat=True)
    forgiven = {pk for change_ids in restored for pk in change_ids}
    return [pk for pk in failures_by_template([template_id]).get(template_id, []) if pk not in forgiven]
