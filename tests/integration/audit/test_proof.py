from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from audit.checkpoints import TrustedKey
from audit.models import Checkpoint
from audit.notes import Signer
from audit.sealing.keys import SealingKey
from audit.sealing.proof import (
    EventProof,
    ProofProblem,
    ProofState,
    Standing,
    event_proof,
    is_sealed,
    proof_state,
    sealing_lag,
)
from audit.sealing.trust import write_trusted
from tests.database import as_owner
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

pytestmark = pytest.mark.django_db


@pytest.fixture
def forge() -> Callable[..., None]:
    """Run statements as the owner with a table's triggers off, as who has stolen that role would."""

    def forge(table: str, *statements: str) -> None:
        with as_owner() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements:
                cursor.execute(statement)
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    return forge


@pytest.fixture
def sealed_event(seal: Seal, say: Callable[..., int], fill: Callable[..., None]) -> int:
    fill(300)
    event_id = say()
    fill(20)
    seal()
    return event_id


def test_an_event_waits_and_then_it_is_sealed(seal: Seal, say: Callable[..., int]) -> None:
    event_id = say()
    assert proof_state([event_id]) == {event_id: ProofState(Standing.PENDING)}
    assert not is_sealed(event_id)
    assert event_proof(event_id) is ProofProblem.PENDING
    seal()
    state = proof_state([event_id])[event_id]
    checkpoint = Checkpoint.objects.get()
    assert state == ProofState(Standing.SEALED, 0, checkpoint.tree_size, checkpoint.signed_at)
    assert is_sealed(event_id)


def test_the_first_checkpoint_that_covers_an_event_is_named(
    seal: Seal, fill: Callable[..., None], say: Callable[..., int], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = say()
    seal()
    fill(3)
    second = say()
    seal()
    third = say()
    with django_assert_num_queries(1):
        states = proof_state([first, second, third, 10**15])
    assert [(state.standing, state.tree_size) for state in states.values()] == [
        (Standing.SEALED, 1),
        (Standing.SEALED, 5),
        (Standing.PENDING, None),
        (Standing.ABSENT, None),
    ]
    with django_assert_num_queries(0):
        assert proof_state([]) == {}


def test_a_proof_holds_what_a_stranger_needs(sealed_event: int) -> None:
    proof = event_proof(sealed_event)
    assert isinstance(proof, EventProof)
    assert proof.leaf_index == 300
    assert proof.signed.head.size == 321
    assert f'{{"id":{sealed_event},"at":"' in proof.line
    assert str(ORIGIN) in proof.checkpoint
    assert len(proof.path) >= 8


@pytest.mark.parametrize(
    ("table", "statement", "problem"),
    [
        ("audit_event", "UPDATE audit_event SET body = '{}' WHERE id = {id}", ProofProblem.EVENT_DIFFERS),
        (
            "audit_event",
            "UPDATE audit_event SET at = at - '1 day'::interval",
            ProofProblem.EVENT_DIFFERS,
        ),
        ("audit_event", "DELETE FROM audit_event WHERE id = {id}", ProofProblem.ABSENT),
        ("audit_leaf", "DELETE FROM audit_leaf WHERE event_id = {id}", ProofProblem.ABSENT),
        ("audit_tile", "DELETE FROM audit_tile WHERE tile_index = 1", ProofProblem.NOT_IN_TREE),
        (
            "audit_tile",
            "UPDATE audit_tile SET hashes = overlay(hashes PLACING sha256('x') FROM 1) WHERE level = 0",
            ProofProblem.NOT_IN_TREE,
        ),
        (
            "audit_checkpoint",
            "UPDATE audit_checkpoint SET note = replace(note, '1', '2')",
            ProofProblem.BAD_CHECKPOINT,
        ),
    ],
)
def test_what_was_forged_is_not_sealed(
    sealed_event: int, forge: Callable[..., None], table: str, statement: str, problem: ProofProblem
) -> None:
    assert is_sealed(sealed_event)
    forge(table, statement.replace("{id}", str(sealed_event)))
    assert event_proof(sealed_event) is problem
    assert not is_sealed(sealed_event)
    assert problem.sentence


def test_an_edited_event_with_a_hash_to_match_is_not_in_the_tree(sealed_event: int, forge: Callable[..., None]) -> None:
    forge("audit_event", "UPDATE audit_event SET body = '{}'")
    forge(
        "audit_leaf",
        "UPDATE audit_leaf SET leaf_hash = sha256('\\x00'::bytea || convert_to("
        "audit_event_line(e.id, e.at, e.txid, e.db_user, e.body), 'UTF8')) FROM audit_event e WHERE e.id = event_id",
    )
    assert event_proof(sealed_event) is ProofProblem.NOT_IN_TREE


@pytest.fixture
def other_trust(settings: Settings, tmp_path: Path) -> Path:
    settings.AUDIT_VERIFIERS = path = tmp_path / "verifiers"
    return path


def test_without_a_known_key_nothing_counts_as_sealed(sealed_event: int, other_trust: Path) -> None:
    assert event_proof(sealed_event) is ProofProblem.NO_KEYS
    write_trusted(other_trust, (TrustedKey(Signer.make(ORIGIN).verifier),))
    assert event_proof(sealed_event) is ProofProblem.BAD_CHECKPOINT
    other_trust.write_text("rubbish\n")
    assert event_proof(sealed_event) is ProofProblem.NO_KEYS


def test_a_retired_key_vouches_for_what_there_was_and_no_more(
    sealed_event: int, other_trust: Path, sealing_key: SealingKey
) -> None:
    (verifier,) = sealing_key.verifiers
    write_trusted(other_trust, (TrustedKey(verifier, until=321),))
    assert is_sealed(sealed_event)
    write_trusted(other_trust, (TrustedKey(verifier, until=320),))
    assert event_proof(sealed_event) is ProofProblem.BAD_CHECKPOINT


def test_the_lag_counts_what_waits_and_how_long(
    seal: Seal, fill: Callable[..., None], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        lag = sealing_lag()
    assert (lag.pending, lag.oldest_s, lag.tree_size, lag.signed_at) == (0, None, None, None)
    fill(3)
    lag = sealing_lag()
    assert lag.pending == 3
    assert lag.oldest_s is not None
    assert 0 <= lag.oldest_s < 60
    seal()
    lag = sealing_lag()
    assert (lag.pending, lag.oldest_s, lag.tree_size) == (0, None, 3)
    assert lag.signed_at is not None
