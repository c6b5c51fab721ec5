"""What the queue may call. Each task is safe to deliver twice, and says how much it did."""

from __future__ import annotations

from devices.services import backups, compliance, drift


def backup_scheduled() -> str:
    """Start the recurring backup of all devices."""
    run = backups.backup_scheduled()
    return f"{run} of {run.device_count} devices" if run else "the last one still goes on"


def backup_work(run_id: int) -> str:
    """Work on a backup run's devices until none is left or the deadline nears."""
    return f"{backups.backup_work(run_id)} device backups"


def drift_fall_due() -> str:
    """Bring deferred drift back to review."""
    return f"{drift.drift_fall_due()} drift records"


def compliance_assess_rule(rule_id: int) -> str:
    """Judge all devices by a compliance rule."""
    return f"{compliance.compliance_assess_rule(rule_id)} devices"
