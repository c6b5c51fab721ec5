"""What the queue may call. Each task is safe to deliver twice, and says how much it did."""

from __future__ import annotations

from audit.actor import Actor
from devices.errors import DeviceError
from devices.services import (
    address_index,
    backups,
    compliance,
    credential_uses,
    drift,
    inventory_journal,
    inventory_netbox,
    inventory_webhook,
    periodic,
)

SCHEDULE = Actor.system("schedule")


def periodic_run(task: str) -> str:
    """Do a recurring task that was due."""
    return periodic.periodic_run(task)


def backup_scheduled() -> str:
    """Start the recurring backup of all devices."""
    run = backups.backup_scheduled()
    return f"{run} of {run.device_count} devices" if run else "the last one still goes on"


def backup_work(run_id: int) -> str:
    """Work on a backup run's devices until none is left or the deadline nears."""
    return f"{backups.backup_work(run_id)} device backups"


def addresses_fill() -> str:
    """Index the addresses of devices whose configurations were stored before there was an index."""
    return f"{address_index.addresses_fill()} devices"


def credential_uses_settle() -> str:
    """Report the uses of credentials by work that went quiet, and forget the old ones."""
    return f"{credential_uses.credential_uses_settle()} events"


def drift_fall_due() -> str:
    """Bring deferred drift back to review."""
    return f"{drift.drift_fall_due()} drift records"


def compliance_assess_rule(rule_id: int) -> str:
    """Judge all devices by a compliance rule."""
    return f"{compliance.compliance_assess_rule(rule_id)} devices"


def inventory_sync_due() -> str:
    """Synchronise with NetBox: what changed, or all devices when that is due."""
    try:
        run = inventory_netbox.netbox_due(actor=SCHEDULE)
    except DeviceError as error:
        return error.detail
    return f"{run}: {run.state}" if run else "no NetBox is set up"


def inventory_sync_waiting() -> str:
    """Do a synchronisation that somebody asked for and the queue forgot."""
    try:
        run = inventory_netbox.netbox_waiting()
    except DeviceError as error:
        return error.detail
    return f"{run}: {run.state}" if run else "nothing waits"


def inventory_sync_run(run_id: int) -> str:
    """Do a synchronisation that somebody asked for."""
    try:
        run = inventory_netbox.netbox_run(run_id)
    except DeviceError as error:
        return error.detail
    return f"{run}: {run.state}" if run else "done already"


def inventory_deliveries_due() -> str:
    """Reconcile what webhook calls told of."""
    run = inventory_webhook.deliveries_reconcile()
    return f"{run}: {run.state}" if run else "nothing waits, or the source is busy"


def inventory_journal_due() -> str:
    """Send the journal entries that are due."""
    return f"{inventory_journal.journal_send_due()} journal entries"
