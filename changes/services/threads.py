"""Discussion threads: opened on a change, a device's plan or a line of it, answered, resolved, opened again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.content import parse_comment
from changes.domain.discussions import (
    Anchor,
    LineSide,
    WaitReason,
    line_number,
    may_discuss,
    may_resolve,
    names_in,
    waits_after,
)
from changes.domain.errors import InvalidInputError
from changes.domain.notifications import Topic
from changes.domain.policy import Person
from changes.domain.states import DevicePlanState
from changes.errors import ChangeNotFoundError, ConflictError, DigestMismatchError
from changes.models import ChangeRequest, DevicePlan, TemplateVersion, Thread, ThreadComment, ThreadState, ThreadWait
from changes.services.notifying import notify
from changes.services.people import enforce, lock_change, person_of
from changes.services.transitions import remembering_refusal
from devices.domain.diffing import diff_view
from devices.services.scrubbing import Scrubber

MAX_THREADS: Final = 500
"""Of one change."""
MAX_COMMENTS: Final = 500
"""Of one thread."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread stands: nothing given is the change itself.

    ``digest`` is that of the device's plan as the writer's page showed it; with ``line``, the number of a line in the
    diff on ``side``, the thread is about that line.
    """

    device_id: int | None = None
    digest: str = ""
    side: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A comment, and the names that it calls although nobody has them: those were told nothing."""

    comment: ThreadComment
    unknown: tuple[str, ...] = ()


def unresolved_threads(change_id: int) -> int:
    """How many threads of a change nobody has resolved yet; one query on a partial index."""
    return Thread.objects.unresolved().filter(change_id=change_id).count()


def thread_open(*, change_id: int, actor: Actor, text: str, place: Place | None = None) -> Written:
    """Open a thread with its first comment, and tell whom it mentions.

    Raises:
        ChangeNotFoundError: there is no such change.
        PolicyDeniedError: the person has no role, or is an auditor.
        InvalidInputError: nothing is said, or the place names no device or line of the plan.
        DigestMismatchError: the device's plan was replaced after the page was drawn.
        ConflictError: the change has :data:`MAX_THREADS` threads.
    """
    with remembering_refusal(actor=actor, attempt="discuss", change_id=change_id):
        change, person = lock_change(change_id), person_of(actor)
        enforce(may_discuss(person))
        said = _said(text)
        if Thread.objects.filter(change=change).count() >= MAX_THREADS:
            raise ConflictError(f"{change.number} has {MAX_THREADS} threads. Write in one of those.")
        thread = _placed(change, place or Place())
        thread.opened_by_id = person.id
        thread.save()
        _audit(thread, "thread.opened", actor, state_to=ThreadState.OPEN, details=_where(thread))
        return _write(thread, person, actor, said)


def thread_reply(*, thread_id: int, actor: Actor, text: str) -> Written:
    """Answer in a thread that is open. The thread then waits for the others, and no longer for the writer.

    Raises:
        ChangeNotFoundError: there is no such thread.
        PolicyDeniedError, InvalidInputError: as for :func:`thread_open`.
        ConflictError: the thread is resolved, or has :data:`MAX_COMMENTS` comments.
    """
    with remembering_refusal(actor=actor, attempt="discuss", change_id=_change_of(thread_id)):
        thread, person = _locked(thread_id), person_of(actor)
        enforce(may_discuss(person))
        said = _said(text)
        if thread.state != ThreadState.OPEN:
            raise ConflictError("This thread is resolved. Open it again, then answer.")
        if thread.comments.count() >= MAX_COMMENTS:
            raise ConflictError(f"This thread has {MAX_COMMENTS} comments. Open another one.")
        return _write(thread, person, actor, said)


def thread_resolve(*, thread_id: int, actor: Actor, text: str = "") -> Thread:
    """Say that what a thread asks is settled, with a last comment if there is one. It then waits for nobody.

    Raises:
        ChangeNotFoundError: there is no such thread.
        PolicyDeniedError: the person neither opened it nor judges changes, or has a hand in this change.
        ConflictError: it is resolved already.
    """
    with remembering_refusal(actor=actor, attempt="resolve_thread", change_id=_change_of(thread_id)):
        thread, person = _locked(thread_id), person_of(actor)
        hands = hands_of(thread.change) | template_hands_of(thread.change)
        enforce(may_resolve(person, opened_by=thread.opened_by_id, hands=hands))
        if thread.state != ThreadState.OPEN:
            raise ConflictError("This thread is resolved already. Nothing was changed.")
        if text.strip():
            _write(thread, person, actor, _said(text))
        thread.state, thread.resolved_by_id, thread.resolved_at = ThreadState.RESOLVED.value, person.id, timezone.now()
        thread.save(update_fields=["state", "resolved_by", "resolved_at"])
        ThreadWait.objects.filter(thread=thread).delete()
        _audit(thread, "thread.resolved", actor, state_from=ThreadState.OPEN, state_to=thread.state)
        return thread


def thread_reopen(*, thread_id: int, actor: Actor, text: str = "") -> Thread:
    """Open a resolved thread again; where its policy says so, it then blocks the approval again.

    Raises:
        ChangeNotFoundError: there is no such thread.
        PolicyDeniedError: the person has no role, or is an auditor.
        ConflictError: it is open.
    """
    with remembering_refusal(actor=actor, attempt="reopen_thread", change_id=_change_of(thread_id)):
        thread, person = _locked(thread_id), person_of(actor)
        enforce(may_discuss(person))
        if thread.state != ThreadState.RESOLVED:
            raise ConflictError("This thread is open. Nothing was changed.")
        thread.state, thread.resolved_by, thread.resolved_at = ThreadState.OPEN.value, None, None
        thread.save(update_fields=["state", "resolved_by", "resolved_at"])
        _audit(thread, "thread.reopened", actor, state_from=ThreadState.RESOLVED, state_to=thread.state)
        if text.strip():
            _write(thread, person, actor, _said(text))
        else:
            _wait(thread, person.id, [])
        return thread


def hands_of(change: ChangeRequest) -> frozenset[int]:
    """Everybody who wrote or edited a change; one query."""
    return frozenset({change.author_id, change.last_editor_id, *change.editors.values_list("pk", flat=True)})


def template_hands_of(change: ChangeRequest) -> frozenset[int]:
    """Everybody who wrote the template that a change was made from, and with it the lines that are sent; one query."""
    if change.template_version_id is None:
        return frozenset()
    writers = TemplateVersion.editors.through.objects.filter(templateversion_id=change.template_version_id)
    return frozenset(writers.values_list("user_id", flat=True))


def _said(text: str) -> str:
    """What is kept of a comment: checked, with its secrets masked."""
    said = parse_comment(text, action="write a comment", required=False, where="text")
    if not said:
        raise InvalidInputError({"text": ["Write what you want to say, then send it."]})
    return Scrubber.load().prose(said)


def _write(thread: Thread, person: Person, actor: Actor, text: str) -> Written:
    names = names_in(text)
    told = _called(names)
    comment = ThreadComment.objects.create(thread=thread, author_id=person.id, text=text)
    comment.mentioned.set(told.values())
    record(
        actor=actor,
        action="thread_comment.written",
        object_type="thread_comment",
        object_id=comment.pk,
        object_label=f"comment on {thread.change.number}",
        change_id=thread.change_id,
        device_id=thread.device_id,
        reason=text,
        details={"thread": thread.pk, "mentioned": sorted(told.values())},
    )
    called = [pk for pk in told.values() if pk != person.id]
    waits = _wait(thread, person.id, called)
    _tell(thread, person, text, called=called, others=[pk for pk in waits if pk not in called])
    return Written(comment, tuple(name for name in names if name.casefold() not in told))


def _called(names: Iterable[str]) -> dict[str, int]:
    """The active accounts of some names, by the name in small letters; every one of them may read every change."""
    wanted = Q(pk__in=[])
    for name in names:
        wanted |= Q(username__iexact=name)
    if not wanted.children[1:]:
        return {}
    found = get_user_model().objects.filter(wanted, is_active=True).values_list("username", "pk")
    return {name.casefold(): pk for name, pk in found}


def _tell(thread: Thread, writer: Person, text: str, *, called: list[int], others: list[int]) -> None:
    change, path = thread.change, f"/changes/{thread.change_id}/discussion/#thread-{thread.pk}"
    for topic, people, did in (
        (Topic.MENTIONED, called, "mentions you"),
        (Topic.THREAD_REPLIED, others, "wrote in a thread that waits for you"),
    ):
        subject = f"{writer.username} {did} on {change.number}"
        notify(topic, people=people, subject=subject, sentence=text, change=change, path=path)


def _wait(thread: Thread, writer: int, mentioned: list[int]) -> dict[int, WaitReason]:
    held = ThreadWait.objects.filter(thread=thread)
    before = frozenset(held.filter(reason=WaitReason.MENTIONED).values_list("person_id", flat=True))
    waits = waits_after(
        writer=writer, opener=thread.opened_by_id, hands=hands_of(thread.change), mentioned=mentioned, before=before
    )
    held.exclude(person_id__in=waits).delete()
    fresh = [
        ThreadWait(thread=thread, person_id=person, reason=why.value, since=Now()) for person, why in waits.items()
    ]
    ThreadWait.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["thread", "person"], update_fields=["reason"]
    )
    return waits


def _placed(change: ChangeRequest, place: Place) -> Thread:
    if place.device_id is None:
        if place.side or place.line is not None:
            raise InvalidInputError({"device": ["A line is one of a device's plan: name the device too."]})
        return Thread(change=change)
    plan = DevicePlan.objects.filter(revision=change.revision_id, device_id=place.device_id).first()
    if plan is None:
        raise InvalidInputError(
            {"device": ["The present plan of this change has no such device. Open the plan again."]}
        )
    if place.digest and place.digest != plan.digest:
        raise DigestMismatchError(given=place.digest, current=plan.digest)
    thread = Thread(change=change, device_id=plan.device_id, revision_id=plan.revision_id)
    if place.side or place.line is not None:
        anchor = _anchor(plan, place)
        thread.side, thread.line_text = anchor.side.value, anchor.text
        thread.line_section, thread.line_number = anchor.section, anchor.number
    return thread


def _anchor(plan: DevicePlan, place: Place) -> Anchor:
    """The line that the place names, as the page shows it: masked."""
    if place.side not in set(LineSide):
        raise InvalidInputError({"side": [f"Say on which side the line stands: {', '.join(LineSide)}."]})
    side = LineSide(place.side)
    if plan.state == DevicePlanState.READY:
        for hunk in diff_view(Scrubber.load()(plan.content.expected_diff)):
            for row in hunk.rows:
                if place.line is not None and line_number(row, side) == place.line:
                    return Anchor(side, row.text, hunk.section, place.line)
    raise InvalidInputError({"line": ["The diff of this device has no such line. Choose a line in the plan."]})


def _change_of(thread_id: int) -> int:
    found = Thread.objects.filter(pk=thread_id).values_list("change_id", flat=True).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no thread with the id {thread_id}.")
    return found


def _locked(thread_id: int) -> Thread:
    """The thread with its change, locked; the change first, as everywhere."""
    change = lock_change(_change_of(thread_id))
    thread = Thread.objects.select_for_update(no_key=True).get(pk=thread_id)
    thread.change = change
    return thread


def _where(thread: Thread) -> dict[str, object]:
    if not thread.device_id:
        return {}
    where: dict[str, object] = {"revision": thread.revision_id}
    if thread.side:
        where |= {"side": thread.side, "line": thread.line_text, "line_number": thread.line_number}
    return where


def _audit(
    thread: Thread,
    action: str,
    actor: Actor,
    *,
    state_from: str = "",
    state_to: str = "",
    details: dict[str, object] | None = None,
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="thread",
        object_id=thread.pk,
        object_label=f"thread on {thread.change.number}",
        change_id=thread.change_id,
        device_id=thread.device_id,
        state_from=state_from,
        state_to=state_to,
        details=details or None,
    )
