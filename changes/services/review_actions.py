"""The actions that follow from reviews: adding them, ending them, moving them, and reminding their owners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.content import parse_comment
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.notifications import Topic
from changes.domain.reviews import rules
from changes.domain.reviews.content import ActionState, parse_action
from changes.domain.roles import Role
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import ChangeRequest, Notification, Review, ReviewAction, Run
from changes.services.approvers import members_of
from changes.services.notifying import notify
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.reviews import PRESENT, review_required
from changes.services.transitions import remembering_refusal

OBJECT: Final = "review_action"
_AT_ONCE: Final = 500
_GRACE: Final = timedelta(hours=1)
_WEEK: Final = timedelta(weeks=1)


def action_add(*, change_id: int, actor: Actor, data: Mapping[str, object]) -> ReviewAction:
    """Add an action to the review of a change; an accepted review takes further ones, too. Its owner is told.

    ``data``: ``{text, owner, due_on}``; the owner by user name, the day as 2026-12-31.

    Raises:
        PolicyDeniedError: the person's roles do not let them write reviews.
        ChangeNotFoundError: the change has no review yet.
        InvalidInputError: with a sentence under each name.
    """
    with remembering_refusal(actor=actor, attempt="review_action", change_id=change_id):
        change = lock_change(change_id)
        review = Review.objects.filter(change=change).first()
        if review is None:
            raise ChangeNotFoundError(f"{change.number} has no review yet. Write it first.")
        person = person_of(actor)
        enforce(rules.may_write_review(person, facts_of(change)))
        content = parse_action(data, today=today())
        found = ReviewAction.objects.create(
            review=review,
            text=content.text,
            owner_id=_owner_id(content.owner),
            due_on=content.due_on,
            created_by_id=person.id,
        )
        _audit(found, "review_action.added", actor=actor, after=_facts(found), state_to=found.state)
        _tell(found, f"You own {found.number}, which is due on {found.due_on:%d %b %Y}: {found.text}", path_of(found))
        return found


def action_done(*, action_id: int, actor: Actor, comment: str = "") -> ReviewAction:
    """Say that an action is done.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is neither its owner nor a change manager. The refusal is audited.
        ConflictError: it has ended already.
    """
    with _one(action_id, actor, "end") as found:
        person = person_of(actor)
        enforce(rules.may_end_action(person, found.owner_id))
        _must_be_open(found)
        _end(found, ActionState.DONE, person.id, parse_comment(comment, action="end an action", required=False))
        _audit(found, "review_action.done", actor=actor, reason=found.note, state_from="open", state_to=found.state)
        return found


def action_drop(*, action_id: int, actor: Actor, comment: str) -> ReviewAction:
    """Give an action up, with a reason.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: no reason.
        ConflictError: it has ended already.
    """
    with _one(action_id, actor, "drop") as found:
        person = person_of(actor)
        enforce(rules.may_manage_action(person))
        _must_be_open(found)
        _end(found, ActionState.DROPPED, person.id, parse_comment(comment, action="drop an action"))
        _audit(found, "review_action.dropped", actor=actor, reason=found.note, state_from="open", state_to=found.state)
        return found


def action_move(*, action_id: int, actor: Actor, data: Mapping[str, object], comment: str) -> ReviewAction:
    """Give an open action another owner or day, with a reason; what is not given stays. A new owner is told.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: with a sentence under each name, or no reason.
        ConflictError: it has ended already.
    """
    with _one(action_id, actor, "move") as found:
        enforce(rules.may_manage_action(person_of(actor)))
        _must_be_open(found)
        reason = parse_comment(comment, action="move an action")
        before = _facts(found)
        known = {"text": found.text, "owner": found.owner.get_username(), "due_on": found.due_on.isoformat()}
        content = parse_action({**known, **data}, today=today())
        if content.text != found.text:
            raise InvalidInputError({"text": ["What an action says stays. Drop it and add another one."]})
        found.owner_id, found.due_on, found.reminded_on = _owner_id(content.owner), content.due_on, None
        found.save()
        found.refresh_from_db()
        _audit(found, "review_action.moved", actor=actor, reason=reason, before=before, after=_facts(found))
        _tell(found, f"{found.number} is yours and due on {found.due_on:%d %b %Y}: {found.text}", path_of(found))
        return found


def actions_remind(now: datetime | None = None) -> int:
    """Tell the owners of actions that are due today or overdue, once a day each; returns how many actions that were.

    After each week overdue, and at once where the owner's account is switched off, the change managers are told too.
    Safe to call at any time and twice: the day of the last reminder is kept with the action.
    """
    day = today(now)
    told = 0
    with transaction.atomic():
        due = ReviewAction.objects.open().filter(due_on__lte=day)
        rows = due.filter(Q(reminded_on=None) | Q(reminded_on__lt=day)).order_by("due_on", "pk")
        for found in rows.select_related("review__change", "owner").select_for_update(
            no_key=True, skip_locked=True, of=("self",)
        )[:_AT_ONCE]:
            late = (day - found.due_on).days
            when = "is due today" if not late else f"is overdue by {late} day{'s' if late != 1 else ''}"
            _tell(found, f"{found.number} {when}: {found.text}", path_of(found))
            if _needs_a_manager(found, day):
                _tell_managers(found, f"{found.number} of {found.owner.get_username()} {when}: {found.text}")
            found.reminded_on = day
            found.save(update_fields=["reminded_on"])
            told += 1
    return told


def reviews_remind(now: datetime | None = None) -> int:
    """Tell authors and implementers of changes in review that a review is demanded, once each; returns how many.

    Who was told since the last run of a change ended is not told again: the duty stands on the change's page.
    """
    told = 0
    later = Run.objects.filter(change=OuterRef("change"), ended_at__gt=OuterRef("submitted_at"))
    present = Review.objects.filter(~Exists(later), change=OuterRef("pk"), state__in=PRESENT)
    waiting = ChangeRequest.objects.awaiting_close().filter(~Exists(present))
    since = Run.objects.filter(change=OuterRef("change"), ended_at__gt=OuterRef("created_at"))
    said = Notification.objects.filter(~Exists(since), change=OuterRef("pk"), topic=Topic.REVIEW_DUE.value)
    unknown = waiting.exclude(Exists(said))
    old = (now or timezone.now()) - _GRACE
    for change in unknown.filter(updated_at__lt=old).select_related("revision").order_by("pk")[:_AT_ONCE]:
        sentence = review_required(change)
        if sentence is None:
            continue
        with transaction.atomic():
            people = {change.author_id, *change.runs.values_list("started_by_id", flat=True)}
            subject = f"{change.number} waits for its review"
            path = f"/changes/{change.pk}/review/"
            notify(Topic.REVIEW_DUE, people=people, subject=subject, sentence=sentence, change=change, path=path)
        told += 1
    return told


def today(now: datetime | None = None) -> date:
    """The day in UTC."""
    return (now or timezone.now()).date()


def path_of(action: ReviewAction) -> str:
    """The page on which an action stands."""
    return f"/changes/{action.review.change_id}/review/"


def _needs_a_manager(action: ReviewAction, day: date) -> bool:
    """Another week overdue since its owner was told last; or nobody is there to be told."""
    told = action.reminded_on or action.due_on
    weeks, before = ((moment - action.due_on) // _WEEK for moment in (day, told))
    return weeks > max(before, 0) or (not action.owner.is_active and action.reminded_on is None)


def _tell_managers(action: ReviewAction, sentence: str) -> None:
    notify(
        Topic.ACTION_DUE,
        people=members_of((Role.CHANGE_MANAGER.value,)).keys() - {action.owner_id},
        subject=f"Action {action.number} from a review",
        sentence=f"{sentence} See to it, or move it to somebody else.",
        change=action.review.change,
        path=path_of(action),
    )


def _tell(action: ReviewAction, sentence: str, path: str) -> None:
    notify(
        Topic.ACTION_DUE,
        people=[action.owner_id],
        subject=f"Action {action.number} from a review",
        sentence=sentence,
        change=action.review.change,
        path=path,
    )


def _owner_id(username: str) -> int:
    """The person who is to see to it: somebody with an active account who may write.

    Raises:
        InvalidInputError: there is no such person, or they only read.
    """
    people = get_user_model().objects.filter(username=username, is_active=True)
    found = people.exclude(groups__name=Role.AUDITOR).first()
    if found is None:
        kind = "only reads, as an auditor" if people.exists() else "has no active account here"
        raise InvalidInputError({"owner": [f"“{username}” {kind}. Name somebody else."]})
    return found.pk


def _locked(action_id: int) -> ReviewAction:
    rows = ReviewAction.objects.select_for_update(no_key=True, of=("self",)).select_related("review__change", "owner")
    found = rows.filter(pk=action_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no action with the id {action_id}.")
    return found


@contextmanager
def _one(action_id: int, actor: Actor, attempt: str) -> Iterator[ReviewAction]:
    """The action, locked in a transaction of its own; a refusal is rolled back and audited."""
    try:
        with transaction.atomic():
            yield _locked(action_id)
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=f"review_action.{attempt}_refused",
                object_type=OBJECT,
                object_id=action_id,
                object_label=f"ACT-{action_id:05d}",
                code=refusal.code,
                reason=str(refusal),
            )
        raise


def _must_be_open(action: ReviewAction) -> None:
    if action.state != ActionState.OPEN:
        raise ConflictError(f"{action.number} has ended already, as {ActionState(action.state).label.lower()}.")


def _end(action: ReviewAction, state: ActionState, person_id: int, note: str) -> None:
    action.state, action.note = state.value, note
    action.ended_by_id, action.ended_at = person_id, timezone.now()
    action.save()


def _facts(action: ReviewAction) -> dict[str, object]:
    return {"text": action.text, "owner_id": action.owner_id, "due_on": action.due_on.isoformat()}


def _audit(
    action: ReviewAction,
    what: str,
    *,
    actor: Actor,
    reason: str = "",
    state_from: str = "",
    state_to: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    record(
        actor=actor,
        action=what,
        object_type=OBJECT,
        object_id=action.pk,
        object_label=action.number,
        change_id=action.review.change_id,
        state_from=state_from,
        state_to=state_to,
        reason=reason,
        before=before,
        after=after,
    )
