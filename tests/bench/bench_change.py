"""An approved change over all devices of a benchmark, made the way that people make one. Needs Django to be set up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command

from audit.actor import Actor, Origin
from audit.sealing.database import connect_sealer
from audit.sealing.seal import seal_once
from changes.domain.policy import Role
from changes.domain.states import ChangeState, PlanState
from changes.models import ChangeRequest, DevicePlan, DeviceRun, PlanRevision, Run
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.execution import change_start
from changes.services.planning import plan_devices, plan_request
from changes.services.requests import change_create, change_submit
from tests.factories import PersonFactory
from tests.sealing import installation_key

PEOPLE = {"author": (Role.REQUESTER, Role.IMPLEMENTER), "peer": (Role.PEER,), "approver": (Role.CAB,)}


def install(inventory: Path) -> None:
    """An empty installation with the devices of an inventory file, their host keys, and three people."""
    call_command("migrate", verbosity=0)
    call_command("devices_sync", str(inventory), "--pin-host-keys", verbosity=0, stdout=_Nowhere())
    for name, roles in PEOPLE.items():
        PersonFactory.create(username=name, roles=roles)


class _Nowhere:
    def write(self, _text: str) -> None: ...

    def flush(self) -> None: ...


def approved_change(lines: Sequence[str], *, at_once: int) -> ChangeRequest:
    """A change that sends these lines to every device, planned in this process, and approved.

    Raises:
        RuntimeError: a device could not be planned; the sentence says why.
    """
    change, revision = requested_plan(lines, {"max_parallel": at_once})
    while revision.state == PlanState.BUILDING:
        plan_devices(revision.pk)
        revision.refresh_from_db()
    return reviewed(change, revision)


def requested_plan(lines: Sequence[str], strategy: Mapping[str, object]) -> tuple[ChangeRequest, PlanRevision]:
    """A change that sends these lines to every device, and the plan of it that workers are to build."""
    author = actor("author")
    change = change_create(
        data={
            "title": "Describe the uplinks",
            "reason": "A benchmark.",
            "content": "\n".join(lines) + "\n",
            "targets": {"filter": {"site": ["BENCH"]}},
            "strategy": dict(strategy),
        },
        author=author,
    )
    return change, plan_request(change_id=change.pk, actor=author)


def reviewed(change: ChangeRequest, revision: PlanRevision) -> ChangeRequest:
    """The change with its finished plan, submitted, assessed and approved.

    Raises:
        RuntimeError: a device could not be planned; the sentence says why.
    """
    if revision.state != PlanState.READY:
        problems = DevicePlan.objects.filter(revision=revision).exclude(code="").values_list("detail", flat=True)
        raise RuntimeError(f"the plan is {revision.state}: {revision.detail} {list(problems[:3])}")
    change_submit(change_id=change.pk, requester=actor("author"))
    for person, decide in ((actor("peer"), change_assess), (actor("approver"), change_approve)):
        plan_open(revision=revision, actor=person)
        decide(change_id=change.pk, approver=person, plan_digest=revision.digest)
    change.refresh_from_db()
    if change.state != ChangeState.APPROVED:
        raise RuntimeError(f"the change is {change.state} instead of approved")
    return change


def started(change: ChangeRequest) -> Run:
    """A run of it that no worker has looked at; its approvals are sealed."""
    run = change_start(change_id=change.pk, implementer=actor("author"))
    with closing(connect_sealer()) as sealer:
        while seal_once(sealer, installation_key()):
            pass
    return run


def ends(run: Run) -> dict[str, int]:
    """How many devices ended how: state and code."""
    counts: dict[str, int] = {}
    for state, code, detail in DeviceRun.objects.filter(run=run).values_list("state", "code", "detail"):
        name = f"{state} {code} {detail}".strip()
        counts[name] = counts.get(name, 0) + 1
    return counts


def actor(name: str) -> Actor:
    """One of the three people."""
    user = User.objects.get(username=name)
    return Actor(user_id=user.pk, username=name, origin=Origin.COMMAND)
