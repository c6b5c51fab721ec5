"""What the queue may call. Each task takes an id, is safe to deliver twice, and says how much it did."""

from __future__ import annotations

from changes.services import delivering, execution, planning, scheduled_starts


def plan_revision(revision_id: int) -> str:
    """Work on a plan revision's devices until none is left or the deadline nears."""
    return f"{planning.plan_devices(revision_id)} device plans"


def execute_run(run_id: int) -> str:
    """Work on a run's devices until none is left or the deadline nears."""
    return f"{execution.run_devices(run_id)} device runs"


def start_scheduled(start_id: int) -> str:
    """Start a change whose window has opened, for the implementer who ordered it."""
    return scheduled_starts.start_scheduled(start_id)


def notifications_deliver() -> str:
    """Send the notifications that are due."""
    return f"{delivering.deliveries_work()} messages"


def notifications_forget() -> str:
    """Delete notifications of half a year ago."""
    return f"{delivering.notifications_forget()} notifications"
