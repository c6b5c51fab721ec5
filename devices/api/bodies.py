"""Reading the bodies of actions: strict about names, so that a misspelt field is refused and not ignored."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rest_framework.request import Request

from devices.errors import BadFieldsError


def strict_body(request: Request, allowed: Collection[str]) -> Mapping[str, object]:
    """The body as an object with none but the allowed names; no body at all is an empty one.

    Raises:
        BadFieldsError: another kind of value, or a name that is not allowed.
    """
    data = request.data
    if not isinstance(data, Mapping):
        raise BadFieldsError({"body": ["The body must be a JSON object."]})
    unknown = sorted(str(name)[:60] for name in data if name not in allowed)
    if unknown:
        known = ", ".join(sorted(allowed)) or "none"
        raise BadFieldsError({name: [f"There is no field of this name. Allowed: {known}."] for name in unknown})
    return data


def text_of(body: Mapping[str, object], name: str) -> str:
    """A text, or an empty one where none is given.

    Raises:
        BadFieldsError: it is something else.
    """
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadFieldsError({name: ["Give a text."]})
    return value
