"""Who gets in, what is not found, and what a form's address answers to a plain visit."""

import pytest
from django.test import Client

from changes.models import Run
from devices.models import Device
from tests.factories import Cast, approved, carried_out, started, submitted
from tests.integration.change_pages.conftest import HTMX, As

READ = ["", "approvals/", "execution/", "timeline/", "plan/", "cancel/", "start/", "close/"]
FORMS = ["submit/", "withdraw/", "assess/", "approve/", "reject/", "request-changes/", "plan/build/"]


@pytest.mark.parametrize("path", [*READ, *FORMS, "plan/0/viewed/", "plan/0/lines/", "runs/1/", "runs/1/devices/1/"])
def test_visitor_is_sent_to_sign_in_and_back(db: None, path: str) -> None:
    answer = Client().get(f"/changes/1/{path}")
    assert answer.status_code == 302
    assert answer["Location"] == f"/sign-in/?next=/changes/1/{path}"


def test_poll_of_a_session_that_ended_gets_no_sign_in_form(db: None) -> None:
    answer = Client().get("/changes/1/", headers=HTMX)
    assert answer.status_code == 401
    assert b"<form" not in answer.content


@pytest.mark.parametrize("number", ["4711", "99999999999999999999999999"])
@pytest.mark.parametrize("path", [*READ, "plan/0/lines/?first=1&last=2&shift=0&below=1", "runs/1/"])
def test_unknown_change_is_not_found(cast: Cast, as_: As, number: str, path: str) -> None:
    assert as_(cast.author).get(f"/changes/{number}/{path}").status_code == 404


@pytest.mark.parametrize("path", [*FORMS, "cancel/", "start/", "close/", "plan/0/viewed/"])
def test_deciding_on_an_unknown_change_is_not_found(cast: Cast, as_: As, path: str) -> None:
    assert as_(cast.author).post(f"/changes/4711/{path}", {"comment": "why"}).status_code == 404


@pytest.mark.parametrize("path", FORMS)
def test_plain_visit_to_a_forms_address_leads_to_the_page_with_the_button(
    cast: Cast, devices: list[Device], as_: As, path: str
) -> None:
    change = submitted(cast.author, devices)
    answer = as_(cast.peer).get(f"/changes/{change.pk}/{path}")
    assert answer.status_code == 302
    assert answer["Location"] in {f"/changes/{change.pk}/", f"/changes/{change.pk}/plan/"}


def test_run_of_another_change_is_not_found(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices[:1]))
    other = approved(cast, devices[1:])
    device_run = run.device_runs.get()
    client = as_(cast.auditor)
    assert client.get(f"/changes/{other.pk}/runs/{run.pk}/").status_code == 404
    assert client.get(f"/changes/{other.pk}/runs/{run.pk}/devices/{device_run.pk}/").status_code == 404
    assert client.get(f"/changes/{run.change_id}/runs/{run.pk}/devices/{device_run.pk + 1}/").status_code == 404


def test_everybody_who_is_signed_in_may_read(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices))
    assert isinstance(run, Run)
    for person in (cast.outsider, cast.auditor, cast.superuser):
        client = as_(person)
        for path in [*READ, f"runs/{run.pk}/", f"runs/{run.pk}/devices/{run.device_runs.first().pk}/"]:  # type: ignore[union-attr]
            assert client.get(f"/changes/{run.change_id}/{path}").status_code == 200, path


def test_other_methods_are_refused(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    assert as_(cast.peer).put(f"/changes/{change.pk}/assess/").status_code == 405


def test_pages_are_kept_out_of_caches(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    answer = as_(cast.peer).get(f"/changes/{change.pk}/plan/")
    assert "no-store" in answer["Cache-Control"]
    assert "HX-Request" in answer["Vary"]


def test_form_without_its_token_is_refused(cast: Cast, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.peer)
    assert client.post(f"/changes/{change.pk}/assess/", {"plan_digest": "x"}).status_code == 403
    change.refresh_from_db()
    assert change.state == "assessment"
