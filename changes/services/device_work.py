"""What one device's run needs, gathered and verified before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db.models import QuerySet

from changes.domain.orders import SafePoint
from changes.domain.plan import CanonicalError, DevicePayload, PayloadError
from changes.domain.run_states import DeviceRunState, Goal
from changes.errors import PlanIntegrityError
from changes.models import DeviceRun, RunStep
from changes.services.approval_seals import STILL_WAITS, ApprovalSeals
from changes.services.integrity import PlanSeal, verify_approvals
from changes.services.journal import BlockedError, Journal, OrderedStopError, StepNotes
from devices.domain.platforms import Platform, platform_for
from devices.drivers.base import Driver, PendingConfirm
from devices.errors import HostKeyMismatchError
from devices.models import Device, DeviceStatus, HostKeyState
from devices.services.host_key_alerts import unproved_report
from devices.services.scrubbing import Scrubber

OnDriver = Callable[[Driver | None], None]
"""Told which driver is in use, so that a worker whose heartbeat fails can close its transport."""


@dataclass
class DeviceWork:
    """One claimed device run with its verified plan."""

    run: DeviceRun
    payload: DevicePayload
    platform: Platform
    journal: Journal
    scrub: Scrubber
    on_driver: OnDriver
    seals: ApprovalSeals
    baseline: str
    """The normalised configuration that the plan was made from."""
    before: str
    """The normalised configuration before the first line was sent; empty until it was read."""
    approved: str = ""
    """The configuration that was approved, once it was computed."""
    target: str = ""
    """What the configuration must be after the last line; known once staleness was checked."""
    pending: PendingConfirm | None = None
    """The commit that the device takes back by itself unless it is confirmed, once there is one."""
    estimates: dict[str, str] = field(default_factory=dict, repr=False)
    """What the approved lines lead to, by the configuration that they were computed from."""
    may_begin: bool = False
    """Whether all that carries the plan was proved to be sealed: before that, nothing is sent for the first time."""

    def refuse_unsealed(self) -> None:
        """Give the device back as long as its approvals are not sealed in the audit log.

        Raises:
            OrderedStopError: they are not; the device waits, and nothing was sent.
        """
        found = self.seals.against(self.run.device_plan.revision_id)
        if found is not None:
            raise OrderedStopError(SafePoint.HOLD, found.code, f"{found.detail} {STILL_WAITS}")
        self.may_begin = True

    def assert_may_begin(self) -> None:
        """Stop a way to the first line that did not lead past the seals; there is none, and a test looks for one."""
        if not self.may_begin:
            raise AssertionError("The seals of the approvals were not asked before a device is written.")

    def steps(self, *states: DeviceRunState) -> QuerySet[RunStep]:
        """This run's journalled steps of these names, oldest first; of all claims, but of the present attempt only."""
        return self.all_steps().filter(name__in=states).order_by("sequence")

    def all_steps(self) -> QuerySet[RunStep]:
        """This run's journalled steps, without those before people had it retried, or had its rollback ordered."""
        self.journal.flush()
        return RunStep.objects.filter(device_run=self.run, sequence__gt=self.run.goal_step)

    @contextmanager
    def step(self, state: DeviceRunState, driver: Driver | None = None) -> Iterator[StepNotes]:
        """A journal step that keeps the session's redacted transcript of this step."""
        start = len(driver.transcript) if driver else 0
        with self.journal.step(state) as notes:
            try:
                yield notes
            except HostKeyMismatchError as error:
                # another connection of the same session may meet another device than the first one did
                unproved_report(self.run.device, error)
                raise
            finally:
                if driver:
                    notes.transcript = self.scrub.transcript(driver.transcript[start:])


def gather(run: DeviceRun, *, seal: PlanSeal, journal: Journal, scrub: Scrubber, on_driver: OnDriver) -> DeviceWork:
    """Verify the stored plan, its approvals and the device's identity in the inventory; nothing is sent.

    Approvals are asked of what begins only: one that expired meanwhile must not keep a device from being taken back.

    Raises:
        BlockedError: the plan is not what was approved, or the device is no longer what was planned.
    """
    payload = _verified_payload(run, seal)
    _same_identity(run.device, payload)
    if run.state != DeviceRunState.RECONCILING:
        _in_service(run.device)
    return DeviceWork(
        run=run,
        payload=payload,
        platform=platform_for(payload.device.platform),
        journal=journal,
        scrub=scrub,
        on_driver=on_driver,
        seals=seal.approvals,
        baseline=_verified_baseline(run, payload),
        before=run.before.blob.text if run.before else "",
    )


def sha256_hex(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, as it stands in a payload."""
    return hashlib.sha256(text.encode()).hexdigest()


def _verified_payload(run: DeviceRun, seal: PlanSeal) -> DevicePayload:
    plan = run.device_plan
    try:
        seal.check(plan)
        # What was begun is read back, and taken back, whatever became of its approvals since.
        if run.goal == Goal.APPLY and run.state != DeviceRunState.RECONCILING:
            verify_approvals(run.run.change, plan.revision)
        payload = plan.content
    except PlanIntegrityError as error:
        raise BlockedError(error.code, str(error)) from error
    except (PayloadError, CanonicalError) as error:
        raise BlockedError("PLAN_HASH_MISMATCH", f"The stored plan cannot be read: {error}") from error
    if plan.digest != run.plan_digest:
        raise BlockedError("PLAN_HASH_MISMATCH", "The device's plan is not the one that this run was started with.")
    if payload.strategy.get("wave", 1) != run.wave.number:
        raise BlockedError("PLAN_HASH_MISMATCH", "The device was approved for another wave than it stands in.")
    return payload


def _verified_baseline(run: DeviceRun, payload: DevicePayload) -> str:
    baseline = run.device_plan.baseline
    text = baseline.blob.text if baseline else ""
    if sha256_hex(text) != payload.baseline_sha256:
        raise BlockedError(
            "PLAN_HASH_MISMATCH", "The stored baseline is not the configuration that the plan was made from."
        )
    return text


def _in_service(device: Device) -> None:
    if device.status != DeviceStatus.ACTIVE:
        raise BlockedError(
            "PLAN_STALE",
            f"{device.name} is no longer in service: the inventory says {device.get_status_display().lower()}."
            " Nothing was sent. Plan again when it is active.",
        )
    if device.exclusion:
        raise BlockedError(
            device.exclusion, f"{device.exclusion_detail} Nothing was sent. Plan again when it is right."
        )


def _same_identity(device: Device, payload: DevicePayload) -> None:
    identity = payload.device
    if (device.source, device.source_key) != (identity.source, identity.key):
        raise BlockedError("PLAN_HASH_MISMATCH", "The plan is for another device than the run names.")
    planned = (
        identity.name, identity.platform, identity.address, identity.port, identity.serial, identity.hostname,
    )  # fmt: skip
    current = (device.name, device.platform, device.address, device.port, device.serial, device.hostname)
    if planned != current:
        raise BlockedError(
            "PLAN_STALE", "The inventory changed this device's identity after the plan was made. Plan again."
        )
    pinned = sorted(key.fingerprint for key in device.host_keys.all() if key.state == HostKeyState.PINNED)
    if identity.host_key_sha256 != tuple(pinned):
        raise BlockedError(
            "PLAN_STALE",
            "Other host keys are pinned for this device than when the plan was made. Plan again.",
        )
