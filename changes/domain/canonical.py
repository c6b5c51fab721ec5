"""Canonical JSON: one value, one sequence of bytes, on every machine and in every language.

The profile is the part of RFC 8785 (JCS) that implementations agree on without arithmetic: null, booleans,
integers below 2^53, strings, arrays, and objects with ASCII names. UTF-8 without escapes beyond those that
JSON demands; no space; names sorted. Floats are refused: their shortest form is where implementations differ.
"""

import json
from collections.abc import Mapping
from typing import Never

from changes.domain.errors import ChangeError

JsonValue = None | bool | int | str | list["JsonValue"] | tuple["JsonValue", ...] | Mapping[str, "JsonValue"]

INTEGER_LIMIT = 2**53
MAX_DEPTH = 64


class CanonicalError(ChangeError):
    """A value, or bytes, outside the profile; ``where`` is the path to it, such as ``$.device.port``."""

    code = "not_canonical"

    def __init__(self, sentence: str, where: str = "$") -> None:
        self.sentence = sentence
        self.where = where
        super().__init__(sentence, where)

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


def canonical_json(value: object) -> bytes:
    """The value's only encoding, as UTF-8 bytes, equal to RFC 8785 on the profile.

    Raises:
        CanonicalError: the value holds something outside the profile.
    """
    _check(value, "$", 0)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=dict).encode()


def parse_canonical(data: bytes) -> object:
    """The value that ``data`` encodes, provided that ``data`` is its canonical encoding, byte for byte.

    Raises:
        CanonicalError: not JSON, a name given twice, a value outside the profile, or another encoding of it.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError) as error:
        raise CanonicalError(f"These bytes are not JSON in UTF-8 ({error}).") from error
    if canonical_json(value) != data:
        raise CanonicalError("The bytes are JSON but not in canonical form: sort the names, drop the spaces.")
    return value


def _check(value: object, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise CanonicalError(f"Values nest deeper than {MAX_DEPTH} levels.", where)
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) >= INTEGER_LIMIT:
            raise CanonicalError(f"The integer {value} is not below 2^53; write it as a string.", where)
    elif isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, Mapping):
        _check_object(value, where, depth)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth + 1)
    else:
        kind = type(value).__name__
        raise CanonicalError(f"A {kind} has no canonical form; write it as a string or an integer.", where)


def _check_object(value: Mapping[object, object], where: str, depth: int) -> None:
    for name, item in value.items():
        if not isinstance(name, str) or not name.isascii():
            raise CanonicalError(f"The name {name!r} is not ASCII text.", where)
        _check(item, f"{where}.{name}", depth + 1)


def _check_text(value: str, where: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CanonicalError("The text holds half of a surrogate pair, which UTF-8 cannot carry.", where) from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise CanonicalError(f"The name {twice[0]!r} stands twice in one object.")
    return value


def _refuse_number(text: str) -> Never:
    raise CanonicalError(f"The number {text} is not an integer; write it as a string.")
