"""Change freezes: who declared them and why, and the pages to declare and to lift one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain import policy
from changes.domain.errors import InvalidInputError
from changes.models import ChangeFreeze
from changes.services import freezes as services
from changes.services.calendar import scoped
from changes.services.schedule_problems import Hit, hits_of_freeze
from portal.forms.calendar import under_fields
from portal.forms.decisions import with_findings
from portal.forms.freezes import FreezeForm, LiftForm, freeze_data
from portal.presenters.freezes import freeze_rows, lifts
from portal.presenters.paging import older_page
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.calendar import zone_of
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE = 50


@require_safe
@signed_in
def freezes(request: HttpRequest) -> HttpResponse:
    """Every freeze, newest first, and the form for another one."""
    return _page(request, FreezeForm(), None)


@signed_in
@asked_or_sent
def freeze_declare(request: HttpRequest) -> HttpResponse:
    """Declare one."""
    if request.method != "POST":
        return redirect("freezes")
    form = FreezeForm(request.POST)
    data = freeze_data(request.POST)
    if "look" in request.POST:
        return _looked(request, form, data)
    return _done(
        request,
        lambda: services.freeze_declare(actor=actor_of(request), data=data),
        "The freeze is declared.",
        lambda refusal: _page(request, form, refusal),
    )


@signed_in
@asked_or_sent
def freeze_lift(request: HttpRequest, freeze_id: int) -> HttpResponse:
    """Ask once more, then lift it."""
    row = get_object_or_404(ChangeFreeze.objects.select_related("declared_by", "lifted_by"), pk=freeze_id)
    if request.method != "POST":
        return _lift_page(request, row, LiftForm(), None)
    comment = request.POST.get("comment", "")
    return _done(
        request,
        lambda: services.freeze_lift(freeze_id=freeze_id, actor=actor_of(request), comment=comment),
        "The freeze is lifted. Runs that it paused wait until somebody resumes them.",
        lambda refusal: _lift_page(request, row, LiftForm(request.POST), refusal),
    )


def _looked(request: HttpRequest, form: FreezeForm, data: Mapping[str, object]) -> HttpResponse:
    """Say which changes such a freeze would hit; nothing is declared."""
    found: list[Hit] = []
    refusal = attempt(lambda: found.extend(services.freeze_hits(actor=actor_of(request), data=data)))
    return _page(request, form, refusal, hits=None if refusal else found)


def _done(
    request: HttpRequest, act: Callable[[], object], said: str, shown: Callable[[Refusal], HttpResponse]
) -> HttpResponse:
    done: list[object] = []
    refusal = attempt(lambda: done.append(act()))
    if refusal:
        return shown(refusal)
    messages.success(request, said)
    [row] = done
    if isinstance(row, ChangeFreeze) and row.lifted_at is None and hits_of_freeze(scoped(row)):
        # The page of the freeze names the changes that it hits.
        return redirect("freeze-lift", row.pk)
    return redirect("freezes")


def _page(
    request: HttpRequest, form: FreezeForm, refusal: Refusal | None, *, hits: Sequence[Hit] | None = None
) -> HttpResponse:
    rows = ChangeFreeze.objects.select_related("declared_by", "lifted_by").order_by("-pk")
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, rows, size=PAGE)
    except InvalidInputError as error:
        url = reverse("freezes")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Change freezes")
    if refusal:
        with_findings(form, under_fields(refusal.fields))
    verdict = policy.may_declare_freeze(viewer(request))
    context = {
        "form": form,
        "refusal": refusal,
        "hits": hits,
        "page": page,
        "rows": freeze_rows(page.rows, may_lift=verdict.allowed),
        "verdict": verdict,
        "clock": zone_of(request),
        "crumbs": [{"label": "Change freezes", "url": ""}],
    }
    return render(request, "control/freezes.html", context, status=refusal.status if refusal else 200)


def _lift_page(request: HttpRequest, row: ChangeFreeze, form: LiftForm, refusal: Refusal | None) -> HttpResponse:
    if refusal:
        with_findings(form, refusal.fields)
    verdict = policy.may_declare_freeze(viewer(request))
    context = {
        "form": form,
        "refusal": refusal,
        "freeze": row,
        "reach": scoped(row).reach,
        "hits": hits_of_freeze(scoped(row)) if lifts(row) else (),
        "open": verdict.allowed and lifts(row),
        "verdict": verdict,
        "crumbs": [{"label": "Change freezes", "url": reverse("freezes")}, {"label": row.name, "url": ""}],
    }
    return render(request, "control/freeze_lift.html", context, status=refusal.status if refusal else 200)
