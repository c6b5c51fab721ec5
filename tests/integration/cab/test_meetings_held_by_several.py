"""Meetings that two people run at once, that are not held after all, and that are put on paper."""

import io

import pypdf
import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.errors import ChangeNotFoundError, ConflictError, PolicyDeniedError, StaleEditError
from changes.models import Attendance, ChangeRequest, Meeting
from changes.services import meetings
from changes.services.requests import change_submit, change_withdraw
from devices.models import Device
from tests.factories import Cast, actor, assessed, leaves_all, ready_plan
from tests.integration.cab.conftest import committed

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(cast: Cast, device: Device) -> ChangeRequest:
    return assessed(cast, [device], title="Waits for the CAB")


@pytest.fixture
def meeting(cast: Cast, waiting: ChangeRequest) -> Meeting:
    data = {"title": "CAB", "starts_at": timezone.now().isoformat(), "chair": "approver"}
    return meetings.meeting_plan(data=data, actor=actor(cast.manager))


def test_nobody_overwrites_minutes_or_attendance_that_they_have_not_read(cast: Cast, meeting: Meeting) -> None:
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))
    item = meeting.items.get()
    first, second = Client(), Client()
    first.force_login(cast.manager)
    second.force_login(cast.approver)
    url = f"/meetings/{meeting.pk}/"
    read = {"version": item.version, "outcome": "noted"}
    there = meetings.attendance_version(meeting)
    for seen in (item.version, there):
        assert f'name="version" value="{seen}"' in second.get(url).content.decode()

    first.post(f"{url}points/{item.pk}/minutes/", {**read, "minutes": "The first said this."})
    answer = second.post(f"{url}points/{item.pk}/minutes/", {**read, "minutes": "The second said that."})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else wrote minutes of this point meanwhile" in html
    assert '<p class="agenda__minutes">The first said this.</p>' in html
    assert ">The second said that.</textarea>" in html
    item.refresh_from_db()
    assert item.minutes == "The first said this."
    assert f'name="version" value="{item.version}"' in html, "after reading both they can be kept"

    first.post(f"{url}attendance/", {"person": [cast.manager.pk], "version": there})
    assert second.post(f"{url}attendance/", {"person": [cast.approver.pk], "version": there}).status_code == 409
    assert list(Attendance.objects.values_list("person", flat=True)) == [cast.manager.pk]
    with pytest.raises(StaleEditError):
        meetings.item_minute(item_id=item.pk, actor=actor(cast.manager), minutes="x", version="another")


def test_a_planned_meeting_is_canceled_with_a_reason_and_stays_so(cast: Cast, meeting: Meeting) -> None:
    client = Client()
    client.force_login(cast.manager)
    url = f"/meetings/{meeting.pk}/"
    assert "Say why the meeting is not held." in client.post(f"{url}cancel/", {"reason": " "}).content.decode()
    with pytest.raises(PolicyDeniedError):
        meetings.meeting_cancel(meeting_id=meeting.pk, actor=actor(cast.author), reason="I say so.")
    client.post(f"{url}cancel/", {"reason": "Everybody is <away>."})

    html = client.get(url).content.decode()
    assert "Everybody is &lt;away&gt;." in html
    assert "<form" not in html.split('id="main"')[1].split("</main>")[0]
    event = Event.objects.get(action="meeting.canceled")
    assert (event.state_from, event.state_to, event.reason) == ("draft", "canceled", "Everybody is <away>.")
    for attempt in (meetings.meeting_open, meetings.agenda_refresh):
        with pytest.raises(ConflictError, match="is canceled"):
            attempt(meeting_id=meeting.pk, actor=actor(cast.manager))
    for sql in (
        lambda: Meeting.objects.update(state="draft", canceled_at=None, cancel_reason=""),
        lambda: Meeting.objects.update(cancel_reason="Otherwise."),
        lambda: meeting.items.all().delete(),
        lambda: Attendance.objects.create(meeting=meeting, guest="Kim"),
    ):
        with pytest.raises(DatabaseError):
            committed(sql)


def test_an_open_meeting_is_closed_and_not_canceled(cast: Cast, meeting: Meeting) -> None:
    client = APIClient()
    client.force_authenticate(cast.manager)
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))
    assert client.post(f"/api/v1/meetings/{meeting.pk}/cancel/", {"reason": "Late."}, format="json").status_code == 409
    with pytest.raises(DatabaseError):
        committed(lambda: Meeting.objects.update(state="canceled", canceled_at=timezone.now(), cancel_reason="x"))


def test_the_agenda_says_when_a_change_was_planned_anew(
    cast: Cast, device: Device, meeting: Meeting, waiting: ChangeRequest
) -> None:
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))
    client = Client()
    client.force_login(cast.auditor)
    assert "another plan" not in client.get(f"/meetings/{meeting.pk}/").content.decode()
    change_withdraw(change_id=waiting.pk, requester=actor(cast.author))
    ready_plan(ChangeRequest.objects.get(pk=waiting.pk), [device], commands=("ntp server 192.0.2.99",))
    change_submit(change_id=waiting.pk, requester=actor(cast.author))
    assert "now Assessment and another plan" in client.get(f"/meetings/{meeting.pk}/").content.decode()


@pytest.mark.parametrize("at", ["0001-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00"])
def test_a_time_outside_of_the_calendar_is_refused(cast: Cast, at: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        meetings.meeting_plan(data={"title": "CAB", "starts_at": at, "chair": "manager"}, actor=actor(cast.manager))
    assert list(refused.value.fields) == ["starts_at"]


def test_hostile_ids_and_points_that_are_gone_are_refused(cast: Cast, meeting: Meeting) -> None:
    item = meeting.items.get()
    client = Client()
    client.force_login(cast.manager)
    answer = client.post(f"/meetings/{meeting.pk}/attendance/", {"person": ["9" * 5000, str(cast.manager.pk)]})
    assert answer.status_code == 302
    assert list(Attendance.objects.values_list("person", flat=True)) == [cast.manager.pk]
    meetings.agenda_refresh(meeting_id=meeting.pk, actor=actor(cast.manager))
    with pytest.raises(ChangeNotFoundError):
        meetings.agenda_remove(item_id=item.pk, actor=actor(cast.manager))


def test_a_chair_who_left_the_board_no_longer_runs_the_meeting(cast: Cast, meeting: Meeting) -> None:
    leaves_all(cast.approver)
    with pytest.raises(PolicyDeniedError):
        meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.approver))


def test_a_meeting_is_put_on_paper(cast: Cast, meeting: Meeting) -> None:
    meetings.agenda_add(meeting_id=meeting.pk, actor=actor(cast.manager), title="<b>Points</b> & more")
    client = Client()
    client.force_login(cast.auditor)
    assert f"/meetings/{meeting.pk}/meeting.pdf" in client.get(f"/meetings/{meeting.pk}/").content.decode()
    answer = client.get(f"/meetings/{meeting.pk}/meeting.pdf")
    assert answer.status_code == 200
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages)
    for words in ("<b>Points</b> & more", "Waits for the CAB", "1 approval of CAB", "This agenda is a draft"):
        assert words in text
    assert f"meeting-{meeting.pk}-{meeting.starts_at:%Y-%m-%d}.pdf" in answer["Content-Disposition"]
    assert client.get("/meetings/99999/meeting.pdf").status_code == 404
