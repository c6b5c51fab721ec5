"""Backups over real SSH: what is kept, what is not, and who waits for whom."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.actor import Actor, Origin
from audit.models import Event
from devices.domain.config_text import normalise
from devices.domain.platforms import PLATFORMS
from devices.errors import BadFieldsError, NotPermittedError, OutdatedError
from devices.models import (
    BackupRun,
    BackupTrigger,
    ComplianceResult,
    ComplianceRule,
    ConfigBlob,
    ConfigSnapshot,
    ConfigState,
    DeviceBackup,
    SuspectConfig,
)
from devices.services import backup_device
from devices.services.backups import backup_forget, backup_scheduled, backup_start, backup_work, backups_dispatch
from devices.services.device_locks import device_lock
from devices.services.snapshots import suspect_decide
from tests.factories import PersonFactory, actor
from tests.integration.backups.conftest import COMMAND, Network

pytestmark = pytest.mark.lab
IOS = PLATFORMS["cisco_ios"]


def test_first_backup_keeps_the_configuration_as_the_device_has_it(network: Network) -> None:
    run = network.back_up(name="sw1")
    row = network.row(run)
    assert (row.state, row.code, row.startup) == ("changed", "", "saved")
    assert row.snapshot is not None
    assert row.snapshot.purpose == "backup"
    assert row.snapshot.blob.text == normalise(network.lab.device("sw1").running_config(), IOS)
    assert run.counts == {"changed": 1}


def test_unchanged_configuration_stores_no_blob_and_extends_the_last_snapshot(network: Network) -> None:
    network.back_up(name="sw1")
    blobs = ConfigBlob.objects.count()
    row = network.row(network.back_up(name="sw1"))
    [snapshot] = network.snapshots()
    assert row.state == "unchanged"
    assert row.snapshot == snapshot
    assert snapshot.seen_until is not None
    assert snapshot.seen_until > snapshot.taken_at
    assert ConfigBlob.objects.count() == blobs


def test_policy_may_keep_a_row_for_every_backup(network: Network, settings: Settings) -> None:
    settings.COUNTERSIGN_BACKUP_KEEP = "every"
    network.back_up(name="sw1")
    network.back_up(name="sw1")
    first, second = network.snapshots()
    assert first.blob_id == second.blob_id


def test_change_at_the_console_is_a_new_version_that_is_not_saved_and_names_its_author(network: Network) -> None:
    network.back_up(name="sw1")
    network.edit("interface GigabitEthernet1/0/1", "description by hand")
    row = network.row(network.back_up(name="sw1"))
    assert (row.state, row.startup, row.code) == ("changed", "unsaved", "CONFIG_NOT_SAVED")
    assert network.snapshots()[-1].changed_by == "console"
    assert ConfigState.objects.get(device=network.device()).unsaved_since is not None


def test_truncated_answer_is_never_kept(network: Network) -> None:
    network.lab.device("sw1").faults.cut_output_after_lines = 12
    row = network.row(network.back_up(name="sw1"))
    assert (row.state, row.code) == ("failed", "OUTPUT_TRUNCATED")
    assert row.attempts == 3
    assert not network.snapshots()


def test_much_smaller_configuration_is_kept_apart_until_somebody_has_looked(network: Network) -> None:
    network.back_up(name="sw1")
    text = "\n".join(f"ntp server 192.0.2.{number}" for number in range(1, 60)) + "\n"
    ConfigSnapshot.objects.create(device=network.device(), blob=ConfigBlob.store(text), purpose="backup")
    row = network.row(network.back_up(name="sw1"))
    assert (row.state, row.code, row.snapshot) == ("suspicious", "CONFIG_SUSPICIOUS", None)
    assert len(network.snapshots()) == 2
    suspect = SuspectConfig.objects.get(device=network.device())
    manager, reader = actor(PersonFactory.create(roles=["change-manager"])), actor(PersonFactory.create())

    def decide(*, by: Actor = manager, reason: str = "It was erased.", seen: str = suspect.blob_id) -> None:
        suspect_decide(suspect_id=suspect.pk, seen_sha256=seen, take=True, reason=reason, actor=by)

    with pytest.raises(NotPermittedError):
        decide(by=reader)
    with pytest.raises(BadFieldsError):
        decide(reason=" ")
    with pytest.raises(OutdatedError):
        decide(seen="0" * 64)
    assert Event.objects.filter(action="config.suspect_refused", actor_name=reader.username).count() == 1
    decide()
    assert network.snapshots()[-1].blob_id == suspect.blob_id
    assert network.row(network.back_up(name="sw1")).state == "unchanged"


def test_what_was_kept_apart_cannot_be_taken_once_a_whole_configuration_was_read(network: Network) -> None:
    suspect = SuspectConfig.objects.create(
        device=network.device(), blob=ConfigBlob.store("hostname sw1\n"), code="CONFIG_SUSPICIOUS", detail="Small."
    )
    network.back_up(name="sw1")
    suspect.refresh_from_db()
    assert (suspect.state, suspect.decided_by) == ("dismissed", "worker")
    assert Event.objects.filter(action="config.suspect_dismissed", device_id=network.device().pk).count() == 1


def test_refused_login_and_other_device_end_with_their_codes_and_nothing_is_kept(network: Network) -> None:
    ComplianceRule.objects.create(platform="cisco_ios", feature="NTP", section="ntp server")
    network.lab.device("sw1").faults.refuse_login = True
    network.lab.device("sw2").faults.serial = "FOCSTOLEN"
    run = network.back_up()
    assert run.counts == {"failed": 2}
    assert network.row(run).code == "PRECHECK_AUTH_FAILED"
    assert network.row(run, "sw2").code == "IDENTITY_SERIAL_MISMATCH"
    assert len(network.lab.device("sw1").auth_attempts()) == 1
    assert not ConfigSnapshot.objects.exists()
    assert ConfigState.objects.get(device=network.device()).code == "PRECHECK_AUTH_FAILED"
    judged = ComplianceResult.objects.values_list("state", "code")
    assert set(judged) == {("not_assessed", "COMPLIANCE_NO_CONFIG")}, "what was not read counts as not assessed"


def test_device_in_the_hands_of_a_change_is_waited_for_and_then_read(network: Network) -> None:
    run = backup_start(filters={"name": "sw1"}, actor=COMMAND)
    with device_lock(network.device().pk) as locked:
        assert locked
        backup_work(run.pk)
        row = network.row(run)
        assert (row.state, row.code, row.attempts) == ("pending", "DEVICE_BUSY", 0)
        assert row.waits > 0
    while network.row(run).state == "pending":
        backup_work(run.pk)
    assert (network.row(run).state, network.row(run).code) == ("changed", "")


def test_device_that_stays_busy_is_skipped(network: Network, settings: Settings) -> None:
    settings.COUNTERSIGN_BACKUP_BUSY_WAITS = 1
    with device_lock(network.device().pk):
        run = network.back_up(name="sw1")
    assert (network.row(run).state, network.row(run).code) == ("skipped", "DEVICE_BUSY")


def test_workers_share_a_run_and_keep_to_the_limit_of_sessions(
    network: Network, settings: Settings, sampled: Callable[[Callable[[], int]], list[int]]
) -> None:
    settings.COUNTERSIGN_BACKUP_SESSIONS = 1
    run = backup_start(filters={}, actor=COMMAND)

    def held() -> int:
        try:
            return DeviceBackup.objects.held().count()
        finally:
            connection.close()

    seen = sampled(held)

    def work() -> None:
        while BackupRun.objects.filter(pk=run.pk, state="running").exists():
            backup_work(run.pk)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == 1
    assert Counter(DeviceBackup.objects.values_list("state", flat=True)) == {"changed": 2}
    assert len(network.snapshots("sw1")) == len(network.snapshots("sw2")) == 1


def test_lost_worker_costs_nothing_and_a_row_that_loses_five_is_given_up(network: Network) -> None:
    run = backup_start(filters={}, actor=COMMAND)
    past = timezone.now() - timedelta(minutes=1)
    first, second = run.devices.order_by("pk")
    for row, losses in ((first, 0), (second, 4)):
        DeviceBackup.objects.filter(pk=row.pk).update(
            owner="00000000-0000-0000-0000-000000000001", lease_until=past, losses=losses
        )
    assert backups_dispatch() >= 2
    while backup_work(run.pk):
        pass
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.state == "changed"
    assert (second.state, second.code) == ("failed", "BACKUP_WORKER_LOST")


def test_scheduled_backup_waits_for_the_last_one_and_forgets_old_rows(network: Network) -> None:
    run = backup_scheduled()
    assert run is not None
    assert run.trigger == BackupTrigger.SCHEDULED
    assert backup_scheduled() is None
    while backup_work(run.pk):
        pass
    BackupRun.objects.update(ended_at=timezone.now() - timedelta(days=31))
    assert backup_forget() == 2
    assert len(network.snapshots()) == 1


def test_command_reports_each_device_that_failed_and_its_status_says_so(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("config_backup", "--name", "sw*")
    assert "ended: 2 changed" in capsys.readouterr().out
    network.lab.device("sw2").faults.refuse_login = True
    with pytest.raises(CommandError):
        call_command("config_backup")
    said = capsys.readouterr()
    assert "sw2: Failed: PRECHECK_AUTH_FAILED" in said.err
    assert "ended: 1 failed, 1 unchanged" in said.out
    with pytest.raises(CommandError, match="No device"):
        call_command("config_backup", "--site", "nowhere")


def test_only_those_with_the_right_start_a_backup(network: Network) -> None:
    auditor = PersonFactory.create(roles=["auditor", "change-manager"])
    for refused in (actor(auditor), Actor(user_id=None, username="nobody", origin=Origin.WEB)):
        with pytest.raises(NotPermittedError):
            backup_start(filters={}, actor=refused)
    assert not BackupRun.objects.exists()


def test_nothing_of_a_device_stays_in_memory_once_its_row_has_ended(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many devices a run has, only the readings that are being worked on are alive."""
    import gc
    import weakref

    alive: weakref.WeakSet[object] = weakref.WeakSet()
    most: list[int] = []

    class Watched(backup_device.Reading):
        __slots__ = ("__weakref__",)

        def __init__(self, *facts: object) -> None:
            super().__init__(*facts)  # type: ignore[arg-type]
            alive.add(self)
            gc.collect()
            most.append(len(alive))

    monkeypatch.setattr(backup_device, "Reading", Watched)
    for _ in range(3):
        network.back_up()
    gc.collect()
    assert len(most) == 6
    assert max(most) <= 2
    assert not alive
