"""The trust table, and the page that shows expected beside live."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings
from changes.domain.policy import Role
from devices.domain.trust import FIELDS, LEARNT_FIELDS, FactVerdict, TrustMode
from devices.models import Device
from devices.selectors import devices_matching
from devices.services.trust import trust_set, trust_table, trust_tables
from portal.forms.decisions import with_findings
from portal.forms.trust import ReconciliationFilterForm, TrustForm
from portal.presenters.paging import KeyPage, page_by_name
from portal.presenters.reconciliation import DIFFERS, UNREAD, reconciled, reconciled_rows
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of
from portal.views.refusals import attempt
from portal.views.strictness import asked_for

PAGE = 25
_CHOICES = {
    "field": frozenset(FIELDS),
    "mode": frozenset(TrustMode),
    "verdict": frozenset({*FactVerdict, UNREAD, DIFFERS}),
}


@require_safe
@signed_in
def trust(request: HttpRequest) -> HttpResponse:
    """How far each field of each source is believed."""
    tables = [
        {"source": source, "rules": [{"rule": rule, "field": rule.field.capitalize()} for rule in table.values()]}
        for source, table in trust_tables().items()
    ]
    return render(
        request,
        "devices/trust.html",
        {
            "tables": tables,
            "may_edit": Role.ADMINISTRATOR in viewer(request).roles,
            "crumbs": [{"label": "Devices", "url": reverse("device-list")}, {"label": "Trust", "url": ""}],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def trust_edit(request: HttpRequest) -> HttpResponse:
    """Change how one field of one source is compared (``?source=…&field=…``)."""
    source, field = request.GET.get("source", ""), request.GET.get("field", "")
    if field not in FIELDS or not Device.objects.filter(source=source).exists():
        raise Http404("There is no such field of such a source.")
    rule = trust_table(source)[field]
    form = TrustForm(request.POST if request.method == "POST" else None, rule=rule)
    refusal = None
    if request.method == "POST":
        values = {name: request.POST.get(name, "") for name in ("mode", "learnt_from", "pattern")}
        refusal = attempt(lambda: trust_set(source=source, field=field, **values, actor=actor_of(request)))
        if refusal is None:
            messages.success(request, "It holds from the next reading of each device on.")
            return redirect("device-trust")
        with_findings(form, refusal.fields)
    return render(
        request,
        "devices/trust_edit.html",
        {
            "source": source,
            "field": field,
            "learnt": field in LEARNT_FIELDS,
            "form": form,
            "refusal": refusal,
            "may_edit": Role.ADMINISTRATOR in viewer(request).roles,
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": "Trust", "url": reverse("device-trust")},
                {"label": f"{source}: {field}", "url": ""},
            ],
        },
        status=refusal.status if refusal else 200,
    )


@require_safe
@signed_in
def reconciliation(request: HttpRequest) -> HttpResponse:
    """Expected beside live for every device, as it was when the device was last read."""
    asked: dict[str, list[str]] = {}
    problem = ""
    page: KeyPage[Device]
    try:
        asked = asked_for(request.GET, ["name", *_CHOICES, "after"])
        only = {name: values[0] for name, values in asked.items() if name != "after"}
        _check_choices(only)
        name = only.pop("name", "")
        names = {"name": [name if "*" in name else f"*{name}*"]} if name else {}
        page = page_by_name(request, reconciled(devices_matching(names), only), size=PAGE)
    except InvalidInputError as error:
        problem, page = str(error), KeyPage([])
    asked.pop("after", None)
    return render(
        request,
        "devices/reconciliation.html",
        {
            "form": ReconciliationFilterForm(asked or dict(request.GET.lists())),
            "problem": problem,
            "filtered": bool(asked),
            "rows": reconciled_rows(page.rows),
            "page": page,
            "list_url": reverse("device-reconciliation"),
            "crumbs": [{"label": "Devices", "url": reverse("device-list")}, {"label": "Reconciliation", "url": ""}],
        },
        status=400 if problem else 200,
    )


def _check_choices(asked: Mapping[str, str]) -> None:
    findings = Findings()
    for name, known in _CHOICES.items():
        if name in asked and asked[name] not in known:
            findings.add(name, f"“{asked[name]}” is no {name}. Choose one from the list.")
    findings.check()
