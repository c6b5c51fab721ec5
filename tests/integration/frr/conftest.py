"""Three real routers under the product: in the inventory, with pinned keys, and changes driven through the services."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit.actor import Actor, Origin
from changes.domain.check_library import library_checks
from changes.domain.policy import Role
from changes.models import ChangeRequest, DeviceRun, PlanRevision, Run
from changes.services import checking
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.execution import change_start, run_devices
from changes.services.planning import plan_devices, plan_request
from changes.services.requests import change_create, change_submit
from devices.models import Device
from devices.services.host_keys import host_key_enrol
from devices.services.inventory import inventory_sync
from devices.sources.records import DeviceRecord, Inventory
from tests.integration.changes.conftest import person, problems, story
from tests.integration.frr.lab import PASSWORD, FrrLab, Router, why_not
from tests.sealing import seal_what_waits

SETUP = Actor(user_id=None, username="setup", origin=Origin.COMMAND)


@dataclass
class Network:
    """The routers, the people, and the way of a change through the process."""

    lab: FrrLab
    people: dict[str, Actor]

    def router(self, number: int) -> Router:
        return self.lab.router(number)

    def draft(self, router: Router, *lines: str, **more: object) -> ChangeRequest:
        data: dict[str, object] = {
            "title": f"Change {router.name}",
            "reason": "It is needed.",
            "content": "\n".join(lines),
            "targets": {"device_ids": [Device.objects.get(name=router.name).pk]},
            **more,
        }
        return change_create(data=data, author=self.people["author"])

    def planned(self, change: ChangeRequest) -> PlanRevision:
        revision = plan_request(change_id=change.pk, actor=self.people["author"])
        plan_devices(revision.pk)
        revision.refresh_from_db()
        return revision

    def executed(self, router: Router, *lines: str, **more: object) -> DeviceRun:
        """A change of one router from draft to the end of its run."""
        change = self.draft(router, *lines, **more)
        revision = self.planned(change)
        assert revision.state == "ready", (revision.detail, problems(revision))
        change_submit(change_id=change.pk, requester=self.people["author"])
        for name, decide in (("peer", change_assess), ("approver", change_approve)):
            plan_open(revision=revision, actor=self.people[name])
            decide(change_id=change.pk, approver=self.people[name], plan_digest=revision.digest)
        run = change_start(change_id=change.pk, implementer=self.people["author"])
        seal_what_waits()
        return self._worked_on(run)

    def _worked_on(self, run: Run) -> DeviceRun:
        deadline = time.monotonic() + 60
        while run.state != "ended":
            assert time.monotonic() < deadline, story(run)
            run_devices(run.pk)
            run.refresh_from_db()
            time.sleep(0.05)
        return run.device_runs.get()


def after(*checks: Mapping[str, object]) -> dict[str, Sequence[Mapping[str, object]]]:
    """The checks of a change that has post-checks only."""
    return {"post": checks}


def from_library(key: str, **changed: object) -> dict[str, object]:
    """A check of the library with fields changed, as a requester would."""
    return {**library_checks()[key].check.to_json(), **changed}


def results(run: DeviceRun, step: str = "verifying") -> list[dict[str, Any]]:
    """What the checks of the step's last attempt found."""
    return run.steps.filter(name=step).order_by("-sequence")[0].data["checks"]  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def frr() -> Iterator[FrrLab]:
    reason, possible = why_not()
    if reason:
        sentence = f"REAL ROUTERS ARE NOT TESTED: {reason}."
        if possible and os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with FrrLab() as lab:
        yield lab


@pytest.fixture
def routers(frr: FrrLab) -> FrrLab:
    """The routers as they started, with BGP up."""
    frr.reset()
    return frr


@pytest.fixture
def configured(frr: FrrLab) -> FrrLab:
    """The routers with the configuration that they started with; BGP may still be on its way."""
    frr.reset(bgp=False)
    return frr


@pytest.fixture
def network(
    routers: FrrLab,
    transactional_db: None,
    tmp_path: Path,
    settings: Any,  # noqa: ANN401 - the fixture takes any setting
    monkeypatch: pytest.MonkeyPatch,
) -> Network:
    monkeypatch.setattr(checking, "POLL_S", 0.25)
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"routers: {{username: {routers.prefix}, password: {PASSWORD}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"
    settings.DEVICE_READ_TIMEOUT_S = 8.0
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.2
    records = tuple(
        DeviceRecord(
            key=router.name, name=router.name, platform="frr", address=router.host, port=22, site="LAB",
            role="router", hostname=router.name, credential="routers",
        )
        for router in routers.routers
    )  # fmt: skip
    inventory_sync(source="lab", inventory=Inventory(records), actor=SETUP)
    for router in routers.routers:
        key_type, public_key = router.host_key.split()[:2]
        device = Device.objects.get(name=router.name)
        host_key_enrol(device_id=device.pk, key_type=key_type, public_key=public_key, actor=SETUP)
    people = {
        "author": person("author", Role.REQUESTER, Role.IMPLEMENTER),
        "peer": person("peer", Role.PEER),
        "approver": person("approver", Role.CAB),
    }
    return Network(routers, people)
