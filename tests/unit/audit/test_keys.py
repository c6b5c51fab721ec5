"""The files of keys: who may read them, what they hold, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audit.checkpoints import TrustedKey
from audit.errors import KeyFileError
from audit.notes import Signer
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.private_files import read_private, write_whole
from audit.sealing.trust import read_trusted, write_trusted
from portal.audit_environment import read_audit
from portal.environment import SettingError

ORIGIN = "change.example.net/audit"


def key(count: int = 1) -> SealingKey:
    return SealingKey(tuple(Signer.make(ORIGIN) for _ in range(count)))


def test_a_key_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    path, first = tmp_path / "sealer" / "key", key()
    assert first.write(path, replace=False)
    assert not key().write(path, replace=False), "a key that is there stays"
    assert SealingKey.read(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["key"], "no draft stays behind"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    key().write(path, replace=False)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        SealingKey.read(path)


def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for text in ("", "# only a comment\n", "hunter2\n", Signer.make(ORIGIN).private_text()[:-9] + "\n"):
        write_whole(path, text, mode=0o600)
        with pytest.raises(KeyFileError) as refused:
            SealingKey.read(path)
        assert "hunter2" not in str(refused.value)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(KeyFileError, match="no plain text"):
        SealingKey.read(path)
    with pytest.raises(KeyFileError, match="audit_key make"):
        SealingKey.read(tmp_path / "missing")
    with pytest.raises(KeyFileError, match="read"):
        read_private(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key().write(path, replace=False)
    os.chown(path, 65_534, -1)
    with pytest.raises(KeyFileError, match="belongs to another user"):
        SealingKey.read(path)


def test_a_rotation_adds_a_key_of_the_same_name_and_keeps_one_at_least() -> None:
    one = key()
    two = one.with_new()
    assert two.signers[0] == one.signers[0]
    assert two.origin == ORIGIN
    assert two.without(one.verifiers[0].key_id.hex()).signers == two.signers[1:]
    with pytest.raises(KeyFileError, match="the only key"):
        one.without(one.verifiers[0].key_id.hex())
    with pytest.raises(KeyFileError, match="No key has the id 00000000"):
        one.without("00000000")
    with pytest.raises(KeyFileError, match="1 to 4 keys"):
        key(4).with_new()
    with pytest.raises(KeyFileError, match="all of one name"):
        SealingKey((*one.signers, Signer.make("other.example.net/audit")))


def test_public_keys_are_kept_with_how_far_they_are_believed(tmp_path: Path) -> None:
    path = tmp_path / "verifiers"
    keys = tuple(TrustedKey(verifier, until) for verifier, until in zip(key(2).verifiers, (None, 17), strict=True))
    write_trusted(path, keys)
    assert read_trusted(path) == keys
    assert path.stat().st_mode & 0o777 == 0o644
    assert "PRIVATE" not in path.read_text()
    for text in ("rubbish", f"{keys[0].verifier} until=soon", f"{keys[0].verifier}x"):
        path.write_text(f"{text}\n")
        with pytest.raises(KeyFileError):
            read_trusted(path)
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_trusted(tmp_path)


def test_a_memory_that_is_damaged_is_told(tmp_path: Path) -> None:
    memory = HeadMemory(tmp_path / "last-signed")
    memory.remember("rubbish")
    with pytest.raises(KeyFileError, match="If it is damaged, remove it"):
        memory.head()
    memory.forget()
    assert memory.head() is None


def test_the_settings_have_places_in_the_installation(tmp_path: Path) -> None:
    usual = read_audit({}, tmp_path)
    assert (usual.key_file, usual.verifiers) == (tmp_path / "sealer" / "key", tmp_path / "audit_verifiers")
    assert [anchor.name for anchor in usual.anchors] == [f"file:{tmp_path / 'anchors' / 'checkpoints'}"]
    own = read_audit({"AUDIT_KEY_FILE": "/k", "AUDIT_VERIFIERS": "/v", "AUDIT_ANCHOR": "none"}, tmp_path)
    assert (own.key_file, own.verifiers, own.anchors) == (Path("/k"), Path("/v"), ())


@pytest.mark.parametrize(
    ("name", "value"), [("AUDIT_KEY_FILE", "key"), ("AUDIT_VERIFIERS", "/"), ("AUDIT_ANCHOR", "ftp://x")]
)
def test_a_bad_setting_is_refused_by_its_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_audit({name: value}, tmp_path)
