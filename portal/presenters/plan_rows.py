"""A plan's devices as light rows: what the tree and the counts need, without any payload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from changes.domain.states import DevicePlanState
from changes.models import DevicePlan, PlanRevision, ViewedMark


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One device of a plan; ``viewed`` is the reader's own mark on exactly this digest."""

    pk: int
    position: int
    device_id: int
    name: str
    site: str
    role: str
    state: str
    group: str
    digest: str
    added: int
    removed: int
    warnings: int
    warned_of: frozenset[str]
    """The codes and severities of its warnings."""
    wave: int
    viewed: bool

    @property
    def key(self) -> str:
        """The group's name in an address."""
        return self.group[:16]

    @property
    def anchor(self) -> str:
        """Where the device's diff stands in the page."""
        return f"d-{self.position}"


_FIELDS = (
    "pk", "position", "device_id", "name", "site", "role", "state", "group", "digest", "added", "removed", "warnings",
    "wave",
)  # fmt: skip
_COLUMNS = (
    "pk", "position", "device_id", "device__name", "device__site", "device__role", "state", "diff_group", "digest",
    "lines_added", "lines_removed", "warnings", "wave",
)  # fmt: skip


def plan_rows(revision: PlanRevision, person_id: int) -> tuple[PlanRow, ...]:
    """Every device of a revision in device order, with the person's viewed marks; two queries, whatever its size."""
    marks = dict(
        ViewedMark.objects.filter(change_id=revision.change_id, person_id=person_id).values_list("device_id", "digest")
    )
    plans = DevicePlan.objects.filter(revision=revision).order_by("position").values_list(*_COLUMNS)
    return tuple(_row(values, marks) for values in plans)


def _row(values: Sequence[Any], marks: dict[int, str]) -> PlanRow:
    fields = dict(zip(_FIELDS, values, strict=True))
    warnings, digest = fields.pop("warnings"), fields["digest"]
    return PlanRow(
        **fields,
        warnings=len(warnings) if isinstance(warnings, list) else 0,
        warned_of=_warned_of(warnings) if isinstance(warnings, list) else frozenset(),
        viewed=bool(digest) and marks.get(fields["device_id"]) == digest,
    )


def _warned_of(warnings: Sequence[Mapping[str, object]]) -> frozenset[str]:
    return frozenset(str(value) for each in warnings for name in ("code", "severity") if (value := each.get(name)))


def changed_rows(rows: Iterable[PlanRow]) -> tuple[PlanRow, ...]:
    """The devices that the plan changes."""
    return tuple(row for row in rows if row.state == DevicePlanState.READY)


def by_group(rows: Iterable[PlanRow]) -> dict[str, list[PlanRow]]:
    """Rows by the stored mark of their diff, in device order: a first guess, made without reading payloads."""
    groups: dict[str, list[PlanRow]] = {}
    for row in rows:
        groups.setdefault(row.key, []).append(row)
    return groups
