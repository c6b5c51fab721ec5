"""Whether the database still holds what was signed: a restored backup, or another copy of the log, is noticed."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from audit.anchors.protocols import Newest
from audit.checkpoints import SignedHead, TreeHead, TrustedKey, verify_checkpoint
from audit.errors import AnchorError, RolledBackError
from audit.notes import NoteError
from audit.recorder import ObjectType
from audit.sealing.events import say
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.seal import remembered_head_stands
from audit.sealing.trust import trusted_keys

logger = logging.getLogger(__name__)


def look_back(
    connection: psycopg.Connection[Any],
    memory: HeadMemory,
    key: SealingKey,
    anchors: Mapping[str, Newest],
    *,
    accept_restore: bool,
) -> None:
    """Compare the database with what this sealer signed last, or, where it remembers nothing, with the anchors.

    With ``accept_restore`` a difference is an event (``audit.log_restored``) instead of an error.

    Raises:
        RolledBackError: the database is behind that, or holds another tree.
    """
    head = memory.head()
    source = "This sealer"
    if head is None:
        source, head = _anchored(connection, key, anchors)
    if head is None or remembered_head_stands(connection, head):
        return
    if not accept_restore:
        raise RolledBackError(
            f"{source} has {'signed' if source == 'This sealer' else 'been given'} a tree of {head.size} entries that"
            " the database does not hold. If a backup was restored, start the sealer once with --accept-restore: the"
            " log then says so, and the entries that are lost stay provable by anchors and exports. Otherwise somebody"
            " has replaced the log, or a second installation signs with this key."
        )
    say_restored(connection, head)
    memory.forget()


def _anchored(
    connection: psycopg.Connection[Any], key: SealingKey, anchors: Mapping[str, Newest]
) -> tuple[str, TreeHead | None]:
    """The first anchor whose newest head the database does not hold; none that cannot be asked is waited for."""
    for name, anchor in anchors.items():
        try:
            signed = newest_head(anchor, (*trusted_keys(), *(TrustedKey(verifier) for verifier in key.verifiers)))
        except AnchorError as error:
            logger.warning("The anchor %s could not be compared with the log: %s", name, error)
            continue
        if signed is not None and not remembered_head_stands(connection, signed.head):
            return f"The anchor {name}", signed.head
    return "", None


def newest_head(anchor: Newest, keys: Iterable[TrustedKey]) -> SignedHead | None:
    """What an anchor was given last, when one of these keys has signed it; what a stranger wrote there counts nothing.

    Raises:
        AnchorError: it cannot be read.
    """
    note = anchor.newest()
    try:
        return verify_checkpoint(note, keys) if note else None
    except NoteError:
        return None


def say_restored(connection: psycopg.Connection[Any], head: TreeHead) -> None:
    """Record that the log goes on from a database that lacks entries which were signed."""
    say(
        connection,
        action="audit.log_restored",
        object_type=ObjectType.AUDIT_LOG,
        object_id=head.origin,
        reason=f"The sealer had signed a tree of {head.size} entries that this database does not hold.",
        details={"signed_size": head.size, "signed_root": head.root.hex()},
    )
