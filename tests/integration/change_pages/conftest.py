"""The pages about a change as people meet them: a browser's session for each of the cast, and plans of many shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from changes.domain.plan import device_digest, merkle_root
from changes.models import ChangeRequest, DevicePlan, PlanRevision
from changes.services.device_work import sha256_hex
from devices.domain.diffing import diff_stat
from devices.models import Device, SnapshotPurpose
from devices.services.snapshots import snapshot_store
from tests.factories import Cast, DeviceFactory, ready_plan

HTMX = {"HX-Request": "true"}

As = Callable[[User], Client]


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2, 3)]


@pytest.fixture
def as_() -> As:
    """``as_(person)``: a browser that is signed in."""

    def client(person: User) -> Client:
        signed_in = Client()
        signed_in.force_login(person)
        return signed_in

    return client


def reworked(plan: DevicePlan, *, baseline: str = "", **payload: Any) -> DevicePlan:  # noqa: ANN401 - any field of it
    """A device's plan with another payload, as a worker would have left it; seal the revision afterwards."""
    if baseline:
        plan.baseline = snapshot_store(device=plan.device, text=baseline, purpose=SnapshotPurpose.PLAN)
        payload["baseline_sha256"] = sha256_hex(baseline)
    content = replace(plan.content, **payload).to_bytes()
    stat = diff_stat(payload.get("expected_diff", plan.content.expected_diff))
    plan.payload, plan.digest = content.decode(), device_digest(content)
    plan.lines_added, plan.lines_removed = stat.added, stat.removed
    plan.save()
    return plan


def sealed(revision: PlanRevision) -> PlanRevision:
    """The revision with the digest of the device plans that it has now."""
    plans = DevicePlan.objects.filter(revision=revision).order_by("position")
    revision.digest = merkle_root(list(plans.values_list("digest", flat=True)))
    revision.save(update_fields=["digest"])
    return revision


def plan_with(
    change: ChangeRequest, devices: Sequence[Device], payloads: Mapping[int, Mapping[str, Any]]
) -> PlanRevision:
    """A ready plan whose payloads at some positions differ from the usual one."""
    revision = ready_plan(change, devices)
    for position, payload in payloads.items():
        reworked(revision.device_plans.select_related("device").get(position=position), **payload)
    return sealed(revision)


def diff_of(*lines: str, section: str = "", at: int = 4) -> str:
    """A unified diff of one hunk."""
    old = sum(line[0] != "+" for line in lines)
    new = sum(line[0] != "-" for line in lines)
    header = f"@@ -{at},{old} +{at},{new} @@" + (f" {section}" if section else "")
    return "\n".join(["--- running", "+++ intended", header, *lines, ""])
