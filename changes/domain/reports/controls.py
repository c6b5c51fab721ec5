"""The fourteen controls of network automation in production, and which reason codes show each at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from changes.domain.roles import Role


@dataclass(frozen=True, slots=True)
class Control:
    """One control: its key, who owns it by charter, which codes show that it acted, and the figure that measures it."""

    key: str
    title: str
    owner: Role
    prefixes: tuple[str, ...]
    kpi: str = ""


CONTROLS: Final = (
    Control("CTL-01", "Device identity", Role.IMPLEMENTER, ("IDENTITY_",)),
    Control(
        "CTL-02", "Pre-flight checks", Role.IMPLEMENTER, ("PRECHECK_", "FREEZE_", "SCHEDULE_", "START_", "DEVICE_BUSY")
    ),
    Control("CTL-03", "Trust in the inventory", Role.ADMINISTRATOR, ("SOT_", "INV_", "PLATFORM_")),
    Control("CTL-04", "Drift", Role.CHANGE_MANAGER, ("DRIFT_", "PLAN_STALE"), "unauthorized-changes"),
    Control(
        "CTL-05",
        "Convergence",
        Role.IMPLEMENTER,
        ("CONVERGENCE_", "RETRY_", "BLIND_", "CONFIG_NOT_SAVED", "SAVE_"),
        "success-rate",
    ),
    Control(
        "CTL-06",
        "Blast radius",
        Role.CHANGE_MANAGER,
        ("ABORT_THRESHOLD", "CANARY_", "SCOPE_", "BATCH_", "PROMOTION_", "STOPPED_"),
    ),
    Control(
        "CTL-07",
        "Safe failure",
        Role.IMPLEMENTER,
        (
            "POSTCHECK_",
            "COMMAND_",
            "CONNECTION_",
            "RUN_",
            "BREAKER_",
            "KILL_",
            "TIMEOUT",
            "LEASE_",
            "WORKER_",
            "OUTPUT_",
        ),
        "change-failure-rate",
    ),
    Control("CTL-08", "Rollback", Role.IMPLEMENTER, ("ROLLBACK_", "CONFIRM_"), "rollback-rate"),
    Control("CTL-09", "Plan before writing", Role.CHANGE_MANAGER, ("PLAN_", "TEMPLATE_")),
    Control("CTL-10", "Reasons for operators", Role.IMPLEMENTER, (), "human-intervention-rate"),
    Control(
        "CTL-11", "Audit and evidence", Role.AUDITOR, ("EVIDENCE_", "ARTIFACT_", "REVIEW_"), "evidence-completeness"
    ),
    Control("CTL-12", "Secrets", Role.SECURITY, ("SECRET_",)),
    Control(
        "CTL-13",
        "Human approval",
        Role.CAB,
        ("GATE_", "THREADS_", "POLICY_", "DELEGATION_", "DEMAND_", "STEP_"),
        "high-risk-approvals",
    ),
    Control("CTL-14", "When not to automate", Role.CHANGE_MANAGER, ("READINESS_", "OWNER_"), "emergency-share"),
)
_PREFIXES: Final = sorted(
    ((prefix, control) for control in CONTROLS for prefix in control.prefixes), key=lambda pair: -len(pair[0])
)


def control_of(code: str) -> Control | None:
    """The control that a reason code belongs to; the longest prefix decides."""
    return next((control for prefix, control in _PREFIXES if code.startswith(prefix)), None)


def acted(codes: Mapping[str, int]) -> dict[str, int]:
    """How often each control acted, by its key, from how often each code was given."""
    found = {control.key: 0 for control in CONTROLS}
    for code, count in codes.items():
        control = control_of(code)
        if control is not None:
            found[control.key] += count
    return found


def maturity(times_acted: int, rag: str) -> str:
    """How far a control has come, by its evidence alone: on target, measured, in use, or without evidence."""
    if rag == "green":
        return "Effective: measured, and on target"
    if rag in {"amber", "red"}:
        return "Measured, not on target"
    return "In use: it acted in the period" if times_acted else "No evidence in the period"
