"""Redacting from the pages and by the API, as two people; evidence packs that are held go with the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from audit.actor import Actor, Origin
from audit.models import Event, Redaction
from audit.recorder import record
from changes.domain.evidence import PackScope, PackState
from changes.models import EvidencePack, EvidencePart
from changes.services.evidence.asking import pack_audit
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db

Seal = Callable[[], int]
SECRET = "The password is hunter2."
WHY = "It holds the password of a router."
API = "/api/v1/audit/redactions/"


def signed_in(name: str, *roles: str) -> Client:
    client = Client()
    client.force_login(PersonFactory.create(username=name, roles=roles))
    return client


def by_api(name: str, *roles: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(PersonFactory.create(username=name, roles=roles))
    return client


@pytest.fixture
def event(db: None) -> int:
    olivia = Actor(user_id=None, username="olivia", origin=Origin.WEB)
    return record(actor=olivia, action="config.changed", object_type="config", object_id="1", reason=SECRET)


@pytest.fixture
def morgan() -> Client:
    return signed_in("morgan-p", "change-manager")


@pytest.fixture
def audrey() -> Client:
    return signed_in("audrey-p", "auditor")


def held_pack() -> EvidencePack:
    pack = EvidencePack.objects.create(
        scope=PackScope.WHOLE, asked_name="x", state=PackState.READY, sha256="0" * 64, manifest_sha256="0" * 64,
        expires_at=timezone.now(),
    )  # fmt: skip
    pack_audit(pack, "ready", actor=Actor.system("x"), state_to=PackState.READY)
    EvidencePart.objects.create(pack=pack, fence=pack.fence, number=0, data=SECRET.encode())
    return pack


def test_from_the_event_to_its_text_being_gone(morgan: Client, audrey: Client, event: int, seal: Seal) -> None:
    pack = held_pack()
    detail = reverse("audit-detail", args=[event])
    form = reverse("audit-redact", args=[event])
    assert form in morgan.get(detail).content.decode()
    assert SECRET in morgan.get(form).content.decode()
    short: Any = morgan.post(form, {"paths": ["/reason"], "reason": "no"})
    assert (short.status_code, 'value="/reason" checked' in short.content.decode()) == (422, True)
    morgan.post(form, {"paths": ["/reason"], "reason": WHY})
    found = Redaction.objects.get(event_id=event)
    page = reverse("audit-redaction", args=[found.pk])
    assert page in morgan.get(detail).content.decode()
    seal()
    carry_out = reverse("audit-redaction-carry-out", args=[found.pk])
    assert carry_out not in morgan.get(page).content.decode()
    assert morgan.post(carry_out).status_code == 403
    assert carry_out in audrey.get(page).content.decode()
    audrey.post(carry_out, {"comment": "Rotated."})
    for url in (detail, page, reverse("audit-redactions"), f"{reverse('audit-list')}?object_type=config"):
        said = audrey.get(url).content.decode()
        assert "hunter2" not in said
    assert "redacted" in audrey.get(detail).content.decode()
    assert not EvidencePart.objects.filter(pack=pack).exists()
    pack.refresh_from_db()
    assert pack.state == PackState.EXPIRED
    again: Any = audrey.post(carry_out)
    assert (again.status_code, "carried out already" in again.content.decode()) == (409, True)


def test_the_lists_are_closed_to_others_and_empty_at_first(audrey: Client) -> None:
    assert "Nothing was redacted" in audrey.get(reverse("audit-redactions")).content.decode()
    assert audrey.get(f"{reverse('audit-redactions')}?before_id=x").status_code == 400
    assert audrey.get(reverse("audit-redaction", args=[2**40])).status_code == 404
    assert signed_in("olaf-p", "requester").get(reverse("audit-redactions")).status_code == 403


def test_by_the_api(event: int, seal: Seal) -> None:
    morgan, audrey = by_api("morgan-q", "change-manager"), by_api("audrey-q", "auditor")
    answer: Any = morgan.post(API, {"event": event, "paths": ["/nowhere"], "reason": WHY}, format="json")
    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (
        409, "redaction_refused", ["paths"],
    )  # fmt: skip
    assert morgan.post(API, {"event": 2**40, "paths": ["/x"], "reason": WHY}, format="json").status_code == 404
    made: Any = morgan.post(API, {"event": event, "paths": ["/reason"], "reason": WHY}, format="json")
    assert (made.status_code, made.json()["state"], made.json()["reason"]) == (201, "proposed", WHY)
    one = f"{API}{made.json()['id']}/"
    assert morgan.post(f"{one}carry-out/").status_code == 403
    seal()
    done: Any = audrey.post(f"{one}carry-out/", {"comment": "Rotated."}, format="json")
    assert (done.status_code, done.json()["decided_by"], done.json()["comment"]) == (200, "audrey-q", "Rotated.")
    assert audrey.get(API).json()["results"][0] | {"left_open": []} == audrey.get(one).json() | {"left_open": []}
    assert audrey.get(one).json() | {"left_open": []} == done.json()
    answer = audrey.get(f"/api/v1/audit/events/{event}/")
    assert answer["Cache-Control"] == "no-store", "no browser keeps what was there before"
    told = answer.json()
    assert told["reason"] == told["body"]["reason"] == "[redacted]"
    assert "hunter2" not in Event.objects.get(pk=event).body


def test_who_proposed_it_withdraws_it(morgan: Client, event: int) -> None:
    morgan.post(reverse("audit-redact", args=[event]), {"paths": ["/reason"], "reason": WHY})
    found = Redaction.objects.get(event_id=event)
    decline = reverse("audit-redaction-decline", args=[found.pk])
    assert morgan.get(decline).status_code == 302
    morgan.post(decline, {"comment": "It was no password."})
    found.refresh_from_db()
    assert found.state == "declined"
    assert Event.objects.get(pk=event).reason == SECRET
    for address in (reverse("audit-redactions"), reverse("audit-redaction", args=[found.pk])):
        html = morgan.get(address).content.decode()
        assert ">Withdrawn</span>" in html
        assert ">Declined</span>" not in html


@pytest.fixture
def titled(db: None) -> list[int]:
    """Events of one change, which all bear its title."""
    olivia = Actor(user_id=None, username="olivia", origin=Origin.WEB)
    return [
        record(actor=olivia, action="change.read", object_type="change", object_id=17, change_id=17, object_label=TITLE)
        for _ in range(3)
    ]


TITLE = "CHG-00017 Move ACME"


def test_a_title_goes_from_all_events_of_its_change(
    morgan: Client, audrey: Client, titled: list[int], seal: Seal
) -> None:
    form = reverse("audit-redact", args=[titled[0]])
    assert "2 events repeat one of these texts" in " ".join(morgan.get(form).content.decode().split())
    bad: Any = morgan.post(form, {"paths": ["/object/label"], "reason": "no", "everywhere": "1"})
    assert 'value="1" checked' in bad.content.decode(), "nothing that was chosen is lost"
    asked = {"paths": ["/object/label"], "reason": WHY, "everywhere": "1"}
    done: Any = morgan.post(form, asked, follow=True)
    assert "So are 2 more, each for an event that repeats a text." in done.content.decode()
    seal()
    first = Redaction.objects.earliest("pk")
    page = reverse("audit-redaction", args=[first.pk])
    assert "Withdraw all 3" in morgan.get(page).content.decode()
    assert "Carry out all 3" in audrey.get(page).content.decode()
    end: Any = audrey.post(f"{reverse('audit-redaction-carry-out', args=[first.pk])}?together=1", {}, follow=True)
    assert "stay open" not in end.content.decode()
    assert set(Redaction.objects.values_list("state", flat=True)) == {"carried_out"}
    assert set(Event.objects.filter(pk__in=titled).values_list("object_label", flat=True)) == {"[redacted]"}


def test_the_same_by_the_api_tells_what_stays_open(titled: list[int], seal: Seal) -> None:
    morgan, audrey = by_api("morgan-s", "change-manager"), by_api("audrey-s", "auditor")
    own = Actor(user_id=User.objects.get(username="audrey-s").pk, username="audrey-s", origin=Origin.WEB)
    record(actor=own, action="change.read", object_type="change", object_id=17, change_id=17, object_label=TITLE)
    asked = {"event": titled[0], "paths": ["/object/label"], "reason": WHY, "everywhere": True}
    made: Any = morgan.post(API, asked, format="json")
    assert (made.status_code, len(made.json()["together"])) == (201, 3)
    seal()
    done: Any = audrey.post(f"{API}{made.json()['id']}/carry-out/", {"together": True}, format="json")
    (left,) = done.json()["left_open"]
    assert (done.status_code, left["id"]) == (200, made.json()["together"][-1])
    assert "You caused this event" in left["detail"]
    alone: Any = morgan.post(f"{API}{left['id']}/decline/", {"comment": "It may stay."}, format="json")
    assert (alone.status_code, alone.json()["left_open"]) == (200, [])
