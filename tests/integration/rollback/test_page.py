"""The page and the API call of a rollback, for those who may and those who may not, without JavaScript."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from changes.domain.run_states import DeviceRunState
from changes.models import RecomputedBackout, RollbackOrder, Run
from tests import factories
from tests.integration.rollback.test_orders import ended, executed, ordered

JSON = "application/json"


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


@pytest.fixture
def run(cast: factories.Cast) -> Run:
    return executed(cast, 2)


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def url(run: Run) -> str:
    return reverse("change-rollback", args=[run.change_id])


def test_the_page_shows_masked_lines_for_each_device_and_its_form_orders_the_rollback(
    cast: factories.Cast, run: Run
) -> None:
    client = signed_in(cast.implementer)
    shown = client.get(url(run)).content.decode()
    assert "Roll back 2 devices?" in shown
    assert shown.count("no ntp server 192.0.2.123") == 2
    assert url(run) in client.get(reverse("run-detail", args=[run.change_id, run.pk])).content.decode()
    answer = client.post(url(run), {"comment": "The clock is wrong."})
    assert answer.status_code == 302
    assert answer["Location"] == reverse("run-detail", args=[run.change_id, run.pk])
    assert set(run.device_runs.values_list("state", flat=True)) == {"rollback_pending"}
    followed = client.get(answer["Location"])
    assert "Rollback pending" in followed.content.decode()
    again = client.post(url(run), {})
    assert again.status_code == 409
    assert "under way already" in again.content.decode()


def test_one_device_is_ordered_from_its_own_page(cast: factories.Cast, run: Run) -> None:
    client = signed_in(cast.implementer)
    row = run.device_runs.order_by("pk").first()
    assert row is not None
    page = client.get(reverse("run-device", args=[run.change_id, run.pk, row.pk])).content.decode()
    assert f"{url(run)}?device={row.device_id}" in page
    shown = client.get(f"{url(run)}?device={row.device_id}").content.decode()
    assert "Roll back 1 device?" in shown
    assert client.post(url(run), {"device": [row.device_id]}).status_code == 302
    assert sorted(run.device_runs.values_list("state", flat=True)) == ["rollback_pending", "succeeded"]


def test_who_may_not_sees_why_and_is_refused(cast: factories.Cast, run: Run) -> None:
    client = signed_in(cast.manager)
    shown = client.get(url(run)).content.decode()
    assert "Implementer" in shown
    assert "Roll back the whole change" not in shown
    assert client.post(url(run), {}).status_code == 403
    assert not RollbackOrder.objects.exists()


def test_recomputed_lines_are_confirmed_by_their_digest(cast: factories.Cast, run: Run) -> None:
    row = run.device_runs.select_related("device", "after").order_by("pk")[0]
    ordered(cast, run, row.device)
    ended(row, DeviceRunState.ROLLBACK_FAILED, code="ROLLBACK_UNCONFIRMED")
    assert row.after
    proposed = RecomputedBackout.objects.create(device_run=row, digest="a" * 64, actual=row.after, line_count=1)
    client = signed_in(cast.implementer)
    sent = {"device": [row.device_id], "confirmed": [f"{row.device_id}:{'b' * 64}"], "comment": "As agreed."}
    stale = client.post(url(run), sent)
    assert (stale.status_code, "computed last" in stale.content.decode()) == (409, True)
    assert "As agreed." in stale.content.decode(), "what was written is not lost"
    proposed.refresh_from_db()
    assert proposed.confirmed_at is None
    answer = client.post(url(run), {"device": [row.device_id], "confirmed": [f"{row.device_id}:{'a' * 64}"]})
    assert answer.status_code == 302
    proposed.refresh_from_db()
    assert proposed.confirmed_by == cast.implementer


def test_the_api_shows_what_would_be_sent_and_takes_the_order(cast: factories.Cast, run: Run) -> None:
    client = signed_in(cast.implementer)
    path = reverse("api-change-rollback", args=[run.change_id])
    shown = client.get(path).json()
    assert (shown["total"], [device["kind"] for device in shown["devices"]]) == (2, ["commands"] * 2)
    assert client.get(f"{path}?frobnicate=1").status_code == 400
    bodies: tuple[dict[str, object], ...] = (
        {"device_ids": ["x"]},
        {"device_ids": 7},
        {"confirmed": {"x": "y"}},
        {"confirmed": 7},
        {"devices": []},
    )
    for body in bodies:
        assert client.post(path, body, content_type=JSON).status_code == 400, body
    device_id = shown["devices"][0]["device_id"]
    answer = client.post(path, {"device_ids": [device_id]}, content_type=JSON)
    assert (answer.status_code, answer.json()["state"]) == (202, "rolling_back")
    assert answer["Location"].endswith(reverse("api-run-detail", args=[run.pk]))
    refused = client.post(path, {"device_ids": [device_id]}, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert signed_in(cast.auditor).post(path, {}, content_type=JSON).status_code == 403
