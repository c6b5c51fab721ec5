"""A plan while it is being built, and the reasons where it could not be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from changes.domain.reasons import reason
from changes.domain.states import DevicePlanState, PlanState
from changes.models import DevicePlan, PlanRevision
from devices.domain.reasons import Reason, UnknownReasonError
from portal.presenters.links import device_url, page_url
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.words import counted

NAMES_SHOWN = 50
DEVICES_LISTED = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the planning is; ``devices`` are names and states, ``seen`` changes exactly when something else does."""

    done: int
    total: int
    failed: int
    unchanged: int
    devices: tuple[tuple[str, str], ...]
    seen: str

    @property
    def text(self) -> str:
        """``7 of 12 devices``."""
        return f"{self.done} of {counted(self.total, 'device')}"


def progress_of(sight: Sight) -> Progress:
    """How far the workers are with a plan; one query. The devices of a large plan are counted, not listed."""
    totals, revision = sight.totals, sight.revision
    plans = DevicePlan.objects.filter(revision=revision).order_by("position")
    devices = tuple(plans.values_list("device__name", "state")) if totals.devices <= DEVICES_LISTED else ()
    facts = (revision.pk if revision else 0, revision.state if revision else "", sorted(totals.states.items()), devices)
    return Progress(
        done=totals.done,
        total=totals.devices,
        failed=totals.count(DevicePlanState.FAILED),
        unchanged=totals.count(DevicePlanState.UNCHANGED),
        devices=devices,
        seen=hashlib.sha256(repr(facts).encode()).hexdigest()[:16],
    )


@dataclass(frozen=True, slots=True)
class FailedDevice:
    """A device that could not be planned, by name."""

    name: str
    url: str
    gates_url: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Devices that failed for the same reason, in the same words."""

    reason: Reason
    detail: str
    devices: tuple[FailedDevice, ...]
    more: int


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Why a plan came to nothing, as a whole."""

    title: str
    text: str
    code: str
    next_step: str


def plan_problem(revision: PlanRevision | None) -> PlanProblem | None:
    """What to say of a revision that failed; None of others."""
    if revision is None or revision.state != PlanState.FAILED:
        return None
    empty = revision.code == "PLAN_EMPTY"
    return PlanProblem(
        title="There is nothing to change" if empty else "This plan could not be made",
        text=revision.detail,
        code=revision.code,
        next_step=reason_of(revision.code).next_step if empty else "",
    )


def reason_of(code: str, sentence: str = "") -> Reason:
    """A catalogue entry; for a code that is in no catalogue the sentence itself, so that nothing is hidden."""
    try:
        return reason(code)
    except UnknownReasonError:
        return Reason(code, sentence or "No further reason is on record.", "Ask an administrator.", permanent=True)


def failures_of(sight: Sight, mask: Mask) -> tuple[Failure, ...]:
    """Why a plan failed, device by device, those with the same reason together; one query."""
    revision = sight.revision
    if revision is None or revision.state not in {PlanState.FAILED, PlanState.BUILDING}:
        return ()
    rows = DevicePlan.objects.filter(revision=revision, state=DevicePlanState.FAILED).order_by("position")
    found: dict[tuple[str, str], list[FailedDevice]] = {}
    for code, detail, device_id, name, position in rows.values_list(
        "code", "detail", "device_id", "device__name", "position"
    ):
        gates_url = page_url("plan-gates", revision.change_id, position)
        found.setdefault((code, detail), []).append(FailedDevice(name, device_url(device_id), gates_url))
    return tuple(
        Failure(reason_of(code, detail), mask.prose(detail), tuple(devices[:NAMES_SHOWN]), len(devices[NAMES_SHOWN:]))
        for (code, detail), devices in found.items()
    )
