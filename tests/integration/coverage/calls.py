"""Which addresses there are, and which of them the walk calls; both are read off, so that neither can be forgotten."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address of the product."""
    for found in (resolver or get_resolver()).url_patterns:
        if isinstance(found, URLPattern):
            yield found
        else:
            yield from patterns(found)


def addresses() -> set[str]:
    """Each address with a method that may change something, such as ``POST change-approve``."""
    return {
        f"{method} {pattern.name}" for pattern in patterns() for method in methods(pattern.callback) if method in UNSAFE
    }


def undeclared() -> set[str]:
    """Addresses whose view does not say which methods it takes, so that it takes all; a class may take none."""
    return {
        str(pattern.name)
        for pattern in patterns()
        if not methods(pattern.callback) and kind_of(pattern.callback) is None
    }


def reading() -> list[URLPattern]:
    """The addresses that are read."""
    return [pattern for pattern in patterns() if "GET" in (methods(pattern.callback) or {"GET"})]


def kind_of(view: Callable[..., Any]) -> type | None:
    """The class of a view, if it has one."""
    return getattr(view, "cls", None) or getattr(view, "view_class", None)


def methods(view: Callable[..., Any]) -> set[str]:
    """The methods that a view takes; none where it does not say."""
    kind = kind_of(view)
    if kind is not None:
        taken = {"get", "post", "put", "patch", "delete"} & set(getattr(kind, "http_method_names", ()))
        return {name.upper() for name in taken if hasattr(kind, name)}
    named: set[str] = set()
    inner: Any = view
    while inner is not None:
        cells = zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True)
        named |= {method for name, cell in cells if name == "request_method_list" for method in cell.cell_contents}
        inner = getattr(inner, "__wrapped__", None)
    return named


def walked() -> set[str]:
    """What the tests of this package call, read off their text: each test runs all of its lines or fails."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found |= set(_called(node, node.func.attr))
    return found


def _called(call: ast.Call, what: str) -> Iterator[str]:
    texts = [each.value for each in call.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if what not in {"act", "page", "api"} or not texts:
        return
    route = texts[0]
    given = {each.arg: str(each.value.value) for each in call.keywords if isinstance(each.value, ast.Constant)}
    if what in {"act", "page"}:
        yield f"POST {route}"
    if what == "act":
        yield f"{given.get('api_method', 'POST')} {given.get('api') or f'api-{route}'}"
    if what == "api":
        yield f"{given.get('method', 'POST')} {route}"
