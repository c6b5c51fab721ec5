"""CAB meetings: an agenda made from what waits, frozen when opened, with decisions that people took themselves."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.meetings import ItemKind, MeetingState
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import AgendaItem, Approval, Attendance, ChangeRequest, Meeting
from changes.services import meetings
from changes.services.approvals import change_approve, plan_open
from devices.models import Device
from tests.factories import Cast, actor, assessed, carried_out, started
from tests.integration.cab.conftest import committed


def plan(cast: Cast, **fields: object) -> Meeting:
    data = {"title": "CAB", "starts_at": timezone.now().isoformat(), "chair": "approver", **fields}
    return meetings.meeting_plan(data=data, actor=actor(cast.manager))


@pytest.fixture
def waiting(cast: Cast, device: Device) -> ChangeRequest:
    return assessed(cast, [device], title="Waits for the CAB")


def test_the_agenda_is_made_from_what_waits_and_what_went_wrong(
    cast: Cast, device: Device, waiting: ChangeRequest
) -> None:
    failed = carried_out(started(cast, [device], title="Went wrong"), rejected=[device]).change

    meeting = plan(cast)

    assert list(meeting.items.values_list("kind", "change")) == [
        (ItemKind.FAILED, failed.pk),
        (ItemKind.DECIDE, waiting.pk),
    ]
    facts = meeting.items.get(change=waiting).facts
    assert (facts["state"], facts["waits_for"], facts["needed"]) == ("authorization", ["cab"], 1)


def test_a_meeting_links_the_decisions_that_people_took_while_it_was_open(cast: Cast, waiting: ChangeRequest) -> None:
    meeting = plan(cast)
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))
    revision = waiting.revision
    assert revision
    plan_open(revision=revision, actor=actor(cast.approver))
    change_approve(change_id=waiting.pk, approver=actor(cast.approver), plan_digest=revision.digest)
    item = meeting.items.get()
    meetings.item_minute(item_id=item.pk, actor=actor(cast.approver), minutes="Agreed.", outcome="discussed")
    with pytest.raises(ConflictError, match="who is present"):
        meetings.meeting_close(meeting_id=meeting.pk, actor=actor(cast.manager))
    meetings.attendance_set(
        meeting_id=meeting.pk, actor=actor(cast.manager), people=[cast.approver.pk], guests=["Kim", "", "Kim"]
    )
    meetings.meeting_close(meeting_id=meeting.pk, actor=actor(cast.manager), summary="One change.")

    linked = Approval.objects.get(change=waiting, approver=cast.approver)
    assert list(item.decisions.all()) == [linked]
    assert list(Attendance.objects.values_list("person__username", "guest")) == [("approver", ""), (None, "Kim")]
    steps = Event.objects.filter(object_type="meeting").exclude(state_to="").order_by("id")
    assert list(steps.values_list("state_to", flat=True)) == ["draft", "open", "closed"]


def test_opening_freezes_the_agenda_in_service_and_database(cast: Cast, waiting: ChangeRequest) -> None:
    meeting = plan(cast)
    added = meetings.agenda_add(meeting_id=meeting.pk, actor=actor(cast.manager), title="The new core site")
    meetings.agenda_refresh(meeting_id=meeting.pk, actor=actor(cast.manager))
    assert meeting.items.filter(title="The new core site", added_by=cast.manager).count() == 1
    with pytest.raises(InvalidInputError, match="on the agenda already"):
        meetings.agenda_add(meeting_id=meeting.pk, actor=actor(cast.manager), change_id=waiting.pk)
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))

    item = meeting.items.get(change=waiting)
    for attempt in (
        lambda: meetings.agenda_refresh(meeting_id=meeting.pk, actor=actor(cast.manager)),
        lambda: meetings.agenda_remove(item_id=item.pk, actor=actor(cast.manager)),
        lambda: meetings.meeting_edit(meeting_id=meeting.pk, data={"title": "Other"}, actor=actor(cast.manager)),
    ):
        with pytest.raises(ConflictError):
            attempt()  # type: ignore[no-untyped-call]
    for sql in (
        lambda: AgendaItem.objects.filter(pk=item.pk).update(facts={}),
        lambda: AgendaItem.objects.filter(pk=item.pk).delete(),
        lambda: Meeting.objects.filter(pk=meeting.pk).update(title="Other"),
        lambda: Meeting.objects.filter(pk=meeting.pk).update(state="closed", closed_at=timezone.now()),
        lambda: item.decisions.add(Approval.objects.get(change=waiting)),
    ):
        with pytest.raises(DatabaseError):
            committed(sql)
    assert added.title == "The new core site"


def test_a_deferred_point_says_until_when(cast: Cast, waiting: ChangeRequest) -> None:
    meeting = plan(cast)
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))
    item = meeting.items.get(change=waiting)
    with pytest.raises(InvalidInputError, match="until when"):
        meetings.item_minute(item_id=item.pk, actor=actor(cast.manager), minutes="", outcome="deferred")

    meetings.item_minute(
        item_id=item.pk, actor=actor(cast.manager), minutes="", outcome="deferred", deferred_to="after the audit"
    )

    item.refresh_from_db()
    assert (item.outcome, item.deferred_to) == ("deferred", "after the audit")
    waiting.refresh_from_db()
    assert waiting.state == "authorization"


def test_only_change_managers_and_the_chair_run_a_meeting(cast: Cast, waiting: ChangeRequest) -> None:
    meeting = plan(cast)
    for who in (cast.author, cast.peer, cast.auditor, cast.second_approver, cast.superuser):
        with pytest.raises(PolicyDeniedError):
            meetings.meeting_open(meeting_id=meeting.pk, actor=actor(who))
    with pytest.raises(PolicyDeniedError):
        meetings.meeting_plan(data={}, actor=actor(cast.approver))
    with pytest.raises(InvalidInputError, match="chair"):
        plan(cast, chair="author")
    with pytest.raises(InvalidInputError, match="Say when"):
        plan(cast, starts_at="tomorrow")
    assert meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.approver)).state == MeetingState.OPEN


def test_a_meeting_is_held_on_its_page(cast: Cast, waiting: ChangeRequest) -> None:
    manager, reader = Client(), Client()
    manager.force_login(cast.manager)
    reader.force_login(cast.auditor)
    at = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")

    bad = manager.post("/meetings/plan/", {"title": "", "starts_at": at, "chair": "nobody"})
    assert (bad.status_code, "Give the meeting a title" in bad.content.decode()) == (400, True)
    url = manager.post("/meetings/plan/", {"title": "CAB", "starts_at": at, "chair": "manager"})["Location"]
    assert "Waits for the CAB" in reader.get(url).content.decode()
    assert "<form" not in reader.get(url).content.decode().split('id="main"')[1].split("</main>")[0]
    assert reader.post(f"{url}open/").status_code == 403
    unknown = manager.post(f"{url}points/", {"point": "CHG-99999"}).content.decode()
    assert "There is no change CHG-99999" in unknown
    manager.post(f"{url}points/", {"point": "The <new> core site"})
    manager.post(f"{url}open/")
    item = AgendaItem.objects.get(change=waiting)
    refused = manager.post(f"{url}points/{item.pk}/minutes/", {"minutes": "kept text", "outcome": "deferred"})
    assert "kept text" in refused.content.decode()
    manager.post(f"{url}points/{item.pk}/minutes/", {"minutes": "Said.", "outcome": "noted"})
    manager.post(f"{url}attendance/", {"person": [cast.approver.pk], "guests": "Kim"})
    manager.post(f"{url}close/", {"summary": "Short."})

    shown = reader.get(url).content.decode()
    for text in ("Said.", "Short.", "approver, Kim", "The &lt;new&gt; core site", "Closed", "Noted"):
        assert text in shown
    assert reader.get("/meetings/").status_code == 200
    assert reader.get("/meetings/?page=2").status_code == 400


def test_the_api_holds_a_meeting(cast: Cast, waiting: ChangeRequest) -> None:
    client = APIClient()
    client.force_authenticate(cast.manager)
    made = client.post(
        "/api/v1/meetings/", {"title": "CAB", "starts_at": "2030-01-31T10:00", "chair": "manager"}, format="json"
    )
    assert made.status_code == 201, made.data
    url = f"/api/v1/meetings/{made.data['id']}/"
    assert client.patch(url, {"title": "ECAB"}, format="json").data["title"] == "ECAB"
    assert client.post(f"{url}items/", {"title": "Other"}, format="json").status_code == 201
    opened = client.post(f"{url}open/", {}, format="json").data
    item = next(item for item in opened["items"] if item["change"] == waiting.pk)
    minuted = client.post(f"{url}items/{item['id']}/minutes/", {"minutes": "Said."}, format="json")
    assert minuted.status_code == 200
    client.post(f"{url}attendance/", {"people": ["approver"], "guests": ["Kim"]}, format="json")
    closed = client.post(f"{url}close/", {"summary": "Short."}, format="json").data
    present = [{"person": "approver", "guest": ""}, {"person": None, "guest": "Kim"}]
    assert (closed["state"], closed["attendance"]) == ("closed", present)
    assert client.post(f"{url}open/", {}, format="json").status_code == 409
    assert client.get("/api/v1/meetings/?state=closed").data["results"][0]["id"] == made.data["id"]
    client.force_authenticate(cast.auditor)
    assert client.get(url).status_code == 200
    assert client.post(f"{url}close/", {}, format="json").status_code == 403
