"""What a rollback of one device run rests on, read from the database: its three texts, and later changes of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from changes.domain.rollback import meet
from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_HOLDS_CHANGE
from changes.models import DeviceRun, DeviceRunQuerySet
from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for

MAY_HOLD_CHANGE = sorted(state.value for state in DEVICE_HOLDS_CHANGE | DEVICE_ACTIVE)


@dataclass(frozen=True, slots=True)
class LaterChange:
    """A later change of ours that stands where a rollback would write; undo that one first."""

    number: str
    places: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What stands in the way, and what to do; the places are not masked."""
        where = ", ".join(self.places[:5]) or "places that are not known yet"
        return (
            f"{self.number} changed the same device later, at: {where}. Roll that change back first, or write a new"
            " change for what is to be different."
        )


def with_texts(rows: DeviceRunQuerySet) -> DeviceRunQuerySet:
    """Device runs with everything that their rollback rests on."""
    return rows.select_related(
        "device", "device_plan", "wave", "run__change", "before__blob", "after__blob", "rollback_from__blob"
    ).defer("run__change__content", "run__change__variables")


def texts_of(row: DeviceRun) -> tuple[str, str]:
    """The configurations before and after the change, in normal form; empty where they were never read."""
    after = row.rollback_from or row.after
    platform = platform_for(row.device_plan.content.device.platform)
    texts = (row.before.blob.text if row.before else "", after.blob.text if after else "")
    return (normalise(texts[0], platform) if texts[0] else "", normalise(texts[1], platform) if texts[1] else "")


def later_changes(device_runs: Collection[int]) -> Mapping[int, LaterChange]:
    """For each of these device runs, by its id, the newest later change that meets it.

    A later change that was undone, or sent nothing, stands in nobody's way. One query, and one more with the texts for
    each device that a later change was on.
    """
    later = _later().filter(device=OuterRef("device"), before__gt=OuterRef("before"))
    later = later.exclude(run__change=OuterRef("run__change"))
    rows = DeviceRun.objects.filter(pk__in=device_runs).filter(Exists(later))
    found = {row.pk: _met(row) for row in with_texts(rows).iterator(20)}
    return {pk: met for pk, met in found.items() if met is not None}


def _later() -> DeviceRunQuerySet:
    return DeviceRun.objects.filter(state__in=MAY_HOLD_CHANGE)


def _met(row: DeviceRun) -> LaterChange | None:
    platform = platform_for(row.device_plan.content.device.platform)
    before, after = texts_of(row)
    others = _later().filter(device=row.device_id, before__gt=row.before_id).exclude(run__change=row.run.change_id)
    for other in with_texts(others).order_by("-before_id").iterator(10):
        number = other.run.change.number
        their_before, their_after = texts_of(other)
        if not their_after:
            return LaterChange(number, ())
        places = meet(before, after, their_before, their_after, platform)
        if places:
            return LaterChange(number, tuple(" / ".join(place) for place in sorted(places)))
    return None
