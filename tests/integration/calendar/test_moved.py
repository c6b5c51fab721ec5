"""What holds when the calendar changes under a run, and what keeps runs apart that are in nobody's calendar."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import ChangeError
from changes.domain.states import ChangeType
from changes.domain.windows import Period
from changes.models import ChangeRequest, MaintenanceWindow, Run
from changes.services.conflicts import conflicts_waive, window_judge
from changes.services.execution import change_start, run_advance
from changes.services.maintenance_windows import window_declare, window_edit, window_lift
from changes.services.run_orders import run_resume
from changes.services.scheduling import change_schedule
from changes.services.windows import window_seen
from devices.models import Device
from tests import factories

HOUR = timedelta(hours=1)


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def wall(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def declared(cast: factories.Cast, opens: datetime, hours: int, **more: object) -> MaintenanceWindow:
    data: dict[str, object] = {
        "name": "Night", "starts_at": wall(opens), "minutes": hours * 60, "time_zone": "UTC", "comment": "Agreed.",
    }  # fmt: skip
    return window_declare(actor=factories.actor(cast.manager), data={**data, **more})


def device(name: str, site: str = "FRA", group: str = "") -> Device:
    found: Device = factories.DeviceFactory.create(name=name, site=site, redundancy_group=group)
    return found


def in_window(cast: factories.Cast, names: tuple[str, ...] = ("fra-1", "fra-2")) -> Run:
    """A run in its own window of two hours, within a maintenance window of six."""
    now = timezone.now()
    declared(cast, now - HOUR, 6)
    change = factories.approved(cast, [device(name) for name in names])
    times = {"window_start": (now - HOUR / 2).isoformat(), "window_end": (now + 2 * HOUR).isoformat()}
    change_schedule(change_id=change.pk, actor=factories.actor(cast.author), data=times)
    return change_start(change_id=change.pk, implementer=factories.actor(cast.author))


def moved(cast: factories.Cast, to: datetime, **more: object) -> None:
    row = MaintenanceWindow.objects.get()
    data: dict[str, object] = {
        "name": row.name, "starts_at": wall(to), "minutes": row.minutes, "time_zone": "UTC", "comment": "Moved.",
    }  # fmt: skip
    window_edit(window_id=row.pk, actor=factories.actor(cast.manager), data={**data, **more})


def advanced(run: Run) -> Run:
    run_advance(run.pk)
    run.refresh_from_db()
    return run


def test_a_maintenance_window_that_is_moved_stops_the_run_in_it_before_the_next_device(cast: factories.Cast) -> None:
    run = in_window(cast)
    assert advanced(run).state == "running"
    moved(cast, timezone.now() + 24 * HOUR)
    assert window_seen(run.change, run.device_runs.all()[0].device).findings
    assert (advanced(run).state, run.code) == ("paused", "PRECHECK_WINDOW_CLOSED")
    assert "“Night” (all devices)" in run.detail
    with pytest.raises(ChangeError) as refusal:
        run_resume(change_id=run.change_id, actor=factories.actor(cast.author))
    assert refusal.value.code == "PRECHECK_WINDOW_CLOSED"
    moved(cast, timezone.now() - HOUR)
    assert run_resume(change_id=run.change_id, actor=factories.actor(cast.author)).state == "running"


def test_a_window_that_is_declared_or_lifted_under_a_run_counts_for_its_devices_only(cast: factories.Cast) -> None:
    run = factories.started(cast, [device("fra-1"), device("muc-1", "MUC")])
    elsewhere = declared(cast, timezone.now() + 24 * HOUR, 2, scope={"sites": ["BER"]})
    assert advanced(run).state == "running"
    row = declared(cast, timezone.now() + 24 * HOUR, 2, scope={"sites": ["muc"]})
    assert not window_seen(run.change, run.device_runs.get(device__name="fra-1").device).findings
    assert window_seen(run.change, run.device_runs.get(device__name="muc-1").device).findings
    assert advanced(run).state == "paused"
    for each in (row, elsewhere):
        window_lift(window_id=each.pk, actor=factories.actor(cast.manager), comment="It was a mistake.")
    assert run_resume(change_id=run.change_id, actor=factories.actor(cast.author)).state == "running"


def test_an_emergency_goes_on_outside_maintenance_windows(cast: factories.Cast) -> None:
    run = in_window(cast)
    ChangeRequest.objects.filter(pk=run.change_id).update(type=ChangeType.EMERGENCY)
    moved(cast, timezone.now() + 24 * HOUR)
    assert advanced(run).state == "running"


def pair(cast: factories.Cast) -> tuple[ChangeRequest, ChangeRequest]:
    one = factories.approved(cast, [device("a-1", "FRA", "core")])
    return one, factories.approved(cast, [device("b-1", "MUC", "core")])


def test_a_partner_of_a_device_that_is_worked_on_outside_any_window_is_not_started(cast: factories.Cast) -> None:
    one, other = pair(cast)
    starter = factories.actor(cast.author)
    run = change_start(change_id=one.pk, implementer=starter)
    with pytest.raises(ChangeError) as refusal:
        change_start(change_id=other.pk, implementer=starter)
    assert refusal.value.code == "SCHEDULE_CONFLICT"
    assert "b-1 must not be changed together with a-1 (group core)" in str(refusal.value)
    now = timezone.now()
    period = Period(now - HOUR / 2, now + HOUR)
    later = Period(now + HOUR, now + 2 * HOUR)
    assert window_judge(other, later).holds, "how long the other will take is not known"
    times: dict[str, object] = {"window_start": period.start.isoformat(), "window_end": period.end.isoformat()}
    seen = window_judge(other, period).seen
    waiver = {**times, "seen": seen, "comment": "The pair carries no load now."}
    conflicts_waive(change_id=other.pk, actor=factories.actor(cast.manager), data=waiver)
    change_schedule(change_id=other.pk, actor=starter, data=times)
    assert change_start(change_id=other.pk, implementer=starter).state == "running"
    assert run.state == "running"


def test_a_rollback_after_the_window_keeps_the_partner_apart(cast: factories.Cast) -> None:
    one, other = pair(cast)
    starter = factories.actor(cast.author)
    now = timezone.now()
    times: dict[str, object] = {"window_start": (now - HOUR).isoformat(), "window_end": (now + HOUR).isoformat()}
    change_schedule(change_id=one.pk, actor=starter, data=times)
    change_start(change_id=one.pk, implementer=starter)
    ChangeRequest.objects.filter(pk=one.pk).update(window_end=now - timedelta(minutes=1))
    with pytest.raises(ChangeError) as refusal:
        change_start(change_id=other.pk, implementer=starter)
    assert refusal.value.code == "SCHEDULE_CONFLICT"


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_on_the_members_of_a_pair_do_not_overlook_each_other() -> None:
    cast = factories.Cast.create()
    changes = pair(cast)
    said: list[str] = []
    together = threading.Barrier(2)

    def start(change: ChangeRequest) -> None:
        together.wait()
        try:
            said.append(change_start(change_id=change.pk, implementer=factories.actor(cast.author)).state)
        except ChangeError as refusal:
            said.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=start, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["SCHEDULE_CONFLICT", "running"]
    assert Event.objects.filter(action="run.started").count() == 1
