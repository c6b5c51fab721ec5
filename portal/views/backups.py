"""Backups: the runs, one run with its devices, and configurations that were kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from devices.domain.reasons import REASONS, Reason
from devices.models import (
    BackupRun,
    BackupRunState,
    BackupState,
    ConfigState,
    DeviceBackup,
    SuspectConfig,
    SuspectState,
)
from devices.services.backups import backup_start
from devices.services.rights import ADMINISTRATOR, CHANGE_MANAGER, IMPLEMENTER, holds
from devices.services.snapshots import suspect_decide
from portal.presenters.drift_pages import config_tabs
from portal.presenters.paging import older_page
from portal.presenters.visible import Mask, visible
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.rendering import STOP_POLLING, render_page
from portal.views.strictness import asked_for, asked_state

PAGE = 25
DEVICES = 100
SHOWN = 20
"""Of what needs a person: the oldest; the page says how many there are."""
_ORDER = (
    BackupState.FAILED,
    BackupState.SUSPICIOUS,
    BackupState.SKIPPED,
    BackupState.CHANGED,
    BackupState.UNCHANGED,
    BackupState.PENDING,
)


@require_safe
@signed_in
def backup_list(request: HttpRequest) -> HttpResponse:
    """The runs, newest first, and what needs a person."""
    return _list(request)


def _list(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, BackupRun.objects.order_by("-pk"), size=PAGE)
    except InvalidInputError as error:
        url = reverse("backup-list")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Backups")
    mask = Mask.load()
    suspects = SuspectConfig.objects.filter(state=SuspectState.OPEN).select_related("device", "blob")
    unsaved = ConfigState.objects.filter(unsaved_since__isnull=False).select_related("device")
    roles = viewer(request).roles
    return render(
        request,
        "backups/list.html",
        {
            "runs": page.rows,
            "page": page,
            "suspects": [(item, mask.text(item.blob.text[:4000])) for item in suspects[:SHOWN]],
            "suspect_count": suspects.count(),
            "unsaved": unsaved.order_by("unsaved_since")[:SHOWN],
            "unsaved_count": unsaved.count(),
            "shown": SHOWN,
            "refusal": refusal,
            "may_start": holds(roles, CHANGE_MANAGER, IMPLEMENTER, ADMINISTRATOR),
            "may_judge": holds(roles, CHANGE_MANAGER, ADMINISTRATOR),
            "tabs": config_tabs("backup-list"),
            "crumbs": [{"label": "Drift", "url": reverse("drift-list")}, {"label": "Backups", "url": ""}],
        },
        status=refusal.status if refusal else 200,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One device of a run."""

    backup: DeviceBackup
    name: str
    detail: str
    reason: Reason | None


@require_safe
@signed_in
def backup_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: how far it is, by state, and its devices with the reason where one has; polled while it goes on."""
    run = get_object_or_404(BackupRun, pk=run_id)
    try:
        asked = asked_for(request.GET, ["state", "before"])
        rows = run.devices.select_related("device", "snapshot").order_by("-pk")
        state = asked_state(asked, BackupState.values)
        page = older_page(request, rows.filter(state=state) if state else rows, size=DEVICES)
    except InvalidInputError as error:
        return refused(request, "This page does not exist", str(error), status=400, url=request.path, label=str(run))
    counts = _counts(run)
    ended = run.state == BackupRunState.ENDED
    context = {
        "run": run,
        "ended": ended,
        "done": run.device_count - counts.get(BackupState.PENDING, 0),
        "stats": [
            {"label": item.label, "value": counts[item], "note": "", "tone": ""} for item in _ORDER if item in counts
        ],
        "choices": [
            (item.value, item.label, f"?{urlencode({'state': item.value})}", item.value == state)
            for item in _ORDER
            if item in counts
        ],
        "state": state,
        "rows": _rows(page.rows),
        "page": page,
        "tabs": config_tabs("backup-list"),
        "crumbs": [
            {"label": "Drift", "url": reverse("drift-list")},
            {"label": "Backups", "url": reverse("backup-list")},
            {"label": f"Backup {run.pk}", "url": ""},
        ],
    }
    polled = bool(request.headers.get("HX-Request"))
    return render_page(
        request, "backups/detail.html", "backups/_live.html", context, status=STOP_POLLING if polled and ended else 200
    )


def _counts(run: BackupRun) -> dict[str, int]:
    if run.state == BackupRunState.ENDED:
        return dict(run.counts)
    return dict(run.devices.order_by().values_list("state").annotate(count=Count("pk")))


def _rows(found: Sequence[DeviceBackup]) -> list[_Row]:
    return [_Row(row, visible(row.device.name), visible(row.detail), REASONS.get(row.code)) for row in found]


@signed_in
@posted("backup-list")
def backup_begin(request: HttpRequest) -> HttpResponse:
    """Start a backup of all devices, or of those with the name in ``name``."""
    name = request.POST.get("name", "").strip()
    made: list[int] = []
    filters = {"name": name} if name else {}
    refusal = attempt(lambda: made.append(backup_start(filters=filters, actor=actor_of(request)).pk))
    if refusal:
        return _list(request, refusal)
    messages.success(request, "The backup has begun. Nothing is changed on any device.")
    return redirect("backup-detail", made[0])


@signed_in
@posted("backup-list")
def suspect_judge(request: HttpRequest, suspect_id: int) -> HttpResponse:
    """Take a text that was kept apart as the configuration, or dismiss it."""
    take, comment = request.POST.get("take") == "1", request.POST.get("comment", "")
    seen = request.POST.get("seen_sha256", "")

    def act() -> None:
        try:
            suspect_decide(suspect_id=suspect_id, seen_sha256=seen, take=take, reason=comment, actor=actor_of(request))
        except SuspectConfig.DoesNotExist:
            raise Http404("Nothing with this id waits to be judged.") from None

    refusal = attempt(act)
    if refusal:
        return _list(request, refusal)
    messages.success(request, "It is the device's configuration now." if take else "It is dismissed.")
    return redirect("backup-list")
