"""How every state looks: one word, one shape and one tone each, so that colour never says it alone."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Look:
    """``glyph`` is a symbol of ``img/icons.svg``; ``tone`` one of idle, ok, bad, warn, live, wait."""

    glyph: str
    tone: str = "idle"
    spins: bool = False


UNMAPPED: Final = Look("s-pending")

# Green stands only for what is whole and verified: partial, rolled back and aborted are never green.
LOOKS: Final[dict[str, Look]] = {
    # A change request
    "draft": Look("s-draft"),
    "assessment": Look("s-assessment", "wait"),
    "authorization": Look("s-authorization", "wait"),
    "approved": Look("s-approved", "ok"),
    "scheduled": Look("s-scheduled", "live"),
    "stale": Look("s-stale", "warn"),
    "implementing": Look("s-implementing", "live"),
    "paused": Look("s-paused", "warn"),
    "rolling_back": Look("s-rollback", "warn"),
    "review": Look("s-review", "wait"),
    "closed": Look("s-closed"),
    "rejected": Look("s-rejected", "bad"),
    "canceled": Look("s-canceled"),
    # Its close code
    "successful": Look("s-closed", "ok"),
    "successful_with_issues": Look("s-partial", "warn"),
    "aborted": Look("s-canceled", "warn"),
    # A plan and a device's plan
    "building": Look("s-running", "live", spins=True),
    "ready": Look("s-approved", "ok"),
    "unchanged": Look("s-skipped"),
    "superseded": Look("s-canceled"),
    # A run and a device's run
    "pending": Look("s-pending"),
    "running": Look("s-running", "live", spins=True),
    "ended": Look("s-closed"),
    "connecting": Look("s-running", "live", spins=True),
    "checking": Look("s-running", "live", spins=True),
    "snapshotting": Look("s-running", "live", spins=True),
    "applying": Look("s-running", "live", spins=True),
    "awaiting_confirm": Look("s-scheduled", "live"),
    "verifying": Look("s-running", "live", spins=True),
    "saving": Look("s-running", "live", spins=True),
    "backing_out": Look("s-rollback", "warn"),
    "reconciling": Look("s-review", "warn"),
    "succeeded": Look("s-succeeded", "ok"),
    "partial": Look("s-partial", "warn"),
    "failed": Look("s-rejected", "bad"),
    "rolled_back": Look("s-rollback", "warn"),
    "rollback_pending": Look("s-rollback", "wait"),
    "rollback_failed": Look("s-failed", "bad"),
    "skipped": Look("s-skipped"),
    "blocked": Look("s-blocked", "warn"),
    "unknown": Look("s-unknown", "bad"),
    # A review after implementation, and an action from it
    "submitted": Look("s-assessment", "wait"),
    "done": Look("s-succeeded", "ok"),
    "dropped": Look("s-canceled"),
    # A reviewer's decision
    "changes_requested": Look("undo", "warn"),
    # A gate
    "passed": Look("s-succeeded", "ok"),
    "waiting": Look("s-pending", "wait"),
    "warned": Look("s-partial", "warn"),
    "overridden": Look("s-partial", "warn"),
    # An exception from a gate
    "requested": Look("s-pending", "wait"),
    "expired": Look("s-closed"),
    "revoked": Look("s-canceled"),
    # A step of a device's run
    "ok": Look("s-succeeded", "ok"),
    "lost": Look("s-unknown", "warn"),
    "current": Look("s-running", "live", spins=True),
    "todo": Look("s-pending"),
    # A device in the inventory
    "active": Look("s-succeeded", "ok"),
    "planned": Look("s-draft"),
    "staged": Look("s-draft"),
    "inactive": Look("s-draft"),
    "maintenance": Look("s-paused", "warn"),
    "decommissioned": Look("s-canceled"),
    "missing": Look("s-unknown", "warn"),
    "offline": Look("s-blocked", "warn"),
    "decommissioning": Look("s-canceled"),
    "inventory": Look("s-pending"),
    # Drift, and its class
    "open": Look("s-review", "wait"),
    "deferred": Look("s-paused"),
    "reverting": Look("s-rollback", "live"),
    "accepted": Look("s-succeeded", "ok"),
    "reverted": Look("s-closed", "ok"),
    "critical": Look("s-failed", "bad"),
    "functional": Look("s-partial", "warn"),
    "cosmetic": Look("s-pending"),
    # A device's backup, and a compliance result
    "changed": Look("file-diff", "live"),
    "suspicious": Look("s-unknown", "warn"),
    "compliant": Look("s-succeeded", "ok"),
    "not_compliant": Look("s-failed", "bad"),
    "not_assessed": Look("s-skipped"),
}


def look_of(value: str) -> Look:
    """The look of a state by its stored value; a state that is not mapped gets a plain ring."""
    return LOOKS.get(value, UNMAPPED)


def label_of(value: object) -> str:
    """The word for a state: the enum's own label where it has one, else the stored value made readable."""
    label = getattr(value, "label", None)
    if isinstance(label, str):
        return label
    return str(value).replace("_", " ").replace("-", " ").capitalize()
