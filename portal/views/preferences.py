from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portal.preferences import CHOICES, MAX_AGE_S


@require_POST
def preference_set(request: HttpRequest) -> HttpResponse:
    """Remember how this browser wants pages to look, and go back to where the wish was made.

    The form carries one or more of the names in :data:`portal.preferences.CHOICES`. Nothing about the person
    is stored on the server.
    """
    chosen = {name: request.POST[name] for name in CHOICES if name in request.POST}
    if not chosen or any(value not in CHOICES[name] for name, value in chosen.items()):
        allowed = "; ".join(f"{name}: {', '.join(values)}" for name, values in CHOICES.items())
        return HttpResponseBadRequest(f"Choose one of {allowed}.", content_type="text/plain; charset=utf-8")
    response = redirect(_way_back(request))
    for name, value in chosen.items():
        # Scripts read and write these too: they say how a page looks and nothing about the person.
        response.set_cookie(name, value, max_age=MAX_AGE_S, samesite="Lax", secure=request.is_secure())
    return response


def _way_back(request: HttpRequest) -> str:
    """The page the form was on, if it is ours."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else "/"
