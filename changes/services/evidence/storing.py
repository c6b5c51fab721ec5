"""The archive in the database: written in parts by who holds the claim, read in parts by whom it is sent to."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Final

from django.db import transaction

from changes.models import EvidencePack, EvidencePart
from devices.services.claims import Claim, database_time_plus, fenced_update

PART_BYTES: Final = 1024 * 1024
LEASE_S: Final = 120
"""How long a worker may be silent: a report's PDF or a count over a large log takes longer than a step on a device."""
TELL_EVERY_S: Final = 1.0
"""A large change has thousands of files; a statement for each would take longer than the files."""


class PartsSink:
    """Takes an archive's bytes and keeps them, a mebibyte at a time; each part renews the lease.

    Parts of an attempt that was lost go first.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._buffer = bytearray()
        self._number = 0
        self._hashed = hashlib.sha256()
        self._told = 0.0
        self.size = 0
        self.events = 0
        EvidencePart.objects.filter(pack=claim.row_id).delete()

    def write(self, data: bytes, /) -> int:
        """Take bytes.

        Raises:
            LeaseLostError: another worker makes this pack now.
        """
        self._buffer += data
        self._hashed.update(data)
        self.size += len(data)
        while len(self._buffer) >= PART_BYTES:
            self._keep(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return len(data)

    def flush(self) -> None:
        """Parts are kept when they are full."""

    def finish(self) -> str:
        """Keep what is left; the SHA-256 of it all.

        Raises:
            LeaseLostError: another worker makes this pack now.
        """
        if self._buffer:
            self._keep(bytes(self._buffer))
            self._buffer.clear()
        return self._hashed.hexdigest()

    def still_at_it(self) -> None:
        """Renew the lease and say how far it is, once a second at most.

        Raises:
            LeaseLostError: another worker makes this pack now.
        """
        if time.monotonic() - self._told > TELL_EVERY_S:
            self._renew()

    def _renew(self) -> None:
        until = database_time_plus(LEASE_S)
        fenced_update(EvidencePack, self._claim, lease_until=until, events_done=self.events, size=self.size)
        self._told = time.monotonic()

    def _keep(self, data: bytes) -> None:
        with transaction.atomic():
            self._renew()
            EvidencePart.objects.create(
                pack_id=self._claim.row_id, fence=self._claim.fence, number=self._number, data=data
            )
        self._number += 1


def stored_parts(pack: EvidencePack) -> Iterator[bytes]:
    """A ready pack's archive, a part at a time; one query each."""
    number = 0
    parts = EvidencePart.objects.filter(pack=pack, fence=pack.fence)
    while (part := parts.filter(number=number).values_list("data", flat=True).first()) is not None:
        yield bytes(part)
        number += 1


def parts_forget(pack_id: int) -> int:
    """Remove a pack's archive; how many parts there were."""
    return EvidencePart.objects.filter(pack=pack_id).delete()[0]
