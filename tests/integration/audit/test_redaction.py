"""A text goes out of the log by two people, and in no other way; the event stays provable without it."""

# ruff: noqa: S608 - what is put into a statement is a constant of this file

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from audit.actor import Actor, Origin
from audit.errors import LogClosedError
from audit.export import stream_csv, stream_jsonl, stream_openings
from audit.filters import EventFilter
from audit.models import Event, Opening, Redaction, RedactionState
from audit.redaction.checking import compare_openings
from audit.redaction.commitments import REDACTED
from audit.redaction.errors import RedactionNotFoundError, RedactionRefusedError
from audit.redaction.redacting import redaction_carry_out, redaction_decline, redaction_propose
from audit.sealing.proof import is_sealed
from audit.selectors import event_page
from audit.verification.findings import Finding
from tests.database import as_owner
from tests.factories import PersonFactory
from tests.forging import forge

pytestmark = pytest.mark.django_db

Say = Callable[..., int]
Seal = Callable[[], int]
WHY = "It holds the password of a router."
SECRET = "The password is hunter2."


def actor(user: User) -> Actor:
    return Actor(user_id=user.pk, username=user.get_username(), origin=Origin.WEB)


@pytest.fixture
def morgan() -> Actor:
    return actor(PersonFactory.create(username="morgan-r", roles=["change-manager"]))


@pytest.fixture
def audrey() -> Actor:
    return actor(PersonFactory.create(username="audrey-r", roles=["auditor"]))


@pytest.fixture
def event(say: Say, seal: Seal) -> int:
    event_id = say(object_type="config", reason=SECRET, after={"title": "Stays"}, details={"digest": "ab"})
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


def run(statement: str) -> None:
    """Run it as far as its COMMIT, in a savepoint."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        commit()


def test_two_people_take_a_text_out_and_the_event_stays_provable(
    proposed: Redaction, audrey: Actor, trace: str, seal: Seal
) -> None:
    before = Event.objects.get(pk=proposed.event_id).body
    redaction_carry_out(actor=audrey, redaction_id=proposed.pk, comment="Seen, and rotated.")
    seal()
    event = Event.objects.get(pk=proposed.event_id)
    assert (event.body, is_sealed(event.pk)) == (before, True)
    assert event.reason == event.content()["reason"] == REDACTED
    assert event.content()["after"] == {"title": "Stays"}
    gone = Opening.objects.get(event_id=event.pk, path="/reason")
    assert (gone.salt, gone.value, gone.redaction_id) == (None, None, proposed.pk)
    assert compare_openings(event.pk)["redacted texts"] == 1
    wanted = EventFilter(request_id=trace)
    exported = b"".join([*stream_csv(wanted), *stream_jsonl(wanted), *stream_openings(wanted)]).decode()
    assert "hunter2" not in exported
    assert {"event": event.pk, "path": "/reason", "redaction": proposed.pk} in [
        json.loads(line) for line in b"".join(stream_openings(wanted)).splitlines()
    ]
    assert event_page(EventFilter(text="hunter2")).events == ()
    told = Event.objects.get(object_type="redaction", object_id=str(proposed.pk), action="redaction.carried_out")
    assert (told.actor_name, told.reason, told.state_from) == ("audrey-r", "Seen, and rotated.", "proposed")
    details = told.content()["details"]
    assert details == {"event": event.pk, "paths": ["/reason"], "proposed_by_id": proposed.proposed_by_id}


def test_who_proposed_cannot_carry_it_out(event: int, audrey: Actor, seal: Seal) -> None:
    redaction = redaction_propose(actor=audrey, event_id=event, paths=["/reason"], reason=WHY)
    seal()
    with pytest.raises(RedactionRefusedError, match="You proposed it"):
        redaction_carry_out(actor=audrey, redaction_id=redaction.pk)
    assert Event.objects.get(pk=event).reason == SECRET
    refused = Event.objects.filter(action="redaction.carry_out_refused").latest("pk")
    assert (refused.actor_name, refused.object_id) == ("audrey-r", str(redaction.pk))


def test_who_caused_the_event_cannot_carry_it_out(say: Say, morgan: Actor, audrey: Actor, seal: Seal) -> None:
    event_id = say(actor=audrey, object_type="config", reason=SECRET)
    redaction = redaction_propose(actor=morgan, event_id=event_id, paths=["/reason"], reason=WHY)
    seal()
    with pytest.raises(RedactionRefusedError, match="You caused this event"):
        redaction_carry_out(actor=audrey, redaction_id=redaction.pk)


def test_a_change_manager_proposes_and_does_not_carry_out(proposed: Redaction) -> None:
    other = actor(PersonFactory.create(username="mona-r", roles=["change-manager"]))
    with pytest.raises(LogClosedError):
        redaction_carry_out(actor=other, redaction_id=proposed.pk)
    with pytest.raises(LogClosedError):
        redaction_decline(actor=other, redaction_id=proposed.pk, comment="It is not a password.")


def test_strangers_do_neither(event: int) -> None:
    for stranger in (Actor.command(), actor(PersonFactory.create(username="olaf-r", roles=["requester"]))):
        with pytest.raises(LogClosedError):
            redaction_propose(actor=stranger, event_id=event, paths=["/reason"], reason=WHY)


def test_a_proposal_waits_for_its_seal(event: int, morgan: Actor, audrey: Actor) -> None:
    redaction = redaction_propose(actor=morgan, event_id=event, paths=["/reason"], reason=WHY)
    with pytest.raises(RedactionRefusedError, match="not sealed in the audit log yet"):
        redaction_carry_out(actor=audrey, redaction_id=redaction.pk)


def test_the_digest_of_a_text_goes_with_it(say: Say, morgan: Actor) -> None:
    event_id = say(object_type="config", after={"content": "secret", "content_sha256": "ab"}, reason="r")
    found = redaction_propose(actor=morgan, event_id=event_id, paths=["/after/content"], reason=WHY)
    assert found.paths == ["/after/content", "/after/content_sha256"]


@pytest.mark.parametrize(
    ("paths", "reason", "words"),
    [
        ([], WHY, "Choose at least one text"),
        (["/details/digest"], WHY, "has no text '/details/digest'"),
        (["/reason"], "short", "Say why"),
        (["/reason"], f"They wrote: {SECRET.upper()}", "repeats a text that is to be taken out"),
        (["/" + "x" * 90], WHY, "has no text"),
    ],
)
def test_what_cannot_be_proposed_is_told(event: int, morgan: Actor, paths: list[str], reason: str, words: str) -> None:
    with pytest.raises(RedactionRefusedError, match=words):
        redaction_propose(actor=morgan, event_id=event, paths=paths, reason=reason)
    assert not Redaction.objects.filter(event_id=event).exists()
    refusal = Event.objects.filter(action="redaction.propose_refused").latest("pk").content()
    assert not any(typed in json.dumps(refusal) for typed in (SECRET, "nowhere", "/details/digest", "xxx"))


def test_what_is_said_with_the_decision_does_not_repeat_the_text(proposed: Redaction, audrey: Actor) -> None:
    with pytest.raises(RedactionRefusedError, match="The comment repeats a text"):
        redaction_carry_out(actor=audrey, redaction_id=proposed.pk, comment=f"Seen: {SECRET}")
    assert Event.objects.get(pk=proposed.event_id).reason == SECRET


def test_more_texts_than_one_redaction_takes_are_told(say: Say, morgan: Actor) -> None:
    event_id = say(object_type="config", details={"items": [f"text {number}" for number in range(501)]})
    paths = [f"/details/items/{number}" for number in range(501)]
    with pytest.raises(RedactionRefusedError, match="These are 501 texts"):
        redaction_propose(actor=morgan, event_id=event_id, paths=paths, reason=WHY)
    assert len(redaction_propose(actor=morgan, event_id=event_id, paths=paths[1:], reason=WHY).paths) == 500


def test_one_proposal_at_a_time_and_a_decided_one_stays(proposed: Redaction, morgan: Actor, audrey: Actor) -> None:
    with pytest.raises(RedactionRefusedError, match="is proposed already"):
        redaction_propose(actor=morgan, event_id=proposed.event_id, paths=["/after/title"], reason=WHY)
    redaction_decline(actor=morgan, redaction_id=proposed.pk, comment="I was wrong about it.")  # withdrawn
    with pytest.raises(RedactionRefusedError, match="declined already, by morgan-r"):
        redaction_carry_out(actor=audrey, redaction_id=proposed.pk)
    with pytest.raises(RedactionNotFoundError):
        redaction_carry_out(actor=audrey, redaction_id=2**40)
    assert Event.objects.get(pk=proposed.event_id).reason == SECRET


CARRY_OUT = (
    "UPDATE audit_redaction SET state = 'carried_out', decided_by_id = {by}, decided_by_name = 'x', decided_at = now()"
)
PAST_THE_SERVICE = {
    "alone": (CARRY_OUT.format(by="proposed_by_id"), "who proposed it cannot carry it out"),
    "nobody": ("UPDATE audit_redaction SET state = 'carried_out'", "does not say who decided"),
    "other texts": ("UPDATE audit_redaction SET paths = '{/after/title}', state = 'declined'", "stays as it is"),
    "by nobody": (CARRY_OUT.format(by=987_654), "who decides is no auditor and no administrator"),
    "without a row": ("UPDATE audit_opening SET salt = NULL, value = NULL, redaction_id = 1", "permission denied"),
}


@pytest.mark.parametrize("name", PAST_THE_SERVICE)
def test_the_database_refuses_every_other_way(proposed: Redaction, name: str) -> None:
    statement, words = PAST_THE_SERVICE[name]
    with pytest.raises(DatabaseError, match=words):
        run(statement)
    assert Event.objects.get(pk=proposed.event_id).reason == SECRET


def test_untold_or_told_in_anothers_name_it_is_not_committed(proposed: Redaction, audrey: Actor, say: Say) -> None:
    with pytest.raises(DatabaseError, match="this transaction holds no audit event for it"):
        run(CARRY_OUT.format(by=audrey.user_id))
    other = actor(PersonFactory.create(username="arthur-r", roles=["administrator"]))
    told = {
        "object_type": "redaction", "object_id": proposed.pk, "state_from": "proposed", "state_to": "carried_out",
        "details": {"event": proposed.event_id, "paths": proposed.paths},
    }  # fmt: skip
    say(actor=audrey, action="redaction.carried_out", **told)
    with pytest.raises(DatabaseError, match="no event says so in the name of who did it"):
        run(CARRY_OUT.format(by=other.user_id))
    run(CARRY_OUT.format(by=audrey.user_id).replace("'x'", "'audrey-r'"))  # what the event of this transaction says


def test_who_caused_the_event_is_refused_by_the_database_too(
    say: Say, morgan: Actor, audrey: Actor, seal: Seal
) -> None:
    event_id = say(actor=audrey, object_type="config", reason=SECRET)
    redaction_propose(actor=morgan, event_id=event_id, paths=["/reason"], reason=WHY)
    seal()
    with pytest.raises(DatabaseError, match="who caused the event cannot carry it out"):
        run(CARRY_OUT.format(by=audrey.user_id))


def test_an_unsealed_proposal_is_refused_by_the_database_too(event: int, morgan: Actor, audrey: Actor) -> None:
    redaction_propose(actor=morgan, event_id=event, paths=["/reason"], reason=WHY)
    with pytest.raises(DatabaseError, match="its proposal is not sealed"):
        run(CARRY_OUT.format(by=audrey.user_id))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_opening SET salt = NULL, value = NULL, redaction_id = 1",
        "UPDATE audit_opening SET value = 'nicer'",
        "DELETE FROM audit_opening",
        "TRUNCATE audit_opening",
        "DELETE FROM audit_redaction",
    ],
)
def test_the_owner_of_the_tables_is_refused_too(proposed: Redaction, statement: str) -> None:
    with pytest.raises(DatabaseError, match=r"stays: it goes only|is refused"), as_owner():
        run(statement)
    assert Event.objects.get(pk=proposed.event_id).reason == SECRET


HERE = " WHERE event_id = {event} AND path = '/reason'"
TAMPERED = {
    "guessed": (f"UPDATE audit_opening SET value = 'A guess.'{HERE}", "it was exchanged, or guessed"),
    "another salt": (f"UPDATE audit_opening SET salt = sha256(''){HERE}", "is not the one that was sealed"),
    "deleted": (f"DELETE FROM audit_opening{HERE}", "is gone, and no redaction took it out"),
    "gone untold": (
        f"UPDATE audit_opening SET salt = NULL, value = NULL, redaction_id = 5{HERE}",
        "by the redaction 5, but no events say that one person proposed this and another one, who did not",
    ),
    "moved": (f"UPDATE audit_opening SET path = '/details/code'{HERE}", "is gone, and no redaction"),
    "one more": (
        "INSERT INTO audit_opening VALUES ({event}, '/details/code', sha256(''), 'x')",
        "was put there afterwards",
    ),
    "put beside": ("INSERT INTO audit_opening VALUES ({bare}, '/reason', sha256(''), 'x')", "was put there afterwards"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_text_that_was_tampered_with_is_named(event: int, say: Say, name: str) -> None:
    statement, words = TAMPERED[name]
    forge(statement.format(event=event, bare=say(object_type="config")))
    with pytest.raises(Finding, match=words):
        compare_openings(0)


def test_a_text_that_does_not_fit_is_not_shown(event: int) -> None:
    forge(TAMPERED["guessed"][0].format(event=event))
    assert Event.objects.get(pk=event).content()["reason"] == "[does not fit what was sealed]"


def test_states_are_those_of_the_database(proposed: Redaction, audrey: Actor) -> None:
    redaction_carry_out(actor=audrey, redaction_id=proposed.pk)
    proposed.refresh_from_db()
    assert (proposed.state, proposed.decided_by_name) == (RedactionState.CARRIED_OUT, "audrey-r")
