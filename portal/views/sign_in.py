"""Signing in, not faster than somebody types."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from portal import refusal_limits as limits


class SignInView(LoginView):
    """Django's, with a limit for failures from one address; django-axes counts those of one name."""

    http_method_names = ["get", "head", "post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]  # noqa: ANN401
        """Try, unless too many attempts from this address have failed within the minute."""
        if not limits.failed_too_often(_address(request)):
            return super().post(request, *args, **kwargs)
        seconds = limits.counts.left_s()
        response = render(request, "registration/slowed.html", {"seconds": seconds}, status=limits.TOO_MANY)
        response["Retry-After"] = str(seconds)
        response.refusal_code = "SIGN_IN_SLOWED"  # type: ignore[attr-defined]  # for the event of the refusal
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Count it."""
        limits.sign_in_failed_counted(_address(self.request))
        return super().form_invalid(form)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")
