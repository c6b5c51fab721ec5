"""The canonical body of an event: the bytes that are stored once and never serialised again.

The form is RFC 8785 (JSON Canonicalization Scheme) narrowed to values that every JSON library reads alike,
written in printable ASCII: object names sorted by UTF-16 code units, no white space, no floats, integers
below 2^53 in magnitude, and every character that is not between U+0020 and U+007E escaped.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from uuid import UUID

from audit.errors import SecretRefusedError, UnrecordableError
from audit.secret_names import looks_secret

TEXT_LIMIT = 262_144
"""Characters of one text that are kept; the largest content that a change may have fits in."""

BODY_LIMIT = 2_097_152
"""Bytes of a whole body."""

DEPTH_LIMIT = 24
_SAFE_INTEGER = 2**53

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]


def clean_text(text: str) -> str:
    """Text that PostgreSQL and every JSON reader accept: without NUL, lone surrogates become U+FFFD.

    Devices send both. A NUL makes PostgreSQL refuse the whole statement (22021, 22P05 in jsonb), a lone
    surrogate cannot be encoded as UTF-8 at all.
    """
    if text.isascii():
        return text.replace("\x00", "")
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\x00", "")


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    """At most ``limit`` (200 or more) characters; a longer text ends with its length and its SHA-256."""
    if len(text) <= limit:
        return text
    note = f"\n[cut: {len(text)} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}]"
    return text[: limit - len(note)] + note


def canonical(value: Mapping[str, object]) -> str:
    """The canonical form of an event's body, in printable ASCII without line breaks.

    Floats, decimals and integers from 2^53 on become strings of their shortest exact form; times become UTC
    with microseconds and ``Z``; sets become sorted lists; enumerations their value.

    Raises:
        SecretRefusedError: a value stands under a name that looks like a secret's.
        UnrecordableError: a value of another type, a time without zone, nesting beyond 24 levels, two names
            that become the same text, or more than 2 MiB in all.
    """
    return written(plain(value))


def plain(value: Mapping[str, object]) -> dict[str, Json]:
    """The same as plain values whose names are sorted; the argument and errors are those of :func:`canonical`."""
    return _object(value, "", depth=0, secret=False)


def written(value: dict[str, Json], *, besides: int = 0) -> str:
    """The text of what :func:`plain` gave; ``besides`` is the size of what is stored beside it.

    Raises:
        UnrecordableError: it is more than 2 MiB in all.
    """
    text = _dump(value)
    if len(text) + besides > BODY_LIMIT:
        raise UnrecordableError(
            "body",
            f"is {len(text) + besides} bytes, more than the {BODY_LIMIT} that an event holds. Record a digest instead.",
        )
    return text


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _plain(value: object, path: str, *, depth: int, secret: bool) -> Json:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping | list | tuple | AbstractSet):
        return _container(value, path, depth=depth + 1, secret=secret)
    plain = _scalar(value, path)
    if secret and plain != "":
        raise SecretRefusedError(path)
    return plain


def _scalar(value: object, path: str) -> int | str:
    match value:
        case str():
            return clip(clean_text(value))
        case int():
            return int(value) if abs(value) < _SAFE_INTEGER else str(int(value))
        case float():
            return repr(float(value))
        case Decimal() | UUID():
            return str(value)
        case datetime():
            return _instant(value, path)
        case date() | time():
            return value.isoformat()
    raise UnrecordableError(
        path, f"a value of type {type(value).__name__} cannot be recorded. Turn it into text first."
    )


def _instant(value: datetime, path: str) -> str:
    if value.tzinfo is None:
        raise UnrecordableError(path, "a time without a zone cannot be recorded. Use an aware datetime.")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _container(
    value: Mapping[object, object] | list[object] | tuple[object, ...] | AbstractSet[object],
    path: str,
    *,
    depth: int,
    secret: bool,
) -> Json:
    if depth > DEPTH_LIMIT:
        raise UnrecordableError(path, f"is nested deeper than {DEPTH_LIMIT} levels.")
    if isinstance(value, Mapping):
        return _object(value, path, depth=depth, secret=secret)
    items = [_plain(item, f"{path}[{index}]", depth=depth, secret=secret) for index, item in enumerate(value)]
    return sorted(items, key=_dump) if isinstance(value, AbstractSet) else items


def _object(
    value: Mapping[object, object] | Mapping[str, object], path: str, *, depth: int, secret: bool
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, item in _named(value, path):
        inner = f"{path}.{name}" if path else name
        if name in found:
            raise UnrecordableError(inner, "two names become the same text. Rename one of them.")
        found[name] = _plain(item, inner, depth=depth, secret=secret or looks_secret(name))
    return {name: found[name] for name in sorted(found, key=lambda name: name.encode("utf-16-be"))}


def _named(value: Mapping[object, object] | Mapping[str, object], path: str) -> Iterator[tuple[str, object]]:
    for key, item in value.items():
        name = key.value if isinstance(key, Enum) else key
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise UnrecordableError(path or "body", "has a name that is neither text nor a whole number.")
        yield clip(clean_text(str(name)), 200), item
