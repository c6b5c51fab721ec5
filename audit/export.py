"""Exports that stream: PostgreSQL writes the lines (COPY), this process only passes them on."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from string import ascii_letters, digits
from typing import Any, cast

from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.expressions import RawSQL

from audit.actor import Actor
from audit.errors import ExportFormatError
from audit.filters import EventFilter
from audit.recorder import ObjectType, record
from audit.redaction.commitments import MEMBER, REDACTED
from audit.selectors import events

CHUNK_BYTES = 65_536

_AT = """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

_TEXT_COLUMNS = frozenset({
    "db_user", "actor_name", "origin", "request_id", "ip", "action", "object_type", "object_id",
    "object_label", "state_from", "state_to", "code", "reason", "body",
})  # fmt: skip

COLUMNS = (
    "id", "at", "txid", "db_user", "actor_id", "actor_name", "origin", "request_id", "ip", "action",
    "object_type", "object_id", "object_label", "change_id", "device_id", "state_from", "state_to", "code",
    "reason", "body",
)  # fmt: skip
"""The columns of the CSV, in order; ``TEXTS`` follows."""

TEXTS = "texts"
"""The last column of the CSV: texts of people by their places in the body, as JSON; null where one was taken out."""

_PLAIN = {"object_label": "/object/label", "reason": "/reason"}
"""Columns that read a text beside the log where there is one, by its place there; a CSV reads all of them once."""

_TOLD = ", ".join(
    f"coalesce(max(coalesce(opening.value, '{REDACTED}')) FILTER (WHERE opening.path = '{path}'), event.plain_{name})"
    f" AS told_{name}"
    for name, path in _PLAIN.items()
)
# No text stands beside an event without its commitment in the body; one that is spelt otherwise has a backslash.
_BESIDE = rf"""CROSS JOIN LATERAL (
    SELECT json_object_agg(opening.path, opening.value ORDER BY opening.path)::text AS {TEXTS}, {_TOLD}
    FROM audit_opening opening WHERE opening.event_id = event.id
        AND (strpos(event.body, '{MEMBER}') > 0 OR strpos(event.body, E'\\') > 0)) beside"""  # noqa: S608 - constants

# Concatenated from values that need no escaping but the text: a line of JSON holds no character that is cut at.
_OPENING = """'{"event":' || opening.event_id || ',"path":' || to_json(opening.path)::text || CASE
    WHEN opening.redaction_id IS NULL
    THEN ',"salt":"' || encode(opening.salt, 'hex') || '","value":' || to_json(opening.value)::text || '}'
    ELSE ',"redaction":' || opening.redaction_id || '}' END"""

# OWASP, "CSV Injection": a cell that begins so is run as a formula by Excel, LibreOffice and others, the
# full-width forms in some locales. White space, characters that nobody sees and quotes before it are skipped by some.
_UNSEEN = (
    r"\u0001-\u0020\u007f-\u00a0\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_SKIPPED = rf"""[\s{_UNSEEN}'"`]*"""
_STARTER = r"[-=+@\u2212\ufe62\ufe63\ufe66\ufe6b\uff1d\uff0b\uff0d\uff20]"
_FORMULA = rf"^([\t\r\n]|{_SKIPPED}{_STARTER})"
# Where lists are separated by semicolons, as in half of Europe, a spreadsheet begins a cell behind each, and a row
# behind each line end, whatever was quoted. So texts that people type are looked through, not at their beginning alone.
_BREAKS = (";", "\t", "\r", "\n")
_WITHIN = rf"([;\t\r\n]{_SKIPPED})({_STARTER})"
_APART = r"\1'\2"
_SEMICOLON = r"\u003b"
_TYPED = frozenset({"actor_name", "object_id", "object_label", "reason"})
# What nearly all cells begin with; none of it begins a formula, and to ask costs a small part of what the pattern does.
_HARMLESS = f"'{{{','.join(str(ord(each)) for each in ascii_letters + digits + '{')}}}'::int[]"


class ExportFormat(StrEnum):
    """The forms in which events leave the house."""

    CSV = "csv"
    JSONL = "jsonl"
    OPENINGS = "openings"

    @property
    def content_type(self) -> str:
        """Its media type."""
        return "text/csv; charset=utf-8; header=present" if self is ExportFormat.CSV else "application/jsonl"

    @property
    def ending(self) -> str:
        """How its files end."""
        return "openings.jsonl" if self is ExportFormat.OPENINGS else self.value


@dataclass(frozen=True, slots=True)
class Export:
    """An export that is on record and can be sent; ``chunks`` is read once, by the thread that made it."""

    event_id: int
    filename: str
    content_type: str
    chunks: Iterator[bytes]


def export_format(name: str) -> ExportFormat:
    """The format with this name.

    Raises:
        ExportFormatError: there is none.
    """
    try:
        return ExportFormat(name)
    except ValueError:
        raise ExportFormatError(name, list(ExportFormat)) from None


def export_start(*, actor: Actor, event_filter: EventFilter, form: ExportFormat) -> Export:
    """Record that somebody takes events out of the house, then hand over the stream of them.

    The event is committed before the first byte is sent, so that an export that breaks off is in the log too.

    Raises:
        RuntimeError: a transaction is open already, whose rollback would undo the event.
    """
    with transaction.atomic(durable=True):
        event_id = record(
            actor=actor,
            action="audit.exported",
            object_type=ObjectType.EXPORT,
            object_id=str(uuid.uuid4()),
            object_label=f"Audit log as {form.value}",
            details={"format": form, "filters": event_filter.asked()},
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return Export(event_id, f"countersign-audit-{stamp}.{form.ending}", form.content_type, stream(form, event_filter))


def stream(form: ExportFormat, event_filter: EventFilter) -> Iterator[bytes]:
    """The events in this form; nothing is recorded."""
    streams = {
        ExportFormat.CSV: stream_csv, ExportFormat.JSONL: stream_jsonl, ExportFormat.OPENINGS: stream_openings,
    }  # fmt: skip
    return streams[form](event_filter)


def stream_csv(event_filter: EventFilter) -> Iterator[bytes]:
    """The events as UTF-8 CSV (RFC 4180 with line feeds), oldest first, with a header, in 64 KiB chunks.

    ``object_label`` and ``reason`` are as people read them, and ``texts`` has all texts of people that stand beside the
    event. A cell that a spreadsheet could run as a formula starts with an apostrophe here; JSON Lines is the form
    that changes nothing. Memory does not grow with the number of events. While it is read, the thread's
    connection is busy: nothing else may query through it.
    """
    cells = [_csv_cell(name) for name in COLUMNS]
    options = "FORMAT csv, HEADER true, ENCODING 'UTF8'"
    return _copy(", ".join([*cells, _without_semicolons(TEXTS)]), event_filter, options, beside=_BESIDE)


def stream_jsonl(event_filter: EventFilter) -> Iterator[bytes]:
    """The events as JSON Lines, oldest first: ``{"id", "at", "txid", "db_user", "body"}``, in chunks.

    ``body`` is pasted in as it is stored, byte for byte. The bytes of a line, without its line feed, are what the
    sealer puts into the tree. Memory and connection: see ``stream_csv``.
    """
    line = "audit_event_line(id, at, txid, db_user, body)"
    return _copy(line, event_filter, _LINES)


def stream_openings(event_filter: EventFilter) -> Iterator[bytes]:
    """What opens the commitments of the events, as JSON Lines in their order: the companion of ``stream_jsonl``.

    ``{"event", "path", "salt", "value"}``, the salt in hexadecimal digits; ``{"event", "path", "redaction"}`` for a
    text that was taken out. Memory and connection: see ``stream_csv``.
    """
    beside = "JOIN audit_opening opening ON opening.event_id = event.id"
    return _copy(_OPENING, event_filter, _LINES, beside=beside, order="event.id, opening.path")


def _csv_cell(name: str) -> str:
    if name == "at":
        return f"{_AT} AS at"
    if name not in _TEXT_COLUMNS:
        return name
    if name == "body":
        return _without_semicolons(name)
    cell = f"told_{name}" if name in _PLAIN else name
    first = (
        f"CASE WHEN ascii({cell}) = ANY ({_HARMLESS}) THEN {cell} WHEN {cell} = '' THEN NULL"
        f" WHEN {cell} ~ {_literal(_FORMULA)} THEN '''' || {cell} ELSE {cell} END"
    )
    if name not in _TYPED:
        return f"{first} AS {name}"
    breaks = " OR ".join(f"strpos({cell}, chr({ord(each)})) > 0" for each in _BREAKS)
    within = f"regexp_replace({first}, {_literal(_WITHIN)}, {_literal(_APART)}, 'g')"
    return f"CASE WHEN {breaks} THEN {within} ELSE {first} END AS {name}"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def _without_semicolons(name: str) -> str:
    """A column of JSON with JSON's escape in the place of each semicolon, so that no cell begins behind one."""
    return f"replace({name}, ';', {_literal(_SEMICOLON)}) AS {name}"


# The text format would double JSON's backslashes. In csv format nothing is quoted when quote and delimiter are
# characters that a line cannot hold, and this JSON holds no control character at all.
_LINES = r"FORMAT csv, QUOTE E'\x01', ESCAPE E'\x01', DELIMITER E'\x02', ENCODING 'UTF8'"


def _copy(
    expressions: str, event_filter: EventFilter, options: str, *, beside: str = "", order: str = "event.id"
) -> Iterator[bytes]:
    plain = {f"plain_{name}": RawSQL(f"audit_event.{name}", ()) for name in _PLAIN}  # noqa: S611 - constants
    chosen, params = events(event_filter).order_by().values(*COLUMNS, **plain).query.sql_with_params()
    # Constants and the ORM's own SQL.
    query = f"SELECT {expressions} FROM ({chosen}) AS event {beside} ORDER BY {order}"  # noqa: S608
    statement = f"COPY ({query}) TO STDOUT WITH ({options})"
    # One statement, hence one snapshot; a reader who leaves early ends the transaction and with it the COPY.
    with transaction.atomic(), connection.cursor() as cursor:
        composed = cast("DatabaseOperations", connection.ops).compose_sql(statement, params)
        with cast("Any", cursor).copy(composed) as copy:
            yield from _chunks(copy)


def _chunks(rows: Iterable[bytes | memoryview | bytearray]) -> Iterator[bytes]:
    chunk = bytearray()
    for row in rows:
        chunk += row
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)
