"""One device's plan: read the device, render the content, predict what it does, and fix it all in one payload."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from django.db.models.functions import Now

from changes.domain.decision_steps import seal_of
from changes.domain.gates import Gate, GateMode
from changes.domain.plan import DeviceIdentity, DevicePayload, device_digest
from changes.domain.states import DevicePlanState
from changes.domain.templates.sealing import inputs_seal
from changes.models import DevicePlan, PlanRevision
from changes.rendering import RendererUnavailableError, RenderResult, render_batch
from changes.services.checking import read_before, run_checks
from changes.services.device_work import sha256_hex
from changes.services.effects import Effect, NoBackoutError, NoTargetError, confirm_time, effect_of, target_on
from changes.services.gates import GateRefusedError, Ladder, masked
from changes.services.plan_warnings import note, reviewed, rollback_of
from devices.domain.commands import check_commands
from devices.domain.config_text import normalise
from devices.domain.diffing import diff_stat
from devices.domain.drift import change_set
from devices.domain.occasions import Occasion, OccasionKind
from devices.domain.platforms import Platform, PlatformUnmappedError, platform_for
from devices.domain.rules import rules_fingerprint
from devices.domain.warnings import OwnSession
from devices.drivers.base import Capabilities, DeviceFacts
from devices.errors import BreakerOpenError, DeviceError, HostKeyMismatchError
from devices.models import Device, HostKeyState, SnapshotPurpose
from devices.services.claims import Claim, fenced_update
from devices.services.host_key_alerts import unproved_report
from devices.services.identity import Identity
from devices.services.runner import Heartbeat
from devices.services.scrubbing import Scrubber
from devices.services.sessions import credential_name_for, driver_connected
from devices.services.snapshots import snapshot_store

_UNREADABLE = "A post-check cannot be compared later, since nothing can be read for it now. "


class UnplannableDeviceError(Exception):
    """This device cannot be planned; the others go on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class LiveDevice:
    """What was read from a device for its plan."""

    facts: DeviceFacts
    driver: str
    capabilities: Capabilities
    running: str
    pre_checks: list[dict[str, object]]
    unreadable: list[str]
    """A sentence for each post-check that will have nothing to compare with."""
    commands: tuple[str, ...]
    candidate: str | None
    """The configuration that the device itself says it would have; None where it has no candidate."""
    session: OwnSession
    """How the device was reached."""


class Planner:
    """Builds the device plans of one revision; one instance serves all threads of a runner."""

    def __init__(self, revision: PlanRevision) -> None:
        self._revision = revision
        self._inputs: dict[str, Any] = revision.inputs
        self._occasion = Occasion(OccasionKind.PLAN, revision.pk, change_id=revision.change_id)
        self._scrub = Scrubber.load()
        self._render_guard = threading.Lock()
        self._rendering: Mapping[str, object] = {}
        self._rendered = render_batch(self._inputs["content"], self._inputs["variables"], self._feed())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rendered.close()

    def build(self, claim: Claim, heartbeat: Heartbeat) -> None:
        """Build one claimed device plan; whatever the device or the content does wrong is stored on the row."""
        fenced_update(DevicePlan, claim, state=DevicePlanState.BUILDING, started_at=Now())
        plan = DevicePlan.objects.select_related("device").get(pk=claim.row_id)
        ladder = Ladder(plan.device, GateMode.REPORT_ONLY)
        try:
            values = self._planned(plan, heartbeat, ladder)
        except (UnplannableDeviceError, GateRefusedError, DeviceError) as error:
            if isinstance(error, HostKeyMismatchError):
                unproved_report(plan.device, error)
            again = " Plan again once the cause is repaired." if isinstance(error, BreakerOpenError) else ""
            detail = self._scrub.prose(error.detail) + again
            values = {"state": DevicePlanState.FAILED, "code": error.code, "detail": detail}
        values["gates"] = masked(ladder.as_data(), self._scrub)
        fenced_update(DevicePlan, claim, ended_at=Now(), owner=None, lease_until=None, **values)

    def _planned(self, plan: DevicePlan, heartbeat: Heartbeat, ladder: Ladder) -> dict[str, object]:
        device = plan.device
        try:
            platform = platform_for(device.platform)
        except PlatformUnmappedError as error:
            raise UnplannableDeviceError(error.code, str(error)) from error
        live = self._read(device, platform, heartbeat, ladder)
        try:
            effect = effect_of(live.running, live.commands, live.candidate, live.capabilities, platform)
        except (NoBackoutError, NoTargetError) as error:
            raise UnplannableDeviceError(error.code, error.detail) from error
        payload = self._payload(plan, live, effect).to_bytes()
        stat = diff_stat(effect.diff)
        found = reviewed(
            device=device,
            running=live.running,
            effect=effect,
            commands=live.commands,
            session=live.session,
            can=live.capabilities,
            platform=platform,
            scrub=self._scrub,
        )
        baseline = snapshot_store(device=device, text=live.running, purpose=SnapshotPurpose.PLAN, tree=found.running)
        return {
            "state": DevicePlanState.READY if effect.diff else DevicePlanState.UNCHANGED,
            "code": "" if effect.diff else "PLAN_EMPTY",
            "payload": payload.decode(),
            "digest": device_digest(payload),
            "baseline": baseline,
            "diff_source": effect.diff_source,
            "rules": rules_fingerprint(),
            "diff_group": _group(live.running, effect.target, platform),
            "lines_added": stat.added,
            "lines_removed": stat.removed,
            "kinds": found.kinds,
            "new_addresses": found.new_addresses,
            "unprotected": not confirm_time(live.capabilities, self._inputs["checks"]["post"]),
            "rollback": rollback_of(effect).value,
            "warnings": [
                *found.warnings,
                *(note(self._scrub.prose(sentence)) for sentence in effect.notes),
                *(note(self._scrub.prose(sentence)) for sentence in ladder.warnings()),
                *(_check_note(check) for check in live.pre_checks if not check["passed"]),
                *(note(_UNREADABLE + sentence) for sentence in live.unreadable),
            ],
        }

    def _read(self, device: Device, platform: Platform, heartbeat: Heartbeat, ladder: Ladder) -> LiveDevice:
        """Connect, climb the ladder in report mode, and read the configuration."""
        on_driver = heartbeat.watch()
        with ExitStack() as session:
            try:
                credential_name_for(device, "write")  # a plan that no credential may carry out is no plan
                driver = driver_connected(device, session, occasion=self._occasion)
            except DeviceError as error:
                ladder.not_connected(error)
                raise
            on_driver(driver)
            try:
                ladder.connected(driver)
                with ladder.at(Gate.IDENTITY):
                    facts = driver.facts()
                    ladder.identity(
                        Identity.of(device), facts, read_config=lambda: self._scrub(driver.running_config())
                    )
                ladder.health(driver, platform.slug)
                ladder.window()
                running = normalise(driver.running_config(), platform)
                with ladder.at(Gate.CHANGE):
                    checks = run_checks(driver, self._inputs["checks"]["pre"], self._scrub, wait=False)
                ladder.change_checks(checks)
                _, unreadable = read_before(driver, self._inputs["checks"]["post"], self._scrub)
                commands = self._commands(device, facts, platform)
                candidate = target_on(driver, running, commands, platform)
                return LiveDevice(
                    facts,
                    driver.name,
                    driver.capabilities,
                    running,
                    checks,
                    unreadable,
                    commands,
                    candidate,
                    driver.own_session,
                )
            finally:
                on_driver(None)

    def _commands(self, device: Device, facts: DeviceFacts, platform: Platform) -> tuple[str, ...]:
        """The rendered lines, judged: one that may never be sent fails the device."""
        result = self._render(device, facts)
        forbidden = check_commands(result.lines, platform)
        if forbidden:
            sentences = " ".join(finding.message for finding in forbidden[:5])
            raise UnplannableDeviceError("COMMAND_FORBIDDEN", sentences)
        return tuple(result.lines)

    def _render(self, device: Device, facts: DeviceFacts) -> RenderResult:
        with self._render_guard:
            self._rendering = template_facts(device, serial=facts.serial, model=facts.model)
            try:
                result = next(self._rendered)
            except (RendererUnavailableError, StopIteration) as error:
                sentence = str(error) or "Templates cannot be rendered at the moment. Tell an administrator."
                raise UnplannableDeviceError("TEMPLATE_ERROR", sentence) from error
        if result.error:
            raise UnplannableDeviceError("TEMPLATE_ERROR", str(result.error))
        return result

    def _feed(self) -> Iterator[Mapping[str, object]]:
        """What the renderer is asked for next; it takes one device at a time, under the guard."""
        while True:
            yield self._rendering

    def _payload(self, plan: DevicePlan, live: LiveDevice, effect: Effect) -> DevicePayload:
        device = plan.device
        pinned = device.host_keys.filter(state=HostKeyState.PINNED).values_list("fingerprint", flat=True)
        return DevicePayload(
            device=DeviceIdentity(
                source=device.source,
                key=device.source_key,
                name=device.name,
                platform=device.platform,
                address=device.address,
                port=device.port,
                serial=device.serial,
                hostname=device.hostname,
                host_key_sha256=tuple(sorted(pinned)),
            ),
            driver=live.driver,
            baseline_sha256=sha256_hex(live.running),
            # Lines that change nothing are not sent: an approved "nothing" must stay nothing.
            commands=live.commands if effect.diff else (),
            expected_diff=effect.diff,
            target_sha256=sha256_hex(effect.target),
            backout=effect.backout,
            backout_method=effect.backout_method,
            diff_source=effect.diff_source,
            confirm_within_s=confirm_time(live.capabilities, self._inputs["checks"]["post"]),
            policy_version=self._revision.policy_version,
            pre_checks=tuple(self._inputs["checks"]["pre"]),
            post_checks=tuple(self._inputs["checks"]["post"]),
            strategy={**self._inputs["strategy"], "wave": plan.wave, **_seals(self._inputs)},
        )


def template_facts(device: Device, *, serial: str = "", model: str = "") -> dict[str, object]:
    """What a template sees as ``device``: plain values, never a model instance."""
    return {
        "name": device.name,
        "hostname": device.hostname or device.name,
        "site": device.site,
        "role": device.role,
        "platform": device.platform,
        "address": device.address,
        "serial": serial or device.serial,
        "model": model or device.model,
        "tags": list(device.tags),
    }


def _seals(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The digests of inputs that are signed with the plan but sent to no device."""
    return {**inputs_seal(inputs), **seal_of(inputs.get("steps", ()))}


def _group(running: str, target: str, platform: Platform) -> str:
    """A fingerprint that is equal for devices on which the same lines change in the same blocks."""
    changes = sorted(change_set(running, target, platform))
    text = "\n".join("\t".join((*change.path, change.op, change.line, str(change.count))) for change in changes)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_note(check: Mapping[str, object]) -> dict[str, object]:
    return note(f"Pre-check “{check['name']}” does not hold now: {check['sentence']}", str(check["command"]))
