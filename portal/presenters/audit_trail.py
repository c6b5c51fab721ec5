"""The audit trail of one change: its events from the beginning, with links to what each is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from changes.trail import References, TrailPage, TrailRow
from portal.presenters.audit_pages import EventRow, Link, event_row
from portal.presenters.audit_proofs import ProofMark, proof_mark
from portal.presenters.links import page_url


@dataclass(frozen=True, slots=True)
class TrailMoment:
    """One event as the page shows it. ``links`` lead to the plan, the approval, the session and the configurations."""

    row: EventRow
    proof: ProofMark
    plan_digest: str
    links: tuple[Link, ...]


def trail_moments(change_id: int, page: TrailPage) -> list[TrailMoment]:
    """The events of a page; no query."""
    return [_moment(change_id, row) for row in page.rows]


def _moment(change_id: int, row: TrailRow) -> TrailMoment:
    references = row.references
    return TrailMoment(
        row=event_row(row.event),
        proof=proof_mark(row.proof),
        plan_digest=references.plan_digest,
        links=evidence_links(change_id, references),
    )


def evidence_links(change_id: int, references: References) -> tuple[Link, ...]:
    """Where the things are that an event refers to."""
    return tuple(link for link in _links(change_id, references) if link.url)


def _links(change_id: int, references: References) -> Iterator[Link]:
    revision = references.revision
    if revision and references.position is None:
        yield Link(f"Plan, revision {revision}", page_url("change-plan", change_id, revision=revision))
    if revision:
        yield Link("Exact plan bytes", page_url("audit-plan", change_id, revision) + _anchor(references.position))
    if references.approval_id:
        yield Link("Approval", page_url("change-approvals", change_id))
    if references.device_run_id and references.run_id:
        place = (change_id, references.run_id, references.device_run_id)
        yield Link("Device run", page_url("run-device", *place))
        yield Link("Transcript", page_url("run-session", *place))
    elif references.run_id:
        yield Link(f"Run {references.run_id}", page_url("run-detail", change_id, references.run_id))
    if references.device_id and references.config_before:
        yield Link("Config before", page_url("device-config", references.device_id, references.config_before))
    if references.device_id and references.config_after:
        against = {"against": references.config_before} if references.config_before else {}
        yield Link("Config after", page_url("device-config", references.device_id, references.config_after, **against))


def _anchor(position: int | None) -> str:
    """The device's own line on the page of the plan's bytes, on that page of the list where it stands."""
    if position is None:
        return ""
    return f"?after={position - 1}#device-{position}" if position else "#device-0"
