"""Reading a plan: the diff review, its viewed marks, and the lines between the hunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from changes.domain.states import PlanState
from changes.errors import DigestMismatchError
from changes.models import DevicePlan, PlanRevision
from changes.services.approvals import plan_open
from changes.services.viewing import devices_mark_viewed
from portal.forms.decisions import CommentForm, with_findings
from portal.preferences import preference
from portal.presenters.because import asked_of
from portal.presenters.building import failures_of, plan_problem, progress_of
from portal.presenters.decision import decision_of
from portal.presenters.diffs import Gap, unfolded
from portal.presenters.discussions import Discussion, change_talk
from portal.presenters.plan_rows import PlanRow, plan_rows
from portal.presenters.plan_talk import with_talk
from portal.presenters.review import NoSuchDeviceError, Review, layout_of, review_of
from portal.presenters.selection import Selection, with_query
from portal.presenters.sight import Sight, change_or_404, sight_of
from portal.presenters.stale import replaced_plan
from portal.presenters.strategy import rollout_of
from portal.presenters.visible import Mask
from portal.presenters.warnings import severity_groups
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of
from portal.views.change import last_answer, look_at, page_context, progress_answer
from portal.views.refusals import Refusal, attempt
from portal.views.rendering import wants_partial

PAGE_OF_LINES = 2_000


@require_safe
@signed_in
def change_plan(request: HttpRequest, change_id: int) -> HttpResponse:
    """The plan of a change, drawn as diffs. Opening a ready one is put on record: it is what lets a person approve."""
    change, asked = change_or_404(change_id), selection_of(request, change_id).revision
    if change.revision is not None and asked in {0, change.revision.number}:
        plan_open(revision=change.revision, actor=actor_of(request))
    sight = sight_of(change, actor_of(request), viewer(request))
    return progress_answer(request, sight) or last_answer(request, plan_page(request, sight))


def selection_of(request: HttpRequest, change_id: int) -> Selection:
    """What of the plan the address asks for."""
    return Selection.read(change_id, request.GET, preferred=preference(request, "diff"))


def _revision(sight: Sight, selection: Selection) -> PlanRevision | None:
    """The revision that is to be shown: the one that was asked for, else the one that counts."""
    if not selection.revision:
        return sight.revision
    return get_object_or_404(PlanRevision, change_id=sight.change.pk, number=selection.revision)


def plan_page(request: HttpRequest, sight: Sight, *, refusal: Refusal | None = None, comment: str = "") -> HttpResponse:
    """Draw the plan, under the alert of a refusal if there is one; what the person wrote stays in the form."""
    selection = selection_of(request, sight.change.pk)
    revision = _revision(sight, selection)
    mask = Mask.load()
    rows = plan_rows(revision, sight.person.id) if revision and revision.state != PlanState.BUILDING else ()
    talk = change_talk(sight, mask, source="plan") if revision == sight.revision else None
    common = page_context(sight, "plan", page="Plan")
    context: dict[str, Any] = {
        **common,
        "revision": revision,
        "present": revision == sight.revision,
        "present_url": Selection(sight.change.pk).url(),
        "progress": progress_of(sight) if sight.plan_building and revision == sight.revision else None,
        "failures": failures_of(sight, mask) if revision == sight.revision else (),
        "problem": plan_problem(revision),
        "review": _review(revision, selection, mask, rows, talk, csrf=get_token(request)),
        "talk": talk,
        "warned": severity_groups(revision, selection) if revision else (),
        "rollout": rollout_of(rows, revision.inputs.get("strategy", {})) if revision else None,
        "decision": decision_of(sight, common["actions"]) if revision == sight.revision else None,
        "asked": asked_of(sight) if sight.plan_ready and revision == sight.revision else None,
        "form": _comment_form(refusal, comment),
        "refusal": refusal,
        "replaced": replaced_plan(sight.change, refusal.stale_digest) if refusal and refusal.stale_digest else None,
    }
    return render(request, "changes/plan.html", context, status=refusal.status if refusal else 200)


def _comment_form(refusal: Refusal | None, comment: str) -> CommentForm:
    if refusal is None:
        return CommentForm()
    form = CommentForm({"comment": comment})
    with_findings(form, {name: found for name, found in refusal.fields.items() if name in form.fields})
    return form


def _review(
    revision: PlanRevision | None,
    selection: Selection,
    mask: Mask,
    rows: Sequence[PlanRow],
    talk: Discussion | None,
    *,
    csrf: str,
) -> Review | None:
    """The review with its threads; of a revision that is not the present one there is no ``talk``, nor are marks."""
    if revision is None or revision.state == PlanState.BUILDING:
        return None
    try:
        review = review_of(rows, selection, mask, may_mark=talk is not None and revision.state == PlanState.READY)
        return with_talk(review, talk, rows, csrf) if talk else review
    except NoSuchDeviceError as missing:
        raise Http404(f"This plan changes no device at position {missing}.") from missing


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def device_viewed(request: HttpRequest, change_id: int, position: int) -> HttpResponse:
    """Set or clear the person's viewed mark on a device, and on those that are shown by the same diff.

    The mark names the digest that the page showed, so that it cannot hold for a plan that nobody read.
    """
    sight = look_at(request, change_id)
    selection = selection_of(request, change_id)
    if request.method != "POST":
        return redirect(selection.url(f"d-{position}"))
    refusal = attempt(lambda: _mark(sight, selection, position, request))
    if refusal:
        return plan_page(request, sight, refusal=refusal)
    if wants_partial(request):
        return _marked(request, sight, selection, position)
    return redirect(selection.url(f"d-{position}"))


def _mark(sight: Sight, selection: Selection, position: int, request: HttpRequest) -> None:
    revision, given = sight.revision, request.POST.get("digest", "")
    if revision is None or not sight.plan_ready:
        raise DigestMismatchError(given=given, current="")
    layout = layout_of(plan_rows(revision, sight.person.id), selection)
    shown = next((cluster for cluster in layout.page if cluster[0].position == position), ())
    if not shown or shown[0].digest != given:
        raise DigestMismatchError(given=given, current=shown[0].digest if shown else "")
    plans = DevicePlan.objects.filter(pk__in=[row.pk for row in shown]).select_related("revision").defer("payload")
    viewed = request.POST.get("viewed") != "0"
    devices_mark_viewed(device_plans=list(plans), actor=actor_of(request), viewed=viewed)


def _marked(request: HttpRequest, sight: Sight, selection: Selection, position: int) -> HttpResponse:
    """The parts of the page that a mark changes: the diff's own box, the tree's line, the count."""
    revision = sight.revision
    rows = plan_rows(revision, sight.person.id) if revision else ()
    mask = Mask.load()
    talk = change_talk(sight, mask, source="plan")
    review = _review(revision, selection, mask, rows, talk, csrf=get_token(request))
    items = [item for item in review.items if item.position == position] if review else []
    if review is None or not items:
        raise Http404
    entries = [entry for entry in review.entries if entry.current or entry.anchor == items[0].anchor]
    context = {"review": review, "item": items[0], "mode": selection.mode, "entries": entries}
    response = render(request, "changes/_marked.html", context)
    patch_vary_headers(response, ("HX-Request",))
    return response


@require_safe
@signed_in
def plan_lines(request: HttpRequest, change_id: int, position: int) -> HttpResponse:
    """Unchanged lines of a device's running configuration, masked: rows for a fold, or a page of their own."""
    selection = selection_of(request, change_id)
    sight = look_at(request, change_id)
    revision = _revision(sight, selection)
    plan = get_object_or_404(
        DevicePlan.objects.select_related("baseline__blob", "device"), revision=revision, position=position
    )
    try:
        gap = Gap.read(request.GET)
    except ValueError as error:
        raise Http404(str(error)) from error
    lines = Mask.load().text(plan.baseline.blob.text if plan.baseline else "").removesuffix("\n").split("\n")
    if wants_partial(request):
        url = with_query(request.path, selection.query()) + ("&" if selection.query() else "?")
        context: dict[str, Any] = {"blocks": unfolded(lines, gap, fold_url=url), "mode": selection.mode}
        response = render(request, "changes/_lines.html", context)
        patch_vary_headers(response, ("HX-Request",))
        return response
    last = min(gap.last, gap.first + PAGE_OF_LINES - 1, len(lines))
    context = {
        **page_context(sight, "plan", page="Plan"),
        "name": plan.device.name,
        "lines": [(number, lines[number - 1]) for number in range(gap.first, last + 1)],
        "gap": gap,
        "last": last,
        "back_url": selection.url(f"d-{position}"),
    }
    return render(request, "changes/lines.html", context)
