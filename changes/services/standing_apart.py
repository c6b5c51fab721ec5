"""Devices that stand in for each other are never worked on at the same time, not even by two different changes.

Within a run the waves see to that. Two runs know nothing of each other's waves, so each device that begins is compared
with those that other runs have begun or claimed: of its redundancy group, and further uplinks of a device below it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, F, Func, Q

from changes.domain.run_states import DeviceRunState
from changes.models import BUSY_DEVICE_RUN_STATES, DeviceRun, Run
from devices.models import Device
from devices.services.claims import Claim, release

LOCK_CLASS: Final = 0x0C5E
"""First key of the advisory locks that guard a set of devices; the second is made from the set's name."""
_BEGINS: Final = (DeviceRunState.PENDING.value, DeviceRunState.ROLLBACK_PENDING.value)


@dataclass(frozen=True, slots=True)
class StandingApart:
    """What a runner knows beforehand of a run, so that devices that nothing keeps apart cost it no query."""

    run_id: int
    grouped: bool
    """Whether a device of the run is in a redundancy group."""
    uplinks: frozenset[str]
    """The names of all devices that the inventory calls an uplink of another one."""

    @classmethod
    def of(cls, run: Run) -> Self:
        """Two queries, however many devices the run has."""
        grouped = run.device_runs.exclude(device__redundancy_group="").exists()
        each = Func(F("uplinks"), function="unnest", output_field=CharField())
        named = Device.objects.order_by().annotate(uplink=each).values_list("uplink", flat=True).distinct()
        return cls(run.pk, grouped, frozenset(named))

    def gives_way(self, claim: Claim) -> bool:
        """Give a claimed device back that would begin while a partner is worked on elsewhere; tells whether it was.

        Two that are claimed at the same moment ask one after the other, so that exactly one of them gives way. What
        has begun goes on.
        """
        if not self.grouped and not self.uplinks:
            return False
        with transaction.atomic():
            rows = DeviceRun.objects.filter(pk=claim.row_id, state__in=_BEGINS)
            row = rows.values_list("device_id", "device__name", "device__redundancy_group").first()
            other = self._partner_at_work(*row) if row else None
            if other is None:
                return False
            who = (
                f"{other.device.name}, which stands in for this device, is being worked on by {other.run.change.number}"
            )
            detail = f"{who}. This one waits; nothing was sent to it."
            wait_s = settings.COUNTERSIGN_BUSY_WAIT_S
            release(DeviceRun, claim, wait_s=wait_s, tried=False, code="DEVICE_BUSY", detail=detail)
            return True

    def _partner_at_work(self, device_id: int, name: str, group: str) -> DeviceRun | None:
        below = Device.objects.filter(uplinks__contains=[name]) if name in self.uplinks else Device.objects.none()
        beside = {device.name: frozenset(device.uplinks) - {name} for device in below.only("name", "uplinks")}
        sets = [*(f"uplinks of {each}" for each in beside), *([f"group {group}"] if group else [])]
        if not sets:
            return None
        _lock(sets)
        partners = Q(device__name__in=frozenset().union(*beside.values()))
        if group:
            partners |= Q(device__redundancy_group=group)
        begun = Q(state__in=BUSY_DEVICE_RUN_STATES) | Q(owner__isnull=False)
        found = DeviceRun.objects.filter(partners, begun).exclude(device=device_id).exclude(run=self.run_id)
        return found.select_related("device", "run__change").defer("run__change__content").order_by("pk").first()


def _lock(sets: Iterable[str]) -> None:
    """Held until the transaction ends; taken in one order everywhere."""
    with connection.cursor() as cursor:
        for name in sorted(sets):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_CLASS, name])
