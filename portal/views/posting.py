"""Views that only take a POST, and where a GET leads to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

PostView = Callable[..., HttpResponse]


def posted(back: str, *keys: str) -> Callable[[PostView], PostView]:
    """Run a view on POST alone; a GET leads to the page ``back``, whose address takes the view's ``keys``.

    Who signs in on the way to a POST comes back with a GET.
    """

    def decorate(view: PostView) -> PostView:
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: int) -> HttpResponse:
            if request.method != "POST":
                return redirect(back, *(kwargs[key] for key in keys))
            return view(request, **kwargs)

        return guarded

    return decorate
