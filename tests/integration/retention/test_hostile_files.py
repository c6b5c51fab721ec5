"""Files that are no archives, are damaged, or were made to hurt who reads them: each gives a sentence."""

from __future__ import annotations

import json
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from audit.retention.archive_file import archive_check
from audit.retention.archiving import Archived
from audit.retention.errors import ArchiveError
from audit.retention.retrieval import retrieval_test
from audit.sealing.trust import trusted_keys
from tests.factories import Cast, actor
from tests.integration.retention.test_archiving import archived, cast, ended

__all__ = ["cast", "ended"]
pytestmark = pytest.mark.django_db

DEEP = b"[" * 200_000
HUGE = b"9" * 5_000


def repacked(path: Path, content: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as new:
        for name, data in content.items():
            new.writestr(name, data)


def test_a_file_that_was_made_to_hurt_gives_a_sentence(cast: Cast, ended: int, tmp_path: Path) -> None:
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    path, whole = made.file, made.file.read_bytes()
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    proof = json.loads(content["log/proofs.jsonl"].splitlines()[0])

    def refused() -> str:
        with pytest.raises(ArchiveError) as error:
            archive_check(path, trusted_keys())
        return str(error.value)

    for name, data in (
        ("openings.jsonl", DEEP + b"\n"),
        ("openings.jsonl", b'{"event":' + HUGE + b',"path":"/reason","salt":"","value":""}\n'),
        ("openings.jsonl", b'{"event":1,"path":"/reason","salt":"zz","value":""}\n'),
        ("openings.jsonl", b"null\n"),
        ("openings.jsonl", b"\xff\xfe\n"),
        ("log/proofs.jsonl", DEEP + b"\n"),
        ("log/proofs.jsonl", json.dumps({**proof, "leaf": 1.5}).encode() + b"\n"),
        ("log/proofs.jsonl", json.dumps({**proof, "leaf": -1}).encode() + b"\n"),
        ("log/proofs.jsonl", json.dumps({**proof, "proof": [0]}).encode() + b"\n"),
        ("log/proofs.jsonl", json.dumps({**proof, "proof": ["00"] * 70}).encode() + b"\n"),
        ("log/proofs.jsonl", b""),
        ("log/manifest.note", b"\xff"),
        ("log/checkpoint", b"\x00"),
        ("manifest.json", DEEP),
    ):
        repacked(path, {**content, name: data})
        assert refused()
    repacked(path, {**content, "more.txt": b"hidden"})
    assert "exactly the files" in refused()
    repacked(path, content, zipfile.ZIP_BZIP2)
    assert "packed or encrypted in a way" in refused()
    path.write_bytes(whole.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))  # fmt: skip
    assert refused()
    path.unlink()
    path.mkdir()
    assert "cannot be read" in refused()


def test_a_bomb_is_not_unpacked_beyond_what_the_manifest_says(
    cast: Cast, ended: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    with zipfile.ZipFile(made.file) as file:
        content = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(made.file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
        for name, data in content.items():
            if name != "events.jsonl":
                bomb.writestr(name, data)
        with bomb.open("events.jsonl", "w") as stream:
            for _each in range(256):
                stream.write(bytes(2**20))
    read: list[int] = []
    of_zip = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, size: int = -1) -> bytes:
        found = of_zip(self, size)
        read.append(len(found))
        return found

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(ArchiveError, match="was altered"):
        archive_check(made.file, trusted_keys())
    assert sum(read) < 4 * 2**20


def test_whatever_bit_of_a_file_flips_the_retrieval_test_says_so_and_is_kept(
    cast: Cast, ended: int, tmp_path: Path
) -> None:
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    manifest = archive_check(made.file, trusted_keys()).manifest_sha256
    whole, chance = made.file.read_bytes(), random.Random(7)
    for _each in range(150):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        made.file.write_bytes(damaged)
        with suppress(ArchiveError):  # what is no part of the content may flip: a date, an attribute
            assert archive_check(made.file, trusted_keys()).manifest_sha256 == manifest
    for size in range(0, len(whole), len(whole) // 20):
        made.file.write_bytes(whole[:size])
        with pytest.raises(ArchiveError):
            archive_check(made.file, trusted_keys())
    middle = bytearray(whole)
    middle[len(whole) // 4] ^= 0xFF
    made.file.write_bytes(middle)
    test = retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys())
    assert not test.passed
    assert test.result["taken"][0]["problem"]
