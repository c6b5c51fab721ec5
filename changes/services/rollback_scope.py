"""What a rollback of one device run rests on, read from the database: its three texts, and later changes of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from changes.domain.rollback import meet
from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_HOLDS_CHANGE, DeviceRunState, Goal
from changes.models import DeviceRun, DeviceRunQuerySet
from changes.services.committing import target_on_record
from devices.domain.config_text import normalise
from devices.domain.drift import converged
from devices.domain.patching import PatchMismatchError, patched
from devices.domain.platforms import Platform, platform_for
from devices.domain.prediction import PredictionImpossibleError, predict

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
        "device",
        "device_plan__baseline__blob",
        "wave",
        "run__change",
        "before__blob",
        "after__blob",
        "rollback_from__blob",
    ).defer("run__change__content", "run__change__variables")


def texts_of(row: DeviceRun) -> tuple[str, str]:
    """The configurations before and after the change, in normal form; empty where they are not known.

    After is what the change led to, and nothing that others did: where it was never verified, what the plan leads to.
    """
    platform = platform_for(row.device_plan.content.device.platform)
    before = normalise(row.before.blob.text, platform) if row.before else ""
    after = row.rollback_from if row.goal == Goal.ROLL_BACK else row.after
    text = normalise(after.blob.text, platform) if after else ""
    if before and _is_unproved(row):
        planned = _planned_target(row, before, platform)
        text = text if text and planned and converged(planned, text, platform) else planned
    return before, text


def _is_unproved(row: DeviceRun) -> bool:
    """Whether the change came to no good end there, so what was read last may be others' work."""
    if row.goal == Goal.ROLL_BACK:
        return row.rollback_from_id is None
    return row.state == DeviceRunState.ROLLBACK_FAILED


def reference_of(row: DeviceRun) -> int | None:
    """The id of the snapshot that says what the change led to there, however often a rollback is ordered.

    None where it never came to a good end; see `texts_of`.
    """
    if row.goal == Goal.ROLL_BACK:
        return row.rollback_from_id
    if not _is_unproved(row):
        return row.after_id
    platform = platform_for(row.device_plan.content.device.platform)
    is_whole = row.after is not None and texts_of(row)[1] == normalise(row.after.blob.text, platform)
    return row.after_id if is_whole else None


def _planned_target(row: DeviceRun, before: str, platform: Platform) -> str:
    """What the approved lines lead to from the configuration before; "" where nobody can tell any more."""
    payload = row.device_plan.content
    baseline = row.device_plan.baseline
    try:
        if payload.diff_source == "device" and baseline and baseline.blob.text == before:
            return patched(before, payload.expected_diff)
        on_record = target_on_record(row) if payload.diff_source == "device" else ""
        return on_record or predict(before, payload.commands, platform)
    except (PatchMismatchError, PredictionImpossibleError):
        return ""


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
