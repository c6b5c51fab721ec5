"""A change from its draft to its end, each step by the page and by the API."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.test import Client
from django.utils import timezone

from changes.domain.states import ChangeEvent
from changes.models import ChangeRequest
from changes.services.approvals import plan_open
from changes.services.risk import risk_assess
from changes.services.transitions import move
from tests import factories
from tests.factories import DRAFT, TESTER, DeviceFactory, actor, approved, assessed, draft, ready_plan, submitted
from tests.integration.coverage.walking import WHY, Walk
from tests.integration.pages.change_form import filled


def newest() -> ChangeRequest:
    return ChangeRequest.objects.select_related("revision").latest("pk")


def read(change: ChangeRequest, *people: object) -> str:
    """The digest of the plan, once these people have opened it."""
    change.refresh_from_db()
    assert change.revision
    for person in people:
        plan_open(revision=change.revision, actor=actor(person))  # type: ignore[arg-type]  # one of the cast
    return change.revision.digest


def test_writing_and_giving_up(walk: Walk) -> None:
    cast = walk.cast
    device = DeviceFactory.create()
    body = {**DRAFT, "reason": WHY}
    walk.act(cast.author, "change-create", body, form=filled(reason=WHY), api="api-change-list")
    change = newest()
    walk.act(
        cast.author,
        "change-edit",
        {"title": "Better"},
        form=filled(title="Better", version=str(change.version)),
        api="api-change-detail",
        api_method="PATCH",
        change_id=change.pk,
    )
    ready_plan(newest(), [device])
    walk.act(cast.author, "change-submit", change_id=change.pk)
    read(change, cast.peer)
    walk.act(cast.author, "change-withdraw", {"comment": WHY}, change_id=change.pk)
    walk.act(cast.author, "plan-build", api="api-change-plan", change_id=change.pk)
    walk.act(cast.author, "change-cancel", {"comment": WHY}, change_id=change.pk)


def test_deciding(walk: Walk) -> None:
    cast = walk.cast
    change = submitted(cast.author, [DeviceFactory.create()])
    digest = read(change, cast.peer, cast.approver, cast.second_approver)
    walk.act(cast.peer, "change-abstain", {"plan_digest": digest, "comment": WHY}, change_id=change.pk)
    walk.act(
        cast.peer,
        "decision-withdraw",
        {"comment": WHY},
        api="api-change-withdraw-decision",
        change_id=change.pk,
    )
    walk.act(cast.peer, "change-assess", {"plan_digest": digest, "comment": WHY}, change_id=change.pk)
    walk.act(cast.approver, "change-approve", {"plan_digest": digest, "comment": WHY}, change_id=change.pk)
    again = assessed(cast, [DeviceFactory.create()])
    digest = read(again, cast.approver)
    walk.act(cast.approver, "change-request-changes", {"plan_digest": digest, "comment": WHY}, change_id=again.pk)
    refused = assessed(cast, [DeviceFactory.create()])
    digest = read(refused, cast.approver)
    walk.act(cast.approver, "change-reject", {"plan_digest": digest, "comment": WHY}, change_id=refused.pk)


def test_opening_and_marking_what_is_read(walk: Walk) -> None:
    cast = walk.cast
    change = submitted(cast.author, [DeviceFactory.create()])
    plan = change.revision.device_plans.get()  # type: ignore[union-attr]  # a submitted change has one
    if walk.door == "page":
        walk.page(
            cast.peer, "device-viewed", {"digest": plan.digest, "viewed": "1"},
            change_id=change.pk, position=plan.position, quiet=True, refuse=False,
        )  # fmt: skip


def test_scheduling(walk: Walk) -> None:
    cast = walk.cast
    device = DeviceFactory.create()
    first, second = approved(cast, [device]), approved(cast, [device])
    start = timezone.now().replace(second=0, microsecond=0) + timedelta(days=2)
    end = start + timedelta(hours=2)
    times = {"window_start": start.isoformat(), "window_end": end.isoformat()}
    form = {"window_start": f"{start:%Y-%m-%dT%H:%M}", "window_end": f"{end:%Y-%m-%dT%H:%M}"}
    walk.act(cast.manager, "change-schedule", times, form=form, change_id=first.pk)
    walk.act(cast.author, "change-start-ask", change_id=first.pk)
    walk.act(cast.author, "change-start-call-off", change_id=first.pk)
    url = f"/api/v1/changes/{second.pk}/conflicts/"
    client = Client()
    client.force_login(cast.manager)
    seen = client.get(url, times).json()["seen"]
    waiver = {"comment": WHY, "seen": seen}
    walk.act(cast.manager, "change-waive", {**times, **waiver}, form={**form, **waiver}, change_id=second.pk)


def test_judging_the_risk(walk: Walk) -> None:
    cast = walk.cast
    change = draft(cast.author)
    revision = ready_plan(change, [DeviceFactory.create()], found={})
    with transaction.atomic():
        risk_assess(change, revision, actor=actor(cast.author))
    answer = {"fact": "timing", "answer": "out_of_hours", "plan_digest": revision.digest}
    walk.act(cast.author, "risk-answer", answer, api="api-change-risk-answer", change_id=change.pk)
    level = {"level": "high", "reason": WHY, "plan_digest": revision.digest}
    walk.act(cast.author, "risk-override", level, api="api-change-risk-override", change_id=change.pk)


def test_starting_closing_and_taking_up_again(walk: Walk) -> None:
    cast = walk.cast
    change = approved(cast, [DeviceFactory.create()])
    walk.act(cast.implementer, "change-start", change_id=change.pk)
    change.refresh_from_db()
    factories.carried_out(change.runs.get())
    walk.act(cast.manager, "change-close", {"close_code": "successful", "comment": WHY}, change_id=change.pk)
    stale = approved(cast, [DeviceFactory.create()])
    with transaction.atomic():
        move(stale, ChangeEvent.EXPIRE, actor=TESTER, reason="Nobody decided in time.")
    walk.act(cast.author, "change-revise", {"comment": WHY}, form={}, change_id=stale.pk)
