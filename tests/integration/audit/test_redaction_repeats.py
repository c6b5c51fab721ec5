"""A text that stands in many events goes from all of them: proposed together, decided together, each by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.actor import Actor
from audit.models import Event, Opening, Redaction
from audit.redaction.errors import RedactionRefusedError
from audit.redaction.redacting import redaction_propose, redaction_propose_everywhere, redactions_decide
from audit.redaction.repeating import proposed_together, repeats
from tests.factories import PersonFactory
from tests.integration.audit.test_redaction_attacks import WHY, actor, audrey, morgan

__all__ = ["audrey", "morgan"]
pytestmark = pytest.mark.django_db

Say = Callable[..., int]
Seal = Callable[[], int]
LABEL = "CHG-00017 Move ACME"


@pytest.fixture
def story(say: Say, audrey: Actor) -> list[int]:
    """Events of one change; the last two are audrey's own, and of another change."""
    return [
        say(object_label=LABEL, after={"title": "Move ACME"}, change_id=17),
        say(object_label=LABEL, reason="Fine.", change_id=17),
        say(object_label=LABEL, details={"note": "Move ACME tonight"}, change_id=17),
        say(object_label=LABEL, actor=audrey, change_id=17),
        say(object_label=LABEL, change_id=18),
    ]


def test_a_title_is_found_wherever_it_stands_in_its_change(story: list[int]) -> None:
    first, second, third, own, _other = story
    event = Event.objects.get(pk=second)
    assert repeats(event, ["/object/label"]) == (
        (first, ["/after/title", "/object/label"]), (third, ["/object/label"]), (own, ["/object/label"]),
    )  # fmt: skip
    assert repeats(event, ["/reason"]) == ()
    assert len(repeats(event, ["/object/label"], most=1)) == 1


def test_what_belongs_to_no_change_is_looked_for_by_its_thing(say: Say) -> None:
    both = [say(object_type="saved_search", object_id=5, object_label="ACME") for _ in range(2)]
    say(object_type="saved_search", object_id=6, object_label="ACME")
    assert repeats(Event.objects.get(pk=both[0]), ["/object/label"]) == ((both[1], ["/object/label"]),)


def test_two_people_take_a_title_out_of_all_events_of_its_change(
    story: list[int],
    morgan: Actor,
    audrey: Actor,
    seal: Seal,
) -> None:
    seal()
    mona = actor(PersonFactory.create(username="mona-t", roles=["change-manager"]))
    alone = redaction_propose(actor=mona, event_id=story[2], paths=["/details/note"], reason=WHY)
    made = redaction_propose_everywhere(actor=morgan, event_id=story[1], paths=["/object/label"], reason=WHY)
    assert [each.event_id for each in made] == [story[1], story[0], story[3]], "the third has an open proposal"
    ids = tuple(each.pk for each in made)
    told = Event.objects.filter(action="redaction.proposed", object_id__in=map(str, ids))
    assert told.count() == len(ids), "each has an event of its own"
    with pytest.raises(RedactionRefusedError, match="not sealed"):
        redactions_decide(actor=audrey, redaction_id=made[0].pk, carry_out=True)
    seal()
    assert proposed_together(made[1].pk) == ids
    left = redactions_decide(actor=audrey, redaction_id=made[1].pk, carry_out=True, comment="Agreed.")
    assert [redaction_id for redaction_id, _why in left] == [made[2].pk]
    assert "You caused this event" in left[0][1]
    assert proposed_together(made[0].pk) == (made[2].pk,)
    gone = Opening.objects.filter(event_id__in=story[:2], path__in=["/object/label", "/after/title"])
    assert set(gone.values_list("value", flat=True)) == {None}
    assert Opening.objects.filter(event_id=story[4], value=LABEL).exists()
    alone.refresh_from_db()
    assert alone.state == "proposed"


def test_they_are_declined_together_too(story: list[int], morgan: Actor) -> None:
    made = redaction_propose_everywhere(actor=morgan, event_id=story[1], paths=["/object/label"], reason=WHY)
    assert redactions_decide(actor=morgan, redaction_id=made[0].pk, carry_out=False, comment="I was wrong.") == ()
    assert set(Redaction.objects.values_list("state", flat=True)) == {"declined"}


def test_nothing_is_proposed_where_one_cannot_be_and_the_attempt_is_told(story: list[int], morgan: Actor) -> None:
    with pytest.raises(RedactionRefusedError, match="repeats a text"):
        redaction_propose_everywhere(
            actor=morgan, event_id=story[1], paths=["/object/label"], reason=f"It says {LABEL}."
        )
    assert not Redaction.objects.exists()
    assert Event.objects.filter(action="redaction.propose_refused", actor_id=morgan.user_id).count() == 1
