"""Calendar feeds: the page to make and revoke them, and the feed itself, which a token in its address opens."""

from __future__ import annotations

from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from changes.domain.calendar.feed import CONTENT_TYPE
from changes.domain.errors import InvalidInputError
from portal.errors import TokenLimitError, TokenNotFoundError
from portal.feeds import MAX_NAME, feed_create, feed_end, feed_path, feed_text, feed_with, feeds_of
from portal.forms.decisions import with_findings
from portal.forms.raw_text import RawText
from portal.views.access import signed_in
from portal.views.acting import actor_of

_SENT = "calendar_feeds_sent"
_KEPT = 20


class FeedForm(forms.Form):
    """A feed to make; ``once`` keeps a form that is sent again from making a second one."""

    name = RawText(
        label="Read by", required=True, widget=forms.TextInput(attrs={"maxlength": MAX_NAME}),
        help_text="Such as Outlook on my laptop.",
    )  # fmt: skip
    site = RawText(label="Site", help_text="Leave it empty for everything.")
    once = forms.CharField(required=False, widget=forms.HiddenInput)


@require_safe
@signed_in
def feeds(request: HttpRequest) -> HttpResponse:
    """One's own feeds, and the form for another one."""
    return _page(request, _blank())


@require_POST
@signed_in
@sensitive_variables("text", "shown")
def feed_make(request: HttpRequest) -> HttpResponse:
    """Make a feed and show its address, this once: nothing may store it for a later page."""
    form = FeedForm(request.POST)
    sent: list[str] = request.session.get(_SENT, [])
    once = request.POST.get("once", "")[:64]
    if once in sent:
        messages.info(request, "That feed was made already, and was shown once. Revoke it if you have lost it.")
        return redirect("calendar-feeds")
    try:
        _feed, text = feed_create(
            actor=actor_of(request), name=request.POST.get("name", ""), site=request.POST.get("site", "")
        )
    except InvalidInputError as error:
        return _page(request, with_findings(form, error.fields), status=422)
    except TokenLimitError as error:
        form.add_error(None, str(error))
        return _page(request, form, status=409)
    request.session[_SENT] = [*sent, once][-_KEPT:]
    shown = request.build_absolute_uri(feed_path(text))
    return _page(request, _blank(), address=shown)


@require_POST
@signed_in
def feed_revoke(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    """End one of one's own feeds."""
    try:
        feed_end(actor=actor_of(request), feed_id=str(feed_id))
    except TokenNotFoundError as error:
        raise Http404(str(error)) from error
    messages.success(request, "The feed is revoked. Whatever read it gets nothing from now on.")
    return redirect("calendar-feeds")


@require_safe
@never_cache
@sensitive_variables("token")
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar for a program that knows the address. Nobody is signed in by it, and nothing else can be read."""
    found = feed_with(token)
    if found is None:
        response = HttpResponse(
            "There is no such feed. It may have been revoked; make another one on the calendar's page.\n",
            status=404,
            content_type="text/plain; charset=utf-8",
        )
        # Django would write the path, and so the token, to its log.
        response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django's own note
        return response
    address = request.build_absolute_uri("/").rstrip("/")
    response = HttpResponse(feed_text(found, address=address), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = 'inline; filename="countersign.ics"'
    response["Referrer-Policy"] = "no-referrer"
    return response


def _blank() -> FeedForm:
    return FeedForm(initial={"once": uuid4().hex})


def _page(request: HttpRequest, form: forms.Form, *, status: int = 200, address: str = "") -> HttpResponse:
    context = {
        "form": form,
        "address": address,
        "feeds": feeds_of(actor_of(request)),
        "crumbs": [{"label": "Calendar", "url": reverse("calendar")}, {"label": "Feeds", "url": ""}],
    }
    return render(request, "calendar/feeds.html", context, status=status)
