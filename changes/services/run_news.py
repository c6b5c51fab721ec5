"""Telling people what a run came to, and that it waits for somebody."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from audit.actor import Actor
from changes.domain.notifications import Topic
from changes.domain.roles import group_label
from changes.domain.run_states import RunOutcome
from changes.models import ChangeRequest, Run, Wave
from changes.services.notifying import notify


def tell_started(change: ChangeRequest, run: Run, actor: Actor) -> None:
    """Tell who wrote a change, but not who acts, that it is being implemented."""
    notify(
        Topic.RUN_STARTED,
        people={change.author_id, change.last_editor_id} - {actor.user_id},
        subject=f"{change.number} is being implemented: {change.title}",
        sentence=f"{actor.username} started the run over {run.device_count} devices.",
        change=change,
        path=_path(change),
    )


def tell_paused(change: ChangeRequest, run: Run, actor: Actor, detail: str) -> None:
    """Tell who wrote or implements a change, but not who acts, that its run stands still until somebody acts."""
    notify(
        Topic.RUN_NEEDS_PERSON,
        people=_taking_part(change, run) - {actor.user_id},
        subject=f"{change.number} is paused: {change.title}",
        sentence=f"{detail} Nothing new is started until an implementer resumes the run, or ends it.",
        change=change,
        path=_path(change),
    )


def tell_gate_waits(change: ChangeRequest, wave: Wave, role: str) -> None:
    """Tell everybody with the role that the signed strategy names that a run waits after a wave."""
    users = get_user_model().objects.filter(groups__name=role, is_active=True)
    notify(
        Topic.RUN_NEEDS_PERSON,
        people=users.values_list("pk", flat=True),
        subject=f"{change.number} waits for {group_label(role)} after {wave.name}",
        sentence=f"Look at what {wave.name} of {change} came to, and let the run go on or end it before"
        f" {wave.gate_until:%Y-%m-%d %H:%M} UTC; without an answer it goes no further.",
        change=change,
        path=f"/changes/{change.pk}/gate/",
    )


def tell_ended(change: ChangeRequest, run: Run) -> None:
    """Tell who wrote or implements a change what its run came to."""
    outcome = RunOutcome(run.outcome).label.lower()
    notify(
        Topic.RUN_ENDED,
        people=_taking_part(change, run),
        subject=f"{change.number} ended as {outcome}: {change.title}",
        sentence=run.detail or f"The run over {run.device_count} devices has ended as {outcome}.",
        change=change,
        path=_path(change),
    )


def _taking_part(change: ChangeRequest, run: Run) -> set[int]:
    implementers = set(run.implementers.values_list("pk", flat=True))
    return {change.author_id, change.last_editor_id, run.started_by_id, *implementers}


def _path(change: ChangeRequest) -> str:
    return f"/changes/{change.pk}/execution/"
