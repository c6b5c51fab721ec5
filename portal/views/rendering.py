"""One view, one template: the whole page for a browser, its moving part for htmx."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

STOP_POLLING = 286
"""htmx swaps the answer and polls no more: nothing further will change on this page."""


def wants_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page: not a boosted link and not a page restored from history."""
    details = HtmxDetails(request)
    return bool(details) and not details.boosted and not details.history_restore_request


def render_page(
    request: HttpRequest, template: str, partial: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page ``template``, or only ``partial`` where htmx asks for the part that moves.

    ``partial`` is a ``_file.html`` that the template includes, with the same context. Caches are told that
    the answer depends on the HX-Request header.
    """
    name = partial if wants_partial(request) else template
    response = render(request, name, dict(context), status=status)
    patch_vary_headers(response, ("HX-Request",))
    return response
