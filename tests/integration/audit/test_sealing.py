"""From events to checkpoints, in the database and against an independent reading of the specifications."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from audit.checkpoints import TrustedKey
from audit.errors import KeyFileError, RolledBackError, TreeDamagedError
from audit.export import stream_jsonl
from audit.filters import EventFilter
from audit.models import Checkpoint, Event, Leaf, Pending, Tile
from audit.notes import Signer
from audit.sealing.key_management import KeyFiles, key_make, key_retire, key_rotate
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.seal import keep_leaves, remembered_head_stands, seal_once
from audit.sealing.sealer import Sealer
from audit.verify import verify
from tests.database import analyze, as_owner, as_sealer
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

pytestmark = pytest.mark.django_db


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def as_application() -> AbstractContextManager[CursorWrapper]:
    """As a test is anyway."""
    return connection.cursor()


def exported_lines() -> dict[int, bytes]:
    """The lines that an auditor downloads, by the ids that stand in them."""
    lines = b"".join(stream_jsonl(EventFilter())).split(b"\n")[:-1]
    return {int(line.split(b",")[0].removeprefix(b'{"id":')): line for line in lines}


def check_independently(note: str, public_key: bytes, leaves: list[bytes]) -> None:
    """A checkpoint against entries by the specifications alone: no code of ours."""
    text, signatures = note.split("\n\n")
    origin, size, root = text.splitlines()
    assert (origin, int(size)) == (ORIGIN, len(leaves))
    assert base64.b64decode(root) == naive_root([hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves])
    signed = base64.b64decode(signatures.splitlines()[0].split(" ")[2])
    assert signed[:4] == hashlib.sha256(f"{origin}\n".encode() + b"\x01" + public_key).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public_key).verify(signed[4:], f"{text}\n".encode())


def test_what_was_exported_is_what_was_sealed(seal: Seal, say: Callable[..., int], sealing_key: SealingKey) -> None:
    ids = [say(object_id=number, reason="grün \u2028 \x01 'quoted' \\ ") for number in range(3)]
    assert set(Pending.objects.values_list("event_id", flat=True)) >= set(ids)
    assert seal() >= 3
    assert not Pending.objects.exists()
    lines = exported_lines()
    leaves = [lines[leaf.event_id] for leaf in Leaf.objects.order_by("leaf_index")]
    assert list(Leaf.objects.order_by("leaf_index").values_list("leaf_index", flat=True)) == list(range(len(leaves)))
    check_independently(Checkpoint.objects.latest("tree_size").note, sealing_key.verifiers[0].public_key, leaves)


def test_the_tree_goes_on_over_tiles_and_each_checkpoint_covers_what_there_was(
    seal: Seal, fill: Callable[..., None], sealing_key: SealingKey
) -> None:
    for count in (3, 252, 1, 1, 300):
        fill(count)
        assert seal() == count
    assert seal() == 0, "nothing new: no further checkpoint"
    sizes = list(Checkpoint.objects.order_by("tree_size").values_list("tree_size", flat=True))
    assert sizes == [3, 255, 256, 257, 557]
    lines = exported_lines()
    leaves = [lines[leaf.event_id] for leaf in Leaf.objects.order_by("leaf_index")]
    for checkpoint in Checkpoint.objects.all():
        check_independently(checkpoint.note, sealing_key.verifiers[0].public_key, leaves[: checkpoint.tree_size])
    tiles = {(tile.level, tile.tile_index): len(tile.hashes) // 32 for tile in Tile.objects.all()}
    assert tiles == {(0, 0): 256, (0, 1): 256, (0, 2): 45, (1, 0): 2}


def test_a_batch_takes_the_smallest_ids_and_leaves_the_rest_waiting(
    fill: Callable[..., None], sealing_key: SealingKey
) -> None:
    fill(10)
    waiting = sorted(Pending.objects.values_list("event_id", flat=True))
    with as_sealer():
        sealed = seal_once(connection.connection, sealing_key, batch=4)
    assert sealed is not None
    assert (sealed.first_index, sealed.count, sealed.head.size) == (0, 4, 4)
    assert list(Leaf.objects.order_by("leaf_index").values_list("event_id", flat=True)) == waiting[:4]
    assert sorted(Pending.objects.values_list("event_id", flat=True)) == waiting[4:]


def test_a_step_reads_the_events_that_it_seals_and_not_the_whole_log(
    fill: Callable[..., None], sealing_key: SealingKey
) -> None:
    fill(2_000)
    analyze("audit_event", "audit_pending")  # so that the planner takes what waits for a large part of the log
    with as_sealer() as cursor:
        seal_once(connection.connection, sealing_key, batch=1_000)
        before = _rows_read(cursor)
        sealed = seal_once(connection.connection, sealing_key, batch=500)
        assert sealed is not None
        assert sealed.count == 500
        assert _rows_read(cursor) - before == 500


def _rows_read(cursor: CursorWrapper) -> int:
    """Rows of the log that this transaction has read, by whichever way."""
    cursor.execute("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'audit_event'")
    rows: int = cursor.fetchone()[0]
    return rows


def test_an_event_that_was_rolled_back_is_never_sealed(seal: Seal, say: Callable[..., int]) -> None:
    savepoint = transaction.savepoint()
    lost = say()
    transaction.savepoint_rollback(savepoint)
    kept = say()
    assert seal() == 1
    assert Leaf.objects.filter(event_id=kept).exists()
    assert not Leaf.objects.filter(event_id=lost).exists()


FORBIDDEN = [
    ("app", "INSERT INTO audit_leaf VALUES (0, 1, sha256(''))", "permission denied"),
    ("app", "INSERT INTO audit_checkpoint VALUES (1, sha256(''), 'x', now())", "permission denied"),
    ("app", "DELETE FROM audit_pending", "permission denied"),
    ("app", "INSERT INTO audit_pending VALUES (9)", "permission denied"),
    ("app", "UPDATE audit_tile SET hashes = sha256('')", "permission denied"),
    ("sealer", "DELETE FROM audit_pending", "not sealed stays"),
    ("sealer", "INSERT INTO audit_leaf VALUES (7, 999999, sha256(''))", "without gaps"),
    ("sealer", "INSERT INTO audit_leaf VALUES (2, 999999, sha256('')), (4, 999998, sha256(''))", "without gaps"),
    ("sealer", "INSERT INTO audit_checkpoint VALUES (7, sha256(''), 'x', now())", "covers all leaves: there are 2"),
    ("sealer", "UPDATE audit_tile SET hashes = sha256('')", "only grows"),
    ("sealer", "UPDATE audit_event SET reason = ''", "permission denied"),
    ("owner", "UPDATE audit_leaf SET event_id = 5", "only grows"),
    ("owner", "DELETE FROM audit_checkpoint", "only grows"),
    ("owner", "TRUNCATE audit_tile", "only grows"),
    ("owner", "TRUNCATE audit_pending", "only grows"),
    ("owner", "DELETE FROM audit_tile", "only grows"),
]


@pytest.mark.parametrize(("who", "statement", "refusal"), FORBIDDEN)
def test_the_database_refuses_to_bend_the_tree(
    seal: Seal, fill: Callable[..., None], who: str, statement: str, refusal: str
) -> None:
    fill(2)
    seal()
    fill(1)
    role = {"app": as_application, "sealer": as_sealer, "owner": as_owner}[who]
    with pytest.raises(DatabaseError, match=refusal), role() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(("first", "refusal"), [(3, "without gaps"), (1, "already exists"), (-1, "violates check")])
def test_leaves_that_are_copied_in_are_held_to_the_same(
    seal: Seal, fill: Callable[..., None], first: int, refusal: str
) -> None:
    fill(2)
    seal()
    strange = [(999_990, hashlib.sha256().digest()), (999_991, hashlib.sha256().digest())]
    with pytest.raises(psycopg.errors.IntegrityError, match=refusal), as_sealer():
        keep_leaves(psycopg.Cursor(connection.connection), first, strange)


def test_nothing_is_signed_on_top_of_a_tree_that_was_changed(seal: Seal, fill: Callable[..., None]) -> None:
    fill(5)
    seal()
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE audit_tile DISABLE TRIGGER audit_tile_grows")
        cursor.execute("UPDATE audit_tile SET hashes = overlay(hashes PLACING sha256('x') FROM 33)")
        cursor.execute("ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_tile_grows")
    fill(1)
    with pytest.raises(TreeDamagedError, match="not the one that was signed"):
        seal()
    assert Pending.objects.count() == 1


def test_nothing_is_signed_on_top_of_a_strangers_checkpoint(
    seal: Seal, fill: Callable[..., None], sealing_key: SealingKey
) -> None:
    fill(1)
    seal()
    fill(1)
    stranger = SealingKey((Signer.make(ORIGIN),))
    with as_sealer(), pytest.raises(TreeDamagedError, match="none of this sealer's keys"):
        seal_once(connection.connection, stranger)
    both = SealingKey((*stranger.signers, *sealing_key.signers))
    with as_sealer():
        assert seal_once(connection.connection, both) is not None


def test_the_clock_of_checkpoints_never_goes_back(fill: Callable[..., None], sealing_key: SealingKey) -> None:
    fill(2)
    with as_sealer():
        first = seal_once(connection.connection, sealing_key, batch=1, clock=lambda: 2_000_000_000.9)
        second = seal_once(connection.connection, sealing_key, batch=1, clock=lambda: 1_000_000_000.0)
    assert first is not None
    assert second is not None
    assert first.signed_at == second.signed_at
    assert int(first.signed_at.timestamp()) == 2_000_000_000


def test_a_head_that_was_signed_is_looked_for_in_the_database(
    seal: Seal, fill: Callable[..., None], sealing_key: SealingKey, tmp_path: Path
) -> None:
    memory = HeadMemory(tmp_path / "last-signed")
    assert memory.head() is None
    fill(3)
    seal()
    memory.remember(Checkpoint.objects.get().note)
    head = memory.head()
    assert head is not None
    fill(2)
    seal()
    assert remembered_head_stands(connection.connection, head)
    assert not remembered_head_stands(connection.connection, type(head)(head.origin, 99, head.root))
    assert not remembered_head_stands(connection.connection, type(head)(head.origin, 3, bytes(32)))
    assert (tmp_path / "last-signed").stat().st_mode & 0o777 == 0o600


def test_a_sealer_refuses_a_database_that_went_back_until_people_accept_it(
    seal: Seal, fill: Callable[..., None], sealing_key: SealingKey, tmp_path: Path
) -> None:
    memory = HeadMemory(tmp_path / "last-signed")
    fill(3)
    seal()
    memory.remember(Checkpoint.objects.get().note.replace("\n3\n", "\n33\n"))
    key_file = tmp_path / "key"
    sealing_key.write(key_file, replace=False)

    def sealer(*, accept_restore: bool = False) -> Sealer:
        return Sealer(
            connect=lambda: connection.connection, key_file=key_file, memory=memory, accept_restore=accept_restore
        )

    with as_sealer(), pytest.raises(RolledBackError, match="33 entries that the database does not hold"):
        sealer()._step()
    with as_sealer():
        sealer(accept_restore=True)._step()
    assert memory.head() is not None
    assert memory.head().size == 4  # type: ignore[union-attr]  # the line before
    with connection.cursor() as cursor:
        cursor.execute("SELECT action, details FROM (SELECT action, body::json -> 'details' AS details, id FROM"
                       " audit_event) e ORDER BY id DESC LIMIT 1")  # fmt: skip
        assert cursor.fetchone()[0] == "audit.log_restored"


def test_a_key_is_retired_when_another_has_signed_and_believed_for_what_there_was(db: None, tmp_path: Path) -> None:
    files = KeyFiles(tmp_path / "key", tmp_path / "verifiers")
    with as_sealer():
        raw = connection.connection
        old = key_make(raw, files, origin=ORIGIN)
        with pytest.raises(KeyFileError, match="holds a key already"):
            key_make(raw, files, origin=ORIGIN)
        seal_once(raw, SealingKey.read(files.private))
        new = key_rotate(raw, files)
        with pytest.raises(KeyFileError, match="not signed by a key that would stay"):
            key_retire(raw, files, old.key_id.hex())
        seal_once(raw, SealingKey.read(files.private))
        retired = key_retire(raw, files, old.key_id.hex())
        seal_once(raw, SealingKey.read(files.private))
    assert retired == TrustedKey(old, until=2)
    assert files.trusted_keys() == (TrustedKey(new), retired)
    assert SealingKey.read(files.private).verifiers == (new,)
    assert verify(keys=files.trusted_keys()).finding is None
    told = Event.objects.filter(object_type="audit_key").order_by("id").values_list("action", "object_id")
    assert list(told) == [
        ("audit.key_made", old.key_id.hex()),
        ("audit.key_made", new.key_id.hex()),
        ("audit.key_retired", old.key_id.hex()),
    ]


def _key_file(key: SealingKey, folder: Path) -> Path:
    path = folder / "key"
    key.write(path, replace=False)
    return path


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, sealing_key: SealingKey) -> None:
    path = _key_file(sealing_key, tmp_path)
    assert SealingKey.read(path) == sealing_key
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="can be read by others: make it its owner's alone with `chmod 600"):
        SealingKey.read(path)
    with pytest.raises(KeyFileError, match="can be read by others"):
        Sealer(connect=psycopg.connect, key_file=path, memory=HeadMemory(tmp_path / "m")).run(threading.Event())
