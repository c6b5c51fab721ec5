"""What the queue may call. Each task takes an id, is safe to deliver twice, and says how much it did."""

from __future__ import annotations

from changes.services import (
    approval_watch,
    delivering,
    execution,
    hook_calls,
    open_stages,
    planning,
    review_actions,
    scheduled_starts,
    window_reminders,
)
from changes.services.evidence import expiring
from changes.services.evidence import making as evidence
from changes.services.reports import making


def plan_revision(revision_id: int) -> str:
    """Work on a plan revision's devices until none is left or the deadline nears."""
    return f"{planning.plan_devices(revision_id)} device plans"


def execute_run(run_id: int) -> str:
    """Work on a run's devices until none is left or the deadline nears."""
    return f"{execution.run_devices(run_id)} device runs"


def start_scheduled(start_id: int) -> str:
    """Start a change whose window has opened, for the implementer who ordered it."""
    return scheduled_starts.start_scheduled(start_id)


def windows_near() -> str:
    """Tell the people of changes whose window opens soon."""
    return f"{window_reminders.windows_near_tell()} changes"


def notifications_deliver() -> str:
    """Send the notifications that are due."""
    return f"{delivering.deliveries_work()} messages"


def notifications_forget() -> str:
    """Delete notifications of half a year ago."""
    return f"{delivering.notifications_forget()} notifications"


def reviews_remind() -> str:
    """Tell owners of actions that are due, and those who have to write a review."""
    return f"{review_actions.actions_remind()} actions, {review_actions.reviews_remind()} reviews"


def reports_due() -> str:
    """Make the reports of the last week, month and quarter, where they are not there yet."""
    return f"{len(making.reports_make_due())} reports"


def approvals_due() -> str:
    """Remind and escalate where approvals wait, and let expire what was not started in time. It approves nothing."""
    return f"{approval_watch.approvals_look()} changes looked at, {open_stages.open_stages_review()} inbox rows settled"


def hooks_work() -> str:
    """Call the hooks that are to be called."""
    return f"{hook_calls.hooks_work()} calls"


def evidence_pack_make(pack_id: int) -> str:
    """Make an evidence pack, if it waits and nobody is at it."""
    return evidence.pack_make(pack_id)


def evidence_packs_expire() -> str:
    """Remove the archives whose time is over."""
    return f"{expiring.packs_expire()} evidence packs"
