"""Asking for packs, their pages, links and end, without devices."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from audit.actor import Actor, Origin
from audit.database_roles import APPLICATION
from audit.models import Event
from audit.recorder import record
from audit.redaction import redacting
from audit.redaction.redacting import redaction_carry_out, redaction_propose
from changes.domain.evidence import PackScope
from changes.domain.policy import Role
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import EvidencePack, EvidencePart
from changes.services.evidence.asking import pack_ask
from changes.services.evidence.downloading import link_token, pack_parts
from changes.services.evidence.expiring import packs_expire, packs_ring
from changes.services.evidence.making import pack_make
from changes.services.evidence.redacted import LOCK
from tests.factories import PersonFactory
from tests.integration.audit.test_roles import signed_in

Seal = Callable[[], int]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_pdf(settings: Settings) -> None:
    """PDFs take seconds, and one is made where a real change is."""
    settings.EVIDENCE_REPORT = f"{__name__}.no_report"


def no_report(*_all: object) -> list[tuple[str, bytes]]:
    return [("report.html", b"<!doctype html>")]


@pytest.fixture
def audrey() -> User:
    return PersonFactory.create(username="audrey", roles=(Role.AUDITOR,))


def actor(person: User, origin: Origin = Origin.WEB) -> Actor:
    return Actor(user_id=person.pk, username=person.username, origin=origin)


def asked(person: User) -> EvidencePack:
    return pack_ask(actor=actor(person), scope=PackScope.FILTER, filters={"actor": person.username})


def actions(pack: EvidencePack) -> list[str]:
    return list(
        Event.objects.filter(object_type="evidence_pack", object_id=str(pack.pk))
        .order_by("pk")
        .values_list("action", flat=True)
    )


def made(pack: EvidencePack, seal: Seal, monkeypatch: pytest.MonkeyPatch) -> EvidencePack:
    """Made in one transaction, where nothing seals the receipt by itself."""
    from changes.services.evidence import making

    seal()
    monkeypatch.setattr(making, "is_sealed", lambda event: bool(seal()) or bool(event))
    pack_make(pack.pk)
    pack.refresh_from_db()
    return pack


def test_only_those_who_read_the_log_ask_and_a_refusal_is_on_record() -> None:
    pete = PersonFactory.create(username="pete", roles=(Role.PEER,))
    with pytest.raises(PolicyDeniedError):
        pack_ask(actor=actor(pete), scope=PackScope.WHOLE)
    assert Event.objects.filter(action="evidence_pack.ask_refused", actor_id=pete.pk).count() == 1
    assert not EvidencePack.objects.exists()


def test_a_pack_waits_for_the_sealer_and_says_so(audrey: User) -> None:
    pack = asked(audrey)
    assert pack_make(pack.pk) == "waiting"
    pack.refresh_from_db()
    assert (pack.code, pack.owner, pack.size) == ("EVIDENCE_NOT_SEALED", None, 0)
    assert "sealer" in pack.detail
    assert pack.not_before is not None


def test_the_command_says_what_it_waits_for(audrey: User, tmp_path: Path) -> None:
    said, out = io.StringIO(), tmp_path / "pack.zip"
    with pytest.raises(CommandError, match="It waits for the sealer"):
        call_command("evidence_pack", "--actor", "audrey", "--out", str(out), "--wait", "0.6", stderr=said)
    assert said.getvalue().count("It waits for the sealer") == 1, "at once, and once"
    assert not out.exists()


def test_a_made_pack_is_downloaded_by_a_link_of_ones_own_and_expires(
    audrey: User, client: Client, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(asked(audrey), seal, monkeypatch)
    assert pack.state == "ready", pack.detail
    client.force_login(audrey)
    page = client.get(f"/evidence/{pack.pk}/").content.decode()
    link = re.search(r'href="(/evidence/\d+/download/\?link=[^"]+)"', page)
    assert link is not None
    answer = client.get(link[1])
    archive = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(archive).hexdigest() == pack.sha256
    assert int(answer["Content-Length"]) == len(archive) == pack.size
    assert {"events.jsonl", "verify.py", "manifest.json", "log/receipt.jsonl"} <= set(
        zipfile.ZipFile(io.BytesIO(archive)).namelist()
    )
    other = PersonFactory.create(username="amir", roles=(Role.AUDITOR,))
    client.force_login(other)
    assert client.get(link[1]).status_code == 409, "the link is audrey's"

    EvidencePack.objects.filter(pk=pack.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert packs_expire() == 1
    assert not EvidencePart.objects.exists()
    with pytest.raises(ConflictError, match="time of this pack is over"):
        pack_parts(pack_id=pack.pk, actor=actor(audrey), token=link_token(pack=pack, person_id=audrey.pk))
    assert actions(pack) == [
        "evidence_pack.asked", "evidence_pack.begun", "evidence_pack.made", "evidence_pack.ready",
        "evidence_pack.downloaded", "evidence_pack.download_refused", "evidence_pack.expired",
        "evidence_pack.download_refused",
    ]  # fmt: skip


def test_a_link_does_not_hold_for_ever(audrey: User, seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = made(asked(audrey), seal, monkeypatch)
    token = link_token(pack=pack, person_id=audrey.pk)
    monkeypatch.setattr("changes.services.evidence.downloading.LINK_S", -1)
    with pytest.raises(ConflictError, match="link has expired"):
        pack_parts(pack_id=pack.pk, actor=actor(audrey), token=token)


def test_a_lost_worker_s_pack_is_made_anew(audrey: User, seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    from changes.services.evidence import making

    pack = asked(audrey)
    seal()

    def killed(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(making, "write_log", killed)
        patch.setattr(making, "is_sealed", lambda _event: True)
        with pytest.raises(KeyboardInterrupt):
            pack_make(pack.pk)
    EvidencePart.objects.create(pack=pack, fence=1, number=0, data=b"half")
    assert pack_make(pack.pk) == "sealing", "its lease still holds"
    assert packs_ring() == 0
    EvidencePack.objects.filter(pk=pack.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert packs_ring() == 1
    again = made(pack, seal, monkeypatch)
    assert (again.state, again.losses) == ("ready", 1)
    assert set(EvidencePart.objects.values_list("fence", flat=True)) == {again.fence}


def test_the_database_refuses_a_state_without_its_event(audrey: User) -> None:
    pack = asked(audrey)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError):
            cursor.execute("UPDATE changes_evidencepack SET state = 'failed' WHERE id = %s", [pack.pk])


def test_pages_ask_for_a_change_for_filters_and_for_everything(audrey: User, client: Client) -> None:
    client.force_login(audrey)
    assert "whole log" in client.get("/evidence/new/").content.decode()
    assert "chosen events" in client.get("/evidence/new/?actor=audrey&before_id=9").content.decode()
    for bad in ("?nobody=1", "?change_id=999999", "?change_id=CHG-x"):
        refused = client.get(f"/evidence/new/{bad}")
        assert refused.status_code == 400, bad
        assert "of the whole log" not in refused.content.decode(), bad
    answer = client.post("/evidence/make/", {"scope": "filter", "actor": "audrey", "held_sizes": "77777"})
    assert answer.status_code == 409
    assert "no tree head over 77777 entries" in answer.content.decode()
    answer = client.post("/evidence/make/", {"scope": "filter", "actor": "audrey"})
    pack = EvidencePack.objects.get()
    assert answer["Location"] == f"/evidence/{pack.pk}/"
    assert "waits for a worker" in client.get(answer["Location"]).content.decode()
    assert f"pack {pack.pk}" in client.get("/evidence/").content.decode()


def test_the_api_does_the_same(audrey: User, client: Client, seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(audrey)
    url = "/api/v1/evidence-packs/"
    assert client.post(url, {"scope": "all"}, content_type="application/json").status_code == 400
    assert client.post(url, {"scope": "filter"}, content_type="application/json").status_code == 400
    wanted = {"scope": "filter", "filters": {"actor": "audrey"}}
    answer = client.post(url, wanted, content_type="application/json")
    assert answer.status_code == 201, answer.content
    pack = made(EvidencePack.objects.get(pk=answer.json()["id"]), seal, monkeypatch)
    found = client.get(f"{url}{pack.pk}/").json()
    assert (found["state"], found["sha256"]) == ("ready", pack.sha256)
    archive = b"".join(client.get(found["download_url"]).streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(archive).hexdigest() == pack.sha256
    assert client.get(url).json()["results"][0]["id"] == pack.pk
    client.force_login(PersonFactory.create(username="pete", roles=(Role.PEER,)))
    assert client.get(f"{url}{pack.pk}/").status_code == 403


def redacted(event: int, seal: Seal) -> None:
    morgan = PersonFactory.create(roles=(Role.CHANGE_MANAGER,))
    found = redaction_propose(actor=actor(morgan), event_id=event, paths=["/reason"], reason="It holds a password.")
    seal()
    redaction_carry_out(actor=actor(PersonFactory.create(roles=(Role.ADMINISTRATOR,))), redaction_id=found.pk)


@pytest.mark.parametrize("seen", [True, False])
def test_a_text_that_goes_while_a_pack_is_made_is_in_no_pack(
    audrey: User, seal: Seal, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    """``seen``: the redaction finds the pack in the making; else it was committed before it could."""
    from changes.services.evidence import making

    event = record(actor=actor(audrey), action="config.read", object_type="config", object_id=1, reason="hunter2!")
    pack = asked(audrey)
    with monkeypatch.context() as patch:
        if not seen:
            patch.setitem(redacting._forgetting, "evidence packs", lambda _event, _paths: None)
        patch.setattr(making, "demand_all_there", lambda _scope, _change: redacted(event, seal))
        made(pack, seal, monkeypatch)
    assert pack.state != "ready"
    if seen:
        assert not EvidencePart.objects.exists()
    EvidencePack.objects.filter(pk=pack.pk).update(not_before=None)
    pack = made(pack, seal, monkeypatch)
    assert pack.state == "ready", pack.detail
    with zipfile.ZipFile(io.BytesIO(b"".join(EvidencePart.objects.values_list("data", flat=True)))) as archive:
        openings = archive.read("openings.jsonl")
    assert b"hunter2" not in openings


def test_no_pack_becomes_ready_while_a_redaction_is_carried_out(
    audrey: User, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = record(actor=actor(audrey), action="config.read", object_type="config", object_id=1, reason="hunter2!")
    with CaptureQueriesContext(connection) as asked_for:
        assert made(asked(audrey), seal, monkeypatch).state == "ready"
    assert any("pg_advisory_xact_lock_shared" in query["sql"] for query in asked_for.captured_queries)
    redacted(event, seal)  # its transaction is this test's, and goes on
    with signed_in(APPLICATION) as other:
        assert other.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", (LOCK,)).fetchone() == (False,)
