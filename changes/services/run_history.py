"""What backups and drift ask about change requests; registered with `devices.services.change_history`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from changes.domain.run_states import DeviceRunState
from changes.domain.states import ENDED
from changes.models import ChangeRequest, DeviceRun
from devices.services.change_history import DeviceRunRecord

_TRUSTED: Final = frozenset({DeviceRunState.SUCCEEDED, DeviceRunState.ROLLED_BACK})
_NOTHING_SENT: Final = (DeviceRunState.FAILED, DeviceRunState.BLOCKED, DeviceRunState.SKIPPED)
_MOST: Final = 200


class RunHistory:
    """The device runs, as `devices.services.change_history.ChangeHistory` asks for them."""

    def is_busy(self, device_id: int) -> bool:
        """Whether a device run is under way; also between two sessions, when nobody holds the device's lock."""
        return DeviceRun.objects.busy().filter(device_id=device_id).exists()

    def runs_after(self, device_id: int, cursor: int) -> Sequence[DeviceRunRecord]:
        """In the order in which they read the device back, which need not be the order in which they were made."""
        ended = DeviceRun.objects.ended().exclude(state__in=_NOTHING_SENT).filter(device_id=device_id)
        rows = (
            ended.annotate(read=Coalesce("after_id", "before_id"), change=F("run__change_id"))
            .filter(Q(read__gt=cursor))
            .order_by("read")
            .values_list("read", "change", "state", "before_id", "after_id")[:_MOST]
        )
        return [
            DeviceRunRecord(read, ChangeRequest(pk=change).number, state in _TRUSTED, before, after)
            for read, change, state, before, after in rows
        ]

    def failed_revert(self, drift_id: int) -> str:
        """Any end counts: it is asked only while the drift is still there."""
        change = ChangeRequest.objects.filter(drift_revert__drift_id=drift_id).order_by("-pk").only("state").first()
        ended = {state.value for state in ENDED}
        return change.number if change is not None and change.state in ended else ""
