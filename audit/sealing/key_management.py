"""Making, rotating and retiring the log's keys. Each step is an event; the files change first, then the event is kept.

A rotation overlaps: the new key signs beside the old one, so that who knows either can verify, until the old one is
retired. A retired key is believed for the entries that there were, and for none after.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from audit.checkpoints import TrustedKey, verify_checkpoint
from audit.errors import KeyFileError
from audit.notes import NoteError, Signer, Verifier
from audit.recorder import ObjectType
from audit.sealing.events import say
from audit.sealing.keys import SealingKey
from audit.sealing.storage import last_checkpoint
from audit.sealing.trust import read_trusted, write_trusted


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the private keys are, and where the public ones that the installation believes."""

    private: Path
    trusted: Path

    def trusted_keys(self) -> tuple[TrustedKey, ...]:
        """The public keys so far; none where there is no file."""
        return read_trusted(self.trusted) if self.trusted.exists() else ()


def key_make(connection: psycopg.Connection[Any], files: KeyFiles, *, origin: str) -> Verifier:
    """Make the log's first key, under the name that the log has for ever.

    Raises:
        KeyFileError: there is a key already, the name cannot be used, or a file cannot be written.
    """
    try:
        signer = Signer.make(origin)
    except NoteError as error:
        raise KeyFileError(str(error)) from None
    if not SealingKey((signer,)).write(files.private, replace=False):
        raise KeyFileError(f"{files.private} holds a key already: `manage.py audit_key rotate` makes a second one.")
    _believe(connection, files, signer.verifier)
    return signer.verifier


def key_rotate(connection: psycopg.Connection[Any], files: KeyFiles) -> Verifier:
    """Make a further key, which signs beside the others from the next checkpoint on; the sealer need not be restarted.

    Raises:
        KeyFileError: there is no key yet, there are too many, or a file cannot be written.
    """
    keys = SealingKey.read(files.private).with_new()
    verifier = keys.verifiers[-1]
    # Believed before it signs: nobody meets a signature that he does not know.
    _believe(connection, files, verifier)
    keys.write(files.private, replace=True)
    return verifier


def key_retire(connection: psycopg.Connection[Any], files: KeyFiles, key_id: str) -> TrustedKey:
    """End a rotation: the key with this id (8 hex digits) is forgotten, and believed for the entries so far alone.

    Raises:
        KeyFileError: there is no such key, or it is the only one, or no key that stays has signed a checkpoint yet, or
            a file cannot be written.
    """
    keys = SealingKey.read(files.private)
    left = keys.without(key_id)
    verifier = next(known for known in keys.verifiers if known.key_id.hex() == key_id)
    with connection.transaction(), connection.cursor() as cursor:
        last = last_checkpoint(cursor)
    if last is not None and not _has_signed(left, last[2]):
        raise KeyFileError(
            "The newest checkpoint is not signed by a key that would stay: wait until the sealer has signed one, which"
            " takes about a second when it runs, then try again."
        )
    left.write(files.private, replace=True)
    retired = TrustedKey(verifier, until=last[0] if last else 0)
    others = tuple(key for key in files.trusted_keys() if key.verifier != verifier)
    write_trusted(files.trusted, (*others, retired))
    _say(connection, "audit.key_retired", verifier, details={"until": retired.until})
    return retired


def _has_signed(key: SealingKey, note: str) -> bool:
    try:
        verify_checkpoint(note, (TrustedKey(verifier) for verifier in key.verifiers))
    except NoteError:
        return False
    return True


def _believe(connection: psycopg.Connection[Any], files: KeyFiles, verifier: Verifier) -> None:
    write_trusted(files.trusted, (*files.trusted_keys(), TrustedKey(verifier)))
    _say(connection, "audit.key_made", verifier, details={})


def _say(connection: psycopg.Connection[Any], action: str, verifier: Verifier, *, details: dict[str, object]) -> None:
    say(
        connection,
        action=action,
        object_type=ObjectType.AUDIT_KEY,
        object_id=verifier.key_id.hex(),
        object_label=verifier.name,
        details={"verifier": str(verifier), **details},
    )
