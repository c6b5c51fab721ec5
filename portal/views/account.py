"""One's own account: roles, API tokens, recent sign-ins."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from changes.domain.errors import InvalidInputError
from portal.errors import TokenLimitError, TokenNotFoundError
from portal.forms.tokens import TokenForm
from portal.presenters.account import recent_sign_ins, roles_shown
from portal.tokens import token_create, token_revoke, tokens_of
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of

_SENT = "account_forms_sent"
_KEPT = 20


@require_safe
@signed_in
def account(request: HttpRequest) -> HttpResponse:
    """The account of the person who looks."""
    return _page(request, _blank_form())


@require_POST
@signed_in
@sensitive_variables("text")
def account_token_create(request: HttpRequest) -> HttpResponse:
    """Make a token and show it, this once.

    The answer to the POST shows it, since nothing may store it for a later page. A form that is sent again, by
    reloading, makes no second token.
    """
    form = TokenForm(request.POST)
    form.full_clean()
    sent: list[str] = request.session.get(_SENT, [])
    once = str(form["once"].value() or "")
    if once in sent:
        messages.info(request, "That token was made already, and was shown once. Revoke it if you have lost it.")
        return redirect("account")
    try:
        token, text = token_create(
            actor=actor_of(request), name=form["name"].value(), expires_in_days=form.cleaned_data.get("expires_in_days")
        )
    except InvalidInputError as error:
        form.blame(error.fields)
        return _page(request, form, status=422)
    except TokenLimitError as error:
        form.add_error(None, str(error))
        return _page(request, form, status=409)
    request.session[_SENT] = [*sent, once][-_KEPT:]
    return _page(request, _blank_form(), new_token=text, new_name=token.name)


@require_POST
@signed_in
def account_token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """End one of one's own tokens."""
    try:
        token_revoke(actor=actor_of(request), token_id=str(token_id))
    except TokenNotFoundError as error:
        raise Http404(str(error)) from error
    messages.success(request, "The token is revoked. Whatever used it is refused from now on.")
    return redirect("account")


def _blank_form() -> TokenForm:
    return TokenForm(initial={"once": uuid4().hex})


def _page(
    request: HttpRequest, form: TokenForm, *, status: int = 200, new_token: str = "", new_name: str = ""
) -> HttpResponse:
    person = viewer(request)
    return render(
        request,
        "account/account.html",
        {
            "form": form,
            "new_token": new_token,
            "new_name": new_name,
            "roles": roles_shown(person),
            "tokens": tokens_of(actor_of(request)),
            "sign_ins": recent_sign_ins(person.id),
            "crumbs": [{"label": "Your account", "url": ""}],
        },
        status=status,
    )
