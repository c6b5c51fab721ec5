#!/usr/bin/env python3
"""Checks an evidence pack of Countersign: offline, with Python 3.9 or newer and nothing else.

    python3 verify.py pack.zip [--key KEY]... [--checkpoint FILE]...

It believes nothing that the pack says about itself. It says in words what it checked and what it could not check, and
exits with 0; or names the first thing that is wrong, and exits with 1. A pack that cannot be read at all gives 2.

What it relies on: RFC 6962 (Merkle trees), RFC 8032 (Ed25519), and the C2SP forms of signed notes and checkpoints.
The forms of the pack's files are described in docs/evidence-packs.md.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import re
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

PACK_SCHEMA = "countersign.evidence-pack/1"
ARCHIVE_SCHEMA = "countersign.audit-archive/1"
LINE_LIMIT = 16 * 2**20
MANIFEST_LIMIT = 256 * 2**20
"""A manifest has some 300 bytes for each file; a pack of the whole log can hold hundreds of thousands."""
MOST_LINES = 10_000
"""Lines of the files in log/ that are read as a whole."""
MOST_DIGITS = 20
UNFOLDS = 500
"""Events and transcripts unfold to 5 to 50 times their size."""
CHUNK = 2**20
LINES_CHUNK = 2**18
DENSITY = 16
"""In JSON of more than a mebibyte so many bytes come with each value: lists without anything in them take 30 times."""
CLOCK_SKEW = timedelta(minutes=5)
SALT_BYTES = 32
SEALED_TEXT = re.compile(r"hmac-sha256:[0-9a-f]{64}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
BESIDE_THE_MANIFEST = {
    "manifest.json", "openings.jsonl", "log/keys", "log/checkpoint", "log/consistency.jsonl", "log/receipt.jsonl",
}  # fmt: skip
"""Files that prove themselves. With them comes log/whole.json or log/proofs.jsonl."""
ARCHIVE_FILES = {
    "manifest.json", "events.jsonl", "README.txt", "log/keys", "log/checkpoint", "log/proofs.jsonl",
    "log/manifest.note",
}  # fmt: skip
"""With them comes openings.jsonl, from which a text may have been taken out later."""
BORN = {"plan": "building", "device_run": "pending"}
"""The states in which things begin that come with another one's event: a plan with its change's, a device with its
run's."""


class WrongError(Exception):
    """The first thing that is wrong, as a sentence for an auditor."""


class UnreadableError(Exception):
    """The pack, or a file that was named, is not what it has to be to be checked at all."""


def plain(text: object) -> str:
    """What others wrote, without what a terminal would obey: it could hide a line of this report, or add one."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in str(text))


# ---- Ed25519 (RFC 8032, section 5.1): verification alone

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]


def counted(count: int, one: str, many: str) -> str:
    """A number with its words."""
    return f"{count} {one if count == 1 else many}"


def _point(encoded: bytes) -> Point | None:
    """The point that 32 bytes name; None: there is none."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    above, below = (y * y - 1) % _P, (_D * y * y + 1) % _P
    square = above * pow(below, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(one: Point, other: Point) -> Point:
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point, factor = _add(point, point), factor >> 1
    return total


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE = _point(_BASE_Y.to_bytes(32, "little"))


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature of 64 bytes is that of a message by a key of 32 bytes."""
    key, commitment = _point(public_key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or len(public_key) != 32 or None in {key, commitment} or scalar >= _ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(hashed, "little") % _ORDER
    left = _times(scalar, _BASE)  # type: ignore[arg-type]
    right = _add(commitment, _times(challenge, key))  # type: ignore[arg-type]
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


# ---- Merkle trees (RFC 6962, section 2.1; verification as in RFC 9162, section 2.1.3 and 2.1.4)


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with these data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root over leaves that come one after the other, in memory that grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append the hash of the next leaf."""
        size, node = self.size, leaf
        while size & 1:
            node, size = node_hash(self._peaks.pop(), node), size >> 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's root."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Inclusions:
    """Follows inclusion proofs, one after the other, to the roots that they lead to.

    The paths of neighbours meet after a few steps. Where one comes to the same hash in the same place as the proof
    before, and all that is left of both proofs is the same, it leads to the same root, which was hashed then.
    """

    def __init__(self) -> None:
        self._proof: list[str] = []
        self._steps: list[tuple[int, int, bytes]] = []
        self._root: bytes | None = None

    def root(self, leaf: bytes, index: int, size: int, proof: list[str]) -> bytes | None:
        """The root to which a proof leads (hashes in hex digits); None: no proof for this place has that form.

        Raises:
            ValueError, TypeError: the proof has something that is no hash.
        """
        if not 0 <= index < size:
            return None
        place, last, node = index, size - 1, leaf
        steps: list[tuple[int, int, bytes]] = []
        for number, text in enumerate(proof):
            step = (place, last, node)
            if self._steps[number : number + 1] == [step] and self._proof[number:] == proof[number:]:
                steps += self._steps[number:]
                root = self._root
                break
            if last == 0:
                return None
            sibling = bytes.fromhex(text)
            if len(sibling) != 32:
                raise ValueError(text)
            steps.append(step)
            if place & 1 or place == last:
                node = node_hash(sibling, node)
                while not place & 1 and place:
                    place, last = place >> 1, last >> 1
            else:
                node = node_hash(node, sibling)
            place, last = place >> 1, last >> 1
        else:
            root = node if last == 0 else None
        self._proof, self._steps, self._root = proof, steps, root
        return root


def is_consistent(old_size: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """Whether a proof shows that the tree of the greater size has all of the smaller one's leaves, as they were."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return old_root == root and not proof
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, node)
        place, last = place >> 1, last >> 1
    return last == 0 and old == old_root and new == root


# ---- signed notes and checkpoints (C2SP signed-note, tlog-checkpoint)


@dataclass(frozen=True)
class Key:
    """Somebody's public key: its name, the four bytes that name it in a signature, and its 32 bytes."""

    name: str
    short: bytes
    public: bytes
    text: str
    until: int | None = None
    """A key that was retired is believed for so many entries alone."""

    @property
    def timed(self) -> bytes:
        """The four bytes that name it where it signs together with the time (C2SP tlog-cosignature)."""
        return hashlib.sha256(self.name.encode() + b"\n\x04" + self.public).digest()[:4]

    @property
    def fingerprint(self) -> str:
        """What people compare by eye."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.public).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head that somebody signed."""

    origin: str
    size: int
    root: bytes
    signers: tuple[str, ...]
    at: datetime | None = None
    """When it was signed, as the signer says; None where no signature states it."""


def read_key(text: str) -> Key:
    """A key as ``name+hash+base64``, perhaps with ``until=N`` behind it as in the installation's file of public keys.

    Raises:
        UnreadableError: it is none, or its hash is another.
    """
    text, _, until = text.strip().partition(" until=")
    if until and not (until.isascii() and until.isdigit() and len(until) < MOST_DIGITS):
        raise UnreadableError(f"until={until[:30]} is no number of entries.")
    try:
        name, short, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        given = bytes.fromhex(short)
    except (ValueError, binascii.Error):
        raise UnreadableError(f"{text[:60]!r} is not a verifier key of the form name+hash+key.") from None
    if len(raw) != 33 or raw[0] != 1:
        raise UnreadableError(f"The key {name} is not an Ed25519 key.")
    if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4] != given:
        raise UnreadableError(f"The key {name} does not have the hash that stands beside it.")
    return Key(name, given, raw[1:], text, int(until) if until else None)


def read_checkpoint(note: bytes, keys: Iterable[Key], what: str) -> Checkpoint:
    """The tree head of a signed note that at least one of the keys signed.

    Raises:
        WrongError: it is none, none of the keys signed it, or a signature in a key's name is not that key's.
    """
    try:
        text, _, signatures = note.decode().rpartition("\n\n")
        origin, size, root = text.split("\n")[:3]
        number, head = int(size), base64.b64decode(root, validate=True)
        if not signatures.endswith("\n") or str(number) != size or number < 0 or len(head) != 32 or not origin:
            raise ValueError
    except (ValueError, binascii.Error):
        raise WrongError(f"{what} is not a signed tree head.") from None
    lines = [_signature_line(line, what) for line in signatures.split("\n")[:-1]]
    signers, at = _signers(f"{text}\n", lines, [key for key in keys if key.name == origin], number, what)
    return Checkpoint(origin, number, head, signers, at)


def _signers(
    text: str, lines: list[tuple[str, bytes]], keys: list[Key], size: int, what: str
) -> tuple[tuple[str, ...], datetime | None]:
    """Whose signatures hold, and when the first of them says it was given. A key signs for the log of its own name.

    Raises:
        WrongError: none, or one does not.
    """
    signers, retired, at = [], "", None
    for key in keys:
        for name, raw in lines:
            if (name, raw[:4]) == (key.name, key.short):
                if not signature_holds(key.public, text.encode(), raw[4:]):
                    raise _altered(what, name)
                if key.until is not None and size > key.until:
                    retired = f" ({name} was retired after {key.until} entries: who stole that key could sign this)"
                else:
                    signers.append(name)
            elif (name, raw[:4]) == (key.name, key.timed):
                seconds = int.from_bytes(raw[4:12], "big")
                if not signature_holds(key.public, f"cosignature/v1\ntime {seconds}\n{text}".encode(), raw[12:]):
                    raise _altered(what, name)
                at = at or _signed_at(seconds, what)
    if not signers:
        raise WrongError(
            f"{what} is not signed by any key that you trust{retired}. It was signed with another key: either the log's"
            " key was changed and you have not been given the new one, or somebody else made this log."
        )
    return tuple(dict.fromkeys(signers)), at


def _signature_line(line: str, what: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if dash != "\u2014" or len(raw) < 5:
        raise WrongError(f"{what} has a signature line that cannot be read.")
    return name, raw


def _altered(what: str, name: str) -> WrongError:
    return WrongError(f"{what} bears the name of {name}, but its signature is not that key's: it was altered.")


def _signed_at(seconds: int, what: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)  # noqa: UP017 - Python 3.9
    except (ValueError, OverflowError, OSError):
        raise WrongError(f"{what} states a time that cannot be.") from None


# ---- the archive


class Pack:
    """The files of a pack; each is read as a stream and only once it was found in the list of files."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except FileNotFoundError:
            raise UnreadableError(f"There is no file {path}.") from None
        except OSError as error:
            raise UnreadableError(f"{path} cannot be read ({error.strerror}).") from None
        try:
            self._zip = zipfile.ZipFile(self._file)
            _check_archive(self._zip, self._file)
        except (OSError, zipfile.BadZipFile, struct.error, NotImplementedError, ValueError):
            self._file.close()
            raise UnreadableError(f"{path} is no complete zip archive: it was cut off, or is something else.") from None
        except BaseException:
            self._file.close()
            raise
        self.names = frozenset(self._zip.namelist())

    def __enter__(self) -> Pack:
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it, whatever is still being read."""
        self._file.close()

    def lines(self, name: str) -> Iterator[bytes]:
        """Its lines, without their line feeds."""
        rest = b""
        with self._open(name) as stream:
            while len(rest) < LINE_LIMIT and (chunk := stream.read(LINES_CHUNK)):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
        if rest:
            raise WrongError(f"{name} ends in the middle of a line, or has one of more than {LINE_LIMIT} bytes.")

    def few(self, name: str, most: int = MOST_LINES) -> list[bytes]:
        """All lines of a file that has few of them."""
        found, size = [], 0
        for line in self.lines(name):
            found.append(line)
            size += len(line)
            if len(found) > most or size > 4 * LINE_LIMIT:
                raise WrongError(f"{name} has more lines than such a file can have.")
        return found

    def whole(self, name: str, limit: int = LINE_LIMIT) -> bytes:
        """All of a small file."""
        with self._open(name) as stream:
            data: bytes = stream.read(limit + 1)
        if len(data) > limit:
            raise WrongError(f"{name} is larger than such a file can be.")
        return data

    def json(self, name: str, limit: int = LINE_LIMIT) -> Any:
        """What a small JSON file says."""
        return parse(self.whole(name, limit), name)

    def digest(self, name: str) -> tuple[int, str]:
        """Size and SHA-256 of a file."""
        size, hashed = 0, hashlib.sha256()
        with self._open(name) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                hashed.update(chunk)
        return size, hashed.hexdigest()

    def _open(self, name: str) -> _Stream:
        if name not in self.names:
            raise WrongError(f"{name} is missing from the pack.")
        return _Stream(self._zip, name)


class _Stream:
    """A file of the archive, whose damage is told as such."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._name = name
        self._file = self._told(lambda: archive.open(name))

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        data: bytes = self._told(lambda: self._file.read(size))
        return data

    def _told(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
            raise WrongError(f"{self._name} is damaged in the archive ({error}).") from None


def _check_archive(archive: zipfile.ZipFile, file: BinaryIO) -> None:
    """Every program that unpacks it sees the same files, and none of them lands elsewhere.

    Raises:
        WrongError: it is an archive that could be read in two ways, or a trap for who unpacks it.
    """
    entries = archive.infolist()
    names = Counter(entry.filename for entry in entries)
    doubled = sorted(name for name, count in names.items() if count > 1)
    if doubled:
        raise WrongError(f"The archive holds two files named {doubled[0]}; readers would see one or the other.")
    folded = Counter(name.casefold() for name in names)
    alike = sorted(name for name in names if folded[name.casefold()] > 1)
    if alike:
        raise WrongError(f"The archive holds {alike[0]} and {alike[1]}; on many systems one would replace the other.")
    for entry in entries:
        _check_entry(entry)
    _check_layout(archive, sorted(entries, key=lambda entry: entry.header_offset), file)
    unfolded, folded_size = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if unfolded > UNFOLDS * folded_size + CHUNK:
        raise WrongError(f"The archive would unfold to {unfolded} bytes, {UNFOLDS} times its size: it is a zip bomb.")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    kind = entry.external_attr >> 16 & 0o170000
    if not PLAIN_NAME.fullmatch(entry.filename) or entry.orig_filename != entry.filename:
        raise WrongError(f"The archive holds a file named {entry.orig_filename!r}, which no pack has.")
    if kind not in {0, 0o100000}:
        raise WrongError(f"{entry.filename} is no plain file in the archive but a link or something like it.")
    if entry.flag_bits & 0x2041 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise WrongError(f"{entry.filename} is encrypted or packed in a way that no pack is.")


def _check_layout(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], file: BinaryIO) -> None:
    """The files lie one behind the other, as the one list at the end says, and nothing lies before, between or behind.

    A program that reads an archive from its beginning so finds the same as one that begins with the list.
    """
    place = 0
    for number, entry in enumerate(entries):
        if entry.header_offset != place:
            raise _two_archives()
        following = entries[number + 1].header_offset if number + 1 < len(entries) else archive.start_dir
        place = _check_local(entry, following, file)
    if place != archive.start_dir:
        raise _two_archives()
    for _entry in entries:
        file.seek(place)
        header = struct.unpack("<4s24x3H12x", file.read(46))
        if header[0] != b"PK\1\2":
            raise _two_archives()
        place += 46 + sum(header[1:])
    file.seek(place)
    rest = file.read(22 + 56 + 20 + 1)
    large = rest.startswith(b"PK\6\6")
    end = rest[76:] if large else rest
    if len(end) != 22 or not end.startswith(b"PK\5\6") or (large and rest[56:60] != b"PK\6\7"):
        raise _two_archives()


def _check_local(entry: zipfile.ZipInfo, following: int, file: BinaryIO) -> int:
    """Where a file's data end, by what stands before it."""
    file.seek(entry.header_offset)
    fixed = file.read(30)
    signature, _version, flags, method, _date, crc, packed, size, name, extra = struct.unpack("<4s3HI3I2H", fixed)
    if signature != b"PK\3\4" or file.read(name) != entry.filename.encode() or method != entry.compress_type:
        raise _two_archives()
    end = int(entry.header_offset + 30 + name + extra + entry.compress_size)
    if flags & 8:
        file.seek(end)
        told = file.read(max(0, min(following - end, 24)))
        form = {16: "<4s3I", 24: "<4sI2Q"}.get(len(told))
        if form is None or struct.unpack(form, told) != (
            b"PK\x07\x08",
            entry.CRC,
            entry.compress_size,
            entry.file_size,
        ):
            raise _two_archives()
        return end + len(told)
    if crc != entry.CRC or packed not in {entry.compress_size, 2**32 - 1} or size not in {entry.file_size, 2**32 - 1}:
        raise _two_archives()
    return end


def _two_archives() -> WrongError:
    return WrongError(
        "The archive can be read in two ways: what stands before its files, or between them, is not what its list says."
        " Something was put in front of it, in between or behind."
    )


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError
    return int(digits)


def _refused(_text: str) -> NoReturn:
    raise ValueError


DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=_number, parse_float=_refused, parse_constant=_refused)


def parse(data: bytes, what: str) -> Any:
    """JSON that all programs read alike: UTF-8, no name twice, no fractions, no endless numbers.

    Raises:
        WrongError: it is none.
    """
    if len(data) > CHUNK and sum(map(data.count, (b",", b"[", b"{"))) > len(data) // DENSITY:
        raise WrongError(f"{what} is made to take more memory than it has text: it is no file of a pack.")
    try:
        text = data.decode().strip(" \t\r\n")
        said, end = DECODER.raw_decode(text)
        if end < len(text):
            raise ValueError
    except (ValueError, RecursionError):
        raise WrongError(f"{what} is not JSON that can be read in one way only.") from None
    return said


def moment(text: str, what: object) -> datetime:
    """A time in UTC as the log writes it, in ``what``: an event, or what a sentence calls it.

    Raises:
        WrongError: it is none.
    """
    try:
        if not text.endswith("Z"):
            raise ValueError(text)
        return datetime.fromisoformat(f"{text[:-1]}+00:00")
    except (ValueError, TypeError):
        raise WrongError(f"{what} has no time that can be read.") from None


def hashes(texts: list[str], what: str) -> list[bytes]:
    """The hashes of a proof.

    Raises:
        WrongError: they are none.
    """
    try:
        found = [bytes.fromhex(text) for text in texts]
    except (TypeError, ValueError):
        raise WrongError(f"The proof of {what} cannot be read.") from None
    if any(len(item) != 32 for item in found):
        raise WrongError(f"The proof of {what} cannot be read.")
    return found


# ---- what the log says, event by event


class Event(NamedTuple):
    """One event of the log, once it is proved to stand there."""

    id: int
    at: str
    body: dict[str, Any]
    has_texts: bool
    """Whether there may be commitments in it: without, nothing in its line can be read as their name."""

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """How reports call it."""
        who, thing = self.body["actor"]["name"], self.body["object"]
        label = thing.get("label")
        about = label if label and isinstance(label, str) else thing["type"]
        return f"event {self.id} ({self.body['action']} by {who}: {about})"

    @property
    def details(self) -> dict[str, Any]:
        """Its details."""
        found: dict[str, Any] = self.body.get("details") or {}
        return found

    @property
    def access(self) -> Any:
        """What the account that it is about may do afterwards; None: nothing."""
        return (self.body.get("after") or {}).get("access")


def read_event(line: bytes, place: int) -> Event:
    """The event of a line.

    Raises:
        WrongError: it has not the form of one.
    """
    said = parse(line, f"Line {place} of the events")
    body = said.get("body") if isinstance(said, dict) else None
    if not isinstance(body, dict) or not body.keys() >= {"action", "actor", "object", "state"}:
        raise WrongError(f"Line {place} of the events is no event.")
    texts = (said.get("at"), body["action"], body["object"].get("type"), body["object"].get("id"))
    ids = (said.get("id"), body["actor"].get("id") or 0, body.get("change_id") or 0)
    if {*map(type, texts)} != {str} or {*map(type, ids)} != {int}:
        raise WrongError(f"Line {place} of the events is no event.")
    return Event(said["id"], said["at"], body, b"redactable" in line or b"\\" in line)


def follow(states: dict[tuple[str, str], str], event: Event) -> None:
    """A thing is found in the state in which it was left.

    Raises:
        WrongError: it is not.
    """
    thing, state = event.body["object"], event.body["state"]
    if not state["to"]:
        return
    key = (thing["type"], thing["id"])
    known = states.get(key, BORN.get(thing["type"], ""))
    if state["from"] != known and (state["from"] or key in states):
        left = f"was left {known!r}" if known else "has no earlier event"
        raise WrongError(
            f"{event.name} says that it was {state['from'] or 'new'!r} before, but by the events enclosed it {left}:"
            " an event is missing in between."
        )
    states[key] = state["to"]


# ---- texts of people, which stand in the events as commitments


def committed(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where commitments stand in an object or a list of an event's body (JSON Pointers), and what they are."""
    is_object = isinstance(value, dict)
    sealed = value.get("redactable") if is_object and len(value) == 1 else None
    if isinstance(sealed, str) and SEALED_TEXT.fullmatch(sealed):
        yield path, sealed
        return
    for name, inner in value.items() if is_object else enumerate(value):
        if isinstance(inner, (dict, list)):
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from committed(inner, f"{path}/{step}")


def _asked(event: Event, person: object) -> tuple[Any, ...]:
    return person, event.details.get("event"), event.details.get("paths")


class Texts:
    """Compares the texts that came with a pack with what was sealed in their place, while the events go by."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._ahead: dict[str, Any] | None = None
        self.shown = self.lacking = self.redacted = 0
        self._missing: dict[int, set[str]] = {}
        self._causers: dict[int, Any] = {}
        self._proposed: dict[str, tuple[Any, ...]] = {}
        self._read()

    def take(self, event: Event) -> None:
        """Open the commitments of the next event, and note what a redaction took out of an earlier one.

        Raises:
            WrongError: a text is not the one that was sealed, or belongs to no event here.
        """
        promised = dict(committed(event.body)) if event.has_texts else {}
        while self._ahead is not None and self._ahead["event"] == event.id:
            self._open(event, self._ahead, promised)
            self._read()
        if promised:
            self.lacking += len(promised)
            if len(self._missing) < MOST_LINES:
                self._missing[event.id] = set(promised)
                self._causers[event.id] = event.body["actor"]["id"]
        if event.body["action"] == "redaction.proposed" and len(self._proposed) < MOST_LINES:
            self._proposed[event.body["object"]["id"]] = _asked(event, event.body["actor"]["id"])
        if event.body["action"] == "redaction.carried_out":
            person = event.body["actor"]["id"]
            if person in {None, event.details.get("proposed_by_id")}:
                raise WrongError(f"{event.name} was proposed by the same person: it needs two.")
            if person == self._causers.get(event.details.get("event", 0), None):
                raise WrongError(f"{event.name} was carried out by who caused the event whose text it took out.")
            asked = _asked(event, event.details.get("proposed_by_id"))
            if self._proposed.get(event.body["object"]["id"], asked) != asked:
                raise WrongError(f"{event.name} is not what was proposed: another text, event or person.")
            gone = self._missing.get(event.details.get("event", 0), set())
            named = gone.intersection(event.details.get("paths", ()))
            self.redacted += len(named)
            self.lacking -= len(named)
            gone -= named

    def end(self) -> None:
        """Nothing follows.

        Raises:
            WrongError: a text is left that belongs to no event, or not to the next one that has any.
        """
        if self._ahead is not None:
            raise WrongError(
                f"openings.jsonl has a text for event {self._ahead['event']}, but there is no such event here, or it"
                " does not stand in the order of the events: it was put in."
            )

    def _open(self, event: Event, said: dict[str, Any], promised: dict[str, str]) -> None:
        path = said["path"]
        sealed = promised.pop(path, None)
        if sealed is None:
            raise WrongError(
                f"openings.jsonl has a text {path!r} for {event.name}, which has no such text, or has it twice: it was"
                " put in."
            )
        try:
            salt, text = bytes.fromhex(said["salt"]), said["value"].encode()
        except ValueError:
            raise WrongError(f"openings.jsonl has a line for {event.name} that opens nothing.") from None
        made = hmac.digest(salt, text, "sha256").hex()
        if len(salt) != SALT_BYTES or sealed != f"hmac-sha256:{made}":
            raise WrongError(
                f"The text {path} of {event.name} is not the one that was sealed: it was exchanged, or guessed."
            )
        self.shown += 1

    def _read(self) -> None:
        line = next(self._lines, None)
        self._ahead = None if line is None else parse(line, "A line of openings.jsonl")
        if self._ahead is not None and not (
            isinstance(self._ahead, dict)
            and type(self._ahead.get("event")) is int
            and all(isinstance(self._ahead.get(name), str) for name in ("path", "salt", "value"))
        ):
            raise WrongError("openings.jsonl has a line that opens nothing.")


# ---- who the people are, and what they might do


class People:
    """The accounts that events name, and the groups that they were in at that moment, as far as events say so."""

    def __init__(self) -> None:
        self._by_name: dict[str, int] = {}
        self._named: dict[int, Any] = {}
        self._one: dict[int, int] = {}
        self._groups: dict[int, frozenset[str]] = {}

    def take(self, event: Event) -> None:
        """Remember the name of who acted, and what an account may do from now on."""
        actor, thing = event.body["actor"], event.body["object"]
        is_person = actor["id"] is not None and actor.get("origin") != "system"
        if is_person and self._named.get(actor["id"]) != actor["name"]:
            self._named[actor["id"]] = actor["name"]
            name = unicodedata.normalize("NFKC", str(actor["name"])).casefold()
            self._one.setdefault(actor["id"], self._by_name.setdefault(name, actor["id"]))
        if event.body["action"] in {"user.created", "user.access_changed", "user.access_found", "user.removed"}:
            access = event.access
            groups = access["groups"] if isinstance(access, dict) and access.get("active") else ()
            self._groups[int(thing["id"])] = frozenset(groups)

    def one(self, account: int) -> int:
        """The person of an account: two accounts whose names read alike are one person's."""
        return self._one.get(account, account)

    def why_not(self, account: int, group: str) -> str:
        """Why somebody did not hold a group's right; empty where they did, or where no event tells it."""
        groups = self._groups.get(account)
        if groups is None or (group in groups and "auditor" not in groups):
            return ""
        return f"was not in the group {group} then" if group not in groups else "was an auditor then, who only reads"

    def is_known(self, account: int) -> bool:
        """Whether events tell the groups of an account."""
        return account in self._groups


# ---- templates


@dataclass
class Version:
    """What the log has said of one version of a template."""

    label: str = ""
    copied_from: str = ""
    digest: str = ""
    writers: dict[int, str] = field(default_factory=dict)
    reviews: dict[int, str] = field(default_factory=dict)
    """The digest that each reviewer approved, by the reviewer."""


class Templates:
    """Who wrote a template wrote the lines that are sent."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._states: dict[tuple[str, str], str] = {}
        self._versions: dict[str, Version] = {}
        self._by_label: dict[str, Version] = {}

    def take(self, event: Event) -> None:
        """Judge the next event, if it is about a template.

        Raises:
            WrongError: it does not follow from those before it.
        """
        thing, action, details = event.body["object"], event.body["action"], event.details
        if action == "template_review.approved" and event.body["actor"]["id"] is not None:
            version = self._by_label.get(details["version"])
            if version is not None:
                version.reviews[event.body["actor"]["id"]] = details["digest"]
        if thing["type"] != "template_version":
            return
        follow(self._states, event)
        version = self._versions.setdefault(thing["id"], Version())
        version.digest = details.get("digest", version.digest) if details else version.digest
        if action == "template_version.created":
            version.label = details.get("version") or " ".join(str(thing.get("label")).split(" ")[:2])
            version.copied_from = details.get("copied_from", "")
            self._by_label[version.label] = version
        if action in {"template_version.created", "template_version.edited"} and event.body["actor"]["id"] is not None:
            version.writers.setdefault(event.body["actor"]["id"], event.name)
        elif action in {"template_version.withdrawn", "template_version.returned"}:
            version.reviews.clear()

    def hands(self, version_id: str, number: str) -> dict[int, str]:
        """Everybody who wrote a part of a version, those of the versions that it was copied from too.

        Raises:
            WrongError: the events do not tell it.
        """
        found: dict[int, str] = {}
        version: Version | None = self._versions.get(version_id)
        wanted, seen = f"number {version_id}", set()
        while True:
            if version is None or not version.writers or id(version) in seen:
                raise WrongError(
                    f"{number} was made from the template version {wanted}, but the pack has no event that says who"
                    " wrote it: an event was left out."
                )
            seen.add(id(version))
            for person, name in version.writers.items():
                found.setdefault(person, name)
            if not version.copied_from:
                return found
            wanted = version.copied_from
            version = self._by_label.get(wanted)

    def why_not_approved(self, version_id: str, number: str) -> str:
        """Why a version does not carry a change that nobody else approves: two people approved what it says."""
        version, writers = self._versions.get(version_id), self.hands(version_id, number)
        if version is None or self._states.get(("template_version", version_id)) not in {"approved", "deprecated"}:
            return "its template was not approved"
        hands = {self._people.one(person) for person in writers}
        given = {self._people.one(person) for person, digest in version.reviews.items() if digest == version.digest}
        if len(given - hands) < 2:
            return f"{len(given - hands)} of 2 people without a hand in it approved what its template says"
        return ""


# ---- the story of one change


@dataclass
class Approval:
    """An approval that still counts."""

    key: str
    stage: str
    person: int
    absent: int | None
    group: str
    digest: str
    at: datetime
    name: str
    carried_from: str = ""
    wrong: str = ""
    """Why it never counted."""


@dataclass
class Running:
    """One run of a change: what it may send, and who may not lead it."""

    devices: frozenset[str]
    barred: dict[int, str]
    states: dict[str, str] = field(default_factory=dict)
    ended: bool = False


@dataclass
class Story:
    """What the log has said of one change so far."""

    number: str
    type: str = ""
    version: str = ""
    hands: dict[int, str] = field(default_factory=dict)
    plans: dict[int, str] = field(default_factory=dict)
    submitted: str = ""
    demands: dict[int, str] = field(default_factory=dict)
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    given: list[Approval] = field(default_factory=list)
    """Approvals that were given by people, also of earlier plans."""
    implementers: dict[int, str] = field(default_factory=dict)
    threads: set[str] = field(default_factory=set)
    """Discussions that nobody has resolved."""
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    runs: dict[int, Running] = field(default_factory=dict)
    leaves: dict[int, frozenset[str]] = field(default_factory=dict)
    """The digests of the device plans, of each revision whose bytes were hashed."""
    last: int = 0


class Stories:
    """Judges the changes of a pack while their events go by, oldest first."""

    def __init__(self, pack: Pack, enclosed: dict[str, Any], scope: str) -> None:
        self._pack = pack
        self._enclosed = enclosed
        self._scope = scope
        self._stories: dict[int, Story] = {}
        self._people = People()
        self._templates = Templates(self._people)
        self.plans = self.runs = self.devices = self.unproved = 0
        self._handlers = {
            "change.created": self._written,
            "change.edited": self._written,
            "plan.ready": self._planned,
            "plan_demand.settled": self._asked,
            "plan_demand.replaced": self._asked,
            "change.submitted": self._submitted,
            "approval.approved": self._approved,
            "approval.withdrawn": self._withdrawn,
            "approval.voided": self._withdrawn,
            "run.started": self._started,
            "run.resumed": self._led,
            "run.retried": self._led,
            "run.rollback_started": self._led,
            "run.ended": self._ended,
            "change.finished": self._finished,
        }

    def take(self, event: Event) -> None:
        """Judge the next event.

        Raises:
            WrongError: it does not follow from those before it.
        """
        if self._scope == "filter":
            return  # chosen events leave out what is between them
        self._people.take(event)
        self._templates.take(event)
        change = event.body.get("change_id")
        if change is None:
            return
        if str(change) not in self._enclosed:
            raise WrongError(
                f"{event.name} is about the change number {change}, but the manifest encloses nothing of it: its plans"
                " and approvals could not be judged."
            )
        story = self._stories.get(change)
        if story is None:
            story = self._stories[change] = Story(number=self._enclosed[str(change)]["number"])
            if story.number != f"CHG-{change:05d}":
                raise WrongError(f"The manifest calls the change number {change} {story.number}, which it is not.")
        thing = event.body["object"]
        if thing["type"] in {"change", "run", "device_run", "plan", "plan_demand"}:
            follow(story.states, event)
        story.last = event.id
        self._handle(story, event)
        if thing["type"] == "device_run":
            self._device(story, event)
        elif thing["type"] == "approval":
            self._decided(story, event)
        elif thing["type"] == "thread" and event.body["state"]["to"]:
            (story.threads.add if event.body["state"]["to"] == "open" else story.threads.discard)(thing["id"])

    def _handle(self, story: Story, event: Event) -> None:
        handler = self._handlers.get(event.body["action"])
        if handler is not None:
            handler(story, event)

    def end(self) -> None:
        """Nothing follows.

        Raises:
            WrongError: a plan is enclosed of which the log says nothing, or whose bytes are others.
        """
        for key, told in self._enclosed.items():
            story = self._stories.get(int(key))
            if story is None:
                raise WrongError(f"The pack is about {told['number']}, but holds no event of it.")
            for revision in told["revisions"]:
                if story.plans.get(revision["id"]) != revision["digest"]:
                    raise WrongError(
                        f"The pack encloses revision {revision['number']} of {told['number']}, but the log has no event"
                        " that says this plan was made: it was put there, or its event was left out."
                    )
                self._leaves(story, revision["id"], f"The pack of {told['number']}")
            self._listed(story)

    def told(self) -> Iterator[str]:
        """Where each change stands at the end of the events."""
        for story in list(self._stories.values())[:20]:
            stands = next((state for (kind, _), state in story.states.items() if kind == "change"), "unknown")
            runs = counted(len(story.runs), "run", "runs")
            yield f"{story.number} is {stands} at its last event here ({story.last}); {runs} of it."

    def _written(self, story: Story, event: Event) -> None:
        actor, after = event.body["actor"], event.body.get("after") or {}
        if actor["id"] is not None:
            story.hands.setdefault(actor["id"], event.name)
        story.type = after.get("type", story.type)
        if "template_version_id" not in after:
            return
        version = after["template_version_id"]
        if version is None and story.version:
            # Who wrote a template wrote the lines that stay when it is given up.
            for person, name in self._templates.hands(story.version, story.number).items():
                story.hands.setdefault(person, name)
        story.version = "" if version is None else str(version)

    def _hands(self, story: Story) -> dict[int, str]:
        """Everybody with a hand in the change as it is now, as people and not as accounts."""
        found = dict(story.hands)
        if story.version:
            for person, name in self._templates.hands(story.version, story.number).items():
                found.setdefault(person, name)
        return {self._people.one(person): name for person, name in reversed(list(found.items()))}

    def _planned(self, story: Story, event: Event) -> None:
        story.plans[int(event.body["object"]["id"])] = event.details["digest"]

    def _asked(self, story: Story, event: Event) -> None:
        story.demands[int(event.body["object"]["id"])] = event.body["state"]["to"]

    def _submitted(self, story: Story, event: Event) -> None:
        story.approvals.clear()
        story.submitted = event.details.get("plan_digest", "")

    def _decided(self, story: Story, event: Event) -> None:
        """Remember what the readable list of decisions has to say."""
        state, details = event.body["state"], event.details
        if state["to"] and not state["from"]:
            told = {name: details.get(name) or "" for name in ("stage", "plan_digest", "group", "carried_from")}
            name = event.body["actor"]["name"]
            is_own = details.get("approver_id") in {None, event.body["actor"]["id"]}
            told |= {"decision": state["to"], **({"approver": name} if is_own else {})}
            story.decisions[event.body["object"]["id"]] = told

    def _approved(self, story: Story, event: Event) -> None:
        details, actor = event.details, event.body["actor"]
        given = Approval(
            key=event.body["object"]["id"],
            stage=details["stage"],
            person=details.get("approver_id") or actor["id"],
            absent=details.get("on_behalf_of_id"),
            group=details.get("group", ""),
            digest=details["plan_digest"],
            at=moment(event.at, event),
            name=event.name,
            carried_from=details.get("carried_from") or "",
        )
        if given.carried_from:
            given.at, given.wrong = self._original(story, given)
        elif actor["id"] is None or actor["id"] != given.person:
            raise WrongError(
                f"{event.name} says that account {given.person} approved, but it was not they who did: nobody approves"
                " in another's name."
            )
        else:
            given.wrong = self._right(given, event, story)
            if details.get("given_at"):
                given.at = min(given.at, moment(details["given_at"], event))
            story.given.append(given)
        story.approvals[given.key] = given

    def _right(self, given: Approval, event: Event, story: Story) -> str:
        holder = given.person if given.absent is None else given.absent
        if given.group and not self._people.is_known(holder):
            self.unproved += 1
        why = given.group and self._people.why_not(holder, given.group)
        if why:
            return f"{event.name} is by the right of account {holder}, who {why}"
        one = self._people.one
        led = {one(person): name for person, name in story.implementers.items()}
        if one(given.person) in led:
            return f"{event.name} is by somebody who had carried the change out ({led[one(given.person)]})"
        return ""

    def _original(self, story: Story, carried: Approval) -> tuple[datetime, str]:
        """When a person gave the approval that was carried over, and why it never counted, if so."""
        wanted = (carried.person, carried.absent, carried.stage, carried.carried_from)
        for given in reversed(story.given):
            if (given.person, given.absent, given.stage, given.digest) == wanted:
                return given.at, given.wrong
        raise WrongError(
            f"{carried.name} says that an approval of the plan {carried.carried_from} was carried over, but by the"
            " events enclosed that person never gave it, or had taken it back."
        )

    def _withdrawn(self, story: Story, event: Event) -> None:
        key = event.body["object"]["id"]
        story.approvals.pop(key, None)
        # One that went back with its change may be carried over; one that was taken back, or lapsed, may not.
        if event.details.get("void_cause") != "returned":
            story.given = [given for given in story.given if given.key != key]

    def _started(self, story: Story, event: Event) -> None:
        digest = event.details["plan_digest"]
        revision_id = max((each for each, known in story.plans.items() if known == digest), default=None)
        if revision_id is None:
            raise WrongError(f"{event.name} ran the plan {digest}, which by the log was never made.")
        if story.submitted not in {"", digest}:
            raise WrongError(f"{event.name} ran the plan {digest}, but {story.submitted} was the one handed in.")
        devices = self._leaves(story, revision_id, event.name)
        carried = {approval.carried_from for approval in story.approvals.values()} - {""}
        for seen in [each for each, known in story.plans.items() if known in carried]:
            self._leaves(story, seen, event.name)
        barred = Judgement(self._pack, self._people, self._templates, story, event).judge(
            self._revision(story, revision_id, event.name), digest, self._hands(story), devices
        )
        story.runs[int(event.body["object"]["id"])] = Running(devices, barred)
        self._implements(story, event)
        self.runs += 1

    def _led(self, story: Story, event: Event) -> None:
        """Who has a run go on is somebody who might have started it. Taking a device back is open to more."""
        run = story.runs.get(int(event.body["object"]["id"]))
        actor = event.body["actor"]
        if run is None:
            raise WrongError(f"{event.name} stands before the start of that run: an event was left out.")
        if actor["id"] is not None and event.body["action"] != "run.rollback_started":
            why = run.barred.get(self._people.one(actor["id"]))
            if why:
                raise WrongError(f"{event.name}: {actor['name']} had the run go on, {why}.")
        self._implements(story, event)

    @staticmethod
    def _implements(story: Story, event: Event) -> None:
        if event.body["actor"]["id"] is not None:
            story.implementers.setdefault(event.body["actor"]["id"], event.name)

    def _ended(self, story: Story, event: Event) -> None:
        """The log counts as many devices in each state as there are events about."""
        run = story.runs.get(int(event.body["object"]["id"]))
        counts = event.details.get("counts")
        if run is None:
            raise WrongError(f"{event.name} stands before the start of that run: an event was left out.")
        run.ended = True
        seen = dict(Counter(run.states.values()))
        if counts is not None and counts != seen:
            raise WrongError(
                f"{event.name} counts {_counted(counts)}, but by the events enclosed it is {_counted(seen)}: events"
                " about a device were left out or put in."
            )

    def _finished(self, story: Story, event: Event) -> None:
        run = event.details.get("run")
        if run is not None and (run not in story.runs or not story.runs[run].ended):
            raise WrongError(f"{event.name} speaks of run {run}, of which the pack has no start or no end: left out.")

    def _device(self, story: Story, event: Event) -> None:
        details = event.details
        digest, number = details.get("plan_digest"), details.get("run", max(story.runs, default=None))
        run = story.runs.get(number) if number is not None else None
        if run is None:
            raise WrongError(f"{event.name} stands before any run of {story.number} was started.")
        if digest not in run.devices:
            raise WrongError(
                f"{event.name} carried out a device plan with the digest {digest}, which is not in the plan that was"
                f" approved for {story.number}."
            )
        if event.body["state"]["to"]:
            run.states[event.body["object"]["id"]] = event.body["state"]["to"]
        if event.body["action"] == "device_run.ended":
            self.devices += 1

    def _revision(self, story: Story, revision_id: int, who: str) -> dict[str, Any]:
        told: list[dict[str, Any]] = self._enclosed[str(int(story.number[4:]))]["revisions"]
        for revision in told:
            if revision["id"] == revision_id:
                return revision
        raise WrongError(f"The pack does not enclose the plan of {story.number} that {who} carried out.")

    def _leaves(self, story: Story, revision_id: int, who: str) -> frozenset[str]:
        """The digests of the devices of a plan, whose bytes make its digest."""
        if revision_id not in story.leaves:
            revision = self._revision(story, revision_id, who)
            story.leaves[revision_id] = self._hashed(story, revision, story.plans[revision_id])
            self.plans += 1
        return story.leaves[revision_id]

    def _hashed(self, story: Story, revision: dict[str, Any], digest: str) -> frozenset[str]:
        leaves = []
        for told in revision["devices"]:
            data = self._pack.whole(told["file"])
            found = hashlib.sha256(data).hexdigest()
            device = parse(data, told["file"])["device"]
            if found != told["digest"]:
                raise WrongError(
                    f"The plan for {device['name']} in revision {revision['number']} of {story.number} is not the one"
                    f" that was approved: its bytes have the digest {found}, not {told['digest']}."
                )
            leaves.append((device["source"].encode(), device["key"].encode(), found))
        tree = GrowingTree()
        for _source, _key, found in sorted(leaves):
            tree.add(leaf_hash(bytes.fromhex(found)))
        if tree.root().hex() != digest or len({leaf[:2] for leaf in leaves}) < len(leaves):
            raise WrongError(
                f"The device plans of revision {revision['number']} of {story.number} make the digest"
                f" {tree.root().hex()}, but what was approved is {digest}: a device was taken out, put in or exchanged."
            )
        return frozenset(found for _source, _key, found in leaves)

    def _listed(self, story: Story) -> None:
        """The list of decisions that people read says what the events say."""
        path = f"changes/{story.number}/approvals.json"
        if path not in self._pack.names:
            return
        rows = {str(row["id"]): row for row in self._pack.json(path)}
        for key, told in story.decisions.items():
            row = rows.get(key)
            wrong = "decision" if row is None else next(
                (name for name, value in told.items() if (row.get(name) or "") != value), ""
            )  # fmt: skip
            if wrong:
                raise WrongError(f"{path} does not say of the decision {key} what the log says ({wrong}).")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "nothing"


@dataclass
class Judgement:
    """One start of a run: did the approvals that stood then make up what the policy asked for, by others?"""

    pack: Pack
    people: People
    templates: Templates
    story: Story
    event: Event

    def judge(
        self, revision: dict[str, Any], digest: str, hands: dict[int, str], devices: frozenset[str]
    ) -> dict[int, str]:
        """Who may not have the run go on, and why.

        Raises:
            WrongError: what the policy asked for was not there.
        """
        demand = self._demand(revision)
        duties = {duty["duty"] for duty in demand["duties"]}
        barred: dict[int, str] = {}
        if "implementer_apart" in duties:
            barred = {
                person: f"but the policy asked for somebody else, and {name} is theirs"
                for person, name in hands.items()
            }
        self._starter(hands if "implementer_apart" in duties else {})
        if "resolve_threads" in duties and self.story.threads and "after_run" not in self.event.details:
            raise WrongError(f"{self.event.name} started although a discussion was open, which the policy forbids.")
        if not demand["stages"]:
            self._pre_approved(demand)
        elif demand["pre_approved"]:
            raise WrongError(f"What the policy asked of {self.story.number} names stages, and none: it was altered.")
        named = self._named(revision, hands)
        used: set[int] = set()
        for stage in demand["stages"]:
            self._stage(stage, digest, hands, used, named, devices, carries="no_carry_over" not in duties)
        starter = self.event.body["actor"]
        if starter["id"] is not None and self.people.one(starter["id"]) in used:
            raise WrongError(
                f"{self.event.name}: {starter['name']} carried out the plan that they had approved themselves."
            )
        return {**barred, **dict.fromkeys(used, "but they had approved the plan")}

    def _starter(self, hands: dict[int, str]) -> None:
        actor = self.event.body["actor"]
        hand = hands.get(self.people.one(actor["id"])) if actor["id"] is not None else None
        if hand:
            raise WrongError(
                f"{self.event.name}: the policy asked that somebody else carries {self.story.number} out than who wrote"
                f" it, but {actor['name']} has a hand in it by {hand}."
            )
        why = actor["id"] is not None and self.people.why_not(actor["id"], "implementer")
        if why:
            raise WrongError(f"{self.event.name}: {actor['name']} {why}.")

    def _demand(self, revision: dict[str, Any]) -> dict[str, Any]:
        story, known = self.story, self.story.demands.get(revision["id"])
        if known is None or "demand" not in revision:
            raise WrongError(f"{self.event.name}: the pack does not tell what the policy asked of {story.number}.")
        data = self.pack.whole(revision["demand"])
        if hashlib.sha256(data).hexdigest() != known:
            raise WrongError(
                f"What the policy asked of revision {revision['number']} of {story.number} is not what the log has"
                f" under the digest {known}: the enclosed demand was altered."
            )
        demand: dict[str, Any] = parse(data, revision["demand"])
        return demand

    def _pre_approved(self, demand: dict[str, Any]) -> None:
        story = self.story
        if not demand["pre_approved"]:
            raise WrongError(
                f"{self.event.name} started although the policy's answer for {story.number} names no approval."
            )
        if not story.version or story.type != "standard":
            why = "it is no standard change that was made from a template"
        else:
            why = self.templates.why_not_approved(story.version, story.number)
        if why:
            raise WrongError(f"{self.event.name}: {story.number} was carried out as approved in advance, but {why}.")

    def _named(self, revision: dict[str, Any], hands: dict[int, str]) -> set[str] | None:
        """The approvals on which the start rested, as the start itself says; None: it is of an older version."""
        basis = self.event.details.get("basis")
        if basis is None:
            return None
        lost = [str(key) for key in basis["approvals"] if str(key) not in self.story.approvals]
        if lost:
            raise WrongError(
                f"{self.event.name} rested on the approval {lost[0]}, which by the events enclosed was never given, or"
                " was taken back."
            )
        unknown = [person for person in basis["hands"] if self.people.one(person) not in hands]
        if unknown:
            raise WrongError(
                f"{self.event.name} says that account {unknown[0]} has a hand in the change, but no event enclosed"
                " does: it was left out."
            )
        if basis["demand_digest"] != self.story.demands.get(revision["id"]):
            raise WrongError(f"{self.event.name} rested on another demand of the policy than the events enclosed tell.")
        return {str(key) for key in basis["approvals"]}

    def _stage(
        self,
        stage: dict[str, Any],
        digest: str,
        hands: dict[int, str],
        used: set[int],
        named: set[str] | None,
        devices: frozenset[str],
        *,
        carries: bool,
    ) -> None:
        counted, groups, not_counted = 0, set(), []
        for approval in self.story.approvals.values():
            if approval.stage != stage["name"]:
                continue
            persons = {self.people.one(each) for each in (approval.person, approval.absent) if each is not None}
            why = self._why_not(approval, stage, digest, persons, hands, used, devices, carries=carries)
            if not why and named is not None and approval.key not in named:
                why = f"{approval.name} is not among those that the start names"
            if why:
                not_counted.append(why)
                continue
            used |= persons
            groups.add(approval.group)
            counted += 1
        lacking = sorted(set(stage["groups"]) - groups) if stage.get("from_each_group") else []
        if counted < max(stage["quorum"], 1) or lacking:
            told = f" Not counted: {'; '.join(not_counted)}." if not_counted else ""
            raise WrongError(
                f"{self.event.name}: {self.story.number} was carried out with {counted} of {max(stage['quorum'], 1)}"
                f" approvals in the stage {stage['title']}.{told}"
            )

    def _why_not(  # noqa: PLR0911 - one reason after the other
        self,
        approval: Approval,
        stage: dict[str, Any],
        digest: str,
        persons: set[int],
        hands: dict[int, str],
        used: set[int],
        devices: frozenset[str],
        *,
        carries: bool,
    ) -> str:
        """Why an approval of a stage does not count at the start; empty where it does."""
        hand = next((hands[person] for person in persons if person in hands), None)
        if approval.digest != digest:
            return f"{approval.name} is of another plan"
        if approval.wrong:
            return approval.wrong
        if hand is not None:
            return f"{approval.name} is by somebody with a hand in the change ({hand})"
        if persons & used or (approval.absent is not None and len(persons) < 2):
            return f"{approval.name} is by somebody who counts already"
        if approval.group and approval.group not in stage["groups"]:
            return f"{approval.name} is by the right of the group {approval.group}, which this stage does not ask"
        if approval.absent is not None and not stage.get("delegates"):
            return f"{approval.name} is for somebody absent, for whom nobody may act in this stage"
        if approval.carried_from and not (carries and self._covers(approval, devices)):
            return f"{approval.name} was carried over from a plan that did not hold every device as it is sent"
        hours = stage.get("expires_after_h") or 0
        if hours and approval.at + timedelta(hours=hours) <= moment(self.event.at, self.event):
            return f"{approval.name} had expired"
        return ""

    def _covers(self, approval: Approval, devices: frozenset[str]) -> bool:
        """Whether the plan that the person saw held every device plan of this one."""
        seen = [
            self.story.leaves.get(each) for each, known in self.story.plans.items() if known == approval.carried_from
        ]
        return any(leaves is not None and devices <= leaves for leaves in seen)


# ---- the checks, in the order in which a doubt would arise


class Check:
    """All checks of one pack; each says in words what it found."""

    LEFT_OUT = "left out of this pack"

    def __init__(self, pack: Pack, say: Any) -> None:
        self._pack = pack
        self._say = say
        self._manifest: dict[str, Any] = {}
        self._keys: list[Key] = []
        self._pinned = False
        self._unproved = 0
        self._inclusions = Inclusions()

    def run(self, keys: list[Key], held: list[tuple[str, bytes]]) -> None:
        """Check everything.

        Raises:
            WrongError: at the first thing that is wrong.
        """
        self._files()
        self._choose_keys(keys)
        head = read_checkpoint(self._pack.whole("log/checkpoint"), self._keys, "The pack's tree head")
        at = f", on {head.at:%Y-%m-%d %H:%M:%S} UTC" if head.at else ""
        self._say(
            f"The tree head over {head.size} entries of the log {head.origin} is signed by"
            f" {', '.join(head.signers)}{at}."
        )
        self._anchors(head, held)
        self._events(head)
        self._limits()

    def _files(self) -> None:
        manifest = self._pack.json("manifest.json", MANIFEST_LIMIT)
        if not isinstance(manifest, dict) or manifest.get("schema") != PACK_SCHEMA:
            raise UnreadableError(f"This is no {PACK_SCHEMA}; use the verify.py that belongs to it.")
        self._manifest = manifest
        if type(manifest["whole_log"]) is not bool or manifest["scope"] not in {"change", "filter", "whole"}:
            raise WrongError("The manifest does not say what the pack is about.")
        if manifest["whole_log"] is not (manifest["scope"] == "whole"):
            raise WrongError("The manifest says that the pack is of the whole log, and that it is not.")
        listed = {item["path"]: item for item in manifest["files"]}
        if len(listed) < len(manifest["files"]):
            raise WrongError("The manifest lists a file twice.")
        proofs = "log/whole.json" if manifest["whole_log"] else "log/proofs.jsonl"
        apart = BESIDE_THE_MANIFEST | {proofs}
        for name in sorted(set(listed) & apart):
            raise WrongError(f"The manifest lists {name}, which proves itself: it was put there afterwards.")
        for name in sorted(self._pack.names - set(listed) - apart):
            raise WrongError(f"{name} is in the archive, but not in the manifest: it was put there afterwards.")
        for path, item in listed.items():
            size, digest = self._pack.digest(path)
            if (size, digest) != (item["size"], item["sha256"]):
                raise WrongError(f"{path} was altered: it has {size} bytes with the SHA-256 {digest}.")
        self._say(f"All {len(listed)} files are those of the manifest, byte for byte.")
        self._subject(manifest["scope"], manifest["changes"])

    def _subject(self, scope: str, changes: dict[str, Any]) -> None:
        """What the pack is about: it has to be what was asked for."""
        if scope == "filter":
            if changes:
                raise WrongError("The manifest encloses changes in a pack of chosen events, which has none.")
            chosen = ", ".join(
                f"{name}={value}" for name, value in sorted((self._manifest.get("filters") or {}).items())
            )
            self._say(
                f"The pack is about events that were chosen by {chosen or 'filters'}: no plan and no approval is"
                " judged."
            )
        elif scope == "change":
            if len(changes) != 1:
                raise WrongError(f"The manifest speaks of one change, but encloses {len(changes)}.")
            self._say(f"The pack is about the change {next(iter(changes.values()))['number']}.")
        else:
            self._say(f"The pack is about the whole log, with {len(changes)} changes.")

    def _choose_keys(self, keys: list[Key]) -> None:
        self._pinned = bool(keys)
        self._keys = keys or [read_key(line.decode()) for line in self._pack.few("log/keys", 100)]
        if not self._pinned:
            for key in self._keys:
                self._say(
                    f"ATTENTION: the key {key.name} was taken from the pack itself. Compare it with what you were"
                    f" given by another way, or name it with --key: {key.fingerprint}"
                )

    def _anchors(self, head: Checkpoint, held: list[tuple[str, bytes]]) -> None:
        proofs = {}
        lines = self._pack.few("log/consistency.jsonl") if "log/consistency.jsonl" in self._pack.names else []
        for line in lines:
            said = parse(line, "A consistency proof")
            old = read_checkpoint(said["checkpoint"].encode(), self._keys, "An earlier tree head of the pack")
            proof = hashes(said["proof"], "consistency")
            self._same_log(head, old, proof, "an earlier tree head of the pack")
            proofs[old.size] = proof
        if lines:
            heads = counted(len(lines), "earlier tree head is a beginning", "earlier tree heads are beginnings")
            self._say(f"{heads} of the same log.")
        for name, note in held:
            old = read_checkpoint(note, self._keys, f"The tree head that you hold in {name}")
            known = proofs.get(old.size)
            if old.size > head.size:
                raise WrongError(
                    f"You hold a tree head over {old.size} entries in {name}, but the pack's is over {head.size} only:"
                    " the log was taken back to an older state, or the pack is older than what you hold."
                )
            if known is None and old.size < head.size:
                raise WrongError(
                    f"The pack has no proof from the tree head in {name} ({old.size} entries) to its own. Ask for a"
                    " pack that is made for this tree head."
                )
            self._same_log(head, old, known or [], f"the tree head that you hold in {name}")
            self._say(f"The tree head that you hold in {name} is a beginning of the same log.")

    def _same_log(self, head: Checkpoint, old: Checkpoint, proof: list[bytes], what: str) -> None:
        same = old.origin == head.origin
        if not same or not is_consistent(old.size, old.root, head.size, head.root, proof):
            raise WrongError(
                f"The log does not continue {what} ({old.size} entries): two different histories were signed."
                " Somebody was shown another log than you."
            )
        if old.at and head.at and old.size < head.size and old.at > head.at + CLOCK_SKEW:
            raise WrongError(f"The tree head over {old.size} entries is signed later than that over {head.size}.")

    def _events(self, head: Checkpoint) -> None:
        stories = Stories(self._pack, self._manifest["changes"], self._manifest["scope"])
        made = moment(self._manifest["made_at"], "The manifest")
        if head.at and made > head.at + CLOCK_SKEW:
            raise WrongError(
                f"The pack says that it was made on {made:%Y-%m-%d %H:%M:%S}, after its tree head was signed."
            )
        tree = GrowingTree() if self._manifest["whole_log"] else None
        texts = Texts(self._pack.lines("openings.jsonl") if "openings.jsonl" in self._pack.names else iter(()))
        count, latest = 0, made + CLOCK_SKEW
        for event in self._proved(head, tree):
            if moment(event.at, event) > latest:
                raise WrongError(f"{event.name} is of {event.at}, which is later than the pack itself.")
            stories.take(event)
            texts.take(event)
            count += 1
        if count != self._manifest["events"]:
            raise WrongError(f"The manifest speaks of {self._manifest['events']} events, but there are {count}.")
        stories.end()
        texts.end()
        if tree is None:
            self._say(f"Each of the {count} events stands in the log under this head, unchanged.")
        else:
            self._say(
                f"The {count} events are the first {count} entries of the log: none is missing, none was changed."
            )
            if head.size > count:
                self._say(f"The {head.size - count} entries after them were written while it was made, or later.")
        self._texts(texts)
        self._receipt(head, count)
        self._judged(stories)

    def _texts(self, texts: Texts) -> None:
        if texts.shown:
            self._say(f"{texts.shown} texts of people are those that were sealed.")
        if texts.redacted:
            self._say(
                f"{counted(texts.redacted, 'text was', 'texts were')} redacted; an event here says who took each out."
            )
        if texts.lacking:
            self._say(
                f"{counted(texts.lacking, 'text is', 'texts are')} not shown: redacted, or {self.LEFT_OUT}. The"
                " events that had them are proved all the same."
            )

    def _judged(self, stories: Stories) -> None:
        if stories.plans:
            self._say(f"{counted(stories.plans, 'plan has the digest', 'plans have the digests')} that the log names.")
        if stories.runs:
            self._say(
                f"{counted(stories.runs, 'run was', 'runs were')} started with the"
                " approvals that the policy asked for, by people without a hand in the change;"
                f" {counted(stories.devices, 'device was', 'devices were')} given what was approved and nothing else."
            )
        for sentence in stories.told():
            self._say(sentence)
        self._unproved = stories.unproved

    def _proved(self, head: Checkpoint, tree: GrowingTree | None) -> Iterator[Event]:
        before = -1
        proofs: Iterable[bytes | None] = self._pack.lines("log/proofs.jsonl") if tree is None else ()
        for place, (line, proof) in enumerate(zip_longest(self._pack.lines("events.jsonl"), proofs), start=1):
            if line is None:
                raise WrongError(f"There are proofs for more than the {place - 1} events: an event was left out.")
            event = read_event(line, place)
            if tree is not None:
                tree.add(leaf_hash(line))
            elif proof is None:
                raise WrongError(f"There is no proof for {event.name}: it was put in.")
            else:
                before = self._included(head, line, parse(proof, "A proof"), event, before)
            yield event
        if tree is not None:
            self._complete(head, tree)

    def _complete(self, head: Checkpoint, tree: GrowingTree) -> None:
        proof = hashes(self._pack.json("log/whole.json")["proof"], "completeness")
        if not is_consistent(tree.size, tree.root(), head.size, head.root, proof):
            raise WrongError(
                f"The {tree.size} events enclosed are not the first {tree.size} entries of the signed log: one was"
                " edited, left out, put in or moved."
            )

    def _included(self, head: Checkpoint, line: bytes, said: Any, event: Event, before: int) -> int:
        if said["event"] != event.id:
            raise WrongError(f"Where the proof of event {said['event']} stands, there is {event.name}: it was moved.")
        if said["leaf"] <= before:
            raise WrongError(f"{event.name} does not stand in the order of the log.")
        try:
            root = self._inclusions.root(leaf_hash(line), said["leaf"], head.size, said["proof"])
        except (TypeError, ValueError):
            raise WrongError(f"The proof of {event.name} cannot be read.") from None
        if root != head.root:
            raise WrongError(
                f"{event.name} is not what was sealed: with its text the proof does not lead to the signed tree head."
                " It was edited, or never stood in the log."
            )
        leaf: int = said["leaf"]
        return leaf

    def _receipt(self, head: Checkpoint, count: int) -> None:
        """The log itself says that this pack was made, with this manifest."""
        lines = self._pack.few("log/receipt.jsonl", 2)
        if len(lines) != 2:
            raise WrongError("The receipt of this pack cannot be read.")
        event = read_event(lines[0], 1)
        said = parse(lines[1], "The receipt's proof")
        self._included(head, lines[0], said, event, -1)
        _size, digest = self._pack.digest("manifest.json")
        if event.body["action"] != "evidence_pack.made" or event.details.get("manifest_sha256") != digest:
            raise WrongError(
                f"The log says that a pack was made with another manifest than this one ({digest}): a file was"
                " exchanged together with the manifest."
            )
        entries = event.details.get("entries")
        if self._manifest["whole_log"] and entries is not None and (entries != count or said["leaf"] < count):
            raise WrongError(f"The log says that the pack was made of {entries} entries, but it holds {count}.")
        self._say(f"The log itself says that {event.body['actor']['name']} had this pack made, on {event.at}.")

    def _limits(self) -> None:
        self._say("")
        self._say("What this does not show:")
        if not self._manifest["whole_log"]:
            self._say(
                "- that no event was left out. A change's steps follow from each other, the start of a run names what"
                " it rested on, and its end counts the devices, so a missing step would be noticed; other events about"
                " it, and its last ones, may be missing. A pack of the whole log shows that too."
            )
        if self._manifest["scope"] != "filter":
            self._say(
                "- that two accounts are two people, where their names are different; that the policy's answer follows"
                " from the policy; that an absent person had asked to be stood in for. The server checked these."
            )
            if self._unproved:
                self._say(
                    f"- that {self._unproved} approvers were in the groups that are named: no event here tells it."
                )
        self._say(
            "- that transcripts, configurations and the report are true: they are what the server recorded, with"
            " secrets masked. They are under the manifest that the log names."
        )
        if not self._pinned:
            self._say("- whose log this is: the key came with the pack. Name the key that you know with --key.")
        self._say(
            "- that you were shown the only log: keep the tree heads that you receive, and name them with --checkpoint."
        )


class ArchiveCheck(Check):
    """The checks of an archive: events that left the database when their time was over (docs/retention.md)."""

    LEFT_OUT = "taken out of this archive"

    def _files(self) -> None:
        self._manifest = self._pack.json("manifest.json", MANIFEST_LIMIT)
        other = sorted((self._pack.names - {"openings.jsonl"}) ^ ARCHIVE_FILES)
        if other:
            raise WrongError(f"{other[0]} is missing from the archive, or was put there afterwards.")
        listed = {item["path"]: item for item in self._manifest["files"]}
        if len(listed) < len(self._manifest["files"]) or set(listed) != {"events.jsonl", "README.txt"}:
            raise WrongError("The manifest does not list the files of an archive.")
        for path, item in listed.items():
            if self._pack.digest(path) != (item["size"], item["sha256"]):
                raise WrongError(f"{path} was altered: it is not what the manifest says.")
        self._say("Its events are those of the manifest, byte for byte.")

    def _events(self, head: Checkpoint) -> None:
        self._signed_manifest(head)
        made, count = moment(self._manifest["made_at"], "The manifest"), 0
        texts = Texts(self._pack.lines("openings.jsonl") if "openings.jsonl" in self._pack.names else iter(()))
        for event in self._proved(head, None):
            if moment(event.at, event) > made + CLOCK_SKEW:
                raise WrongError(f"{event.name} is of {event.at}, which is later than the archive itself.")
            texts.take(event)
            count += 1
        texts.end()
        if count != self._manifest["events"]:
            raise WrongError(f"The manifest speaks of {self._manifest['events']} events, but there are {count}.")
        self._say(f"Each of the {count} events stands in the log under this head, unchanged.")
        self._texts(texts)

    def _signed_manifest(self, head: Checkpoint) -> None:
        """The log's key has signed the manifest's digest."""
        what = "The archive's manifest"
        _size, digest = self._pack.digest("manifest.json")
        try:
            text, _, signatures = self._pack.whole("log/manifest.note", LINE_LIMIT).decode().rpartition("\n\n")
        except ValueError:
            raise WrongError(f"{what} has no signature that can be read.") from None
        lines = [_signature_line(line, what) for line in signatures.split("\n")[:-1]]
        keys = [key for key in self._keys if key.name == head.origin]
        signers, _at = _signers(f"{text}\n", lines, keys, head.size, what)
        if text != f"{ARCHIVE_SCHEMA}\n{head.origin}\n{digest}":
            raise WrongError(f"{what} was exchanged: what was signed is the digest of another one.")
        self._say(f"The manifest is signed by {', '.join(signers)}: no event was taken out of the archive or put in.")

    def _limits(self) -> None:
        self._say("")
        self._say("What this does not show:")
        self._say("- which events are in other archives, or in the database.")
        if not self._pinned:
            self._say("- whose log this is: the key came with the archive. Name the key that you know with --key.")
        self._say(
            "- that you were shown the only log: keep the tree heads that you receive, and name them with --checkpoint."
        )


def check_of(pack: Pack, say: Any) -> Check:
    """The checks that the file asks for by its schema: those of an evidence pack, or those of an archive."""
    manifest = pack.json("manifest.json", MANIFEST_LIMIT)
    is_archive = isinstance(manifest, dict) and manifest.get("schema") == ARCHIVE_SCHEMA
    return (ArchiveCheck if is_archive else Check)(pack, say)


def main(arguments: list[str] | None = None) -> int:
    """Check the pack that is named."""
    parser = argparse.ArgumentParser(description="Checks an evidence pack of Countersign, offline.")
    parser.add_argument("pack", type=Path)
    parser.add_argument("--key", action="append", default=[], help="a verifier key that you trust: name+hash+key")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, help="a tree head that you hold")
    given = parser.parse_args(arguments)

    if hasattr(sys.stdout, "reconfigure"):  # a console of another language must not end it in the middle
        sys.stdout.reconfigure(errors="backslashreplace")

    def say(sentence: str) -> None:
        sys.stdout.write(f"{plain(sentence)}\n")

    try:
        keys = [read_key(key) for key in given.key]
        held = [(str(path), path.read_bytes()[:LINE_LIMIT]) for path in given.checkpoint]
        with Pack(given.pack) as pack:
            check_of(pack, say).run(keys, held)
    except (UnreadableError, OSError) as error:
        say(f"CANNOT BE CHECKED: {error}")
        return 2
    except WrongError as error:
        say(f"WRONG: {error}")
        return 1
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        say(f"WRONG: the pack does not have the form of its kind ({type(error).__name__}: {error}).")
        return 1
    say("")
    say("Nothing wrong was found.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
