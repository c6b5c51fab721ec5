import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor
from audit.errors import ExportFormatError
from audit.export import (
    CHUNK_BYTES,
    COLUMNS,
    TEXTS,
    ExportFormat,
    export_format,
    export_start,
    stream_csv,
    stream_jsonl,
    stream_openings,
)
from audit.filters import EventFilter
from audit.models import Event
from audit.redaction.commitments import commitments, opens
from tests.database import as_superuser

Say = Callable[..., int]
Fill = Callable[..., None]

STARTERS = {
    "equals": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(A1)",
    "tab": "\t=1+1",
    "tab alone": "\tharmless",
    "carriage return": "\r=1+1",
    "line feed": "\n=1+1",
    "spaces": "   =1+1",
    "no-break space": "\u00a0=1+1",
    "zero width": "\u200b\ufeff=1+1",
    "escape character": "\x1b=1+1",
    "vertical tab": "\x0b@x",
    "double quote": '"=1+1',
    "quotes and spaces": ' "\' " +1',
    "apostrophe": "'=1+1",
    "full-width equals": "\uff1d1+1",
    "full-width plus": "\uff0b1",
    "full-width minus": "\uff0d1",
    "full-width at": "\uff20x",
    "minus sign": "\u22121",
    "small plus": "\ufe621",
    "right-to-left override": "\u202e=1+1",
    "isolate": "\u2066=1+1",
    "soft hyphen": "\u00ad=1+1",
    "tag": "\U000e0020=1+1",
}
WITHIN = {
    "semicolon": ("x;=1+1", "x;'=1+1"),
    "semicolon and spaces": ("x; @SUM(A1);+1", "x; '@SUM(A1);'+1"),
    "semicolon and an unseen mark": ("x;\u202e=1", "x;\u202e'=1"),
    "line feed": ("x\n=1+1", "x\n'=1+1"),
    "tab": ("x\t-1", "x\t'-1"),
}
HARMLESS = [
    "a=b",
    "a; b",
    "a;b=c",
    "one\ntwo",
    "CHG-17",
    "10.0.0.1/24",
    "mail@example.org",
    "",
    " plain",
    '"quoted"',
    "é",
    "'tis",
]


def behind_breaks(text: str) -> str:
    return re.sub(r"([;\t\r\n]\s*)([-=+@])", r"\1'\2", text)


def _csv(chunks: Iterator[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(chunks).decode(), newline="")))


def _lines(chunks: Iterator[bytes]) -> list[dict[str, object]]:
    whole = b"".join(chunks)
    assert whole == b"" or whole.endswith(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


@pytest.mark.django_db
@pytest.mark.parametrize("name", STARTERS)
@pytest.mark.parametrize("column", ["object_label", "reason", "actor_name", "request_id", "ip", "code"])
def test_a_cell_that_a_spreadsheet_would_run_starts_with_an_apostrophe(
    say: Say, trace: str, column: str, name: str
) -> None:
    text = STARTERS[name]
    actor = Actor(
        user_id=None,
        username=text if column == "actor_name" else "olivia",
        origin=Actor.system("x").origin,
        request_id=text if column == "request_id" else trace,
        ip=text if column == "ip" else "",
    )
    given = {column: text} if column in {"object_label", "reason", "code"} else {}
    event_id = say(actor=actor, **given)
    (row,) = _csv(stream_csv(EventFilter(ids=(event_id,))))
    typed = column in {"object_label", "reason", "actor_name"}
    assert row[column] == "'" + (behind_breaks(text) if typed else text)


@pytest.mark.django_db
@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.parametrize("column", ["object_label", "reason"])
def test_no_cell_begins_a_formula_where_the_separator_is_a_semicolon(say: Say, column: str, name: str) -> None:
    text, expected = WITHIN[name]
    event_id = say(**{column: text}, details={"note": text, "place": text})
    written = b"".join(stream_csv(EventFilter(ids=(event_id,)))).decode()
    (row,) = _csv(iter([written.encode()]))
    assert row[column] == expected
    assert json.loads(row["body"]) == json.loads(Event.objects.get(pk=event_id).body)
    assert text in json.loads(row[TEXTS]).values()
    for cell in re.split(r"[;\n\t]", written):
        assert not cell.lstrip(" \u202e").startswith(("=", "+", "-", "@"))


@pytest.mark.django_db
@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_cell_is_left_as_it_is(say: Say, text: str) -> None:
    (row,) = _csv(stream_csv(EventFilter(ids=(say(reason=text),))))
    assert row["reason"] == text


@pytest.mark.django_db
def test_no_cell_of_a_hostile_export_begins_a_formula_even_when_a_reader_trims_it(say: Say, trace: str) -> None:
    for text in STARTERS.values():
        say(object_label=text, reason=text, state_from=text, state_to=text, code=text, object_id=text)
    rows = _csv(stream_csv(EventFilter(request_id=trace)))
    assert len(rows) == len(STARTERS)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " =", '"'))


@pytest.mark.django_db
def test_the_csv_has_all_columns_of_all_rows_oldest_first(say: Say, trace: str) -> None:
    ids = [say(reason='line\r\nbreak, "quote"; \\.', change_id=5), say(object_label="Zürich")]
    rows = _csv(stream_csv(EventFilter(request_id=trace)))
    assert list(rows[0]) == [*COLUMNS, TEXTS]
    texts = {"/reason": 'line\r\nbreak, "quote"; \\.'}, {"/object/label": "Zürich"}
    assert [json.loads(row.pop(TEXTS)) for row in rows] == list(texts)
    assert [int(row["id"]) for row in rows] == ids
    for row, event in zip(rows, Event.objects.filter(pk__in=ids).order_by("pk"), strict=True):
        assert row.pop("at") == event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert row == {
            name: "" if (value := getattr(event, name)) is None else str(value) for name in COLUMNS if name != "at"
        }


@pytest.mark.django_db
def test_every_column_of_the_table_is_exported() -> None:
    assert set(COLUMNS) == {field.attname for field in Event._meta.fields}


@pytest.mark.django_db
def test_json_lines_read_back_are_the_rows_and_the_bodies_are_the_stored_bytes(say: Say, trace: str) -> None:
    texts = [
        "plain",
        'quote " back\\slash',
        "\\.",
        "\\N",
        "new\nline\r\n\ttab",
        "é\N{GRINNING FACE}",
        "\x01\x02\x7f\u2028",
    ]
    ids = [say(reason=text, object_label=text, details={text: [text]}) for text in texts]
    whole = b"".join(stream_jsonl(EventFilter(request_id=trace)))
    assert whole.count(b"\n") == len(texts)
    for line, event in zip(whole.splitlines(), Event.objects.filter(pk__in=ids).order_by("pk"), strict=True):
        assert json.loads(line) == {
            "id": event.pk,
            "at": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "txid": event.txid,
            "db_user": event.db_user,
            "body": event.sealed(),
        }
        assert line.endswith(b',"body":' + event.body.encode() + b"}")
        content = event.content()
        assert (content["reason"], content["object"]["label"]) == (event.reason, event.object_label)
        assert (content["actor"]["name"], content["object"]["id"]) == (event.actor_name, event.object_id)


@pytest.mark.django_db
@pytest.mark.parametrize("user", ['strange "name', "back\\slash", "comma,'quote", "jürgen"])
def test_a_strange_database_role_breaks_no_line(say: Say, trace: str, user: str) -> None:
    role = connection.ops.quote_name(user.replace('"', '""'))
    with as_superuser() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        cursor.execute(f"GRANT ALL ON audit_event TO {role}")
        cursor.execute(f"SET LOCAL ROLE {role}")
        say()
    (line,) = _lines(stream_jsonl(EventFilter(request_id=trace)))
    (row,) = _csv(stream_csv(EventFilter(request_id=trace)))
    assert line["db_user"] == row["db_user"] == user


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked", [{"text": "100%"}, {"text": "'; DROP TABLE audit_event; --"}, {"text": "%s %(x)s"}, {"actor": "\\"}]
)
def test_hostile_filters_go_into_the_copy_as_values(say: Say, asked: dict[str, str]) -> None:
    event_id = say(reason="'; drop table audit_event; -- 100% %s %(x)s", actor=Actor.system("\\"))
    for stream in (stream_csv, stream_jsonl):
        text = b"".join(stream(EventFilter.parse({**asked, "ids": str(event_id)})))
        assert text.decode().count("audit-event/2") == 1


@pytest.mark.django_db
def test_filters_apply_and_an_empty_export_is_still_a_file(say: Say, trace: str) -> None:
    wanted = say(code="A")
    say(code="B")
    assert [line["id"] for line in _lines(stream_jsonl(EventFilter(request_id=trace, code="A")))] == [wanted]
    nothing = EventFilter(request_id=trace, code="C")
    assert b"".join(stream_jsonl(nothing)) == b""
    assert b"".join(stream_csv(nothing)).decode() == ",".join([*COLUMNS, TEXTS]) + "\n"


@pytest.mark.django_db
def test_it_comes_in_chunks_by_one_statement(fill: Fill, trace: str) -> None:
    fill(2_000, body_bytes=500)
    with CaptureQueriesContext(connection) as queries:
        chunks = list(stream_jsonl(EventFilter(request_id=trace)))
    assert [query["sql"].split()[0] for query in queries] == ["SAVEPOINT", "COPY", "RELEASE"]
    assert len(chunks) > 10
    assert all(CHUNK_BYTES <= len(chunk) < 2 * CHUNK_BYTES for chunk in chunks[:-1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stream", [stream_csv, stream_jsonl])
def test_a_reader_who_leaves_early_leaves_the_connection_usable(
    fill: Fill, say: Say, stream: Callable[[EventFilter], Iterator[bytes]]
) -> None:
    with transaction.atomic():
        fill(3_000, body_bytes=500)
    chunks = stream(EventFilter())
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # the streams are generators, which WSGI servers close
    assert not connection.in_atomic_block
    with transaction.atomic():
        assert Event.objects.filter(pk=say()).exists()


@pytest.mark.django_db(transaction=True)
def test_an_export_is_on_record_before_its_first_byte(olivia: Actor, trace: str) -> None:
    export = export_start(actor=olivia, event_filter=EventFilter(request_id=trace, ids=(1, 2)), form=ExportFormat.JSONL)
    event = Event.objects.get(pk=export.event_id)
    assert (event.action, event.object_type, event.actor_name) == ("audit.exported", "export", "olivia")
    assert event.content()["details"] == {"format": "jsonl", "filters": {"request_id": trace, "ids": [1, 2]}}
    assert export.filename.startswith("countersign-audit-")
    assert export.filename.endswith(".jsonl")
    assert b"".join(export.chunks) == b""


def test_a_format_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert [export_format(name) for name in ("csv", "jsonl", "openings")] == list(ExportFormat)
    with pytest.raises(ExportFormatError, match=r"'xlsx'.*format=csv or format=jsonl"):
        export_format("xlsx")


@pytest.mark.django_db
def test_the_companion_opens_every_commitment_of_the_lines(say: Say, trace: str) -> None:
    text = 'A "quoted" \\ line\r\nand another, Zürich\u2028'
    say(reason=text, object_label="CHG-1 x", after={"title": "deep"})
    say(details={"digest": "ab"})
    (line, bare) = _lines(stream_jsonl(EventFilter(request_id=trace)))
    openings = _lines(stream_openings(EventFilter(request_id=trace)))
    assert not list(commitments(bare["body"]))  # type: ignore[arg-type]
    promised = dict(commitments(line["body"]))  # type: ignore[arg-type]
    assert [each["path"] for each in openings] == sorted(promised)
    for each in openings:
        assert each["event"] == line["id"]
        assert opens(promised[str(each["path"])], bytes.fromhex(str(each["salt"])), str(each["value"]))
    assert {each["path"]: each["value"] for each in openings}["/reason"] == text
