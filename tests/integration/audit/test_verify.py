"""What a tampered log says to the server's own verification. The attacker has the owner's role, or more."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from audit.anchors.kinds import FileAnchor
from audit.anchors.specification import AnchorSpecification
from audit.checkpoints import TreeHead, TrustedKey, sign_checkpoint
from audit.database_roles import EVENT_COLUMNS
from audit.models import Checkpoint, Event
from audit.notes import Signer
from audit.sealing.keys import SealingKey
from audit.sealing.seal import seal_once
from audit.sealing.trust import trusted_keys
from audit.verification.findings import Finding, FindingCode, Report
from audit.verification.guards import guards
from audit.verify import verify
from tests.database import as_owner, as_sealer
from tests.forging import forge
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

pytestmark = pytest.mark.django_db

COUNT = 300


@pytest.fixture
def log(seal: Seal, say: Callable[..., int]) -> list[int]:
    """300 events under two checkpoints; their ids."""
    say(change_id=7)
    repeat_the_last(249)
    seal()
    say(code="ok")
    repeat_the_last(49)
    seal()
    return list(Event.objects.order_by("id").values_list("id", flat=True))


def repeat_the_last(times: int) -> None:
    names = ", ".join(EVENT_COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_event ({names}) SELECT {names} FROM generate_series(1, %s), "  # noqa: S608 - constants
            "(SELECT * FROM audit_event ORDER BY id DESC LIMIT 1) last",
            [times],
        )


def checked(**options: object) -> Report:
    return verify(keys=trusted_keys(), **options)  # type: ignore[arg-type]  # a test's shorthand


def found(**options: object) -> Finding:
    finding = checked(**options).finding
    assert finding is not None, "the verification saw nothing"
    return finding


REHASH = """
UPDATE audit_leaf SET leaf_hash = sha256('\\x00'::bytea
    || convert_to(audit_event_line(e.id, e.at, e.txid, e.db_user, e.body), 'UTF8'))
FROM audit_event e WHERE e.id = event_id
"""
EDIT = "UPDATE audit_event SET body = replace(body, '\"ok\"', '\"no\"'), code = replace(code, 'ok', 'no')"


def test_a_whole_log_verifies_and_says_what_was_looked_at(log: list[int], say: Callable[..., int]) -> None:
    say()
    report = checked()
    assert report.finding is None
    newest = Checkpoint.objects.latest("tree_size")
    assert (report.events, report.checkpoints, report.waiting, report.tiles) == (COUNT, 2, 1, 3)
    assert (report.tree_size, report.root, report.signed_at) == (COUNT, bytes(newest.root).hex(), newest.signed_at)


def test_an_empty_log_verifies(sealing_key: SealingKey) -> None:
    assert checked().finding is None


EVENTS_AFTER = "DELETE FROM audit_event WHERE id > {id}"
LEAVES_AFTER = "DELETE FROM audit_leaf WHERE event_id > {id}"
EXCHANGE = """UPDATE audit_leaf SET event_id = CASE -event_id
    WHEN {id} THEN {id} + 1 WHEN {id} + 1 THEN {id} ELSE -event_id END"""
PUT_IN = """INSERT INTO audit_event (actor_name, origin, request_id, ip, action, object_type, object_id, object_label,
    state_from, state_to, code, reason, body) VALUES ('x', '', '', '', '', '', '', '', '', '', '', '', '{}')"""
WRONG_HASH = "UPDATE audit_tile SET hashes = overlay(hashes PLACING sha256('') FROM 1) WHERE tile_index = 1"
WRONG_ROOT = "UPDATE audit_checkpoint SET root = sha256('') WHERE tree_size = 250"
WRONG_TIME = "UPDATE audit_checkpoint SET signed_at = signed_at - '1 day'::interval WHERE tree_size = 250"
BODY = "UPDATE audit_event SET body = replace(body, 'approved', 'rejected')"
NO_300 = "DELETE FROM audit_checkpoint WHERE tree_size = 300"
FORGERIES = {
    "body": (
        ["UPDATE audit_event SET body = replace(body, 'approved', 'rejected')"],
        "event_edited",
        "was changed after",
    ),
    "time": (["UPDATE audit_event SET at = at - '1 day'::interval"], "event_edited", "was changed afterwards"),
    "role": (["UPDATE audit_event SET db_user = 'nobody'"], "event_edited", "was changed afterwards"),
    "reason": (["UPDATE audit_event SET reason = 'no'"], "columns_differ", "The column reason of event"),
    "change": (["UPDATE audit_event SET change_id = change_id + 1"], "columns_differ", "The column change_id of event"),
    "body and hash": ([EDIT, REHASH], "tile_differs", "not what the events give: tile 0/"),
    "body, hash, no tiles": ([EDIT, REHASH, "DELETE FROM audit_tile"], "tile_differs", "tile 0/0"),
    "deleted": (["DELETE FROM audit_event WHERE id = {id}"], "event_missing", "and is gone: it was deleted"),
    "deleted with its leaf": (
        ["DELETE FROM audit_event WHERE id = {id}", "DELETE FROM audit_leaf WHERE event_id = {id}"],
        "leaf_gap",
        "Entry 290 of the tree is missing",
    ),
    "cut off": (
        [EVENTS_AFTER, LEAVES_AFTER],
        "event_missing",
        "but the log holds 291: the last were cut off",
    ),
    "cut off with its checkpoint": (
        [EVENTS_AFTER, LEAVES_AFTER, NO_300],
        "checkpoint_missing",
        "holds 291 entries, but the newest checkpoint covers 250",
    ),
    "checkpoint removed": ([NO_300], "checkpoint_missing", "was removed"),
    "exchanged": (["UPDATE audit_leaf SET event_id = -event_id", EXCHANGE], "event_edited", "was changed afterwards"),
    "put in": ([PUT_IN], "event_unsealed", "put in past the log's own way"),
    "queued twice": (["INSERT INTO audit_pending VALUES ({id})"], "queue_wrong", "sealed already or does not exist"),
    "tile": ([WRONG_HASH], "tile_differs", "tile 0/1, from entry 256 on"),
    "root": (
        [WRONG_ROOT],
        "checkpoint_differs",
        "not say what was signed",
    ),
    "time of a checkpoint": (
        [WRONG_TIME],
        "checkpoint_time",
        "names another time than its signature",
    ),
    "note": (
        ["UPDATE audit_checkpoint SET note = overlay(note PLACING 'x' FROM 3)"],
        "checkpoint_unsigned",
        "The checkpoint of 250 entries does not verify",
    ),
}


@pytest.mark.parametrize(("statements", "code", "words"), FORGERIES.values(), ids=FORGERIES)
def test_what_was_forged_is_named(log: list[int], statements: list[str], code: str, words: str) -> None:
    forge(*(statement.replace("{id}", str(log[290])) for statement in statements))
    finding = found()
    assert (finding.code, words in finding.sentence) == (code, True), finding.sentence


def test_a_history_that_was_rebuilt_whole_has_no_signature(log: list[int]) -> None:
    """Events, leaves and tiles made to fit; only the key is not there to sign."""
    stranger = SealingKey((Signer.make(ORIGIN),))
    forge(EDIT, "DELETE FROM audit_leaf", "DELETE FROM audit_tile", "DELETE FROM audit_checkpoint",
          "INSERT INTO audit_pending SELECT id FROM audit_event")  # fmt: skip
    with as_sealer():
        seal_once(connection.connection, stranger)
    finding = found()
    assert finding.code == FindingCode.CHECKPOINT_UNSIGNED
    assert "No known key has signed this" in finding.sentence


def test_a_rebuilt_history_signed_with_the_stolen_key_differs_from_the_anchor(
    log: list[int], sealing_key: SealingKey, tmp_path: Path
) -> None:
    anchor = FileAnchor(tmp_path / "anchor")
    for checkpoint in Checkpoint.objects.order_by("tree_size"):
        anchor.publish(checkpoint.note)
    assert checked(witnesses={"vault": anchor}).anchored == {"vault": 2}
    forge(EDIT, "DELETE FROM audit_leaf", "DELETE FROM audit_tile", "DELETE FROM audit_checkpoint",
          "INSERT INTO audit_pending SELECT id FROM audit_event")  # fmt: skip
    with as_sealer():
        seal_once(connection.connection, sealing_key)
    assert checked().finding is None, "without the anchor nothing can be seen: that is what anchors are for"
    finding = found(witnesses={"vault": anchor})
    assert finding.code == FindingCode.ANCHOR_DIFFERS
    assert "The anchor vault was given another tree of 300 entries" in finding.sentence


def test_an_older_copy_of_the_database_is_behind_the_anchor(
    seal: Seal, say: Callable[..., int], sealing_key: SealingKey, tmp_path: Path
) -> None:
    say()
    seal()
    anchor = FileAnchor(tmp_path / "anchor")
    ahead = sign_checkpoint(TreeHead(ORIGIN, 7, bytes(32)), sealing_key.signers, unix_time=1_800_000_000)
    anchor.publish(ahead)
    finding = found(witnesses={"vault": anchor})
    assert finding.code == FindingCode.ANCHOR_AHEAD
    assert "given a tree of 7 entries, but the log holds 1" in finding.sentence


def test_an_anchor_that_lost_something_is_named(seal: Seal, say: Callable[..., int], tmp_path: Path) -> None:
    say()
    seal()
    forge("INSERT INTO audit_anchoring VALUES ('vault', 1, now(), NULL, 0, '')")
    finding = found(witnesses={"vault": FileAnchor(tmp_path / "emptied")})
    assert finding.code == FindingCode.ANCHOR_DIFFERS
    assert "keeps none beyond 0: something was removed" in finding.sentence


@pytest.mark.parametrize(("table", "guard"), guards())
def test_a_guard_that_was_switched_off_is_named(sealing_key: SealingKey, table: str, guard: str) -> None:
    with as_owner() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {guard}")
    finding = found()
    assert finding.code == FindingCode.GUARD_MISSING
    assert guard in finding.sentence


def test_another_function_for_the_sealed_form_is_noticed(sealing_key: SealingKey) -> None:
    with as_owner() as cursor:
        cursor.execute("CREATE OR REPLACE FUNCTION audit_event_line(bigint, timestamptz, bigint, text, text)"
                       " RETURNS text LANGUAGE sql STABLE AS $$ SELECT $5 $$")  # fmt: skip
    assert "audit_event_line" in found().sentence


def test_an_event_of_the_future_is_named(log: list[int], say: Callable[..., int], sealing_key: SealingKey) -> None:
    say()
    forge("UPDATE audit_event SET at = '2031-01-01T00:00Z' WHERE id = (SELECT max(id) FROM audit_event)")
    with as_sealer():
        seal_once(connection.connection, sealing_key)
    finding = found()
    assert finding.code == FindingCode.TIME_AHEAD
    assert "written at 2031-01-01 00:00:00 UTC, but it was sealed before that" in finding.sentence


def test_without_keys_nothing_is_called_whole(log: list[int]) -> None:
    finding = verify(keys=()).finding
    assert finding is not None
    assert finding.code == FindingCode.NO_KEYS


def test_a_retired_key_does_not_vouch_for_what_came_later(log: list[int], sealing_key: SealingKey) -> None:
    (verifier,) = sealing_key.verifiers
    assert verify(keys=(TrustedKey(verifier, until=COUNT),)).finding is None
    finding = verify(keys=(TrustedKey(verifier, until=COUNT - 1),)).finding
    assert finding is not None
    assert "The checkpoint of 300 entries does not verify" in finding.sentence


def test_beginning_later_hashes_less_and_still_binds_the_tree(log: list[int]) -> None:
    report = checked(since_event=log[260])
    assert (report.first_index, report.events, report.checkpoints, report.finding) == (256, 44, 1, None)
    forge("UPDATE audit_tile SET hashes = overlay(hashes PLACING sha256('') FROM 1) WHERE level = 1")
    assert checked(since_event=log[260]).finding is not None, "the tree before is bound by the later checkpoint"
    assert checked(since_event=10**15).finding is not None


def test_the_command_says_what_was_checked(log: list[int], settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_ANCHORS = (AnchorSpecification("file", str(tmp_path / "a"), 60, "file:a"),)
    FileAnchor(tmp_path / "a").publish(Checkpoint.objects.latest("tree_size").note)
    out = StringIO()
    call_command("audit_verify", stdout=out)
    said = out.getvalue()
    assert "Events hashed anew and compared with the tree: 300." in said
    assert "Anchor file:a: 1 checkpoint agrees." in said
    assert said.endswith("The audit log is whole.\n")
    forge("DELETE FROM audit_event WHERE id = (SELECT min(id) FROM audit_event)")
    with pytest.raises(CommandError, match=f"not as it should be. Event {log[0]} was sealed as entry 0"):
        call_command("audit_verify", stdout=out, since=None)
