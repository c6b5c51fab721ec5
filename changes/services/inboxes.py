"""All that an inbox asks in one statement: how much of each kind waits for a person, and the first of each.

A statement is composed once for a set of roles, and holds everything but the person as literals: PostgreSQL then keeps
one plan for everybody with these roles. Partial indexes over what is open serve only conditions that stand in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, QuerySet, Window
from psycopg.sql import Literal

from changes.domain.policy import Person
from changes.domain.states import ACTIVE, ENDED, EXECUTING, ChangeState
from changes.domain.waiting import COUNTED, Work
from changes.models import ChangeRequest
from changes.services.waiting import work_of
from devices.services.statements import prepared

OTHERS_SHOWN: Final = 20
ENDED_SHOWN: Final = 5
_ANYBODY: Final = -(2**31)
"""Stands for the person in a statement that was composed for their roles; no account has this id."""
_PLACEHOLDERS: Final = re.compile("%[s%]")


class Standing(StrEnum):
    """Changes that an inbox shows although nobody has to act on them."""

    RUNNING = "running"
    OWN = "own"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Firsts:
    """What stands on the first page of an inbox.

    ``counts`` says how much of each kind waits, up to :data:`COUNTED`; ``changes`` holds the ids of the first of each
    kind, in their order.
    """

    counts: Mapping[Work, int] = field(default_factory=dict)
    changes: Mapping[Work | Standing, list[int]] = field(default_factory=dict)


_Kinds = tuple[Work | Standing, ...]


def waiting_counts(person: Person) -> Mapping[Work, int]:
    """How much of each kind waits for a person, up to :data:`COUNTED`; one query, for every page's badge."""
    sql, kinds = _counting(person.roles)
    rows = _ask(sql, person)
    return {Work(kind): count for kind, count in zip(kinds, rows[0], strict=True) if count} if rows else {}


def waiting_firsts(person: Person, *, size: int) -> Firsts:
    """The counts, the first changes of each kind, at most ``size``, and those that nobody has to act on; one query."""
    sql, kinds = _listing(person.roles, size)
    counts: dict[Work, int] = {}
    changes: dict[Work | Standing, list[int]] = {}
    for at, pk, total in _ask(sql, person):
        kind = kinds[at]
        if isinstance(kind, Work) and total:
            counts[kind] = min(total, COUNTED)
        if pk is not None:
            changes.setdefault(kind, []).append(pk)
    return Firsts(counts, changes)


@lru_cache(maxsize=256)
def _counting(roles: frozenset[str]) -> tuple[str, _Kinds]:
    work = _composed_work(roles)
    parts = [f"(SELECT count(*) FROM ({sql}) AS counted)" for sql in map(_counted, work.values())]  # noqa: S608 - Django's own statements
    return f"SELECT {', '.join(parts)}" if parts else "", tuple(work)


@lru_cache(maxsize=256)
def _listing(roles: frozenset[str], size: int) -> tuple[str, _Kinds]:
    work, standing = _composed_work(roles), _standing(_ANYBODY)
    parts = [
        *(_firsts(rows, size) if rows.model is ChangeRequest else _how_many(rows) for rows in work.values()),
        *(_shown(rows) for rows in standing.values()),
    ]
    found = " UNION ALL ".join(f"SELECT {part}, of.* FROM ({sql}) AS of" for part, sql in enumerate(parts))  # noqa: S608 - the same
    return f"SELECT part, pk, total FROM ({found}) AS found(part, at, pk, total) ORDER BY part, at", (*work, *standing)  # noqa: S608 - the same


def _composed_work(roles: frozenset[str]) -> dict[Work, QuerySet[Any]]:
    """The kinds that can wait for somebody with these roles; the others have no statement."""
    found = work_of(Person(_ANYBODY, "anybody", roles))
    return {kind: rows for kind, rows in found.items() if _can_wait(rows)}


def _can_wait(rows: QuerySet[Any]) -> bool:
    try:
        rows.query.sql_with_params()
    except EmptyResultSet:
        return False
    return True


def _standing(person_id: int) -> dict[Standing, QuerySet[Any]]:
    """What runs now, and the person's own changes: with others, and ended; the latest first, on partial indexes."""
    changes = ChangeRequest.objects.order_by("-updated_at", "-pk")
    own = changes.filter(author_id=person_id, state__in=_values(ACTIVE))
    with_others = ACTIVE - EXECUTING - {ChangeState.DRAFT, ChangeState.STALE}
    return {
        Standing.RUNNING: changes.filter(state__in=_values(EXECUTING))[:OTHERS_SHOWN],
        Standing.OWN: own.filter(state__in=_values(with_others))[:OTHERS_SHOWN],
        Standing.ENDED: changes.filter(author_id=person_id, state__in=_values(ENDED))[:ENDED_SHOWN],
    }


def _values(states: Iterable[ChangeState]) -> list[str]:
    return sorted(state.value for state in states)


def _firsts(rows: QuerySet[Any], size: int) -> str:
    narrow = rows.annotate(total=Window(Count("*"))).values_list("pk", "urgent", "asked_at", "total")[:size]
    columns = "row_number() OVER () AS at, listed.pk, listed.total"
    return f"SELECT {columns} FROM ({_literal(narrow)}) AS listed(pk, urgent, asked_at, total)"  # noqa: S608 - the same


def _how_many(rows: QuerySet[Any]) -> str:
    return f"SELECT 0, NULL::bigint, count(*) FROM ({_counted(rows)}) AS counted"  # noqa: S608 - the same


def _shown(rows: QuerySet[Any]) -> str:
    return f"SELECT row_number() OVER (), listed.pk, 0 FROM ({_literal(rows.values_list('pk'))}) AS listed(pk)"  # noqa: S608 - the same


def _counted(rows: QuerySet[Any]) -> str:
    return _literal(rows.order_by().values("pk")[:COUNTED])


def _literal(rows: QuerySet[Any]) -> str:
    """The statement with its values in it, but for the person, whose place stays ``%(person)s``."""
    connection.ensure_connection()
    sql, values = rows.query.sql_with_params()
    following = iter(values)

    def placed(match: re.Match[str]) -> str:
        if match.group() == "%%":
            return "%%"
        value = next(following)
        if isinstance(value, list) and _ANYBODY in value:
            raise ValueError("The person stands in a list, where nobody can be put in their place.")
        return "%(person)s" if value == _ANYBODY else Literal(value).as_string(connection.connection).replace("%", "%%")

    return _PLACEHOLDERS.sub(placed, sql)


def _ask(sql: str, person: Person) -> list[tuple[Any, ...]]:
    return prepared(sql, {"person": person.id}) if sql else []
