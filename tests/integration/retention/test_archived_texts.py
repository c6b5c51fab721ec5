"""Texts of people go to the archive with their events, and can be taken out of its file; holds keep them, too."""

# ruff: noqa: S608 - the statements are the test's own
from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from audit.management.commands import audit_archive
from audit.models import Archive, Event, LegalHold, Opening, Redaction
from audit.redaction.errors import RedactionRefusedError
from audit.redaction.redacting import redaction_carry_out, redaction_decline, redaction_propose
from audit.retention.archive_file import archive_check
from audit.retention.archive_redacting import RedactedFile
from audit.retention.archiving import Archived, Held
from audit.retention.errors import ArchiveError
from audit.retention.holds import hold_place, hold_propose_release, hold_release
from audit.retention.retrieval import retrieval_test
from audit.retention.waiting import waiting_redactions
from audit.sealing.trust import trusted_keys
from changes.evidence import verify as offline
from tests import factories
from tests.database import as_sealer
from tests.factories import Cast, actor
from tests.forging import forge
from tests.integration.retention.test_archiving import KilledError, archived, archivist, cast, ended, verified
from tests.integration.sealing_fixtures import Seal

__all__ = ["cast", "ended"]
pytestmark = pytest.mark.django_db
WHY = "It holds the password of a router."
TEXT = "Not needed."


def with_texts(path: Path, change: Callable[[list[bytes]], list[bytes] | None]) -> None:
    """Exchange the lines of openings.jsonl; None takes the file out."""
    old = path.with_suffix(".old")
    shutil.copy(path, old)
    with zipfile.ZipFile(old) as was, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in was.namelist():
            data: bytes | None = was.read(name)
            if name == "openings.jsonl":
                lines = change(was.read(name).splitlines(keepends=True))
                data = None if lines is None else b"".join(lines)
            if data is not None:
                new.writestr(name, data)


def offline_says(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = offline.main([str(path), "--key", str(trusted_keys()[0].verifier)])
    return code, capsys.readouterr().out


def texts_of(change: int) -> int:
    return Opening.objects.filter(event_id__in=Event.objects.filter(change_id=change).values("pk")).count()


def test_texts_leave_the_database_with_their_events_and_are_checked_in_the_file(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, count = set(Event.objects.filter(change_id=ended).values_list("pk", flat=True)), texts_of(ended)
    assert count > 1
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    seal()
    assert not Opening.objects.filter(event_id__in=ids).exists()
    with zipfile.ZipFile(made.file) as file:
        lines = [json.loads(line) for line in file.read("openings.jsonl").splitlines()]
    assert TEXT in {line["value"] for line in lines}
    assert {line["event"] for line in lines} <= ids
    assert f"Texts of people that are those that were sealed: {count}." in verified("--archive", str(made.file))
    assert f"{count} texts of people are those that were sealed." in offline_says(made.file, capsys)[1]
    assert verified().endswith("The audit log is whole.\n")
    taken = retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys()).result["taken"][0]
    assert (taken["problem"], taken["texts"], taken["lacking"]) == ("", count, 0)


@pytest.mark.parametrize("left", [None, 0, 1])
def test_an_archive_verifies_without_texts_that_were_taken_out_of_it(
    cast: Cast, ended: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], left: int | None
) -> None:
    count = texts_of(ended)
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    with_texts(made.file, lambda lines: None if left is None else lines[len(lines) - left :])
    lacking = count - (left or 0)
    code, words = offline_says(made.file, capsys)
    assert (code, f"{lacking} texts are not shown: redacted, or taken out of this archive." in words) == (0, True)
    assert archive_check(made.file, trusted_keys()).texts.lacking == lacking
    by_hand = f"Texts are missing that no redaction took out: {lacking}."
    with pytest.raises(CommandError, match=by_hand):
        verified("--archive", str(made.file))
    test = retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys())
    assert (test.passed, test.result["taken"][0]["lacking"]) == (False, lacking)
    assert by_hand in test.result["taken"][0]["problem"]


def rows_of(path: Path) -> list[dict[str, object]]:
    with zipfile.ZipFile(path) as file:
        return [json.loads(line) for line in file.read("openings.jsonl").splitlines()]


def redacted_in_archive(cast: Cast, seal: Seal, event: int) -> Redaction:
    """Two people have taken the texts of an archived event out; the file is as it was."""
    found = redaction_propose(actor=actor(cast.manager), event_id=event, paths=["*"], reason=WHY)
    seal()
    redaction_carry_out(actor=actor(cast.auditor), redaction_id=found.pk)
    seal()
    return found


def test_two_people_take_the_texts_of_an_archived_event_out_of_its_file_and_the_log_says_so(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    event, count = Opening.objects.get(path="/reason", value=TEXT).event_id, texts_of(ended)
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    seal()
    copy = tmp_path / "copy" / made.file.name
    copy.parent.mkdir()
    shutil.copy(made.file, copy)
    with as_sealer():
        assert list(archivist(tmp_path).redact()) == []
    redaction = redacted_in_archive(cast, seal, event)
    with pytest.raises(CommandError, match="still in the file that two people have redacted: "):
        verified("--archive", str(made.file))
    own = sum(row["event"] == event for row in rows_of(made.file))
    for folder in (tmp_path, copy.parent):
        with as_sealer():
            (done,) = archivist(folder).redact()
            assert isinstance(done, RedactedFile)
            assert list(archivist(folder).redact()) == [], "once is enough"
        assert done.texts == own
        assert all(row["event"] != event for row in rows_of(done.file))
        assert len(rows_of(done.file)) == count - own
        assert TEXT.encode() not in done.file.read_bytes()
    seal()
    assert f"is the file of archive {made.archive_id} as redactions left it." in verified("--archive", str(copy))
    assert verified().endswith("The audit log is whole.\n")
    first, second = Event.objects.filter(action="audit_archive.texts_renewed").order_by("pk")
    details = first.content()["details"]
    assert (details["redactions"], details["taken_out"], details["lacking"]) == ([redaction.pk], own, own)
    assert second.object_id == first.object_id == str(made.archive_id)
    assert retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys()).passed
    with pytest.raises(RedactionRefusedError, match="redacted already"):
        redaction_propose(actor=actor(cast.manager), event_id=event, paths=["*"], reason=WHY)


def test_nobody_redacts_an_archived_event_alone_in_part_or_while_it_is_held(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    with pytest.raises(RedactionRefusedError, match="no text"):
        redaction_propose(actor=actor(cast.manager), event_id=event, paths=["*"], reason=WHY)
    with pytest.raises(IntegrityError, match="a text that is not there"), transaction.atomic():
        Redaction.objects.create(event_id=event, paths=["*"], proposed_by_id=cast.manager.pk, proposed_by_name="x")
    author = Event.objects.get(pk=event).actor_id
    assert isinstance(archived(tmp_path), Archived)
    with pytest.raises(RedactionRefusedError, match="All of its texts are taken out of the file together"):
        redaction_propose(actor=actor(cast.manager), event_id=event, paths=["/reason"], reason=WHY)
    found = redaction_propose(actor=actor(cast.auditor), event_id=event, paths=["*"], reason=WHY)
    seal()
    with pytest.raises(RedactionRefusedError, match="proposed it"):
        redaction_carry_out(actor=actor(cast.auditor), redaction_id=found.pk)
    factories.joins(cast.author, "auditor")
    assert author == cast.author.pk
    with pytest.raises(RedactionRefusedError, match="You caused this event"):
        redaction_carry_out(actor=actor(cast.author), redaction_id=found.pk)
    with pytest.raises(IntegrityError, match="who caused the event cannot"), transaction.atomic():
        Redaction.objects.filter(pk=found.pk).update(
            state="carried_out", decided_by_id=cast.author.pk, decided_by_name="author", decided_at="2026-01-01T00:00Z"
        )
    hold = hold_place(actor=actor(cast.auditor), given={"matter": "Case 7", "reason": "x", "change_id": str(ended)})
    with pytest.raises(RedactionRefusedError, match="The legal hold Case 7"):
        redaction_carry_out(actor=actor(cast.outsider), redaction_id=found.pk)
    hold_propose_release(actor=actor(cast.auditor), hold_id=hold.pk, reason="Settled.")
    seal()
    hold_release(actor=actor(cast.outsider), hold_id=hold.pk)
    redaction_carry_out(actor=actor(cast.outsider), redaction_id=found.pk)


@pytest.mark.parametrize("step", ["renewed", "written anew"])
def test_killed_while_texts_go_out_of_a_file_the_next_run_does_it(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    seal()
    redaction = redacted_in_archive(cast, seal, event)

    def kill(*_given: object, **_named: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched, as_sealer():
        name = "ArchivedTexts.say" if step == "renewed" else "archive_rewrite"
        patched.setattr(f"audit.retention.archive_redacting.{name}", kill)
        with pytest.raises(KilledError):
            list(archivist(tmp_path).redact())
    with as_sealer():
        (done,) = archivist(tmp_path).redact()
    assert isinstance(done, RedactedFile)
    assert done.redactions == (redaction.pk,)
    assert TEXT not in {row["value"] for row in rows_of(made.file)}
    assert archive_check(made.file, trusted_keys()).texts.lacking


def test_a_file_that_waits_loses_a_redacted_text_without_its_events_leaving(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id

    def kill(step: str) -> None:
        if step == "recorded":
            raise KilledError

    with as_sealer(), pytest.raises(KilledError):
        archivist(tmp_path, kill).make()
    seal()
    redacted(cast, seal, event)
    with as_sealer():
        assert list(archivist(tmp_path).redact()) == []
    (path,) = tmp_path.glob("*.zip")
    assert TEXT not in {row["value"] for row in rows_of(path)}
    assert Event.objects.filter(action="audit_archive.texts_renewed").count() == 1
    assert Event.objects.filter(change_id=ended).exists()


def put(**members: object) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [json.dumps({**json.loads(lines[0]), **members}).encode() + b"\n", *lines[1:]]


FORGED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "guessed": put(value="A guess."),
    "another salt": put(salt="00" * 32),
    "longer salt": put(salt="00" * 33),
    "another place": put(path="/code"),
    "another event": put(event=999_999),
    "twice": lambda lines: [lines[0], *lines],
    "too late": lambda lines: [*lines[1:], lines[0]],
    "no text": put(value=None),
    "no JSON": lambda lines: [b"{\n", *lines],
}


def test_a_text_that_was_put_in_or_exchanged_is_named(
    ended: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    whole = made.file.read_bytes()
    for name, change in FORGED.items():
        made.file.write_bytes(whole)
        with_texts(made.file, change)
        with pytest.raises(ArchiveError):
            archive_check(made.file, trusted_keys())
        assert offline_says(made.file, capsys)[0] == 1, name


def redacted(cast: Cast, seal: Seal, event: int, path: str = "/reason") -> Redaction:
    redaction = redaction_propose(actor=actor(cast.manager), event_id=event, paths=[path], reason=WHY)
    seal()
    redaction_carry_out(actor=actor(cast.auditor), redaction_id=redaction.pk)
    seal()
    return redaction


def test_what_is_redacted_before_the_events_leave_goes_out_of_the_file_too(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    event, count = Opening.objects.get(path="/reason", value=TEXT).event_id, texts_of(ended)

    def kill(step: str) -> None:
        if step == "recorded":
            raise KilledError

    with as_sealer(), pytest.raises(KilledError):
        archivist(tmp_path, kill).make()
    seal()
    redacted(cast, seal, event)
    with as_sealer() as cursor, pytest.raises(DatabaseError, match="one was redacted"), transaction.atomic():
        cursor.execute("SELECT audit_archive_remove(%s, repeat('0', 64))", [Archive.objects.get().pk])
    with as_sealer():
        (outcome,) = archivist(tmp_path).finish()
    assert isinstance(outcome, Archived)
    with zipfile.ZipFile(outcome.file) as file:
        assert TEXT.encode() not in file.read("openings.jsonl")
        assert len(file.read("openings.jsonl").splitlines()) == count - 1
    seal()
    assert "taken out of the file: 1." in verified("--archive", str(outcome.file))
    assert verified().endswith("The audit log is whole.\n")


def test_a_file_that_lost_a_text_before_the_events_leave_gets_it_back(ended: int, seal: Seal, tmp_path: Path) -> None:
    def kill(step: str) -> None:
        if step == "recorded":
            raise KilledError

    with as_sealer(), pytest.raises(KilledError):
        archivist(tmp_path, kill).make()
    (path,) = tmp_path.glob("*.zip")
    with_texts(path, lambda _lines: None)
    with as_sealer():
        (outcome,) = archivist(tmp_path).finish()
    assert isinstance(outcome, Archived)
    assert archive_check(path, trusted_keys()).texts.lacking == 0


def test_texts_that_were_exchanged_in_the_table_never_reach_an_archive(ended: int, tmp_path: Path) -> None:
    forge(f"UPDATE audit_opening SET value = 'Nicer.' WHERE value = '{TEXT}'")
    with pytest.raises(ArchiveError, match="not the one that was sealed"):
        archived(tmp_path)
    assert Event.objects.filter(change_id=ended).exists()


def test_a_text_that_is_left_beside_an_archived_event_is_named(ended: int, seal: Seal, tmp_path: Path) -> None:
    event = Event.objects.filter(change_id=ended).earliest("pk").pk
    assert isinstance(archived(tmp_path), Archived)
    seal()
    with transaction.atomic():
        forge(f"INSERT INTO audit_opening (event_id, path, salt, value) VALUES ({event}, '/reason', sha256(''), 'x')")
        with pytest.raises(Exception, match="was put there afterwards"):
            verified()
        transaction.set_rollback(True)


def dry_run() -> str:
    """What the command says is due, in the test's own transaction."""
    said = io.StringIO()
    with as_sealer():
        audit_archive.Command(stdout=said)._tell_due(connection.connection)
    return said.getvalue()


def held(cast: Cast, event: int, **given: str) -> LegalHold:
    since = Event.objects.get(pk=event).at.isoformat()
    scope = given or {"since": since}
    return hold_place(actor=actor(cast.auditor), given={"matter": "Case 7", "reason": "Lawsuit.", **scope})


@pytest.mark.parametrize("by_change", [True, False])
def test_a_hold_keeps_the_texts_until_it_is_released(cast: Cast, ended: int, seal: Seal, by_change: bool) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    hold = held(cast, event, **({"change_id": str(ended)} if by_change else {}))
    redaction = redaction_propose(actor=actor(cast.manager), event_id=event, paths=["/reason"], reason=WHY)
    seal()
    with pytest.raises(RedactionRefusedError, match=f"The legal hold Case 7 .number {hold.pk}. keeps event {event}"):
        redaction_carry_out(actor=actor(cast.auditor), redaction_id=redaction.pk)
    refused = Event.objects.filter(action="redaction.carry_out_refused").latest("pk")
    assert refused.actor_name == cast.auditor.get_username()
    assert "Case 7" in refused.reason
    client = Client()
    client.force_login(cast.auditor)
    page = client.get(f"/audit/redactions/{redaction.pk}/").content.decode()
    assert "A legal hold keeps these texts" in page
    assert "/carry-out/" not in page
    answer = client.post(f"/api/v1/audit/redactions/{redaction.pk}/carry-out/", {}, "application/json")
    assert (answer.status_code, "Case 7" in answer.json()["detail"]) == (409, True)
    with pytest.raises(IntegrityError, match=f"the legal hold {hold.pk} .Case 7. keeps event"), transaction.atomic():
        Redaction.objects.filter(pk=redaction.pk).update(state="carried_out", decided_by_id=1, decided_by_name="x")
    hold_propose_release(actor=actor(cast.auditor), hold_id=hold.pk, reason="Settled.")
    seal()
    with pytest.raises(RedactionRefusedError, match="Case 7"):
        redaction_carry_out(actor=actor(cast.auditor), redaction_id=redaction.pk)
    hold_release(actor=actor(cast.outsider), hold_id=hold.pk)
    redaction_carry_out(actor=actor(cast.auditor), redaction_id=redaction.pk)
    assert Opening.objects.get(event_id=event, path="/reason").value is None


def test_a_range_holds_the_texts_of_every_event_of_a_change_with_one_in_it(cast: Cast, ended: int, seal: Seal) -> None:
    first, last = (Event.objects.filter(change_id=ended).order_by(order).first() for order in ("pk", "-pk"))
    assert first is not None
    assert last is not None
    assert first != last
    hold = held(cast, last.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_held_by(%s)", [first.pk])
        assert cursor.fetchone() == (hold.pk,)


def test_a_hold_that_comes_in_the_same_moment_is_told(
    cast: Cast, ended: int, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    redaction = redaction_propose(actor=actor(cast.manager), event_id=event, paths=["/reason"], reason=WHY)
    seal()
    held(cast, event)
    monkeypatch.setattr("audit.redaction.redacting.why_redaction_waits", lambda _event: "")
    with pytest.raises(RedactionRefusedError, match="came under a legal hold, or went to an archive, just now"):
        redaction_carry_out(actor=actor(cast.auditor), redaction_id=redaction.pk)
    assert Event.objects.filter(action="redaction.carry_out_refused").exists()


def test_an_archive_that_waits_for_a_hold_is_finished_with_the_texts_of_that_day(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    holds: list[LegalHold] = []

    def kill(step: str) -> None:
        if step == "recorded":
            raise KilledError

    with as_sealer(), pytest.raises(KilledError):
        archivist(tmp_path, kill).make()
    seal()
    holds.append(held(cast, event, change_id=str(ended)))
    with as_sealer():
        (outcome,) = archivist(tmp_path).finish()
    assert isinstance(outcome, Held)
    hold_propose_release(actor=actor(cast.auditor), hold_id=holds[0].pk, reason="Settled.")
    seal()
    hold_release(actor=actor(cast.outsider), hold_id=holds[0].pk)
    seal()
    redacted(cast, seal, event)
    with as_sealer():
        (done,) = archivist(tmp_path).finish()
    assert isinstance(done, Archived)
    assert archive_check(done.file, trusted_keys()).texts.lacking == 1


def test_events_stay_while_a_redaction_of_theirs_waits(cast: Cast, ended: int, seal: Seal, tmp_path: Path) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    redaction = redaction_propose(actor=actor(cast.manager), event_id=event, paths=["/reason"], reason=WHY)
    seal()
    assert archived(tmp_path) is None
    with as_sealer() as cursor:
        (waits,) = waiting_redactions(cursor)
    assert (waits.redaction_id, waits.event_id, waits.change_id) == (redaction.pk, event, ended)
    words = f"nobody has decided on it. Until then event {event} and all others of the change {ended} stay in the table"
    assert words in waits.sentence
    assert words in dry_run()
    client = Client()
    client.force_login(cast.auditor)
    page = client.get("/audit/retention/").content.decode()
    assert words in page
    assert f"/audit/redactions/{redaction.pk}/" in page
    redaction_decline(actor=actor(cast.auditor), redaction_id=redaction.pk, comment="It is no password.")
    seal()
    assert "nobody has decided on it" not in dry_run()
    assert isinstance(archived(tmp_path), Archived)
    page = client.get(f"/audit/redactions/{redaction.pk}/").content.decode()
    assert "The event is in an archive" in page
    assert "In the archive, with its event" in page
