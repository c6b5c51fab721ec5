"""Events whose time is over go to archives that verify; whatever is held, recent or needed stays."""

# ruff: noqa: S608 - the statements are the test's own
from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.anchors.protocols import Newest
from audit.database_roles import SEALER
from audit.models import Archive, ArchivedEvent, Event, Leaf, LegalHold
from audit.recorder import record
from audit.retention.archive_file import archive_check
from audit.retention.archiving import Archived, Archivist, Held
from audit.retention.errors import ArchiveError, EventArchivedError, HoldStateError, RetentionRefusedError
from audit.retention.holds import hold_place, hold_propose_release, hold_release
from audit.retention.periods import period_set
from audit.retention.retrieval import retrieval_test
from audit.sealing.memory import HeadMemory
from audit.sealing.trust import trusted_keys
from changes.domain.evidence import PackScope
from changes.evidence import verify as offline
from changes.services.evidence.asking import pack_ask
from changes.services.requests import change_cancel
from changes.services.review import change_close
from tests import factories
from tests.database import as_owner, as_sealer
from tests.factories import Cast, actor
from tests.forging import forge
from tests.integration.sealing_fixtures import Seal

pytestmark = pytest.mark.django_db

AGE = "UPDATE audit_event SET at = at - interval '{days} days' WHERE {which}"


class KilledError(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def archivist(
    folder: Path, after: Callable[[str], None] = lambda _step: None, newest: Mapping[str, Newest] | None = None
) -> Archivist:
    return Archivist(
        connection.connection,
        folder=folder,
        key_file=Path(settings.AUDIT_KEY_FILE),
        memory=HeadMemory(folder.with_name(f"{folder.name}-last-signed")),
        keys=trusted_keys(),
        newest=newest,
        after=after,
    )


def archived(folder: Path, limit: int = 1000) -> Archived | Held | None:
    with as_sealer():
        return archivist(folder).make(limit)


def aged(which: str, days: int = 800) -> None:
    """What is written so far was written so many days ago; before it is sealed."""
    forge(AGE.format(days=days, which=which))
    deferred()


def deferred() -> None:
    """Have guards ask at the end again, as they do outside of forgeries."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is taken back at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def verified(*options: str) -> str:
    out = StringIO()
    call_command("audit_verify", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def cast(seal: Seal) -> Cast:
    cast = Cast.create()
    factories.joins(cast.outsider, "administrator")
    seal()
    for retention_class in ("normal", "none"):
        period_set(actor=actor(cast.outsider), retention_class=retention_class, days="700", reason="Policy 4.")
    return cast


@pytest.fixture
def closed(cast: Cast, seal: Seal) -> int:
    """A change that was carried out and closed 800 days ago; its id."""
    run = factories.carried_out(factories.started(cast, [factories.DeviceFactory.create(name="fra-acc-01")]))
    change_close(change_id=run.change_id, manager=actor(cast.manager), close_code="successful")
    aged(f"change_id = {run.change_id}")
    seal()
    return run.change_id


@pytest.fixture
def ended(cast: Cast, seal: Seal) -> int:
    """A change that was canceled 800 days ago; its id."""
    change = factories.draft(cast.author)
    change_cancel(change_id=change.pk, actor=actor(cast.author), comment="Not needed.")
    aged(f"change_id = {change.pk}")
    seal()
    return change.pk


def test_a_closed_change_moves_to_an_archive_that_verifies_and_the_log_stays_whole(
    cast: Cast, closed: int, seal: Seal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count, root = Event.objects.filter(change_id=closed).count(), verified()
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    assert made.events == count == ArchivedEvent.objects.filter(change_id=closed).count()
    assert not Event.objects.filter(change_id=closed).exists()
    assert Leaf.objects.filter(event_id__in=ArchivedEvent.objects.values("event_id")).count() == count
    seal()
    said = verified()
    assert f"Events in archives: {count:,}, in 1 of them." in said
    assert said.endswith("The audit log is whole.\n")
    assert "decisions" in root
    assert f"{count:,} events, each proved" in verified("--archive", str(made.file))
    assert offline.main([str(made.file), "--key", str(trusted_keys()[0].verifier)]) == 0
    assert f"Each of the {count} events stands in the log" in capsys.readouterr().out
    with as_sealer():
        assert archivist(tmp_path).make() is None
    for scope, change in ((PackScope.WHOLE, None), (PackScope.CHANGE, closed)):
        with pytest.raises(EventArchivedError, match="archive"):
            pack_ask(actor=actor(cast.auditor), scope=scope, change_id=change)


@pytest.mark.parametrize("step", ["written", "renamed", "recorded", "sealed", "removing", "removed"])
def test_killed_at_any_step_it_loses_nothing_and_the_next_run_ends_it(
    step: str, ended: int, seal: Seal, tmp_path: Path
) -> None:
    ids = set(Event.objects.filter(change_id=ended).values_list("pk", flat=True))

    def kill(done: str) -> None:
        if done == step:
            raise KilledError

    with as_sealer():
        first = archivist(tmp_path, kill)
        with pytest.raises(KilledError):
            first.make()
    there = set(Event.objects.filter(change_id=ended).values_list("pk", flat=True))
    assert there == (set() if step == "removed" else ids)
    seal()
    assert verified().endswith("The audit log is whole.\n")
    with as_sealer():
        again = archivist(tmp_path)
        outcomes = [*again.finish(), again.make()]
    assert not Event.objects.filter(change_id=ended).exists()
    assert set(ArchivedEvent.objects.values_list("event_id", flat=True)) == ids
    assert Archive.objects.filter(state="removed").count() == 1
    assert sum(isinstance(outcome, Archived) for outcome in outcomes) == (step != "removed")
    assert not list(tmp_path.glob(".archive-*"))
    seal()
    assert verified().endswith("The audit log is whole.\n")


def test_what_is_recent_open_or_of_a_class_without_period_stays(cast: Cast, seal: Seal, tmp_path: Path) -> None:
    open_change = factories.draft(cast.author)
    standing = factories.draft(cast.author)
    change_cancel(change_id=standing.pk, actor=actor(cast.author), comment="Not needed.")
    recent = factories.draft(cast.author)
    change_cancel(change_id=recent.pk, actor=actor(cast.author), comment="Not needed.")
    aged(f"change_id IN ({open_change.pk}, {standing.pk})")
    aged(f"change_id = {recent.pk}", days=690)
    seal()
    with as_owner() as cursor:
        cursor.execute("SELECT DISTINCT change_id FROM audit_due_event")
        assert cursor.fetchall() == [(standing.pk,)]
    period_set(actor=actor(cast.outsider), retention_class="normal", days="", reason="Keep all.")
    seal()
    assert archived(tmp_path) is None


def test_a_held_change_and_a_held_range_stay_until_two_people_release_them(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    by_change = hold_place(
        actor=actor(cast.auditor), given={"matter": "Case 7", "reason": "Lawsuit.", "change_id": f"CHG-{ended:05}"}
    )
    first = Event.objects.filter(change_id=ended).earliest("pk").at
    by_range = hold_place(
        actor=actor(cast.outsider),
        given={"matter": "Case 8", "reason": "Inquiry.", "since": first.isoformat(), "until": ""},
    )
    assert archived(tmp_path) is None
    for hold in (by_change, by_range):
        hold_propose_release(actor=actor(cast.auditor), hold_id=hold.pk, reason="Settled.")
        assert archived(tmp_path) is None
        with pytest.raises(HoldStateError, match="not sealed"):
            hold_release(actor=actor(cast.outsider), hold_id=hold.pk)
        seal()
        with pytest.raises(RetentionRefusedError, match="yourself"):
            hold_release(actor=actor(cast.auditor), hold_id=hold.pk)
        hold_release(actor=actor(cast.outsider), hold_id=hold.pk)
    seal()
    assert isinstance(archived(tmp_path), Archived)


def test_a_hold_that_comes_after_the_record_keeps_the_events_in_the_table(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    def hold(step: str) -> None:
        if step == "recorded":
            with as_owner():
                given = {"matter": "Case 9", "reason": "Late.", "change_id": str(ended)}
                hold_place(actor=actor(cast.auditor), given=given)
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {SEALER}")

    with as_sealer():
        outcome = archivist(tmp_path, hold).make()
    assert isinstance(outcome, Held)
    assert "the others are held" in outcome.why
    assert Event.objects.filter(change_id=ended).exists()
    hold_propose_release(actor=actor(cast.auditor), hold_id=LegalHold.objects.get().pk, reason="Done.")
    seal()
    hold_release(actor=actor(cast.outsider), hold_id=LegalHold.objects.get().pk)
    with as_sealer():
        assert [type(each) for each in archivist(tmp_path).finish()] == [Archived]


def test_nobody_removes_an_event_without_the_archive(ended: int, seal: Seal, tmp_path: Path) -> None:
    event = Event.objects.filter(change_id=ended).earliest("pk").pk
    for role in (as_owner, as_sealer):
        with pytest.raises(DatabaseError, match=r"only grows|permission denied"), role() as cursor:
            cursor.execute(f"DELETE FROM audit_event WHERE id = {event}")
        with pytest.raises(DatabaseError, match=r"only grows|permission denied"), role() as cursor:
            cursor.execute(f"DELETE FROM audit_opening WHERE event_id = {event}")
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SELECT audit_archive_remove(1, '')")
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SELECT audit_archive_give_up(1)")
    with pytest.raises(DatabaseError, match="no recorded archive"), as_sealer() as cursor:
        cursor.execute("SELECT audit_archive_remove(99999, '')")
    with pytest.raises(DatabaseError, match="permission denied"), as_sealer() as cursor:
        cursor.execute("UPDATE audit_archive SET state = 'removed'")
    with pytest.raises(DatabaseError, match="permission denied"), as_sealer() as cursor:
        cursor.execute("INSERT INTO audit_archived_event VALUES (%s, 0, 1, now(), NULL, 'change', '1', '')", [event])


def test_a_thing_goes_on_from_its_archived_state_and_from_no_other(ended: int, seal: Seal, tmp_path: Path) -> None:
    assert isinstance(archived(tmp_path), Archived)
    for said, refused in (("rejected", True), ("canceled", False)):
        with undone(), connection.cursor() as cursor:
            deferred()
            cursor.execute(f"UPDATE changes_changerequest SET state = 'draft' WHERE id = {ended}")
            record(
                actor=factories.TESTER,
                action="change.reopened",
                object_type="change",
                object_id=ended,
                state_from=said,
                state_to="draft",
            )
            with pytest.raises(IntegrityError, match="it was canceled") if refused else nullcontext():
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_tampered_archives_and_records_are_named(closed: int, seal: Seal, tmp_path: Path) -> None:
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    seal()
    whole = made.file.read_bytes()
    with zipfile.ZipFile(made.file) as old:
        content = {name: old.read(name) for name in old.namelist()}

    def altered(name: str, data: bytes) -> str:
        with zipfile.ZipFile(made.file, "w") as new:
            for each, was in content.items():
                new.writestr(each, data if each == name else was)
        with pytest.raises(ArchiveError) as refused:
            archive_check(made.file, trusted_keys())
        assert offline.main([str(made.file), "--key", str(trusted_keys()[0].verifier)]) in {1, 2}
        return str(refused.value)

    lines = content["events.jsonl"].splitlines(keepends=True)
    assert "was altered" in altered("events.jsonl", content["events.jsonl"].replace(b"closed", b"opened", 1))
    assert "was altered" in altered("events.jsonl", b"".join(lines[1:]))
    assert "was exchanged" in altered("manifest.json", content["manifest.json"].replace(b"normal", b"emergency"))
    assert "not signed by the log's key" in altered("log/manifest.note", content["log/checkpoint"].replace(b"a", b"b"))
    assert "tree head does not verify" in altered("log/checkpoint", content["log/manifest.note"])
    made.file.write_bytes(whole[:-100])
    with pytest.raises(CommandError, match="cut off or is damaged"):
        verified("--archive", str(made.file))
    event = ArchivedEvent.objects.earliest("pk").pk
    for forgery, said in (
        (f"DELETE FROM audit_archived_event WHERE event_id = {event}", "was deleted"),
        ("UPDATE audit_archive SET sha256 = repeat('0', 64)", "not what the log says of it"),
        ("DELETE FROM audit_archive", "never recorded"),
        (f"UPDATE audit_archived_event SET event_id = 999999 WHERE event_id = {event}", "has an event in its place"),
    ):
        with undone():
            forge(forgery)
            with pytest.raises(CommandError, match=said):
                verified()


def test_a_retrieval_test_proves_archives_and_says_what_is_lost(cast: Cast, closed: int, tmp_path: Path) -> None:
    who = actor(cast.auditor)
    with pytest.raises(ArchiveError, match="nothing to retrieve"):
        retrieval_test(actor=who, folder=tmp_path, keys=trusted_keys())
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    test = retrieval_test(actor=who, folder=tmp_path, keys=trusted_keys())
    assert test.passed
    assert len(test.result["taken"][0]["looked_up"]) == 5
    made.file.unlink()
    test = retrieval_test(actor=who, folder=tmp_path, keys=trusted_keys())
    assert not test.passed
    assert "cannot be read" in test.result["taken"][0]["problem"]
    assert Event.objects.filter(action="audit_archive.retrieval_tested").count() == 2
