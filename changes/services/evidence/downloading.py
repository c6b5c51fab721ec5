"""Handing a pack out: a link that expires, and the event before the first byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.core import signing
from django.db import transaction

from audit.actor import Actor, Origin
from changes.domain.errors import ChangeError
from changes.domain.evidence import PackState, may_have_evidence
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import EvidencePack
from changes.services.evidence.asking import pack_audit, refusal_audit
from changes.services.evidence.storing import stored_parts
from changes.services.people import enforce, person_of

LINK_S: Final = 15 * 60
"""How long a link may be used."""
_SALT: Final = "countersign.evidence-pack"
LINK_EXPIRED: Final = "LINK_EXPIRED"


@dataclass(frozen=True, slots=True)
class Download:
    """A pack on its way out; ``chunks`` is read once."""

    filename: str
    size: int
    sha256: str
    event_id: int
    chunks: Iterator[bytes]


def link_token(*, pack: EvidencePack, person_id: int) -> str:
    """What makes a download link good for this pack and this person for 15 minutes."""
    return signing.dumps([pack.pk, person_id], salt=_SALT)


def check_token(token: str, *, pack_id: int, person_id: int | None) -> None:
    """Whether a link is this person's, for this pack, and not too old.

    Raises:
        ConflictError: it is not; the sentence says what to do.
    """
    try:
        good = signing.loads(token, salt=_SALT, max_age=LINK_S) == [pack_id, person_id]
    except signing.BadSignature:
        good = False
    if not good:
        raise ConflictError(
            "This download link has expired or is somebody else's. Open the pack's page and take a new one.",
            code=LINK_EXPIRED,
        )


def pack_parts(*, pack_id: int, actor: Actor, token: str | None = None) -> Download:
    """Record that somebody takes a pack, then hand it over, a part at a time.

    People need ``token``, the link that :func:`link_token` made for them.

    Raises:
        PolicyDeniedError: the person may not have evidence packs. The refusal is audited.
        ChangeNotFoundError: there is no such pack.
        ConflictError: it is not ready, its time is over, or the link is no good. The refusal is audited.
    """
    try:
        with transaction.atomic():
            return _open(pack_id, actor, token)
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        refusal_audit(actor, "download", pack_id, refusal)
        raise


def _open(pack_id: int, actor: Actor, token: str | None) -> Download:
    if actor.origin is not Origin.COMMAND:
        enforce(may_have_evidence(person_of(actor)))
        check_token(token or "", pack_id=pack_id, person_id=actor.user_id)
    pack = EvidencePack.objects.select_related("change").filter(pk=pack_id).first()
    if pack is None:
        raise ChangeNotFoundError(f"There is no evidence pack {pack_id}.")
    if pack.state != PackState.READY:
        sentences = {
            PackState.EXPIRED: "The time of this pack is over and its archive was removed. Ask for a new one.",
            PackState.FAILED: f"This pack could not be made. {pack.detail}",
        }
        raise ConflictError(sentences.get(PackState(pack.state), "This pack is not ready yet. Wait until it is."))
    taken = {"sha256": pack.sha256, "size": pack.size}
    event_id = pack_audit(pack, "downloaded", actor=actor, details=taken)
    return Download(filename_of(pack), pack.size, pack.sha256, event_id, stored_parts(pack))


def filename_of(pack: EvidencePack) -> str:
    """The name under which a pack is saved."""
    about = pack.change.number if pack.change else {"whole": "whole-log"}.get(pack.scope, "events")
    return f"countersign-evidence-{about}-{pack.pk}.zip"
