"""The installed hooks: what they are, what came of their calls, and an administrator's switches."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from changes.models import HookCall
from changes.services.hook_settings import hook_configure, may_switch_hooks
from portal.presenters.hooks import ON_OBJECTION, calls_shown, hooks_shown
from portal.presenters.visible import Mask
from portal.views.access import reads_audit, refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.refusals import Refusal, attempt

_REFUSED = "Auditors, change managers and administrators see the hooks. Ask an administrator for such a role."


@require_safe
@signed_in
def hook_list(request: HttpRequest) -> HttpResponse:
    """Every hook, and the latest calls of all."""
    return _page(request)


@require_POST
@signed_in
def hook_switch(request: HttpRequest, name: str) -> HttpResponse:
    """Keep what was chosen for one hook."""
    refusal = attempt(lambda: hook_configure(name=name, actor=actor_of(request), data=_sent(request)))
    if refusal is not None:
        return _page(request, refusal=refusal)
    messages.success(request, f"The settings of the hook {name} are kept.")
    return redirect("hook-list")


def _sent(request: HttpRequest) -> dict[str, object]:
    limit = request.POST.get("time_limit_s", "")
    sent: dict[str, object] = {
        "enabled": "enabled" in request.POST,
        "required": "required" in request.POST,
        "time_limit_s": int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 6 else -1,
    }
    if "on_objection" in request.POST:
        sent["on_objection"] = request.POST["on_objection"]
    return sent


def _page(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    person = viewer(request)
    if not reads_audit(person):
        return refused(request, "The hooks are not open to you", _REFUSED)
    mask = Mask.load()
    context = {
        "hooks": hooks_shown(mask),
        "calls": calls_shown(HookCall.objects.all(), mask),
        "may_switch": may_switch_hooks(person).allowed,
        "on_objection": ON_OBJECTION,
        "refusal": refusal,
        "crumbs": [{"label": "Hooks", "url": ""}],
    }
    return render(request, "control/hooks.html", context, status=refusal.status if refusal else 200)
