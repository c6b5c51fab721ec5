from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.selectors import changes_touching
from devices.models import ConfigSnapshot, Device, DeviceQuerySet
from devices.selectors import DEVICE_FILTERS, devices_matching, snapshots_of
from portal.forms.filters import DeviceFilterForm
from portal.presenters.change_rows import change_rows, listed
from portal.presenters.device_pages import config_page, device_facts, snapshot_rows
from portal.presenters.paging import CURSORS, KeyPage, page_by_name
from portal.views.access import signed_in
from portal.views.strictness import asked_for

PAGE = 100
SNAPSHOTS = 30
CHANGES = 20


@require_safe
@signed_in
def device_list(request: HttpRequest) -> HttpResponse:
    """All devices by name, narrowed by filters; a filter that cannot be used is answered with 400."""
    asked: dict[str, list[str]] = {}
    problem = ""
    page: KeyPage[Device]
    try:
        asked = asked_for(request.GET, [*DEVICE_FILTERS, "after"])
        page = page_by_name(request, _found(asked), size=PAGE)
    except InvalidInputError as error:
        problem, page = str(error), KeyPage([])
    for cursor in CURSORS:
        asked.pop(cursor, None)
    return render(
        request,
        "devices/list.html",
        {
            "form": DeviceFilterForm(asked or dict(request.GET.lists())),
            "problem": problem,
            "filtered": bool(asked),
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
    snapshots = list(snapshots_of(device.pk)[: SNAPSHOTS + 1])
    return render(
        request,
        "devices/detail.html",
        {
            "device": device,
            "facts": device_facts(device),
            "host_keys": device.host_keys.order_by("-state", "key_type", "-pk"),
            "snapshots": snapshot_rows(snapshots, limit=SNAPSHOTS),
            "more_snapshots": len(snapshots) > SNAPSHOTS,
            "changes": change_rows(list(listed(changes_touching(device.pk))[:CHANGES])),
            "crumbs": [{"label": "Devices", "url": reverse("device-list")}, {"label": device.name, "url": ""}],
        },
    )


@require_safe
@signed_in
def device_config(request: HttpRequest, device_id: int, snapshot_id: int) -> HttpResponse:
    """One configuration as it was read, masked, and what changed since the one before it."""
    found = ConfigSnapshot.objects.filter(device_id=device_id).select_related("device", "blob")
    snapshot = get_object_or_404(found, pk=snapshot_id)
    return render(
        request,
        "devices/config.html",
        {
            "device": snapshot.device,
            "snapshot": snapshot,
            "config": config_page(snapshot),
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": snapshot.device.name, "url": reverse("device-detail", args=[device_id])},
                {"label": "Configuration", "url": ""},
            ],
        },
    )
