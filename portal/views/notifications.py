"""One's own notifications, and how one wants to be told."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.notifications import CHOOSABLE, Digest
from changes.models import Notification
from changes.services.notification_choices import (
    notification_test,
    notifications_read,
    preferences_save,
    webhook_remove,
    webhook_set,
)
from portal.presenters.notifications import notification_page, preferences_page
from portal.views.access import refused, signed_in
from portal.views.acting import actor_of
from portal.views.refusals import Refusal, attempt

_WAYS = ("page", "email", "webhook")


@require_safe
@signed_in
def notification_list(request: HttpRequest) -> HttpResponse:
    """The person's notifications, newest first."""
    try:
        context = notification_page(request)
    except InvalidInputError as error:
        return refused(request, "There is no such page", str(error), status=400)
    return render(request, "account/notifications.html", context)


@require_GET
@signed_in
def notification_open(request: HttpRequest, notification_id: int) -> HttpResponse:
    """Go to what one of one's own notifications is about."""
    found = Notification.objects.filter(pk=notification_id, person=request.user.pk).first()
    if found is None:
        sentence = "It was deleted with its age, or it is another person's."
        return refused(request, "There is no such notification", sentence, status=404)
    notifications_read(actor=actor_of(request), ids=[found.pk])
    return redirect(found.path or "notification-list")


@require_POST
@signed_in
def notification_read_all(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    count = notifications_read(actor=actor_of(request))
    messages.success(request, f"{count} marked as read." if count else "Nothing was unread.")
    return redirect("notification-list")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def notification_preferences(request: HttpRequest) -> HttpResponse:
    """Where each topic goes, and how e-mails are bundled."""
    if request.method != "POST":
        return _preferences(request)
    refusal = attempt(lambda: preferences_save(actor=actor_of(request), data=_sent(request)))
    if refusal is None:
        messages.success(request, "Your preferences are kept. They hold for what comes from now on.")
        return redirect("notification-preferences")
    return _preferences(request, refusal=refusal)


@require_POST
@signed_in
@sensitive_post_parameters("url")
@sensitive_variables("url", "secret")
def notification_webhook(request: HttpRequest) -> HttpResponse:
    """Set the webhook and show its signing secret, this once; or take it out."""
    actor = actor_of(request)
    if request.POST.get("do") == "remove":
        webhook_remove(actor=actor)
        messages.success(request, "The webhook is taken out. Nothing is sent to it any more.")
        return redirect("notification-preferences")
    url = request.POST.get("url", "")
    try:
        secret = webhook_set(actor=actor, url=url)
    except InvalidInputError as error:
        # The address goes back into the form only: it may hold a token.
        return _preferences(request, url=url, url_errors=list(error.fields.get("url", ())), status=422)
    return _preferences(request, secret=secret)


@require_POST
@signed_in
def notification_send_test(request: HttpRequest) -> HttpResponse:
    """Send the person a test over every way that is set up."""
    refusal = attempt(lambda: notification_test(actor=actor_of(request)))
    if refusal is not None:
        return _preferences(request, refusal=refusal)
    messages.success(request, "The test is on its way. Its result appears under Latest deliveries within seconds.")
    return redirect("notification-preferences")


def _sent(request: HttpRequest) -> dict[str, object]:
    hour = request.POST.get("digest_hour", "")
    return {
        "digest": request.POST.get("digest", Digest.AT_ONCE.value),
        "digest_hour": int(hour) if hour.isascii() and hour.isdigit() and len(hour) < 3 else -1,
        "topics": {topic.value: {way: f"{topic.value}.{way}" in request.POST for way in _WAYS} for topic in CHOOSABLE},
    }


def _preferences(
    request: HttpRequest,
    *,
    refusal: Refusal | None = None,
    secret: str = "",
    url: str = "",
    url_errors: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **preferences_page(request.user.pk or 0, sent=_sent(request) if refusal and "digest" in request.POST else None),
        "refusal": refusal,
        "new_secret": secret,
        "url": url,
        "url_errors": url_errors or [],
        "may_mail": bool(getattr(request.user, "email", "")),
    }
    return render(
        request, "account/notification_preferences.html", context, status=refusal.status if refusal else status
    )
