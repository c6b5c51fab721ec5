"""Reading the bodies of actions: strict about names, so that a misspelt field is refused and not ignored."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from django.contrib.auth import get_user_model
from rest_framework.request import Request

from changes.domain.errors import InvalidInputError
from changes.domain.input import shown, unknown_names

_DIGEST = re.compile(r"[0-9a-f]{64}")


def body_of(request: Request, allowed: Collection[str]) -> Mapping[str, object]:
    """The body as an object with none but the allowed names; no body at all is an empty one.

    Raises:
        InvalidInputError: another kind of value, or a name that is not allowed.
    """
    data = body_object(request)
    unknown = unknown_names(data, allowed, "field")
    if unknown:
        raise InvalidInputError({shown(name): [sentence] for name, sentence in unknown.items()})
    return data


def body_object(request: Request) -> Mapping[str, object]:
    """The body as an object with any names.

    Raises:
        InvalidInputError: another kind of value.
    """
    data = request.data
    if not isinstance(data, Mapping):
        raise InvalidInputError({"body": ['The body must be a JSON object, such as {"comment": "…"}.']})
    return data


def digest_in(body: Mapping[str, object], *, required: bool) -> str:
    """The plan digest that the caller saw, or an empty text where none is given and none is required.

    Raises:
        InvalidInputError: it is missing, or no digest.
    """
    value = body.get("plan_digest")
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise InvalidInputError(
            {
                "plan_digest": [
                    "Name the digest of the plan that you read: 64 digits from 0 to 9 and a to f, as GET …/plan/ says."
                ]
            }
        )
    return value


def member_in(body: Mapping[str, object], name: str) -> int | None:
    """The id of the person whose username is given, or None where none is.

    Raises:
        InvalidInputError: there is no such account.
    """
    value = body.get(name)
    if value is None or value == "":
        return None
    known = isinstance(value, str) and "\0" not in value
    users = get_user_model().objects.filter(username=value) if known else ()
    found = next(iter(users), None)
    if found is None:
        raise InvalidInputError({name: ["Give the username of the absent member for whom you hold a delegation."]})
    return found.pk


def version_in(body: Mapping[str, object]) -> int | None:
    """The version that the caller edited, or None where none is given.

    Raises:
        InvalidInputError: it is no whole number.
    """
    value = body.get("version")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInputError({"version": ["Give the version that you read, a whole number, or leave it out."]})
    return value


def text_in(body: Mapping[str, object], name: str) -> str:
    """A text, or an empty one where none is given.

    Raises:
        InvalidInputError: it is something else.
    """
    value = body.get(name, "")
    if not isinstance(value, str):
        raise InvalidInputError({name: ["Give a text."]})
    return value
