"""What watching a run over 2,000 devices costs: queries, bytes, and elements of the page."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.domain.run_states import DeviceRunState
from changes.models import Run
from tests.factories import Cast
from tests.integration.change_pages.conftest import HTMX, As
from tests.integration.change_pages.test_run_page import path_of, poll_of
from tests.large_runs import large_run, moves


def size(client: Client, path: str, **headers: str) -> int:
    return len(client.get(path, headers=headers).content)


def test_2000_devices_cost_few_queries_and_bytes(
    transactional_db: None, as_: As, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cast = Cast.create()
    run = large_run(cast)
    client, path = as_(cast.implementer), path_of(run)
    with django_assert_num_queries(20):
        html = client.get(path).content.decode()
    assert len(html) < 60_000
    branch = f"{path}branch/?wave=2"
    with django_assert_num_queries(4):
        assert size(client, branch, **HTMX) < 25_000
    with django_assert_num_queries(6):
        devices = client.get(f"{branch}&group=site-03", headers=HTMX).content.decode()
    assert devices.count('class="device-run"') == 34
    with django_assert_num_queries(22):
        assert size(client, f"{path}?state=attention") < 150_000
    quiet = poll_of(html + devices)
    with django_assert_num_queries(3):
        answer = client.get(quiet, headers=HTMX)
    assert (answer.status_code, answer.content) == (204, b"")
    _one_device_in_view_moves(client, run, quiet, django_assert_num_queries)
    _many_devices_move(client, run, quiet, django_assert_num_queries)


def _one_device_in_view_moves(
    client: Client, run: Run, poll: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = run.device_runs.filter(device__site="site-03", wave__number=2, state=DeviceRunState.SUCCEEDED)[0]
    run.device_runs.filter(pk=row.pk).update(lines_sent=13)
    with django_assert_num_queries(8):
        moved = client.get(poll, headers=HTMX).content.decode()
    assert re.findall(r'<li class="device-run" id="device-run-(\d+)"', moved) == [str(row.pk)]
    assert re.findall(r'id="(wave-\d-head)"', moved) == ["wave-2-head"]
    assert len(moved) < 10_000


def _many_devices_move(client: Client, run: Run, poll: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Also devices that fail, so that decisions and reasons come along; out of view they cost no row."""
    for row in run.device_runs.filter(state=DeviceRunState.PENDING)[:5]:
        moves(row, DeviceRunState.FAILED, code="TIMEOUT", detail="The device stopped answering.")
    run.device_runs.filter(wave__number=2).update(lines_sent=14)
    with django_assert_num_queries(21):
        moved = client.get(poll, headers=HTMX).content.decode()
    assert moved.count('class="device-run"') == 34
    assert "TIMEOUT" in moved
    assert len(moved) < 120_000


@pytest.mark.parametrize("waves", [2, 120])
def test_the_tree_is_as_large_as_a_page(transactional_db: None, as_: As, waves: int) -> None:
    cast = Cast.create()
    run = large_run(cast, 240, waves=waves)
    html = as_(cast.implementer).get(path_of(run)).content.decode()
    assert html.count('class="wave"') == min(waves, 60)
    assert ("Later waves" in html) is False
    assert ("Earlier waves" in html) is (waves > 60)
