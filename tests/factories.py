"""People, devices, changes and plans for tests: the fixed cast, and rows made the way the product makes them.

Changes come from the services, so that their audit events exist; plans are real payload bytes with real digests, as
a worker would have left them; device runs are carried on with the worker's own journal.
"""

# factory_boy's declarations are not typed, though the package says so.
# mypy: disable-error-code="no-untyped-call,untyped-decorator"

from __future__ import annotations

import base64
import struct
import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction
from factory.declarations import Sequence as Numbered
from factory.django import DjangoModelFactory, Password
from factory.enums import CREATE_STRATEGY
from factory.helpers import post_generation

from audit.actor import Actor, Origin
from audit.models import Event
from changes.domain.approval_policy.shipped_policies import BUILTIN_POLICY
from changes.domain.decision_steps import seal_of
from changes.domain.plan import DeviceIdentity, DevicePayload, device_digest, device_order, merkle_root
from changes.domain.policy import Role
from changes.domain.run_states import DeviceRunState
from changes.domain.states import DevicePlanState, PlanState
from changes.domain.templates.sealing import inputs_seal
from changes.models import ChangeRequest, DevicePlan, DeviceRun, PlanRevision, Run
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.decision_steps import steps_frozen
from changes.services.device_work import sha256_hex
from changes.services.execution import change_start, claimable_device_runs, run_advance
from changes.services.fact_gathering import facts_gather
from changes.services.journal import Journal
from changes.services.requests import change_create, change_submit
from changes.services.rollout import waves_settle
from changes.services.template_use import template_inputs
from devices.models import Device, HostKey, SnapshotPurpose
from devices.services.claims import claim_next
from devices.services.host_keys import fingerprint
from devices.services.snapshots import snapshot_store
from portal.access import access_changing, access_created

TESTER = Actor.system("test")
PASSWORD = "correct horse battery staple"

BASELINE = """hostname {name}
!
interface GigabitEthernet1/0/1
 description desk 1
!
ntp server 192.0.2.9
snmp-server community s3cr3t-community RO
"""
COMMANDS = ("ntp server 192.0.2.123",)
BACKOUT = ("no ntp server 192.0.2.123",)
TARGET = BASELINE.replace("ntp server 192.0.2.9\n", "ntp server 192.0.2.9\nntp server 192.0.2.123\n")
DIFF = """--- running
+++ planned
@@ -4,4 +4,5 @@
  description desk 1
 !
 ntp server 192.0.2.9
+ntp server 192.0.2.123
 snmp-server community s3cr3t-community RO
"""
DRAFT: Mapping[str, object] = {
    "title": "Set the NTP server of the access switches",
    "reason": "The clock must be right before certificates are renewed.",
    "content": "ntp server {{ server }}\n",
    "variables": {"server": "192.0.2.123"},
    "targets": {"filter": {"site": ["FRA"], "role": ["access"]}},
    "checks": {
        "pre": [],
        "post": [
            {
                "name": "Server is configured",
                "command": "show running-config | include ntp server",
                "expect": "contains",
                "value": "192.0.2.123",
                "timeout_s": 10,
            }
        ],
    },
}


class PersonFactory(DjangoModelFactory[User]):
    """Somebody who can sign in with :data:`PASSWORD`; ``roles`` are the groups."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = Numbered(lambda n: f"person{n}")
    password = Password(PASSWORD)

    @classmethod
    def _generate(cls, strategy: str, params: Any) -> Any:  # noqa: ANN401 - as factory_boy declares it
        """The account, its groups and its event are committed together."""
        with transaction.atomic() if strategy == CREATE_STRATEGY else nullcontext():
            return super()._generate(strategy, params)

    @post_generation
    def roles(self, create: bool, given: Sequence[str] | None, **_: object) -> None:
        """Put the person into the groups of these roles, and write the event of the account."""
        if create and given:
            groups = Group.objects.filter(name__in=[str(role) for role in given])
            if len(groups) != len(given):
                raise LookupError(f"not every role of {given} has its group")
            self.groups.set(groups)  # type: ignore[attr-defined]  # factory_boy calls this with the instance
        if create:
            access_created(cast("User", self), actor=TESTER)


def joins(person: User, *groups: str) -> User:
    """Put somebody into further groups, as ``manage.py person`` does."""
    with access_changing(user=person, actor=TESTER):
        person.groups.add(*Group.objects.filter(name__in=groups))
    return person


def leaves_all(person: User) -> None:
    """Take somebody out of all groups."""
    with access_changing(user=person, actor=TESTER):
        person.groups.clear()


def switched(person: User, *, active: bool) -> None:
    """Switch an account on or off."""
    with access_changing(user=person, actor=TESTER):
        person.is_active = active
        person.save(update_fields=["is_active"])


class DeviceFactory(DjangoModelFactory[Device]):
    """A device that can be the target of a change: active, with an address, a credential's name and a pinned key."""

    class Meta:
        model = Device
        skip_postgeneration_save = True

    source = "lab"
    source_key = LazyAttribute(lambda device: device.name)
    # Plans order devices by the bytes of their keys: with fewer digits, the thousandth would stand before the second.
    name = Numbered(lambda n: f"fra-acc-{n:05}")
    platform = "cisco_ios"
    address = "192.0.2.10"
    port = 22
    site = "FRA"
    role = "access"
    tags = LazyFunction(lambda: ["edge"])
    hostname = LazyAttribute(lambda device: device.name)
    serial = Numbered(lambda n: f"FOC{n:08}")
    model = "WS-C2960X-24TS-L"
    credential = "lab"
    synced_at = LazyFunction(timezone.now)

    @post_generation
    def pinned(self, create: bool, given: bool | None, **_: object) -> None:
        """Pin a key, unless ``pinned=False``."""
        if create and given is not False:
            HostKeyFactory.create(device=self)


def public_key(number: int) -> str:
    """A well-formed ed25519 public key in base64; nobody holds its other half."""
    parts = [b"ssh-ed25519", number.to_bytes(32, "big")]
    return base64.b64encode(b"".join(struct.pack(">I", len(part)) + part for part in parts)).decode()


class HostKeyFactory(DjangoModelFactory[HostKey]):
    """A pinned key."""

    class Meta:
        model = HostKey

    key_type = "ssh-ed25519"
    public_key = Numbered(public_key)
    fingerprint = LazyAttribute(lambda key: fingerprint(key.public_key))
    enrolled_by = "setup"


@dataclass(frozen=True, slots=True)
class Cast:
    """The fixed people of the tests. ``author`` may also implement, as small teams do."""

    author: User
    colleague: User
    peer: User
    approver: User
    second_approver: User
    manager: User
    implementer: User
    auditor: User
    outsider: User
    superuser: User

    @classmethod
    def create(cls) -> Cast:
        """Everybody, with their groups; few queries, since nearly every test begins with it."""
        roles = {
            "author": [Role.REQUESTER, Role.IMPLEMENTER],
            "colleague": [Role.REQUESTER, Role.PEER, Role.CAB],
            "peer": [Role.PEER],
            "approver": [Role.CAB],
            "second_approver": [Role.CAB],
            "manager": [Role.CHANGE_MANAGER],
            "implementer": [Role.IMPLEMENTER],
            "auditor": [Role.AUDITOR],
        }
        people = {name: PersonFactory.build(username=name.removesuffix("_approver")) for name in [*roles, "outsider"]}
        people["superuser"] = PersonFactory.build(username="superuser", is_superuser=True, is_staff=True)
        people_store(people, roles)
        return cls(**people)


@transaction.atomic
def people_store(people: Mapping[str, User], roles: Mapping[str, Sequence[str]]) -> None:
    """Save accounts with their groups and events."""
    User.objects.bulk_create(people.values())
    groups = {group.name: group for group in Group.objects.all()}
    User.groups.through.objects.bulk_create(
        User.groups.through(user=people[name], group=groups[role]) for name in roles for role in roles[name]
    )
    access_created(*people.values(), actor=TESTER)


def state_told(kind: str, object_id: int) -> str:
    """What the log says of a thing; an event that goes on from anywhere else is refused for that alone."""
    told = Event.objects.filter(object_type=kind, object_id=str(object_id)).exclude(state_to=F("state_from"))
    return told.exclude(state_to="").order_by("-id").values_list("state_to", flat=True).first() or ""


def actor(user: User) -> Actor:
    """The person as services see them."""
    return Actor(user_id=user.pk, username=user.username, origin=Origin.WEB, request_id="", ip="192.0.2.7")


def draft(author: User, **fields: object) -> ChangeRequest:
    """A draft as its author wrote it; ``fields`` replace those of :data:`DRAFT`."""
    return change_create(data={**DRAFT, **fields}, author=actor(author))


def ready_plan(
    change: ChangeRequest,
    devices: Sequence[Device],
    *,
    commands: tuple[str, ...] = COMMANDS,
    diff: str = DIFF,
    steps: Sequence[Mapping[str, object]] = (),
    found: Mapping[str, object] | None = None,
) -> PlanRevision:
    """The current plan of a draft as a worker would have left it: real bytes, real digests, real baselines.

    ``found`` is what the rules found on each device (``warnings``, ``kinds`` …); with it the plan has its facts.
    """
    revision = PlanRevision.objects.create(
        change=change,
        number=change.revisions.count() + 1,
        inputs={
            "content": change.content,
            "variables": change.variables,
            "checks": change.checks,
            "strategy": change.strategy,
            "targets": change.targets,
            **template_inputs(change),
            **({"steps": steps_frozen(list(steps))} if steps else {}),
        },
        policy_version=BUILTIN_POLICY.label,
        device_count=len(devices),
        requested_by=change.author,
    )
    ordered = sorted(devices, key=lambda device: device_order(device.source, device.source_key))
    for position, device in enumerate(ordered):
        _device_plan(revision, device, position, commands=commands, diff=diff)
    waves_settle(revision)
    if found is not None:
        kept = {"unprotected": True, "rollback": "computed", **found}
        DevicePlan.objects.filter(revision=revision).update(**kept)
        revision.facts = facts_gather(revision)
    revision.state = PlanState.READY
    digests = DevicePlan.objects.filter(revision=revision).order_by("position").values_list("digest", flat=True)
    revision.digest = merkle_root(list(digests))
    revision.finished_at = timezone.now()
    revision.save()
    change.revision = revision
    change.save(update_fields=["revision"])
    return revision


def _device_plan(
    revision: PlanRevision, device: Device, position: int, *, commands: tuple[str, ...], diff: str
) -> DevicePlan:
    baseline = BASELINE.format(name=device.name)
    payload = DevicePayload(
        device=DeviceIdentity(
            source=device.source,
            key=device.source_key,
            name=device.name,
            platform=device.platform,
            address=device.address,
            port=device.port,
            serial=device.serial,
            hostname=device.hostname,
            host_key_sha256=tuple(sorted(device.host_keys.values_list("fingerprint", flat=True))),
        ),
        driver="netmiko-cli",
        baseline_sha256=sha256_hex(baseline),
        commands=commands,
        expected_diff=diff,
        target_sha256=sha256_hex(TARGET.format(name=device.name)),
        backout=BACKOUT,
        policy_version=revision.policy_version,
        pre_checks=tuple(revision.inputs["checks"]["pre"]),
        post_checks=tuple(revision.inputs["checks"]["post"]),
        strategy={
            **revision.inputs["strategy"],
            "wave": 1,
            **inputs_seal(revision.inputs),
            **seal_of(revision.inputs.get("steps", [])),
        },
    ).to_bytes()
    return DevicePlan.objects.create(
        revision=revision,
        device=device,
        position=position,
        state=DevicePlanState.READY,
        payload=payload.decode(),
        digest=device_digest(payload),
        baseline=snapshot_store(device=device, text=baseline, purpose=SnapshotPurpose.PLAN),
        diff_source="estimate",
        diff_group=sha256_hex(diff),
        lines_added=1,
        lines_removed=0,
    )


def submitted(author: User, devices: Sequence[Device], **fields: object) -> ChangeRequest:
    """A change in assessment, with a ready plan."""
    change = draft(author, **fields)
    ready_plan(change, devices)
    return change_submit(change_id=change.pk, requester=actor(author))


def assessed(cast: Cast, devices: Sequence[Device], **fields: object) -> ChangeRequest:
    """A change in authorization: the peer has approved it."""
    change = submitted(cast.author, devices, **fields)
    _decide(change, cast.peer, change_assess)
    return _again(change)


def approved(cast: Cast, devices: Sequence[Device], **fields: object) -> ChangeRequest:
    """A change that may be started: peer and CAB have approved it."""
    change = assessed(cast, devices, **fields)
    _decide(change, cast.approver, change_approve)
    return _again(change)


def started(cast: Cast, devices: Sequence[Device], **fields: object) -> Run:
    """A run that no worker has looked at yet."""
    return change_start(change_id=approved(cast, devices, **fields).pk, implementer=actor(cast.author))


def _decide(change: ChangeRequest, reviewer: User, decide: Any) -> None:  # noqa: ANN401 - one of two services
    if change.revision is None:
        raise ValueError("the change has no plan")
    plan_open(revision=change.revision, actor=actor(reviewer))
    decide(change_id=change.pk, approver=actor(reviewer), plan_digest=change.revision.digest)


def _again(change: ChangeRequest) -> ChangeRequest:
    return ChangeRequest.objects.select_related("revision").get(pk=change.pk)


def wave_carried_out(run: Run, *, rejected: Sequence[Device] = (), advance: bool = True) -> list[str]:
    """Carry the devices of the open wave to their ends, then let the run go as far as it may; returns their names."""
    rows = list(claimable_device_runs(run.pk).select_related("device"))
    for row in rows:
        _carry_out(row, rejects=row.device in rejected)
    if advance:
        run_advance(run.pk)
        run.refresh_from_db()
    return [row.device.name for row in rows]


def carried_out(run: Run, *, rejected: Sequence[Device] = ()) -> Run:
    """Carry every device of a run to its end with the worker's journal, then end the run.

    The devices in ``rejected`` refuse the line and are backed out; the others succeed.
    """
    for row in run.device_runs.select_related("device").order_by("pk"):
        _carry_out(row, rejects=row.device in rejected)
    run_advance(run.pk)
    run.refresh_from_db()
    return run


def _carry_out(row: DeviceRun, *, rejects: bool) -> None:
    claim = claim_next(DeviceRun.objects.filter(pk=row.pk), owner=uuid.uuid4())
    if claim is None:
        raise ValueError("somebody else works on the device")
    journal = Journal(claim)
    before, after = (text.format(name=row.device.name) for text in (BASELINE, TARGET))
    for state in (DeviceRunState.CONNECTING, DeviceRunState.CHECKING, DeviceRunState.SNAPSHOTTING):
        with journal.step(state):
            pass
    journal.note(before=snapshot_store(device=row.device, text=before, purpose=SnapshotPurpose.BEFORE), drift="same")
    sentence = "The device refused line 1 of 1, “ntp server 192.0.2.123”: % Invalid input detected"
    with journal.step(DeviceRunState.APPLYING) as notes:
        journal.line(sent=1, applied=0 if rejects else 1)
        notes.transcript = "> ntp server 192.0.2.123"
        if rejects:
            notes.fail("COMMAND_REJECTED", sentence)
    rest = (DeviceRunState.BACKING_OUT,) if rejects else (DeviceRunState.VERIFYING, DeviceRunState.SAVING)
    for state in rest:
        with journal.step(state):
            pass
    text = before if rejects else after
    journal.note(after=snapshot_store(device=row.device, text=text, purpose=SnapshotPurpose.AFTER))
    if rejects:
        journal.end(DeviceRunState.ROLLED_BACK, code="COMMAND_REJECTED", detail=sentence)
    else:
        journal.end(DeviceRunState.SUCCEEDED)
