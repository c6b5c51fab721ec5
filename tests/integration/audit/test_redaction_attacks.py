"""Who has the application's login, or acts alone, tries to take a text out; and where a text outlives its redaction."""

# ruff: noqa: S608 - what is put into a statement is made here

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client

from audit.actor import Actor, Origin
from audit.body import canonical
from audit.database_roles import APPLICATION
from audit.models import Event, Opening, Redaction, RedactionState
from audit.redaction import redacting
from audit.redaction.checking import compare_openings
from audit.redaction.commitments import REDACTED
from audit.redaction.errors import RedactionRefusedError
from audit.redaction.redacting import redaction_carry_out, redaction_decline, redaction_propose
from audit.retention.holds import hold_place
from audit.sealing.trust import trusted_keys
from audit.verification import contents
from audit.verification.findings import Finding, FindingCode
from audit.verify import verify
from tests.database import as_owner
from tests.factories import PersonFactory
from tests.forging import forge
from tests.integration.audit.test_guard_attacks import as_if_restored, own_txid
from tests.integration.audit.test_roles import signed_in

pytestmark = pytest.mark.django_db

Say = Callable[..., int]
Seal = Callable[[], int]
WHY = "It holds the password of a router."
SECRET = "The password is hunter2."


def actor(user: User) -> Actor:
    return Actor(user_id=user.pk, username=user.get_username(), origin=Origin.WEB)


@pytest.fixture
def morgan() -> Actor:
    return actor(PersonFactory.create(username="morgan-a", roles=["change-manager"]))


@pytest.fixture
def audrey() -> Actor:
    return actor(PersonFactory.create(username="audrey-a", roles=["auditor"]))


@pytest.fixture
def event(say: Say, seal: Seal) -> int:
    event_id = say(object_type="config", reason=SECRET, after={"title": "Stays"})
    seal()
    return event_id


@pytest.fixture
def proposed(event: int, morgan: Actor, seal: Seal) -> Redaction:
    redaction = redaction_propose(actor=morgan, event_id=event, paths=["/reason"], reason=WHY)
    seal()
    commit()
    return redaction


def commit() -> None:
    """What COMMIT would look at, in the middle of a test."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def propose_by_sql(redaction_id: int, event: int, by: Actor, paths: str = "{/reason}") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_redaction"
            " (id, event_id, paths, state, proposed_by_id, proposed_by_name, decided_by_name)"
            " VALUES (%s, %s, %s, 'proposed', %s, %s, '')",
            [redaction_id, event, paths, by.user_id, by.username],
        )


def carry_out_by_sql(redaction_id: int, by: Actor | None = None, *, name: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_redaction SET state = 'carried_out', decided_by_id = %s, decided_by_name = %s,"
            " decided_at = '2020-01-01' WHERE id = %s",
            [by.user_id if by else 987_654, name or (by.username if by else "x"), redaction_id],
        )


def told(
    say: Say, by: Actor, step: str, redaction_id: int, event: int, *, paths: tuple[str, ...] = ("/reason",)
) -> int:
    """The event of a step, as the application's login can write it in anybody's name."""
    states = {"proposed": ("", "proposed"), "carried_out": ("proposed", "carried_out"), "": ("", "")}[step]
    return say(
        actor=by, action=f"redaction.{step or 'proposed'}", object_type="redaction", object_id=redaction_id,
        state_from=states[0], state_to=states[1], details={"event": event, "paths": list(paths)},
    )  # fmt: skip


def refused(words: str) -> "pytest.RaisesExc[DatabaseError]":
    return pytest.raises(DatabaseError, match=words)


@pytest.mark.parametrize("about", ["nothing", "the same"])
def test_a_proposal_that_was_only_spoken_of_is_none(
    event: int, morgan: Actor, audrey: Actor, say: Say, seal: Seal, about: str
) -> None:
    """An event without states needs no row: sealed in advance, it must not let both steps be one transaction."""
    told(say, morgan, "", 900_001, event if about == "the same" else 1)
    seal()
    commit()
    with refused("its proposal is not sealed"), transaction.atomic():
        propose_by_sql(900_001, event, morgan)
        told(say, morgan, "proposed", 900_001, event)
        told(say, audrey, "carried_out", 900_001, event)
        carry_out_by_sql(900_001, audrey)
    assert Event.objects.get(pk=event).reason == SECRET


@pytest.mark.parametrize("wrong", ["event", "paths"])
def test_the_event_of_a_step_names_the_same_event_and_texts(event: int, morgan: Actor, say: Say, wrong: str) -> None:
    with refused("no event says so in the name of who did it"), transaction.atomic():
        propose_by_sql(900_002, event, morgan)
        named = {"paths": ("/after/title",)} if wrong == "paths" else {}
        told(say, morgan, "proposed", 900_002, event if wrong == "paths" else event - 1, **named)
        commit()


def test_a_step_is_told_under_the_name_that_the_row_has(proposed: Redaction, audrey: Actor, say: Say) -> None:
    with refused("no event says so in the name of who did it"), transaction.atomic():
        told(say, audrey, "carried_out", proposed.pk, proposed.event_id)
        carry_out_by_sql(proposed.pk, audrey, name="somebody-else")
        commit()


def test_nobody_decides_who_is_not_there_or_has_no_such_role(proposed: Redaction, morgan: Actor) -> None:
    manager = actor(PersonFactory.create(username="mona-a", roles=["change-manager"]))
    gone = actor(PersonFactory.create(username="gone-a", roles=["auditor"], is_active=False))
    for person in (None, manager, gone):
        with refused("who decides is no auditor and no administrator"), transaction.atomic():
            carry_out_by_sql(proposed.pk, person)
    with refused("who decides is no auditor and no administrator"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_redaction SET state = 'declined', decided_by_id = 987654, decided_by_name = 'x',"
            " decided_at = now()"
        )
    with refused("who proposes it does not read the log"), transaction.atomic():
        propose_by_sql(900_003, proposed.event_id, actor(PersonFactory.create(username="olaf-a", roles=["requester"])))


@pytest.mark.parametrize("other", ["proposed", "caused"])
def test_one_person_with_two_accounts_is_one_person(say: Say, seal: Seal, morgan: Actor, other: str) -> None:
    """Accounts that share an e-mail address are taken for one person's."""
    first = actor(PersonFactory.create(username="max-1", roles=["auditor"], email="Max@example.net"))
    second = actor(PersonFactory.create(username="max-2", roles=["administrator"], email="max@EXAMPLE.net "))
    event = say(object_type="config", reason=SECRET, **({"actor": first} if other == "caused" else {}))
    by = morgan if other == "caused" else first
    redaction = redaction_propose(actor=by, event_id=event, paths=["/reason"], reason=WHY)
    seal()
    with pytest.raises(RedactionRefusedError, match="the same e-mail address"):
        redaction_carry_out(actor=second, redaction_id=redaction.pk)
    with refused("has the e-mail address of who proposed it"), transaction.atomic():
        carry_out_by_sql(redaction.pk, second)
    assert Event.objects.get(pk=event).reason == SECRET


def test_times_are_the_databases_own(proposed: Redaction, audrey: Actor, say: Say) -> None:
    told(say, audrey, "carried_out", proposed.pk, proposed.event_id)
    carry_out_by_sql(proposed.pk, audrey)  # it says 2020
    commit()
    proposed.refresh_from_db()
    assert proposed.decided_at is not None
    assert proposed.decided_at > proposed.proposed_at


@pytest.mark.parametrize(
    "path", ["/actor/name", "/object/id", "/state/to", "/details", "/code", "/action", "/beforehand"]
)
def test_nothing_but_a_text_is_put_beside_the_log(say: Say, path: str) -> None:
    event = say(object_type="config")
    with refused("audit_opening_of_a_text"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_opening (event_id, path, salt, value) VALUES (%s, %s, sha256(''), 'x')", [event, path]
        )


def test_no_sample_of_a_text_is_kept_by_the_planner(say: Say) -> None:
    for _ in range(30):
        say(object_type="config", reason=SECRET)
    with as_owner() as cursor:
        cursor.execute("ANALYZE audit_opening")
        cursor.execute(
            "SELECT attname FROM pg_stats WHERE tablename = 'audit_opening' AND attname IN ('value', 'salt')"
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attstattarget <> 0"
            " AND (attrelid::regclass::text, attname) IN (('changes_approval', 'comment'),"
            " ('changes_threadcomment', 'text'), ('changes_notification', 'subject'),"
            " ('changes_notification', 'sentence'))"
        )
        assert cursor.fetchall() == [], "what a redaction empties in other tables"
        cursor.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'audit_opening' AND attname = 'event_id'")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_text_is_not_added_to_an_event_of_a_restored_backup(say: Say) -> None:
    """Its transaction has the number of this one, but another one wrote the row."""
    with transaction.atomic():
        event = say(object_type="config")
    with refused("was not written just now"), transaction.atomic(), connection.cursor() as cursor:
        as_if_restored(event, own_txid())
        cursor.execute(
            "INSERT INTO audit_opening (event_id, path, salt, value) VALUES (%s, '/reason', sha256(''), 'x')", [event]
        )


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_before_a_hold_does_not_get_past_it(
    say: Say, seal: Seal, morgan: Actor, audrey: Actor
) -> None:
    with transaction.atomic():
        event = say(object_type="config", reason=SECRET)
    seal()
    redaction = redaction_propose(actor=morgan, event_id=event, paths=["/reason"], reason=WHY)
    seal()
    with signed_in(APPLICATION) as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM audit_legal_hold")  # its snapshot is taken
        since = Event.objects.get(pk=event).at.isoformat()
        hold_place(actor=audrey, given={"matter": "Case 7", "reason": "Lawsuit.", "since": since})
        with pytest.raises(Exception, match=r"READ COMMITTED"):
            other.execute(
                "UPDATE audit_redaction SET state = 'carried_out', decided_by_id = %s, decided_by_name = %s,"
                " decided_at = now() WHERE id = %s",
                (audrey.user_id, audrey.username, redaction.pk),
            )
        other.execute("ROLLBACK")
    assert Opening.objects.get(event_id=event, path="/reason").value == SECRET


def committed_by_sql(say: Say, body: dict[str, object]) -> int:
    """What the application's login can write past ``record()``: an event with commitments, and nothing beside it."""
    event = say(object_type="config")
    whole = Event.objects.get(pk=event).sealed() | body
    same = "actor_id, actor_name, origin, request_id, ip, action, object_type, object_id, change_id, device_id"
    rest = "object_label, state_from, state_to, code, reason"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_event ({same}, {rest}, body) SELECT {same}, '', '', '', '', '', %s"
            " FROM audit_event WHERE id = %s RETURNING id",
            [canonical(whole), event],
        )
        return int(cursor.fetchone()[0])


SEALED = {"redactable": f"hmac-sha256:{'ab' * 32}"}


def test_an_event_without_its_text_hides_nothing_that_others_did(say: Say, seal: Seal) -> None:
    """The log only grows, so who may append could end every verification for ever."""
    event = committed_by_sql(say, {"reason": SEALED})
    seal()

    def others(_since: int) -> dict[str, int]:
        raise Finding(FindingCode.STATE_DIFFERS, "Somebody changed a state.")

    contents.register("what a test looks at", others)
    try:
        found = verify(keys=trusted_keys(), comparisons=contents.comparisons()).finding
    finally:
        contents.register("what a test looks at", lambda _since: {})
    assert found is not None
    assert found.sentence == "Somebody changed a state."
    found = verify(keys=trusted_keys(), comparisons=contents.comparisons()).finding
    assert found is not None
    assert f"The text /reason of event {event} is gone, and no redaction took it out" in found.sentence


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"details": {"plan_digest": SEALED}}, "/details/plan_digest"),
        ({"code": SEALED}, "/code"),
        ({"object": {"type": "config", "id": "17", "label": SEALED}}, "/object/label"),
        ({"object": SEALED}, "/object"),
    ],
)
def test_a_commitment_where_no_text_of_a_person_stands_is_named(say: Say, body: dict[str, object], path: str) -> None:
    event = committed_by_sql(say, body)
    with pytest.raises(Finding, match=f"Event {event} has a commitment at {path}, where no text of a person stands"):
        compare_openings(event)


def test_a_redaction_whose_steps_name_another_event_is_named(proposed: Redaction, audrey: Actor, say: Say) -> None:
    """As a superuser could have made it: rows and events are there, but for another event."""
    redaction_carry_out(actor=audrey, redaction_id=proposed.pk)
    assert compare_openings(0)["redacted texts"] == 1
    forge(f"UPDATE audit_event SET body = replace(body, '\"event\":{proposed.event_id},', '\"event\":1,')"
          " WHERE action = 'redaction.proposed'")  # fmt: skip
    with pytest.raises(Finding, match="no events say that one person proposed this and another one"):
        compare_openings(0)


def test_a_redaction_by_who_caused_the_event_is_named(proposed: Redaction, audrey: Actor) -> None:
    redaction_carry_out(actor=audrey, redaction_id=proposed.pk)
    forge(f"UPDATE audit_event SET actor_id = {audrey.user_id} WHERE id = {proposed.event_id}")
    with pytest.raises(Finding, match="who did not cause the event"):
        compare_openings(0)


def test_a_process_that_dies_in_the_middle_has_done_nothing(
    proposed: Redaction, audrey: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_event: object, _paths: object) -> None:
        assert Event.objects.get(pk=proposed.event_id).reason == REDACTED, "the text is gone already"
        raise KeyboardInterrupt

    monkeypatch.setitem(redacting._forgetting, "the last thing", killed)
    with pytest.raises(KeyboardInterrupt):
        redaction_carry_out(actor=audrey, redaction_id=proposed.pk)
    proposed.refresh_from_db()
    assert (proposed.state, Event.objects.get(pk=proposed.event_id).reason) == ("proposed", SECRET)
    assert not Event.objects.filter(object_type="redaction", action="redaction.carried_out").exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_click_at_once_one_is_told_that_it_is_done(
    say: Say, seal: Seal, morgan: Actor, audrey: Actor
) -> None:
    """One carries it out, the other one declines it."""
    arthur = actor(PersonFactory.create(username="arthur-a", roles=["administrator"]))
    with transaction.atomic():
        event = say(object_type="config", reason=SECRET)
    seal()
    redaction = redaction_propose(actor=morgan, event_id=event, paths=["/reason"], reason=WHY)
    seal()
    both = Barrier(2)

    def click(decide: Callable[..., Redaction], who: Actor, comment: str) -> str:
        try:
            both.wait(10)
            return str(decide(actor=who, redaction_id=redaction.pk, comment=comment).state)
        except RedactionRefusedError as refusal:
            return str(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as clicks:
        one = clicks.submit(click, redaction_carry_out, audrey, "")
        other = clicks.submit(click, redaction_decline, arthur, "It is no password.")
        said = {one.result(30), other.result(30)}
    redaction.refresh_from_db()
    assert redaction.state in said
    assert any(f"is {RedactionState(redaction.state).label.lower()} already, by" in words for words in said)
    gone = Opening.objects.get(event_id=event, path="/reason").value is None
    assert gone is (redaction.state == "carried_out")


def test_a_text_that_was_exchanged_is_shown_on_no_page_of_its_event(event: int, seal: Seal) -> None:
    client = Client()
    client.force_login(PersonFactory.create(username="anna-a", roles=["auditor"]))
    forge(f"UPDATE audit_opening SET value = 'Nicer words.' WHERE event_id = {event} AND path = '/reason'")
    page = client.get(f"/audit/{event}/").content.decode()
    answer = client.get(f"/api/v1/audit/events/{event}/").json()
    assert "[does not fit what was sealed]" in page
    assert ("Nicer words." in page, "not what was sealed</span>" in page) == (False, True)
    assert answer["reason"] == answer["body"]["reason"] == "[does not fit what was sealed]"
