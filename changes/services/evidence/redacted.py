"""What becomes of evidence packs when a text goes out of the log: held ones go, those in the making begin anew."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models import Q

from audit.actor import Actor
from audit.models import Event
from changes.domain.evidence import PackScope, PackState
from changes.models import EvidencePack
from changes.services.evidence.expiring import pack_expire

REDACTION: Final = Actor.system("redaction")
WHY: Final = "A text in it may have been redacted since. Have a new one made."


def packs_redact(event: Event, _paths: Collection[str]) -> None:
    """Remove every held pack that may show the event, and have those in the making begin anew; in one transaction.

    Which events a pack of chosen events has is not kept, so all of these go. Part of carrying out a redaction.
    """
    packs = EvidencePack.objects.all()
    if event.change_id is not None:
        packs = packs.filter(~Q(scope=PackScope.CHANGE) | Q(change_id=event.change_id))
    # First those in the making: one that becomes ready meanwhile is seen by the next statement.
    packs.filter(state__in=[PackState.MAKING, PackState.SEALING]).update(owner=None, lease_until=None)
    for pack_id in list(packs.filter(state=PackState.READY).values_list("pk", flat=True)):
        pack_expire(pack_id, actor=REDACTION, reason=WHY)
