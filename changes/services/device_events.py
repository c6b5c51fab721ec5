"""The audit events of device runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from audit.actor import Actor
from audit.recorder import EventValue, event_values, record
from changes.domain.run_states import DEVICE_ENDED, DeviceRunState
from changes.models import DeviceRun

WORKER: Final = Actor.system("worker")
ENDED: Final = "device_run.ended"


def audit_device_run(
    run: DeviceRun,
    *,
    actor: Actor,
    state_from: str,
    state_to: str,
    code: str = "",
    reason: str = "",
    details: Mapping[str, object] | None = None,
    action: str = "",
) -> None:
    """Write the audit event of a device run's transition, in the caller's transaction."""
    record(
        actor=actor,
        action=action or _action(state_to),
        object_type="device_run",
        object_id=run.pk,
        object_label=f"{run.run.change.number} on {run.device.name}",
        change_id=run.run.change_id,
        device_id=run.device_id,
        state_from=state_from,
        state_to=state_to,
        code=code,
        reason=reason,
        details={**_facts(run), **(details or {})},
    )


def transition_values(run: DeviceRun, *, state_from: str, state_to: str, code: str, reason: str) -> list[EventValue]:
    """The same event, by a worker, as values for the journal's statement.

    That of an end names the configurations that were read before and after.
    """
    action = _action(state_to)
    return event_values(
        actor=WORKER,
        action=action,
        object_type="device_run",
        object_id=run.pk,
        object_label=f"{run.run.change.number} on {run.device.name}",
        change_id=run.run.change_id,
        device_id=run.device_id,
        state_from=state_from,
        state_to=state_to,
        code=code,
        reason=reason,
        details={**_facts(run), **(_configurations(run) if action == ENDED else {})},
    )


def _action(state_to: str) -> str:
    return ENDED if DeviceRunState(state_to) in DEVICE_ENDED else "device_run.step_entered"


def _configurations(run: DeviceRun) -> dict[str, object]:
    found = {"config_before_sha256": run.before, "config_after_sha256": run.after}
    return {name: snapshot.blob_id for name, snapshot in found.items() if snapshot is not None}


def _facts(run: DeviceRun) -> dict[str, object]:
    return {
        "run": run.run_id,
        "fence": run.fence,
        "plan_digest": run.plan_digest,
        "lines_sent": run.lines_sent,
        "lines_applied": run.lines_applied,
        **({"backout_sent": run.backout_sent, "backout_applied": run.backout_applied} if run.backout_sent else {}),
        **({"drift": run.drift} if run.drift else {}),
    }
