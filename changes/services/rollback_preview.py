"""What a rollback would send to each device, said before it is ordered. Nothing is read from a device here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.rollback import NoWayBackError, Source, WayBack
from changes.domain.run_states import DEVICE_TO_ROLL_BACK
from changes.models import ChangeRequest, DeviceRun, DeviceRunQuerySet
from changes.services.rollback_scope import later_changes, with_texts
from changes.services.rollback_ways import NothingToCompareError, digest_of, way_for
from devices.domain.config_text import normalise
from devices.domain.diffing import unified_diff
from devices.domain.platforms import platform_for
from devices.services.scrubbing import Scrubber

MOST_SHOWN: Final = 20
"""Devices on one page: the texts of each are read and compared."""

_MERGED: Final = "What the device has now, without the change, replaces its whole configuration. These lines differ."
_NEVER_READ: Final = "The configuration before or after the change was never read."


@dataclass(frozen=True, slots=True)
class DeviceRollback:
    """What one device's rollback would be, masked.

    Attributes:
        kind: ``replace``: the whole configuration is replaced, and ``lines`` is the difference that makes;
            ``commands``: ``lines`` are sent; ``recomputed``: one or the other (``note`` tells of a replacement),
            and a person must confirm it by ``digest``;
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
    proposed = row.recomputed_backouts.select_related("actual__blob").order_by("-pk").first()
    moved = proposed is not None and row.code == "ROLLBACK_UNCONFIRMED"
    # What was read last: for lines to be confirmed, what they were computed from.
    last = proposed.actual if proposed is not None and moved else row.after
    if last is None:
        return _told(row, "refused", note=_NEVER_READ)
    actual = normalise(last.blob.text, platform_for(row.device_plan.content.device.platform))
    try:
        way = way_for(row, actual)
    except NothingToCompareError:
        return _told(row, "refused", note=_NEVER_READ)
    except NoWayBackError as error:
        if error.places:
            where = ", ".join(scrub(" / ".join(place)) for place in sorted(error.places)[:5])
            return _told(row, "refused", note=f"Others changed the same places since: {where}. Write a change for it.")
        return _told(row, "refused", note="No lines are known that undo exactly this change. Write a change for it.")
    return _worded(row, way, actual, proposed.digest if proposed is not None and moved else "", scrub)


def _worded(row: DeviceRun, way: WayBack, actual: str, proposed: str, scrub: Scrubber) -> DeviceRollback:
    if way.source is Source.NOTHING:
        return _told(row, "nothing", note="The change is not on the device.")
    lines = unified_diff(actual, way.wanted).splitlines() if way.replaces else way.commands
    if way.source is not Source.RECOMPUTED:
        note = "What is left of a way back that was interrupted." if way.source is Source.REST else ""
        return _told(row, "replace" if way.replaces else "commands", _masked(lines, scrub), note=note)
    digest = digest_of(row, way, actual)
    # A digest that is not the one that was computed on the device would confirm something else.
    digest = digest if digest == proposed else ""
    note = _MERGED if way.replaces else ""
    return _told(row, "recomputed", _masked(lines, scrub), digest=digest, note=note)


def _told(row: DeviceRun, kind: str, lines: Sequence[str] = (), *, digest: str = "", note: str = "") -> DeviceRollback:
    return DeviceRollback(row.device_id, row.device.name, row.state, kind, tuple(lines), digest, note)


def _masked(lines: Sequence[str], scrub: Scrubber) -> tuple[str, ...]:
    return tuple(scrub("\n".join(lines)).split("\n")) if lines else ()
