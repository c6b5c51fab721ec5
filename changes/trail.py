"""The events of one change with what proves and what explains each: plan, approval, session, configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.models import Event
from audit.sealing.proof import ProofState, proof_state
from audit.selectors import story_page
from changes.models import DeviceRun, PlanRevision, Run


@dataclass(frozen=True, slots=True)
class References:
    """What an event speaks about, as it is stored today; ``None`` where it speaks about no such thing.

    ``plan_digest`` is what the event itself names. ``position`` is the device's place in the plan of that ``revision``.
    ``config_before`` and ``config_after`` are ids of snapshots.
    """

    revision: int | None = None
    position: int | None = None
    plan_digest: str = ""
    approval_id: int | None = None
    run_id: int | None = None
    device_run_id: int | None = None
    device_id: int | None = None
    config_before: int | None = None
    config_after: int | None = None


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One event of the change, where it stands in the sealed log, and what it refers to."""

    event: Event
    proof: ProofState
    references: References


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Oldest first; ``next_after_id`` asks for those that follow, ``None`` says none do."""

    rows: tuple[TrailRow, ...]
    next_after_id: int | None


def trail_page(change_id: int, *, after_id: int = 0, size: int = 50) -> TrailPage:
    """A page of a change's events from its beginning; at most five queries.

    Raises:
        BadFilterError: ``size`` is not between 1 and 500.
    """
    page = story_page(change_id, after_id=after_id, size=size)
    proofs = proof_state(event.pk for event in page.events)
    found = _Found.of(change_id, page.events)
    rows = (TrailRow(each, proofs[each.pk], _references(each, found)) for each in page.events)
    return TrailPage(tuple(rows), page.next_after_id)


def references_of(event: Event) -> References:
    """What one event speaks about; at most three queries, none where it belongs to no change."""
    return _references(event, _Found.of(event.change_id, [event])) if event.change_id else References()


@dataclass(frozen=True, slots=True)
class _Found:
    """The device runs that events speak about, and numbers of revisions by the plan's id, its digest, the run's id."""

    device_runs: Mapping[int, DeviceRun]
    revisions: Mapping[int, int]
    digests: Mapping[str, int]
    runs: Mapping[int, int]

    @classmethod
    def of(cls, change_id: int, events: Sequence[Event]) -> _Found:
        return cls(_device_runs(change_id, events), *_revisions(change_id), _runs(change_id, events))


def _device_runs(change_id: int, events: Iterable[Event]) -> Mapping[int, DeviceRun]:
    ids = {number for each in events if each.object_type == "device_run" and (number := _id(each.object_id))}
    if not ids:
        return {}
    rows = DeviceRun.objects.filter(pk__in=ids, run__change_id=change_id).select_related("device_plan__revision")
    return {row.pk: row for row in rows.defer("device_plan__payload", "device_plan__revision__inputs")}


def _revisions(change_id: int) -> tuple[Mapping[int, int], Mapping[str, int]]:
    """The numbers of the change's plan revisions by their ids, and by digests that one revision alone has."""
    rows = list(PlanRevision.objects.filter(change_id=change_id).order_by().values_list("pk", "number", "digest"))
    times = Counter(digest for _pk, _number, digest in rows if digest)
    by_digest = {digest: number for _pk, number, digest in rows if times[digest] == 1}
    return {pk: number for pk, number, _digest in rows}, by_digest


def _runs(change_id: int, events: Iterable[Event]) -> Mapping[int, int]:
    """By the ids of runs, the number of the revision that each carries out."""
    ids = {number for each in events if each.object_type == "run" and (number := _id(each.object_id))}
    if not ids:
        return {}
    return dict(Run.objects.filter(pk__in=ids, change_id=change_id).values_list("pk", "revision__number"))


def _references(event: Event, found: _Found) -> References:
    details, number = _details(event), _id(event.object_id)
    named = details.get("digest") if event.object_type in {"plan", "device_plan"} else ""
    digest = details.get("plan_digest") or named
    shared: dict[str, Any] = {
        "revision": _revision(event, details, found),
        "position": _position(details.get("position")) if event.object_type == "device_plan" else None,
        "plan_digest": digest if isinstance(digest, str) else "",
        "run_id": number if event.object_type == "run" else _id(details.get("run")),
        "approval_id": number if event.object_type == "approval" else None,
        "device_id": event.device_id,
    }
    row = found.device_runs.get(number or 0) if event.object_type == "device_run" else None
    if row is None:
        return References(**shared)
    plan = row.device_plan
    return References(
        **{**shared, "run_id": row.run_id, "revision": plan.revision.number, "position": plan.position},
        device_run_id=row.pk,
        config_before=row.before_id,
        config_after=row.after_id,
    )


def _revision(event: Event, details: Mapping[str, Any], found: _Found) -> int | None:
    number = _id(event.object_id) or 0
    if event.object_type in {"plan", "run"}:
        return (found.revisions if event.object_type == "plan" else found.runs).get(number)
    named = details.get("plan_digest")
    return _id(details.get("revision")) or (found.digests.get(named) if isinstance(named, str) else None)


def _position(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _details(event: Event) -> Mapping[str, Any]:
    details = event.sealed().get("details")
    return details if isinstance(details, dict) else {}


def _id(value: object) -> int | None:
    """A row's id, however the event writes it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 < value < 2**63 else None
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 19 and int(text) > 0 else None
