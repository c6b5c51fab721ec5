"""What a rollback would send to each device, said before it is ordered. Nothing is read from a device here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.rollback import NoWayBackError, Source, WayBack, lines_digest, way_back
from changes.domain.run_states import DEVICE_TO_ROLL_BACK
from changes.models import ChangeRequest, DeviceRun, DeviceRunQuerySet
from changes.services.device_work import sha256_hex
from changes.services.rollback_scope import later_changes, texts_of, with_texts
from devices.domain.diffing import unified_diff
from devices.domain.platforms import platform_for
from devices.services.scrubbing import Scrubber

MOST_SHOWN: Final = 20
"""Devices on one page: the texts of each are read and compared."""


@dataclass(frozen=True, slots=True)
class DeviceRollback:
    """What one device's rollback would be, masked.

    Attributes:
        kind: ``replace``: the whole configuration is replaced, and ``lines`` is the difference that makes;
            ``commands``: ``lines`` are sent; ``recomputed``: the same, and a person must confirm them by ``digest``;
            ``nothing``: the change is not on it; ``refused``: nothing can be sent, ``note`` says why.
    """

    device_id: int
    name: str
    state: str
    kind: str
    lines: tuple[str, ...] = ()
    digest: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """Some of the devices that would be rolled back, in plan order; ``more`` come after the last of these."""

    devices: tuple[DeviceRollback, ...]
    total: int
    more: bool
    last: int


def rollback_preview(change: ChangeRequest, device_ids: Collection[int] = (), *, after: int = 0) -> RollbackPreview:
    """The devices of a change that hold it, some by their ids or all; ``after`` is the ``last`` of the page before."""
    found = with_texts(_holding(change, device_ids))
    rows = list(found.filter(pk__gt=after).order_by("pk")[: MOST_SHOWN + 1])
    shown = rows[:MOST_SHOWN]
    scrub, later = Scrubber.load(), later_changes([row.pk for row in shown])
    devices = []
    for row in shown:
        stands_in_the_way = later.get(row.pk)
        if stands_in_the_way is not None:
            devices.append(_told(row, "refused", note=scrub.prose(stands_in_the_way.sentence)))
        else:
            devices.append(_shown(row, scrub))
    last = shown[-1].pk if shown else after
    return RollbackPreview(tuple(devices), _holding(change, device_ids).count(), len(rows) > MOST_SHOWN, last)


def _holding(change: ChangeRequest, device_ids: Collection[int]) -> DeviceRunQuerySet:
    states = [state.value for state in DEVICE_TO_ROLL_BACK]
    rows = DeviceRun.objects.filter(run__change=change, state__in=states)
    return rows.filter(device__in=device_ids) if device_ids else rows


def _shown(row: DeviceRun, scrub: Scrubber) -> DeviceRollback:
    payload = row.device_plan.content
    proposed = row.recomputed_backouts.select_related("actual__blob").order_by("-pk").first()
    before, after = texts_of(row)
    moved = proposed is not None and row.code == "ROLLBACK_UNCONFIRMED"
    actual = proposed.actual.blob.text if proposed is not None and moved else after
    if not before or not actual:
        return _told(row, "refused", note="The configuration before or after the change was never read.")
    try:
        way = way_back(
            before=before,
            after=after,
            actual=actual,
            approved=payload.backout,
            replaces=payload.backout_method == "replace",
            platform=platform_for(payload.device.platform),
        )
    except NoWayBackError:
        return _told(row, "refused", note="No lines are known that undo exactly this change. Write a change for it.")
    return _worded(row, way, actual, proposed.digest if proposed is not None and moved else "", scrub)


def _worded(row: DeviceRun, way: WayBack, actual: str, proposed: str, scrub: Scrubber) -> DeviceRollback:
    if way.source is Source.NOTHING:
        return _told(row, "nothing", note="The change is not on the device.")
    if way.replaces:
        diff = unified_diff(actual, way.wanted).splitlines()
        return _told(row, "replace", _masked(diff, scrub))
    digest = ""
    if way.source is Source.RECOMPUTED and proposed:
        digest = lines_digest(device_run_id=row.pk, actual_sha256=sha256_hex(actual), commands=way.commands)
        # A digest that is not the one that was computed on the device would confirm something else.
        digest = digest if digest == proposed else ""
    kind = "recomputed" if way.source is Source.RECOMPUTED else "commands"
    return _told(row, kind, _masked(way.commands, scrub), digest=digest)


def _told(row: DeviceRun, kind: str, lines: Sequence[str] = (), *, digest: str = "", note: str = "") -> DeviceRollback:
    return DeviceRollback(row.device_id, row.device.name, row.state, kind, tuple(lines), digest, note)


def _masked(lines: Sequence[str], scrub: Scrubber) -> tuple[str, ...]:
    return tuple(scrub("\n".join(lines)).split("\n")) if lines else ()
