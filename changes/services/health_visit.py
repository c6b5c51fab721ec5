"""One read-only visit to a device whose run succeeded: is it still itself, healthy, and as the post-checks want it?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from audit.body import clean_text, clip
from changes.domain.check_judging import Before
from changes.domain.gates import GateMode
from changes.domain.plan import CanonicalError, DevicePayload, PayloadError
from changes.domain.run_states import DeviceRunState
from changes.errors import PlanIntegrityError
from changes.models import DeviceRun, HealthVerdict, StepOutcome
from changes.services.checking import run_checks, stored_before
from changes.services.device_work import OnDriver
from changes.services.gates import GateRefusedError, Ladder, masked
from changes.services.integrity import PlanSeal
from devices.domain.occasions import Occasion, OccasionKind
from devices.domain.platforms import platform_for
from devices.drivers.base import Driver
from devices.services.identity import Identity
from devices.services.scrubbing import Scrubber
from devices.services.sessions import driver_connected


@dataclass(frozen=True, slots=True)
class Seen:
    """What a visit found; no code: the device is healthy. All texts are masked."""

    code: str = ""
    detail: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    transcript: str = ""

    @property
    def verdict(self) -> HealthVerdict:
        """Whether the device counts as healthy."""
        return HealthVerdict.UNHEALTHY if self.code else HealthVerdict.HEALTHY


def visit(run: DeviceRun, *, seal: PlanSeal, scrub: Scrubber, on_driver: OnDriver) -> Seen:
    """Open a session that may only read, and look: identity, health gate, post-checks of the signed plan, each once.

    Raises:
        DeviceError: no session came about, or it broke.
    """
    try:
        seal.check(run.device_plan)
        payload = run.device_plan.content
    except PlanIntegrityError as error:
        return Seen(error.code, str(error))
    except (PayloadError, CanonicalError) as error:
        return Seen("PLAN_HASH_MISMATCH", f"The stored plan cannot be read: {error}")
    occasion = Occasion(OccasionKind.HEALTH, run.run_id, change_id=run.run.change_id)
    with ExitStack() as session:
        driver = driver_connected(run.device, session, occasion=occasion)
        on_driver(driver)
        session.callback(on_driver, None)
        return _look(run, payload, driver, scrub)


def _look(run: DeviceRun, payload: DevicePayload, driver: Driver, scrub: Scrubber) -> Seen:
    ladder = Ladder(run.device, GateMode.ENFORCED)
    checks: list[dict[str, object]] = []
    code = detail = ""
    try:
        ladder.connected(driver)
        facts = driver.facts()
        ladder.identity(Identity.of(run.device), facts, read_config=lambda: scrub(driver.running_config()))
        ladder.health(driver, platform_for(payload.device.platform).slug)
        checks = run_checks(driver, payload.post_checks, scrub, wait=False, before=_before(run))
    except GateRefusedError as refused:
        code, detail = refused.code, refused.detail
    failed = [f"{result['name']}: {result['sentence']}" for result in checks if not result["passed"]]
    if failed:
        code, detail = "POSTCHECK_FAILED", f"It held after the change and fails now: {'; '.join(failed)}"
    return Seen(
        code=code,
        detail=scrub.prose(clean_text(detail)),
        data={"gates": masked(ladder.as_data(), scrub), "checks": checks},
        transcript=clip(clean_text(scrub.transcript(driver.transcript))),
    )


def _before(run: DeviceRun) -> Mapping[str, Before]:
    """What was read before the first line of the run was sent, for checks that compare."""
    first = run.steps.filter(name=DeviceRunState.CHECKING, outcome=StepOutcome.OK).order_by("sequence").first()
    return stored_before(first.data.get("before")) if first else {}
