"""Signed notes as C2SP's signed-note describes them, with Ed25519 keys. Pure.

Two kinds of signature are known: 0x01, plain Ed25519 over the text; 0x04, Ed25519 with a time, over the text behind a
header (tlog-cosignature), as witnesses give it and as the sealer adds it to say *when* it signed.
"""

import base64
import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04

SIGNATURES_LIMIT = 64
NOTE_LIMIT = 65_536
"""Characters of a note; a signature line has about 130."""

_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"
_SIGNATURE_BYTES = {ED25519: 64, COSIGNATURE: 8 + 64}


class NoteError(ValueError):
    """The text is no signed note, no key, or not signed by a known key; the message is a sentence."""


class BadSignatureError(NoteError):
    """A signature that claims to be of a known key is not; ``name`` and ``key_id`` say of which."""

    def __init__(self, name: str, key_id: bytes) -> None:
        super().__init__(f"The signature of the key {name} ({key_id.hex()}) does not fit the text.")
        self.name = name
        self.key_id = key_id


class UnknownSignerError(NoteError):
    """No signature is of a known key; ``signers`` are the names and ids that stand there."""

    def __init__(self, signers: Iterable[tuple[str, bytes]]) -> None:
        self.signers = tuple(signers)
        found = ", ".join(f"{name} ({key_id.hex()})" for name, key_id in self.signers) or "nobody"
        super().__init__(f"No known key has signed this; it is signed by {found}.")


def check_name(name: str) -> str:
    """The name of a key, when it can be one: not empty, no spaces, no control characters, no plus.

    Raises:
        NoteError: it cannot.
    """
    bad = any(character == "+" or unicodedata.category(character)[0] in "ZC" for character in name)
    if not name or bad or name.split() != [name]:
        raise NoteError(f"{name!r} cannot be the name of a key: use one word without spaces and plus signs.")
    return name


def key_id(name: str, public_key: bytes, kind: int = ED25519) -> bytes:
    """The 4 bytes that a signature line starts with: of ``SHA-256(name || 0x0A || kind || public key)``."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under its name; ``kind`` says which signatures it checks."""

    name: str
    public_key: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """Its 4 bytes in a signature line."""
        return key_id(self.name, self.public_key, self.kind)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``name+id+base64(kind || public key)``, the form that Go's ``note`` package uses.

        Raises:
            NoteError: it is no such text, or the id does not belong to the key.
        """
        name, _, rest = text.strip().partition("+")
        given_id, _, encoded = rest.partition("+")
        key = _base64(encoded)
        if key is None or len(key) != 33 or key[0] not in _SIGNATURE_BYTES:
            raise NoteError("A verifier key looks like name+1a2b3c4d+AbCd…: copy it whole, on one line.")
        verifier = cls(check_name(name), key[1:], key[0])
        if given_id != verifier.key_id.hex():
            raise NoteError(f"The verifier key of {name} is damaged: its id is not {given_id}.")
        return verifier

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def timed(self) -> "Verifier":
        """The same key as it checks signatures with a time."""
        return Verifier(self.name, self.public_key, COSIGNATURE)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether ``signature`` (without the key's id) is this key's over ``text``."""
        if len(signature) != _SIGNATURE_BYTES[self.kind]:
            return False
        message = text.encode() if self.kind == ED25519 else _timed_message(text, _time_of(signature))
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature[-64:], message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under its name. It never shows the key but through ``private_text()``."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def make(cls, name: str) -> Self:
        """A new random key.

        Raises:
            NoteError: the name cannot be a key's.
        """
        return cls(check_name(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PRIVATE+KEY+name+id+base64(0x01 || seed)``, as Go's ``note`` package writes it.

        Raises:
            NoteError: it is no such text. The message shows nothing of it.
        """
        parts = text.strip().removeprefix(_PRIVATE).split("+", 2)
        key = _base64(parts[2]) if len(parts) == 3 and text.strip().startswith(_PRIVATE) else None
        if key is None or len(key) != 33 or key[0] != ED25519:
            raise NoteError("This is no private key of a signed note.")
        signer = cls(check_name(parts[0]), key[1:])
        if parts[1] != signer.verifier.key_id.hex():
            raise NoteError(f"The private key of {parts[0]} is damaged: its id does not belong to it.")
        return signer

    @property
    def verifier(self) -> Verifier:
        """Its public half."""
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def private_text(self) -> str:
        """The secret form that ``parse()`` reads."""
        encoded = base64.b64encode(bytes([ED25519]) + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{encoded}"

    def sign(self, text: str) -> "Signature":
        """A signature of kind 0x01."""
        return Signature(self.name, self.verifier.key_id, self._key.sign(text.encode()))

    def sign_at(self, text: str, unix_time: int) -> "Signature":
        """A signature of kind 0x04, which says that it was given at ``unix_time`` (seconds)."""
        signed = unix_time.to_bytes(8, "big") + self._key.sign(_timed_message(text, unix_time))
        return Signature(self.name, self.verifier.timed().key_id, signed)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it claims to be, and the bytes behind the key's id."""

    name: str
    key_id: bytes
    signed: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signed).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with a line feed, and its signatures. Not verified by being here."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a signed note.

        Raises:
            NoteError: it is none.
        """
        if len(text) > NOTE_LIMIT or any(ord(character) < 32 and character != "\n" for character in text):
            raise NoteError("This is no signed note: it is too long, or holds control characters.")
        head, blank, tail = text.rpartition("\n\n")
        lines = tail.split("\n")
        if not blank or lines.pop() != "" or not 1 <= len(lines) <= SIGNATURES_LIMIT:
            raise NoteError("This is no signed note: after an empty line it needs lines of signatures.")
        return cls(head + "\n", tuple(_signature(line) for line in lines))

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    def verified_by(self, verifiers: Iterable[Verifier]) -> tuple[tuple[Verifier, Signature], ...]:
        """The known keys whose signatures fit, in the order of the lines; signatures of other keys are passed over.

        Raises:
            BadSignatureError: a line that names a known key does not fit. The whole note is refused then.
            UnknownSignerError: there is no signature of a known key.
        """
        known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
        found: list[tuple[Verifier, Signature]] = []
        for signature in self.signatures:
            verifier = known.get((signature.name, signature.key_id))
            if verifier is None:
                continue
            if not verifier.verifies(self.text, signature.signed):
                raise BadSignatureError(signature.name, signature.key_id)
            found.append((verifier, signature))
        if not found:
            raise UnknownSignerError((signature.name, signature.key_id) for signature in self.signatures)
        return tuple(found)


def time_of(signature: Signature) -> int:
    """The time (seconds since 1970, UTC) that a verified signature of kind 0x04 states."""
    return _time_of(signature.signed)


def _time_of(signed: bytes) -> int:
    return int.from_bytes(signed[:8], "big")


def _timed_message(text: str, unix_time: int) -> bytes:
    return f"cosignature/v1\ntime {unix_time}\n{text}".encode()


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    signed = _base64(encoded)
    if not line.startswith(_DASH) or signed is None or len(signed) < 5:
        raise NoteError("This is no signed note: a line of its signatures cannot be read.")
    return Signature(check_name(name), signed[:4], signed[4:])


def _base64(text: str) -> bytes | None:
    """What the text encodes, only in the one canonical form."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None
