"""Reading changes: lists, what waits for whom, targets, and what blocks a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from changes.domain import policy
from changes.domain.errors import InvalidInputError
from changes.domain.input import hidden_character, one_of
from changes.domain.policy import Person, Role
from changes.domain.risk.levels import RiskLevel
from changes.domain.run_states import WaveState
from changes.domain.states import ChangeState, ChangeType
from changes.domain.targets import TargetSpec
from changes.errors import ChangeNotFoundError
from changes.models import (
    Approval,
    ChangeQuerySet,
    ChangeRequest,
    DevicePlan,
    DeviceRun,
    PlanRevision,
    Run,
    RunStep,
    Wave,
)
from devices.domain.drivers import Proof, proof_demanded
from devices.domain.pins import serves
from devices.domain.platforms import PLATFORMS
from devices.models import Device, DeviceStatus, HostKeyState
from devices.selectors import devices_matching

CHANGE_FILTERS = ("state", "type", "risk", "author", "device", "text")
"""What a list of changes can be narrowed by; an unknown name is refused."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A device that matches but cannot be a target, with its reason code and a sentence."""

    device: Device
    code: str
    sentence: str

    @property
    def told(self) -> str:
        """The sentence with its code, for texts."""
        return f"{self.sentence} ({self.code})"


@dataclass(frozen=True, slots=True)
class Targets:
    """The devices that a target specification means now."""

    devices: tuple[Device, ...]
    excluded: tuple[Excluded, ...]


def resolve_targets(spec: TargetSpec) -> Targets:
    """Turn a specification into devices in plan order (source, key); three queries whatever their number.

    Raises:
        InvalidInputError: an id that no device has.
    """
    found = Device.objects.filter(pk__in=spec.device_ids) if spec.device_ids else devices_matching(spec.filters)
    keyed = set(found.order_by().filter(host_keys__state=HostKeyState.PINNED).values_list("pk", "host_keys__key_type"))
    devices = sorted(found, key=lambda device: (device.source.encode(), device.source_key.encode()))
    missing = sorted(set(spec.device_ids) - {device.pk for device in devices})
    if missing:
        raise InvalidInputError({"targets.device_ids": [f"There is no device with the id {missing[0]}."]})
    types: dict[int, list[str]] = {}
    for device_id, key_type in keyed:
        types.setdefault(device_id, []).append(key_type)
    judged = [(device, _exclusion(device, types.get(device.pk, ()))) for device in devices]
    return Targets(
        devices=tuple(device for device, excluded in judged if excluded is None),
        excluded=tuple(excluded for _device, excluded in judged if excluded is not None),
    )


_NOT_ACTIVE = {
    DeviceStatus.INACTIVE: "is not active",
    DeviceStatus.MAINTENANCE: "is in maintenance",
    DeviceStatus.DECOMMISSIONED: "is decommissioned",
    DeviceStatus.MISSING: "is no longer listed by its source",
}


def _exclusion(device: Device, pinned: Sequence[str]) -> Excluded | None:
    """Why a device cannot be written to, whatever the change: the first reason, or None.

    ``pinned`` are the types of its pinned keys.
    """
    if device.status != DeviceStatus.ACTIVE or device.exclusion:
        return _inventory_exclusion(device)
    if not device.address:
        return Excluded(device, "INV_NO_PRIMARY_IP", f"{device.name} has no address to connect to.")
    if device.platform not in PLATFORMS:
        return Excluded(device, "PLATFORM_UNMAPPED", f"The platform of {device.name} is not supported.")
    if not device.credential:
        return Excluded(device, "SECRET_UNAVAILABLE", f"{device.name} names no credential.")
    proof = proof_demanded(device.platform, device.driver)
    if proof is not Proof.NOTHING and not any(serves(proof, key_type) for key_type in pinned):
        return Excluded(device, "IDENTITY_HOST_KEY_MISMATCH", f"No {_PINNED_NAME[proof]} is pinned for {device.name}.")
    return None


_PINNED_NAME = {Proof.HOST_KEY: "SSH host key", Proof.CERTIFICATE: "TLS certificate"}


def _inventory_exclusion(device: Device) -> Excluded:
    """What the inventory says against a device that it lists."""
    if device.exclusion and device.status != DeviceStatus.MISSING:
        return Excluded(device, device.exclusion, device.exclusion_detail)
    return Excluded(device, "INV_NOT_ACTIVE", f"{device.name} {_NOT_ACTIVE[DeviceStatus(device.status)]}.")


def changes_matching(filters: Mapping[str, str]) -> ChangeQuerySet:
    """Changes, newest first, narrowed by :data:`CHANGE_FILTERS`; empty values narrow nothing.

    Raises:
        InvalidInputError: an unknown filter, or a value that it cannot have.
    """
    changes = ChangeRequest.objects.with_people().order_by("-pk")
    for name, value in filters.items():
        if name not in CHANGE_FILTERS:
            raise InvalidInputError({name: [f"There is no filter “{name}”. Allowed: {one_of(CHANGE_FILTERS)}."]})
        hidden = hidden_character(value)
        if hidden:
            raise InvalidInputError({name: [f"In this filter {hidden}"]})
        if value:
            changes = changes.filter(_condition(name, value))
    return changes


def _condition(name: str, value: str) -> Q:
    if name == "state":
        states = value.split(",")
        unknown = [state for state in states if state not in set(ChangeState)]
        if unknown:
            raise InvalidInputError({"state": [f"“{unknown[0]}” is no state. Allowed: {one_of(ChangeState)}."]})
        return Q(state__in=states)
    if name == "type":
        if value not in set(ChangeType):
            raise InvalidInputError({"type": [f"“{value}” is no change type. Allowed: {one_of(ChangeType)}."]})
        return Q(type=value)
    if name == "risk":
        if value not in set(RiskLevel):
            raise InvalidInputError({"risk": [f"“{value}” is no risk level. Allowed: {one_of(RiskLevel)}."]})
        return Q(risk_level=value)
    if name == "author":
        return Q(author__username__iexact=value)
    if name == "device":
        # Not by a join: devices of one name in one plan would list the change once each.
        return Q(revision__in=DevicePlan.objects.filter(device__name__iexact=value).values("revision"))
    number = value.upper().removeprefix("CHG-")
    by_number = Q(pk=int(number)) if number.isascii() and number.isdigit() and len(number) < 18 else Q()
    return (
        by_number | Q(title__icontains=value) if by_number else Q(title__icontains=value) | Q(reason__icontains=value)
    )


def changes_waiting_for(person: Person) -> ChangeQuerySet:
    """Changes whose next step this person's roles allow, oldest first: their inbox. One query.

    The exact verdict, with its reasons, is on the change's page; here the separation of duties is applied roughly:
    nobody finds own changes to approve.
    """
    waits = Q(pk__in=[])
    strangers = ~Q(author_id=person.id) & ~Q(editors=person.id)
    if Role.PEER in person.roles:
        waits |= Q(state=ChangeState.ASSESSMENT) & strangers
    if Role.CAB in person.roles:
        waits |= Q(state=ChangeState.AUTHORIZATION) & strangers
    if Role.IMPLEMENTER in person.roles:
        waits |= Q(state__in=[ChangeState.APPROVED, ChangeState.SCHEDULED])
    if Role.CHANGE_MANAGER in person.roles:
        waits |= Q(state=ChangeState.REVIEW) & strangers
    gates = {Role.IMPLEMENTER, Role.CHANGE_MANAGER, Role.CAB} & person.roles
    if gates and Role.AUDITOR not in person.roles:
        asked = Wave.objects.filter(
            state=WaveState.WAITING, run__strategy__gate_role__in=sorted(gates), run__change=OuterRef("pk")
        )
        waits |= Q(Exists(asked), state__in=[ChangeState.IMPLEMENTING, ChangeState.PAUSED])
    if Role.REQUESTER in person.roles:
        waits |= Q(state__in=[ChangeState.DRAFT, ChangeState.STALE], author_id=person.id)
    return ChangeRequest.objects.with_people().filter(waits).distinct().order_by("pk")


def changes_touching(device_id: int) -> ChangeQuerySet:
    """Changes whose current plan, or any run, names a device; newest first. One query."""
    # Not by joins: a change's plans times its device runs would be gone through, and they go into the thousands.
    planned = Q(revision__in=DevicePlan.objects.filter(device_id=device_id).values("revision"))
    executed = Q(pk__in=DeviceRun.objects.filter(device_id=device_id).values("run__change"))
    return ChangeRequest.objects.with_people().filter(planned | executed).order_by("-pk")


def device_plans_of(revision: PlanRevision) -> QuerySet[DevicePlan]:
    """A revision's device plans in device order, with their devices; payloads included."""
    return DevicePlan.objects.filter(revision=revision).select_related("device").order_by("position")


def plan_progress(revision: PlanRevision) -> dict[str, int]:
    """How many device plans are in each state; one query."""
    rows = DevicePlan.objects.filter(revision=revision).values_list("state").annotate(count=Count("pk"))
    return dict(rows.order_by("state"))


def run_progress(run: Run) -> dict[str, int]:
    """How many device runs are in each state; one query."""
    rows = DeviceRun.objects.filter(run=run).values_list("state").annotate(count=Count("pk"))
    return dict(rows.order_by("state"))


def device_runs_of(run: Run) -> QuerySet[DeviceRun]:
    """A run's device runs with devices, snapshots and steps, in wave and plan order; two queries.

    Steps come with their transcripts: take a page at a time.
    """
    return (
        DeviceRun.objects.filter(run=run)
        .select_related("device", "wave", "before", "after", "health_check")
        .prefetch_related("steps")
        .order_by("wave__number", "device_plan__position")
    )


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that stands between a change and its next step; ``kind`` is ``people`` or ``machine``."""

    kind: str
    code: str
    sentence: str


def blockers(change: ChangeRequest, facts: policy.ChangeFacts) -> Iterator[Blocker]:
    """What blocks the change now, people gates and machine gates apart. At most two queries."""
    state = ChangeState(change.state)
    if change.on_hold:
        yield Blocker("people", "on_hold", "The change is on hold.")
    if state is ChangeState.DRAFT:
        yield from _plan_blockers(change)
    stage = policy.stage_open(facts.stages, policy.live_approvals(facts))
    if state in {ChangeState.ASSESSMENT, ChangeState.AUTHORIZATION} and stage:
        given = sum(1 for fact in policy.live_approvals(facts) if fact.stage == stage.name)
        yield Blocker(
            "people",
            "PLAN_NOT_APPROVED",
            f"Stage “{stage.name}” needs {stage.quorum - given} more approval"
            f"{'s' if stage.quorum - given != 1 else ''} from the group {stage.group}.",
        )
    if state is ChangeState.APPROVED:
        yield Blocker("people", "waiting", "An implementer has to start it.")
    if state is ChangeState.REVIEW:
        yield Blocker("people", "waiting", "A change manager who did not write or implement it has to close it.")


def _plan_blockers(change: ChangeRequest) -> Iterator[Blocker]:
    revision = change.revision
    if revision is None:
        yield Blocker("machine", "PLAN_MISSING", "There is no plan yet. Build one, read it, then submit.")
    elif revision.state == "building":
        yield Blocker("machine", "PLAN_MISSING", "The plan is being built.")
    elif revision.state == "failed":
        yield Blocker("machine", revision.code or "PLAN_MISSING", revision.detail or "The plan could not be made.")


def change_get(change_id: int) -> ChangeRequest:
    """One change with its people and its current revision; one query.

    Raises:
        ChangeNotFoundError: there is none with this id.
    """
    found = ChangeRequest.objects.with_people().select_related("last_editor").filter(pk=change_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no change with the id {change_id}.")
    return found


def approvals_of(change: ChangeRequest) -> QuerySet[Approval]:
    """Every decision on a change, void ones too, oldest first, with approvers and revisions; one query."""
    return Approval.objects.filter(change=change).select_related("approver", "on_behalf_of", "revision").order_by("pk")


def runs_of(change: ChangeRequest) -> QuerySet[Run]:
    """A change's runs, newest first, with who started them; one query."""
    return Run.objects.filter(change=change).select_related("started_by", "revision").order_by("-pk")


def last_run_of(change: ChangeRequest) -> Run | None:
    """The newest run of a change, with ``waits``: whether one of its waves waits for a person; one query."""
    waiting = Wave.objects.filter(run=OuterRef("pk"), state=WaveState.WAITING)
    return Run.objects.filter(change=change).annotate(waits=Exists(waiting)).order_by("-pk").first()


def run_get(run_id: int) -> Run:
    """One run with its change, its revision and who started it; one query.

    Raises:
        ChangeNotFoundError: there is none with this id.
    """
    found = Run.objects.select_related("change", "revision", "started_by").filter(pk=run_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no run with the id {run_id}.")
    return found


def ladder_of(steps: Sequence[RunStep]) -> Sequence[Mapping[str, object]]:
    """The pre-check ladder of a device's run as it was climbed last, before anything was sent; no query."""
    found: Sequence[Mapping[str, object]] = ()
    for step in steps:
        gates = step.data.get("gates") if isinstance(step.data, Mapping) else None
        found = gates if isinstance(gates, list) else found
    return found
