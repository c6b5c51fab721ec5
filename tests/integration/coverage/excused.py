"""What may be written without an event of the same transaction, each with its reason. Everything else is missed.

A line here is a decision: whoever adds one says why an auditor loses nothing. The walk tells what it found.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

TABLES: Final[dict[str, str]] = {
    "audit_event": "The log itself.",
    "audit_pending": "The sealer's queue: the database fills it from the log.",
    "audit_leaf": "The tree that proves the log.",
    "audit_tile": "The tree that proves the log.",
    "audit_checkpoint": "The signed heads of the tree.",
    "audit_anchoring": "How far an anchor has got; when one fails or recovers, that is an event.",
    "django_session": "A browser's session; signing in and out are events; who lets one run out does nothing.",
    "axes_accessattempt": "Counts wrong passwords; each of them is an event.",
    "axes_accessattemptexpiration": "When a count of wrong passwords ends; the lock is an event.",
    "axes_accesslog": "A second list of who signed in; the log has the first.",
    "axes_accessfailurelog": "A second list of wrong passwords; the log has the first.",
    "django_q_ormq": "The queue holds ids of work; what the work does is in the log.",
    "django_q_task": "What the queue has done; what came of it is in the log.",
    "portal_workerbeat": "Signs of life of worker processes.",
    "devices_periodicjob": "When recurring work was last begun; what it did is in the log.",
    "changes_viewedmark": "A reader's own mark on what was looked at; decides nothing.",
    "changes_notification": "Messages about what is in the log already.",
    "changes_notificationdelivery": "The sending of messages about what is in the log already.",
    "changes_approvalwatch": "When approvers are to be reminded next; what expires or escalates is an event.",
    "changes_evidencepart": "The bytes of a pack; the event that it is ready names their SHA-256.",
    "devices_configblob": "Texts that devices gave, by their digest; plans, steps and backups name what they rest on.",
    "devices_configsnapshot": "Which text a device gave when; plans, steps and backups name what they rest on.",
    "devices_configstate": "What the last backup of a device found, for lists; the backup is the event.",
    "devices_deviceaddresses": "An index of the addresses in a configuration.",
    "devices_livefact": "What a device last said of itself; a difference that counts blocks with an event.",
    "devices_credentialuse": "Uses are counted here and told as `credential.used` when the work is done.",
    "devices_stageddevice": "What a source said, before it is taken in; taking in is the event.",
    "devices_webhookdelivery": "What NetBox said has changed; it is believed only once it was read, which is an event.",
    "changes_planopening": "Which plan a reviewer had on the screen, which its mere display writes; the decision on"
    " it is an event with its digest. Taking the bytes away is an event of its own.",
    "devices_complianceresult": "What a rule finds in stored configurations, computed anew; the rule is an event.",
    "changes_deviceplan": "Rows of a plan that is built; `plan.ready` names the root over them; a guard keeps them.",
}
"""Tables of which nothing is missed."""

CLAIMS: Final = frozenset({"owner", "fence", "lease_until", "attempts", "not_before", "rung_at"})
"""Columns that say who is at work on a row and when it is called for: what the work does is told."""

CLAIMED: Final = frozenset({
    "changes_devicerun", "changes_evidencepack", "changes_hookcall", "changes_planrevision", "changes_run",
    "changes_runstep", "changes_scheduledstart", "changes_wavecheck", "devices_backuprun", "devices_devicebackup",
    "devices_journalnote",
})  # fmt: skip
"""The tables where these columns mean that; elsewhere an `owner` is somebody whom an auditor misses."""

MADE: Final[dict[str, str]] = {
    "devices_circuitbreaker": "A closed breaker, made at first use; opening, closing and resetting are events.",
    "devices_inventorysource": "A source that the configuration names; each synchronisation with it is an event.",
    "devices_syncrun": "One that begins by itself; its end is an event, and so is a person's wish for one.",
}
"""Tables whose INSERT is not missed."""

COLUMNS: Final[dict[str, tuple[Collection[str], str]]] = {
    "portal_calendarfeed": (("read_at",), "When a calendar last read the feed, to the hour."),
    "auth_user": (("last_login",), "When somebody last signed in; the signing in is the event."),
    "changes_changerequest": (("window_told",), "That people were told of a window that comes near."),
    "changes_devicerun": (
        ("lines_sent", "lines_applied", "moved_xid"),
        "Lines are counted while a step is at work; the events of the step say what was sent and what came of it.",
    ),
    "changes_evidencepack": (
        ("events_done", "events_total", "size", "code", "detail"),
        "How far the making of a pack is, and why it waits; that it was asked for, is ready or failed are events.",
    ),
    "devices_circuitbreaker": (
        ("proved_until", "trials", "trials_until", "failures", "first_failure_at"),
        "Counts that lead to opening it, which is an event.",
    ),
    "devices_devicebackup": (
        ("ended_at", "snapshot_id", "startup", "state", "code", "detail"),
        "What a backup found on one device; the run's end is the event, and drift that it finds is one too.",
    ),
    "devices_syncrun": (("done", "total", "started_at", "state"), "How far a synchronisation is; its end is an event."),
    "devices_inventorysource": (
        ("refused_calls", "refusals_audited_at"),
        "Counts refused webhook calls; they are told every ten minutes.",
    ),
    "changes_review": (("updated_at", "version"), "A review that was saved again with the same words."),
    "changes_approvalpolicyversion": (
        ("judged_at",),
        "When the waiting changes were judged by it; what became of each of them is an event.",
    ),
}
"""Columns whose UPDATE is not missed, by table, when no other column of the row is changed."""
