"""The calendar's pages, its feed and its part of the API."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from audit.models import Event
from changes.models import ChangeRequest, MaintenanceWindow
from changes.services.freezes import freeze_declare
from changes.services.maintenance_windows import window_declare
from changes.services.scheduling import change_schedule
from portal.log_filter import SecretFilter
from portal.models import CalendarFeed
from portal.tokens import token_create
from tests import factories
from tests.factories import switched


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def signed_in(person: object) -> Client:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]  # one of the cast
    return client


def filled(cast: factories.Cast) -> ChangeRequest:
    """A calendar with one of everything, two days from now."""
    start = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)
    manager = factories.actor(cast.manager)
    change = factories.approved(cast, [factories.DeviceFactory.create(name="fra-1", site="FRA")])
    times = {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=2)).isoformat()}
    change_schedule(change_id=change.pk, actor=manager, data=times)
    daily = {"name": "Noon", "starts_at": "2026-01-01T11:00", "minutes": 240, "rule": "FREQ=DAILY", "time_zone": "UTC",
             "scope": {"sites": ["FRA"]}, "comment": "Agreed."}  # fmt: skip
    window_declare(actor=manager, data=daily)
    freeze = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=9)).isoformat()}
    freeze_declare(actor=manager, data={"name": "Fair", "comment": "Fair.", "scope": {"sites": ["FRA"]}, **freeze})
    return change


@pytest.mark.parametrize("view", ["month", "week", "list"])
def test_each_view_shows_changes_windows_and_freezes_and_marks_what_is_hit(cast: factories.Cast, view: str) -> None:
    change = filled(cast)
    day = f"{timezone.now() + timedelta(days=2):%Y-%m-%d}"
    client = signed_in(cast.outsider)
    html = client.get(f"/calendar/?view={view}&day={day}").content.decode()
    for words in (change.number, "Noon", "Fair", "Times are those of UTC", "Needs another window"):
        assert words in html
    elsewhere = client.get(f"/calendar/?view={view}&day={day}&site=MUC").content.decode()
    assert change.number not in elsewhere
    assert "Noon" not in elsewhere
    only = client.get(f"/calendar/?view={view}&day={day}&show=change&type=normal&state=scheduled").content.decode()
    assert change.number in only
    assert "Noon" not in only


def test_times_are_those_of_the_persons_zone(cast: factories.Cast) -> None:
    filled(cast)
    client = signed_in(cast.author)
    assert client.post("/calendar/zone/", {"zone": "Asia/Tokyo", "next": "/calendar/?view=list"}).status_code == 302
    html = client.get("/calendar/?view=list").content.decode()
    assert "Times are those of Asia/Tokyo" in html
    assert "21:00 to 23:00" in html, "noon in UTC"
    disturbed = html[html.index("Needs another window") :]
    assert "21:00 to " in disturbed
    assert " 06:00 Asia/Tokyo, for site FRA" in disturbed, "its freeze lasts for nine hours"
    assert " UTC" not in html, "every sentence of the page is by the same clock"
    [change] = ChangeRequest.objects.all()
    schedule = client.get(f"/changes/{change.pk}/schedule/").content.decode()
    assert "12:00 to 14:00 UTC (" in schedule
    assert " 21:00 to 23:00 Asia/Tokyo)" in schedule, "its form takes UTC, so both are told"
    assert "Asia/Tokyo)" in client.get(f"/changes/{change.pk}/").content.decode()
    assert "Asia/Tokyo)" in client.get("/freezes/").content.decode()
    assert client.post("/calendar/zone/", {"zone": "Mars/Base"}).status_code == 422
    client.cookies["zone"] = "no zone"
    assert "Times are those of UTC" in client.get("/calendar/").content.decode()


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_years_that_no_calendar_has_are_refused_everywhere(cast: factories.Cast, year: str) -> None:
    change = factories.approved(cast, [factories.DeviceFactory.create()])
    client = signed_in(cast.author)
    paths = [
        f"/api/v1/calendar/?since={year}T00:00:00Z",
        f"/api/v1/calendar/?until={year}T23:00:00Z",
        f"/api/v1/changes/{change.pk}/next-slot/?after={year}T23:00:00Z",
        f"/api/v1/changes/{change.pk}/conflicts/?window_start={year}T00:00:00Z&window_end={year}T01:00:00Z",
        f"/calendar/?day={year}",
        f"/changes/{change.pk}/schedule/?window_start={year}T00:00&window_end={year}T01:00",
    ]
    assert [client.get(path).status_code for path in paths] == [400] * len(paths)
    slot = client.get(f"/changes/{change.pk}/schedule/?minutes=60&after={year}T23:00")
    assert slot.status_code == (400 if year == "9999-12-31" else 200)


@pytest.mark.parametrize("query", ["view=year", "day=soon", "day=9999-12-31", "type=urgent", "state=x", "colour=red"])
def test_what_cannot_be_shown_is_refused_with_a_sentence(cast: factories.Cast, query: str) -> None:
    assert signed_in(cast.author).get(f"/calendar/?{query}").status_code == 400


def test_the_month_costs_the_same_however_much_is_in_it(
    cast: factories.Cast, django_assert_max_num_queries: object
) -> None:
    for _ in range(3):
        factories.approved(cast, [factories.DeviceFactory.create()])
    ChangeRequest.objects.update(
        window_start=timezone.now() + timedelta(hours=1), window_end=timezone.now() + timedelta(hours=2)
    )
    client = signed_in(cast.outsider)
    client.get("/calendar/")
    with django_assert_max_num_queries(24):  # type: ignore[operator]  # a fixture
        assert client.get("/calendar/").status_code == 200


def test_a_manager_declares_edits_and_lifts_a_window_on_its_pages(cast: factories.Cast) -> None:
    client, outsider = signed_in(cast.manager), signed_in(cast.outsider)
    assert 'name="rule"' not in outsider.get("/calendar/windows/").content.decode()
    form = {"name": "Nights", "starts_at": "2026-01-04T02:00", "minutes": "240", "time_zone": "Europe/Berlin",
            "rule": "FREQ=HOURLY", "scope_sites": "FRA, MUC", "comment": "Agreed."}  # fmt: skip
    wrong = client.post("/calendar/windows/declare/", form)
    assert wrong.status_code == 400
    assert "repeats at most once a day" in wrong.content.decode()
    assert 'value="FRA, MUC"' in wrong.content.decode(), "what was typed stays"
    form["rule"] = "FREQ=WEEKLY;BYDAY=SU"
    assert outsider.post("/calendar/windows/declare/", form).status_code == 403
    assert client.post("/calendar/windows/declare/", form).status_code == 302
    [row] = MaintenanceWindow.objects.all()
    assert (row.scope, row.owner) == ({"sites": ["FRA", "MUC"]}, cast.manager)
    page = f"/calendar/windows/{row.pk}/"
    assert "site FRA or MUC" in outsider.get(page).content.decode()
    assert client.post(page, {**form, "minutes": "x"}).status_code == 400
    assert client.post(page, {**form, "minutes": "60", "version": "1"}).status_code == 302
    assert client.post(page, {**form, "version": "1"}).status_code == 409
    assert client.post(f"{page}lift/", {"comment": ""}).status_code == 400
    assert client.post(f"{page}lift/", {"comment": "No more."}).status_code == 302
    assert "lifted" in client.get("/calendar/windows/").content.decode()


def test_a_freeze_says_what_it_would_hit_before_it_is_declared(cast: factories.Cast) -> None:
    change = filled(cast)
    client = signed_in(cast.manager)
    day = timezone.now() + timedelta(days=2)
    form = {"name": "Sale", "starts_at": f"{day:%Y-%m-%d}T00:00", "ends_at": f"{day:%Y-%m-%d}T23:59",
            "scope_sites": "FRA", "exempt_types": ["emergency"], "comment": "The sale."}  # fmt: skip
    looked = client.post("/freezes/declare/", {**form, "look": "1"}).content.decode()
    assert "It would hit 1 scheduled change" in looked
    assert str(change) in looked
    done = client.post("/freezes/declare/", form, follow=True).content.decode()
    assert "It hits 1 scheduled change" in done
    assert "site FRA, except emergency changes" in done


def test_a_feed_is_read_with_its_token_alone_and_ends_when_it_is_revoked(
    cast: factories.Cast, caplog: pytest.LogCaptureFixture
) -> None:
    change = filled(cast)
    owner = signed_in(cast.outsider)
    html = owner.post("/calendar/feeds/make/", {"name": "Laptop", "once": "a"}).content.decode()
    address = html.split('id="new-feed" tabindex="0">')[1].split("<")[0]
    path = address.removeprefix("http://testserver")
    assert owner.post("/calendar/feeds/make/", {"name": "Laptop", "once": "a"}).status_code == 302, "shown once"
    [row] = CalendarFeed.objects.all()
    token = path.split("/")[-1].removesuffix(".ics")
    assert token not in str(vars(row)), "its digest only"
    assert not any(token in str(event.content()) for event in Event.objects.all())
    answer = Client().get(path)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    events = {str(each["summary"]): each for each in Calendar.from_ical(answer.content).walk("VEVENT")}
    assert {str(change), "Window: Noon", "Freeze: Fair"} == set(events)
    assert events[str(change)].decoded("dtstart") == ChangeRequest.objects.get().window_start
    assert Client().get(f"/changes/{change.pk}/").status_code == 302, "nobody is signed in by it"
    switched(row.user, active=False)
    with caplog.at_level(logging.DEBUG):
        assert Client().get(path).status_code == 404
        assert Client().post(path).status_code == 405
        for mistyped in (path.upper().replace(token.upper(), token), f"/{path}", f"/old/{token}.ics", f"{path}/x"):
            assert Client().get(mistyped).status_code == 404
        logging.getLogger("gunicorn.access").info("GET %s 200", path)
        logging.getLogger("gunicorn.access").info("GET %s 404", path.replace("/", "%2F"))
        for record in caplog.records:
            SecretFilter().filter(record)
    assert token not in "".join(record.getMessage() for record in caplog.records)
    switched(row.user, active=True)
    assert signed_in(cast.author).post(f"/calendar/feeds/{row.public_id}/revoke/").status_code == 404, "not theirs"
    assert owner.post(f"/calendar/feeds/{row.public_id}/revoke/").status_code == 302
    assert Client().get(path).status_code == 404
    actions = Event.objects.filter(object_type="calendar_feed").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["calendar_feed.created", "calendar_feed.revoked"]


def test_the_api_serves_the_same(cast: factories.Cast) -> None:
    change = filled(cast)
    reader, manager, starter = signed_in(cast.outsider), signed_in(cast.manager), signed_in(cast.author)
    since = (timezone.now() + timedelta(days=1)).isoformat()
    found = reader.get("/api/v1/calendar/", {"since": since, "show": "freeze"}).json()
    assert [(each["kind"], each["title"]) for each in found["results"]] == [("freeze", "Fair")]
    changes = reader.get("/api/v1/calendar/", {"show": "change", "site": "FRA"}).json()["results"]
    assert [(each["id"], each["devices"]) for each in changes] == [(change.pk, ["fra-1"])]
    assert reader.get("/api/v1/calendar/?colour=red").status_code == 400
    assert reader.get("/api/v1/calendar/?until=2020-01-01").status_code == 400
    [freeze] = reader.get("/api/v1/freezes/").json()["results"]
    assert (freeze["scope"], freeze["exempt_types"]) == ({"sites": ["FRA"]}, [])
    assert reader.get(f"/api/v1/freezes/{freeze['id']}/").json()["hits"][0]["devices"] == ["fra-1"]
    here = f"/api/v1/changes/{change.pk}/"
    judged = reader.get(f"{here}conflicts/").json()
    assert (judged["holds"], judged["obstacles"][0]["code"]) == (False, "FREEZE_ACTIVE")
    slot = reader.get(f"{here}next-slot/", {"minutes": "60"}).json()
    assert slot["window_start"]
    times = {"window_start": slot["window_start"], "window_end": slot["window_end"]}
    moved = starter.post(f"{here}schedule/", {**times, "start_by_itself": True}, content_type="application/json")
    assert moved.status_code == 200, moved.content
    assert starter.post(f"{here}start-by-itself/", {}, content_type="application/json").status_code == 409
    assert manager.post(f"{here}start-by-itself/call-off/", {}, content_type="application/json").status_code == 200
    [window] = reader.get("/api/v1/windows/").json()["results"]
    body = {name: window[name] for name in ("name", "starts_at", "minutes", "rule", "time_zone", "scope", "version")}
    url, edited = f"/api/v1/windows/{window['id']}/", {**body, "minutes": 300, "comment": "Longer."}
    assert reader.put(url, edited, content_type="application/json").status_code == 403
    assert manager.put(url, edited, content_type="application/json").json()["minutes"] == 300
    assert manager.put(url, edited, content_type="application/json").status_code == 409
    lifted = manager.post(f"{url}lift/", {"comment": "Done."}, content_type="application/json").json()
    assert lifted["lifted_by"] == "manager"
    assert manager.post("/api/v1/windows/", {"name": "X"}, content_type="application/json").status_code == 400


def test_conflicts_are_waived_over_the_api_with_what_was_seen(cast: factories.Cast) -> None:
    start = timezone.now() + timedelta(hours=3)
    times = {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=1)).isoformat()}
    one, other = (factories.approved(cast, [factories.DeviceFactory.create(site="FRA")]) for _ in range(2))
    change_schedule(change_id=one.pk, actor=factories.actor(cast.manager), data=times)
    manager, here = signed_in(cast.manager), f"/api/v1/changes/{other.pk}/"
    judged = manager.get(f"{here}conflicts/", times).json()
    assert [(each["kind"], each["change_id"], each["waived"]) for each in judged["conflicts"]] == [
        ("site", one.pk, False)
    ]
    refused = manager.post(f"{here}schedule/", times, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "SCHEDULE_CONFLICT")
    body = {**times, "seen": judged["seen"], "comment": "Other racks, other people."}
    author = signed_in(cast.author).post(f"{here}waive/", body, content_type="application/json")
    assert author.status_code == 403
    waived = manager.post(f"{here}waive/", body, content_type="application/json")
    assert (waived.status_code, waived.json()["holds"]) == (201, True)
    assert manager.post(f"{here}schedule/", times, content_type="application/json").status_code == 200
    html = manager.get(f"/calendar/?view=list&day={start:%Y-%m-%d}").content.decode()
    assert f"{one.number} and {other.number}: site FRA" in html
    assert "waived" in html


def test_the_api_makes_lists_and_revokes_ones_own_feeds(cast: factories.Cast) -> None:
    filled(cast)
    owner, other, url = signed_in(cast.outsider), signed_in(cast.author), "/api/v1/calendar/feeds/"
    made = owner.post(url, {"name": "Laptop", "site": "FRA"}, content_type="application/json")
    assert (made.status_code, made["Cache-Control"].count("no-store")) == (201, 1)
    feed = made.json()
    path = feed.pop("address").removeprefix("http://testserver")
    assert b"BEGIN:VEVENT" in Client().get(path).content
    [listed] = owner.get(url).json()
    assert {**listed, "read_at": None} == feed, "its address is shown once"
    assert other.get(url).json() == []
    assert other.delete(f"{url}{feed['id']}/").status_code == 404
    for wrong in ({}, {"name": ""}, {"name": 7}, {"name": "a", "site": ["FRA"]}, {"name": "a", "colour": 1}):
        assert owner.post(url, wrong, content_type="application/json").status_code == 400
    assert Client().get(url).status_code == 401
    _token, text = token_create(actor=factories.actor(cast.outsider), name="script", expires_in_days=1)
    script = Client(headers={"Authorization": f"Token {text}"})
    refused = script.post(url, {"name": "For ever"}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "token_needs_password")
    assert script.delete(f"{url}{feed['id']}/").status_code == 204
    assert Client().get(path).status_code == 404
