"""Threads: where they stand, who may do what, what is kept of them, and what the database refuses."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError
from django.utils import timezone

from audit.models import Event
from changes.domain.discussions import WaitReason
from changes.domain.errors import InvalidInputError
from changes.errors import ConflictError, DigestMismatchError, PolicyDeniedError
from changes.models import ChangeRequest, DevicePlan, Notification, Thread, ThreadComment, ThreadState, ThreadWait
from changes.services.threads import (
    Place,
    thread_open,
    thread_reopen,
    thread_reply,
    thread_resolve,
    unresolved_threads,
)
from devices.models import Device
from tests.factories import Cast, actor, submitted
from tests.integration.cab.conftest import committed


@pytest.fixture
def change(cast: Cast, device: Device) -> ChangeRequest:
    return submitted(cast.author, [device])


def opened(change: ChangeRequest, who: object, text: str = "Why this server?", place: Place | None = None) -> Thread:
    return thread_open(change_id=change.pk, actor=actor(who), text=text, place=place).comment.thread  # type: ignore[arg-type]


def waiting(thread: Thread) -> dict[str, str]:
    return dict(ThreadWait.objects.filter(thread=thread).values_list("person__username", "reason"))


def test_a_thread_waits_for_who_has_to_answer_until_it_is_resolved(change: ChangeRequest, cast: Cast) -> None:
    thread = opened(change, cast.peer, "Why this server? @approver should know.")
    assert unresolved_threads(change.pk) == 1
    assert waiting(thread) == {"author": WaitReason.AUTHOR, "approver": WaitReason.MENTIONED}

    thread_reply(thread_id=thread.pk, actor=actor(cast.author), text="It is the nearest.")
    assert waiting(thread) == {"peer": WaitReason.OPENER, "approver": WaitReason.MENTIONED}

    thread_resolve(thread_id=thread.pk, actor=actor(cast.peer), text="Agreed.")
    assert (unresolved_threads(change.pk), waiting(thread)) == (0, {})

    thread_reopen(thread_id=thread.pk, actor=actor(cast.approver))
    assert (unresolved_threads(change.pk), waiting(thread)) == (1, {"author": WaitReason.AUTHOR})
    told = Notification.objects.values_list("person__username", "topic")
    assert {("approver", "mentioned"), ("author", "thread_replied"), ("peer", "thread_replied")} <= set(told)
    assert list(Event.objects.filter(object_type="thread").order_by("id").values_list("action", "state_to")) == [
        ("thread.opened", "open"),
        ("thread.resolved", "resolved"),
        ("thread.reopened", "open"),
    ]


def test_a_line_is_kept_as_the_page_shows_it_and_no_secret_is_stored(
    change: ChangeRequest, cast: Cast, device: Device
) -> None:
    digest = DevicePlan.objects.get(device=device).digest
    line = opened(change, cast.peer, place=Place(device.pk, digest, "intended", 7))
    secret = opened(change, cast.peer, "snmp-server community s3cr3t-community RO", Place(device.pk, "", "running", 7))

    assert (line.line_text, line.line_number) == ("ntp server 192.0.2.123", 7)
    assert "s3cr3t" not in secret.line_text
    assert "s3cr3t" not in str(list(ThreadComment.objects.values_list("text", flat=True)))
    assert not any("s3cr3t" in str(event.content()) for event in Event.objects.all())


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (lambda pk: Place(pk, "", "intended", 99), InvalidInputError),
        (lambda pk: Place(pk, "", "sideways", 7), InvalidInputError),
        (lambda pk: Place(pk + 1), InvalidInputError),
        (lambda _pk: Place(None, "", "intended", 7), InvalidInputError),
        (lambda pk: Place(pk, "f" * 64, "intended", 7), DigestMismatchError),
    ],
)
def test_a_place_that_the_plan_does_not_have_is_refused(
    change: ChangeRequest, cast: Cast, device: Device, place: Callable[[int], Place], error: type[Exception]
) -> None:
    with pytest.raises(error):
        opened(change, cast.peer, place=place(device.pk))
    assert not Thread.objects.exists()


def test_an_author_cannot_resolve_what_a_reviewer_asks_and_auditors_write_nothing(
    change: ChangeRequest, cast: Cast
) -> None:
    thread = opened(change, cast.peer)
    for who in (cast.author, cast.implementer, cast.auditor, cast.outsider, cast.superuser):
        with pytest.raises(PolicyDeniedError):
            thread_resolve(thread_id=thread.pk, actor=actor(who))
    for who in (cast.auditor, cast.outsider, cast.superuser):
        with pytest.raises(PolicyDeniedError):
            thread_reply(thread_id=thread.pk, actor=actor(who), text="I say")

    assert unresolved_threads(change.pk) == 1
    assert Event.objects.filter(action="change.resolve_thread_refused").count() == 5


def test_nothing_is_said_twice_over_a_thread_that_is_resolved(change: ChangeRequest, cast: Cast) -> None:
    thread = opened(change, cast.peer)
    thread_resolve(thread_id=thread.pk, actor=actor(cast.approver))

    for again in (thread_resolve, lambda **given: thread_reply(text="late", **given)):
        with pytest.raises(ConflictError):
            again(thread_id=thread.pk, actor=actor(cast.peer))
    with pytest.raises(InvalidInputError):
        opened(change, cast.peer, "  \n ")


def test_the_database_refuses_what_walks_around_the_services(change: ChangeRequest, cast: Cast) -> None:
    thread = opened(change, cast.peer)
    comment = ThreadComment.objects.get()
    resolved = {"state": ThreadState.RESOLVED, "resolved_at": timezone.now()}
    tries = (
        lambda: Thread.objects.update(resolved_by=cast.author, **resolved),
        lambda: Thread.objects.update(resolved_by=cast.peer, **resolved),
        lambda: Thread.objects.update(line_text="another line"),
        lambda: Thread.objects.update(opened_by=cast.author),
        lambda: ThreadComment.objects.update(text="I never said that"),
        lambda: ThreadComment.objects.create(thread=thread, author=cast.peer, text="not audited"),
        comment.delete,
    )
    for attempt in tries:
        with pytest.raises(DatabaseError):
            committed(attempt)
