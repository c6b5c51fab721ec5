"""Several changes side by side: what each does, and the devices and windows that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from django.urls import reverse

from changes.domain.errors import InvalidInputError
from changes.domain.risk.levels import RiskLevel
from changes.models import ChangeRequest, DevicePlan
from portal.presenters.change_rows import ChangeRow, change_rows, listed
from portal.presenters.visible import Mask
from portal.presenters.words import both, few

MOST: Final = 6
SHARED_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Column:
    """One change; ``same_as`` names the others whose lines are the same on a device that both touch."""

    row: ChangeRow
    plan_url: str
    type_label: str
    risk_label: str
    reason: str
    window_start: datetime | None
    window_end: datetime | None
    sites: str
    warnings: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A device that several of the changes touch."""

    name: str
    url: str
    changes: str


@dataclass(frozen=True, slots=True)
class Together:
    """The changes in the order of their numbers, the devices that they share, and windows that overlap."""

    columns: tuple[Column, ...]
    shared: tuple[Shared, ...]
    shared_total: int
    overlaps: tuple[str, ...]


def together_of(given: Sequence[str], mask: Mask) -> Together:
    """Two to :data:`MOST` changes by their ids; five queries.

    Raises:
        InvalidInputError: too few, too many, or no ids of changes.
    """
    ids = sorted({int(text) for text in given if text.isascii() and text.isdigit() and len(text) < 19})
    if not 2 <= len(ids) <= MOST:
        raise InvalidInputError({"change": [f"Choose two to {MOST} changes, then compare them."]})
    kept = listed(ChangeRequest.objects.with_people()).defer(None).defer("content", "variables", "targets", "checks")
    changes = list(kept.filter(pk__in=ids).order_by("pk"))
    if len(changes) != len(ids):
        raise InvalidInputError({"change": ["One of these changes does not exist. Choose them in the inbox."]})
    revisions = {change.revision_id: change for change in changes if change.revision_id}
    plans = DevicePlan.objects.filter(revision__in=revisions).order_by("device__name", "revision_id")
    facts = list(plans.values_list("revision_id", "device_id", "device__name", "device__site", "warnings"))
    sites: dict[int, set[str]] = {}
    warned: dict[int, int] = {}
    touched: dict[int, tuple[str, list[str]]] = {}
    for revision_id, device_id, name, site, warnings in facts:
        sites.setdefault(revision_id, set()).add(site)
        warned[revision_id] = warned.get(revision_id, 0) + (len(warnings) if isinstance(warnings, list) else 0)
        touched.setdefault(device_id, (name, []))[1].append(revisions[revision_id].number)
    shared = [(pk, name, numbers) for pk, (name, numbers) in touched.items() if len(numbers) > 1]
    rows = change_rows(changes)
    return Together(
        tuple(
            _column(
                change, row, mask, sites.get(change.revision_id or 0, set()), warned.get(change.revision_id or 0, 0)
            )
            for change, row in zip(changes, rows, strict=True)
        ),
        tuple(
            Shared(name, reverse("device-detail", args=[pk]), both(list(n))) for pk, name, n in shared[:SHARED_SHOWN]
        ),
        len(shared),
        tuple(_overlaps(changes)),
    )


def _column(change: ChangeRequest, row: ChangeRow, mask: Mask, sites: set[str], warnings: int) -> Column:
    reason = mask.prose(change.reason)
    return Column(
        row=row,
        plan_url=reverse("change-plan", args=[change.pk]),
        type_label=change.get_type_display(),
        risk_label=RiskLevel(change.risk_level).label if change.risk_level else "not assessed",
        reason=reason if len(reason) <= 400 else f"{reason[:399]}…",
        window_start=change.window_start,
        window_end=change.window_end,
        sites=few(sorted(site for site in sites if site)),
        warnings=warnings,
    )


def _overlaps(changes: Sequence[ChangeRequest]) -> list[str]:
    pairs = combinations(changes, 2)
    return [f"The windows of {one.number} and {other.number} overlap." for one, other in pairs if _meet(one, other)]


def _meet(one: ChangeRequest, other: ChangeRequest) -> bool:
    if not (one.window_start and one.window_end and other.window_start and other.window_end):
        return False
    return one.window_start < other.window_end and other.window_start < one.window_end
