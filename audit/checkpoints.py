"""Heads of the tree as C2SP's tlog-checkpoint writes them: a signed note of origin, size and root. Pure."""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from audit.merkle import HASH_BYTES
from audit.notes import COSIGNATURE, Note, NoteError, Signer, Verifier, check_name, time_of

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint says: whose log, how many leaves, which root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a checkpoint; further lines, which the format allows, are passed over.

        Raises:
            NoteError: it is none.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "" or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise NoteError("This is no checkpoint: it needs a line each for the origin, the size and the root.")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except ValueError:
            root = b""
        if len(root) != HASH_BYTES or base64.b64encode(root).decode() != lines[2]:
            raise NoteError("This is no checkpoint: its third line is no SHA-256 hash in base64.")
        return cls(lines[0], int(lines[1]), root)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A tree head with a signature that was checked.

    ``signers`` are the keys whose signatures fit; ``signed_at`` (UTC, whole seconds) is the time that the first of
    them states, ``None`` where none states any.
    """

    head: TreeHead
    signers: tuple[Verifier, ...]
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A verifier key of the log and how far it is trusted: up to trees of ``until`` leaves, or without end."""

    verifier: Verifier
    until: int | None = None

    def covers(self, size: int) -> bool:
        """Whether it may vouch for a tree of this size."""
        return self.until is None or size <= self.until


def in_use(keys: Iterable[TrustedKey]) -> tuple[TrustedKey, ...]:
    """The keys that may sign the newest checkpoint: those that are not retired, or all where none is left.

    Otherwise a retired key that was stolen could sign a log that was cut back to the time when it was in use.
    """
    known = tuple(keys)
    return tuple(key for key in known if key.until is None) or known


def sign_checkpoint(head: TreeHead, signers: Sequence[Signer], *, unix_time: int) -> str:
    """The signed note. Each key gives two lines: the plain signature, and one that states the time (seconds).

    Raises:
        NoteError: a key's name is not the origin, or there is no key.
    """
    if not signers or any(signer.name != head.origin for signer in signers):
        raise NoteError(f"The checkpoints of {head.origin} are signed by keys of that name.")
    check_name(head.origin)
    plain = [signer.sign(head.text) for signer in signers]
    timed = [signer.sign_at(head.text, unix_time) for signer in signers]
    return str(Note(head.text, (*plain, *timed)))


def verify_checkpoint(note_text: str, keys: Iterable[TrustedKey]) -> SignedHead:
    """Read a checkpoint and check its signatures by the keys that are trusted at its size.

    Raises:
        BadSignatureError: a signature of a known key does not fit.
        UnknownSignerError: no key that is trusted at this size has signed it.
        NoteError: it is no checkpoint, or signed with a time alone, or its origin is not the key's name.
    """
    note = Note.parse(note_text)
    head = TreeHead.parse(note.text)
    trusted = [key.verifier for key in keys if key.covers(head.size) and key.verifier.name == head.origin]
    found = note.verified_by([*trusted, *(verifier.timed() for verifier in trusted)])
    signers = tuple(verifier for verifier, _ in found if verifier.kind != COSIGNATURE)
    if not signers:
        raise NoteError("This checkpoint has no plain signature of a known key.")
    times = [time_of(signature) for verifier, signature in found if verifier.kind == COSIGNATURE]
    return SignedHead(head, signers, datetime.fromtimestamp(times[0], UTC) if times else None)
