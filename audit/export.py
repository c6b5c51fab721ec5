"""Exports that stream: PostgreSQL writes the lines (COPY), this process only passes them on."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations

from audit.actor import Actor
from audit.errors import ExportFormatError
from audit.filters import EventFilter
from audit.recorder import ObjectType, record
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
"""The columns of the CSV, in order."""

# OWASP, "CSV Injection": a cell that begins so is run as a formula by Excel, LibreOffice and others, the
# full-width forms in some locales. White space, control characters and quotes before it are skipped by some.
_SKIPPED = r"""[\s\u0001-\u0020\u007f-\u00a0\u200b-\u200f\u2028\u2029\u2060\ufeff'"`]*"""
_FORMULA = rf"^([\t\r\n]|{_SKIPPED}[-=+@\uff1d\uff0b\uff0d\uff20])"
# What nearly all cells begin with; none of it begins a formula, and to ask costs a small part of what the pattern does.
_HARMLESS = (("a", "{"), ("0", "9"), ("A", "Z"))


class ExportFormat(StrEnum):
    """The forms in which events leave the house."""

    CSV = "csv"
    JSONL = "jsonl"

    @property
    def content_type(self) -> str:
        """Its media type."""
        return "text/csv; charset=utf-8; header=present" if self is ExportFormat.CSV else "application/jsonl"


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
    stream = stream_csv if form is ExportFormat.CSV else stream_jsonl
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return Export(event_id, f"countersign-audit-{stamp}.{form.value}", form.content_type, stream(event_filter))


def stream_csv(event_filter: EventFilter) -> Iterator[bytes]:
    """The events as UTF-8 CSV (RFC 4180 with line feeds), oldest first, with a header, in 64 KiB chunks.

    A cell that a spreadsheet could run as a formula starts with an apostrophe here; JSON Lines is the form
    that changes nothing. Memory does not grow with the number of events. While it is read, the thread's
    connection is busy: nothing else may query through it.
    """
    cells = [_csv_cell(name) for name in COLUMNS]
    return _copy(", ".join(cells), event_filter, "FORMAT csv, HEADER true, ENCODING 'UTF8'")


def stream_jsonl(event_filter: EventFilter) -> Iterator[bytes]:
    """The events as JSON Lines, oldest first: ``{"id", "at", "txid", "db_user", "body"}``, in chunks.

    ``body`` is pasted in as it is stored, byte for byte. The bytes of a line, without its line feed, are what the
    sealer puts into the tree. Memory and connection: see ``stream_csv``.
    """
    line = "audit_event_line(id, at, txid, db_user, body)"
    # The text format would double JSON's backslashes. In csv format nothing is quoted when quote and
    # delimiter are characters that a line cannot hold, and this JSON holds no control character at all.
    return _copy(line, event_filter, r"FORMAT csv, QUOTE E'\x01', ESCAPE E'\x01', DELIMITER E'\x02', ENCODING 'UTF8'")


def _csv_cell(name: str) -> str:
    if name == "at":
        return f"{_AT} AS at"
    if name not in _TEXT_COLUMNS:
        return name
    pattern = _FORMULA.replace("\\", "\\\\").replace("'", "''")
    harmless = " OR ".join(f"ascii({name}) BETWEEN {ord(first)} AND {ord(last)}" for first, last in _HARMLESS)
    return (
        f"CASE WHEN {harmless} THEN {name} WHEN {name} = '' THEN NULL"
        f" WHEN {name} ~ E'{pattern}' THEN '''' || {name} ELSE {name} END AS {name}"
    )


def _copy(expressions: str, event_filter: EventFilter, options: str) -> Iterator[bytes]:
    chosen, params = events(event_filter).order_by().values(*COLUMNS).query.sql_with_params()
    query = f"SELECT {expressions} FROM ({chosen}) AS event ORDER BY id"  # noqa: S608 - constants and the ORM's own SQL
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
