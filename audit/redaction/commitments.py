"""Commitments: what stands in the sealed body in place of a text that can be taken out later.

A commitment is HMAC-SHA256 over the text in UTF-8, with 32 random bytes as its key, made anew for each text. Without
them no guess at the text can be confirmed; with them no other text fits.
"""

import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from audit.errors import UnrecordableError
from audit.redaction.fields import PARTS, SOUGHT, TITLED, holds_free_text

SALT_BYTES: Final = 32
MEMBER: Final = "redactable"
REDACTED: Final = "[redacted]"
"""What readers see where a text was taken out."""
DIFFERS: Final = "[does not fit what was sealed]"
"""What readers see where the text beside the log is not the one that was sealed."""

_FORM: Final = re.compile(r"hmac-sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: where it stands in the body (a JSON Pointer), its salt, and the text."""

    path: str
    salt: bytes
    value: str


def commitment(salt: bytes, value: str) -> str:
    """What is sealed in place of ``value``: ``hmac-sha256:`` and 64 hexadecimal digits."""
    return f"hmac-sha256:{hmac.digest(salt, value.encode(), 'sha256').hex()}"


def opens(sealed: str, salt: bytes, value: str) -> bool:
    """Whether salt and text are what was committed to. A salt of another length never is."""
    return len(salt) == SALT_BYTES and hmac.compare_digest(commitment(salt, value), sealed)


def sealed_in(value: object) -> str:
    """The commitment that a value of a body is; empty where it is none."""
    if isinstance(value, Mapping) and len(value) == 1:
        found = value.get(MEMBER)
        if isinstance(found, str) and _FORM.fullmatch(found):
            return found
    return ""


def commit(body: dict[str, Any], kind: str) -> list[Opening]:
    """Put commitments in place of the texts of a body that a person may have typed; what opens them.

    ``body`` is a whole event in plain values, about an object of this ``kind``; it is changed in place.

    Raises:
        UnrecordableError: a value looks like a commitment already.
    """
    found: list[Opening] = []
    if body["reason"]:
        body["reason"] = _sealed(body["reason"], "/reason", found)
    if kind in TITLED and body["object"]["label"]:
        body["object"]["label"] = _sealed(body["object"]["label"], "/object/label", found)
    for part in PARTS:
        if body[part]:
            body[part] = _committed(body[part], f"/{part}", kind, found)
    return found


def _committed(
    value: Any,  # noqa: ANN401 - JSON
    path: str,
    kind: str,
    found: list[Opening],
    *,
    free: bool = False,
    all_free: bool = False,
) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        if sealed_in(value):
            raise UnrecordableError(path, "has the form of a commitment. Record the text itself.")
        for name, inner in value.items():
            if inner and isinstance(inner, dict | list | str):
                here = {"free": all_free or holds_free_text(name, kind), "all_free": all_free or name in SOUGHT}
                value[name] = _committed(inner, f"{path}/{_step(name)}", kind, found, **here)
        return value
    if isinstance(value, list):
        inside = {"free": free, "all_free": all_free}
        return [_committed(inner, f"{path}/{index}", kind, found, **inside) for index, inner in enumerate(value)]
    return _sealed(value, path, found) if free and isinstance(value, str) and value else value


def _sealed(value: str, path: str, found: list[Opening]) -> dict[str, str]:
    opening = Opening(path, secrets.token_bytes(SALT_BYTES), value)
    found.append(opening)
    return {MEMBER: commitment(opening.salt, value)}


def commitments(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where commitments stand in a sealed body, as JSON Pointers, and what they are."""
    yield from _found(body, "")


def _found(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        sealed = sealed_in(value)
        if sealed:
            yield path, sealed
            return
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                yield from _found(inner, f"{path}/{_step(name)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, dict | list):
                yield from _found(inner, f"{path}/{index}")


def told(value: Any, texts: Mapping[str, str], path: str = "") -> Any:  # noqa: ANN401 - JSON
    """A sealed body with texts, by JSON Pointer, in place of its commitments; ``[redacted]`` where there is none."""
    if isinstance(value, Mapping):
        if sealed_in(value):
            return texts.get(path, REDACTED)
        return {name: told(inner, texts, f"{path}/{_step(name)}") for name, inner in value.items()}
    if isinstance(value, list):
        return [told(inner, texts, f"{path}/{index}") for index, inner in enumerate(value)]
    return value


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
