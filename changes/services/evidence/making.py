"""Making an evidence pack: contents, manifest, the event that names it, and proofs once that event is sealed."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import import_string

from audit.actor import Actor, Origin
from audit.errors import AuditError, NotSealedError
from audit.models import Event
from audit.redaction.openings import stored_openings
from audit.sealing.enclosing import count_sealed, is_covered, newest_head, sealed_lines, sealed_openings
from audit.sealing.proof import is_sealed
from changes.domain.canonical import canonical_json
from changes.domain.evidence import OPEN, PackState
from changes.errors import ChangeNotFoundError
from changes.models import EvidencePack
from changes.services.evidence.archive import Archive
from changes.services.evidence.archived import demand_all_there
from changes.services.evidence.asking import pack_audit
from changes.services.evidence.choosing import chosen_events, encloses_changes
from changes.services.evidence.enclosing import Enclosure
from changes.services.evidence.following import Named
from changes.services.evidence.proving import write_log
from changes.services.evidence.redacted import redactions_before_ready, redactions_so_far
from changes.services.evidence.storing import LEASE_S, PartsSink, parts_forget
from devices.errors import LeaseLostError
from devices.services.claims import Claim, claim_next, database_time_plus, fenced_update
from devices.services.scrubbing import Scrubber

logger = logging.getLogger(__name__)

SCHEMA: Final = "countersign.evidence-pack/1"
WORKER: Final = Actor.system("worker")
EVIDENCE_NOT_SEALED: Final = "EVIDENCE_NOT_SEALED"
PACK_FAILED: Final = "EVIDENCE_PACK_FAILED"
MOST_LOSSES: Final = 5
RECEIPT_WAIT_S: Final = 30.0
LOOK_EVERY_S: Final = 0.1
AGAIN_S: Final = 5.0
RENEW_EVERY: Final = 2_000
"""Events after which the lease is renewed."""
KEPT: Final = timedelta(days=7)
_VERIFIER: Final = Path(__file__).parents[2] / "evidence" / "verify.py"
_README: Final = """\
This is an evidence pack of Countersign. Check it on any machine with Python 3.9 or newer; nothing else is needed:

    python3 verify.py PACK.zip --key "NAME+HASH+KEY"

Take verify.py from a place that you trust, or read it: it is one file. Name the key that you were given by another way
than this pack. report.pdf is for reading; what counts is events.jsonl, the plans, and the proofs in log/.
Plans are enclosed byte for byte as they were approved. Treat this pack as confidential.
"""


def verifier_source() -> bytes:
    """The program that checks a pack, as it is enclosed in each."""
    return _VERIFIER.read_bytes()


def pack_make(pack_id: int) -> str:
    """Make a pack, if it waits and no other worker is at it; its state afterwards.

    What was asked for is sealed first; until then the pack waits. A worker that dies leaves its lease, and the next one
    begins anew. Errors that would come again end the pack as failed, with a sentence.
    """
    _take_from_the_lost(pack_id)
    waiting = EvidencePack.objects.filter(pk=pack_id, state__in=OPEN)
    claim = claim_next(waiting, owner=uuid.uuid4())
    if claim is not None:
        _make(claim)
    return _state(pack_id)


def _state(pack_id: int) -> str:
    state = EvidencePack.objects.filter(pk=pack_id).values_list("state", flat=True).first()
    if state is None:
        raise ChangeNotFoundError(f"There is no evidence pack {pack_id}.")
    return state


def _take_from_the_lost(pack_id: int) -> None:
    lost = EvidencePack.objects.filter(pk=pack_id, state__in=OPEN, owner__isnull=False, lease_until__lt=Now())
    lost.update(owner=None, lease_until=None, fence=F("fence") + 1, losses=F("losses") + 1)


def _make(claim: Claim) -> None:
    pack = EvidencePack.objects.select_related("change").get(pk=claim.row_id)
    try:
        if pack.losses >= MOST_LOSSES:
            _fail(pack, claim, f"{pack.losses} workers were lost while they made it. Ask for a smaller one.")
        elif pack.asked_event is None or not is_covered(pack.asked_event):
            _wait(pack, claim)
        else:
            _Making(pack, claim).all()
    except LeaseLostError:
        logger.warning("Evidence pack %s went to another worker", pack.pk)
    except (NotSealedError, _RedactedMeanwhileError) as error:
        _wait(pack, claim, str(error))
    except AuditError as error:
        _fail(pack, claim, str(error))
    except Exception:
        logger.exception("Evidence pack %s could not be made", pack.pk)
        _fail(pack, claim, "An error ended it, which the worker's log tells. Ask an operator to look there.")


def _wait(pack: EvidencePack, claim: Claim, why: str = "") -> None:
    """Give the pack back: nothing can be proved while nothing is sealed."""
    sentence = why or "It waits for the sealer: what a pack shows is signed first. It goes on by itself."
    _go(pack, claim, PackState.WAITING, "delayed", code=EVIDENCE_NOT_SEALED, reason=sentence, not_before=True)


def _fail(pack: EvidencePack, claim: Claim, why: str) -> None:
    _go(pack, claim, PackState.FAILED, "failed", code=PACK_FAILED, reason=why)
    parts_forget(pack.pk)


def _go(
    pack: EvidencePack, claim: Claim, state: PackState, did: str, *, code: str, reason: str, not_before: bool = False
) -> None:
    """Free a claimed pack into a state, with the event where the state is another."""
    values: dict[str, object] = {"owner": None, "lease_until": None, "code": code, "detail": reason, "state": state}
    if not_before:
        values["not_before"] = database_time_plus(AGAIN_S)
    else:
        values["ended_at"] = Now()
    with transaction.atomic():
        fenced_update(EvidencePack, claim, **values)
        if pack.state != state:
            pack_audit(pack, did, actor=WORKER, state_from=pack.state, state_to=state, code=code, reason=reason)


class _RedactedMeanwhileError(Exception):
    """What was read for a pack may hold a text that is gone from the log since."""


@dataclass
class _Making:
    """One attempt at a pack."""

    pack: EvidencePack
    claim: Claim

    def all(self) -> None:
        redactions = redactions_so_far()
        self._to(PackState.MAKING, "begun")
        made_at = datetime.now(UTC)
        chosen, size = chosen_events(self.pack), newest_head().size
        self._count(chosen, size)
        sink = PartsSink(self.claim)
        archive = Archive(sink, made_at)
        manifest = self._contents(archive, sink, chosen, size, made_at)
        demand_all_there(self.pack.scope, self.pack.change_id)
        receipt = self._announce(archive.add("manifest.json", manifest).sha256, size)
        self._await_seal(receipt, sink)
        head = write_log(
            archive,
            chosen=chosen,
            content_size=size,
            receipt=receipt,
            held_sizes=self.pack.held_sizes,
            between=lambda _count: sink.still_at_it(),
        )
        archive.close()
        self._ready(sink, sink.finish(), head.size, redactions)

    def _count(self, chosen: QuerySet[Event] | None, size: int) -> None:
        total = size if chosen is None else count_sealed(chosen, size)
        fenced_update(EvidencePack, self.claim, events_total=total, events_done=0)

    def _contents(
        self, archive: Archive, sink: PartsSink, chosen: QuerySet[Event] | None, size: int, made_at: datetime
    ) -> bytes:
        named = Named(encloses=encloses_changes(self.pack))
        enclosure = Enclosure(archive, Scrubber.load(), sink.still_at_it)
        enclosure.add("README.txt", _README.encode())
        enclosure.add("verify.py", verifier_source())
        enclosure.written.append(archive.stream("events.jsonl", self._events(chosen, size, named, sink)))
        # Not of the manifest: each line proves itself, and the pack still verifies when a text has to go from it.
        archive.stream("openings.jsonl", self._openings(chosen, size, sink))
        named.open(stored_openings(row["id"] for row in named.told))
        for change_id, revisions in sorted(named.revisions.items()):
            enclosure.change(change_id, revisions)
        self._report(enclosure, named, made_at, sink)
        return canonical_json({
            "schema": SCHEMA,
            "made_at": f"{made_at:%Y-%m-%dT%H:%M:%S.%f}Z",
            "whole_log": chosen is None,
            "scope": self.pack.scope,
            "filters": self.pack.filters,
            "events": named.count,
            "changes": enclosure.changes,
            "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in enclosure.written],
        })  # fmt: skip

    def _events(self, chosen: QuerySet[Event] | None, size: int, named: Named, sink: PartsSink) -> Iterator[bytes]:
        for found in sealed_lines(chosen, size):
            named.take(found.line)
            yield found.line.encode() + b"\n"
            sink.events = named.count
            if named.count % RENEW_EVERY == 0:
                sink.still_at_it()

    def _openings(self, chosen: QuerySet[Event] | None, size: int, sink: PartsSink) -> Iterator[bytes]:
        for count, (event_id, openings) in enumerate(sealed_openings(chosen, size), start=1):
            for each in openings:
                line = {"event": event_id, "path": each.path, "salt": each.salt.hex(), "value": each.value}
                yield canonical_json(line) + b"\n"
            if count % RENEW_EVERY == 0:
                sink.still_at_it()

    def _report(self, enclosure: Enclosure, named: Named, made_at: datetime, sink: PartsSink) -> None:
        sink.still_at_it()
        make = import_string(settings.EVIDENCE_REPORT)
        for name, data in make(self.pack, named, made_at, enclosure.scrub):
            enclosure.add(name, data)

    def _announce(self, manifest_sha256: str, size: int) -> int:
        """Have the log say that this pack was made with this manifest; the event's id."""
        with transaction.atomic():
            fenced_update(
                EvidencePack,
                self.claim,
                state=PackState.SEALING,
                manifest_sha256=manifest_sha256,
                lease_until=database_time_plus(LEASE_S),
            )
            event = pack_audit(
                self.pack,
                "made",
                actor=asker(self.pack),
                state_from=self.pack.state,
                state_to=PackState.SEALING,
                details={"manifest_sha256": manifest_sha256, "entries": size, "scope": self.pack.scope},
            )
        self.pack.state = PackState.SEALING.value
        return event

    def _await_seal(self, receipt: int, sink: PartsSink) -> None:
        until = time.monotonic() + RECEIPT_WAIT_S
        renewed = time.monotonic()
        while not is_sealed(receipt):
            now = time.monotonic()
            if now > until:
                raise NotSealedError("The event that names this pack was not sealed in time. It is made anew.")
            if now - renewed > 1:
                sink.still_at_it()
                renewed = now
            time.sleep(LOOK_EVERY_S)

    def _ready(self, sink: PartsSink, digest: str, tree_size: int, redactions: int) -> None:
        expires_at = timezone.now() + KEPT
        with transaction.atomic():
            if redactions_before_ready() != redactions:
                raise _RedactedMeanwhileError("A text was redacted while it was made. It is made anew without it.")
            fenced_update(
                EvidencePack,
                self.claim,
                state=PackState.READY,
                code="",
                detail="",
                sha256=digest,
                size=sink.size,
                tree_size=tree_size,
                events_done=sink.events,
                expires_at=expires_at,
                owner=None,
                lease_until=None,
                ended_at=Now(),
            )
            pack_audit(
                self.pack,
                "ready",
                actor=WORKER,
                state_from=self.pack.state,
                state_to=PackState.READY,
                details={"sha256": digest, "size": sink.size, "expires_at": expires_at},
            )

    def _to(self, state: PackState, did: str) -> None:
        with transaction.atomic():
            lease_until = database_time_plus(LEASE_S)
            begun: dict[str, object] = {"state": state, "started_at": Now(), "lease_until": lease_until}
            fenced_update(EvidencePack, self.claim, code="", detail="", **begun)
            if self.pack.state != state:
                pack_audit(self.pack, did, actor=WORKER, state_from=self.pack.state, state_to=state)
        self.pack.state = state.value


def asker(pack: EvidencePack) -> Actor:
    """Who had the pack made, as the event that names it says."""
    origin = Origin.SYSTEM if pack.asked_by_id else Origin.COMMAND
    return Actor(user_id=pack.asked_by_id, username=pack.asked_name, origin=origin)
