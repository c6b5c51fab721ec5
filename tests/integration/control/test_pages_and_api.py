"""Every order as a page that asks once more, and as a call: the same services, refusals and events behind both."""

from __future__ import annotations

import html as markup
import re

import pytest
from django.test import Client
from rest_framework.test import APIClient

from audit.models import Event
from changes.models import KillSwitch, Run, WaveCheck
from changes.services.execution import run_advance
from changes.services.run_orders import run_pause
from tests import factories
from tests.factories import Cast, actor
from tests.integration.control.conftest import again, started, states_of


def browser(person: object) -> Client:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]  # a user
    return client


def api(person: object) -> APIClient:
    client = APIClient()
    client.force_login(person)  # type: ignore[arg-type]  # a user
    return client


def text(page: str) -> str:
    return re.sub(r"\s+", " ", markup.unescape(re.sub(r"<[^>]+>", " ", page)))


def run_page(run: Run) -> str:
    return f"/changes/{run.change_id}/runs/{run.pk}/"


def test_each_order_asks_once_more_and_then_shows_on_the_page_of_the_run(cast: Cast) -> None:
    run = started(cast, 3, canary=1)
    client, at = browser(cast.implementer), f"/changes/{run.change_id}/"
    page = client.get(run_page(run)).content.decode()
    for order in ("pause", "stop-after-wave", "abort"):
        assert f'href="{at}{order}/"' in page
        assert 'method="post"' in client.get(f"{at}{order}/").content.decode()
    assert again(run).state == "running", "asking does nothing"

    answer = client.post(f"{at}stop-after-wave/", follow=True)
    assert answer.redirect_chain[-1][0] == run_page(run)
    assert "The run pauses before the next wave." in text(answer.content.decode())
    assert "Paused by implementer: Look at it." in text(
        client.post(f"{at}pause/", {"comment": "Look at it."}, follow=True).content.decode()
    )
    assert again(run).state == "paused"
    client.post(f"{at}resume/")
    assert (again(run).state, again(run).stop_after_wave) == ("running", True), "who resumes takes nothing else back"
    client.post(f"{at}resume/")
    assert (again(run).state, again(run).stop_after_wave) == ("running", False)
    row = run.device_runs.order_by("pk")[0]
    assert f'href="{at}skip/{row.pk}/"' in client.get(f"{run_page(run)}devices/{row.pk}/").content.decode()
    client.post(f"{at}skip/{row.pk}/", {"comment": "It is on fire."})
    assert states_of(run)[0] == "skipped"
    page = client.post(f"{at}abort/", {"comment": "Enough.", "in_flight": "finish"}, follow=True).content.decode()
    assert (again(run).state, again(run).outcome) == ("ended", "aborted")
    assert f'href="{at}retry/"' in page


def test_an_abort_without_a_reason_keeps_what_was_chosen(cast: Cast) -> None:
    run = started(cast, 1)
    answer = browser(cast.implementer).post(f"/changes/{run.change_id}/abort/", {"in_flight": "back_out"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert re.search(r'<option value="back_out"\s+selected', page)
    assert again(run).abort == ""


def test_the_page_of_a_retry_lists_what_may_be_tried_again(cast: Cast) -> None:
    run = started(cast, 2)
    failed = run.device_runs.select_related("device").order_by("pk")[0].device
    factories.wave_carried_out(run, rejected=[failed])
    client = browser(cast.implementer)
    page = client.get(f"/changes/{run.change_id}/retry/").content.decode()
    assert re.findall(r'name="device" value="(\d+)" checked', page) == [str(failed.pk)]
    assert "Choose at least one device" in client.post(f"/changes/{run.change_id}/retry/", {}).content.decode()
    answer = client.post(f"/changes/{run.change_id}/retry/", {"device": [failed.pk]})
    second = run.change.runs.latest("pk")
    assert (answer.url, second.device_count) == (run_page(second), 1)  # type: ignore[attr-defined]
    nothing = client.post(f"/changes/{run.change_id}/retry/", {"device": [failed.pk]})
    assert nothing.status_code == 409


@pytest.mark.parametrize("who", ["peer", "manager", "auditor", "outsider"])
def test_who_may_not_order_sees_no_button_and_is_refused(cast: Cast, who: str) -> None:
    run = started(cast, 1)
    client = browser(getattr(cast, who))
    page = client.get(run_page(run)).content.decode()
    assert "/pause/" not in page
    assert "/abort/" not in page
    asked = client.get(f"/changes/{run.change_id}/abort/").content.decode()
    assert "GATE_ROLE_DENIED" in asked
    assert "<textarea" not in asked
    assert client.post(f"/changes/{run.change_id}/abort/", {"comment": "Stop."}).status_code == 403
    assert again(run).state == "running"


def test_the_calls_do_the_same(cast: Cast) -> None:
    run = started(cast, 3, canary=1)
    client, at = api(cast.implementer), f"/api/v1/changes/{run.change_id}/"

    def call(order: str, body: dict[str, object] | None = None) -> tuple[int, str]:
        response = client.post(f"{at}{order}/", body or {}, format="json")
        answer = response.json()
        return response.status_code, answer.get("state") or answer.get("code")

    device_id = run.device_runs.order_by("pk")[2].device_id
    assert call("pause") == (200, "paused")
    assert call("pause") == (409, "illegal_transition")
    assert call("skip", {"device_id": device_id, "comment": "No."}) == (200, "paused")
    assert call("skip", {"device_id": "all", "comment": "No."}) == (400, "invalid_input")
    assert call("retry", {"device_ids": [device_id]}) == (200, "paused")
    assert call("retry", {"device_ids": []}) == (400, "invalid_input")
    assert call("retry") == (409, "nothing_to_retry")
    assert call("resume", {"comment": "Go on."}) == (200, "implementing")
    assert call("stop-after-wave") == (200, "implementing")
    assert call("abort") == (400, "invalid_input")
    assert call("abort", {"comment": "Stop.", "in_flight": "melt"}) == (400, "invalid_input")
    assert call("abort", {"comment": "Stop.", "way": "finish"}) == (400, "invalid_input")
    assert call("abort", {"comment": "Stop."}) == (200, "review")
    refused = Event.objects.filter(change_id=run.change_id, action__endswith="_refused")
    assert refused.count() == 4  # bodies of the wrong shape never reached a service


def test_the_calls_show_why_a_run_stands_and_what_may_be_done(cast: Cast) -> None:
    run = started(cast, 3, canary=1, gate="after_canary", gate_role="cab", promote_when="healthy")
    client, address = api(cast.implementer), f"/api/v1/changes/{run.change_id}/"
    assert client.post(f"{address}stop-after-wave/").status_code == 200
    client.post(f"{address}pause/", {"comment": "Look at it."}, format="json")
    shown = client.get(f"/api/v1/runs/{run.pk}/").json()
    assert (shown["code"], shown["detail"]) == ("RUN_PAUSED", "Paused by implementer: Look at it.")
    assert shown["reason"]["next_step"].startswith("Resume it")
    assert (shown["stop_after_wave"], shown["abort"], bool(shown["paused_at"])) == (True, "", True)
    assert (shown["failures_accepted"], shown["strategy"]["gate_role"]) == (0, "cab")
    assert [(wave["devices"], wave["ended"], wave["failed"]) for wave in shown["waves"]] == [(1, 0, 0), (2, 0, 0)]
    assert offered(client, address) == {"rollback", "resume", "abort", "skip", "retry"}
    assert not any(action["allowed"] for action in api(cast.peer).get(address).json()["actions"])

    client.post(f"{address}resume/")
    factories.wave_carried_out(run)
    WaveCheck.objects.update(verdict="healthy")
    run_advance(run.pk)
    shown = client.get(f"/api/v1/runs/{run.pk}/").json()
    [canary] = [row for row in shown["devices"] if row["wave"] == 1]
    assert (canary["health"]["verdict"], canary["retryable"]) == ("healthy", False)
    wave = shown["waves"][0]
    assert (wave["state"], wave["succeeded"], wave["looks_healthy"], wave["unhealthy"]) == ("waiting", 1, 1, [])
    gate = {"release-wave", "refuse-wave"}
    assert gate <= offered(client, address)
    allowed = {action["name"] for action in api(cast.approver).get(address).json()["actions"] if action["allowed"]}
    assert allowed == gate


def offered(client: APIClient, address: str) -> set[str]:
    return {action["name"] for action in client.get(address).json()["actions"]}


def test_the_kill_switch_has_a_page_a_call_and_a_banner_on_every_page(cast: Cast) -> None:
    run = started(cast, 1)
    outsider = browser(cast.outsider)
    assert "kill-banner" not in outsider.get("/").content.decode()
    page = browser(cast.implementer).post("/kill-switch/engage/", {"comment": "Devices reload."}, follow=True)
    assert "The kill switch is engaged." in text(page.content.decode())
    for path in ("/", run_page(run), "/devices/"):
        assert "Devices reload." in outsider.get(path).content.decode()
    state = api(cast.outsider).get("/api/v1/kill-switch/").json()
    assert (state["engaged"], state["history"][0]["engaged_by"]) == (True, "implementer")
    assert api(cast.implementer).post("/api/v1/kill-switch/release/", {"comment": "Go."}).status_code == 403
    assert api(cast.manager).post("/api/v1/kill-switch/release/", {}).status_code == 400
    released = api(cast.manager).post("/api/v1/kill-switch/release/", {"comment": "Found it."})
    assert (released.status_code, released.json()["engaged"]) == (200, False)
    assert api(cast.manager).post("/api/v1/kill-switch/engage/", {"comment": "Again."}).json()["engaged"]
    assert browser(cast.implementer).post("/kill-switch/engage/", {"comment": "Too."}).status_code == 409
    assert KillSwitch.objects.count() == 2


def test_a_run_that_somebody_paused_says_so_to_everybody(cast: Cast) -> None:
    run = started(cast, 1)
    run_pause(change_id=run.change_id, actor=actor(cast.implementer), comment="Lunch.")
    assert "Paused by implementer: Lunch." in text(browser(cast.outsider).get(run_page(run)).content.decode())
