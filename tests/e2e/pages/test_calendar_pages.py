"""The change calendar in a browser: a conflict, its waiver, the next free period, the feed, and how the pages look."""

from __future__ import annotations

import urllib.request
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from icalendar import Calendar

from changes.models import ChangeRequest, ConflictWaiver, ScheduledStart
from changes.services.freezes import freeze_declare
from changes.services.maintenance_windows import window_declare
from changes.services.scheduling import change_schedule
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, DeviceFactory, actor, approved

pytestmark = pytest.mark.e2e


def midday() -> datetime:
    """Noon of the day after tomorrow, in UTC."""
    return timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)


def times(start: datetime, hours: float) -> dict[str, object]:
    return {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=hours)).isoformat()}


def a_calendar(cast: Cast) -> tuple[ChangeRequest, ChangeRequest]:
    """A scheduled change, an approved one on the other member of its redundancy pair, windows and a freeze."""
    noon, manager = midday(), actor(cast.manager)
    one = approved(cast, [DeviceFactory.create(name="fra-core-01", role="core", redundancy_group="fra-core")])
    other = approved(
        cast,
        [DeviceFactory.create(name="fra-core-02", role="core", redundancy_group="fra-core")],
        title="Renew the certificates of the core routers before they run out at the end of the month",
    )
    change_schedule(change_id=one.pk, actor=manager, data=times(noon, 2))
    daily = {"name": "Midday of the core", "starts_at": "2026-01-01T10:00", "minutes": 480, "rule": "FREQ=DAILY",
             "time_zone": "UTC", "scope": {"roles": ["core"]}, "comment": "Agreed with the plant."}  # fmt: skip
    window_declare(actor=manager, data=daily)
    ends = {"starts_at": (noon + timedelta(days=1)).isoformat(), "ends_at": (noon + timedelta(days=5)).isoformat()}
    freeze_declare(actor=manager, data={"name": "Trade fair", "comment": "The fair.", "exempt_types": ["emergency"],
                                        "scope": {"sites": ["FRA"]}, **ends})  # fmt: skip
    return one, other


def test_a_conflict_is_shown_waived_and_scheduled_without_scripts(comes: Comes, cast: Cast) -> None:
    one, other = a_calendar(cast)
    author = comes(cast.author, scripts=False)
    author.goes(f"/changes/{other.pk}/schedule/")
    author.page.get_by_label("Opens").fill(f"{midday():%Y-%m-%dT%H:%M}")
    author.page.get_by_label("Closes").fill(f"{midday() + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    with author.expecting(409):
        author.page.get_by_role("button", name="Set the window").click()
        author.page.get_by_text("fra-core-02 must not be changed together with fra-core-01").first.wait_for()
    assert author.page.get_by_role("button", name="Waive the conflicts").count() == 0
    manager = comes(cast.manager, scripts=False)
    manager.goes(f"/changes/{other.pk}/schedule/?window_start={midday():%Y-%m-%dT%H:%M}"
                 f"&window_end={midday() + timedelta(hours=1):%Y-%m-%dT%H:%M}")  # fmt: skip
    manager.page.get_by_label("Reason").fill("Traffic was moved to the second site for that day.")
    manager.page.get_by_role("button", name="Waive the conflicts").click()
    manager.page.get_by_text("Set the window now").wait_for()
    manager.page.get_by_role("button", name="Set the window").click()
    manager.page.get_by_text("The maintenance window is set.").wait_for()
    assert ConflictWaiver.objects.filter(change=other, other=one, waived_by=cast.manager).count() == 2
    assert ChangeRequest.objects.get(pk=other.pk).window_start == midday()


def test_the_next_free_period_is_found_set_and_started_by_itself(comes: Comes, cast: Cast) -> None:
    _one, other = a_calendar(cast)
    person = comes(cast.author)
    person.goes(f"/changes/{other.pk}/schedule/")
    person.page.get_by_label("Minutes").fill("90")
    person.clicks("button", "Find the next free period")
    person.page.get_by_text("The next free period is").first.wait_for()
    person.poses("calendar-schedule")
    person.page.get_by_text("Start by itself in the window").click()
    person.clicks("button", "Set the window")
    person.page.get_by_text("It starts by itself").wait_for()
    assert ScheduledStart.objects.get(change=other).asked_by == cast.author


def test_a_feed_is_made_and_read_by_a_calendar_program(comes: Comes, cast: Cast) -> None:
    one, _other = a_calendar(cast)
    person = comes(cast.outsider)
    person.goes("/calendar/feeds/")
    person.page.get_by_label("Read by").fill("Laptop")
    person.page.get_by_role("button", name="Make a feed").click()
    address = person.page.locator("#new-feed").inner_text()
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own server
        events = Calendar.from_ical(answer.read()).walk("VEVENT")
    found = {str(each["summary"]): each for each in events}
    assert found[str(one)].decoded("dtstart") == midday()
    assert "Window: Midday of the core" in found
    assert "Freeze: Trade fair" in found
    person.poses("calendar-feeds")


def test_the_pages_of_the_calendar_fit_every_window(comes: Comes, cast: Cast) -> None:
    one, other = a_calendar(cast)
    ChangeRequest.objects.filter(pk=other.pk).update(
        window_start=midday() + timedelta(hours=1), window_end=midday() + timedelta(hours=26)
    )
    person = comes(cast.manager)
    for view, seen in (("month", person.looks), ("week", person.looks), ("list", person.poses)):
        person.goes(f"/calendar/?view={view}&day={midday():%Y-%m-%d}")
        person.page.get_by_text(one.number).first.wait_for()
        seen(f"calendar-{view}")
    person.goes("/calendar/windows/")
    person.poses("calendar-windows")
    person.clicks("link", "Midday of the core")
    person.looks("calendar-window")
    person.goes("/freezes/")
    person.poses("calendar-freezes")
    person.goes(f"/changes/{other.pk}/schedule/")
    person.looks("calendar-conflict")
