"""What change requests did on a device, as far as backups and drift need to know it.

The app of the change requests lies above this one, so it registers itself here when it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DeviceRunRecord:
    """A device run that has ended. ``before`` and ``after`` are ids of snapshots; ``id`` is the later of them.

    ``trusted`` says that what the device has now is known and wanted: it succeeded, or it was rolled back.
    """

    id: int
    label: str
    trusted: bool
    before: int | None
    after: int | None


class ChangeHistory(Protocol):
    """Asked by backups and drift; each call is one small query."""

    def is_busy(self, device_id: int) -> bool:
        """Whether a change is being carried out on the device now."""
        ...

    def runs_after(self, device_id: int, cursor: int) -> Sequence[DeviceRunRecord]:
        """The device's ended runs that read it after the snapshot ``cursor``, oldest first."""
        ...

    def failed_revert(self, drift_id: int) -> str:
        """The number of the change that should have reverted the drift and has ended; "" while it goes on."""
        ...


class _NoChanges:
    """Where nothing is registered there are no change requests."""

    def is_busy(self, device_id: int) -> bool:
        """Never."""
        del device_id
        return False

    def runs_after(self, device_id: int, cursor: int) -> Sequence[DeviceRunRecord]:
        """None."""
        del device_id, cursor
        return ()

    def failed_revert(self, drift_id: int) -> str:
        """None."""
        del drift_id
        return ""


_registered: list[ChangeHistory] = [_NoChanges()]


def register(history: ChangeHistory) -> None:
    """Ask this one from now on."""
    _registered[:] = [history]


def change_history() -> ChangeHistory:
    """The registered history."""
    return _registered[0]
