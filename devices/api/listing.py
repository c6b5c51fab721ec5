"""Lists in the API: strict query parameters, and pages found by key, so that page 900 costs what page 1 costs."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from audit.errors import BadFilterError, UnknownFilterError
from audit.filters import only_value, whole_number

Row = TypeVar("Row", bound=Model)

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_VALUE = 200
MAX_VALUES = 100
PAGING = ("limit", "cursor")


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise ValueError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError(value)
    value.encode()  # half of a surrogate pair is a ValueError too
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


WHOLE, TEXT, MOMENT = _whole, _text, _moment


@dataclass(frozen=True, slots=True)
class Ordering:
    """Columns to sort by, all in one direction, the last one unique; each with how to read it from a cursor."""

    columns: tuple[tuple[str, Callable[[object], object]], ...]
    descending: bool = False

    def sorted(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The rows in this order."""
        sign = "-" if self.descending else ""
        return rows.order_by(*(f"{sign}{path}" for path, _ in self.columns))

    def after(self, position: Sequence[object]) -> Q:
        """Rows that come later than the one whose column values are ``position``."""
        compare = "lt" if self.descending else "gt"
        later, equal = Q(), Q()
        for (path, _), value in zip(self.columns, position, strict=True):
            later |= equal & Q(**{f"{path}__{compare}": value})
            equal &= Q(**{path: value})
        return later


Orderings = Mapping[str, Ordering]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list was asked for; ``filters`` holds the values given for each filter, all non-empty."""

    filters: Mapping[str, list[str]]
    ordering: str
    limit: int
    position: tuple[object, ...] | None

    @classmethod
    def read(
        cls,
        request: Request,
        *,
        filters: Sequence[str] = (),
        orderings: Orderings,
        repeatable: bool = False,
    ) -> ListQuery:
        """Read the query string; the first of ``orderings`` is the default.

        ``repeatable`` filters may be given several times, as alternatives.

        Raises:
            UnknownFilterError: a parameter that this list does not have; the sentence names the others.
            BadFilterError: a value that cannot be read.
        """
        given = request.query_params
        allowed = [*filters, *PAGING, *(["ordering"] if len(orderings) > 1 else [])]
        for name in given:
            if name not in allowed:
                raise UnknownFilterError(name, allowed)
        ordering = only_value("ordering", given) or next(iter(orderings))
        if ordering not in orderings:
            raise BadFilterError("ordering", f"ordering takes one of: {', '.join(orderings)}.")
        limit = only_value("limit", given)
        cursor = only_value("cursor", given)
        return cls(
            filters={name: values for name in filters if (values := _values(name, given, repeatable=repeatable))},
            ordering=ordering,
            limit=_limit(limit) if limit else DEFAULT_LIMIT,
            position=_position(cursor, ordering, orderings[ordering]) if cursor else None,
        )

    def only(self) -> dict[str, str]:
        """The filters that are given, one value each."""
        return {name: values[0] for name, values in self.filters.items()}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of the page that follows, empty on the last."""

    rows: Sequence[Any]
    cursor: str

    def response(self, request: Request, results: object, **besides: object) -> Response:
        """``{…besides, "next": address or null, "results": […]}``."""
        return Response({**besides, "next": self.next(request), "results": results})

    def next(self, request: Request) -> str | None:
        """The address of the page that follows, with the same filters."""
        return replace_query_param(request.build_absolute_uri(), "cursor", self.cursor) if self.cursor else None


def page(rows: QuerySet[Row], query: ListQuery, orderings: Orderings) -> Page:
    """One page; one query, no COUNT. Rows that appear meanwhile neither repeat nor hide any."""
    ordering = orderings[query.ordering]
    found = ordering.sorted(rows)
    if query.position is not None:
        found = found.filter(ordering.after(query.position))
    some = list(found[: query.limit + 1])
    if len(some) <= query.limit:
        return Page(some, "")
    last = some[query.limit - 1]
    return Page(some[: query.limit], _cursor(query.ordering, [_value(last, path) for path, _ in ordering.columns]))


def _value(row: object, path: str) -> object:
    for name in path.split("__"):
        row = getattr(row, name)
    return row.isoformat() if isinstance(row, date) else row


def _cursor(ordering: str, values: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps([ordering, *values]).encode()).decode().rstrip("=")


def _position(cursor: str, name: str, ordering: Ordering) -> tuple[object, ...]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        said, *values = json.loads(raw)
        position = tuple(read(value) for (_, read), value in zip(ordering.columns, values, strict=True))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        said, position = "", ()
    if said != name:
        raise BadFilterError("cursor", "This cursor belongs to no page of this list. Begin without one.")
    return position


def _limit(text: str) -> int:
    limit = whole_number("limit", text)
    if limit > MAX_LIMIT:
        raise BadFilterError("limit", f"A page holds between 1 and {MAX_LIMIT} rows.")
    return limit


def _values(name: str, given: QueryDict, *, repeatable: bool) -> list[str]:
    values = [value.strip() for value in given.getlist(name)] if repeatable else [only_value(name, given)]
    if len(values) > MAX_VALUES:
        raise BadFilterError(name, f"{name} takes at most {MAX_VALUES} values.")
    for value in values:
        if len(value) > MAX_VALUE:
            raise BadFilterError(name, f"{name} is longer than {MAX_VALUE} characters. Shorten it.")
        if not value.isprintable():
            raise BadFilterError(name, f"{name} holds characters that nothing here can have. Type it anew.")
    return [value for value in values if value]
