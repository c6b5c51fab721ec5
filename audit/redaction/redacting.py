"""Taking a text out of the log: proposed by one person, carried out or declined by another."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.errors import LogClosedError
from audit.models import ArchivedEvent, Event, Opening, Redaction, RedactionState
from audit.readers import reads_log
from audit.recorder import ObjectType, record
from audit.redaction.archived import ALL_TEXTS, Subject, checked_archived, subject_of
from audit.redaction.errors import RedactionNotFoundError, RedactionRefusedError
from audit.redaction.repeating import proposed_together, repeats
from audit.retention.holding import why_redaction_waits
from audit.sealing.proof import is_sealed

DECIDERS: Final = ("auditor", "administrator")
"""The roles (groups) that carry a redaction out or decline it."""
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 2_000
MOST_TEXTS: Final = 500
"""Texts of one event that one redaction takes out; the database says so, too."""
_TELLING: Final = 4
"""A text of fewer characters can stand in a reason by chance."""

Forgetting = Callable[[Subject, Collection[str]], None]
"""Removes what else is kept of an event's texts (their paths, or ``*``), in the redaction's transaction."""

Sweeping = Callable[[int | None, Collection[str]], None]
"""Takes texts from copies about a change (its id), in the redaction's transaction; see :func:`register_copies`."""

_forgetting: dict[str, Forgetting] = {}
_sweeping: dict[str, Sweeping] = {}


def register(name: str, forget: Forgetting) -> None:
    """Have every redaction also remove copies that an app above keeps; a second one of the name replaces it."""
    _forgetting[name] = forget


def register_copies(name: str, sweep: Sweeping) -> None:
    """Have every redaction take its texts from copies that an app above made; a second one of the name replaces it."""
    _sweeping[name] = sweep


def decides_redactions(user_id: int | None) -> bool:
    """Whether this account is active and may carry a redaction out; one query."""
    people = get_user_model().objects.filter(pk=user_id or 0, is_active=True, groups__name__in=DECIDERS)
    return people.exists()


def redaction_propose(*, actor: Actor, event_id: int, paths: Collection[str], reason: str) -> Redaction:
    """Propose that texts of one event are taken out of the log. Nothing is taken out yet; audited.

    ``paths`` are JSON Pointers into the event's body, as ``Event.sealed()`` has commitments there. The reason is kept
    in the log; it must not repeat the text.

    Raises:
        LogClosedError: the person does not read the log.
        Event.DoesNotExist: there is no such event.
        RedactionRefusedError: no reason or one that repeats a text, a text that is not there or gone already, more than
            500 texts, or an open proposal for the event.
    """
    with _remembering("propose", actor, event_id), transaction.atomic():
        return _propose(actor, event_id, paths, reason)


def redaction_propose_everywhere(
    *, actor: Actor, event_id: int, paths: Collection[str], reason: str
) -> tuple[Redaction, ...]:
    """The same, and one more redaction for each other event that repeats one of the texts, in one transaction; audited.

    Those are events of the same change, or about the same thing where the event belongs to no change, 100 at most.
    Events with an open proposal are left out. The first of those that are returned is about ``event_id``. Arguments and
    errors are those of :func:`redaction_propose`.
    """
    with _remembering("propose", actor, event_id), transaction.atomic():
        first = _propose(actor, event_id, paths, reason)
        others = repeats(Event.objects.get(pk=event_id), first.paths) if ALL_TEXTS not in first.paths else ()
        return (first, *(_propose(actor, other, found, reason) for other, found in others))


def _propose(actor: Actor, event_id: int, paths: Collection[str], reason: str) -> Redaction:
    person = _reader(actor)
    said = _reason(reason)
    event = subject_of(event_id)
    if event is None:
        raise Event.DoesNotExist
    wanted = _checked_paths(event, set(paths))
    _check_not_repeated(said, "reason", event_id, wanted)
    redaction = _proposed(event_id, wanted, person, actor.username)
    _record(actor, redaction, event, RedactionState.PROPOSED, came_from="", reason=said)
    return redaction


def redactions_decide(
    *, actor: Actor, redaction_id: int, carry_out: bool, comment: str = ""
) -> tuple[tuple[int, str], ...]:
    """Decide alike on a redaction and all that were proposed together with it and wait; each is decided by itself.

    Returns those that were left open, with the sentence that says why: such as where the person caused the event.
    Killed in the middle, it leaves the rest as proposed. Arguments and errors are those of :func:`redaction_carry_out`
    and :func:`redaction_decline`, for the first one.
    """
    decide = redaction_carry_out if carry_out else redaction_decline
    others = [other for other in proposed_together(redaction_id) if other != redaction_id]
    decide(actor=actor, redaction_id=redaction_id, comment=comment)
    left = []
    for other in others:
        try:
            decide(actor=actor, redaction_id=other, comment=comment)
        except RedactionRefusedError as refusal:
            left.append((other, str(refusal)))
    return tuple(left)


def redaction_carry_out(*, actor: Actor, redaction_id: int, comment: str = "") -> Redaction:
    """Take the texts and their salts out of the log, for good; audited. The event stays provable as it is.

    Packs that are held and could contain the event are removed with it.

    Raises:
        LogClosedError: the person is no auditor and no administrator.
        RedactionNotFoundError: there is none.
        RedactionRefusedError: it is decided already, the person proposed it or caused the event, the proposal is not
            sealed yet, a legal hold keeps the event, or the comment repeats a text.
    """
    with _deciding("carry_out", actor, redaction_id) as (redaction, event):
        _check_other_person(redaction, event, actor)
        _check_not_held(event.pk)
        _check_not_repeated(comment, "comment", event.pk, redaction.paths)
        texts = _texts(event.pk, redaction.paths)
        try:
            _decide(redaction, event, actor, RedactionState.CARRIED_OUT, comment)
        except IntegrityError as error:
            _check_kept_meanwhile(event.pk, error)
            raise
        for forget in _forgetting.values():
            forget(event, redaction.paths)
        for sweep in _sweeping.values():
            sweep(event.change_id, texts)
    return redaction


def redaction_decline(*, actor: Actor, redaction_id: int, comment: str) -> Redaction:
    """Leave the texts where they are; audited. Who proposed it may withdraw it so.

    Raises:
        LogClosedError: the person is no auditor and no administrator, and did not propose it.
        RedactionNotFoundError: there is none.
        RedactionRefusedError: it is decided already, or no word says why.
    """
    with _deciding("decline", actor, redaction_id) as (redaction, event):
        _decide(redaction, event, actor, RedactionState.DECLINED, _reason(comment, "comment"))
    return redaction


def _reader(actor: Actor) -> int:
    if actor.user_id is None or not reads_log(actor.user_id):
        raise LogClosedError
    return actor.user_id


def _reason(text: str, field: str = "reason") -> str:
    said = text.strip()
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON:
        raise RedactionRefusedError(
            field,
            f"Say why in {SHORTEST_REASON} to {LONGEST_REASON:,} characters, without repeating what is to be taken out."
            " The reason stays in the log.",
        )
    return said


def _checked_paths(event: Subject, wanted: set[str]) -> list[str]:
    """The texts, in order, with the plain digest of each that has one: that would let it be guessed."""
    if isinstance(event, ArchivedEvent):
        return checked_archived(event.pk, wanted)
    if not wanted:
        raise RedactionRefusedError("paths", "Choose at least one text of the event.")
    there = set(Opening.objects.filter(event_id=event.pk, redaction_id=None).values_list("path", flat=True))
    missing = sorted(wanted - there)
    if missing:
        raise RedactionRefusedError(
            "paths",
            f"Event {event.pk} has no text {missing[0][:80]!r} that can be taken out. It was taken out already, or is"
            " part of the sealed bytes.",
            kept=f"Event {event.pk} has no such text that can be taken out.",
        )
    chosen = sorted(wanted | {f"{path}_sha256" for path in wanted} & there)
    if len(chosen) > MOST_TEXTS:
        raise RedactionRefusedError(
            "paths", f"These are {len(chosen):,} texts. Choose at most {MOST_TEXTS}, and propose the others afterwards."
        )
    return chosen


def _check_not_repeated(said: str, field: str, event_id: int, paths: Collection[str]) -> None:
    """What is said of a redaction stays in the log, so it must not hold the text itself."""
    wanted = (text.strip().casefold() for text in _texts(event_id, paths))
    if any(len(text) >= _TELLING and text in said.casefold() for text in wanted):
        raise RedactionRefusedError(
            field, f"The {field} repeats a text that is to be taken out, and would stay in the log. Say it without."
        )


def _texts(event_id: int, paths: Collection[str]) -> list[str]:
    """What the texts say that are still there."""
    rows = Opening.objects.filter(event_id=event_id, path__in=paths, value__isnull=False)
    return [str(value) for value in rows.values_list("value", flat=True)]


def _proposed(event_id: int, paths: list[str], person: int, name: str) -> Redaction:
    try:
        with transaction.atomic():
            return Redaction.objects.create(
                event_id=event_id, paths=paths, proposed_by_id=person, proposed_by_name=name
            )
    except IntegrityError:
        raise RedactionRefusedError(
            "event", f"A redaction of event {event_id} is proposed already. It has to be decided first."
        ) from None


@contextmanager
def _deciding(attempt: str, actor: Actor, redaction_id: int) -> Iterator[tuple[Redaction, Subject]]:
    """The open redaction, locked, for somebody who may decide on it; a refusal is rolled back and audited."""
    event_id = Redaction.objects.filter(pk=redaction_id).values_list("event_id", flat=True).first()
    with _remembering(attempt, actor, event_id or 0, redaction_id), transaction.atomic():
        redaction = Redaction.objects.select_for_update(no_key=True).filter(pk=redaction_id).first()
        withdraws = redaction is not None and attempt == "decline" and redaction.proposed_by_id == actor.user_id
        if not withdraws and not decides_redactions(actor.user_id):
            raise LogClosedError
        if redaction is None:
            raise RedactionNotFoundError(redaction_id)
        if redaction.state != RedactionState.PROPOSED:
            word = RedactionState(redaction.state).label.lower()
            raise RedactionRefusedError("state", f"This redaction is {word} already, by {redaction.decided_by_name}.")
        event = subject_of(redaction.event_id)
        if event is None or (isinstance(event, ArchivedEvent) and redaction.paths != [ALL_TEXTS]):
            raise RedactionRefusedError(
                "event", f"Event {redaction.event_id} went to an archive since. Nothing was done."
            )
        yield redaction, event


def _check_other_person(redaction: Redaction, event: Subject, actor: Actor) -> None:
    if redaction.proposed_by_id == actor.user_id:
        raise RedactionRefusedError("person", "You proposed it. Another auditor or administrator has to carry it out.")
    if event.actor_id == actor.user_id:
        raise RedactionRefusedError("person", "You caused this event. Another person has to carry its redaction out.")
    if _share_an_address(actor.user_id, {redaction.proposed_by_id, event.actor_id}):
        raise RedactionRefusedError(
            "person",
            "Your account has the same e-mail address as that of who proposed it or caused the event, so both are taken"
            " for one person's. Another auditor or administrator has to carry it out.",
        )
    told = Event.objects.filter(object_type=ObjectType.REDACTION, object_id=str(redaction.pk))
    proposal = told.filter(action="redaction.proposed").values_list("pk", flat=True).first()
    if proposal is None or not is_sealed(proposal):
        raise RedactionRefusedError(
            "state",
            "The proposal is not sealed in the audit log yet. Wait a second; if it stays so, look at the sealer.",
        )


def _share_an_address(person: int | None, others: Collection[int | None]) -> bool:
    people = get_user_model().objects.filter(pk__in=[person, *(pk for pk in others if pk is not None)])
    addresses = {pk: email.strip().lower() for pk, email in people.values_list("pk", "email")}
    own = addresses.pop(person or 0, "")
    return bool(own) and own in addresses.values()


def _check_not_held(event_id: int) -> None:
    why = why_redaction_waits(event_id)
    if why:
        raise RedactionRefusedError("event", why)


def _check_kept_meanwhile(event_id: int, error: IntegrityError) -> None:
    """The database looked once more: a hold was placed, or the event went to an archive, in the same moment."""
    cause = error.__cause__
    if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "redaction_of_a_held_event":
        raise RedactionRefusedError(
            "event", f"Event {event_id} came under a legal hold, or went to an archive, just now. Nothing was done."
        ) from None


def _decide(redaction: Redaction, event: Subject, actor: Actor, state: RedactionState, comment: str) -> None:
    redaction.state = state
    redaction.decided_by_id, redaction.decided_by_name = actor.user_id, actor.username
    redaction.decided_at = Now()
    redaction.save(update_fields=["state", "decided_by_id", "decided_by_name", "decided_at"])
    redaction.refresh_from_db(fields=["decided_at"])
    _record(actor, redaction, event, state, came_from=RedactionState.PROPOSED, reason=comment.strip())


def _record(
    actor: Actor, redaction: Redaction, event: Subject, state: RedactionState, *, came_from: str, reason: str
) -> None:
    record(
        actor=actor,
        action=f"redaction.{state.value}",
        object_type=ObjectType.REDACTION,
        object_id=redaction.pk,
        object_label=f"redaction {redaction.pk} of event {event.pk}",
        change_id=event.change_id,
        device_id=None if isinstance(event, ArchivedEvent) else event.device_id,
        state_from=came_from,
        state_to=state.value,
        reason=reason,
        details={"event": event.pk, "paths": redaction.paths, "proposed_by_id": redaction.proposed_by_id},
    )


@contextmanager
def _remembering(attempt: str, actor: Actor, event_id: int, redaction_id: int = 0) -> Iterator[None]:
    """A refused attempt is an event, too; of what was typed, nothing is kept in it."""
    try:
        yield
    except (LogClosedError, RedactionRefusedError) as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=f"redaction.{attempt}_refused",
                object_type=ObjectType.REDACTION,
                object_id=redaction_id or "none",
                object_label=f"redaction {redaction_id}" if redaction_id else "redaction",
                reason=refusal.kept if isinstance(refusal, RedactionRefusedError) else str(refusal),
                details={"event": event_id or None},
            )
        raise
