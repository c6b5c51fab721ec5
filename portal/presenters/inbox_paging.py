"""Paging one kind of work by key: urgent things first, then the oldest; page 40 costs what page 1 costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

from changes.domain.errors import InvalidInputError
from changes.domain.waiting import Work
from portal.presenters.inbox import CHANGE_KINDS
from portal.presenters.inbox_tasks import TASK_KINDS


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of one kind and the place after them; "" where nothing follows."""

    rows: Sequence[Any]
    after: str = ""


def part_of(kind: Work, rows: QuerySet[Model], *, after: str, size: int) -> Part:
    """The rows that follow the place ``after``, at most ``size``; of changes their ids alone. One query.

    Raises:
        InvalidInputError: ``after`` names no place.
    """
    if after:
        rows = rows.filter(_following(kind, after))
    if kind in CHANGE_KINDS:
        ids = list(rows.values_list("pk", "urgent", "asked_at")[: size + 1])
        place = f"{ids[size - 1][0]}~{int(ids[size - 1][1])}~{ids[size - 1][2].isoformat()}" if len(ids) > size else ""
        return Part([pk for pk, _, _ in ids[:size]], place)
    found = list(rows[: size + 1])
    return Part(found[:size], _place(kind, found[size - 1]) if len(found) > size else "")


def url_of(path: str, query: QueryDict, **changed: str) -> str:
    """The same page with other values; an empty one takes a name away."""
    asked = query.copy()
    for name, value in changed.items():
        asked.pop(name, None)
        if value:
            asked[name] = value
    return f"{path}?{asked.urlencode()}" if asked else path


def _place(kind: Work, row: Any) -> str:  # noqa: ANN401 - rows of several models
    return f"{row.pk}~0~{getattr(row, TASK_KINDS[kind].ordered_by).isoformat()}"


def _following(kind: Work, after: str) -> Q:
    pk, urgent, at = _read(after)
    if kind not in CHANGE_KINDS:
        column = TASK_KINDS[kind].ordered_by
        moment: date = at.date() if column == "due_on" else at
        return Q(**{f"{column}__gt": moment}) | Q(**{column: moment, "pk__gt": pk})
    later = Q(asked_at__gt=at) | Q(asked_at=at, pk__gt=pk)
    return Q(urgent=False) | Q(later, urgent=True) if urgent else Q(later, urgent=False)


def _read(after: str) -> tuple[int, bool, datetime]:
    number, _, rest = after.partition("~")
    urgent, _, moment = rest.partition("~")
    whole = number.isascii() and number.isdigit() and len(number) < 19
    try:
        at = datetime.fromisoformat(moment) if whole and urgent in {"0", "1"} else None
    except ValueError:
        at = None
    if at is None:
        raise InvalidInputError({"after": ["“after” names no page of this list. Begin with the first one."]})
    return int(number), urgent == "1", at
