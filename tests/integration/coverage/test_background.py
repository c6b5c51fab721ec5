"""What happens without a person: tasks of the queue, the dispatcher's jobs, hooks, and a worker on real devices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from inspect import getmembers, isfunction
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from audit.models import Event
from changes import tasks as change_tasks
from changes.domain.evidence import PackScope
from changes.domain.notifications import Topic
from changes.models import ChangeRequest, EvidencePack, RunStep, ScheduledStart
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.delivering import deliveries_dispatch
from changes.services.dispatch import dispatch_once
from changes.services.evidence.asking import pack_ask
from changes.services.evidence.expiring import packs_ring
from changes.services.hook_calls import hooks_dispatch
from changes.services.notifying import notify
from changes.services.planning import plan_request
from changes.services.requests import change_submit
from changes.services.scheduled_starts import start_ask
from changes.services.scheduling import change_schedule
from devices import tasks as device_tasks
from devices.models import BackupRun, ComplianceRule, CredentialUse, DriftRecord, InventorySource
from devices.services.backups import backups_dispatch
from devices.services.drift_decisions import drift_defer
from devices.services.inventory_runs import sync_request
from devices.services.periodic import periodic_call_due
from portal.management.commands import dispatcher
from tests.factories import TESTER, Cast, DeviceFactory, actor, approved, carried_out, started
from tests.integration.changes.conftest import ROLES, Office, enrol, people
from tests.integration.coverage.noting import Notes
from tests.integration.coverage.test_devices import drifted
from tests.integration.coverage.walking import Walk
from tests.integration.inventory.netbox_stub import NetBoxStub
from tests.integration.lab_fixtures import LAB_PASSWORD, LabFactory, small_device
from tests.sealing import seal_what_waits

WALKED = {
    "changes.tasks": {
        "approvals_due", "evidence_pack_make", "evidence_packs_expire", "execute_run", "hooks_work",
        "notifications_deliver", "notifications_forget", "plan_revision", "reports_due", "reviews_remind",
        "start_scheduled", "windows_near",
    },
    "devices.tasks": {
        "addresses_fill", "backup_scheduled", "backup_work", "compliance_assess_rule", "credential_uses_settle",
        "drift_fall_due", "inventory_deliveries_due", "inventory_journal_due", "inventory_sync_due",
        "inventory_sync_run", "inventory_sync_waiting", "periodic_run",
    },
}  # fmt: skip
"""The tasks that the tests below call, by module."""
JOBS = (dispatch_once, backups_dispatch, periodic_call_due, deliveries_dispatch, hooks_dispatch, packs_ring)
"""What the dispatcher does every second."""


def functions_of(module: str) -> set[str]:
    try:
        found = import_module(module)
    except ModuleNotFoundError:
        return set()
    return {name for name, value in getmembers(found, isfunction) if value.__module__ == module}


def test_every_task_and_every_job_of_the_dispatcher_is_walked() -> None:
    modules = [name for name in configured.COUNTERSIGN_TASK_MODULES if not name.startswith("tests.")]
    for module in modules:
        unknown = functions_of(module) - WALKED.get(module, set())
        assert not unknown, f"The walk does not call {module}.{', '.join(sorted(unknown))}: call it below, see WALKED."
        assert WALKED.get(module, set()) <= functions_of(module), f"{module} has lost a task that the walk names"
    periodic = {name.rpartition(".")[2] for name in configured.COUNTERSIGN_PERIODIC}
    assert periodic <= set.union(*WALKED.values()), "the walk does not call a recurring task: call it below"
    source = Path(dispatcher.__file__).read_text()
    named = source[source.index("jobs = (") : source.index(")", source.index("jobs = ("))]
    for job in named.removeprefix("jobs = (").split(","):
        assert job.strip() in {each.__name__ for each in JOBS}, f"The walk does not call {job}: add it to JOBS."


@pytest.fixture
def walk(notes: Notes) -> Iterator[Walk]:
    """One way only: nobody is behind it."""
    found = Walk(Cast.create(), notes)
    yield found
    assert not found.problems, "\n".join(found.problems)


def did(walk: Walk, task: Callable[..., object], *given: object, writes: bool = True) -> None:
    """Call a task; what it writes is told, and it does write unless there is nothing to do."""
    walk.notes.forget()
    told = task(*given)
    if writes and not walk.notes.written():
        walk.problems.append(f"{task.__name__} wrote nothing, so the walk proves nothing: {told}")
    walk.check(f"task {task.__name__}")


def test_a_worker_on_real_devices(walk: Walk, lab: LabFactory, tmp_path: Path, settings: Settings) -> None:
    running = lab(small_device("sw1"))
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"lab: {{username: {running.username}, password: {LAB_PASSWORD}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"
    enrol(running)
    roles = {name: held for name, held in ROLES.items() if name in {"olivia", "pete", "ana"}}
    office = Office(running, people(roles, superuser="nobody"))
    change = office.draft(content="ntp server 10.0.0.123\n", targets={"filter": {"name": "sw1"}})
    revision = plan_request(change_id=change.pk, actor=office.people["olivia"])
    did(walk, change_tasks.plan_revision, revision.pk)
    revision.refresh_from_db()
    assert revision.state == "ready", revision.detail
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    for name, decide in (("pete", change_assess), ("ana", change_approve)):
        plan_open(revision=revision, actor=office.people[name])
        decide(change_id=change.pk, approver=office.people[name], plan_digest=revision.digest)
    run = office.started(change)
    for _ in range(20):
        seal_what_waits()
        did(walk, change_tasks.execute_run, run.pk, writes=False)
        run.refresh_from_db()
        if run.state == "ended":
            break
    assert run.outcome == "succeeded"
    steps = list(RunStep.objects.filter(device_run__run=run).values_list("name", flat=True))
    entered = Event.objects.filter(action="device_run.step_entered", change_id=change.pk).count()
    assert entered >= len(steps) > 0, "each step on the device is an event"
    CredentialUse.objects.update(last_at=F("last_at") - timedelta(hours=1), reported=0)
    did(walk, device_tasks.credential_uses_settle)
    did(walk, device_tasks.backup_scheduled)
    backup = BackupRun.objects.get()
    did(walk, device_tasks.backup_work, backup.pk)
    did(walk, device_tasks.addresses_fill, writes=False)


def test_what_falls_due(walk: Walk) -> None:
    cast = walk.cast
    change = approved(cast, [DeviceFactory.create()])
    now = timezone.now()
    soon, later = now + timedelta(minutes=10), now + timedelta(hours=2)
    times = {"window_start": soon.isoformat(), "window_end": later.isoformat()}
    change_schedule(change_id=change.pk, actor=actor(cast.manager), data=times)
    start = start_ask(change_id=change.pk, actor=actor(cast.implementer))
    did(walk, change_tasks.windows_near)
    ScheduledStart.objects.update(starts_at=now - timedelta(seconds=6))
    ChangeRequest.objects.filter(pk=change.pk).update(window_start=now - timedelta(seconds=6))
    did(walk, dispatch_once, writes=False)
    did(walk, change_tasks.start_scheduled, start.pk)
    old = approved(cast, [DeviceFactory.create()])
    long_ago = now - timedelta(days=400)
    ChangeRequest.objects.filter(pk=old.pk).update(updated_at=long_ago)
    did(walk, change_tasks.approvals_due)
    device = DeviceFactory.create(site="MUC")
    carried_out(started(cast, [device]), rejected=[device])
    did(walk, change_tasks.reviews_remind, writes=False)
    did(walk, change_tasks.reports_due, writes=False)
    drift = drifted()
    drift_defer(
        drift_id=drift.pk,
        reason="Later.",
        until=(now + timedelta(days=1)).date(),
        actor=actor(cast.manager),
    )
    DriftRecord.objects.update(deferred_until=(now - timedelta(days=2)).date())
    did(walk, device_tasks.drift_fall_due)
    rule = ComplianceRule.objects.create(platform="cisco_ios", feature="NTP", section="ntp server")
    did(walk, device_tasks.compliance_assess_rule, rule.pk)


def test_messages_hooks_and_packs(walk: Walk, background_sealer: object, settings: Settings) -> None:
    assert background_sealer
    cast = walk.cast
    notify(Topic.APPROVAL_WAITS, people=[cast.peer.pk], subject="It waits", sentence="Read it.", path="/changes/")
    did(walk, change_tasks.notifications_deliver, writes=False)
    did(walk, change_tasks.notifications_forget, writes=False)
    did(walk, change_tasks.hooks_work, writes=False)
    settings.EVIDENCE_REPORT = "tests.integration.evidence.test_asking.no_report"
    pack = pack_ask(actor=actor(cast.auditor), scope=PackScope.FILTER, filters={"actor": "auditor"})
    for _ in range(40):
        did(walk, change_tasks.evidence_pack_make, pack.pk, writes=False)
        pack.refresh_from_db()
        if pack.state == "ready":
            break
        EvidencePack.objects.update(not_before=None)
        time.sleep(0.1)
    assert pack.state == "ready", pack.detail
    EvidencePack.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    did(walk, change_tasks.evidence_packs_expire, writes=True)
    for job in JOBS:
        did(walk, job, writes=False)
    did(walk, device_tasks.periodic_run, "changes.tasks.notifications_forget", writes=False)


def test_inventory(walk: Walk, netbox: NetBoxStub) -> None:
    netbox.add(1)
    did(walk, device_tasks.inventory_sync_due)
    run = sync_request(source="netbox", actor=TESTER)
    did(walk, device_tasks.inventory_sync_run, run.pk)
    did(walk, device_tasks.inventory_sync_waiting, writes=False)
    did(walk, device_tasks.inventory_deliveries_due, writes=False)
    did(walk, device_tasks.inventory_journal_due, writes=False)
    assert InventorySource.objects.exists()
