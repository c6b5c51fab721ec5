"""Named exceptions from gates: list, request, decide, end."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.gate_policy import may_decide_exception, may_request_exception, may_revoke_exception
from changes.domain.gates import Gate
from changes.models import ExceptionState, GateException
from changes.services import gate_exceptions as services
from devices.models import Device
from portal.forms.decisions import with_findings
from portal.forms.exceptions import ExceptionForm
from portal.presenters.paging import older_page
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE = 50
EXPIRED = "expired"


def state_of(row: GateException) -> str:
    """The state as pages show it: an approved or requested exception that has ended by itself is expired."""
    open_states = {ExceptionState.REQUESTED, ExceptionState.APPROVED}
    return EXPIRED if row.state in open_states and row.expires_at <= timezone.now() else row.state


@require_safe
@signed_in
def exception_list(request: HttpRequest) -> HttpResponse:
    """All exceptions, newest first."""
    url = reverse("change-exceptions")
    rows = GateException.objects.select_related("requested_by", "decided_by").order_by("-pk")
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, rows, size=PAGE)
    except InvalidInputError as error:
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Exceptions")
    return render(
        request,
        "changes/exceptions.html",
        {
            "rows": [{"row": row, "state": state_of(row), "gate": Gate(row.gate).label} for row in page.rows],
            "page": page,
            "may_request": may_request_exception(viewer(request)).allowed,
            "crumbs": [{"label": "Changes", "url": reverse("change-list")}, {"label": "Exceptions", "url": ""}],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def exception_new(request: HttpRequest) -> HttpResponse:
    """Ask for an exception."""
    form = ExceptionForm(request.POST if request.method == "POST" else None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        made: list[int] = []
        ids, unknown = _devices(form.cleaned_data["devices"])
        if unknown:
            form.add_error("devices", f"There is no device “{unknown[:60]}”.")
        else:
            data = form.asked(ids)
            refusal = attempt(
                lambda: made.append(services.exception_request(data=data, requester=actor_of(request)).pk)
            )
            if refusal is None:
                messages.success(request, "The exception is requested. It lets nothing through before it is approved.")
                return redirect("change-exception-detail", made[0])
            names = {"device_ids": "devices", "sites": "site", "roles": "role", "code": "what", "gate": "what"}
            with_findings(form, {names.get(name, name): found for name, found in refusal.fields.items()})
    return render(
        request,
        "changes/exception_new.html",
        {
            "form": form,
            "refusal": refusal,
            "may_request": may_request_exception(viewer(request)),
            "crumbs": [
                {"label": "Changes", "url": reverse("change-list")},
                {"label": "Exceptions", "url": reverse("change-exceptions")},
                {"label": "Request", "url": ""},
            ],
        },
        status=refusal.status if refusal else 400 if form.errors else 200,
    )


def _devices(text: str) -> tuple[list[int], str]:
    """The ids of the devices named, and the first name that no device has."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    found: dict[str, list[int]] = {}
    for pk, name in Device.objects.filter(name__in=names).values_list("pk", "name"):
        found.setdefault(name, []).append(pk)
    unknown = next((name for name in names if name not in found), "")
    return [pk for ids in found.values() for pk in ids], unknown


@require_safe
@signed_in
def exception_detail(request: HttpRequest, exception_id: int) -> HttpResponse:
    """One exception, and what may be done about it."""
    return _page(request, exception_id)


def _page(request: HttpRequest, exception_id: int, refusal: Refusal | None = None) -> HttpResponse:
    rows = GateException.objects.select_related("requested_by", "decided_by", "revoked_by")
    row = get_object_or_404(rows, pk=exception_id)
    person, state = viewer(request), state_of(row)
    decide = may_decide_exception(person, requester_id=row.requested_by_id)
    revoke = may_revoke_exception(person, requester_id=row.requested_by_id)
    return render(
        request,
        "changes/exception.html",
        {
            "row": row,
            "state": state,
            "gate": Gate(row.gate).label,
            "devices": list(Device.objects.filter(pk__in=row.device_ids).order_by("name").only("id", "name")),
            "is_requested": state == ExceptionState.REQUESTED,
            "may_revoke": revoke.allowed and state in {ExceptionState.REQUESTED, ExceptionState.APPROVED},
            "decide": decide,
            "refusal": refusal,
            "crumbs": [
                {"label": "Changes", "url": reverse("change-list")},
                {"label": "Exceptions", "url": reverse("change-exceptions")},
                {"label": row.number, "url": ""},
            ],
        },
        status=refusal.status if refusal else 200,
    )


def _acted(request: HttpRequest, exception_id: int, act: Callable[[], object], done: str) -> HttpResponse:
    refusal = attempt(act)
    if refusal:
        return _page(request, exception_id, refusal)
    messages.success(request, done)
    return redirect("change-exception-detail", exception_id)


@require_POST
@signed_in
def exception_approve(request: HttpRequest, exception_id: int) -> HttpResponse:
    """Approve as a second person."""
    comment, actor = request.POST.get("comment", ""), actor_of(request)
    return _acted(
        request,
        exception_id,
        lambda: services.exception_approve(exception_id=exception_id, approver=actor, comment=comment),
        "The exception is approved and holds until it ends.",
    )


@require_POST
@signed_in
def exception_reject(request: HttpRequest, exception_id: int) -> HttpResponse:
    """Refuse, with a reason."""
    comment, actor = request.POST.get("comment", ""), actor_of(request)
    return _acted(
        request,
        exception_id,
        lambda: services.exception_reject(exception_id=exception_id, approver=actor, comment=comment),
        "The exception is rejected.",
    )


@require_POST
@signed_in
def exception_revoke(request: HttpRequest, exception_id: int) -> HttpResponse:
    """End it before its time."""
    reason, actor = request.POST.get("comment", ""), actor_of(request)
    return _acted(
        request,
        exception_id,
        lambda: services.exception_revoke(exception_id=exception_id, actor=actor, reason=reason),
        "The exception is revoked. It lets nothing through any more.",
    )
