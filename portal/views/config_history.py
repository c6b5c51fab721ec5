"""A device's configuration history, the masked text as a file, and the text with its secrets for administrators."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.policy import Role
from devices.models import ConfigSnapshot, ConfigState, Device
from devices.selectors import snapshots_of
from devices.services.scrubbing import Scrubber
from devices.services.snapshots import raw_config_read
from portal.presenters.config_history import versions
from portal.presenters.paging import older_page
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import attempt
from portal.views.strictness import asked_for

PAGE = 50
_TEXT = "text/plain; charset=utf-8"


@require_safe
@signed_in
def device_configs(request: HttpRequest, device_id: int) -> HttpResponse:
    """Every version, newest first; ``?picked=<id>`` offers each to be compared with that one."""
    device = get_object_or_404(Device, pk=device_id)
    try:
        asked = asked_for(request.GET, ["picked", "before"])
        page = older_page(request, snapshots_of(device.pk), size=PAGE)
        picked = _picked(device, asked.get("picked", [""])[0])
    except InvalidInputError as error:
        return refused(request, "This page does not exist", str(error), status=400, url=request.path, label=device.name)
    last = page.rows[-1] if page.next_url else None
    before = snapshots_of(device.pk).filter(pk__lt=last.pk).first() if last else None
    return render(
        request,
        "devices/history.html",
        {
            "device": device,
            "state": ConfigState.objects.filter(device=device).select_related("baseline").first(),
            "versions": versions(page.rows, before, device_id=device.pk, picked=picked.pk if picked else None),
            "picked": picked,
            "page": page,
            "may_read_raw": may_read_raw(request),
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": device.name, "url": reverse("device-detail", args=[device.pk])},
                {"label": "Configuration history", "url": ""},
            ],
        },
    )


def _picked(device: Device, given: str) -> ConfigSnapshot | None:
    if not given:
        return None
    found = snapshots_of(device.pk).filter(pk=int(given)).first() if given.isascii() and given.isdigit() else None
    if found is None:
        raise InvalidInputError({"picked": ["This device has no such version. Pick one from the list."]})
    return found


def may_read_raw(request: HttpRequest) -> bool:
    """Whether the person may have configurations with their secrets; the service asks again."""
    roles = viewer(request).roles
    return Role.ADMINISTRATOR in roles and Role.AUDITOR not in roles


@require_safe
@signed_in
def device_config_text(request: HttpRequest, device_id: int, snapshot_id: int) -> HttpResponse:  # noqa: ARG001
    """A configuration as a file, its secrets masked."""
    rows = ConfigSnapshot.objects.select_related("device", "blob")
    snapshot = get_object_or_404(rows, pk=snapshot_id, device_id=device_id)
    return _file(snapshot, Scrubber.load()(snapshot.blob.text), "masked")


@signed_in
@posted("device-config", "device_id", "snapshot_id")
def device_config_raw(request: HttpRequest, device_id: int, snapshot_id: int) -> HttpResponse:
    """A configuration as a file with its secrets: for administrators who say why; audited before it is sent."""
    found: list[ConfigSnapshot] = []

    def act() -> None:
        try:
            found.append(
                raw_config_read(
                    device_id=device_id,
                    snapshot_id=snapshot_id,
                    reason=request.POST.get("comment", ""),
                    actor=actor_of(request),
                )
            )
        except ConfigSnapshot.DoesNotExist:
            raise Http404("The device has no such configuration.") from None

    refusal = attempt(act)
    if refusal:
        url = reverse("device-config", args=[device_id, snapshot_id])
        sentence = " ".join(refusal.sentences)
        return refused(request, refusal.title, sentence, status=refusal.status, url=url, label="Back to the page")
    return _file(found[0], found[0].blob.text, "with-secrets")


def _file(snapshot: ConfigSnapshot, text: str, kind: str) -> HttpResponse:
    name = f"{slugify(snapshot.device.name) or 'device'}-{snapshot.taken_at:%Y%m%dT%H%M%SZ}-{kind}.cfg"
    response = HttpResponse(text, content_type=_TEXT)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
