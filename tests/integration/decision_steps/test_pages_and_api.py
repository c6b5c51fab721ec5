"""Manual steps on the change's pages and in the API."""

import pytest
from django.test import Client

from changes.domain.decision_steps import StepState
from tests.factories import Cast
from tests.integration.decision_steps.test_steps import AFTER, BEFORE, begun, planned, signed, waiting

pytestmark = pytest.mark.django_db


def test_approvers_read_the_steps_beside_the_plan(client: Client) -> None:
    cast = Cast.create()
    change = signed(cast, planned(cast, [BEFORE, AFTER]))
    client.force_login(cast.approver)
    page = client.get(f"/changes/{change.pk}/plan/").content.decode()
    assert "Call the site" in page
    assert "After wave 1" in page
    assert "manager confirms" in page


def test_the_page_offers_the_answers_to_whom_the_step_names_alone(client: Client) -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE)
    path = f"/changes/{run.change_id}/steps/"
    client.force_login(cast.author)
    page = client.get(path).content.decode()
    assert "You cannot answer this" in page
    assert "It is done" not in page
    assert client.post(path, {"answer": "confirm", "step": waiting(run).pk}).status_code == 403

    client.force_login(cast.peer)
    assert "It is done" in client.get(path).content.decode()
    assert "The run waits: Call the site" in client.get(f"/changes/{run.change_id}/execution/").content.decode()
    stopped = client.post(path, {"answer": "stop", "step": waiting(run).pk, "comment": ""})
    assert stopped.status_code == 400
    for bad in ({"answer": "perhaps", "step": "1"}, {"answer": "confirm", "step": "x"}):
        assert client.post(path, bad).status_code == 400
    step = waiting(run)
    assert client.post(path, {"answer": "confirm", "step": step.pk, "comment": "They are open."}).status_code == 302
    step.refresh_from_db()
    assert (step.state, step.note) == (StepState.CONFIRMED, "They are open.")
    assert "They are open." in client.get(path).content.decode()


def test_a_change_without_steps_says_so(client: Client) -> None:
    cast = Cast.create()
    change = planned(cast, [])
    client.force_login(cast.author)
    assert "No manual steps" in client.get(f"/changes/{change.pk}/steps/").content.decode()


def test_the_api_lists_steps_and_takes_the_answers(client: Client) -> None:
    cast = Cast.create()
    run = begun(cast, BEFORE)
    client.force_login(cast.peer)
    (found,) = client.get(f"/api/v1/runs/{run.pk}/steps/").json()
    assert (found["state"], found["role"], found["person"]) == ("waiting", "peer", None)
    path = f"/api/v1/changes/{run.change_id}/"
    for body in ({}, {"step": "1"}, {"step": True}, {"step": found["id"], "colour": 1}):
        assert client.post(f"{path}confirm-step/", body, "application/json").status_code == 400
    assert client.post(f"{path}stop-step/", {"step": found["id"]}, "application/json").status_code == 400
    assert client.post(f"{path}confirm-step/", {"step": found["id"]}, "application/json").status_code == 200
    again = client.post(f"{path}confirm-step/", {"step": found["id"]}, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "step_not_waiting")
    assert client.get("/api/v1/runs/999999/steps/").status_code == 404
