"""Who may see a page, and what those see who may not."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django_htmx.middleware import HtmxDetails

from audit.api.permissions import READERS
from changes.domain import policy
from changes.domain.policy import Person
from changes.errors import PlanIntegrityError
from changes.models import KillSwitch, Notification
from devices.services.credential_overview import READERS as CREDENTIAL_READERS

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]

AUDIT_REFUSED = "Auditors, change managers and administrators read the audit log. Ask an administrator for such a role."

CREDENTIALS_REFUSED = (
    "Administrators and auditors see which credentials there are. Ask an administrator for such a role."
)


def viewer(request: HttpRequest) -> Person:
    """The signed-in person with their roles, for what a page offers; one query per request.

    It also asks whether the kill switch is engaged and how many notifications are unread, for what every page shows.
    Services do not believe it: they read the roles again.
    """
    known = getattr(request, "_viewer", None)
    if isinstance(known, Person):
        return known
    user = request.user
    engaged = Subquery(KillSwitch.objects.engaged().values("pk")[:1])
    unread = Notification.objects.unread().filter(person=user.pk or 0).order_by().values("person")
    count = Subquery(unread.annotate(count=Count("pk")).values("count"))
    rows = list(get_user_model().objects.filter(pk=user.pk or 0).values_list("groups__name", engaged, count))
    person = Person(
        id=user.pk or 0,
        username=user.get_username(),
        roles=frozenset(name for name, _switch, _count in rows if name),
        is_superuser=user.is_superuser,
    )
    request._viewer = person  # type: ignore[attr-defined]  # noqa: SLF001 - this function's own note on the request
    request._kill_switch = rows[0][1] if rows else None  # type: ignore[attr-defined]  # noqa: SLF001 - the same
    request._unread = rows[0][2] or 0 if rows else 0  # type: ignore[attr-defined]  # noqa: SLF001 - the same
    return person


def unread_count(request: HttpRequest) -> int:
    """How many of the person's notifications are unread; no query of its own."""
    viewer(request)
    return int(getattr(request, "_unread", 0))


def engaged_kill_switch(request: HttpRequest) -> KillSwitch | None:
    """The kill switch while it is engaged, for a page's banner; no query of its own while it is not."""
    viewer(request)
    pk = getattr(request, "_kill_switch", None)
    return KillSwitch.objects.select_related("engaged_by").filter(pk=pk).first() if pk else None


def signed_in(view: View[Rest]) -> View[Rest]:
    """Show a page to people who are signed in, and to no cache.

    Others are sent to the sign-in page; a part of a page answers 401 instead, so that no sign-in form lands in it.
    Where a row was altered behind the application, the page says which, with 409.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            try:
                return view(request, *args, **kwargs)
            except PlanIntegrityError as error:
                return refused(request, "What is stored is not what was settled", str(error), status=409)
        if HtmxDetails(request):
            return HttpResponse("Sign in again.", status=401, content_type="text/plain; charset=utf-8")
        return redirect_to_login(request.get_full_path())

    return never_cache(guarded)


def reads_audit(person: Person) -> bool:
    """Whether the person may read the whole audit log; the same rule as in the API."""
    return not person.roles.isdisjoint(READERS)


def audit_reader(view: View[Rest]) -> View[Rest]:
    """Show a page to those who may read the audit log; others learn who may."""

    @signed_in
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
        if reads_audit(viewer(request)):
            return view(request, *args, **kwargs)
        return refused(request, "The audit log is not open to you", AUDIT_REFUSED)

    return guarded


def reads_credentials(person: Person) -> bool:
    """Whether the person may see which credentials there are; the same rule as in the API."""
    return not person.roles.isdisjoint(CREDENTIAL_READERS)


def credential_reader(view: View[Rest]) -> View[Rest]:
    """Show a page to those who may see which credentials there are; others learn who may."""

    @signed_in
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
        if reads_credentials(viewer(request)):
            return view(request, *args, **kwargs)
        return refused(request, "The credentials are not open to you", CREDENTIALS_REFUSED)

    return guarded


def may_write(request: HttpRequest) -> bool:
    """Whether the person may write changes; decides whether a page offers it."""
    return policy.may_create(viewer(request)).allowed


def refused(
    request: HttpRequest, title: str, sentence: str, *, status: int = 403, url: str = "", label: str = ""
) -> HttpResponse:
    """A page that says why not, and where to go instead (``url`` with its ``label``)."""
    context = {"title": title, "sentence": sentence, "url": url, "label": label}
    response = render(request, "account/refused.html", context, status=status)
    response.refusal_sentence = sentence  # type: ignore[attr-defined]  # for the event of the refusal
    return response
