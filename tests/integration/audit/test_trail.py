"""The story of one change: in order, proved, and with links to what each event is about."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from audit.models import Event
from changes.models import Approval, DeviceRun
from changes.trail import trail_page
from tests.factories import Cast, DeviceFactory, carried_out, started
from tests.integration.sealing_fixtures import Seal

pytestmark = pytest.mark.django_db

TRAIL_QUERIES = 5
"""Events with their texts, proofs, device runs, the change's revisions, and runs."""


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


def test_a_trail_leads_to_plan_approval_session_and_configurations(
    cast: Cast, client: Client, seal: Seal, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    change = carried_out(started(cast, [DeviceFactory.create(name="trail-01")])).change
    seal()
    client.force_login(cast.auditor)
    with django_assert_num_queries(TRAIL_QUERIES):
        trail_page(change.pk)
    response = client.get(f"/audit/changes/{change.pk}/")
    html = response.content.decode()
    expected = [*Event.objects.filter(change_id=change.pk).order_by("pk").values_list("pk", flat=True)][:50]
    assert [int(found) for found in re.findall(r'class="table__title" href="/audit/(\d+)/"', html)] == expected
    assert f"/changes/{change.pk}/plan/?revision=1" in html
    assert f"/changes/{change.pk}/approvals/" in html
    for row in DeviceRun.objects.filter(run__change=change):
        if Event.objects.filter(object_type="device_run", object_id=row.pk).exists():
            assert f"/changes/{change.pk}/runs/{row.run_id}/devices/{row.pk}/session/" in html
            if row.before_id and row.after_id:
                assert f"/devices/{row.device_id}/configs/{row.after_id}/?against={row.before_id}" in html
    assert len(re.findall(r'class="chip" data-tone="ok" title="Leaf \d+ of the tree', html)) == len(expected)


def test_the_api_tells_the_same(cast: Cast, seal: Seal) -> None:
    change = carried_out(started(cast, [DeviceFactory.create(name="trail-01")])).change
    seal()
    api = APIClient()
    api.force_authenticate(cast.auditor)
    url: str | None = f"/api/v1/changes/{change.pk}/audit-trail/?limit=4"
    rows = []
    while url:
        page = api.get(url).json()
        rows += page["results"]
        url = page["next"]
    assert [row["id"] for row in rows] == [
        *Event.objects.filter(change_id=change.pk).order_by("pk").values_list("pk", flat=True)
    ]
    assert {row["proof"]["state"] for row in rows} == {"sealed"}
    approval = Approval.objects.filter(change=change).first()
    if approval and any(row["object_type"] == "approval" for row in rows):
        (row,) = [row for row in rows if row["references"]["approval_id"] == approval.pk][:1]
        assert row["references"]["plan_digest"] == approval.plan_digest
    for wrong in ("limit=0", "after_id=x", "colour=red", "limit=2&limit=3"):
        assert api.get(f"/api/v1/changes/{change.pk}/audit-trail/?{wrong}").status_code == 400
    api.force_authenticate(cast.author)
    assert api.get(f"/api/v1/changes/{change.pk}/audit-trail/").status_code == 403


def test_a_trail_of_nothing_is_not_found_and_a_bad_cursor_is_refused(cast: Cast, client: Client) -> None:
    client.force_login(cast.auditor)
    assert client.get("/audit/changes/999999999/").status_code == 404
    assert client.get("/audit/changes/999999999/?after_id=many").status_code == 400
    assert client.get("/audit/changes/999999999/?colour=red").status_code == 400
    client.force_login(cast.author)
    assert client.get("/audit/changes/999999999/").status_code == 403
