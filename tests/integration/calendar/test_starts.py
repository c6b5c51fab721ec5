"""Changes that start by themselves: in their window, once, through the gates of a person, and told when they do not."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from audit.models import Event
from changes.domain.errors import ChangeError
from changes.models import ChangeRequest, Notification, Run, ScheduledStart
from changes.services.decisions import decision_withdraw
from changes.services.freezes import freeze_declare
from changes.services.requests import change_cancel
from changes.services.scheduled_starts import start_ask, start_call_off, start_scheduled, starts_ring
from changes.services.scheduling import change_schedule
from changes.services.window_reminders import windows_near_tell
from tests import factories


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def window(start_h: float, end_h: float, **more: object) -> dict[str, object]:
    now = timezone.now()
    hours = {"window_start": start_h, "window_end": end_h}
    return {**{name: (now + timedelta(hours=value)).isoformat() for name, value in hours.items()}, **more}


def ordered(cast: factories.Cast, who: str = "implementer") -> ScheduledStart:
    """A change whose window opens in an hour, and somebody's order that it starts by itself."""
    change = factories.approved(cast, [factories.DeviceFactory.create()])
    change_schedule(change_id=change.pk, actor=factories.actor(cast.manager), data=window(1, 2))
    return start_ask(change_id=change.pk, actor=factories.actor(getattr(cast, who)))


def opened(row: ScheduledStart, minutes_ago: float = 0.1) -> ScheduledStart:
    """Let the window have opened so long ago; its change is still scheduled."""
    at = timezone.now() - timedelta(minutes=minutes_ago)
    ScheduledStart.objects.filter(pk=row.pk).update(starts_at=at)
    ChangeRequest.objects.filter(pk=row.change_id).update(window_start=at)
    return row


def again(row: ScheduledStart) -> ScheduledStart:
    row.refresh_from_db()
    return row


def told(row: ScheduledStart) -> set[int]:
    rows = Notification.objects.filter(change=row.change_id, topic="run_needs_person", subject__contains="not start")
    return set(rows.values_list("person", flat=True))


def test_it_is_started_when_its_window_opens_for_the_person_who_ordered_it(cast: factories.Cast) -> None:
    row = ordered(cast)
    assert starts_ring() == 0, "its window is closed still"
    assert "nothing to do" in start_scheduled(row.pk)
    opened(row)
    assert starts_ring() == 1
    assert starts_ring() == 0, "workers were called just now"
    tasks = [SignedPackage.loads(task.payload) for task in OrmQ.objects.order_by("pk")]
    assert [task["args"] for task in tasks if task["func"] == "changes.tasks.start_scheduled"] == [(row.pk,)]
    assert "started as run" in start_scheduled(row.pk)
    run = Run.objects.get()
    assert (again(row).state, row.run, run.started_by, run.change.state) == (
        "started", run, cast.implementer, "implementing",
    )  # fmt: skip
    event = Event.objects.get(action="change.started")
    assert (event.actor_id, event.actor_name, event.origin) == (
        cast.implementer.pk, "scheduler for implementer", "system",
    )  # fmt: skip
    assert "nothing to do" in start_scheduled(row.pk)
    assert Run.objects.count() == 1


def test_the_separation_of_duties_holds_for_that_person_then_and_when_it_starts(cast: factories.Cast) -> None:
    factories.joins(cast.approver, "implementer")
    change = factories.approved(cast, [factories.DeviceFactory.create()])
    change_schedule(change_id=change.pk, actor=factories.actor(cast.manager), data=window(1, 2))
    for who in ("approver", "manager", "peer", "auditor", "superuser", "outsider"):
        with pytest.raises(ChangeError) as refused:
            start_ask(change_id=change.pk, actor=factories.actor(getattr(cast, who)))
        assert refused.value.code in {"GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"}
    row = opened(start_ask(change_id=change.pk, actor=factories.actor(cast.implementer)))
    factories.leaves_all(cast.implementer)
    start_scheduled(row.pk)
    assert (again(row).state, row.code) == ("refused", "GATE_ROLE_DENIED")
    assert not Run.objects.exists()
    assert told(row) == {cast.implementer.pk, cast.author.pk}
    actions = set(Event.objects.filter(change_id=change.pk).values_list("action", flat=True))
    assert {"scheduled_start.refused", "change.start_refused"} <= actions


def test_an_account_that_was_switched_off_starts_nothing(cast: factories.Cast) -> None:
    row = opened(ordered(cast))
    factories.switched(cast.implementer, active=False)
    start_scheduled(row.pk)
    assert (again(row).state, row.code) == ("refused", "GATE_ROLE_DENIED")


def test_too_late_it_is_told_and_not_started_even_without_a_worker(cast: factories.Cast) -> None:
    row = opened(ordered(cast), minutes_ago=16)
    assert starts_ring() == 1, "the dispatcher ends it itself"
    assert (again(row).state, row.code) == ("late", "START_LATE")
    assert "16 minutes have passed" in row.detail
    assert told(row) == {cast.implementer.pk, cast.author.pk}
    assert not Run.objects.exists()
    assert Event.objects.get(action="scheduled_start.late").state_to == "late"


def test_gates_at_the_start_are_those_of_a_person(cast: factories.Cast) -> None:
    row = opened(ordered(cast))
    now = timezone.now()
    times = {"starts_at": (now - timedelta(hours=1)).isoformat(), "ends_at": (now + timedelta(hours=9)).isoformat()}
    freeze_declare(actor=factories.actor(cast.manager), data={"name": "Fair", "comment": "Fair.", **times})
    start_scheduled(row.pk)
    assert (again(row).state, row.code) == ("refused", "FREEZE_ACTIVE")


def test_another_window_ends_the_order_and_its_person_is_told(cast: factories.Cast) -> None:
    row = ordered(cast)
    change_schedule(change_id=row.change_id, actor=factories.actor(cast.manager), data=window(3, 4))
    assert again(row).state == "called_off"
    assert cast.implementer.pk in told(row)
    author = factories.actor(cast.author)
    change_schedule(change_id=row.change_id, actor=author, data=window(5, 6, start_by_itself=True))
    assert ScheduledStart.objects.get(state="waiting").asked_by == cast.author
    with pytest.raises(ChangeError) as twice:
        start_ask(change_id=row.change_id, actor=author)
    assert twice.value.code == "start_ordered"
    start_call_off(change_id=row.change_id, actor=factories.actor(cast.manager))
    with pytest.raises(ChangeError) as nothing:
        start_call_off(change_id=row.change_id, actor=factories.actor(cast.manager))
    assert nothing.value.code == "no_start_ordered"


def test_a_change_that_is_canceled_starts_nothing_and_its_person_is_told_at_once(cast: factories.Cast) -> None:
    row = ordered(cast)
    change_cancel(change_id=row.change_id, actor=factories.actor(cast.author), comment="The maker withdrew it.")
    assert again(row).state == "called_off"
    assert cast.implementer.pk in told(row)


def test_an_approval_that_is_withdrawn_ends_the_order_for_good(cast: factories.Cast) -> None:
    row = ordered(cast)
    decision_withdraw(change_id=row.change_id, actor=factories.actor(cast.approver), comment="I read the wrong plan.")
    assert again(row).state == "called_off"
    opened(row)
    assert starts_ring() == 0
    assert "nothing to do" in start_scheduled(row.pk)
    assert not Run.objects.exists()


def test_a_window_or_plan_that_was_moved_behind_the_order_is_not_started(cast: factories.Cast) -> None:
    row = opened(ordered(cast))
    ChangeRequest.objects.filter(pk=row.change_id).update(window_start=timezone.now() - timedelta(hours=1))
    start_scheduled(row.pk)
    assert (again(row).state, row.code) == ("refused", "START_OUTDATED")


def test_the_database_takes_no_order_without_an_event(cast: factories.Cast) -> None:
    change = factories.approved(cast, [factories.DeviceFactory.create()])

    def unrecorded() -> None:
        ScheduledStart.objects.create(
            change=change, starts_at=timezone.now(), plan_digest="a" * 64, asked_by=cast.implementer
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="audit"), transaction.atomic():
        unrecorded()


def test_the_pages_order_and_call_off(cast: factories.Cast) -> None:
    change = factories.approved(cast, [factories.DeviceFactory.create()])
    starter, outsider = Client(), Client()
    starter.force_login(cast.author)
    outsider.force_login(cast.outsider)
    opens, closes = (f"{timezone.now() + timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (2, 3))
    form = {"window_start": opens, "window_end": closes, "start_by_itself": "on"}
    assert starter.post(f"/changes/{change.pk}/schedule/", form).status_code == 302
    page = starter.get(f"/changes/{change.pk}/").content.decode()
    assert "It starts by itself" in page
    assert "Do not start it by itself" in page
    assert "Do not start it by itself" not in outsider.get(f"/changes/{change.pk}/").content.decode()
    assert outsider.post(f"/changes/{change.pk}/start-by-itself/call-off/").status_code == 403
    assert starter.post(f"/changes/{change.pk}/start-by-itself/call-off/").status_code == 302
    assert "Start it by itself when the window opens" in starter.get(f"/changes/{change.pk}/").content.decode()
    assert starter.post(f"/changes/{change.pk}/start-by-itself/").status_code == 302


def test_people_are_told_once_that_a_window_opens_soon(cast: factories.Cast) -> None:
    row = ordered(cast)
    ChangeRequest.objects.filter(pk=row.change_id).update(window_start=timezone.now() + timedelta(minutes=50))
    assert (windows_near_tell(), windows_near_tell()) == (1, 0)
    near = Notification.objects.filter(topic="window_near", change=row.change_id)
    assert set(near.values_list("person", flat=True)) == {cast.author.pk, cast.implementer.pk}
    assert "It starts by itself, for implementer." in near[0].sentence


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_start_it_once() -> None:
    cast = factories.Cast.create()
    row = opened(ordered(cast))
    said: list[str] = []
    together = threading.Barrier(2)

    def work() -> None:
        together.wait()
        try:
            said.append(start_scheduled(row.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("started as run" in each for each in said) == [False, True], said
    assert Run.objects.count() == 1
