"""A sealer among hostile sessions, careless operators, disks that are full and clocks that are wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from psycopg import errors

from audit.anchors.files import FileAnchor
from audit.anchors.specification import AnchorSpecification
from audit.checkpoints import TreeHead, sign_checkpoint
from audit.database_roles import APPLICATION
from audit.errors import ClockError, KeyFileError, RolledBackError
from audit.models import Anchoring, Checkpoint, Event, Pending
from audit.notes import Signer
from audit.sealing.anchoring import AnchorThread
from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.presence import LEADER_LOCK
from audit.sealing.sealer import Sealer
from tests.database import as_owner, as_sealer
from tests.integration.audit.test_roles import signed_in
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

LOST = TreeHead(ORIGIN, 33, bytes(32))


def lost_note(key: SealingKey) -> str:
    """A checkpoint of the installation's key over a tree that the database does not hold."""
    return sign_checkpoint(LOST, key.signers, unix_time=1_750_000_000)


def make_sealer(folder: Path, **options: Any) -> Sealer:  # noqa: ANN401 - the sealer's own
    return Sealer(
        connect=lambda: connection.connection,
        key_file=Path(settings.AUDIT_KEY_FILE),
        memory=HeadMemory(folder / "last-signed"),
        every_s=0,
        **options,
    )


@pytest.mark.django_db(transaction=True)
def test_no_lock_that_the_application_can_take_keeps_events_from_being_sealed(
    sealing_key: SealingKey, tmp_path: Path, say: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    with transaction.atomic():
        say()
    with signed_in(APPLICATION) as hostile, connect_sealer() as session:
        held = hostile.execute("SELECT pg_try_advisory_lock(%s), pg_try_advisory_lock(7211504903771)", (LEADER_LOCK,))
        assert held.fetchone() == (True, True)
        for table in ("audit_pending", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_anchoring"):
            for mode in ("SHARE UPDATE EXCLUSIVE", "SHARE", "ACCESS EXCLUSIVE"):
                with pytest.raises(errors.InsufficientPrivilege), hostile.transaction():
                    hostile.execute(f"LOCK TABLE {table} IN {mode} MODE")
        sealer = Sealer(
            connect=lambda: session, key_file=Path(settings.AUDIT_KEY_FILE), memory=HeadMemory(tmp_path / "last-signed")
        )
        sealer._step()
    assert not Pending.objects.exists()
    assert f"A session of {APPLICATION} holds the lock of the sealer that leads" in caplog.text or not embedded()


@contextmanager
def leading() -> Iterator[None]:
    """Be the sealer's login; the lock of who leads belongs to the session and is given back."""
    try:
        with as_sealer():
            yield
    finally:
        connection.cursor().execute("SELECT pg_advisory_unlock_all()")


def embedded() -> bool:
    return str(connection.get_connection_params().get("host", "")).startswith("/")


@pytest.mark.django_db(transaction=True)
def test_a_single_round_looks_back_too(sealing_key: SealingKey, tmp_path: Path, say: Callable[..., int]) -> None:
    memory = HeadMemory(Path(settings.AUDIT_KEY_FILE).with_name("last-signed"))
    memory.remember(lost_note(sealing_key))
    try:
        with transaction.atomic():
            say()
        with pytest.raises(CommandError, match="33 entries that the database does not hold"):
            call_command("audit_sealer", "--once")
        assert Pending.objects.count() == 1
        assert memory.head() == LOST, "what shows it is still there"
        call_command("audit_sealer", "--once", "--accept-restore")
        assert list(Event.objects.order_by("id").values_list("action", flat=True))[-1] == "audit.log_restored"
    finally:
        memory.forget()


@pytest.mark.django_db
def test_who_remembers_nothing_asks_the_anchors(
    seal: Seal, fill: Callable[..., None], sealing_key: SealingKey, tmp_path: Path
) -> None:
    fill(3)
    seal()
    anchor, silent = FileAnchor(tmp_path / "anchor"), FileAnchor(tmp_path)
    anchor.publish(Checkpoint.objects.get().note)
    newest = {"silent": silent, "empty": FileAnchor(tmp_path / "empty"), "anchor": anchor}
    with leading():
        make_sealer(tmp_path / "new", newest=newest)._step()
    anchor.publish(lost_note(sealing_key))
    with leading(), pytest.raises(RolledBackError, match="The anchor anchor has been given a tree of 33 entries"):
        make_sealer(tmp_path / "other", newest=newest)._step()
    with leading():
        make_sealer(tmp_path / "other", newest=newest, accept_restore=True)._step()
    assert Event.objects.filter(action="audit.log_restored").count() == 1
    anchor.publish(sign_checkpoint(LOST, [Signer.make(ORIGIN)], unix_time=1_750_000_000))
    with leading():
        make_sealer(tmp_path / "third", newest=newest)._step()


@pytest.mark.django_db
def test_a_restore_is_accepted_once_and_not_for_as_long_as_the_process_lives(
    seal: Seal, fill: Callable[..., None], sealing_key: SealingKey, tmp_path: Path
) -> None:
    fill(3)
    seal()
    sealer = make_sealer(tmp_path, accept_restore=True)
    with leading():
        sealer._step()
    HeadMemory(tmp_path / "last-signed").remember(lost_note(sealing_key))
    sealer._leads = False
    with leading(), pytest.raises(RolledBackError):
        sealer._step()


@pytest.mark.django_db
def test_a_full_disk_beside_the_key_takes_the_memory_and_not_the_anchors(
    seal: Seal,
    fill: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(_memory: HeadMemory, _note: str) -> None:
        raise KeyFileError("last-signed cannot be written (No space left on device).")

    offered: list[str] = []
    sealer = make_sealer(tmp_path, on_sealed=offered.append)
    with monkeypatch.context() as patched:
        patched.setattr(HeadMemory, "remember", full)
        for _ in range(2):
            fill(1)
            with leading():
                sealer._step()
    notes = list(Checkpoint.objects.order_by("tree_size").values_list("note", flat=True))
    assert offered == notes
    assert len(notes) == 2
    assert caplog.text.count("No space left on device") == 1, "it is told when it begins"
    fill(1)
    with leading():
        sealer._step()
    assert HeadMemory(tmp_path / "last-signed").note() == Checkpoint.objects.latest("tree_size").note


@pytest.mark.django_db
def test_nothing_is_signed_by_a_clock_that_is_not_the_databases(
    fill: Callable[..., None], sealing_key: SealingKey, tmp_path: Path
) -> None:
    fill(1)
    now = time.time()
    for away, words in ((4e8, "s ahead of the database's"), (-90, "90 s behind the database's")):
        sealer = make_sealer(tmp_path)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("audit.sealing.presence.wall_clock", lambda away=away: now + away)
            with leading(), pytest.raises(ClockError, match=words):
                sealer._step()
    assert Pending.objects.count() == 1
    with leading():
        make_sealer(tmp_path)._step()
    assert not Pending.objects.exists()


@pytest.mark.django_db
def test_a_tile_that_grew_ends_no_sealer(
    seal: Seal, fill: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(3)
    seal()
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE audit_tile DISABLE TRIGGER audit_tile_grows")
        cursor.execute("UPDATE audit_tile SET hashes = hashes || sha256('x')")
        cursor.execute("ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_tile_grows")
    fill(1)
    ending = threading.Event()
    sealer = make_sealer(tmp_path, look_every_s=0.01)
    monitor = Telling(ending)
    logging.getLogger("audit.sealing.sealer").addHandler(monitor)
    try:
        with leading(), no_closing():
            sealer.run(ending)
    finally:
        logging.getLogger("audit.sealing.sealer").removeHandler(monitor)
    assert "Tile 0/0 is missing or has another length" in caplog.text or "Nothing is sealed" in caplog.text
    assert Pending.objects.count() == 1


class Pauses(threading.Event):
    """Notes how long the sealer would wait, and ends it after the third time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        if len(self.asked) == 3:
            self.set()
        return self.is_set()


@pytest.mark.django_db
@pytest.mark.usefixtures("sealing_key")
def test_a_sealer_that_is_behind_goes_on_with_the_next_checkpoint_without_a_pause(
    fill: Callable[..., None], tmp_path: Path
) -> None:
    fill(10)
    ending = Pauses()
    with leading(), no_closing():
        make_sealer(tmp_path, batch=4, look_every_s=3.0).run(ending)
    assert ending.asked == [0.0, 0.0, 3.0]
    assert [sealed.tree_size for sealed in Checkpoint.objects.order_by("tree_size")] == [4, 8, 10]


class Telling(logging.Handler):
    """Ends the sealer at its first message."""

    def __init__(self, ending: threading.Event) -> None:
        super().__init__()
        self.ending = ending

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - logging's signature
        """Whatever it says."""
        self.ending.set()


@contextmanager
def no_closing() -> Iterator[None]:
    """The test's own connection stays open although the sealer drops it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Connection, "close", lambda _self: None)
        yield


@pytest.mark.django_db(transaction=True)
def test_an_anchor_that_holds_another_log_is_told_and_not_written_over(
    sealing_key: SealingKey, tmp_path: Path, say: Callable[..., int]
) -> None:
    """Two installations with one key, or a log that somebody has replaced."""
    with transaction.atomic():
        say()
    call_command("audit_sealer", "--once")
    note = Checkpoint.objects.get().note
    anchor = FileAnchor(tmp_path / "anchor")
    anchor.publish(lost_note(sealing_key))
    before = anchor.path.read_bytes()
    specification = AnchorSpecification("file", str(anchor.path), 60, "shared")

    def hand_over(*, accept_restore: bool) -> None:
        thread = AnchorThread(
            specifications=[specification],
            connect=connect_sealer,
            ending=threading.Event(),
            accept_restore=accept_restore,
        )
        thread._hand_over(thread._anchored[0], note, 1)

    hand_over(accept_restore=False)
    assert anchor.path.read_bytes() == before
    assert "a tree of 33 entries that this log does not hold" in Anchoring.objects.get(anchor="shared").error
    assert Event.objects.filter(action="audit.anchor_failed", object_id="shared").count() == 1
    hand_over(accept_restore=True)
    assert list(anchor.checkpoints())[-1] == note
    assert Anchoring.objects.get(anchor="shared").error == ""


def test_an_anchor_that_breaks_whatever_serves_it_does_not_end_the_others(
    tmp_path: Path, sealing_key: SealingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending, served = threading.Event(), []
    thread = AnchorThread(
        specifications=[AnchorSpecification("file", str(tmp_path / name), 60, name) for name in ("bad", "good")],
        connect=connect_sealer,
        ending=ending,
    )

    def hand_over(_thread: AnchorThread, anchored: Any, _note: str, _size: int) -> None:  # noqa: ANN401
        if anchored.specification.name == "bad":
            raise ValueError("whatever")
        served.append(anchored.specification.name)
        ending.set()

    monkeypatch.setattr(AnchorThread, "_hand_over", hand_over)
    thread.offer(lost_note(sealing_key))
    thread.run()
    assert served == ["good"]
