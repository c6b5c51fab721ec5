"""Following a run by the API: figures, light rows, and what moved since a watermark."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from changes.domain.run_states import DeviceRunState
from devices.models import Device
from tests.factories import Cast, carried_out, started
from tests.integration.api.conftest import As, refused
from tests.large_runs import large_run, moves


def test_progress_says_how_far_a_run_is_and_what_it_came_to(cast: Cast, as_: As, devices: list[Device]) -> None:
    run = started(cast, devices)
    client, at = as_(cast.outsider), f"/api/v1/runs/{run.pk}/progress/"
    body = client.get(at).json()
    assert (body["state"], body["devices"], body["ended"], body["states"]) == ("running", 3, 0, {"pending": 3})
    assert (body["devices_per_minute"], body["left_s"]) == (None, None)
    assert body["left_unknown"] == "Not known before 3 devices have ended."
    carried_out(run, rejected=[devices[1]])
    body = client.get(at).json()
    assert (body["state"], body["outcome"], body["needs_attention"]) == ("ended", "partial", 1)
    assert (body["left_s"], body["left_gates"]) == (None, 0)
    [wave] = body["waves"]
    assert (wave["devices"], wave["ended"], wave["states"]) == (3, 3, {"rolled_back": 1, "succeeded": 2})


def test_devices_are_listed_page_by_page_narrowed_and_without_their_sessions(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    run = carried_out(started(cast, devices), rejected=[devices[1]])
    client, at = as_(cast.outsider), f"/api/v1/runs/{run.pk}/devices/"
    address, seen = f"{at}?limit=2", []
    while address:
        body = client.get(address).json()
        seen += [row["device"]["name"] for row in body["results"]]
        address = body["next"]
    assert seen == ["fra-acc-01", "fra-acc-02", "fra-acc-03"]
    for query in ("state=attention", "state=failed&state=rolled_back", "name=ACC-02", "code=COMMAND_REJECTED"):
        [row] = client.get(f"{at}?{query}").json()["results"]
        assert row["device"]["name"] == "fra-acc-02"
    assert row["reason"]["next_step"].startswith("Read the device's message")
    assert [step["name"] for step in row["steps"]][-2:] == ["applying", "backing_out"]
    assert "transcript" not in row["steps"][0]
    assert client.get(f"{at}?wave=2").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=green", "state"), ("colour=x", "colour"), ("site=a&site=b", "site"), ("wave=x", "wave"),
     ("since=5", "since")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(cast: Cast, as_: As, devices: list[Device], query: str, field: str) -> None:
    run = started(cast, devices)
    code = "unknown_filter" if field == "colour" else "bad_filter"
    refused(as_(cast.outsider).get(f"/api/v1/runs/{run.pk}/devices/?{query}"), 400, code, field=field)
    if field in {"colour", "since"}:
        refused(as_(cast.outsider).get(f"/api/v1/runs/{run.pk}/progress/?{query}"), 400, code, field=field)
    refused(as_(cast.outsider).get("/api/v1/runs/987654/progress/"), 404, "not_found", says="987654")


def test_a_watermark_brings_only_what_moved_after_it(
    transactional_db: None, as_: As, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cast = Cast.create()
    run = large_run(cast, 60, sites=3)
    client, at = as_(cast.outsider), f"/api/v1/runs/{run.pk}/"
    body = client.get(f"{at}progress/").json()
    assert body["devices_per_minute"] > 0
    since = body["watermark"]
    with django_assert_num_queries(3):
        assert client.get(f"{at}progress/?since={since}").status_code == 204
    assert client.get(f"{at}devices/?since={since}").json()["results"] == []
    row = run.device_runs.filter(state=DeviceRunState.PENDING)[0]
    moves(row, DeviceRunState.FAILED, code="TIMEOUT", detail="The device stopped answering.")
    assert client.get(f"{at}progress/?since={since}").json()["states"]["failed"] >= 1
    with django_assert_num_queries(5):
        body = client.get(f"{at}devices/?since={since}").json()
    assert [(each["id"], each["code"]) for each in body["results"]] == [(row.pk, "TIMEOUT")]
    assert client.get(f"{at}devices/?since={body['watermark']}").json()["results"] == []
    future = f"{10**15}:{10**15}:"
    assert len(client.get(f"{at}devices/?since={future}&limit=500").json()["results"]) == 60
