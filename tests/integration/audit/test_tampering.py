"""Every kind of tampering that the audit log promises to show, done by who can do all, and what `audit_verify` says.

Whoever does it is the owner of the tables or a superuser, switches every guard off, and on again afterwards. Each test
does it to a real change that was planned, approved and carried out, and reads what the command tells an auditor.
"""

# ruff: noqa: S608 - the statements are the forgeries; nothing comes from outside
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from audit.anchors.kinds import FileAnchor
from audit.checkpoints import TreeHead, sign_checkpoint
from audit.database_roles import EVENT_COLUMNS
from audit.models import Checkpoint, Event
from audit.notes import Signer
from audit.sealing.keys import SealingKey
from audit.sealing.seal import seal_once
from changes.models import Approval, DevicePlan, PlanRevision, Run
from tests import factories
from tests.database import as_sealer, as_superuser
from tests.forging import forge
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

pytestmark = pytest.mark.django_db

Say = Callable[..., int]

REHASH = """UPDATE audit_leaf SET leaf_hash = sha256('\\x00'::bytea
    || convert_to(audit_event_line(e.id, e.at, e.txid, e.db_user, e.body), 'UTF8'))
    FROM audit_event e WHERE e.id = event_id"""
BUILD_ANEW = (
    "DELETE FROM audit_leaf",
    "DELETE FROM audit_tile",
    "DELETE FROM audit_checkpoint",
    "INSERT INTO audit_pending SELECT id FROM audit_event ON CONFLICT DO NOTHING",
)
NAMES = ", ".join(EVENT_COLUMNS)
ONE_MORE = f"INSERT INTO audit_event ({NAMES}) SELECT {NAMES} FROM audit_event WHERE id = {{last}}"


def audit_verify(*options: str) -> str:
    """What the command says where all is well."""
    out = StringIO()
    call_command("audit_verify", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def first_thing_wrong(*options: str) -> str:
    """The sentence with which the command ends with exit code 1."""
    with pytest.raises(CommandError) as refused:
        audit_verify(*options)
    assert refused.value.returncode == 1
    return str(refused.value).removeprefix("The audit log is not as it should be. ")


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is taken back at the end: the next forgery begins with the true log."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def sealed_by(key: SealingKey) -> None:
    """Seal all that waits with this key."""
    with as_sealer():
        seal_once(connection.connection, key)


@pytest.fixture
def run(seal: Seal) -> Run:
    """A change of two devices that was planned, approved and carried out; all of it sealed, in two checkpoints."""
    cast = factories.Cast.create()
    devices = [factories.DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2)]
    seal()
    run = factories.carried_out(factories.started(cast, devices))
    seal()
    return run


@pytest.fixture
def last(say: Say, seal: Seal) -> int:
    """The last of twelve events under two checkpoints, of eight and twelve entries."""
    for number in range(8):
        say(object_id=number + 1, code="yes")
    seal()
    for number in range(4):
        say(object_id=number + 20, code="ok")
    seal()
    return Event.objects.latest("id").pk


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    return tmp_path / "anchor"


def given_to(anchor: Path) -> None:
    """Publish all checkpoints there."""
    for checkpoint in Checkpoint.objects.order_by("tree_size"):
        FileAnchor(anchor).publish(checkpoint.note)


def test_a_log_with_its_plans_decisions_and_runs_is_whole(run: Run) -> None:
    said = audit_verify()
    assert (
        "plans 1, policy demands 1, decisions 2, runs 1, device runs 2, void decisions 0, comments 2, configurations"
        in said
    )
    assert said.endswith("The audit log is whole.\n")
    assert "decisions" not in audit_verify("--log-only")


def test_an_edited_event_is_named(last: int) -> None:
    edit = f"UPDATE audit_event SET body = replace(body, '\"ok\"', '\"no\"'), code = 'no' WHERE id = {last}"
    with undone():
        forge(edit)
        assert first_thing_wrong() == f"Event {last} (entry 11) is not what was sealed: it was changed afterwards."
    with undone():
        forge(edit, REHASH)
        assert first_thing_wrong().startswith("The first 12 entries do not give the tree that was signed")
    with undone():
        forge(f"UPDATE audit_event SET code = 'no' WHERE id = {last}")
        assert first_thing_wrong() == f"The column code of event {last} does not say what its sealed body says."
    assert "whole" in audit_verify()


def test_a_deleted_event_is_named(last: int) -> None:
    with undone():
        forge(f"DELETE FROM audit_event WHERE id = {last - 5}")
        assert first_thing_wrong() == f"Event {last - 5} was sealed as entry 6, and is gone: it was deleted."
    with undone():
        forge(f"DELETE FROM audit_event WHERE id = {last - 5}", f"DELETE FROM audit_leaf WHERE event_id = {last - 5}")
        assert first_thing_wrong() == "Entry 6 of the tree is missing: the next one is 7."
    with undone():
        forge(f"DELETE FROM audit_event WHERE id = {last - 5}", f"DELETE FROM audit_leaf WHERE event_id = {last - 5}",
              "UPDATE audit_leaf SET leaf_index = leaf_index + 99 WHERE leaf_index > 6",
              "UPDATE audit_leaf SET leaf_index = leaf_index - 100 WHERE leaf_index > 99")  # fmt: skip
        assert first_thing_wrong().startswith("The first 8 entries do not give the tree that was signed")


def test_an_inserted_event_is_named(last: int) -> None:
    put_in = ONE_MORE.replace("{last}", str(last))
    newest = "(SELECT max(id) FROM audit_event)"
    leaf = (
        "INSERT INTO audit_leaf SELECT {place}, id, sha256('\\x00'::bytea || convert_to("
        f"audit_event_line(id, at, txid, db_user, body), 'UTF8')) FROM audit_event WHERE id = {newest}"
    )
    with undone():
        forge(put_in)
        assert "is neither sealed nor waiting for it: it was put in past the log's own way" in first_thing_wrong()
    with undone():
        forge(put_in, leaf.format(place=12))
        assert "holds 13 entries, but the newest checkpoint covers 12" in first_thing_wrong()
    with undone():
        forge(put_in, "UPDATE audit_leaf SET leaf_index = leaf_index + 100 WHERE leaf_index >= 3",
              "UPDATE audit_leaf SET leaf_index = leaf_index - 99 WHERE leaf_index >= 100",
              leaf.format(place=3))  # fmt: skip
        assert first_thing_wrong().startswith("The first 8 entries do not give the tree that was signed")


def test_reordered_entries_are_named(last: int) -> None:
    exchange = "UPDATE audit_leaf SET leaf_index = CASE leaf_index WHEN -4 THEN 5 ELSE 4 END WHERE leaf_index < 0"
    forge("ALTER TABLE audit_leaf DROP CONSTRAINT audit_leaf_is_hash",
          "UPDATE audit_leaf SET leaf_index = -leaf_index WHERE leaf_index IN (4, 5)", exchange)  # fmt: skip
    assert first_thing_wrong().startswith("The first 8 entries do not give the tree that was signed")


def test_a_log_that_was_cut_off_is_named(last: int, anchor: Path) -> None:
    cut = (f"DELETE FROM audit_event WHERE id > {last - 4}", f"DELETE FROM audit_leaf WHERE event_id > {last - 4}")
    with undone():
        forge(*cut)
        said = "A checkpoint of 12 entries was signed, but the log holds 8: the last were cut off."
        assert first_thing_wrong() == said
    given_to(anchor)
    everything = [f"TRUNCATE {table}" for table in ("audit_event", "audit_leaf", "audit_tile", "audit_checkpoint")]
    with undone():
        forge("TRUNCATE audit_event")
        assert f"Event {last - 11} was sealed as entry 0, and is gone" in first_thing_wrong()
    with undone():
        forge(*everything)
        said = first_thing_wrong("--anchor", str(anchor))
        assert "was given a tree of 8 entries, but the log holds 0: the last were cut off, or an older copy" in said


def test_a_changed_tree_is_named(last: int) -> None:
    with undone():
        forge("UPDATE audit_tile SET hashes = overlay(hashes PLACING sha256('') FROM 1)")
        assert "The stored tree is not what the events give: tile 0/0" in first_thing_wrong()
    with undone():
        forge("DELETE FROM audit_checkpoint WHERE tree_size = 12")
        assert "holds 12 entries, but the newest checkpoint covers 8: a checkpoint was removed" in first_thing_wrong()
    with undone():
        forge("UPDATE audit_checkpoint SET root = sha256('') WHERE tree_size = 8")
        assert "The row of the checkpoint of 8 entries does not say what was signed" in first_thing_wrong()
    with undone():
        forge("UPDATE audit_checkpoint SET note = replace(note, E'\\n8\\n', E'\\n7\\n') WHERE tree_size = 8")
        assert "The checkpoint of 8 entries does not verify. The signature of the key" in first_thing_wrong()


def test_a_log_signed_with_another_key_is_named(last: int) -> None:
    forge(*BUILD_ANEW)
    sealed_by(SealingKey((Signer.make(ORIGIN),)))
    assert "The checkpoint of 12 entries does not verify. No known key has signed this" in first_thing_wrong()


def test_an_older_copy_in_the_logs_place_is_behind_its_anchor(last: int, say: Say, seal: Seal, anchor: Path) -> None:
    with undone():
        say(reason="what shall be forgotten")
        seal()
        given_to(anchor)
        assert "3 checkpoints agree" in audit_verify("--anchor", str(anchor))
    assert "whole" in audit_verify(), "nothing but the anchor knows"
    said = first_thing_wrong("--anchor", str(anchor))
    assert said == (
        f"The anchor {anchor} was given a tree of 13 entries, but the log holds 12: the last were cut off, or an older"
        " copy was put in the log's place."
    )
    say(reason="goes on from the older copy")
    seal()
    said = first_thing_wrong("--anchor", str(anchor))
    assert "was given another tree of 13 entries: the log shows it one history and you another" in said


def test_two_histories_for_two_readers_differ_at_the_anchor(last: int, sealing_key: SealingKey, anchor: Path) -> None:
    """Signed with the true key, and whole by itself."""
    given_to(anchor)
    forge("UPDATE audit_event SET body = replace(body, '\"yes\"', '\"no\"'), code = 'no' WHERE code = 'yes'",
          *BUILD_ANEW)  # fmt: skip
    sealed_by(sealing_key)
    assert "whole" in audit_verify()
    said = "was given another tree of 8 entries: the log shows it one history and you another."
    assert said in first_thing_wrong("--anchor", str(anchor))


def test_a_time_to_come_is_named(last: int, say: Say, sealing_key: SealingKey) -> None:
    with undone():
        event = say()
        forge(f"UPDATE audit_event SET at = '2051-01-01T00:00Z' WHERE id = {event}")
        sealed_by(sealing_key)
        assert f"Event {event} says that it was written at 2051-01-01 00:00:00 UTC" in first_thing_wrong()
    say()
    with as_sealer():
        seal_once(connection.connection, sealing_key, clock=lambda: 2_556_144_000.0)
    said = "The checkpoint of 13 entries says that it was signed at 2051-01-01 00:00:00 UTC, which is still to come"
    assert said in first_thing_wrong()


def test_a_guard_left_switched_off_is_named(last: int) -> None:
    with as_superuser() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_approval DISABLE TRIGGER changes_approval_stays")
    assert "The trigger changes_approval_stays of the table changes_approval is switched off." in first_thing_wrong()


def test_an_exchanged_plan_is_named(run: Run) -> None:
    """The bytes, the digest beside them, the root, and every row that repeats it: the log still names what was made."""
    name = f"{run.change.number} r{run.revision.number}"
    exchanged = f"The stored plan {name} is not the one that event "
    worse = "payload = replace(payload, '192.0.2.123', '203.0.113.66')"
    plan = DevicePlan.objects.filter(revision=run.revision).earliest("position").pk
    digest = "digest = encode(sha256(convert_to(payload, 'UTF8')), 'hex')"
    with undone():
        forge(f"UPDATE changes_deviceplan SET {worse} WHERE id = {plan}")
        assert first_thing_wrong().startswith(exchanged)
    with undone():
        forge(f"UPDATE changes_deviceplan SET {worse} WHERE id = {plan}",
              f"UPDATE changes_deviceplan SET {digest} WHERE id = {plan}")  # fmt: skip
        assert first_thing_wrong().startswith(exchanged)
    with undone():
        forge("UPDATE changes_deviceplan SET position = position + 10", "UPDATE changes_deviceplan SET position = 12"
              f" WHERE id = {plan}")  # fmt: skip
        assert first_thing_wrong().startswith(exchanged)
    with undone():
        forge(f"UPDATE changes_deviceplan SET {worse} WHERE id = {plan}",
              f"UPDATE changes_deviceplan SET {digest} WHERE id = {plan}",
              "UPDATE changes_planrevision SET digest = repeat('a', 64)",
              "UPDATE changes_approval SET plan_digest = repeat('a', 64)",
              "UPDATE changes_run SET plan_digest = repeat('a', 64)")  # fmt: skip
        assert first_thing_wrong().startswith(exchanged)
    assert "whole" in audit_verify()


def test_a_changed_demand_of_the_policy_is_named(run: Run) -> None:
    revision = PlanRevision.objects.get()
    said = f"What the policy asks of the plan {revision.pk} is not what event"
    for demand in ("jsonb_set(demand, '{stages}', '[]')", "jsonb_set(demand, '{stages}', '0.5')", "NULL"):
        with undone():
            forge(f"UPDATE changes_planrevision SET demand = {demand}")
            assert first_thing_wrong().startswith(said)
    forge("UPDATE changes_planrevision SET demand_digest = repeat('a', 64)")
    assert "plan demand" in first_thing_wrong()


def test_a_changed_decision_is_named(run: Run) -> None:
    first, second = Approval.objects.order_by("pk").values_list("pk", flat=True)
    other = run.started_by_id
    forgeries = {
        f"UPDATE changes_approval SET approver_id = {other} WHERE id = {second}": "names another person than event",
        f"UPDATE changes_approval SET stage = 'other' WHERE id = {second}": "counts for another stage than event",
        f"UPDATE changes_approval SET plan_digest = repeat('a', 64) WHERE id = {first}": "names another plan than",
        f"UPDATE changes_approval SET on_behalf_of_id = {other} WHERE id = {first}": "was given by another right than",
        f"DELETE FROM changes_approval WHERE id = {first}": f"is about the decision {first}, whose row is gone",
        "INSERT INTO changes_approval (change_id, revision_id, stage, decision, approver_id, \"group\", plan_digest,"
        " carried_from, comment, created_at, void_cause) SELECT change_id, revision_id, stage, decision,"
        f" {other}, '', plan_digest, '', '', now(), '' FROM changes_approval WHERE id = {first}":
            "No event says that the decision",
    }  # fmt: skip
    for statement, said in forgeries.items():
        with undone():
            forge(statement)
            assert said in first_thing_wrong(), statement
    assert "whole" in audit_verify()


def test_a_state_that_was_set_past_the_events_is_named(run: Run) -> None:
    change = run.change_id
    with undone():
        forge(f"UPDATE changes_changerequest SET state = 'draft' WHERE id = {change}")
        said = first_thing_wrong()
        assert said.startswith(f"The change {change} is 'draft', but the last event about it, ")
        assert said.endswith("its state was changed without an event.")
    with undone():
        forge("UPDATE changes_approval SET decision = 'rejected'")
        assert "is 'rejected', but the last event about it" in first_thing_wrong()
    with undone():
        forge("UPDATE changes_run SET plan_digest = repeat('a', 64)")
        assert f"The run {run.pk} names another plan than event" in first_thing_wrong()
    with undone():
        forge("UPDATE changes_devicerun SET plan_digest = repeat('a', 64)")
        assert "The device run" in first_thing_wrong()


def test_a_head_that_nobody_else_may_sign_is_not_believed_from_an_anchor(last: int, anchor: Path) -> None:
    stranger = Signer.make(ORIGIN)
    FileAnchor(anchor).publish(sign_checkpoint(TreeHead(ORIGIN, 12, bytes(32)), (stranger,), unix_time=1_700_000_000))
    assert f"A checkpoint that the anchor {anchor} keeps does not verify." in first_thing_wrong("--anchor", str(anchor))
