"""The exact bytes of each device's plan: listed with digests, handed out with an event, linked from the trail."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from audit.models import Event
from changes.domain.plan import merkle_root
from changes.models import ChangeRequest, DevicePlan, PlanRevision
from changes.services import plan_bytes
from tests.factories import Cast, DeviceFactory, approved, carried_out, started
from tests.integration.sealing_fixtures import Seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def change(cast: Cast) -> ChangeRequest:
    return approved(cast, [DeviceFactory.create(name=f"plan-{number}") for number in range(3)])


def revision_of(change: ChangeRequest) -> PlanRevision:
    assert change.revision is not None
    return change.revision


def test_an_auditor_takes_the_bytes_that_were_signed_and_that_is_an_event(
    cast: Cast, change: ChangeRequest, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(cast.auditor)
    html = client.get(f"/audit/changes/{change.pk}/plans/1/").content.decode()
    links = re.findall(rf'href="(/audit/changes/{change.pk}/plans/1/\d+/)" download', html)
    leaves = []
    for link, plan in zip(links, revision_of(change).device_plans.order_by("position"), strict=True):
        answer = client.get(link)
        leaves.append(hashlib.sha256(answer.content).hexdigest())
        assert (answer.content, leaves[-1]) == (plan.payload.encode(), plan.digest)
        assert plan.digest in html
        event = Event.objects.get(pk=answer["X-Audit-Event"])
        assert (event.action, event.change_id, event.device_id) == (
            "device_plan.downloaded",
            change.pk,
            plan.device_id,
        )
        assert event.actor_name == cast.auditor.username
        assert event.content()["details"]["digest"] == plan.digest
    assert merkle_root(leaves) == revision_of(change).digest
    with django_assert_num_queries(2):
        plan_bytes.signed_devices(change_id=change.pk, number=1)


def test_the_api_lists_them_by_key_and_gives_the_same_bytes(
    cast: Cast, change: ChangeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_bytes, "LISTED_AT_ONCE", 2)
    api = APIClient()
    api.force_authenticate(cast.auditor)
    url: str | None = f"/api/v1/changes/{change.pk}/plans/1/payloads/"
    rows = []
    while url:
        page = api.get(url).json()
        assert page["plan_digest"] == revision_of(change).digest
        assert len(page["results"]) <= 2
        rows += page["results"]
        url = page["next"]
    assert [row["position"] for row in rows] == [0, 1, 2]
    for row in rows:
        answer = api.get(row["payload_url"])
        assert (hashlib.sha256(answer.content).hexdigest(), len(answer.content)) == (row["digest"], row["size"])
        assert answer["X-Plan-Digest"] == row["digest"]
        assert "no-store" in answer["Cache-Control"]
    for wrong, status in (("?after=x", 400), ("?colour=red", 400), ("7/", 404)):
        assert api.get(f"/api/v1/changes/{change.pk}/plans/1/payloads/{wrong}").status_code == status
    assert api.get(f"/api/v1/changes/{change.pk}/plans/9/payloads/").status_code == 404


def test_who_does_not_read_the_log_is_refused_and_the_attempt_is_an_event(
    cast: Cast, change: ChangeRequest, client: Client
) -> None:
    api = APIClient()
    api.force_authenticate(cast.author)
    client.force_login(cast.author)
    assert client.get(f"/audit/changes/{change.pk}/plans/1/").status_code == 403
    before = Event.objects.filter(action="device_plan.download_refused").count()
    assert client.get(f"/audit/changes/{change.pk}/plans/1/0/").status_code == 403
    assert api.get(f"/api/v1/changes/{change.pk}/plans/1/payloads/0/").status_code == 403
    refused = Event.objects.filter(action="device_plan.download_refused", change_id=change.pk).order_by("pk")
    assert [event.actor_name for event in refused] == [cast.author.username] * 2
    assert Event.objects.filter(action="device_plan.download_refused").count() == before + 2


def test_bytes_that_were_edited_are_not_handed_out(cast: Cast, change: ChangeRequest, client: Client) -> None:
    plan = DevicePlan.objects.get(revision=revision_of(change), position=1)
    DevicePlan.objects.filter(pk=plan.pk).update(payload=plan.payload + " ")
    client.force_login(cast.auditor)
    answer = client.get(f"/audit/changes/{change.pk}/plans/1/1/")
    assert answer.status_code == 409
    assert plan.payload.encode() not in answer.content
    event = Event.objects.filter(action="device_plan.download_refused", change_id=change.pk).latest("pk")
    assert event.code == "PLAN_HASH_MISMATCH"


def test_every_link_of_a_trail_and_of_its_events_leads_to_a_page(cast: Cast, client: Client, seal: Seal) -> None:
    change = carried_out(started(cast, [DeviceFactory.create(name="trail-01")])).change
    seal()
    client.force_login(cast.auditor)
    pages = [client.get(f"/audit/changes/{change.pk}/").content.decode()]
    kinds = dict(Event.objects.filter(change_id=change.pk).order_by("pk").values_list("object_type", "pk"))
    pages += [client.get(f"/audit/{event_id}/").content.decode() for event_id in kinds.values()]
    links = {
        link.replace("&amp;", "&").partition("#")[0]
        for html in pages
        for link in re.findall(r'href="(/(?:changes|devices|audit)/[^"]*)"', html)
    }
    wanted = (
        "/session/",
        "/configs/",
        "?against=",
        "/plan/?revision=1",
        "/approvals/",
        f"/audit/changes/{change.pk}/plans/1/",
    )
    assert [part for part in wanted if not any(part in link for link in links)] == []
    assert {link: status for link in links if (status := client.get(link).status_code) != 200} == {}
