"""What the sealer leads with is an event when it is something else than before, written by its own login."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from audit.actor import Actor
from audit.anchors.specification import read_specifications
from audit.database_roles import SEALER
from audit.models import Event
from audit.recorder import record
from audit.sealing.configuration import ACTION, PROCESS, configuration_now, configuration_tell
from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey

pytestmark = pytest.mark.django_db(transaction=True)
Lead = Callable[..., None]


@pytest.fixture
def lead(sealing_key: SealingKey, settings: Settings, tmp_path: Path) -> Lead:
    settings.AUDIT_ANCHORS = read_specifications("file:/srv/anchor", default=tmp_path)
    settings.AUDIT_VERIFIERS = tmp_path / "verifiers"

    def begin(*, anchors: str = "", key: SealingKey = sealing_key, every_s: float = 1.0) -> None:
        if anchors:
            settings.AUDIT_ANCHORS = read_specifications(anchors, default=tmp_path)
        with closing(connect_sealer()) as connection:
            configuration_tell(connection, key, every_s=every_s)

    return begin


def told() -> list[Event]:
    return list(Event.objects.filter(object_type="product", object_id=PROCESS, action=ACTION).order_by("id"))


def changed() -> list[str]:
    return list(told()[-1].content()["details"]["changed"])


def test_it_is_told_once_and_then_only_what_changed(lead: Lead, sealing_key: SealingKey, settings: Settings) -> None:
    lead()
    lead()
    [first] = told()
    assert (first.db_user, first.actor_name, first.origin) == (SEALER, "sealer", "system")
    assert first.content()["before"] is None
    lead(anchors="file:/srv/anchor every=900")
    assert changed() == ["anchor file:/srv/anchor"]
    lead(anchors="none")
    lead(every_s=60)
    assert changed() == ["checkpoint every"]
    Path(settings.AUDIT_VERIFIERS).write_text("a key that somebody wants to be believed\n")
    lead(every_s=60)
    assert changed() == ["verifiers (content)"]
    rotated = sealing_key.with_new()
    lead(every_s=60, key=rotated)
    assert changed() == [f"key {rotated.verifiers[-1].key_id.hex()}"]
    lead(every_s=60, key=rotated)
    assert len(told()) == 6
    assert told()[-1].content()["before"] == told()[-2].content()["after"]


def test_no_private_key_and_no_token_of_an_anchor_is_told(lead: Lead, sealing_key: SealingKey) -> None:
    lead(anchors="https://witness.example.net/log?token=s3cret")
    text = str(told()[-1].content())
    assert "s3cret" not in text
    assert all(signer.private_text() not in text for signer in sealing_key.signers)
    assert str(sealing_key.verifiers[0]) in text


def test_what_the_application_wrote_beforehand_counts_as_told_by_nobody(lead: Lead, sealing_key: SealingKey) -> None:
    now = configuration_now(sealing_key, every_s=1.0)
    with transaction.atomic():
        record(
            actor=Actor.system("sealer"),
            action=ACTION,
            object_type="product",
            object_id=PROCESS,
            after={"settings": now},
            details={"host": socket.gethostname(), "changed": []},
        )
    lead()
    assert [event.db_user for event in told()][1:] == [SEALER]


def test_two_hosts_that_take_over_from_each_other_tell_once_each(lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    for host, every_s in (("one", 1), ("two", 2), ("one", 1), ("two", 2), ("three", 2)):
        monkeypatch.setattr(socket, "gethostname", lambda name=host: name)
        lead(every_s=every_s)
    assert [event.content()["details"]["host"] for event in told()] == ["one", "two"]
