"""Inventory sources: how fresh they are, what they left out, and the platform table."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit.actor import Actor
from changes.domain.errors import InvalidInputError
from changes.domain.policy import Role
from devices.models import Device, PlatformMapping
from devices.services.inventory_journal import journal_retry
from devices.services.inventory_platforms import platform_map, platform_unmap
from devices.services.inventory_runs import sync_request
from devices.services.inventory_sources import excluded_devices, refused_entries
from portal.forms.inventory import PlatformForm
from portal.presenters.inventory_pages import (
    excluded_rows,
    journal_state,
    live_sources,
    mapping_rows,
    reasons_now,
    refused_rows,
)
from portal.presenters.paging import KeyPage, page_by_name
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.refusals import Refusal, attempt
from portal.views.rendering import STOP_POLLING, render_page, wants_partial
from portal.views.strictness import asked_for

PAGE = 50
REFUSED_SHOWN = 100
asked_or_sent = require_http_methods(["GET", "HEAD", "POST"])
"""A GET leads back to the page with the button: who signs in on the way to a POST comes back with a GET."""


@require_safe
@signed_in
def inventory_page(request: HttpRequest) -> HttpResponse:
    """The sources, their last synchronisations, and what they list that cannot be a target."""
    return _inventory(request)


def _inventory(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    live = live_sources()
    context: dict[str, object] = {"live": live, "may_sync": _is_administrator(request), "refusal": refusal}
    if wants_partial(request):
        status = 200 if live.is_busy else STOP_POLLING
        return render_page(request, "inventory/list.html", "inventory/_live.html", context, status=status)
    try:
        context |= _left_out(request)
    except InvalidInputError as error:
        url = reverse("inventory-list")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Inventory sources")
    context |= {"journal": journal_state(), "crumbs": _crumbs()}
    status = refusal.status if refusal else 200
    return render_page(request, "inventory/list.html", "inventory/_live.html", context, status=status)


def _left_out(request: HttpRequest) -> dict[str, object]:
    asked = asked_for(request.GET, ["code", "after"])
    [code] = asked.get("code", [""])
    devices = excluded_devices().filter(exclusion=code) if code else excluded_devices()
    page: KeyPage[Device] = page_by_name(request, devices, size=PAGE)
    return {
        "reasons": reasons_now(code),
        "excluded": excluded_rows(page.rows),
        "page": page,
        "chosen": code,
        "refused": refused_rows(list(refused_entries()[:REFUSED_SHOWN])),
        "refused_shown": REFUSED_SHOWN,
    }


@signed_in
@asked_or_sent
def source_sync(request: HttpRequest, source: str) -> HttpResponse:
    """Ask the workers to synchronise a source."""
    said = f"The workers synchronise “{source}” now."
    return _act(request, lambda actor: sync_request(source=source, actor=actor), said=said)


@signed_in
@asked_or_sent
def journal_retry_all(request: HttpRequest) -> HttpResponse:
    """Try the journal entries that were given up once more."""
    return _act(request, lambda actor: journal_retry(actor=actor), said="The entries are sent again shortly.")


def _act(request: HttpRequest, act: Callable[[Actor], object], *, said: str) -> HttpResponse:
    if request.method != "POST":
        return redirect("inventory-list")
    refusal = attempt(lambda: act(actor_of(request)))
    if refusal:
        return _inventory(request, refusal=refusal)
    messages.success(request, said)
    return redirect("inventory-list")


@require_safe
@signed_in
def platform_page(request: HttpRequest) -> HttpResponse:
    """The platform table."""
    return _platforms(request, PlatformForm())


def _platforms(request: HttpRequest, form: PlatformForm, *, refusal: Refusal | None = None) -> HttpResponse:
    return render(
        request,
        "inventory/platforms.html",
        {
            "rows": mapping_rows(list(PlatformMapping.objects.order_by("platform", "value"))),
            "form": form,
            "refusal": refusal if refusal and not refusal.fields else None,
            "may_edit": _is_administrator(request),
            "crumbs": [*_crumbs(here=False), {"label": "Platform table", "url": ""}],
        },
        status=refusal.status if refusal else 200,
    )


@signed_in
@asked_or_sent
def platform_set(request: HttpRequest) -> HttpResponse:
    """Say what a word means; what cannot be is shown in the form, which keeps what was typed."""
    if request.method != "POST":
        return redirect("inventory-platforms")
    given = {name: request.POST.get(name, "") for name in ("value", "platform", "driver")}
    refusal = attempt(lambda: platform_map(**given, actor=actor_of(request)))
    if refusal:
        form = PlatformForm(given)
        form.full_clean()
        form.errors.clear()
        form.blame(refusal.fields)
        return _platforms(request, form, refusal=refusal)
    messages.success(request, f"“{given['value'].strip()}” is mapped. The next synchronisation loads all devices.")
    return redirect("inventory-platforms")


@signed_in
@asked_or_sent
def platform_remove(request: HttpRequest, mapping_id: int) -> HttpResponse:
    """Take a word out of the table."""
    if request.method == "POST":
        refusal = attempt(lambda: platform_unmap(mapping_id=mapping_id, actor=actor_of(request)))
        if refusal:
            return _platforms(request, PlatformForm(), refusal=refusal)
        messages.success(request, "The row is removed. The next synchronisation loads all devices.")
    return redirect("inventory-platforms")


def _is_administrator(request: HttpRequest) -> bool:
    roles = viewer(request).roles
    return Role.ADMINISTRATOR in roles and Role.AUDITOR not in roles


def _crumbs(*, here: bool = True) -> list[dict[str, str]]:
    return [
        {"label": "Devices", "url": reverse("device-list")},
        {"label": "Inventory sources", "url": "" if here else reverse("inventory-list")},
    ]
