"""Scheduling by the calendar: recurring windows, freezes with a scope, conflicts and waivers, the next free period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import ChangeError
from changes.domain.states import ChangeType
from changes.domain.windows import Period
from changes.models import (
    ChangeFreeze,
    ChangeRequest,
    ConflictWaiver,
    MaintenanceWindow,
    Notification,
    RiskAssessment,
    ScheduleProblem,
)
from changes.services.calendar import calendar_between, recurring
from changes.services.calendar_entries import CalendarFilter, calendar_contents
from changes.services.conflicts import conflicts_among, conflicts_waive, window_judge
from changes.services.execution import change_start
from changes.services.freezes import freeze_declare, freeze_hits, freeze_lift
from changes.services.maintenance_windows import window_declare, window_edit, window_lift
from changes.services.scheduling import change_schedule, slot_next
from changes.services.start_window import start_window
from changes.services.windows import window_seen
from devices.models import Device
from tests import factories

DAY = timedelta(days=1)


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def next_day(weekday: int, hour: int = 0) -> datetime:
    """The next such weekday at this hour, at least a day ahead; UTC."""
    now = timezone.now().astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + DAY
    return now + timedelta(days=(weekday - now.weekday()) % 7)


def window(start: datetime, hours: float = 1) -> dict[str, object]:
    return {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=hours)).isoformat()}


def a_device(**facts: object) -> Device:
    return factories.DeviceFactory.create(**facts)


def sundays(cast: factories.Cast, **more: object) -> MaintenanceWindow:
    data: dict[str, object] = {
        "name": "Sunday night", "starts_at": "2026-01-04T02:00", "minutes": 240, "rule": "FREQ=WEEKLY;BYDAY=SU",
        "time_zone": "UTC", "scope": {"sites": ["FRA"]}, "comment": "Agreed with the plant.",
    }  # fmt: skip
    return window_declare(actor=factories.actor(cast.manager), data={**data, **more})


def scheduled(cast: factories.Cast, change: ChangeRequest, start: datetime, hours: float = 1) -> ChangeRequest:
    return change_schedule(change_id=change.pk, actor=factories.actor(cast.author), data=window(start, hours))


def refused(cast: factories.Cast, change: ChangeRequest, start: datetime, hours: float = 1) -> ChangeError:
    with pytest.raises(ChangeError) as error:
        scheduled(cast, change, start, hours)
    return error.value


def test_a_change_is_scheduled_in_the_windows_of_all_its_devices_only(cast: factories.Cast) -> None:
    change = factories.approved(cast, [a_device(site="FRA", name="fra-1"), a_device(site="MUC", name="muc-1")])
    sundays(cast)
    wrong = refused(cast, change, next_day(2, 2))
    assert wrong.code == "PRECHECK_WINDOW_CLOSED"
    assert "“Sunday night”, the maintenance windows of fra-1" in str(wrong)
    assert "muc-1" not in str(wrong), "no window holds for it"
    assert scheduled(cast, change, next_day(6, 3)).state == "scheduled"
    assert refused(cast, change, next_day(6, 5), 2).code == "PRECHECK_WINDOW_CLOSED", "it ends outside"
    told = Event.objects.filter(change_id=change.pk, action__startswith="change.schedule").order_by("-id")
    assert [each.action for each in told] == ["change.schedule_refused", "change.scheduled", "change.schedule_refused"]


def test_an_emergency_needs_no_window_but_a_freeze_that_does_not_let_it_through_stops_it(cast: factories.Cast) -> None:
    change = factories.approved(cast, [a_device()])
    change.type = ChangeType.EMERGENCY
    sundays(cast)
    at = next_day(2, 12)
    period = Period(at, at + timedelta(hours=1))
    assert window_judge(change, period).holds
    freeze = declared(cast, at - DAY, at + DAY)
    assert [each.code for each in window_judge(change, period).legality.obstacles] == ["FREEZE_ACTIVE"]
    freeze_lift(freeze_id=freeze.pk, actor=factories.actor(cast.manager), comment="Declared again.")
    declared(cast, at - DAY, at + DAY, exempt_types=["emergency"])
    assert window_judge(change, period).holds
    change.type = ChangeType.NORMAL
    assert not window_judge(change, period).holds


def declared(cast: factories.Cast, start: datetime, end: datetime, **more: object) -> ChangeFreeze:
    data = {"name": "Year end", "comment": "Books.", "starts_at": start.isoformat(), "ends_at": end.isoformat()}
    return freeze_declare(actor=factories.actor(cast.manager), data={**data, **more})


def test_a_freeze_of_one_site_stops_that_site_only(cast: factories.Cast) -> None:
    now = timezone.now()
    here, there = (factories.approved(cast, [a_device(site=site)]) for site in ("FRA", "MUC"))
    declared(cast, now - DAY, now + DAY, scope={"sites": ["fra"]})
    assert refused(cast, here, now + timedelta(hours=1)).code == "FREEZE_ACTIVE"
    starter = factories.actor(cast.author)
    with pytest.raises(ChangeError) as stopped:
        change_start(change_id=here.pk, implementer=starter)
    assert stopped.value.code == "FREEZE_ACTIVE"
    assert change_start(change_id=there.pk, implementer=starter).state == "running"
    fra, muc = (Device.objects.get(site=site) for site in ("FRA", "MUC"))
    assert window_seen(here, fra).findings
    assert not window_seen(here, muc).findings


def test_looking_before_a_device_takes_three_statements_however_many_freezes_and_windows(cast: factories.Cast) -> None:
    change, device, now = factories.approved(cast, [a_device()]), Device.objects.get(), timezone.now()
    with connection.execute_wrapper(seen := Statements()):
        window_seen(change, device)
    assert seen.count == 2
    for site in ("FRA", "MUC", "BER"):
        sundays(cast, scope={"sites": [site]})
        declared(cast, now - DAY, now + DAY, scope={"sites": [site]})
    with connection.execute_wrapper(seen := Statements()):
        assert window_seen(change, device).findings
    assert seen.count == 3


class Statements:
    """Counts what is sent to the database."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: object, *rest: object) -> object:
        self.count += 1
        return execute(*rest)  # type: ignore[operator]  # Django's shape


def test_a_freeze_declared_later_says_and_marks_what_it_hits_and_lifting_it_takes_the_mark_away(
    cast: factories.Cast,
) -> None:
    at = next_day(2, 12)
    hit = scheduled(cast, factories.approved(cast, [a_device(site="FRA", name="fra-7")]), at)
    spared = scheduled(cast, factories.approved(cast, [a_device(site="MUC")]), at)
    data = {
        "name": "Fair", "comment": "The fair is open.", "scope": {"sites": ["FRA"]},
        "starts_at": (at - DAY).isoformat(), "ends_at": (at + DAY).isoformat(),
    }  # fmt: skip
    manager = factories.actor(cast.manager)
    assert [(each.change, each.devices) for each in freeze_hits(actor=manager, data=data)] == [(hit, ("fra-7",))]
    assert not ScheduleProblem.objects.exists(), "asking marks nothing"
    freeze = freeze_declare(actor=manager, data=data)
    [problem] = ScheduleProblem.objects.all()
    assert (problem.change, problem.code, problem.devices) == (hit, "FREEZE_ACTIVE", ["fra-7"])
    event = Event.objects.get(action="change.schedule_disturbed")
    assert (event.change_id, event.code) == (hit.pk, "FREEZE_ACTIVE")
    assert set(Notification.objects.filter(topic="window_near").values_list("person", "change")) == {
        (cast.author.pk, hit.pk)
    }
    freeze_lift(freeze_id=freeze.pk, actor=manager, comment="It is over.")
    assert not ScheduleProblem.objects.exists()
    assert Event.objects.get(action="change.schedule_undisturbed").change_id == hit.pk
    assert not Event.objects.filter(change_id=spared.pk, action="change.schedule_disturbed").exists()


def test_a_mark_of_a_change_that_is_not_looked_at_again_stays(
    cast: factories.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = next_day(2, 12)
    changes = [scheduled(cast, factories.approved(cast, [a_device(site="FRA")]), at + 2 * n * DAY) for n in range(2)]
    freeze = declared(cast, at - DAY, at + 9 * DAY)
    assert ScheduleProblem.objects.count() == 2
    monkeypatch.setattr("changes.services.schedule_problems.MOST", 1)
    declared(cast, at - DAY, at + 9 * DAY, scope={"sites": ["MUC"]})
    assert ScheduleProblem.objects.count() == 2, "the first freeze hits both still"
    assert not Event.objects.filter(action="change.schedule_undisturbed").exists()
    freeze_lift(freeze_id=freeze.pk, actor=factories.actor(cast.manager), comment="It is over.")
    assert [each.change for each in ScheduleProblem.objects.all()] == changes[1:]


def test_windows_are_edited_and_lifted_by_managers_and_mark_what_lies_outside(cast: factories.Cast) -> None:
    manager, start = factories.actor(cast.manager), next_day(6, 3)
    change = scheduled(cast, factories.approved(cast, [a_device()]), start)
    row = sundays(cast)
    assert not ScheduleProblem.objects.exists(), "it lies in the new window"
    said = {"name": "Saturdays", "starts_at": "2026-01-03T02:00", "minutes": 240, "rule": "FREQ=WEEKLY;BYDAY=SA",
            "time_zone": "Europe/Berlin", "scope": {}, "owner": "peer", "comment": "Moved.", "version": 1}  # fmt: skip
    for who in ("author", "peer", "auditor", "superuser"):
        with pytest.raises(ChangeError) as denied:
            window_edit(window_id=row.pk, actor=factories.actor(getattr(cast, who)), data=said)
        assert denied.value.code == "GATE_ROLE_DENIED"
    edited = window_edit(window_id=row.pk, actor=manager, data=said)
    assert (edited.version, edited.owner, recurring(edited).zone.key) == (2, cast.peer, "Europe/Berlin")
    assert ScheduleProblem.objects.get().change == change
    with pytest.raises(ChangeError) as stale:
        window_edit(window_id=row.pk, actor=manager, data=said)
    assert stale.value.code == "stale_edit"
    with pytest.raises(ChangeError, match="nobody with the user name “bob”"):
        window_edit(window_id=row.pk, actor=manager, data={**said, "version": 2, "owner": "bob"})
    window_lift(window_id=row.pk, actor=manager, comment="No more.")
    assert not ScheduleProblem.objects.exists()
    with pytest.raises(ChangeError) as over:
        window_lift(window_id=row.pk, actor=manager, comment="No more.")
    assert over.value.code == "window_lifted"
    actions = Event.objects.filter(object_type="maintenance_window").values_list("action", flat=True)
    assert {"maintenance_window.declared", "maintenance_window.edited", "maintenance_window.lifted"} <= set(actions)


def test_a_start_without_a_window_is_bound_to_the_maintenance_window_that_is_open(cast: factories.Cast) -> None:
    now = timezone.now().astimezone(UTC)
    change, starter = factories.approved(cast, [a_device()]), factories.actor(cast.author)
    later = sundays(cast, starts_at=f"{now + 5 * DAY:%Y-%m-%dT%H:00}", rule="")
    with pytest.raises(ChangeError) as refusal:
        change_start(change_id=change.pk, implementer=starter)
    assert refusal.value.code == "PRECHECK_WINDOW_CLOSED"
    page = Client()
    page.force_login(cast.author)
    assert "does not lie in “Sunday night”" in page.get(f"/changes/{change.pk}/start/").content.decode()
    window_lift(window_id=later.pk, actor=factories.actor(cast.manager), comment="Now instead.")
    begin = (now - timedelta(hours=1)).replace(second=0, microsecond=0, tzinfo=None)
    sundays(cast, starts_at=begin.isoformat(timespec="minutes"), rule="")
    run = change_start(change_id=change.pk, implementer=starter)
    assert run.change.window_end == (begin + timedelta(minutes=240)).replace(tzinfo=UTC)
    assert RiskAssessment.objects.filter(change=change).order_by("-pk")[0].facts["timing"] == "maintenance_window"


def pair(cast: factories.Cast) -> tuple[ChangeRequest, ChangeRequest]:
    """Two approved changes on the members of a redundancy pair at different sites."""
    one = factories.approved(cast, [a_device(name="a-1", site="FRA", redundancy_group="core")])
    return one, factories.approved(cast, [a_device(name="b-1", site="MUC", redundancy_group="core")])


def waive(cast: factories.Cast, change: ChangeRequest, at: datetime, who: str = "manager", **more: object) -> object:
    asked = window(at)
    begin, end = (datetime.fromisoformat(str(value)) for value in asked.values())
    seen = window_judge(change, Period(begin, end)).seen
    data: Mapping[str, object] = {**asked, "seen": seen, "comment": "The pair carries no load then.", **more}
    return conflicts_waive(change_id=change.pk, actor=factories.actor(getattr(cast, who)), data=data)


def test_conflicts_name_every_device_and_a_waiver_holds_for_this_window_and_these_plans(cast: factories.Cast) -> None:
    at = next_day(2, 12)
    one, other = pair(cast)
    scheduled(cast, one, at)
    error = refused(cast, other, at)
    assert error.code == "SCHEDULE_CONFLICT"
    assert "b-1 must not be changed together with a-1 (group core)" in str(error)
    for who in ("author", "implementer", "auditor", "superuser"):
        with pytest.raises(ChangeError) as denied:
            waive(cast, other, at, who)
        assert denied.value.code in {"GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"}
    with pytest.raises(ChangeError, match="others than you were shown"):
        waive(cast, other, at, seen="0" * 64)
    waive(cast, other, at, "approver")
    assert scheduled(cast, other, at).state == "scheduled"
    assert window_judge(one, Period(at, at + timedelta(hours=1))).holds, "it holds for both changes"
    later = refused(cast, other, at + timedelta(minutes=1))
    assert later.code == "SCHEDULE_CONFLICT", "another window, another conflict"
    event = Event.objects.get(action="conflict.waived")
    assert (event.change_id, event.reason) == (other.pk, "The pair carries no load then.")
    with pytest.raises(ChangeError, match="no conflict to be waived"):
        waive(cast, other, at)
    again = ChangeRequest.objects.select_related("revision").get(pk=other.pk)
    assert window_judge(again, Period(at, at + timedelta(hours=1))).holds
    assert again.revision
    again.revision.digest = "f" * 64
    assert not window_judge(again, Period(at, at + timedelta(hours=1))).holds, "another plan was waived"


def test_the_database_takes_no_waiver_of_an_author_and_none_without_an_event(cast: factories.Cast) -> None:
    one, other = pair(cast)
    at = next_day(2)

    def row(by: User) -> None:
        times = {"overlap_start": at, "overlap_end": at + DAY, "window_start": at, "window_end": at + DAY}
        ConflictWaiver.objects.create(
            change=one, other=other, kind="device", devices=[], plan_digest="a", other_digest="b", reason="Mine.",
            waived_by=by, **times,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="GATE_SELF_APPROVAL"), transaction.atomic():
        row(cast.author)
    with pytest.raises(IntegrityError, match="audit"), transaction.atomic():
        row(cast.manager)


def test_a_start_meets_the_conflicts_again_and_an_emergency_is_let_through_loudly(cast: factories.Cast) -> None:
    now = timezone.now()
    one, other = pair(cast)
    scheduled(cast, one, now - timedelta(minutes=5))
    starter = factories.actor(cast.author)
    with pytest.raises(ChangeError) as refusal:
        change_start(change_id=other.pk, implementer=starter)
    assert refusal.value.code == "SCHEDULE_CONFLICT"
    other.type = ChangeType.EMERGENCY
    assert ["a-1 (group core)" in each for each in str(start_window(other)["conflicts"]).splitlines()] == [True]


def test_the_next_free_period_is_one_that_can_be_set(cast: factories.Cast) -> None:
    one, other = pair(cast)
    sundays(cast, scope={"sites": ["MUC"]})
    sunday = next_day(6, 2)
    scheduled(cast, one, sunday, 1.5)
    found = slot_next(other, minutes=60, after=sunday)
    assert found.period
    assert found.period.start == sunday + timedelta(hours=1.5), found.sentence
    assert scheduled(cast, other, found.period.start).window_start == found.period.start
    assert slot_next(other, minutes=300).period is None, "no window is so long"
    with pytest.raises(ChangeError, match="length from 5"):
        slot_next(other, minutes=0)


def test_a_window_over_the_change_of_the_clocks_ends_by_the_wall_clock(cast: factories.Cast) -> None:
    row = sundays(cast, starts_at="2026-01-03T22:00", minutes=360, rule="FREQ=WEEKLY;BYDAY=SA", scope={},
                  time_zone="Europe/Berlin")  # fmt: skip
    found = list(recurring(row).periods(datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 3, 29, tzinfo=UTC)))
    assert [(each.start, each.end) for each in found] == [
        (datetime(2027, 3, 27, 21, tzinfo=UTC), datetime(2027, 3, 28, 2, tzinfo=UTC))
    ], "five hours long: one of them is skipped"
    autumn = calendar_between(datetime(2027, 10, 30, tzinfo=UTC), datetime(2027, 11, 1, tzinfo=UTC)).windows[0]
    [long] = autumn.periods(datetime(2027, 10, 30, tzinfo=UTC), datetime(2027, 11, 1, tzinfo=UTC))
    assert long.end - long.start == timedelta(hours=7)


def test_of_many_windows_those_that_overlap_are_compared_in_a_few_queries(
    cast: factories.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = [a_device(name=f"r-{number}", site=f"S{number}", redundancy_group="ring") for number in range(4)]
    changes = [factories.approved(cast, [device]) for device in devices]
    at = next_day(2)
    for change, (begin, end) in zip(changes, [(0, 9), (1, 2), (3, 4), (9, 12)], strict=True):
        times = {"window_start": at + timedelta(hours=begin), "window_end": at + timedelta(hours=end)}
        ChangeRequest.objects.filter(pk=change.pk).update(**times)
    rows = list(ChangeRequest.objects.select_related("revision").order_by("-pk"))
    with connection.execute_wrapper(seen := Statements()):
        found = conflicts_among(rows)
    assert found
    told = [(change.pk, conflict.other_key, waived) for change, conflict, waived in found]
    assert told == [(changes[0].pk, changes[1].pk, False), (changes[0].pk, changes[2].pk, False)]
    assert seen.count == 5
    monkeypatch.setattr("changes.services.calendar.MOST_DEVICES", 2)
    [note] = calendar_contents(Period(at, at + DAY), CalendarFilter()).notes
    assert "Conflicts are not shown" in note, "what was not looked at is told"
