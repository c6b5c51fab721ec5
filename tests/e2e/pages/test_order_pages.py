"""Orders to a run in a browser without scripts, and how their pages look."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from changes.models import ChangeFreeze, Run
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, DeviceFactory, started, wave_carried_out

pytestmark = pytest.mark.e2e


def a_run(cast: Cast) -> Run:
    run = started(cast, DeviceFactory.create_batch(4), strategy={"batch_percent": 25, "failures_allowed": 1})
    wave_carried_out(run, rejected=[run.device_runs.select_related("device").order_by("pk")[0].device])
    return run


def test_a_run_is_paused_and_aborted_without_scripts(comes: Comes, cast: Cast) -> None:
    run = a_run(cast)
    person = comes(cast.implementer, scripts=False)
    person.goes(f"/changes/{run.change_id}/runs/{run.pk}/")
    person.clicks("link", "Pause", exact=True)
    person.page.get_by_label("Reason").fill("The core is being looked at.")
    person.page.get_by_role("button", name="Pause").click()
    person.page.get_by_text("Paused by implementer: The core is being looked at.").first.wait_for()
    person.clicks("link", "Abort", exact=True)
    person.page.get_by_label("Devices that are being worked on").select_option("back_out")
    person.page.get_by_label("Reason").fill("Wrong VLAN.")
    person.page.get_by_role("button", name="Abort").click()
    person.page.get_by_text("The run is being aborted.").wait_for()
    run.refresh_from_db()
    assert (run.state, run.abort) == ("ended", "back_out")


def test_a_freeze_is_declared_and_lifted_without_scripts(comes: Comes, cast: Cast) -> None:
    person, now = comes(cast.manager, scripts=False), timezone.now()
    person.goes("/freezes/")
    person.page.get_by_label("Name").fill("Year end")
    person.page.get_by_label("Starts").fill(f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}")
    person.page.get_by_label("Ends").fill(f"{now + timedelta(days=9):%Y-%m-%dT%H:%M}")
    person.page.get_by_label("Reason").fill("The books are closed, and nobody may disturb it.")
    person.clicks("button", "Declare the freeze")
    person.page.get_by_text("in force", exact=True).wait_for()
    person.looks("freezes")
    person.clicks("link", "Year end")
    person.looks("freeze-lift")
    person.page.get_by_label("Reason").fill("It is done.")
    person.clicks("button", "Lift the freeze")
    person.page.get_by_text("lifted", exact=True).wait_for()
    assert not ChangeFreeze.objects.in_force().exists()


def test_the_pages_of_orders_and_of_the_kill_switch_fit_every_window(comes: Comes, cast: Cast) -> None:
    run = a_run(cast)
    person = comes(cast.implementer)
    at = f"/changes/{run.change_id}/"
    person.goes("/kill-switch/")
    person.page.get_by_label("Reason").fill(
        "Devices of one model reload when the line is sent; the maker is looking at it."
    )
    person.page.get_by_role("button", name="Engage the kill switch").click()
    person.page.get_by_text("You cannot release it.").first.wait_for()
    person.looks("kill-switch")
    person.goes(f"{at}pause/")
    person.page.get_by_role("button", name="Pause").click()
    person.page.get_by_text("Paused by implementer.").first.wait_for()
    person.fits()
    person.goes(f"{at}retry/")
    person.looks("order-retry")
