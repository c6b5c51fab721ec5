"""API tokens: a person's keys for scripts. Only the digest is stored; the token itself is shown once."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.input import hidden_character
from portal.errors import TokenLimitError, TokenNotFoundError
from portal.models import ApiToken

DEFAULT_DAYS = 30
MAX_DAYS = 365
MAX_NAME = 100
MAX_TOKENS = 50


@transaction.atomic
def token_create(*, actor: Actor, name: object, expires_in_days: object = DEFAULT_DAYS) -> tuple[ApiToken, str]:
    """Make a token for the acting person, from raw input, and audit it. The text returned can never be read again.

    Raises:
        InvalidInputError: no usable name, or not 1 to 365 days.
        TokenLimitError: the person has 50 live tokens already.
    """
    clean_name, days = _checked(name, expires_in_days)
    if actor.user_id is None:
        raise TokenNotFoundError("Only people have tokens.")
    # Locked, so that two requests at once cannot both be the fiftieth.
    person = get_user_model().objects.select_for_update().get(pk=actor.user_id)
    if tokens_of(actor).count() >= MAX_TOKENS:
        raise TokenLimitError(f"You have {MAX_TOKENS} tokens. Revoke one that is no longer used, then try again.")
    token, text = ApiToken.objects.create(user=person, expiry=timedelta(days=days), name=clean_name)
    _audit(token, "token.created", actor)
    return token, text


@transaction.atomic
def token_revoke(*, actor: Actor, token_id: str) -> None:
    """End one of the acting person's own tokens at once, and audit it.

    Raises:
        TokenNotFoundError: the person has no such token.
    """
    token = ApiToken.objects.select_for_update().filter(user_id=actor.user_id, public_id=token_id).first()
    if token is None:
        raise TokenNotFoundError("You have no token with this id. List your tokens to see which there are.")
    _audit(token, "token.revoked", actor)
    token.delete()


def tokens_expire(user_id: int) -> set[str]:
    """Remove a person's tokens whose time is over, and audit each; returns their digests. One query if none is."""
    over = ApiToken.objects.filter(user_id=user_id, expiry__lt=Now())
    digests = set(over.values_list("digest", flat=True))
    if digests:
        with transaction.atomic():
            for token in over.select_for_update():
                _audit(token, "token.expired", Actor.system("api"))
                token.delete()
    return digests


def tokens_of(actor: Actor) -> QuerySet[ApiToken]:
    """The acting person's tokens that have not expired, newest first."""
    live = Q(expiry=None) | Q(expiry__gt=Now())
    found: QuerySet[ApiToken] = ApiToken.objects.filter(live, user_id=actor.user_id).order_by("-created", "public_id")
    return found


def _checked(name: object, expires_in_days: object) -> tuple[str, int]:
    fields: dict[str, list[str]] = {}
    clean = name.strip() if isinstance(name, str) else ""
    if not clean or len(clean) > MAX_NAME:
        fields["name"] = [f"Give the token a name of up to {MAX_NAME} characters that says what uses it."]
    elif hidden := hidden_character(clean):
        fields["name"] = [f"In the name, {hidden}"]
    days = expires_in_days
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
        fields["expires_in_days"] = [f"Give a whole number of days from 1 to {MAX_DAYS}."]
    if fields or not isinstance(days, int):
        raise InvalidInputError(fields)
    return clean, days


def _audit(token: ApiToken, action: str, actor: Actor) -> None:
    record(
        actor=actor,
        action=action,
        object_type="token",
        object_id=str(token.public_id),
        object_label=token.name,
        details={"expires_at": token.expiry},
    )
