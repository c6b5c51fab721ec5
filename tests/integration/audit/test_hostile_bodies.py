"""A NUL in what is recorded, and a session that wants its commits not to wait for the disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit.database_roles import APPLICATION, EVENT_COLUMNS
from audit.models import Event
from audit.redaction.checking import compare_openings
from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey
from audit.sealing.proof import is_sealed
from audit.sealing.seal import seal_once
from audit.sealing.trust import trusted_keys
from audit.verify import verify
from tests.integration.audit.test_roles import signed_in

Say = Callable[..., int]
Seal = Callable[[], int]


def insert(body: str, cursor: Any) -> None:  # noqa: ANN401 - any cursor
    """What the application's login can do past ``record()``."""
    texts = dict.fromkeys((name for name in EVENT_COLUMNS if name not in {"actor_id", "change_id", "device_id"}), "")
    values = {**texts, "action": "thing.done", "object_type": "config", "object_id": "1", "body": body}
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO audit_event ({columns}) VALUES ({marks})", list(values.values()))  # noqa: S608 - names


@pytest.mark.django_db
@pytest.mark.parametrize("pad", [0, 2_000])
@pytest.mark.parametrize(
    "held",
    [r'"a\u0000b"', r'{"a\u0000":1}', r'[["\u0000"]]', r'"\ud800"', r'"\udc00\ud800"'],
    ids=["text", "name", "deep", "half a pair", "a pair the wrong way round"],
)
def test_a_body_with_an_escape_that_no_text_can_hold_is_refused(held: str, pad: int) -> None:
    """As JSON it passes; every program that reads the log as text or as jsonb would fail over it from then on."""
    body = f'{{"held":{held},"pad":"{"x" * pad}"}}'
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        insert(body, cursor)


@pytest.mark.django_db
def test_what_only_looks_like_such_an_escape_is_kept() -> None:
    body = r'{"held":"a\\u0000b \u00e9 \ud83d\ude00"}'
    with connection.cursor() as cursor:
        insert(body, cursor)
    assert Event.objects.latest("pk").sealed() == {"held": "a\\u0000b é 😀"}


@pytest.mark.django_db
def test_a_nul_of_a_device_is_dropped_and_the_event_verifies(say: Say, seal: Seal) -> None:
    event = say(
        object_type="config",
        reason="a\x00b",
        details={"output": "Gi0/1\x00up\x00", "na\x00me": "\x00", "note": "\x00n"},
    )
    seal()
    content = Event.objects.get(pk=event).content()
    assert (content["reason"], content["details"]) == ("ab", {"output": "Gi0/1up", "name": "", "note": "n"})
    assert "\\u0000" not in Event.objects.get(pk=event).body
    assert compare_openings(event)["texts"] == 2
    assert verify(keys=trusted_keys()).finding is None


@pytest.mark.django_db(transaction=True)
def test_what_is_sealed_is_on_the_disk_whatever_the_writer_asked_for(
    say: Say, seal: Seal, sealing_key: SealingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event may be committed without waiting for the disk; before its seal counts, both have reached it."""
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=off")
    with signed_in(APPLICATION) as writer, writer.cursor() as cursor:
        assert writer.execute("SHOW synchronous_commit").fetchone() == ("off",)
        writer.execute("SET synchronous_commit = off")  # it may; nobody can forbid it
        insert('{"late":1}', cursor)
        row = writer.execute("SELECT max(id), pg_current_wal_insert_lsn() FROM audit_event").fetchone()
    assert row is not None
    event, written_to = row
    with connect_sealer() as sealer:
        assert sealer.execute("SHOW synchronous_commit").fetchone() == ("on",)
        while seal_once(sealer, sealing_key):
            pass
    assert is_sealed(event)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", [written_to])
        assert cursor.fetchone() == (True,)
