"""What people say to each other about changes, and what is decided together: threads, meetings, reviews, reports."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from changes.models import AgendaItem, Meeting, Report, ReviewAction, Thread
from changes.services.threads import thread_open
from tests.factories import DeviceFactory, actor, assessed, carried_out, started, submitted
from tests.integration.coverage.walking import WHY, Walk, ids
from tests.integration.reviews.conftest import TEXTS


def test_talking(walk: Walk) -> None:
    cast = walk.cast
    device = DeviceFactory.create()
    change = submitted(cast.author, [device])
    if walk.door == "page":
        walk.page(cast.peer, "change-discussion", {"text": WHY}, change_id=change.pk)
        digest = change.revision.device_plans.get().digest  # type: ignore[union-attr]  # a submitted change has one
        address = reverse("thread-new", args=[change.pk]) + "?device=0&side=intended&line=7"
        walk.page(cast.peer, "thread-new", {"text": WHY, "digest": digest}, url=address, change_id=change.pk)
    else:
        walk.api(cast.peer, "api-change-threads", {"text": WHY}, change_id=change.pk)
    thread = thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why?").comment.thread
    own = ids(thread_id=thread.pk, change_id=change.pk) if walk.door == "page" else ids(thread_id=thread.pk)
    walk.act(cast.author, "thread-reply", {"text": WHY}, **own)
    walk.act(cast.peer, "thread-resolve", {"text": WHY}, **own)
    walk.act(cast.peer, "thread-reopen", **own)
    assert Thread.objects.get(pk=thread.pk).state == "open"


def test_meeting(walk: Walk) -> None:
    cast = walk.cast
    assessed(cast, [DeviceFactory.create()])
    at = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    plan = {"title": "CAB", "starts_at": at, "chair": "manager"}
    walk.act(cast.manager, "meeting-plan", plan, api="api-meeting-list")
    meeting = Meeting.objects.get()
    one = ids(meeting_id=meeting.pk)
    walk.act(
        cast.manager, "meeting-edit", {"title": "ECAB"}, form={**plan, "title": "ECAB"}, api="api-meeting-detail",
        api_method="PATCH", **one,
    )  # fmt: skip
    walk.act(cast.manager, "meeting-refresh", **one)
    walk.act(
        cast.manager, "meeting-point-add", {"title": "Other"}, form={"point": "Other"}, api="api-meeting-items", **one
    )
    point = AgendaItem.objects.get(title="Other")
    if walk.door == "page":
        walk.page(cast.manager, "meeting-point-remove", item_id=point.pk, **one)
    else:
        walk.api(cast.manager, "api-meeting-item", method="DELETE", item_id=point.pk, **one)
    walk.act(cast.manager, "meeting-open", **one)
    item = AgendaItem.objects.exclude(change=None).get()
    said = {"minutes": WHY, "outcome": "discussed"}
    walk.act(cast.manager, "meeting-minute", said, api="api-meeting-minutes", item_id=item.pk, **one)
    walk.act(
        cast.manager,
        "meeting-attendance",
        {"people": ["approver"], "guests": ["Kim"]},
        form={"person": [cast.approver.pk], "guests": "Kim"},
        **one,
    )
    walk.act(cast.manager, "meeting-close", {"summary": WHY}, **one)
    walk.act(cast.manager, "meeting-plan", plan, api="api-meeting-list", refuse=False)
    walk.act(cast.manager, "meeting-cancel", {"reason": WHY}, meeting_id=Meeting.objects.latest("pk").pk)


def test_review(walk: Walk) -> None:
    cast = walk.cast
    device = DeviceFactory.create()
    change = carried_out(started(cast, [device]), rejected=[device]).change
    one = ids(change_id=change.pk)
    walk.act(cast.author, "change-review-write", TEXTS, api="api-change-review", api_method="PATCH", **one)
    if walk.door == "page":
        walk.page(cast.author, "change-review-write", {**TEXTS, "then": "submit"}, refuse=False, **one)
    else:
        walk.api(cast.author, "api-change-review-submit", **one)
    walk.act(cast.manager, "change-review-return", {"comment": WHY}, **one)
    if walk.door == "page":
        walk.page(cast.author, "change-review-write", {**TEXTS, "then": "submit"}, refuse=False, **one)
    else:
        walk.api(cast.author, "api-change-review-submit", refuse=False, **one)
    due = timezone.now().date().isoformat()
    for _ in range(2):
        walk.act(
            cast.author, "change-review-action-add", {"text": WHY, "owner": "peer", "due_on": due},
            api="api-change-review-actions", **one,
        )  # fmt: skip
    walk.act(cast.manager, "change-review-accept", {"comment": WHY}, **one)
    first, second = ReviewAction.objects.order_by("pk")
    walk.act(
        cast.manager, "review-action-move", {"owner": "implementer", "comment": WHY},
        form={"owner": "implementer", "due_on": due, "comment": WHY}, action_id=first.pk,
    )  # fmt: skip
    walk.act(cast.implementer, "review-action-done", {"comment": WHY}, action_id=first.pk)
    walk.act(cast.manager, "review-action-drop", {"comment": WHY}, action_id=second.pk)


def test_report(walk: Walk) -> None:
    body = {"kind": "weekly", "day": "2026-03-18"}
    walk.act(walk.cast.manager, "report-make", body, api="api-report-list")
    assert Report.objects.exists()
