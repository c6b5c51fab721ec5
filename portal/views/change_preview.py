"""What a draft means before it is saved: the devices that its targets match, and what one of them would get."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from changes.domain.errors import InvalidInputError
from changes.errors import PolicyDeniedError
from changes.rendering import RendererUnavailableError
from changes.services.preview import change_preview
from portal.forms.changes import ChangeInput
from portal.forms.targets import FACETS, PARAMETERS, RARE_FACETS, TargetInput
from portal.preferences import preference
from portal.presenters.previewing import ShownPreview, preview_refused, preview_shown
from portal.presenters.target_picker import matching_ids, target_picker
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change_origin import version_of
from portal.views.rendering import render_page, wants_partial
from portal.views.strictness import asked_for

SEVERAL = (*FACETS, *RARE_FACETS, "device_ids")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change_targets(request: HttpRequest) -> HttpResponse:
    """How many devices a choice means now, and which: the part of the form that follows every click.

    Nothing is changed. The form sends POST, since many picked devices do not fit into an address.
    """
    data = request.POST if request.method == "POST" else request.GET
    given = TargetInput.read(data)
    problem = ""
    try:
        if data is request.GET:
            asked_for(data, PARAMETERS, several=SEVERAL)
        if data.get("action") == "pick-all":
            given = given.with_devices(matching_ids(given))
    except InvalidInputError as error:
        problem = str(error)
    picker = target_picker(TargetInput() if problem else given, preview_device=data.get("preview_device", ""))
    context = {"picker": picker, "problem": problem, "live": wants_partial(request)}
    return render_page(
        request, "changes/targets.html", "changes/_targets.html", context, status=422 if problem else 200
    )


@require_POST
@signed_in
def change_preview_page(request: HttpRequest) -> HttpResponse:
    """One device's rendered lines and estimated diff, from the form as it stands."""
    shown, status = previewed(request, ChangeInput.read(request.POST, version_of(request.POST)))
    context = {"preview": shown, "mode": preference(request, "diff")}
    return render_page(request, "changes/preview.html", "changes/_preview.html", context, status=status)


def previewed(request: HttpRequest, given: ChangeInput) -> tuple[ShownPreview, int]:
    """The preview that the form asks for, or why there is none, with the status to answer with."""
    content, device = given.content_text, request.POST.get("preview_device", "")
    try:
        preview = change_preview(
            content=content,
            variables=given.variable_values(),
            device_id=int(device) if device.isascii() and device.isdigit() and len(device) < 19 else None,
            person=actor_of(request),
        )
    except InvalidInputError as error:
        return preview_refused([sentence for sentences in error.fields.values() for sentence in sentences]), 422
    except PolicyDeniedError as error:
        return preview_refused([str(error)]), 403
    except RendererUnavailableError as error:
        return preview_refused([str(error)]), 503
    return preview_shown(preview, content), 200
