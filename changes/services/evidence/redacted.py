"""What becomes of evidence packs when a text goes out of the log: held ones go, those in the making begin anew."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db import connection
from django.db.models import Q

from audit.actor import Actor
from audit.models import Redaction, RedactionState
from audit.redaction.archived import Subject
from changes.domain.evidence import OPEN, PackScope, PackState
from changes.models import EvidencePack
from changes.services.evidence.expiring import pack_expire
from changes.services.evidence.storing import parts_forget

REDACTION: Final = Actor.system("redaction")
WHY: Final = "A text in it may have been redacted since. Have a new one made."
LOCK: Final = 7_262_015
"""Key of the advisory lock that keeps a pack from becoming ready while a redaction is being carried out."""


def packs_redact(event: Subject, _paths: Collection[str]) -> None:
    """Remove every held pack that may show the event, and have those in the making begin anew; in one transaction.

    Which events a pack of chosen events has is not kept, so all of these go. Part of carrying out a redaction. No pack
    becomes ready until that is committed, and then :func:`redactions_so_far` tells its worker.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    packs = EvidencePack.objects.all()
    if event.change_id is not None:
        packs = packs.filter(~Q(scope=PackScope.CHANGE) | Q(change_id=event.change_id))
    for pack_id in packs.filter(state__in=OPEN).values_list("pk", flat=True):
        EvidencePack.objects.filter(pk=pack_id, state__in=OPEN).update(owner=None, lease_until=None)
        parts_forget(pack_id)
    for pack_id in list(packs.filter(state=PackState.READY).values_list("pk", flat=True)):
        pack_expire(pack_id, actor=REDACTION, reason=WHY)


def redactions_so_far() -> int:
    """How many redactions were carried out: what a worker reads before the texts, and again when a pack is done."""
    return Redaction.objects.filter(state=RedactionState.CARRIED_OUT).count()


def redactions_before_ready() -> int:
    """The same when no redaction is under way; none begins to remove packs until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
    return redactions_so_far()
