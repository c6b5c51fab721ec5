"""What each filter means for an event: as a condition of a query, and for rows that are looked at one by one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Q

from audit.redaction.commitments import REDACTED

COLUMNS: Final[Mapping[str, str]] = {
    "actor": "actor_name", "origin": "origin", "action": "action", "object_type": "object_type",
    "object_id": "object_id", "change_id": "change_id", "device_id": "device_id", "code": "code",
    "request_id": "request_id", "since": "at__gte", "until": "at__lt", "ids": "id__in",
}  # fmt: skip
"""By filter, the column that it compares, with Django's name of the comparison where it is not equality."""

SEARCHED: Final = ("object_label", "object_id", "actor_name", "action", "code", "reason")
"""The columns in which a text is looked for."""

LOOKED_AT: Final = (
    "id",
    "at",
    *dict.fromkeys((*SEARCHED, "origin", "object_type", "change_id", "device_id", "request_id")),
)
"""The columns that the conditions of rows which are looked at name."""

_OPERATORS: Final = {"": "=", "gte": ">=", "lt": "<"}
# Beside the log stand the texts that people typed; of one that was taken out a reader sees the mark alone.
_BESIDE: Final = f"""(SELECT string_agg(coalesce(opening.value, '{REDACTED}'), E'\\x1f') FROM audit_opening opening
    WHERE opening.event_id = walked.id AND opening.path IN ('/object/label', '/reason'))"""  # noqa: S608 - constants
_SAID: Final = f"CONCAT_WS(E'\\x1f', {', '.join(f'walked.{column}' for column in SEARCHED)}, {_BESIDE})"


def passing(asked: Mapping[str, object]) -> Q:
    """The events that pass all these filters."""
    found = Q(**{COLUMNS[name]: value for name, value in asked.items() if name in COLUMNS})
    text = asked.get("text")
    return found & _mentions(str(text)) if text else found


def _mentions(text: str) -> Q:
    anywhere = Q()
    for column in SEARCHED:
        anywhere |= Q(**{f"{column}__icontains": text})
    return anywhere


def conditions_on_walked(asked: Mapping[str, object], names: Iterable[str]) -> tuple[str, list[Any]]:
    """The same for rows of a subquery ``walked``: SQL that joins these filters by AND, and its parameters."""
    parts: list[str] = []
    given: list[Any] = []
    for name in names:
        if name == "text":
            parts.append(f"UPPER({_SAID}) LIKE UPPER(%s)")
            given.append(f"%{_literal(str(asked[name]))}%")
        else:
            column, _by, lookup = COLUMNS[name].partition("__")
            parts.append(f"walked.{column} {_OPERATORS[lookup]} %s")
            given.append(asked[name])
    return " AND ".join(parts) or "true", given


def _literal(text: str) -> str:
    """A text in which LIKE finds no wildcard."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
