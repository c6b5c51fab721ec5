"""Post-implementation reviews: whether a change needs one, and writing, submitting, returning and accepting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from django.db.models import Max
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.policy import Verdict
from changes.domain.reviews import rules
from changes.domain.reviews.content import FIELDS, TIMES, ReviewContent, ReviewState, missing, parse_review
from changes.domain.reviews.duty import REVIEW_MISSING, Ground, because, review_grounds
from changes.domain.states import ChangeState
from changes.errors import ChangeNotFoundError, ConflictError, StaleEditError
from changes.models import ChangeRequest, PlanRevision, Review
from changes.services.outcomes import change_outcome
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.review_record import record_of
from changes.services.transitions import remembering_refusal

OBJECT: Final = "review"
PRESENT: Final = (ReviewState.SUBMITTED.value, ReviewState.ACCEPTED.value)


def grounds_of(change: ChangeRequest) -> tuple[Ground, ...]:
    """Why this change has to be reviewed; at most three queries. Empty: no review is demanded."""
    return review_grounds(
        change_type=change.type,
        outcome=change_outcome(change),
        close_code=change.close_code,
        duties=_duties(change.revision),
    )


def review_required(change: ChangeRequest) -> str | None:
    """Why the change cannot be closed yet for want of a review, as a sentence; None: nothing is missing.

    The close code that is about to be given counts, when the caller has set it.
    """
    grounds = grounds_of(change)
    if not grounds:
        return None
    found = Review.objects.filter(change=change, state__in=PRESENT).first()
    if found is not None:
        return _outdated(found)
    return (
        f"Because {because(grounds)}, this change needs a post-implementation review before it is closed."
        f" Write it and submit it on the change's page Review (/changes/{change.pk}/review/)."
    )


def outdated(review: Review) -> bool:
    """Whether a run of the change ended after the review was submitted: devices were retried or rolled back; one query.

    Such a review, submitted or accepted, does not tell all, and does not count.
    """
    last = review.change.runs.aggregate(last=Max("ended_at"))["last"]
    given = review.submitted_at if review.state in PRESENT else None
    return given is not None and last is not None and given < last


def _outdated(review: Review) -> str | None:
    if not outdated(review):
        return None
    return (
        f"A run of this change ended after its review was {ReviewState(review.state).label.lower()}, so the review does"
        f" not tell all. Have it returned on the page Review (/changes/{review.change_id}/review/), say what happened"
        " then, and submit it again."
    )


def refuse_without_review(change: ChangeRequest) -> None:
    """Let nobody close a change whose review is missing.

    Raises:
        ConflictError: ``REVIEW_MISSING``, with why it is demanded and where to write it.
    """
    sentence = review_required(change)
    if sentence:
        raise ConflictError(sentence, code=REVIEW_MISSING)


def review_get(change_id: int) -> Review:
    """The review of a change with its people; one query.

    Raises:
        ChangeNotFoundError: it has none.
    """
    people = ("change", "submitted_by", "accepted_by")
    found = Review.objects.select_related(*people).filter(change_id=change_id).first()
    if found is None:
        raise ChangeNotFoundError(f"The change {change_id} has no review yet.")
    return found


def review_write(*, change_id: int, writer: Actor, data: Mapping[str, object], version: int | None = None) -> Review:
    """Write the review of a change, or change what is written; fields that are not given stay as they are.

    ``data``: any of ``{what_happened, impact, cause, went_well, lessons, outcome, began_at, detected_at,
    restored_at}``; times in ISO 8601, without a zone they mean UTC. The first writing opens the review.

    Raises:
        PolicyDeniedError: the person's roles do not let them, or the run has not ended. The refusal is audited.
        InvalidInputError: with a sentence under each name.
        ConflictError: it was submitted; it has to be returned first.
        StaleEditError: somebody else wrote meanwhile.
    """
    with remembering_refusal(actor=writer, attempt="review", change_id=change_id):
        change = lock_change(change_id)
        person = person_of(writer)
        enforce(rules.may_write_review(person, facts_of(change)))
        found = _locked(change) or Review(change=change)
        _must_be_draft(found)
        if version is not None and version != found.version:
            raise StaleEditError(
                "Somebody else wrote in this review after you opened it. Open it again; yours is kept."
            )
        known = _written(found)
        content = parse_review({**known, **data}, now=timezone.now())
        is_new = found.pk is None
        for name, value in asdict(content).items():
            setattr(found, name, value)
        found.version += 0 if is_new else 1
        found.save()
        found.writers.add(person.id)
        after = _written(found)
        changed = {name for name in FIELDS if after.get(name) != known.get(name)}
        _audit(
            found,
            "review.opened" if is_new else "review.written",
            actor=writer,
            state_to=found.state if is_new else "",
            before={name: known.get(name, "") for name in changed},
            after={name: after.get(name, "") for name in changed},
        )
        return found


def review_submit(*, change_id: int, writer: Actor) -> Review:
    """Hand the review in. The timeline from the record and the grounds are frozen with it.

    Raises:
        PolicyDeniedError: the person's roles do not let them.
        ChangeNotFoundError: nothing is written yet.
        InvalidInputError: something that has to be said is not.
        ConflictError: it was submitted before.
    """
    with remembering_refusal(actor=writer, attempt="review_submit", change_id=change_id):
        change, found = _both(change_id)
        person = person_of(writer)
        enforce(rules.may_write_review(person, facts_of(change)))
        _must_be_draft(found)
        gaps = missing(content_of(found))
        if gaps:
            raise InvalidInputError(dict(gaps))
        found.record = [fact.to_data() for fact in record_of(change).facts]
        found.grounds = [ground.value for ground in grounds_of(change)]
        found.submitted_by_id, found.submitted_at = person.id, timezone.now()
        found.writers.add(person.id)
        _move(found, ReviewState.SUBMITTED, "review.submitted", actor=writer)
        return found


def review_return(*, change_id: int, actor: Actor, comment: str) -> Review:
    """Give a submitted review back to its writers, with what is missing; who may write it may take it back, too.

    An accepted one is given back only where a run of the change ended after it: it then needs another acceptance.

    Raises:
        PolicyDeniedError: the person may neither accept nor write it.
        InvalidInputError: no comment.
        ConflictError: it is a draft, it was accepted and tells all, or the change is closed: a closed change keeps its
            review.
    """
    with remembering_refusal(actor=actor, attempt="review_return", change_id=change_id):
        change, found = _both(change_id)
        facts, person = facts_of(change), person_of(actor)
        accepts = rules.may_accept_review(person, facts, _writer_ids(found))
        enforce(_either(accepts, rules.may_write_review(person, facts)))
        if not outdated(found):
            _must_be_submitted(found)
        if change.state == ChangeState.CLOSED:
            sentence = "The change is closed with this review. Accept it, and add an action for what is missing."
            raise ConflictError(sentence, code="review_kept")
        reason = parse_comment(comment, action="return a review")
        before = {"accepted_by_id": found.accepted_by_id} if found.accepted_by_id else None
        found.accepted_by, found.accepted_at, found.accept_note = None, None, ""
        _move(found, ReviewState.DRAFT, "review.returned", actor=actor, reason=reason, before=before)
        return found


def review_accept(*, change_id: int, actor: Actor, comment: str = "") -> Review:
    """Accept a submitted review. It never changes again.

    Raises:
        PolicyDeniedError: the person implemented or wrote the change, or wrote a part of the review, or holds neither
            role. The refusal is audited.
        ConflictError: it is not submitted, or a run of the change ended after it.
    """
    with remembering_refusal(actor=actor, attempt="review_accept", change_id=change_id):
        change, found = _both(change_id)
        person = person_of(actor)
        enforce(rules.may_accept_review(person, facts_of(change), _writer_ids(found)))
        _must_be_submitted(found)
        if sentence := _outdated(found):
            raise ConflictError(sentence, code="review_outdated")
        found.accept_note = parse_comment(comment, action="accept a review", required=False)
        found.accepted_by_id, found.accepted_at = person.id, timezone.now()
        _move(found, ReviewState.ACCEPTED, "review.accepted", actor=actor, reason=found.accept_note)
        return found


def content_of(review: Review) -> ReviewContent:
    """What people wrote."""
    return ReviewContent(**{name: getattr(review, name) for name in FIELDS})


def accept_verdict(change: ChangeRequest, review: Review, actor: Actor) -> Verdict:
    """Whether this person may accept it, for what a page offers."""
    return rules.may_accept_review(person_of(actor), facts_of(change), _writer_ids(review))


def _written(review: Review) -> dict[str, str]:
    """The content as text, the way it comes in."""
    found: dict[str, str] = {}
    for name in FIELDS:
        value = getattr(review, name)
        if value:
            found[name] = _told(value) if name in TIMES else str(value)
    return found


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _duties(revision: PlanRevision | None) -> tuple[Duty, ...]:
    """The duties that the policy asked when the change was submitted."""
    demand = revision.demand if revision else None
    asked = demand.get("duties", []) if isinstance(demand, Mapping) else []
    return tuple(Duty.REVIEW for item in asked if isinstance(item, Mapping) and item.get("duty") == Duty.REVIEW)


def _locked(change: ChangeRequest) -> Review | None:
    return Review.objects.select_for_update(no_key=True).filter(change=change).first()


def _both(change_id: int) -> tuple[ChangeRequest, Review]:
    change = lock_change(change_id)
    found = _locked(change)
    if found is None:
        raise ChangeNotFoundError(f"{change.number} has no review yet. Write it first.")
    return change, found


def _writer_ids(review: Review) -> tuple[int, ...]:
    return tuple(review.writers.values_list("pk", flat=True))


def _must_be_draft(review: Review) -> None:
    if review.state == ReviewState.ACCEPTED:
        sentence = _outdated(review) or "This review is accepted and stays as it is. Add an action for what follows."
        raise ConflictError(sentence)
    if review.state == ReviewState.SUBMITTED:
        raise ConflictError("This review is submitted. Have it returned before you write in it.")


def _must_be_submitted(review: Review) -> None:
    if review.state != ReviewState.SUBMITTED:
        now = "accepted already" if review.state == ReviewState.ACCEPTED else "a draft"
        raise ConflictError(f"This review is {now}. Only a submitted one is accepted or returned.")


def _either(one: Verdict, other: Verdict) -> Verdict:
    return other if other.allowed else one


def _move(
    review: Review,
    target: ReviewState,
    action: str,
    *,
    actor: Actor,
    reason: str = "",
    before: Mapping[str, object] | None = None,
) -> None:
    state_from = review.state
    review.state = target.value
    review.save()
    _audit(review, action, actor=actor, reason=reason, state_from=state_from, state_to=target.value, before=before)


def _audit(
    review: Review,
    action: str,
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
        action=action,
        object_type=OBJECT,
        object_id=review.pk,
        object_label=str(review),
        change_id=review.change_id,
        state_from=state_from,
        state_to=state_to,
        reason=reason,
        before=before or None,
        after=after or None,
    )
