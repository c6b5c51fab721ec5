"""What somebody tries who wants an event gone, kept for ever, or forgotten by the rules that look back at it."""

# ruff: noqa: S608 - the statements are the test's own
from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.errors import RolledBackError
from audit.management.commands.audit_archive import Command, _demand_none
from audit.models import Archive, ArchivedEvent, Event, LegalHold
from audit.recorder import record
from audit.retention.archiving import ARCHIVE_LOCK, Archived, Broken, Held
from audit.retention.errors import ArchiveError
from audit.retention.holds import hold_decline_release, hold_place, hold_propose_release
from audit.retention.leftovers import leftovers
from audit.retention.periods import period_set
from audit.sealing.database import connect_sealer
from audit.sealing.trust import trusted_keys
from tests import factories
from tests.database import as_owner, as_sealer
from tests.factories import Cast, actor
from tests.forging import forge
from tests.integration.retention.test_archiving import (
    KilledError,
    archived,
    archivist,
    cast,
    closed,
    deferred,
    ended,
    undone,
    verified,
)
from tests.integration.sealing_fixtures import Seal

__all__ = ["cast", "closed", "ended"]
pytestmark = pytest.mark.django_db


def killed_at(folder: Path, step: str) -> None:
    """Begin an archive, and end as if killed after this step."""

    def kill(done: str) -> None:
        if done == step:
            raise KilledError

    with as_sealer(), pytest.raises(KilledError):
        archivist(folder, kill).make()


def told(folder: Path) -> list[str]:
    with as_sealer() as cursor:
        return list(leftovers(cursor, folder, trusted_keys()))


def test_what_went_to_an_archive_does_not_begin_anew(ended: int, tmp_path: Path) -> None:
    assert isinstance(archived(tmp_path), Archived)
    with undone(), connection.cursor() as cursor:
        deferred()
        cursor.execute(f"UPDATE changes_changerequest SET state = 'draft' WHERE id = {ended}")
        record(
            actor=factories.TESTER,
            action="change.created",
            object_type="change",
            object_id=ended,
            state_from="",
            state_to="draft",
        )
        with pytest.raises(IntegrityError, match="it was canceled"):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_range_holds_the_rest_of_a_change_of_which_a_part_went_already(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    assert isinstance(archived(tmp_path, limit=1), Archived)
    gone, left = ArchivedEvent.objects.get(), Event.objects.filter(change_id=ended).latest("pk")
    given = {"matter": "Case 7", "reason": "Inquiry.", "since": gone.at.isoformat(),
             "until": (gone.at + timedelta(microseconds=1)).isoformat()}  # fmt: skip
    hold = hold_place(actor=actor(cast.auditor), given=given)
    assert archived(tmp_path) is None
    with connection.cursor() as cursor:
        for event in (gone.pk, left.pk):
            cursor.execute("SELECT audit_held_by(%s)", [event])
            assert cursor.fetchone() == (hold.pk,)


def test_a_change_that_goes_in_pieces_leaves_a_whole_log_after_each(closed: int, seal: Seal, tmp_path: Path) -> None:
    step = Event.objects.filter(change_id=closed).count() // 2
    while isinstance(archived(tmp_path, limit=step), Archived):
        seal()
        assert verified().endswith("The audit log is whole.\n")
    assert not Event.objects.filter(change_id=closed).exists()
    assert Archive.objects.count() > 1


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_events_leave_only_where_holds_of_this_moment_are_seen(level: str, ended: int) -> None:
    with closing(connect_sealer()) as apart:
        apart.execute(f"BEGIN ISOLATION LEVEL {level}")
        with pytest.raises(psycopg.Error, match="READ COMMITTED transaction alone"):
            apart.execute("SELECT audit_archive_remove(1, '')")


def test_a_release_needs_a_sealed_proposal_and_not_one_that_was_declined(cast: Cast, ended: int, seal: Seal) -> None:
    hold = hold_place(actor=actor(cast.auditor), given={"matter": "x", "reason": "x", "change_id": str(ended)})
    hold_propose_release(actor=actor(cast.auditor), hold_id=hold.pk, reason="Settled.")
    seal()
    hold_decline_release(actor=actor(cast.outsider), hold_id=hold.pk, reason="Not yet.")
    hold_propose_release(actor=actor(cast.auditor), hold_id=hold.pk, reason="Now.")
    with pytest.raises(DatabaseError, match="once the event of its proposal is sealed"), transaction.atomic():
        LegalHold.objects.filter(pk=hold.pk).update(
            state="released",
            released_by_id=cast.outsider.pk,
            released_by_name="outsider",
            released_at="2026-01-01T00:00Z",
        )


def test_a_hold_is_placed_on_a_change_that_is_in_an_archive(cast: Cast, ended: int, tmp_path: Path) -> None:
    assert isinstance(archived(tmp_path), Archived)
    hold = hold_place(actor=actor(cast.auditor), given={"matter": "x", "reason": "x", "change_id": str(ended)})
    assert hold.change_id == ended


def test_a_period_that_was_made_longer_meanwhile_keeps_the_events(cast: Cast, ended: int, tmp_path: Path) -> None:
    def longer(step: str) -> None:
        if step == "renamed":
            with as_owner():
                period_set(actor=actor(cast.outsider), retention_class="normal", days="5000", reason="Law 7.")
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE countersign_sealer")

    with as_sealer():
        outcome = archivist(tmp_path, longer).make()
    assert isinstance(outcome, Held)
    assert "their time is not over any more" in outcome.why
    assert Event.objects.filter(change_id=ended).exists()


def test_two_archivists_do_not_disturb_each_other(ended: int, tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")  # what a test before has made in this session
    with closing(connect_sealer()) as other:
        assert other.execute("SELECT pg_try_advisory_lock(%s)", (ARCHIVE_LOCK,)).fetchone() == (True,)
        draft = tmp_path / ".archive-00001.draft"
        draft.write_text("what the other process writes just now")
        with as_sealer(), pytest.raises(ArchiveError, match="Another process makes archives now, signed in as "):
            archivist(tmp_path)
        assert draft.exists()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can become larger than this, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 700])
def test_a_disk_that_is_full_costs_nothing(size: int, ended: int, seal: Seal, tmp_path: Path) -> None:
    with as_sealer():
        maker = archivist(tmp_path)
        with room_for(size), pytest.raises(ArchiveError, match="cannot be written"):
            maker.make()
    assert list(tmp_path.iterdir()) == []
    assert Event.objects.filter(change_id=ended).exists()
    assert isinstance(archived(tmp_path), Archived)


def test_an_archive_is_not_for_everybody_on_the_machine(ended: int, tmp_path: Path) -> None:
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    assert made.file.stat().st_mode & 0o007 == 0


def test_a_name_is_not_used_again_when_its_file_was_moved_away(ended: int, seal: Seal, tmp_path: Path) -> None:
    away = tmp_path / "worm"
    away.mkdir()
    while isinstance(made := archived(tmp_path, limit=1), Archived):
        made.file.rename(away / made.file.name)
        (tmp_path / "archive-00001.zip").write_bytes(b"a stranger's")  # pushes numbers and names apart
    names = list(Archive.objects.values_list("file", flat=True))
    assert len(names) == len(set(names)) > 1
    assert {path.name for path in away.iterdir()} == set(names)


def test_a_lost_file_keeps_no_other_archive_from_being_made_and_can_be_given_up(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    killed_at(tmp_path, "recorded")
    seal()
    (lost,) = tmp_path.glob("*.zip")
    lost.unlink()
    with as_sealer():
        again = archivist(tmp_path)
        (outcome,) = again.finish()
        assert isinstance(outcome, Broken)
        assert "cannot be read" in outcome.why
        assert again.make() is None
        again.give_up(outcome.archive_id, "The disk is gone.")
        with pytest.raises(ArchiveError, match="its events are not in the table"):
            again.give_up(outcome.archive_id, "Once more.")
        made = again.make()
        assert isinstance(made, Archived)
        with pytest.raises(ArchiveError, match="its events are not in the table"):
            again.give_up(made.archive_id, "No.")
    assert made.file != lost
    seal()
    assert verified().endswith("The audit log is whole.\n")
    said = Event.objects.get(action="audit_archive.given_up")
    assert (said.state_from, said.state_to, said.reason) == ("recorded", "given_up", "The disk is gone.")


def test_the_command_tells_of_a_broken_archive_once_and_fails() -> None:
    said = StringIO()
    command = Command(stdout=said, stderr=said)
    broken = Broken(4, Path("archive-00004.zip"), "It cannot be read.")
    assert command._tell_all([broken]) == command._tell_all([broken], but={4}) == {4}
    assert said.getvalue().count("Archive 4: It cannot be read.") == 1
    with pytest.raises(CommandError, match=r"These archives need you: 2, 4\. Restore the files"):
        _demand_none({4, 2})


def test_only_a_file_whose_every_event_is_in_the_table_may_be_deleted(ended: int, seal: Seal, tmp_path: Path) -> None:
    killed_at(tmp_path, "renamed")
    (sentence,) = told(tmp_path)
    assert "all in the table" in sentence
    assert "delete this one" in sentence
    copy = tmp_path / "archive-00099.zip"
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    shutil.copy(made.file, copy)
    (tmp_path / "archive-00098.zip").write_bytes(b"half a file")
    assert ["Keep it" in each for each in told(tmp_path)] == [False, True, False], "a leftover, half a file, a copy"
    assert "was recorded as archive" in verified("--archive", str(copy))
    assert f", there under the name {made.file.name}" in verified("--archive", str(copy))
    with undone():
        forge("DELETE FROM audit_archive")
        assert "of its events nowhere else. Keep it." in verified("--archive", str(made.file))
        assert all("Keep it" in each for each in told(tmp_path))


def test_a_backup_older_than_an_archive_loses_nothing(cast: Cast, ended: int, seal: Seal, tmp_path: Path) -> None:
    count = Event.objects.filter(change_id=ended).count()
    with undone():
        made = archived(tmp_path)
        assert isinstance(made, Archived)
    with as_sealer(), pytest.raises(RolledBackError, match="accept-restore"):
        archivist(tmp_path)
    (tmp_path.with_name(f"{tmp_path.name}-last-signed")).unlink()  # as --accept-restore does
    assert "Its events are still in the table" in verified("--archive", str(made.file))
    assert "delete this one" in told(tmp_path)[0]
    again = archived(tmp_path)
    assert isinstance(again, Archived)
    assert (again.events, again.file != made.file) == (count, True)
    seal()
    assert verified().endswith("The audit log is whole.\n")
    for path in (made.file, again.file):
        assert f"{count:,} events, each proved" in verified("--archive", str(path))


def test_the_database_of_before_is_not_signed_by_a_host_that_remembers_nothing(ended: int, tmp_path: Path) -> None:
    """An anchor knows a larger tree of this key: making archives would sign a second history."""
    from audit.checkpoints import TreeHead, sign_checkpoint
    from tests.sealing import installation_key

    key = installation_key()
    note = sign_checkpoint(TreeHead(key.origin, 10**6, b"\x07" * 32), key.signers, unix_time=1_700_000_000)

    class Anchor:
        def publish(self, checkpoint: str) -> None: ...
        def newest(self) -> str:
            return note

    with as_sealer(), pytest.raises(RolledBackError, match="The anchor file:x has been given"):
        archivist(tmp_path, newest={"file:x": Anchor()})
