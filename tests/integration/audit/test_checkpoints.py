"""Checkpoints that people keep: handed out, compared with the log later, on pages and by the API."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.actor import Actor, Origin
from audit.checkpoints import TreeHead, sign_checkpoint
from audit.errors import CheckpointNotFoundError, LogClosedError, NotSealedError, UnreadableCheckpointError
from audit.models import Checkpoint, Event
from audit.notes import Signer
from audit.recorder import record
from audit.sealing import comparing
from audit.sealing.comparing import Verdict, checkpoint_compare, checkpoint_download, downloaded_sizes
from audit.sealing.keys import SealingKey
from audit.sealing.overview import fingerprint, log_overview
from changes.evidence import verify
from tests.factories import PersonFactory
from tests.integration.sealing_fixtures import Seal
from tests.sealing import ORIGIN

pytestmark = pytest.mark.django_db

Say = Callable[..., int]


@pytest.fixture
def audrey() -> User:
    return PersonFactory.create(username="audrey-c", roles=["auditor"])


@pytest.fixture
def auditor(audrey: User) -> Actor:
    return Actor(user_id=audrey.pk, username=audrey.get_username(), origin=Origin.WEB, request_id="", ip="")


@pytest.fixture
def kept(seal: Seal, say: Say) -> str:
    """A checkpoint over some entries, after which the log has grown."""
    say()
    seal()
    note = Checkpoint.objects.latest("tree_size").note
    for _ in range(3):
        say()
    seal()
    return note


def signed(size: int, root: bytes, *signers: Signer) -> str:
    return sign_checkpoint(TreeHead(signers[0].name, size, root), signers, unix_time=int(time.time()))


def test_a_checkpoint_is_handed_out_as_it_was_signed_and_the_log_says_so(auditor: Actor, kept: str) -> None:
    size = int(kept.split("\n")[1])
    assert checkpoint_download(actor=auditor, size=size).note == kept
    event = Event.objects.latest("pk")
    assert (event.action, event.object_id, event.actor_name) == (
        "audit.checkpoint_downloaded",
        str(size),
        auditor.username,
    )
    assert size in downloaded_sizes()
    with pytest.raises(CheckpointNotFoundError):
        checkpoint_download(actor=auditor, size=10**12)
    assert Event.objects.latest("pk") == event


@pytest.mark.parametrize(
    "changed",
    [
        str,
        lambda note: note.replace("\n", "\r\n"),
        lambda note: f"\n{note.strip()}",
        lambda note: f"\ufeff{note}",
        lambda note: f" \t\n  {note}  ",
    ],
)
def test_the_log_continues_a_checkpoint_that_was_kept(auditor: Actor, kept: str, changed: Callable[[str], str]) -> None:
    found = checkpoint_compare(actor=auditor, note=changed(kept))
    assert (found.verdict, found.now - (found.kept or 0)) == (Verdict.CONTINUED, 3)
    event = Event.objects.latest("pk")
    assert (event.action, event.code, event.reason) == ("audit.checkpoint_compared", "", found.sentence)


def test_what_the_log_does_not_continue_is_named_and_recorded(
    auditor: Actor, kept: str, sealing_key: SealingKey
) -> None:
    size, signer = int(kept.split("\n")[1]), sealing_key.signers[0]
    notes = {
        Verdict.OTHER_HISTORY: signed(size, b"\x01" * 32, signer),
        Verdict.AHEAD: signed(size + 10**6, b"\x01" * 32, signer),
        Verdict.OTHER_KEY: signed(size, b"\x01" * 32, Signer.make(ORIGIN)),
        Verdict.ALTERED: kept.replace(f"\n{size}\n", f"\n{size + 1}\n", 1),
    }
    for verdict, note in notes.items():
        assert checkpoint_compare(actor=auditor, note=note).verdict is verdict
        assert Event.objects.latest("pk").code == verdict.value


@pytest.mark.parametrize("note", ["", "hello", "a\n1\nroot\n\n— a AAAA\n", "\x00", "x" * 70_000])
def test_what_is_no_checkpoint_is_refused_and_is_no_event(auditor: Actor, kept: str, note: str) -> None:
    before = Event.objects.latest("pk")
    with pytest.raises(UnreadableCheckpointError, match="Give the whole file"):
        checkpoint_compare(actor=auditor, note=note)
    assert Event.objects.latest("pk") == before


def test_who_may_not_read_the_log_neither_takes_nor_compares(kept: str) -> None:
    outsider = PersonFactory.create(username="olga-c", roles=["requester"])
    actor = Actor(user_id=outsider.pk, username="olga-c", origin=Origin.WEB, request_id="", ip="")
    with pytest.raises(LogClosedError):
        checkpoint_download(actor=actor, size=1)
    with pytest.raises(LogClosedError):
        checkpoint_compare(actor=actor, note=kept)
    client = Client()
    client.force_login(outsider)
    for path in ("/audit/checkpoints/", "/audit/checkpoints/1/", "/audit/verify.py"):
        assert client.get(path).status_code == 403


def test_without_a_known_key_the_page_says_so(
    audrey: User, auditor: Actor, kept: str, settings: Settings, tmp_path: Path
) -> None:
    settings.AUDIT_VERIFIERS = tmp_path / "none"
    with pytest.raises(NotSealedError):
        checkpoint_compare(actor=auditor, note=kept)
    client, program = Client(), APIClient()
    client.force_login(audrey)
    program.force_authenticate(audrey)
    assert "There is no checkpoint that can be believed" in client.get("/audit/checkpoints/").content.decode()
    refused = program.get("/api/v1/audit/checkpoints/newest/")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_sealed")


def test_the_page_shows_what_is_kept_and_compares_a_file_or_a_text(audrey: User, kept: str) -> None:
    client = Client()
    client.force_login(audrey)
    page = client.get("/audit/checkpoints/").content.decode()
    newest = Checkpoint.objects.latest("tree_size")
    key = log_overview().keys[0]
    for text in (f"checkpoints/{newest.tree_size}/", key.fingerprint, key.line.replace("+", "&#x2B;")):
        assert text in page or text.replace("&#x2B;", "+") in page
    file = client.get(f"/audit/checkpoints/{newest.tree_size}/")
    assert file.content.decode() == newest.note
    assert "the people who run this server cannot change it" in page
    for given in ({"checkpoint": kept}, {"file": SimpleUploadedFile("c.txt", kept.encode()), "checkpoint": " "}):
        answer = client.post("/audit/checkpoints/compare/", given)
        assert answer.status_code == 200
        assert "The log continues your checkpoint" in answer.content.decode()
    for nothing in ({}, {"checkpoint": " "}):
        answer = client.post("/audit/checkpoints/compare/", nothing)
        assert answer.status_code == 400
        assert "Choose the file that you kept, or paste its text." in answer.content.decode()
    refused = client.post("/audit/checkpoints/compare/", {"checkpoint": "half of <it>"})
    assert refused.status_code == 400
    assert "half of &lt;it&gt;</textarea>" in refused.content.decode()
    assert client.get("/audit/checkpoints/compare/").status_code == 302


def test_the_enclosed_verifier_prints_the_fingerprint_of_the_page(audrey: User, sealing_key: SealingKey) -> None:
    client = Client()
    client.force_login(audrey)
    source = client.get("/audit/verify.py").content
    assert source == (verify.__spec__.loader.get_data(verify.__file__))  # type: ignore[union-attr]
    verifier = sealing_key.verifiers[0]
    assert fingerprint(verifier.public_key) == verify.read_key(str(verifier)).fingerprint


def test_the_api_does_the_same(audrey: User, kept: str) -> None:
    client = APIClient()
    client.force_authenticate(audrey)
    newest = client.get("/api/v1/audit/checkpoints/newest/").json()
    row = Checkpoint.objects.latest("tree_size")
    assert (newest["size"], newest["root"], newest["checkpoint"]) == (row.tree_size, bytes(row.root).hex(), row.note)
    assert newest["keys"][0]["line"].startswith(f"{newest['origin']}+")
    assert client.get(f"/api/v1/audit/checkpoints/{row.tree_size}/").content.decode() == row.note
    assert client.get("/api/v1/audit/checkpoints/999999999/").json()["code"] == "checkpoint_not_found"
    compared = client.post("/api/v1/audit/checkpoints/compare/", {"checkpoint": kept}, format="json").json()
    assert (compared["verdict"], compared["now"]) == ("CHECKPOINT_CONTINUED", row.tree_size)
    for body in ({}, {"checkpoint": 1}, {"checkpoint": "x", "more": 1}, [1], {"checkpoint": "x"}):
        refused = client.post("/api/v1/audit/checkpoints/compare/", body, format="json")
        assert (refused.status_code, refused.json()["code"]) == (400, "unreadable_checkpoint")


def test_one_checkpoint_taken_again_and_again_pushes_no_other_out(
    auditor: Actor, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "NEWEST_DOWNLOADED", 2)
    first, last = Checkpoint.objects.order_by("tree_size").values_list("tree_size", flat=True)[:2]
    assert first < last
    checkpoint_download(actor=auditor, size=first)
    for _ in range(3):
        checkpoint_download(actor=auditor, size=last)
    assert downloaded_sizes() == [first, last]


@pytest.mark.parametrize("forged", ["no number", "-1", "\u0661", "9" * 30, "4 entries"])
def test_an_event_that_names_no_size_counts_for_no_checkpoint(auditor: Actor, kept: str, forged: str) -> None:
    assert kept
    with transaction.atomic():
        record(actor=auditor, action="audit.checkpoint_downloaded", object_type="checkpoint", object_id=forged)
    assert downloaded_sizes() == []
