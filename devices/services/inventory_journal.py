"""What NetBox's journal shall say about devices: kept in a table of its own, sent when NetBox answers.

A change ends whether or not NetBox takes the entry. An entry that fails is tried again after growing pauses, and given
up where people see it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.errors import DeviceError, SourceRefusesError
from devices.models import Device, JournalNote, JournalState
from devices.services.inventory_netbox import netbox_client
from devices.services.inventory_sources import NETBOX
from devices.services.rights import ADMINISTRATOR, require_role
from devices.sources.netbox_client import NetBoxClient

logger = logging.getLogger(__name__)

SENDER: Final = Actor.system("journal")
ATTEMPTS: Final = 10
FIRST_PAUSE_S: Final = 60
LONGEST_PAUSE_S: Final = 6 * 3600
LEASE_S: Final = 300
"""How long a sender that died keeps an entry from the others."""
AT_ONCE: Final = 500
KINDS: Final = ("info", "success", "warning", "danger")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry to write, in Markdown; ``reference`` is a part of ``text`` that no other entry of the device has."""

    device_id: int
    reference: str
    kind: str
    text: str


def journal_queue(entries: Iterable[Entry]) -> int:
    """Keep entries for those devices that come from NetBox, in the caller's transaction; returns how many.

    Nothing is sent here. An entry that was kept before is not kept twice.
    """
    given = {entry.device_id: entry for entry in entries}
    devices = Device.objects.filter(pk__in=given, source=NETBOX).values_list("pk", "source_key")
    notes = [
        JournalNote(
            device_id=pk,
            source=NETBOX,
            source_key=key,
            reference=given[pk].reference,
            kind=given[pk].kind,
            text=given[pk].text,
        )
        for pk, key in devices
    ]
    JournalNote.objects.bulk_create(notes, batch_size=500, ignore_conflicts=True)
    return len(notes)


def journal_send_due() -> int:
    """Send the entries that are due, one by one; returns how many NetBox has now.

    Where NetBox itself cannot be reached or refuses the token, the rest waits for the next call: it would fail alike.
    """
    if not settings.NETBOX_URL:
        return 0
    sent = 0
    with netbox_client() as client:
        for _ in range(AT_ONCE):
            note = _claim()
            if note is None:
                break
            try:
                _send(note, client)
            except SourceRefusesError as error:
                _put_off(note, error)  # this entry alone: its device may be gone
                continue
            except DeviceError as error:
                _put_off(note, error)
                break
            sent += 1
    return sent


@transaction.atomic
def _claim() -> JournalNote | None:
    """The next entry that is due; for a while nobody else gets it."""
    due = JournalNote.objects.filter(state=JournalState.PENDING, next_try_at__lte=Now()).order_by("next_try_at", "pk")
    note = due.select_for_update(skip_locked=True).first()
    if note is not None:
        JournalNote.objects.filter(pk=note.pk).update(
            attempts=F("attempts") + 1, next_try_at=Now() + timedelta(seconds=LEASE_S)
        )
        note.attempts += 1
    return note


def _send(note: JournalNote, client: NetBoxClient) -> None:
    device = int(note.source_key)
    # After an answer that was lost, the entry may stand there already.
    if note.attempts == 1 or not client.journal_has(device=device, reference=note.reference):
        client.journal_write(device=device, kind=note.kind, text=note.text)
    JournalNote.objects.filter(pk=note.pk).update(state=JournalState.SENT, sent_at=Now(), error="")


@transaction.atomic
def _put_off(note: JournalNote, error: DeviceError) -> None:
    if note.attempts < ATTEMPTS:
        pause = min(FIRST_PAUSE_S * 2 ** (note.attempts - 1), LONGEST_PAUSE_S)
        later = timezone.now() + timedelta(seconds=pause)
        JournalNote.objects.filter(pk=note.pk).update(next_try_at=later, error=error.detail)
        return
    JournalNote.objects.filter(pk=note.pk).update(state=JournalState.GIVEN_UP, error=error.detail)
    record(
        actor=SENDER,
        action="inventory.journal_given_up",
        object_type="device",
        object_id=note.device_id,
        device_id=note.device_id,
        code=error.code,
        reason=error.detail,
        details={"reference": note.reference, "attempts": note.attempts},
    )


def journal_retry(*, actor: Actor) -> int:
    """Try all entries that were given up once more; audited. Returns how many.

    Raises:
        NotPermittedError: the person is no administrator.
    """
    require_role(actor, "send journal entries again", ADMINISTRATOR)
    given_up = JournalNote.objects.filter(state=JournalState.GIVEN_UP)
    with transaction.atomic():
        count = given_up.update(state=JournalState.PENDING, attempts=1, next_try_at=Now())
        if count:
            record(
                actor=actor,
                action="inventory.journal_retried",
                object_type="inventory_source",
                object_id=NETBOX,
                object_label=NETBOX,
                details={"entries": count},
            )
    return count
