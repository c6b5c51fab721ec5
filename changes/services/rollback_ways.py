"""The way back of one device from what it has now: found anew, or the rest of one that was interrupted."""

from __future__ import annotations

from django.db.models import QuerySet

from changes.domain.orders import KILL_SWITCH_ENGAGED
from changes.domain.rollback import WayBack, lines_digest, resumed, way_back
from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun, RunStep
from changes.services.device_work import sha256_hex
from changes.services.rollback_scope import texts_of
from devices.domain.platforms import platform_for
from devices.models import ConfigBlob

FROM, WANTED = "from_sha256", "wanted_sha256"
"""What a step of an ordered rollback leads from and to; on record before anything is sent."""


class NothingToCompareError(Exception):
    """The configuration before or after the change is not known, so there is no way back to find."""


def way_for(row: DeviceRun, actual: str) -> WayBack:
    """What takes a device back from what it has now, in normal form. Nothing is read from it here.

    Raises:
        NoWayBackError: others changed the same places, or no exact lines are known.
        NothingToCompareError: what the change did there is not known.
    """
    payload = row.device_plan.content
    platform = platform_for(payload.device.platform)
    last = sends(row).last()
    if last is not None:
        begun, wanted = (ConfigBlob.objects.get(pk=last.data[name]).text for name in (FROM, WANTED))
        rest = resumed(
            begun=begun, wanted=wanted, actual=actual, replaces=bool(last.data.get("replaces")), platform=platform
        )
        if rest is not None:
            return rest
    before, after = texts_of(row)
    if not before or not after:
        raise NothingToCompareError
    return way_back(
        before=before,
        after=after,
        actual=actual,
        approved=payload.backout,
        replaces=payload.backout_method == "replace",
        platform=platform,
    )


def sends(row: DeviceRun) -> QuerySet[RunStep]:
    """The steps in which something of an ordered rollback was sent, or was about to be, oldest first."""
    begun = row.steps.filter(name=DeviceRunState.BACKING_OUT, data__has_key=FROM)
    # The kill switch held the very first line of those back.
    return begun.exclude(code=KILL_SWITCH_ENGAGED).order_by("sequence")


def digest_of(row: DeviceRun, way: WayBack, actual: str) -> str:
    """What a person confirms lines by that were computed again."""
    return lines_digest(
        device_run_id=row.pk,
        actual_sha256=sha256_hex(actual),
        commands=way.commands,
        replaced_by=way.wanted if way.replaces else "",
    )
