from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.selectors import changes_touching
from devices.models import AlertState, ConfigSnapshot, Device, DeviceQuerySet
from devices.selectors import DEVICE_FILTERS, devices_matching, snapshots_of
from portal.forms.filters import DeviceFilterForm
from portal.forms.targets import BY_DEVICE
from portal.preferences import preference
from portal.presenters.change_rows import change_rows, listed
from portal.presenters.device_pages import (
    config_page,
    device_rows,
    identity_facts,
    inventory_facts,
    is_old,
    snapshot_rows,
    with_keys,
)
from portal.presenters.paging import KeyPage, older_page, page_by_name
from portal.presenters.reconciliation import fact_row
from portal.views.access import refused, signed_in
from portal.views.config_history import may_read_raw
from portal.views.strictness import asked_for

PAGE = 50
SNAPSHOTS = 20
CHANGES = 20
MODES = ("unified", "split")


@require_safe
@signed_in
def device_list(request: HttpRequest) -> HttpResponse:
    """All devices by name, narrowed by filters; a filter that cannot be used is answered with 400."""
    asked: dict[str, list[str]] = {}
    problem = ""
    page: KeyPage[Device]
    try:
        asked = asked_for(request.GET, [*DEVICE_FILTERS, "after"])
        page = page_by_name(request, with_keys(_found(asked)), size=PAGE)
    except InvalidInputError as error:
        problem, page = str(error), KeyPage([])
    asked.pop("after", None)
    return render(
        request,
        "devices/list.html",
        {
            "form": DeviceFilterForm(asked or dict(request.GET.lists())),
            "problem": problem,
            "filtered": bool(asked),
            "rows": device_rows(page.rows),
            "page": page,
            "list_url": reverse("device-list"),
            "crumbs": [{"label": "Devices", "url": ""}],
        },
        status=400 if problem else 200,
    )


def _found(asked: Mapping[str, Sequence[str]]) -> DeviceQuerySet:
    filters = {name: list(values) for name, values in asked.items() if name in DEVICE_FILTERS}
    # A person who searches for a part of a name means it so; an asterisk of their own is taken as it stands.
    if "name" in filters:
        filters["name"] = [value if "*" in value else f"*{value}*" for value in filters["name"]]
    return devices_matching(filters)


@require_safe
@signed_in
def device_detail(request: HttpRequest, device_id: int) -> HttpResponse:
    """One device: who it must be, its pinned keys, its configurations and the changes that touch it."""
    device = get_object_or_404(Device, pk=device_id)
    crumbs = [{"label": "Devices", "url": reverse("device-list")}, {"label": device.name, "url": ""}]
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, snapshots_of(device.pk), size=SNAPSHOTS)
    except InvalidInputError as error:
        return refused(request, "This page does not exist", str(error), status=400, url=request.path, label=device.name)
    last = page.rows[-1] if page.next_url else None
    live = list(device.live_facts.order_by("field"))
    before = snapshots_of(device.pk).filter(pk__lt=last.pk).first() if last else None
    return render(
        request,
        "devices/detail.html",
        {
            "device": device,
            "is_old": is_old(device),
            "facts": inventory_facts(device),
            "identity": identity_facts(device),
            "host_keys": device.host_keys.order_by("state", "key_type", "-pk"),
            "open_alerts": device.host_key_alerts.filter(state=AlertState.OPEN).count(),
            "live_facts": [fact_row(fact) for fact in live],
            "live_read_at": max((fact.read_at for fact in live), default=None),
            "snapshots": snapshot_rows(page.rows, before),
            "page": page,
            "changes": change_rows(list(listed(changes_touching(device.pk))[:CHANGES])),
            "changes_shown": CHANGES,
            "change_query": urlencode({"by": BY_DEVICE, "device_ids": str(device.pk)}),
            "crumbs": crumbs,
        },
    )


@require_safe
@signed_in
def device_config(request: HttpRequest, device_id: int, snapshot_id: int) -> HttpResponse:
    """One configuration as it was read, masked, and how it differs from another (``?against=<snapshot>``)."""
    found = ConfigSnapshot.objects.filter(device_id=device_id).select_related("device", "blob")
    snapshot = get_object_or_404(found, pk=snapshot_id)
    device_url = reverse("device-detail", args=[device_id])
    try:
        asked = asked_for(request.GET, ["against", "view"])
    except InvalidInputError as error:
        return refused(
            request, "This comparison does not exist", str(error), status=400, url=request.path, label="Back"
        )
    [against] = asked.get("against", [""])
    [mode] = asked.get("view", [preference(request, "diff")])
    other = (
        get_object_or_404(found, pk=int(against) if against.isascii() and against.isdigit() else 0) if against else None
    )
    config = config_page(snapshot, other)
    urls = {name: f"?{urlencode({'against': against, 'view': name} if against else {'view': name})}" for name in MODES}
    return render(
        request,
        "devices/config.html",
        {
            "device": snapshot.device,
            "snapshot": snapshot,
            "config": config,
            "mode": mode if mode in MODES else "unified",
            "mode_urls": urls,
            "may_read_raw": may_read_raw(request),
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": snapshot.device.name, "url": device_url},
                {"label": "Configuration", "url": ""},
            ],
        },
    )
