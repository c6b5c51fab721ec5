"""Rolling back on real sessions: approved and recomputed ways back, timers that heal a cut path, lost sessions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from changes.domain.policy import Role
from changes.errors import ConflictError
from changes.models import ChangeRequest, DeviceRun, KillSwitch, RecomputedBackout, RollbackOrder, Run, RunStep
from changes.services.execution import run_devices
from changes.services.journal import Journal, StepNotes
from changes.services.kill_switch import kill_switch_engage, kill_switch_release
from changes.services.rollback import Wish, change_rollback
from changes.services.rollback_preview import rollback_preview
from changes.services.run_orders import run_abort
from devices.drivers.napalm_eos import NapalmEosDriver
from devices.errors import DeviceError
from devices.lab import Lab
from devices.models import Device
from tests.integration.changes.conftest import Office, ends, person, story
from tests.integration.changes.test_control import runner
from tests.integration.changes.test_races import at_once
from tests.integration.changes.test_recovery import wait_until
from tests.integration.lab_fixtures import SMALL_CONFIG, eos_device, small_device

pytestmark = pytest.mark.lab

CONTENT = "ntp server 10.0.0.123\n"
EDGE: dict[str, Any] = {"targets": {"filter": {"role": "edge"}}, "content": CONTENT}
Targets = Callable[..., dict[str, Any]]
WITHOUT_NTP = r"\A(?![\s\S]*10\.0\.0\.123)"
"""Matches a configuration without the change: the path that the device is managed by rests on the change."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    startup = SMALL_CONFIG.format(name="{name}") + "ip scp server enable\n"
    specs = [
        *(eos_device(name, role="edge", site="FRA", minute_s=6.0) for name in ("eos1", "eos2")),
        small_device(
            "ios1", startup=startup.format(name="ios1"), driver="napalm-ios", role="edge", site="FRA", minute_s=3.0
        ),
        small_device("cli1", role="edge", site="FRA"),
        small_device("cli2", role="edge", site="FRA"),
    ]
    with Lab(tmp_path / "lab", specs) as running:
        yield running


@pytest.fixture
def only(office: Office, settings: object) -> Targets:
    """`only("eos1", …)`: the other devices are no targets."""
    settings.DEVICE_CONFIRM_WITHIN_S = 30  # type: ignore[attr-defined]

    def targets(*names: str) -> dict[str, Any]:
        ids = list(Device.objects.filter(name__in=names).values_list("pk", flat=True))
        return {"targets": {"device_ids": ids}, "content": CONTENT}

    return targets


def rolled_back(office: Office, change: ChangeRequest, *names: str, confirmed: dict[str, str] | None = None) -> Run:
    ids = dict(Device.objects.values_list("name", "pk"))
    digests = {ids[name]: digest for name, digest in (confirmed or {}).items()}
    wish = Wish(device_ids=[ids[name] for name in names], confirmed=digests, comment="The clock is wrong.")
    run = change_rollback(change_id=change.pk, implementer=office.people["olivia"], wish=wish)
    return office.worked_on(run)


def step(run: Run, device: str, name: str) -> RunStep:
    found = RunStep.objects.filter(device_run__run=run, device_run__device__name=device, name=name).last()
    assert found is not None, story(run)
    return found


def test_a_whole_change_is_taken_back_except_where_others_wrote_at_the_same_place(office: Office) -> None:
    change = office.approved(**EDGE)
    befores = {device.name: device.running_config() for device in office.lab.devices}
    run = office.executed(change)
    assert {state for state, _code in ends(run).values()} == {"succeeded"}, story(run)
    office.lab.device("cli1").edit_out_of_band(["interface GigabitEthernet1/0/3", "description theirs"])
    office.lab.device("cli2").edit_out_of_band(["no ntp server 10.0.0.123", "ntp server 10.0.0.123 prefer"])
    office.lab.device("eos2").power_off()

    run = rolled_back(office, change)

    found = ends(run)
    assert found["eos1"] == found["ios1"] == ("rolled_back", "ROLLBACK_ORDERED"), story(run)
    assert found["cli1"] == ("rolled_back", "ROLLBACK_ORDERED"), "approved lines, beside somebody else's work"
    assert found["cli2"] == ("rollback_failed", "ROLLBACK_CONFLICT"), story(run)
    assert found["eos2"] == ("rollback_failed", "PRECHECK_UNREACHABLE"), "the others went on"
    for name in ("eos1", "ios1"):
        device = office.lab.device(name)
        assert (device.running_config(), device.startup_config()) == (befores[name], befores[name])
        assert step(run, name, "backing_out").data["timer_s"]
    assert "description theirs" in office.lab.device("cli1").startup_config()
    assert "10.0.0.123" not in office.lab.device("cli1").startup_config()
    assert "10.0.0.123 prefer" in office.lab.device("cli2").running_config(), "nothing was sent"
    assert step(run, "eos1", "reconciling").data["rehearsal"] == "0 lines would come, 1 would go"
    change.refresh_from_db()
    assert (change.state, run.outcome) == ("review", "failed")

    office.lab.device("eos2").power_on()
    run = rolled_back(office, change, "eos2")
    assert ends(run)["eos2"] == ("rolled_back", "ROLLBACK_ORDERED"), story(run)


def test_eos_takes_a_rollback_that_cut_its_own_management_path_back_by_its_timer(office: Office, only: Targets) -> None:
    change = office.approved(**only("eos1"))
    one = office.lab.device("eos1")
    run = office.executed(change)
    after = one.running_config()
    one.faults.cut_off_while = WITHOUT_NTP

    run = rolled_back(office, change)

    assert ends(run)["eos1"][0] == "rollback_failed", story(run)
    assert "took it back by itself" in DeviceRun.objects.get(run=run).detail
    assert (one.running_config(), one.startup_config()) == (after, after), "the path healed, and it was not cut again"
    assert len([entry for entry in one.commands() if "commit timer" in entry["line"]]) == 2, "the change, the rollback"


def test_eos_takes_a_change_that_cut_its_own_management_path_back_by_its_timer(office: Office, only: Targets) -> None:
    change = office.approved(**only("eos1"))
    one = office.lab.device("eos1")
    before = one.running_config()
    one.faults.cut_off_while = r"10\.0\.0\.123"
    run = office.executed(change)
    assert ends(run)["eos1"][0] == "rolled_back", story(run)
    assert (one.running_config(), one.startup_config()) == (before, before)


def test_ios_takes_changes_and_rollbacks_that_cut_the_path_back_by_its_timer(office: Office, only: Targets) -> None:
    one = office.lab.device("ios1")
    before = one.running_config()
    change = office.approved(**only("ios1"))
    one.faults.cut_off_while = r"10\.0\.0\.123"
    run = office.executed(change)
    assert ends(run)["ios1"][0] == "rolled_back", story(run)
    assert (one.running_config(), one.startup_config()) == (before, before)

    one.faults.cut_off_while = ""
    change = office.approved(**only("ios1"))
    run = office.executed(change)
    after = one.running_config()
    assert (ends(run)["ios1"], one.startup_config()) == (("succeeded", ""), after), story(run)
    one.faults.cut_off_while = WITHOUT_NTP
    run = rolled_back(office, change)
    assert ends(run)["ios1"][0] == "rollback_failed", story(run)
    assert "took it back by itself" in DeviceRun.objects.get(run=run).detail
    assert (one.running_config(), one.startup_config()) == (after, after)
    sent = [entry["line"] for entry in one.commands() if "revert" in entry["line"]]
    assert sent[0] == sent[1] == "configure terminal revert timer 1"
    assert [line.partition(" force ")[2] for line in sent[2:]] == ["revert trigger error timer 1"]


def test_recomputed_lines_wait_for_a_person_who_confirms_exactly_these(office: Office, only: Targets) -> None:
    change = office.approved(**only("eos1"))
    one = office.lab.device("eos1")
    office.executed(change)
    one.edit_out_of_band(["interface Ethernet2", "description theirs"])
    moved = one.running_config()

    run = rolled_back(office, change)

    assert ends(run)["eos1"] == ("rollback_failed", "ROLLBACK_UNCONFIRMED"), story(run)
    assert one.running_config() == moved, "a replacement would have undone somebody else's work"
    (shown,) = rollback_preview(change).devices
    assert (shown.kind, shown.lines) == ("recomputed", ("no ntp server 10.0.0.123",))
    assert shown.digest == RecomputedBackout.objects.get().digest
    with pytest.raises(ConflictError, match="not those that were computed last"):
        rolled_back(office, change, confirmed={"eos1": "0" * 64})

    run = rolled_back(office, change, confirmed={"eos1": shown.digest})

    assert ends(run)["eos1"] == ("rolled_back", "ROLLBACK_ORDERED"), story(run)
    assert "description theirs" in one.startup_config()
    assert "10.0.0.123" not in one.startup_config()


def test_an_answer_lost_under_the_timer_is_confirmed_by_name_and_not_sent_twice(
    office: Office, only: Targets, settings: object
) -> None:
    settings.DEVICE_CONFIRM_WITHIN_S = 120  # type: ignore[attr-defined]
    change = office.approved(**only("eos1"))
    one = office.lab.device("eos1")
    before = one.running_config()
    office.executed(change)
    one.faults.drop_at, one.faults.drop_times = "commit timer", 1
    run = rolled_back(office, change)
    assert ends(run)["eos1"] == ("rolled_back", "ROLLBACK_ORDERED"), story(run)
    assert (one.running_config(), one.startup_config()) == (before, before)
    assert len([entry for entry in one.commands() if "commit timer" in entry["line"]]) == 2, "the change, the rollback"


def test_a_device_that_restarts_right_before_it_saves_is_not_called_rolled_back(
    office: Office, only: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = office.approved(**only("eos1"))
    office.executed(change)
    device, save = office.lab.device("eos1"), NapalmEosDriver.save

    def restarted_then_saved(driver: NapalmEosDriver) -> None:
        device.reboot()
        while True:
            try:
                save(driver)
            except DeviceError:  # it is starting
                time.sleep(0.1)
            else:
                return

    monkeypatch.setattr(NapalmEosDriver, "save", restarted_then_saved)
    run = rolled_back(office, change, "eos1")
    assert ends(run)["eos1"] == ("rollback_failed", "ROLLBACK_UNVERIFIED"), story(run)
    assert "as after a restart" in DeviceRun.objects.get(run=run).detail
    assert "10.0.0.123" in device.running_config(), "what it started with"


def test_an_abort_while_a_commit_waits_under_its_timer_takes_it_back_at_once_and_never_confirms_it(
    office: Office, only: Targets, settings: object
) -> None:
    settings.DEVICE_CONFIRM_WITHIN_S = 600  # type: ignore[attr-defined]
    run = office.started(office.approved(**only("eos1")))
    one = office.lab.device("eos1")
    before = one.running_config()
    one.faults.latency_s = 0.15
    with runner(run):
        wait_until(lambda: RunStep.objects.filter(device_run__run=run, name="awaiting_confirm").exists())
        run_abort(change_id=run.change_id, actor=office.people["olivia"], comment="Stop.", in_flight="back_out")
        one.faults.latency_s = 0
    office.worked_on(run)
    assert ends(run) == {"eos1": ("rolled_back", "RUN_ABORTED")}, story(run)
    assert (one.running_config(), one.startup_config()) == (before, before)
    commits = [entry["line"] for entry in one.commands() if " commit" in entry["line"]]
    assert len(commits) == 1, commits
    assert "timer" in commits[0]
    assert step(run, "eos1", "backing_out").data["timer"] == "the unconfirmed commit was taken back at once"


def test_of_two_people_who_order_a_rollback_at_once_one_is_told_that_it_is_under_way(
    office: Office, only: Targets
) -> None:
    change = office.approved(**only("cli1", "cli2"))
    office.executed(change)
    people = [office.people["olivia"], person("ingrid", Role.IMPLEMENTER)]
    calls = [partial(change_rollback, change_id=change.pk, implementer=who, wish=Wish()) for who in people]
    results = at_once(*calls)
    assert sorted(type(result).__name__ for result in results) == ["ConflictError", "Run"], results
    assert RollbackOrder.objects.count() == 1
    run = office.worked_on(Run.objects.get())
    assert set(ends(run).values()) == {("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    for name in ("cli1", "cli2"):
        assert office.lab.device(name).config_lines().count("no ntp server 10.0.0.123") == 1


def test_a_kill_switch_right_before_the_first_line_keeps_it_back_until_it_is_released(
    office: Office, only: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = office.approved(**only("cli1"))
    office.executed(change)
    one, intend = office.lab.device("cli1"), Journal.intend

    def engaged_then_intended(journal: Journal, notes: StepNotes) -> None:
        if not KillSwitch.objects.exists():
            kill_switch_engage(actor=office.people["olivia"], reason="Devices reload.")
        intend(journal, notes)

    monkeypatch.setattr(Journal, "intend", engaged_then_intended)
    run = change_rollback(change_id=change.pk, implementer=office.people["olivia"], wish=Wish())
    run_devices(run.pk)
    row = DeviceRun.objects.get(run=run)
    assert (row.state, row.code) == ("rollback_pending", "KILL_SWITCH_ENGAGED"), story(run)
    assert "no ntp server 10.0.0.123" not in one.config_lines()
    kill_switch_release(actor=office.people["maria"], reason="It was the power.")
    office.worked_on(run)
    assert ends(run) == {"cli1": ("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    assert one.config_lines().count("no ntp server 10.0.0.123") == 1


def test_devices_that_do_not_go_back_are_told_truly_and_can_be_ordered_again(office: Office, only: Targets) -> None:
    change = office.approved(**only("cli1", "cli2", "eos1"))
    office.executed(change)
    after = {name: office.lab.device(name).running_config() for name in ("cli1", "cli2", "eos1")}
    office.lab.device("cli1").faults.ignore = "^no ntp"
    office.lab.device("cli2").faults.reject = "^no ntp"
    office.lab.device("eos1").faults.disk_full = True

    run = rolled_back(office, change)

    assert set(ends(run).values()) == {("rollback_failed", "ROLLBACK_UNVERIFIED")}, story(run)
    detail = dict(DeviceRun.objects.filter(run=run).values_list("device__name", "detail"))
    assert "read back is not the one that is wanted" in detail["cli1"]
    assert "The device refused “no ntp server 10.0.0.123”" in detail["cli2"]
    assert "did not go back" in detail["eos1"]
    for name, text in after.items():
        device = office.lab.device(name)
        assert (device.running_config(), device.startup_config()) == (text, text)
        device.faults = type(device.faults)()
    run = rolled_back(office, change)
    assert set(ends(run).values()) == {("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    assert all("10.0.0.123" not in office.lab.device(name).startup_config() for name in after)


def test_an_answer_lost_on_ios_is_waited_out_by_its_timer_and_then_sent_again(office: Office, only: Targets) -> None:
    """IOS takes no names, so nobody can tell whose commit waits: it is never confirmed by another session."""
    change = office.approved(**only("ios1"))
    one = office.lab.device("ios1")
    before = one.running_config()
    office.executed(change)
    one.faults.drop_at, one.faults.drop_times = "revert trigger", 1
    run = rolled_back(office, change)
    assert ends(run) == {"ios1": ("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    assert (one.running_config(), one.startup_config()) == (before, before)
    waited = RunStep.objects.filter(device_run__run=run, name="reconciling", code="DEVICE_BUSY")
    assert waited.exists(), story(run)
    assert len([entry for entry in one.commands() if "revert trigger" in entry["line"]]) == 2


def test_a_session_that_breaks_twice_while_the_device_is_read_is_worth_a_third_one(
    office: Office, only: Targets
) -> None:
    change = office.approved(**only("cli1"))
    one = office.lab.device("cli1")
    office.executed(change)
    one.faults.drop_at, one.faults.drop_times = "^show running-config", 2
    run = rolled_back(office, change)
    assert ends(run) == {"cli1": ("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    assert RunStep.objects.filter(device_run__run=run, name="reconciling", code="CONNECTION_LOST").count() == 2
