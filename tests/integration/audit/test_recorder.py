import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor
from audit.body import TEXT_LIMIT
from audit.database_roles import APPLICATION, EVENT_COLUMNS
from audit.errors import OutsideTransactionError, SecretRefusedError, UnrecordableError
from audit.models import Event

Say = Callable[..., int]

FROM_THE_DATABASE = {"id", "at", "txid", "db_user"}


@pytest.mark.django_db
def test_an_event_holds_what_was_said(say: Say, olivia: Actor, trace: str) -> None:
    event_id = say(
        object_type="config",  # no row has to come to that state
        object_label="CHG-17 NTP",
        change_id=17,
        device_id=3,
        state_from="authorization",
        state_to="approved",
        code="GATE_X",
        reason="Looks good.",
        before={"title": "a"},
        after={"title": "b"},
        details={"digest": "ab", "at": datetime(2026, 3, 1, tzinfo=UTC), "cost": Decimal("1.50"), "risk": 0.25},
    )
    event = Event.objects.get(pk=event_id)
    columns = {field.name: getattr(event, field.name) for field in Event._meta.fields}
    content = {
        "schema": "countersign.audit-event/2",
        "actor": {"id": 7, "name": "olivia", "origin": "web", "request_id": trace, "ip": "192.0.2.7"},
        "action": "change.approved",
        "object": {"type": "config", "id": "17", "label": "CHG-17 NTP"},
        "change_id": 17,
        "device_id": 3,
        "state": {"from": "authorization", "to": "approved"},
        "code": "GATE_X",
        "reason": "Looks good.",
        "before": {"title": "a"},
        "after": {"title": "b"},
        "details": {"digest": "ab", "at": "2026-03-01T00:00:00.000000Z", "cost": "1.50", "risk": "0.25"},
    }
    body = columns.pop("body")
    assert {name: columns[name] for name in columns if name not in FROM_THE_DATABASE} == {
        "actor_id": 7,
        "actor_name": "olivia",
        "origin": "web",
        "request_id": trace,
        "ip": "192.0.2.7",
        "action": "change.approved",
        "object_type": "config",
        "object_id": "17",
        "object_label": "CHG-17 NTP",
        "change_id": 17,
        "device_id": 3,
        "state_from": "authorization",
        "state_to": "approved",
        "code": "GATE_X",
        "reason": "Looks good.",
    }
    assert event.content() == content
    sealed = event.sealed()
    assert body == json.dumps(sealed, sort_keys=True, separators=(",", ":"))
    for text in (sealed["reason"], sealed["before"]["title"], sealed["after"]["title"]):
        assert re.fullmatch("hmac-sha256:[0-9a-f]{64}", text["redactable"])
    assert sealed["details"] == content["details"]


@pytest.mark.django_db
def test_time_transaction_and_role_come_from_the_database(say: Say) -> None:
    before = datetime.now(UTC)
    with transaction.atomic():
        event = Event.objects.get(pk=say())  # in a savepoint: the row's xmin is not the transaction's id
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint, current_user")
        txid, user = cursor.fetchone()
    assert (event.txid, event.db_user) == (txid, user)
    assert before - timedelta(seconds=5) < event.at < datetime.now(UTC) + timedelta(seconds=5)
    later = Event.objects.get(pk=say())
    assert later.at > event.at
    assert later.txid == event.txid


@pytest.mark.django_db
def test_the_application_may_insert_only_what_is_said_and_cannot_forge(say: Say) -> None:
    columns = {field.attname for field in Event._meta.fields} - FROM_THE_DATABASE
    assert columns == set(EVENT_COLUMNS)
    with connection.cursor() as cursor:
        event = Event.objects.get(pk=say())
        assert event.db_user == APPLICATION
        for forged in sorted(FROM_THE_DATABASE):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(f"INSERT INTO audit_event (body, {forged}) VALUES ('', DEFAULT)")  # noqa: S608 - a column's name


@pytest.mark.django_db
def test_an_event_costs_one_statement(say: Say) -> None:
    with CaptureQueriesContext(connection) as queries:
        say()
    assert len(queries) == 1
    named = re.search(r"audit_event \((.*?)\)", queries[0]["sql"], re.DOTALL)
    assert named
    assert FROM_THE_DATABASE.isdisjoint(re.findall(r"\w+", named[1]))


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_written(say: Say, trace: str) -> None:
    with pytest.raises(OutsideTransactionError, match=r"transaction\.atomic"):
        say()
    assert not Event.objects.filter(request_id=trace).exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_event_with_it(say: Say, trace: str) -> None:
    class BusinessError(Exception):
        pass

    def fail() -> None:
        said = say()
        assert Event.objects.filter(pk=said).exists()
        raise BusinessError

    with pytest.raises(BusinessError), transaction.atomic():
        fail()
    assert not Event.objects.filter(request_id=trace).exists()
    with transaction.atomic():
        kept = say()
        with pytest.raises(BusinessError), transaction.atomic():
            fail()
    assert list(Event.objects.filter(request_id=trace).values_list("pk", flat=True)) == [kept]


@pytest.mark.django_db
def test_what_devices_send_is_stored_without_breaking_the_transaction(say: Say) -> None:
    dirty = "a\x00b\udc80c\x1b[31m\r\nd\ud83d\ude00é"
    event = Event.objects.get(pk=say(object_label=dirty, reason=dirty, details={"output": dirty, dirty: 1}))
    clean = "ab\ufffdc\x1b[31m\r\nd\N{GRINNING FACE}é"
    assert (event.object_label, event.reason) == (clean, clean)
    assert event.content()["details"] == {"output": clean, clean: 1}
    with connection.cursor() as cursor:
        cursor.execute("SELECT body::jsonb -> 'details' ->> 'output' FROM audit_event WHERE id = %s", [event.pk])
        assert cursor.fetchone() == (clean,)


@pytest.mark.django_db
def test_huge_texts_are_cut_alike_in_column_and_body(say: Say) -> None:
    event = Event.objects.get(pk=say(reason="r" * 5_000_000, object_label="l" * 1_000, details={"o": "o" * 5_000_000}))
    content = event.content()
    assert len(event.reason) == len(content["details"]["o"]) == TEXT_LIMIT
    assert len(event.object_label) == 300
    assert (content["reason"], content["object"]["label"]) == (event.reason, event.object_label)
    assert "[cut: 5000000 characters, SHA-256 " in event.reason


@pytest.mark.django_db
def test_a_hostile_request_id_or_address_is_stored_and_harms_nothing(say: Say) -> None:
    hostile = "'; DROP TABLE audit_event; --\x00" + "x" * 1_000
    event = Event.objects.get(pk=say(actor=Actor(1, hostile, Actor.system("x").origin, hostile, hostile)))
    assert event.request_id == event.ip == event.actor_name
    assert event.request_id.startswith("'; DROP TABLE audit_event; --x")
    assert len(event.request_id) == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"object_type": "chnage"}, "object_type"),
        ({"action": "approve change"}, "action"),
        ({"action": "approved"}, "action"),
        ({"action": "a." + "b" * 300}, "action"),
        ({"object_id": ""}, "object_id"),
        ({"object_id": "x" * 201}, "object_id"),
        ({"code": "X" * 201}, "code"),
        ({"state_to": "x" * 201}, "state_to"),
        ({"change_id": 0}, "change_id"),
        ({"device_id": 2**63}, "device_id"),
        ({"details": {"thing": object()}}, "details.thing"),
        ({"after": {"blob": b"x"}}, "after.blob"),
        ({"details": {str(n): "x" * TEXT_LIMIT for n in range(9)}}, "body"),
    ],
)
def test_what_makes_no_event_is_refused_and_nothing_is_written(
    say: Say, trace: str, given: dict[str, object], path: str
) -> None:
    with pytest.raises(UnrecordableError) as refusal:
        say(**given)
    assert refusal.value.path == path
    assert not Event.objects.filter(request_id=trace).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["before", "after", "details"])
def test_a_secret_is_refused_wherever_it_stands(say: Say, trace: str, place: str) -> None:
    with pytest.raises(SecretRefusedError) as refusal:
        say(**{place: {"device": {"enable_secret": "hunter2"}}})
    assert refusal.value.path == f"{place}.device.enable_secret"
    assert "hunter2" not in str(refusal.value)
    assert not Event.objects.filter(request_id=trace).exists()
