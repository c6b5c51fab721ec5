"""A comment on a decision goes with the text of its event, and in no other way; the decision stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, transaction

from audit.models import Event
from audit.recorder import record
from audit.redaction.redacting import redaction_carry_out, redaction_propose
from audit.redaction.selectors import repeated_in
from changes.domain.notifications import Topic
from changes.models import Approval, Notification, ThreadComment
from changes.services.approvals import change_approve, plan_open
from changes.services.notifying import notify
from changes.services.record_comparison import compare_records
from changes.services.threads import thread_open
from devices.models import Device
from tests.factories import Cast, PersonFactory, actor, assessed

pytestmark = pytest.mark.django_db
SECRET = "The password is hunter2."
WHY = "It holds the password of a router."


def redact(event: Event, seal: Callable[[], int], *paths: str) -> None:
    morgan = actor(PersonFactory.create(roles=["change-manager"]))
    auditor = actor(PersonFactory.create(roles=["auditor"]))
    seal()
    found = redaction_propose(actor=morgan, event_id=event.pk, paths=paths or ["/reason"], reason=WHY)
    seal()
    redaction_carry_out(actor=auditor, redaction_id=found.pk)


def test_the_comment_of_a_decision_goes_and_the_decision_stays(
    cast: Cast, devices: list[Device], seal: Callable[[], int]
) -> None:
    change = assessed(cast, devices)
    assert change.revision is not None
    plan_open(revision=change.revision, actor=actor(cast.approver))
    decision = change_approve(
        change_id=change.pk, approver=actor(cast.approver), plan_digest=change.revision.digest, comment=SECRET
    )
    event = Event.objects.get(object_type="approval", object_id=str(decision.pk), state_from="")
    assert event.reason == SECRET
    others = Event.objects.filter(change_id=change.pk, reason=SECRET).exclude(pk=event.pk).order_by("pk")
    assert repeated_in(event) == tuple(others.values_list("pk", flat=True)) != ()
    for text in ("[redacted]", "nicer"):
        with pytest.raises(DatabaseError, match="A decision stays as it was made"), transaction.atomic():
            Approval.objects.filter(pk=decision.pk).update(comment=text)
    redact(event, seal)
    kept = Approval.objects.get(pk=decision.pk)
    assert (kept.comment, kept.decision, kept.plan_digest) == ("[redacted]", decision.decision, decision.plan_digest)
    assert compare_records(0)["comments"]
    with pytest.raises(DatabaseError, match="A decision stays as it was made"), transaction.atomic():
        Approval.objects.filter(pk=decision.pk).update(comment="Something else.")


def test_a_comment_in_a_discussion_goes(cast: Cast, devices: list[Device], seal: Callable[[], int]) -> None:
    change = assessed(cast, devices)
    thread_open(change_id=change.pk, actor=actor(cast.approver), text=SECRET)
    comment = ThreadComment.objects.get(thread__change=change)
    with pytest.raises(DatabaseError, match="A comment stays"), transaction.atomic():
        ThreadComment.objects.filter(pk=comment.pk).update(text="[redacted]")
    redact(Event.objects.get(object_type="thread_comment", object_id=str(comment.pk)), seal)
    comment.refresh_from_db()
    assert comment.text == "[redacted]"


def test_what_people_were_told_goes_too(cast: Cast, devices: list[Device], seal: Callable[[], int]) -> None:
    change = assessed(cast, devices)
    title = change.title
    thread_open(change_id=change.pk, actor=actor(cast.approver), text=f"@{cast.author.get_username()} {SECRET}")
    told = Notification.objects.get(change=change, topic="mentioned")
    notify(Topic.DECIDED, people=[cast.author.pk], subject=f"{change.number}: {title}", sentence="No.", change=change)
    long = f"{SECRET} {'x' * 5_000}"
    with transaction.atomic():
        cut = record(actor=actor(cast.author), action="change.edited", object_type="change", object_id=change.pk,
                     object_label=str(change), change_id=change.pk, reason=long)  # fmt: skip
    notify(Topic.DECIDED, people=[cast.author.pk], subject="x", sentence=long, change=change)
    assert SECRET in told.sentence
    redact(Event.objects.get(object_type="thread_comment", change_id=change.pk), seal)
    redact(Event.objects.get(pk=cut), seal, "/reason", "/object/label")
    rows = list(Notification.objects.filter(change=change).values_list("subject", "sentence"))
    assert not any(SECRET in text or title in text for row in rows for text in row)
    assert (f"{change.number}: [redacted]", "No.") in rows, "what else was said stays"
    assert ("x", "[redacted]") in rows, "a digest of the whole text would let it be guessed"
