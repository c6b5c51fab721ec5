"""Letting evidence packs expire, and calling workers for those that wait."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.evidence import OPEN, PackState
from changes.models import EvidencePack
from changes.services.evidence.asking import pack_audit, ring_makers
from changes.services.evidence.storing import parts_forget
from changes.services.queueing import is_ringing
from devices.services.claims import database_time_plus

SCHEDULE: Final = Actor.system("schedule")
RING_AT_ONCE: Final = 20


def packs_expire() -> int:
    """Remove the archives whose time is over; their rows and events stay. How many there were."""
    due = EvidencePack.objects.filter(state=PackState.READY, expires_at__lte=Now()).values_list("pk", flat=True)
    return sum(pack_expire(pack_id, actor=SCHEDULE) for pack_id in list(due))


@transaction.atomic
def pack_expire(pack_id: int, *, actor: Actor, reason: str = "") -> bool:
    """Remove the archive of a ready pack, audited; whether it was ready."""
    pack = EvidencePack.objects.select_for_update(no_key=True, of=("self",)).select_related("change").get(pk=pack_id)
    if pack.state != PackState.READY:
        return False
    pack.state = PackState.EXPIRED.value
    pack.save(update_fields=["state"])
    parts_forget(pack.pk)
    pack_audit(pack, "expired", actor=actor, state_from=PackState.READY, state_to=PackState.EXPIRED, reason=reason)
    return True


def packs_ring() -> int:
    """Call a worker for each pack that waits or whose worker is lost, and was not called for lately; how many.

    None while calls wait that no worker has taken yet.
    """
    if is_ringing():
        return 0
    free = Q(owner__isnull=True) & (Q(not_before=None) | Q(not_before__lte=Now())) | Q(lease_until__lt=Now())
    lately = Q(rung_at=None) | Q(rung_at__lt=database_time_plus(-settings.COUNTERSIGN_RING_AGAIN_S))
    ids = list(EvidencePack.objects.filter(free, lately, state__in=OPEN).values_list("pk", flat=True)[:RING_AT_ONCE])
    if ids:
        EvidencePack.objects.filter(pk__in=ids).update(rung_at=Now())
        for pack_id in ids:
            ring_makers(pack_id)
    return len(ids)
