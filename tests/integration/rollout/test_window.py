"""The maintenance window: who sets it, that nothing starts outside it, and what becomes of a run when it closes."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import ChangeError
from changes.domain.gates import GateMode
from changes.domain.run_states import DeviceRunState
from changes.models import ChangeRequest, Run
from changes.services.dispatch import dispatch_once
from changes.services.execution import change_start, claimable_device_runs, run_advance, run_devices
from changes.services.gates import GateRefusedError, Ladder
from changes.services.journal import Journal
from changes.services.run_orders import run_pause, run_resume
from changes.services.scheduling import change_schedule
from changes.services.windows import window_seen
from devices.services.claims import claim_next
from tests import factories
from tests.integration.changes.conftest import Office, ends, lab, office, story  # noqa: F401 - fixtures


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def window(start_h: float, end_h: float) -> dict[str, object]:
    now = timezone.now()
    hours = {"window_start": start_h, "window_end": end_h}
    return {name: (now + timedelta(hours=value)).isoformat() for name, value in hours.items()}


def approved(cast: factories.Cast, **strategy: object) -> ChangeRequest:
    return factories.approved(cast, factories.DeviceFactory.create_batch(3), strategy=strategy)


def scheduled(cast: factories.Cast, hours: tuple[float, float] = (-1, 1), **strategy: Any) -> ChangeRequest:  # noqa: ANN401
    change = approved(cast, **strategy)
    return change_schedule(change_id=change.pk, actor=factories.actor(cast.manager), data=window(*hours))


def started(cast: factories.Cast, **strategy: Any) -> Run:  # noqa: ANN401 - the fields of a strategy
    change = scheduled(cast, **strategy)
    return change_start(change_id=change.pk, implementer=factories.actor(cast.author))


def close_now(run: Run) -> Run:
    ChangeRequest.objects.filter(pk=run.change_id).update(window_end=Now())
    run_advance(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("who", ["manager", "author"])
def test_manager_and_author_set_and_move_the_window(cast: factories.Cast, who: str) -> None:
    change, person = approved(cast), factories.actor(getattr(cast, who))
    change = change_schedule(change_id=change.pk, actor=person, data=window(1, 2))
    assert change.state == "scheduled"
    moved = change_schedule(change_id=change.pk, actor=person, data=window(3, 4))
    assert moved.window_start
    assert change.window_start
    assert moved.window_start > change.window_start
    actions = Event.objects.filter(change_id=change.pk).order_by("id").values_list("action", flat=True)
    assert list(actions)[-2:] == ["change.scheduled", "change.rescheduled"]


def test_nobody_else_and_no_other_state(cast: factories.Cast) -> None:
    change = approved(cast)
    for who in ("implementer", "peer", "auditor", "superuser"):
        with pytest.raises(ChangeError) as refused:
            change_schedule(change_id=change.pk, actor=factories.actor(getattr(cast, who)), data=window(1, 2))
        assert refused.value.code == "GATE_ROLE_DENIED"
    early = factories.submitted(cast.author, factories.DeviceFactory.create_batch(1, site="MUC"))
    with pytest.raises(ChangeError) as refused:
        change_schedule(change_id=early.pk, actor=factories.actor(cast.manager), data=window(1, 2))
    assert refused.value.code == "illegal_transition"


@pytest.mark.parametrize(("start_h", "words"), [(1, "has not opened yet"), (-2, "is over")])
def test_nothing_starts_outside_the_window(cast: factories.Cast, start_h: float, words: str) -> None:
    change = scheduled(cast, (1, 2))
    shift = timedelta(hours=start_h - 1)
    assert change.window_start
    assert change.window_end
    ChangeRequest.objects.filter(pk=change.pk).update(
        window_start=change.window_start + shift, window_end=change.window_end + shift
    )
    with pytest.raises(ChangeError, match=words) as refused:
        change_start(change_id=change.pk, implementer=factories.actor(cast.author))
    assert refused.value.code == "PRECHECK_WINDOW_CLOSED"
    assert not Run.objects.exists()
    assert Event.objects.get(change_id=change.pk, action="change.start_refused").code == "PRECHECK_WINDOW_CLOSED"


def test_the_databases_clock_says_whether_it_is_open(cast: factories.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    change = scheduled(cast, (1, 2))
    ahead = timezone.now() + timedelta(hours=1.5)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    with pytest.raises(ChangeError, match="has not opened yet"):
        change_start(change_id=change.pk, implementer=factories.actor(cast.author))


def test_when_it_closes_no_further_wave_is_opened(cast: factories.Cast) -> None:
    run = started(cast, canary=1)
    factories.wave_carried_out(run, advance=False)
    close_now(run)
    assert (run.state, run.code) == ("paused", "PRECHECK_WINDOW_CLOSED")
    assert run.device_runs.filter(state="pending").count() == 2
    assert not claimable_device_runs(run.pk).exists()


def test_a_paused_run_is_resumed_in_another_window(cast: factories.Cast) -> None:
    run = started(cast, canary=1)
    factories.wave_carried_out(run, advance=False)
    close_now(run)
    person = factories.actor(cast.author)
    with pytest.raises(ChangeError, match="is over"):
        run_resume(change_id=run.change_id, actor=person)
    page = Client()
    page.force_login(cast.author)
    assert "Move the window" in page.get(f"/changes/{run.change_id}/").content.decode()
    moved = change_schedule(change_id=run.change_id, actor=person, data=window(-0.5, 1))
    assert moved.state == "paused"
    run_resume(change_id=run.change_id, actor=person)
    assert claimable_device_runs(run.pk).count() == 2


def test_while_it_runs_nobody_moves_the_window(cast: factories.Cast) -> None:
    run = started(cast)
    with pytest.raises(ChangeError) as refused:
        change_schedule(change_id=run.change_id, actor=factories.actor(cast.manager), data=window(-1, 9))
    assert refused.value.code == "illegal_transition"


@pytest.mark.parametrize(("policy", "abort"), [("back_out", "back_out"), ("finish", "")])
def test_when_it_closes_on_a_paused_run_what_is_in_flight_is_backed_out_by_policy(
    cast: factories.Cast, policy: str, abort: str
) -> None:
    run = started(cast, on_window_close=policy)
    claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert claim
    with Journal(claim).step(DeviceRunState.CONNECTING):
        pass
    run_pause(change_id=run.change_id, actor=factories.actor(cast.author))
    ChangeRequest.objects.filter(pk=run.change_id).update(window_end=Now())
    dispatch_once()
    run.refresh_from_db()
    assert run.abort == abort
    assert run.state == ("running" if abort else "paused"), "it goes on for as long as that takes"


def test_a_paused_run_with_nothing_in_flight_outlives_its_window(cast: factories.Cast) -> None:
    run = started(cast, on_window_close="back_out")
    run_pause(change_id=run.change_id, actor=factories.actor(cast.author))
    assert (close_now(run).state, run.abort) == ("paused", "")


@pytest.mark.lab
def test_a_device_that_meets_the_closed_window_waits_and_counts_as_no_failure(office: Office) -> None:  # noqa: F811
    change = office.approved()
    change_schedule(change_id=change.pk, actor=office.people["maria"], data=window(-1, 1))
    run = office.started(change)
    ChangeRequest.objects.filter(pk=change.pk).update(window_end=Now())
    run_devices(run.pk)  # claims, connects and checks before any dispatcher has noticed
    run.refresh_from_db()
    assert set(ends(run).values()) == {("pending", "PRECHECK_WINDOW_CLOSED")}, story(run)
    assert (run.state, run.code) == ("paused", "PRECHECK_WINDOW_CLOSED")
    assert set(run.device_runs.values_list("lines_sent", "attempts", "owner")) == {(0, 0, None)}
    change_schedule(change_id=change.pk, actor=office.people["maria"], data=window(-1, 1))
    run_resume(change_id=change.pk, actor=office.people["olivia"])
    run.device_runs.update(not_before=None)
    office.worked_on(run)
    assert set(ends(run).values()) == {("succeeded", "")}, story(run)


def test_when_it_closes_what_runs_is_finished_and_the_run_may_end(cast: factories.Cast) -> None:
    run = started(cast)
    rows = list(run.device_runs.order_by("pk"))
    for _row in rows:
        claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
        assert claim
        journal = Journal(claim)
        with journal.step(DeviceRunState.CONNECTING):
            pass
        if claim.row_id == rows[0].pk:
            journal.end(DeviceRunState.FAILED, code="TIMEOUT", detail="No answer.")
    assert close_now(run).state == "running", "nothing waits, so there is nothing to hold back"
    assert run.abort == ""


def test_when_it_closes_what_runs_may_be_backed_out(cast: factories.Cast) -> None:
    run = started(cast, on_window_close="back_out")
    claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert claim
    with Journal(claim).step(DeviceRunState.CONNECTING):
        pass
    close_now(run)
    assert (run.abort, run.code) == ("back_out", "PRECHECK_WINDOW_CLOSED")
    assert sorted(run.device_runs.values_list("state", flat=True)) == ["connecting", "skipped", "skipped"]


def test_the_ladder_refuses_a_device_outside_the_window(cast: factories.Cast) -> None:
    change = scheduled(cast, (1, 2))
    device = factories.DeviceFactory.create()
    ladder = Ladder(device, GateMode.ENFORCED)
    with pytest.raises(GateRefusedError, match="has not opened yet") as refused:
        ladder.window(window_seen(change, device))
    assert refused.value.code == "PRECHECK_WINDOW_CLOSED"
    ChangeRequest.objects.filter(pk=change.pk).update(window_start=Now())
    change.refresh_from_db()
    ladder = Ladder(device, GateMode.ENFORCED)
    ladder.window(window_seen(change, device))
    [gate] = [result for result in ladder.results if result.gate == "window"]
    assert (gate.verdict, gate.sentence[:11]) == ("passed", "It is open:")


def test_page_and_api_set_the_window(cast: factories.Cast) -> None:
    change = approved(cast)
    url, client = f"/changes/{change.pk}/schedule/", Client()
    client.force_login(cast.manager)
    assert 'type="datetime-local"' in client.get(url).content.decode()
    day = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"
    wrong = client.post(url, {"window_start": f"{day}T22:00", "window_end": f"{day}T21:00"})
    assert wrong.status_code in {400, 422}
    assert "must end after it starts" in wrong.content.decode()
    assert f'value="{day}T22:00"' in wrong.content.decode(), "what was typed stays"
    right = client.post(url, {"window_start": f"{day}T22:00", "window_end": f"{day}T23:00"})
    assert (right.status_code, right["Location"]) == (302, f"/changes/{change.pk}/")
    page = client.get(f"/changes/{change.pk}/").content.decode()
    assert "22:00 to 23:00 UTC" in page
    assert "Move the window" in page
    starter = Client()
    starter.force_login(cast.author)
    assert "has not opened yet" in starter.get(f"/changes/{change.pk}/start/").content.decode()
    answer = client.post(f"/api/v1/changes/{change.pk}/schedule/", window(2, 3), content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "scheduled"
    assert answer.json()["window_end"] > answer.json()["window_start"]
    bad = client.post(f"/api/v1/changes/{change.pk}/schedule/", {}, content_type="application/json")
    assert sorted(bad.json()["fields"]) == ["window_end", "window_start"]
