"""What somebody may do so that the verification ends early, ends in an error, or believes a key of the past."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from audit.models import Checkpoint, Event
from audit.recorder import ObjectType
from audit.sealing.key_management import KeyFiles, key_make, key_retire, key_rotate
from audit.sealing.keys import SealingKey
from audit.sealing.proof import ProofProblem, event_proof, sealing_lag
from audit.sealing.seal import seal_once
from audit.sealing.trust import trusted_keys
from audit.verification.columns import COLUMNS, differing_column
from audit.verification.findings import Finding
from audit.verify import verify
from tests.database import as_owner, as_sealer
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

pytestmark = pytest.mark.django_db

PUT_IN = """
INSERT INTO audit_event (actor_id, actor_name, origin, request_id, ip, action, object_type, object_id, object_label,
    state_from, state_to, code, reason, body)
VALUES (7, 'olivia', 'web', '', '', %s, 'config', '1', '', '', '', '', '', %s)
"""


def body_of(action: str, **changed: object) -> str:
    return json.dumps({
        "actor": {"id": 7, "name": "olivia", "origin": "web", "request_id": "", "ip": ""}, "action": action,
        "object": {"type": ObjectType.CONFIG.value, "id": "1", "label": ""}, "change_id": None, "device_id": None,
        "state": {"from": "", "to": ""}, "code": "", "reason": "", **changed,
    })  # fmt: skip


def found(**options: object) -> Finding:
    finding = verify(keys=trusted_keys(), **options).finding  # type: ignore[arg-type]  # a test's shorthand
    assert finding is not None, "the verification saw nothing"
    return finding


def test_an_event_that_lies_in_its_columns_hides_nothing_that_others_did(seal: Seal, say: Callable[..., int]) -> None:
    """The application's login may write such an event; it is a finding for ever, and must not be the only one."""
    event = say(object_type="config")
    with connection.cursor() as cursor:
        for action in ("thing.done", "thing.hidden"):
            cursor.execute(PUT_IN, [action, body_of("thing.else")])
    seal()
    finding = found()
    assert finding.code == "columns_differ"
    assert "The column action of event" in finding.sentence
    assert "1 more event" in finding.sentence
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_event SET at = at - '1 day'::interval WHERE id > %s", [event])
        for (guard,) in guards(cursor):
            cursor.execute(f"ALTER TABLE audit_event ENABLE ALWAYS TRIGGER {guard}")
    assert found().code == "event_edited"


def guards(cursor: object) -> list[tuple[str]]:
    cursor.execute(  # type: ignore[attr-defined]  # any cursor
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_event'::regclass AND NOT tgisinternal"
    )
    rows: list[tuple[str]] = cursor.fetchall()  # type: ignore[attr-defined]  # any cursor
    return rows


def test_numbers_that_are_written_as_text_end_no_verification(seal: Seal, say: Callable[..., int]) -> None:
    say(object_type="config")
    with connection.cursor() as cursor:
        actor = {"id": "7", "name": "olivia", "origin": "web", "request_id": "", "ip": ""}
        cursor.execute(PUT_IN, ["thing.done", body_of("thing.done", actor=actor)])
    seal()
    assert verify(keys=trusted_keys()).finding is None


def test_a_body_of_an_older_version_that_is_too_deep_is_told(say: Callable[..., int]) -> None:
    event = Event.objects.get(pk=say(object_type="config"))
    values = [getattr(event, name) for name in COLUMNS]
    assert differing_column('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", values) == "body"


def test_a_log_that_was_cut_back_to_the_time_of_a_retired_key_is_named(
    say: Callable[..., int], tmp_path: Path, settings: Settings
) -> None:
    files = KeyFiles(tmp_path / "key", tmp_path / "verifiers")
    settings.AUDIT_VERIFIERS = files.trusted
    event = say(object_type="config")
    with as_sealer():
        raw = connection.connection
        old = key_make(raw, files, origin=ORIGIN)
        first = seal_once(raw, SealingKey.read(files.private))
        key_rotate(raw, files)
        seal_once(raw, SealingKey.read(files.private))
        key_retire(raw, files, old.key_id.hex())
        seal_once(raw, SealingKey.read(files.private))
    assert first is not None
    assert verify(keys=files.trusted_keys()).finding is None
    assert not isinstance(event_proof(event), ProofProblem)
    tables = ("audit_checkpoint", "audit_leaf", "audit_tile", "audit_event", "audit_opening", "audit_pending")
    with as_owner() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_checkpoint WHERE tree_size > %s", [first.head.size])
        later = "(SELECT event_id FROM audit_leaf WHERE leaf_index >= %s)"
        cursor.execute(f"DELETE FROM audit_opening WHERE event_id IN {later}", [first.head.size])  # noqa: S608 - a constant
        cursor.execute(f"DELETE FROM audit_event WHERE id IN {later}", [first.head.size])  # noqa: S608 - a constant
        cursor.execute("DELETE FROM audit_leaf WHERE leaf_index >= %s", [first.head.size])
        cursor.execute("UPDATE audit_tile SET hashes = substring(hashes FROM 1 FOR %s)", [32 * first.head.size])
        for table in tables:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table])
            for (guard,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}")
    assert Checkpoint.objects.count() == 1
    finding = verify(keys=files.trusted_keys()).finding
    assert finding is not None
    assert "signed by retired keys alone" in finding.sentence
    assert event_proof(event) is ProofProblem.BAD_CHECKPOINT


def test_an_event_that_was_taken_out_of_the_log_does_not_silence_the_lag(say: Callable[..., int]) -> None:
    first = say(object_type="config")
    say(object_type="config")
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_event WHERE id = %s", [first])
        for (guard,) in guards(cursor):
            cursor.execute(f"ALTER TABLE audit_event ENABLE ALWAYS TRIGGER {guard}")
    assert sealing_lag().oldest_s is not None
