"""The pre-check ladder of one device of a plan."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.models import DevicePlan
from portal.presenters.ladder import ladder_rows
from portal.presenters.sight import change_or_404
from portal.presenters.visible import Mask
from portal.views.access import signed_in


@require_safe
@signed_in
def plan_gates(request: HttpRequest, change_id: int, position: int) -> HttpResponse:
    """Every gate that a device passed or not when its plan was made, with the values that were looked at."""
    change = change_or_404(change_id)
    plan = get_object_or_404(
        DevicePlan.objects.select_related("device"), revision_id=change.revision_id, position=position
    )
    return render(
        request,
        "changes/gates.html",
        {
            "change": change,
            "device": plan.device,
            "ladder": ladder_rows(plan.gates, Mask.load()),
            "crumbs": [
                {"label": "Changes", "url": reverse("change-list")},
                {"label": change.number, "url": reverse("change-detail", args=[change.pk])},
                {"label": "Plan", "url": reverse("change-plan", args=[change.pk])},
                {"label": "Pre-checks", "url": ""},
            ],
        },
    )
