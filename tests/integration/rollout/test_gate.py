"""The gate after a wave: who may answer, what an answer does, and that it counts once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from audit.models import Event
from changes.domain.errors import ChangeError
from changes.models import Run, Wave, WaveCheck
from changes.selectors import changes_waiting_for
from changes.services.execution import run_advance
from changes.services.people import person_of
from changes.services.wave_gate import wave_refuse, wave_release
from tests import factories
from tests.integration.rollout.test_waves import states


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def waiting(cast: factories.Cast, role: str = "change-manager", **strategy: object) -> Run:
    strategy = {"canary": 1, "gate": "after_canary", "gate_role": role, "gate_timeout_s": 600, **strategy}
    run = factories.started(cast, factories.DeviceFactory.create_batch(3), strategy=strategy)
    factories.wave_carried_out(run)
    assert states(run) == ["waiting", "pending"]
    return run


def in_inbox(user: User) -> bool:
    return any(change.state == "implementing" for change in changes_waiting_for(person_of(factories.actor(user))))


def test_the_role_of_the_strategy_lets_it_go_on(cast: factories.Cast) -> None:
    run = waiting(cast)
    assert in_inbox(cast.manager)
    assert not in_inbox(cast.author)
    wave_release(change_id=run.change_id, wave=1, actor=factories.actor(cast.manager), comment="Phones work.")
    assert states(run) == ["held", "working"]
    wave = run.waves.get(number=1)
    assert (wave.decided_by, wave.detail) == (cast.manager, "Phones work.")
    event = Event.objects.get(change_id=run.change_id, action="wave.released")
    assert (event.actor_name, event.reason) == (cast.manager.username, "Phones work.")
    assert not in_inbox(cast.manager)
    with pytest.raises(ChangeError, match="does not wait for a person"):
        wave_release(change_id=run.change_id, wave=1, actor=factories.actor(cast.manager))


@pytest.mark.parametrize("who", ["author", "implementer", "approver", "auditor", "superuser", "outsider"])
def test_nobody_else_may_not_even_who_started_it(cast: factories.Cast, who: str) -> None:
    run = waiting(cast)
    assert run.started_by == cast.author
    for answer in (wave_release, wave_refuse):
        with pytest.raises(ChangeError) as refused:
            answer(change_id=run.change_id, wave=1, actor=factories.actor(getattr(cast, who)), comment="Yes.")
        assert refused.value.code == "GATE_ROLE_DENIED"
    assert states(run) == ["waiting", "pending"]
    assert Event.objects.filter(change_id=run.change_id, action="change.release_wave_refused").count() == 1


def test_a_refusal_ends_the_run_and_needs_a_reason(cast: factories.Cast) -> None:
    run = waiting(cast, role="cab")
    with pytest.raises(ChangeError, match="must say why"):
        wave_refuse(change_id=run.change_id, wave=1, actor=factories.actor(cast.approver), comment=" ")
    wave_refuse(change_id=run.change_id, wave=1, actor=factories.actor(cast.approver), comment="Phones are down.")
    run.refresh_from_db()
    assert (run.state, run.code, run.outcome, states(run)) == ("ended", "GATE_REFUSED", "partial", ["stopped"] * 2)
    assert "approver" in run.detail or cast.approver.username in run.detail
    assert run.detail.endswith("Phones are down.")
    assert set(run.device_runs.filter(wave__number=2).values_list("state", "code")) == {("skipped", "GATE_REFUSED")}
    assert Wave.objects.get(run=run, number=1).decided_by == cast.approver


def test_an_answer_after_its_time_lets_nothing_go_on(cast: factories.Cast) -> None:
    run = waiting(cast)
    Wave.objects.filter(run=run).update(gate_until=F("gate_until") - timedelta(seconds=601))
    with pytest.raises(ChangeError) as late:
        wave_release(change_id=run.change_id, wave=1, actor=factories.actor(cast.manager))
    assert late.value.code == "GATE_TIMEOUT"


def test_the_page_shows_the_wave_and_takes_the_answer(cast: factories.Cast) -> None:
    run = waiting(cast)
    url = f"/changes/{run.change_id}/gate/"
    manager, author = Client(), Client()
    manager.force_login(cast.manager)
    author.force_login(cast.author)
    html = author.get(url).content.decode()
    assert "You cannot answer this." in html
    assert 'name="answer"' not in html
    for page in (
        f"/changes/{run.change_id}/",
        f"/changes/{run.change_id}/execution/",
        f"/changes/{run.change_id}/runs/{run.pk}/",
    ):
        assert f'href="{url}"' in author.get(page).content.decode()
    assert (
        f'href="{url}"' in manager.get("/").content.decode()
        or f'href="{url}"' in manager.get("/inbox/").content.decode()
    )
    html = manager.get(url).content.decode()
    assert "1 device succeeded" in html
    refused = manager.post(url, {"answer": "refuse", "wave": "1", "comment": ""})
    assert refused.status_code in {400, 422}
    assert manager.post(url, {"answer": "perhaps", "wave": "1"}).status_code in {400, 422}
    assert states(run) == ["waiting", "pending"]
    answer = manager.post(url, {"answer": "release", "wave": "1", "comment": "Good."})
    assert (answer.status_code, answer["Location"]) == (302, f"/changes/{run.change_id}/execution/")
    assert states(run) == ["held", "working"]
    assert "Nothing waits for a person" in manager.get(url).content.decode()


def test_the_api_takes_both_answers(cast: factories.Cast) -> None:
    first, second = waiting(cast), waiting(cast)
    client = Client()
    client.force_login(cast.manager)
    for run, call, body, state in (
        (first, "release-wave", {"wave": 1}, ["held", "working"]),
        (second, "refuse-wave", {"wave": 1, "comment": "No."}, ["stopped", "stopped"]),
    ):
        bad = client.post(f"/api/v1/changes/{run.change_id}/{call}/", {"wave": "1"}, content_type="application/json")
        assert (bad.status_code, list(bad.json()["fields"])) == (400, ["wave"])
        good = client.post(f"/api/v1/changes/{run.change_id}/{call}/", body, content_type="application/json")
        assert good.status_code == 200, good.content
        assert states(run) == state


def test_the_run_page_says_how_each_wave_stands(cast: factories.Cast) -> None:
    strategy = {"batch_cap": 2, "promote_when": "healthy", "gate": "after_canary", "failures_allowed": 1}
    run = factories.started(cast, factories.DeviceFactory.create_batch(3), strategy=strategy)
    factories.wave_carried_out(run)
    first = WaveCheck.objects.order_by("pk").first()
    assert first
    WaveCheck.objects.filter(pk=first.pk).update(verdict="healthy")
    client = Client()
    client.force_login(cast.author)
    html = client.get(f"/changes/{run.change_id}/runs/{run.pk}/").content.decode()
    assert "looking at its devices once more, 1 of 2" in html
    WaveCheck.objects.filter(verdict="").update(verdict="unhealthy", code="PRECHECK_STATE_UNHEALTHY")
    run_advance(run.pk)
    html = client.get(f"/changes/{run.change_id}/runs/{run.pk}/").content.decode()
    assert "1 of 2 found healthy again, waits for a person" in html
    assert "(PRECHECK_STATE_UNHEALTHY)" in html
