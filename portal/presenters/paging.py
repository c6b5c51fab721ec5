"""Paging by key: no OFFSET and no COUNT, so that page 900 costs what page 1 costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from changes.domain.errors import InvalidInputError

Row = TypeVar("Row", bound=Model)

CURSORS = ("before", "after")
"""The query parameters that this module reads."""


@dataclass(frozen=True, slots=True)
class KeyPage(Generic[Row]):
    """Some rows, the address of those that follow and that of the first page; "" where there is none."""

    rows: Sequence[Row]
    next_url: str = ""
    first_url: str = ""


def older_page(request: HttpRequest, rows: QuerySet[Row], *, size: int) -> KeyPage[Row]:
    """The page that ``?before=<id>`` asks for, of rows ordered by falling id; one query.

    Raises:
        InvalidInputError: ``before`` is no id.
    """
    given = request.GET.get("before", "")
    if given:
        rows = rows.filter(pk__lt=_id("before", given))
    return _page(request, list(rows[: size + 1]), size, "before", lambda last: str(last.pk))


def page_by_name(request: HttpRequest, rows: QuerySet[Row], *, size: int) -> KeyPage[Row]:
    """The page that ``?after=<id>~<name>`` asks for, of rows ordered by name and id; one query.

    Raises:
        InvalidInputError: ``after`` names no place.
    """
    given = request.GET.get("after", "")
    if given:
        number, _, name = given.partition("~")
        pk = _id("after", number)
        rows = rows.filter(Q(name__gt=name) | Q(name=name, pk__gt=pk))
    return _page(request, list(rows[: size + 1]), size, "after", lambda last: f"{last.pk}~{last.name}")  # type: ignore[attr-defined]


def _page(
    request: HttpRequest, found: list[Row], size: int, cursor: str, place_of: Callable[[Row], str]
) -> KeyPage[Row]:
    shown = found[:size]
    return KeyPage(
        rows=shown,
        next_url=_url(request, {cursor: place_of(shown[-1])}) if len(found) > size else "",
        first_url=_url(request, {}) if request.GET.get(cursor) else "",
    )


def _id(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInputError({name: [f"“{name}” names no page of this list. Begin with the first one."]})
    return int(text)


def _url(request: HttpRequest, cursor: dict[str, str]) -> str:
    query = request.GET.copy()
    for name in CURSORS:
        query.pop(name, None)
    query.update(cursor)
    return f"{request.path}?{query.urlencode()}" if query else request.path
