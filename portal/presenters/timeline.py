"""A change's audit events as a story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse

from audit.filters import EventFilter
from audit.models import Event
from audit.selectors import events
from portal.presenters.links import audit_url
from portal.presenters.selection import with_query
from portal.presenters.visible import Mask
from portal.presenters.words import group_label

PAGE = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """One event as a sentence; ``url`` is its row in the audit explorer."""

    actor: str
    text: str
    at: datetime
    icon: str
    tone: str
    code: str
    comment: str
    url: str
    link_text: str = "Evidence"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Newest first; ``steps`` says whether the devices' single steps are in it."""

    moments: tuple[Moment, ...]
    steps: bool
    switch_url: str
    older_url: str
    newer_url: str
    explorer_url: str


_PHRASES: Final[dict[str, tuple[str, str, str]]] = {
    "change.created": ("wrote the change", "plus", "accent"),
    "change.edited": ("edited the change", "edit", "idle"),
    "change.submitted": ("submitted it for assessment", "arrow-right", "accent"),
    "change.withdrawn": ("withdrew it", "undo", "warn"),
    "change.assessed": ("moved it on to authorization", "s-authorization", "wait"),
    "change.authorized": ("gave the last approval: it may be started", "s-approved", "ok"),
    "change.approval_added": ("added an approval", "signature", "ok"),
    "change.changes_requested": ("sent it back to draft", "undo", "warn"),
    "change.rejected": ("ended the change by rejecting it", "s-rejected", "bad"),
    "change.started": ("started it", "play", "live"),
    "change.finished": ("ended the run; the change waits to be closed", "s-review", "wait"),
    "change.closed": ("closed the change", "s-closed", "idle"),
    "change.canceled": ("canceled the change", "s-canceled", "idle"),
    "approval.approved": ("approved the plan", "signature", "ok"),
    "approval.rejected": ("rejected the plan", "s-rejected", "bad"),
    "approval.changes_requested": ("asked for changes", "comment", "warn"),
    "plan.requested": ("asked for a plan", "machine", "live"),
    "plan.ready": ("built the plan", "file-diff", "ok"),
    "plan.failed": ("could not build the plan", "s-failed", "bad"),
    "risk.assessed": ("assessed the risk", "s-assessment", "idle"),
    "risk.answered": ("answered a question about the risk", "comment", "idle"),
    "risk.overridden": ("set another risk level", "alert", "warn"),
    "run.started": ("opened a run", "play", "live"),
    "run.ended": ("ended the run", "s-closed", "idle"),
    "wave.opened": ("opened a wave", "layers", "live"),
    "wave.checking": ("looks at the wave's devices once more", "search", "live"),
    "wave.waits": ("waits for a person to let it go on", "user", "wait"),
    "wave.released": ("let it go on to the next wave", "arrow-right", "ok"),
    "wave.refused": ("decided that it goes no further", "stop", "warn"),
    "wave.held": ("found that the wave has held", "s-succeeded", "ok"),
    "wave.stopped": ("stopped the wave", "stop", "warn"),
    "change.scheduled": ("set the maintenance window", "calendar", "ok"),
    "change.rescheduled": ("moved the maintenance window", "calendar", "ok"),
    "change.schedule_disturbed": ("changed the calendar, so the window is not legal any more", "calendar", "warn"),
    "change.schedule_undisturbed": ("changed the calendar, so the window is legal again", "calendar", "ok"),
    "conflict.waived": ("waived a conflict with another change", "signature", "warn"),
    "scheduled_start.ordered": ("ordered that it starts by itself", "clock", "accent"),
    "scheduled_start.started": ("started it by itself", "play", "live"),
    "scheduled_start.refused": ("did not start it: it was refused", "s-blocked", "bad"),
    "scheduled_start.late": ("did not start it: it was too late", "s-blocked", "bad"),
    "scheduled_start.called_off": ("ended the order to start by itself", "clock", "idle"),
    "device_run.found_healthy": ("found a device healthy", "devices", "ok"),
    "device_run.found_unhealthy": ("found a device unhealthy", "devices", "bad"),
    "device_run.ended": ("finished a device", "devices", "idle"),
    "device_run.step_entered": ("entered a step", "s-running", "live"),
}


def timeline_of(change_id: int, mask: Mask, *, before_id: int | None, steps: bool, links: bool) -> Timeline:
    """One page of a change's events, by id; one query. Without ``steps`` what single devices did is left out.

    ``links`` tells whether the reader may open the audit explorer.
    """
    found = events(EventFilter(change_id=change_id)).defer("body")
    if not steps:
        found = found.exclude(action="device_run.step_entered")
    if before_id is not None:
        found = found.filter(pk__lt=before_id)
    rows = tuple(found[: PAGE + 1])
    here = reverse("change-timeline", args=[change_id])
    kept = "steps=1" if steps else ""
    older = f"before={rows[PAGE - 1].pk}" if len(rows) > PAGE else ""
    return Timeline(
        moments=tuple(_moment(event, mask, links=links) for event in rows[:PAGE]),
        steps=steps,
        switch_url=with_query(here, "" if steps else "steps=1"),
        older_url=with_query(here, "&".join(filter(None, (kept, older)))) if older else "",
        newer_url=with_query(here, kept) if before_id is not None else "",
        explorer_url=reverse("audit-trail", args=[change_id]),
    )


def _moment(event: Event, mask: Mask, *, links: bool) -> Moment:
    text, icon, tone = _PHRASES.get(event.action, (_spoken(event.action), "s-pending", "idle"))
    if event.action.endswith("_refused"):
        text, icon, tone = f"was refused: {_spoken(event.action.removesuffix('_refused'))}", "s-blocked", "warn"
    return Moment(
        actor=mask.prose(event.actor_name),
        text=f"{text}{_about(event)}",
        at=event.at,
        icon=icon,
        tone=_END_TONES.get(event.state_to, tone) if event.action == "device_run.ended" else tone,
        code=event.code,
        comment=mask.prose(event.reason),
        url=audit_url(ids=event.pk) if links else "",
    )


_END_TONES: Final = {"succeeded": "ok", "rolled_back": "warn", "blocked": "warn", "skipped": "idle"}


def _about(event: Event) -> str:
    """Which part of the change it was about, where that is not the change itself."""
    if event.object_type == "device_run":
        device = event.object_label.rpartition(" on ")[2]
        return f": {device} is now {event.state_to.replace('_', ' ')}"
    if event.object_type == "approval":
        return f" in the stage {group_label(event.object_label.partition(' ')[0])}"
    if event.object_type == "plan":
        return f", revision {event.object_label.rpartition(' r')[2]}"
    return ""


def _spoken(action: str) -> str:
    return action.partition(".")[2].replace("_", " ")
