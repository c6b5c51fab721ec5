"""Hooks in the life of a change: told of what happened, heard before it does, and never in its way."""

import ipaddress
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.hooks import HookCallState, HookPoint
from changes.domain.run_states import RunOutcome, RunState, WaveState
from changes.domain.states import PlanState
from changes.errors import ChangeNotFoundError, PolicyDeniedError
from changes.models import HookCall, HookSetting, PlanRevision, Run
from changes.services.hook_calls import hooks_dispatch, hooks_tell, hooks_work
from changes.services.hook_settings import hook_configure
from changes.services.planning import plan_devices
from changes.services.run_orders import run_resume
from devices.credentials.seen import remember
from tests.factories import (
    Cast,
    DeviceFactory,
    PersonFactory,
    actor,
    carried_out,
    draft,
    ready_plan,
    started,
    wave_carried_out,
)
from tests.integration.hooks.conftest import switch_on
from tests.integration.notifications.receivers import Mailbox, Receiver, certificate, https_receiver, smtp_server

pytestmark = pytest.mark.django_db(transaction=True)


def called(run: Run) -> Run:
    hooks_work()
    run.refresh_from_db()
    return run


def test_hooks_are_told_of_devices_and_of_the_end(hooks: Path, administrator: User) -> None:
    switch_on(administrator, "watcher")
    cast = Cast.create()
    run = carried_out(started(cast, [DeviceFactory.create(name="fra-1"), DeviceFactory.create(name="fra-2")]))
    assert run.outcome == RunOutcome.SUCCEEDED
    hooks_dispatch()
    hooks_work()
    points = sorted(line.split()[0] for line in hooks.read_text().splitlines())
    assert points == ["after_device", "after_device", "after_run", "before_wave"]
    assert "succeeded" in hooks.read_text()
    assert set(HookCall.objects.values_list("state", flat=True)) == {HookCallState.ANSWERED}
    hooks_dispatch()
    assert HookCall.objects.count() == 4


def test_hooks_that_are_not_required_never_hold_a_run_and_what_they_say_is_kept(
    hooks: Path, administrator: User
) -> None:
    remember("hunter2-of-hooks")
    for name in ("crasher", "liar"):
        switch_on(administrator, name)
    run = carried_out(started(Cast.create(), [DeviceFactory.create()]))
    assert run.outcome == RunOutcome.SUCCEEDED
    assert called(run).outcome == RunOutcome.SUCCEEDED
    found = HookCall.objects.filter(point="after_run").order_by("hook__name")
    assert [row.state for row in found] == [HookCallState.CRASHED, HookCallState.BAD_ANSWER]
    assert "RuntimeError" in found[0].detail
    assert "hunter2" not in found[0].detail


def test_a_required_hook_that_objects_pauses_the_run_and_is_asked_again(hooks: Path, administrator: User) -> None:
    switch_on(administrator, "objector", required=True)
    cast = Cast.create()
    run = started(cast, [DeviceFactory.create()])
    assert run.waves.get().state == WaveState.PENDING
    assert not wave_carried_out(run)
    called(run)
    assert (run.state, run.code) == (RunState.PAUSED, "HOOK_OBJECTED")
    assert "festival" in run.detail

    hooks.with_name("hooks.log.agree").touch()
    run_resume(change_id=run.change_id, actor=actor(cast.author), comment="The festival is over.")
    called(run)
    assert carried_out(run).outcome == RunOutcome.SUCCEEDED


def test_a_required_hook_may_end_a_run_where_it_is_set_so(hooks: Path, administrator: User) -> None:
    switch_on(administrator, "objector", required=True, on_objection="abort")
    run = called(started(Cast.create(), [DeviceFactory.create()]))
    assert (run.state, run.outcome, run.code) == (RunState.ENDED, RunOutcome.ABORTED, "HOOK_OBJECTED")


def test_a_required_hook_that_hangs_pauses_the_run_after_its_limit_and_switching_it_off_frees_it(
    hooks: Path, administrator: User
) -> None:
    switch_on(administrator, "hanger", required=True, on_objection="abort", time_limit_s=1)
    cast = Cast.create()
    run = called(started(cast, [DeviceFactory.create()]))
    assert (run.state, run.code) == (RunState.PAUSED, "HOOK_FAILED")
    hook_configure(name="hanger", actor=actor(administrator), data={"enabled": False})
    run_resume(change_id=run.change_id, actor=actor(cast.author), comment="Without it.")
    assert carried_out(run).outcome == RunOutcome.SUCCEEDED


def test_a_required_hook_may_refuse_a_plan_before_anything_is_read(hooks: Path, administrator: User) -> None:
    switch_on(administrator, "objector", required=True)
    cast = Cast.create()
    change = draft(cast.author)
    revision = ready_plan(change, [DeviceFactory.create()])
    PlanRevision.objects.filter(pk=revision.pk).update(state=PlanState.BUILDING)
    revision.refresh_from_db()
    hooks_tell(HookPoint.BEFORE_PLAN, revision)
    assert plan_devices(revision.pk) == 0
    hooks_work()
    assert plan_devices(revision.pk) == 0
    revision.refresh_from_db()
    assert (revision.state, revision.code) == (PlanState.FAILED, "HOOK_OBJECTED")
    assert Event.objects.filter(action="plan.failed", code="HOOK_OBJECTED").exists()


@pytest.mark.parametrize("role", ["requester", "change-manager", "auditor"])
def test_only_administrators_switch_hooks(hooks: Path, role: str) -> None:
    person = PersonFactory.create(roles=[role], is_superuser=True)
    with pytest.raises(PolicyDeniedError):
        hook_configure(name="watcher", actor=actor(person), data={"enabled": True})
    assert not HookSetting.objects.exists()


def test_what_cannot_be_called_cannot_be_switched_on(hooks: Path, administrator: User) -> None:
    for name in ("absent", "future"):
        with pytest.raises(InvalidInputError):
            switch_on(administrator, name)
    with pytest.raises(ChangeNotFoundError):
        switch_on(administrator, "nothing")
    for data in ({"enabled": "yes"}, {"time_limit_s": 0}, {"on_objection": "shrug"}, {"colour": 1}):
        with pytest.raises(InvalidInputError):
            hook_configure(name="watcher", actor=actor(administrator), data=data)


def test_only_one_worker_calls_hooks_so_that_slow_ones_leave_the_others_to_devices(
    hooks: Path, administrator: User
) -> None:
    switch_on(administrator, "hanger", time_limit_s=1)
    carried_out(started(Cast.create(), [DeviceFactory.create()]))
    done: list[int] = []

    def work() -> None:
        try:
            done.append(hooks_work())
        finally:
            connection.close()

    first = threading.Thread(target=work)
    first.start()
    while not HookCall.objects.filter(owner__isnull=False).exists():
        assert first.is_alive()
    assert hooks_work() == 0
    first.join()
    assert done == [2]
    assert set(HookCall.objects.values_list("state", flat=True)) == {HookCallState.TIMED_OUT}


def test_the_database_refuses_a_switch_without_an_event(hooks: Path, administrator: User) -> None:
    row = switch_on(administrator, "watcher")
    with pytest.raises(DatabaseError, match=r"(?i)event"):
        HookSetting.objects.filter(pk=row.pk).update(required=True)


def test_a_round_of_the_dispatcher_is_cheap_without_hooks(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        assert hooks_dispatch() == 0


@pytest.fixture
def receiver(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    pem = certificate(tmp_path)
    settings.WEBHOOK_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    settings.WEBHOOK_CA_FILE = str(pem)
    with https_receiver(pem) as running:
        monkeypatch.setenv("COUNTERSIGN_HOOK_WEBHOOK_URL", running.url)
        monkeypatch.setenv("COUNTERSIGN_HOOK_WEBHOOK_SECRET", "a secret of the operator")
        yield running


def test_the_shipped_webhook_posts_signed_events(receiver: Receiver, administrator: User) -> None:
    switch_on(administrator, "webhook")
    called(carried_out(started(Cast.create(), [DeviceFactory.create()])))
    hooks_work()
    told = [json.loads(body) for _path, _headers, body in receiver.calls]
    assert {event["point"] for event in told} == {"before_wave", "after_run"}
    assert told[0]["schema"] == "countersign.hook-event/1"
    assert all(headers["Countersign-Signature"].startswith("t=") for _path, headers, _body in receiver.calls)
    assert "ntp server" not in str(told)


def test_the_shipped_email_hook_writes_about_the_end(
    administrator: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smtp_server() as box:
        settings.COUNTERSIGN_MAIL_ON = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        monkeypatch.setenv("COUNTERSIGN_HOOK_EMAIL_TO", "noc@example.net, ops@example.net")
        switch_on(administrator, "email")
        called(carried_out(started(Cast.create(), [DeviceFactory.create()])))
        _check_mail(box)


def _check_mail(box: Mailbox) -> None:
    (mail,) = box.mails
    assert "ended as succeeded" in mail["Subject"]
    assert len(box.recipients) == 2


def test_the_page_shows_hooks_and_only_administrators_get_the_switches(
    hooks: Path, administrator: User, client: Client
) -> None:
    client.force_login(administrator)
    answer = client.post("/hooks/watcher/", {"enabled": "on", "time_limit_s": "5"})
    assert answer.status_code == 302
    page = client.get("/hooks/").content.decode()
    assert "acme-hooks 2.5" in page
    assert "Before wave" in page
    assert client.post("/hooks/watcher/", {"enabled": "on", "time_limit_s": "500"}).status_code == 400
    assert client.get("/api/v1/hooks/calls/?hook=watcher").json()["results"] == []
    assert client.patch("/api/v1/hooks/watcher/", {"enabled": False}, "application/json").json()["enabled"] is False

    client.force_login(PersonFactory.create(roles=["auditor"]))
    assert "Keep the settings" not in client.get("/hooks/").content.decode()
    assert client.post("/hooks/watcher/", {"enabled": "on", "time_limit_s": "5"}).status_code == 403
    client.force_login(PersonFactory.create(roles=["requester"]))
    assert client.get("/hooks/").status_code == 403
    assert client.get("/api/v1/hooks/").status_code == 403
