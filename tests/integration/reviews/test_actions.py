"""Actions from reviews: who adds, ends, drops and moves them, and how owners are reminded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.errors import ChangeNotFoundError, ConflictError, PolicyDeniedError
from changes.models import ChangeRequest, Notification, ReviewAction
from changes.services.review_actions import (
    action_add,
    action_done,
    action_drop,
    action_move,
    actions_remind,
    reviews_remind,
    today,
)
from changes.services.reviews import review_accept, review_submit, review_write
from tests.factories import Cast, actor, switched
from tests.integration.reviews.conftest import TEXTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def action(rolled_back: ChangeRequest, cast: Cast) -> ReviewAction:
    review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    return add(rolled_back, cast)


def add(change: ChangeRequest, cast: Cast, **data: str) -> ReviewAction:
    due = (today() + timedelta(days=7)).isoformat()
    known = {"text": "Write a template.", "owner": "implementer", "due_on": due}
    return action_add(change_id=change.pk, actor=actor(cast.author), data={**known, **data})


def told(action: ReviewAction) -> list[str]:
    rows = Notification.objects.filter(person=action.owner, topic="action_due").order_by("pk")
    return list(rows.values_list("sentence", flat=True))


def test_an_action_has_an_owner_who_is_told_and_who_ends_it(action: ReviewAction, cast: Cast) -> None:
    assert "Write a template." in told(action)[0]
    with pytest.raises(PolicyDeniedError, match="Change manager"):
        action_done(action_id=action.pk, actor=actor(cast.author))
    found = action_done(action_id=action.pk, actor=actor(cast.implementer), comment="It is in review.")
    assert (found.state, found.ended_by) == ("done", cast.implementer)
    with pytest.raises(ConflictError, match="ended already, as done"):
        action_drop(action_id=action.pk, actor=actor(cast.manager), comment="No longer needed.")
    events = Event.objects.filter(object_type="review_action").order_by("pk").values_list("action", flat=True)
    assert list(events) == [
        "review_action.added", "review_action.end_refused", "review_action.done", "review_action.drop_refused",
    ]  # fmt: skip


def test_a_manager_moves_and_drops_and_always_says_why(action: ReviewAction, cast: Cast) -> None:
    later = (today() + timedelta(days=30)).isoformat()
    with pytest.raises(InvalidInputError, match="say why"):
        action_move(action_id=action.pk, actor=actor(cast.manager), data={"due_on": later}, comment=" ")
    moved = action_move(
        action_id=action.pk, actor=actor(cast.manager), data={"owner": "peer"}, comment="The owner is away."
    )
    assert moved.owner == cast.peer
    assert len(told(moved)) == 1
    with pytest.raises(PolicyDeniedError):
        action_drop(action_id=action.pk, actor=actor(cast.peer), comment="I would rather not.")
    with pytest.raises(InvalidInputError):
        action_drop(action_id=action.pk, actor=actor(cast.manager), comment="")
    assert action_drop(action_id=action.pk, actor=actor(cast.manager), comment="Done elsewhere.").state == "dropped"


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"text": " "}, "text"),
        ({"owner": "nobody"}, "owner"),
        ({"owner": "auditor"}, "owner"),
        ({"due_on": "2020-01-01"}, "due_on"),
        ({"due_on": "next week"}, "due_on"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_actions_are_answered_under_their_names(
    action: ReviewAction, cast: Cast, data: dict[str, str], wrong: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        add(action.review.change, cast, **data)
    assert list(refused.value.fields) == [wrong]


def test_an_accepted_review_takes_actions_and_a_missing_one_does_not(rolled_back: ChangeRequest, cast: Cast) -> None:
    with pytest.raises(ChangeNotFoundError):
        add(rolled_back, cast)
    review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    review_submit(change_id=rolled_back.pk, writer=actor(cast.author))
    review_accept(change_id=rolled_back.pk, actor=actor(cast.manager))
    assert add(rolled_back, cast).state == "open"


def test_owners_are_reminded_once_a_day_from_the_due_day_on(action: ReviewAction) -> None:
    start = timezone.now()
    assert actions_remind(start) == 0
    due = start + timedelta(days=7)
    assert [actions_remind(due), actions_remind(due)] == [1, 0]
    assert actions_remind(due + timedelta(days=2)) == 1
    first, second, third = told(action)
    assert "is due today" in second
    assert "is overdue by 2 days" in third
    assert first != second


def test_change_managers_are_told_of_each_week_overdue_and_of_owners_who_left(action: ReviewAction, cast: Cast) -> None:
    start = timezone.now()
    managers = Notification.objects.filter(person=cast.manager, topic="action_due")
    counts = []
    for days in (7, 13, 14, 15, 20, 28, 29):  # it is due after seven days
        actions_remind(start + timedelta(days=days))
        counts.append(managers.count())
    assert counts == [0, 0, 1, 1, 1, 2, 2]
    assert "See to it, or move it" in managers.latest("pk").sentence
    ReviewAction.objects.update(reminded_on=None)
    switched(action.owner, active=False)
    actions_remind(start + timedelta(days=7))
    assert managers.count() == 3


def test_who_has_to_write_a_review_is_told_once(rolled_back: ChangeRequest, cast: Cast) -> None:
    assert reviews_remind() == 0, "there is an hour to write it in"
    later = timezone.now() + timedelta(hours=2)
    assert [reviews_remind(later), reviews_remind(later)] == [1, 0]
    [row] = Notification.objects.filter(topic="review_due")
    rolled_back.runs.update(ended_at=timezone.now())
    assert [reviews_remind(later), reviews_remind(later)] == [1, 0], "another run ended: it is due again"
    Notification.objects.exclude(pk=row.pk).delete()
    assert (row.person, row.path) == (cast.author, f"/changes/{rolled_back.pk}/review/")
    assert "rolled back" in row.sentence
