"""The file of an archive: written as a stream, and checked from its bytes up, without any database.

Its form is that of an evidence pack without plans (docs/retention.md), so the same ``verify.py`` checks both. In place
of a receipt it has ``log/manifest.note``: the manifest's digest, signed with the keys of the log. The texts of people
are in a file of their own, which may lack some, or be missing.
"""

import hashlib
import json
import os
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Final

from audit.checkpoints import SignedHead, TrustedKey, verify_checkpoint
from audit.merkle import leaf_hash, verify_inclusion
from audit.notes import Note, NoteError, Signer
from audit.retention.archive_texts import Lacks, Text, Texts, TextsCheck, parse_text, text_lines
from audit.retention.errors import ArchiveError
from audit.retention.ranges import Places

SCHEMA: Final = "countersign.audit-archive/1"
EVENTS, README, MANIFEST = "events.jsonl", "README.txt", "manifest.json"
PROOFS, CHECKPOINT, KEYS, SIGNED = "log/proofs.jsonl", "log/checkpoint", "log/keys", "log/manifest.note"
OPENINGS: Final = "openings.jsonl"
_FILES: Final = frozenset({EVENTS, README, MANIFEST, PROOFS, CHECKPOINT, KEYS, SIGNED})
_SMALL: Final = 64 * 2**20
_LINE: Final = 16 * 2**20
_CHUNK: Final = 2**20
_MODE: Final = 0o640
"""An archive holds what people typed: it is not for everybody on the machine."""
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ABOUT: Final = """\
This is an archive of the audit log of a Countersign installation. Its events were kept in the database until their
time was over. Check it, on a machine with nothing but Python 3.9 or newer, with

    python3 verify.py {name} --key <the public key of the log>

verify.py comes with each release (changes/evidence/verify.py) and with each evidence pack. events.jsonl holds an event
a line, byte for byte as it was sealed; log/ holds the proofs that each stands in the log. openings.jsonl holds what
people typed, a text a line. Each is checked against its event. The archive verifies without a line of this file, and
without the file, too: so a text that nobody may keep any longer can be taken out.
"""

Line = tuple[int, int, str]
"""The place of an event in the tree, its id, and the line that was sealed."""
Each = Callable[[int, int, bytes], None]
"""Is told of an event that is proved: its place, its id and its line."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What an archive is made of besides its events: the signed tree head, and who signs the manifest."""

    checkpoint: str
    signers: Sequence[Signer]
    path_of: Callable[[int], list[bytes]]
    """Gives the audit path from a leaf to the root of the checkpoint."""


@dataclass(frozen=True, slots=True)
class CheckedArchive:
    """An archive that was checked: its digest (hex) and size in bytes, its manifest, its places, its tree head."""

    sha256: str
    size: int
    manifest_sha256: str
    manifest: dict[str, Any]
    places: Places
    signed: SignedHead
    texts: Texts

    @property
    def events(self) -> int:
        """How many events it holds."""
        return len(self.places)


def archive_write(
    path: Path, lines: Iterable[Line], texts: Iterable[Text], enclosed: Enclosed, *, told: dict[str, object]
) -> None:
    """Write an archive to ``path``; ``told`` are members of the manifest besides those that follow from the content.

    The lines ascend by place, and the texts are in the same order. Memory grows by 16 bytes an event. Nothing is
    synced to disk here.
    """
    found = _Found(array("q"), array("q"))
    with _created(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        files = [_add(archive, EVENTS, _event_lines(lines, found))]
        files.append(_add(archive, README, [_ABOUT.format(name=path.name.lstrip(".")).encode()]))
        _add(archive, OPENINGS, text_lines(texts))
        places = Places.of(found.places)
        content = {**told, "schema": SCHEMA, "events": len(places), "leaves": str(places), "files": files,
                   "whole_log": False, "changes": {}}  # fmt: skip
        manifest = _canonical(content)
        archive.writestr(MANIFEST, manifest)
        archive.writestr(CHECKPOINT, enclosed.checkpoint)
        archive.writestr(KEYS, "".join(f"{signer.verifier}\n" for signer in enclosed.signers))
        _add(archive, PROOFS, _proof_lines(found, enclosed.path_of))
        archive.writestr(SIGNED, manifest_note(hashlib.sha256(manifest).hexdigest(), enclosed.signers))


def archive_texts(path: Path) -> Iterator[Text]:
    """The texts that a file holds, in their order. Nothing is checked but their form.

    Raises:
        ArchiveError: it cannot be read.
    """
    with _readable(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        if OPENINGS in archive.namelist():
            yield from (parse_text(line) for line in _lines(archive, OPENINGS))


def archive_rewrite(path: Path, draft: Path, texts: Iterable[Text]) -> None:
    """Write an archive anew to ``draft`` with these texts and no others; all else stays byte for byte what it is."""
    with zipfile.ZipFile(path) as old, _created(draft) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != OPENINGS:
                with old.open(name) as stream:
                    _add(new, name, _chunks(stream))
        _add(new, OPENINGS, text_lines(texts))


def _created(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _MODE), "w+b")


def manifest_note(digest: str, signers: Sequence[Signer]) -> str:
    """The signed note about a manifest's digest (hex). Its first line keeps it from being taken for a checkpoint."""
    text = _signed_text(signers[0].name, digest)
    return str(Note(text, tuple(signer.sign(text) for signer in signers)))


def _signed_text(origin: str, digest: str) -> str:
    return f"{SCHEMA}\n{origin}\n{digest}\n"


def _canonical(content: dict[str, object]) -> bytes:
    """RFC 8785, without the limits that an event's body has: the places can be many."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


@dataclass(frozen=True, slots=True)
class _Found:
    """Places and ids of the events that were written, eight bytes each."""

    places: "array[int]"
    events: "array[int]"


def _event_lines(lines: Iterable[Line], found: _Found) -> Iterator[bytes]:
    for place, event_id, line in lines:
        found.places.append(place)
        found.events.append(event_id)
        yield f"{line}\n".encode()


def _proof_lines(found: _Found, path_of: Callable[[int], list[bytes]]) -> Iterator[bytes]:
    """Numbers and hexadecimal digits alone, so nothing has to be escaped: canonical, at a tenth of the time."""
    for place, event_id in zip(found.places, found.events, strict=True):
        proof = ",".join(f'"{node.hex()}"' for node in path_of(place))
        yield f'{{"event":{event_id},"leaf":{place},"proof":[{proof}]}}\n'.encode()


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _add(archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes]) -> dict[str, object]:
    hashed, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as file:
        for chunk in chunks:
            file.write(chunk)
            hashed.update(chunk)
            size += len(chunk)
    return {"path": name, "size": size, "sha256": hashed.hexdigest()}


def archive_check(
    path: Path, keys: Sequence[TrustedKey], *, each: Each = lambda *_event: None, lacks: Lacks = lambda *_text: None
) -> CheckedArchive:
    """Check every byte of an archive: manifest and its signature, tree head, and each event up to that head.

    ``each`` is told of every event once it is proved: its place, its id and its line; ``lacks`` of every text that is
    not in the file. Memory grows with the stretches of places.

    Raises:
        ArchiveError: the first thing that is wrong, as a sentence.
    """
    with _readable(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        return _check(path, file, archive, keys, each, lacks)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What a damaged or hostile file makes our libraries raise becomes a sentence."""
    try:
        yield
    except (OSError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ArchiveError(f"{path.name} cannot be read: it is missing, was cut off or is damaged ({why}).") from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise ArchiveError(f"{path.name} does not have the form of an archive ({type(error).__name__}).") from None


def _check(
    path: Path,
    file: BufferedReader,
    archive: zipfile.ZipFile,
    keys: Sequence[TrustedKey],
    each: Each,
    lacks: Lacks,
) -> CheckedArchive:
    names = archive.namelist()
    if len(names) != len(set(names)) or set(names) - {OPENINGS} != _FILES:
        raise ArchiveError(f"{path.name} does not hold exactly the files of an archive.")
    if any(each.compress_type not in _METHODS or each.flag_bits & 1 for each in archive.infolist()):
        raise ArchiveError(f"{path.name} is packed or encrypted in a way that archives are not.")
    signed = _signed_head(archive, keys)
    manifest_bytes = _whole(archive, MANIFEST)
    digest = hashlib.sha256(manifest_bytes).hexdigest()
    _check_signature(_whole(archive, SIGNED).decode(), digest, signed, keys)
    manifest = json.loads(manifest_bytes)
    if manifest["schema"] != SCHEMA or {item["path"] for item in manifest["files"]} != {EVENTS, README}:
        raise ArchiveError(f"{path.name} has a manifest of another kind.")
    for item in manifest["files"]:
        if _digest(archive, item["path"], item["size"]) != (item["size"], item["sha256"]):
            raise ArchiveError(f"{item['path']} of {path.name} was altered: it is not what the signed manifest says.")
    places = Places()
    texts = TextsCheck(_lines(archive, OPENINGS) if OPENINGS in names else iter(()), lacks)
    for place, event_id, line in _proved(archive, signed):
        places.append(place)
        texts.take(event_id, line)
        each(place, event_id, line)
    if (str(places), len(places)) != (manifest["leaves"], manifest["events"]):
        raise ArchiveError(f"{path.name} does not hold the events that its signed manifest names.")
    shown = texts.end()
    file.seek(0)
    return CheckedArchive(
        hashlib.file_digest(file, "sha256").hexdigest(), file.tell(), digest, manifest, places, signed, shown
    )


def _signed_head(archive: zipfile.ZipFile, keys: Sequence[TrustedKey]) -> SignedHead:
    try:
        return verify_checkpoint(_whole(archive, CHECKPOINT).decode(), keys)
    except NoteError as error:
        raise ArchiveError(f"The archive's tree head does not verify. {error}") from None


def _check_signature(note_text: str, digest: str, signed: SignedHead, keys: Sequence[TrustedKey]) -> None:
    head = signed.head
    trusted = [key.verifier for key in keys if key.covers(head.size) and key.verifier.name == head.origin]
    try:
        note = Note.parse(note_text)
        note.verified_by(trusted)
    except NoteError as error:
        raise ArchiveError(f"The archive's manifest is not signed by the log's key. {error}") from None
    if note.text != _signed_text(head.origin, digest):
        raise ArchiveError("The archive's manifest was exchanged: what is signed is the digest of another one.")


def _proved(archive: zipfile.ZipFile, signed: SignedHead) -> Iterator[tuple[int, int, bytes]]:
    head, before = signed.head, -1
    for line, proof in zip_longest(_lines(archive, EVENTS), _lines(archive, PROOFS)):
        if line is None or proof is None:
            raise ArchiveError("The archive has not one proof for each event: one was put in or left out.")
        said, event_id = json.loads(proof), json.loads(line)["id"]
        place, path = said["leaf"], [bytes.fromhex(node) for node in said["proof"]]
        proved = verify_inclusion(index=place, size=head.size, leaf=leaf_hash(line), proof=path, root=head.root)
        if said["event"] != event_id or place <= before or not proved:
            raise ArchiveError(
                f"Event {event_id} of the archive is not what was sealed as entry {place}: it was edited, moved, or"
                " never stood in the log."
            )
        before = place
        yield place, event_id, line


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as stream:
        while line := stream.readline(_LINE):
            if not line.endswith(b"\n"):
                raise ArchiveError(f"{name} of the archive ends in the middle of a line.")
            yield line[:-1]


def _whole(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        data = stream.read(_SMALL + 1)
    if len(data) > _SMALL:
        raise ArchiveError(f"{name} of the archive is larger than such a file can be.")
    return data


def _digest(archive: zipfile.ZipFile, name: str, most: int) -> tuple[int, str]:
    """Size and digest; what is longer than it may be is not unpacked further."""
    hashed, size = hashlib.sha256(), 0
    with archive.open(name) as stream:
        while size <= most and (chunk := stream.read(_CHUNK)):
            hashed.update(chunk)
            size += len(chunk)
    return size, hashed.hexdigest()
