"""JSONPath for checks: RFC 9535 through python-jsonpath, cut down to paths whose work grows with the output only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import prod
from typing import Any, Final, Never

import re2
from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath import filter as expressions
from jsonpath import selectors as kinds
from jsonpath.function_extensions import ExpressionType, FilterFunction
from jsonpath.segments import JSONPathRecursiveDescentSegment

MAX_COMBINATIONS: Final = 64
_FUNCTIONS: Final = ("length", "count", "value")
_OPERATORS: Final = frozenset({"&&", "||", "==", "!=", "<", "<=", ">", ">="})
_PATTERNS: Final = frozenset({"match", "search"})
_ONE: Final = (kinds.NameSelector, kinds.IndexSelector)


class UnusablePathError(ValueError):
    """A path that is not taken; the message is a sentence."""


class _Pattern(FilterFunction):
    """``match`` and ``search``, run by RE2."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]
    return_type = ExpressionType.LOGICAL

    def __init__(self, how: str) -> None:
        self._how = how

    def __call__(self, value: object, pattern: object) -> bool:
        if not isinstance(value, str) or not isinstance(pattern, str):
            return False
        try:
            return getattr(_compiled(pattern), self._how)(value) is not None
        except re2.error:
            return False


class _Environment(JSONPathEnvironment):
    """Only what RFC 9535 has."""

    max_recursion_depth = 64

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions = {name: self.function_extensions[name] for name in _FUNCTIONS}
        self.function_extensions["match"] = _Pattern("fullmatch")
        self.function_extensions["search"] = _Pattern("search")


_ENVIRONMENT: Final = _Environment(strict=True, filter_caching=False)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 ships no types
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


@lru_cache(maxsize=256)
def compiled_path(text: str) -> JSONPath:
    """A path, ready to use from any thread.

    Raises:
        UnusablePathError: it is none, or its work could grow faster than the output.
    """
    try:
        path = _ENVIRONMENT.compile(text)
    except (JSONPathError, RecursionError) as error:
        # Not str(error): at a path's end python-jsonpath 2.0 fails to say where it is.
        said = str(error.args[0] if error.args else "").partition("\n")[0]
        raise UnusablePathError(f"This is no JSONPath of RFC 9535 ({said}). It looks like $.peers[*].state.") from error
    if not isinstance(path, JSONPath):
        raise UnusablePathError("Give one JSONPath; several joined by | or & are not taken.")
    _bound(path)
    return path


def selected(text: str, document: object) -> Iterator[tuple[str, object]]:
    """The (last name, value) of everything that the path selects; an item of a list has its index for a name.

    Raises:
        UnusablePathError: see :func:`compiled_path`; or the document nests too deeply.
    """
    try:
        for match in compiled_path(text).finditer(document):  # type: ignore[arg-type]  # any JSON value
            yield str(match.parts[-1]) if match.parts else "$", match.obj
    except (JSONPathError, RecursionError) as error:
        raise UnusablePathError("The output nests too deeply for this path.") from error


def read_json(text: str) -> Any:  # noqa: ANN401 - whatever the device answered
    """A device's JSON, of which one reading alone is possible.

    Raises:
        ValueError: not JSON, something before or after it, NaN, or a name that stands twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f'the name "{twice}" stands twice in one object')
    return value


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def _bound(path: JSONPath, *, inside: bool = False) -> None:
    """Refuse what selects the same node again and again: the work is then bounded by the nodes of the output."""
    descents = sum(isinstance(segment, JSONPathRecursiveDescentSegment) for segment in path.segments)
    if descents > (0 if inside else 1):
        raise UnusablePathError("Use .. once at most, and not inside a filter: name the fields on the way instead.")
    if prod(len(segment.selectors) for segment in path.segments) > MAX_COMBINATIONS:
        raise UnusablePathError(f"The brackets combine to more than {MAX_COMBINATIONS} selections. Use several checks.")
    for segment in path.segments:
        if len(segment.selectors) > 1 and not all(isinstance(selector, _ONE) for selector in segment.selectors):
            raise UnusablePathError("Several selectors in one bracket may be names and indexes only.")
        for selector in segment.selectors:
            if isinstance(selector, kinds.Filter):
                if inside:
                    raise UnusablePathError("A filter inside a filter is not taken. Use several checks.")
                _bound_filter([selector.expression])


def _bound_filter(parts: Iterable[expressions.BaseExpression]) -> None:
    for part in parts:
        if isinstance(part, expressions.RegexLiteral) or (
            isinstance(part, expressions.InfixExpression) and part.operator not in _OPERATORS
        ):
            raise UnusablePathError("This comparison is not in RFC 9535. Patterns: match(@.name, '…') and search(…).")
        if isinstance(part, expressions.FunctionExtension) and part.name in _PATTERNS:
            _check_patterns(part.args)
        if isinstance(part, expressions.FilterQuery):
            _bound(part.path, inside=True)
            if isinstance(part, expressions.RootFilterQuery) and not part.path.singular_query():
                raise UnusablePathError("Inside a filter, a path from $ must name one value.")
        _bound_filter(part.children())


def _check_patterns(arguments: Iterable[expressions.BaseExpression]) -> None:
    for argument in arguments:
        if isinstance(argument, expressions.StringLiteral):
            try:
                _compiled(argument.value)
            except re2.error as error:
                raise UnusablePathError(f'RE2 does not know the pattern "{argument.value}" in this path.') from error
