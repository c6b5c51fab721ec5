"""A small office: three simulated switches over real SSH, the people, and changes driven through the services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from audit.actor import Actor, Origin
from changes.domain.policy import Role
from changes.models import ChangeRequest, DevicePlan, DeviceRun, PlanRevision, Run
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.execution import change_start, run_devices
from changes.services.planning import plan_devices, plan_request
from changes.services.requests import change_create, change_submit
from devices.lab.lab import Lab
from devices.lab.site import site_specs
from devices.models import Device
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import inventory_sync
from devices.sources.records import DeviceRecord, Inventory
from tests.factories import PersonFactory, people_store
from tests.sealing import seal_what_waits

SETUP = Actor(user_id=None, username="setup", origin=Origin.COMMAND)

NTP_AND_BANNER = "ntp server 10.0.0.123\nbanner motd ^Authorised access only^\n"


ROLES: Mapping[str, Sequence[Role]] = {
    "olivia": (Role.REQUESTER, Role.IMPLEMENTER),
    "oscar": (Role.REQUESTER, Role.PEER, Role.CAB),
    "pete": (Role.PEER,),
    "ana": (Role.CAB,),
    "amir": (Role.CAB,),
    "maria": (Role.CHANGE_MANAGER,),
    "audrey": (Role.AUDITOR,),
    "root": (Role.REQUESTER, Role.PEER, Role.CAB),
    "stranger": (),
}


@dataclass
class Office:
    """The lab, the people as actors, and the way of a change through the process."""

    lab: Lab
    people: dict[str, Actor]

    def draft(self, *, content: str = NTP_AND_BANNER, author: str = "olivia", **more: object) -> ChangeRequest:
        data: dict[str, object] = {
            "title": "Set NTP servers and a banner",
            "reason": "The clock must be right.",
            "content": content,
            "targets": {"filter": {"role": "access"}},
            # One device's fault is looked at by itself; what it means for the run is tested where budgets are.
            "strategy": {"failures_allowed_percent": 100},
            **more,
        }
        return change_create(data=data, author=self.people[author])

    def planned(self, change: ChangeRequest) -> PlanRevision:
        revision = plan_request(change_id=change.pk, actor=self.people["olivia"])
        plan_devices(revision.pk)
        revision.refresh_from_db()
        return revision

    def approved(self, **draft: object) -> ChangeRequest:
        change = self.draft(**draft)  # type: ignore[arg-type]
        revision = self.planned(change)
        assert revision.state == "ready", (revision.detail, problems(revision))
        change_submit(change_id=change.pk, requester=self.people["olivia"])
        for name, decide in (("pete", change_assess), ("ana", change_approve)):
            plan_open(revision=revision, actor=self.people[name])
            decide(change_id=change.pk, approver=self.people[name], plan_digest=revision.digest)
        change.refresh_from_db()
        return change

    def started(self, change: ChangeRequest) -> Run:
        run = change_start(change_id=change.pk, implementer=self.people["olivia"])
        seal_what_waits()
        return run

    def executed(self, change: ChangeRequest) -> Run:
        run = self.started(change)
        return self.worked_on(run)

    def worked_on(self, run: Run) -> Run:
        """Run the runner in this process until the run has ended; bounded by pytest's time limit."""
        import time

        while True:
            seal_what_waits()
            run_devices(run.pk)
            run.refresh_from_db()
            if run.state == "ended":
                return run
            if run.state == "paused" and not run.device_runs.busy().exists():
                raise AssertionError(f"The run does not go on by itself: {run.code} {run.detail}")
            time.sleep(0.2)


def problems(revision: PlanRevision) -> list[tuple[str, str]]:
    return list(DevicePlan.objects.filter(revision=revision).values_list("code", "detail"))


def ends(run: Run) -> Mapping[str, tuple[str, str]]:
    """Each device's end state and reason code, by name."""
    rows = DeviceRun.objects.filter(run=run).values_list("device__name", "state", "code")
    return {name: (state, code) for name, state, code in rows}


def people(roles: Mapping[str, Sequence[Role]], *, superuser: str) -> dict[str, Actor]:
    """Everybody at once, in a few queries: nearly every test begins with them."""
    users = {
        name: User(
            username=name, password=make_password(None), is_superuser=name == superuser, is_staff=name == superuser
        )
        for name in roles
    }
    people_store(users, roles)
    return {name: Actor(user_id=user.pk, username=name, origin=Origin.WEB) for name, user in users.items()}


def person(username: str, *roles: Role, superuser: bool = False) -> Actor:
    user = PersonFactory.create(username=username, is_superuser=superuser, is_staff=superuser, roles=roles)
    return Actor(user_id=user.pk, username=username, origin=Origin.WEB)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    specs = [spec for spec in site_specs(12) if spec.name in {"fra-acc-01", "fra-acc-02", "fra-acc-03"}]
    with Lab(tmp_path / "lab", specs) as running:
        yield running


@pytest.fixture
def office(transactional_db: None, lab: Lab, tmp_path: Path, settings: object) -> Office:
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"lab: {{username: {lab.username}, password: {lab.password}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"  # type: ignore[attr-defined]
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.2  # type: ignore[attr-defined]
    settings.DEVICE_RETRY_BASE_S = 0.05  # type: ignore[attr-defined]
    settings.DEVICE_READ_TIMEOUT_S = 8.0  # type: ignore[attr-defined]
    enrol(lab)
    return Office(
        lab=lab,
        people=people(ROLES, superuser="root"),
    )


def enrol(lab: Lab) -> None:
    """Bring the lab's devices and their host keys into the inventory."""
    records = tuple(
        DeviceRecord(
            key=device.name,
            name=device.name,
            platform=device.spec.platform,
            driver=device.spec.driver,
            address=device.host,
            port=device.port,
            site=device.spec.site,
            role=device.spec.role,
            tags=device.spec.tags,
            hostname=device.name,
            serial=device.spec.hardware.serial,
            credential="lab",
        )
        for device in lab.devices
    )
    inventory_sync(source="lab", inventory=Inventory(records), actor=SETUP)
    for device in lab.devices:
        if not device.host_key:
            continue
        key_type, public_key = device.host_key.split()[:2]
        host_key_enrol(
            device_id=Device.objects.get(name=device.name).pk,
            key_type=key_type,
            public_key=public_key,
            actor=SETUP,
        )


def story(run: Run) -> str:
    """Everything that the journal says of a run, for a failing test's message."""
    lines = []
    for device_run in DeviceRun.objects.filter(run=run).select_related("device"):
        lines.append(f"{device_run.device.name}: {device_run.state} {device_run.code} {device_run.detail}")
        lines += [
            f"  {step.name} {step.outcome} {step.code} {step.detail} {step.data}\n{step.transcript}"
            for step in device_run.steps.all()
        ]
    return "\n".join(lines)
