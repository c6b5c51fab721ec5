"""Credentials of the environment, of a file and of a folder: their parts, ages and refusals; one session each."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from devices.credentials import Purpose, known_secrets, provider, retrieve
from devices.credentials.seen import AT_MOST, KEPT_S, forget, remember, seen_values
from devices.errors import SecretScopeDeniedError, SecretUnavailableError

READ, WRITE = {"username": "reader", "password": "r3ad-only"}, {"username": "writer", "password": "wr1te-too"}


@pytest.fixture
def folder(tmp_path: Path, settings: SimpleNamespace) -> Path:
    path = tmp_path / "credentials"
    path.mkdir()
    settings.DEVICE_CREDENTIALS = f"file:{path}"
    for name, value in (
        ("core.username", "netops\n"), ("core.password", "s3cret value\n"), ("core.enable_secret", "en4ble"),
        ("edge.read.username", "reader"), ("edge.read.password", "r3ad-only"),
    ):  # fmt: skip
        (path / name).write_text(value)
        (path / name).chmod(0o444)  # as Docker lays them
    return path


def test_a_folder_as_docker_and_systemd_fill_it(folder: Path) -> None:
    found = retrieve("core", Purpose.WRITE)
    assert (found.credential.username, found.credential.password) == ("netops", "s3cret value")
    assert found.credential.enable_secret == "en4ble"
    assert found.provider == "folder"
    assert found.changed_at
    assert (datetime.now(UTC) - found.changed_at).total_seconds() < 60
    assert provider().names() == ("core", "edge")
    assert known_secrets() >= {"s3cret value", "en4ble", "r3ad-only"}


def test_a_part_of_a_folder_serves_its_purpose_alone(folder: Path) -> None:
    assert retrieve("edge", Purpose.READ).credential.username == "reader"
    with pytest.raises(SecretScopeDeniedError, match="no part for writing"):
        retrieve("edge", Purpose.WRITE)


@pytest.mark.parametrize(
    ("name", "content", "mode", "sentence"),
    [
        ("core.password", "two\nlines", 0o400, "one line"),
        ("core.password", "", 0o400, "one line"),
        ("core.password", "s3cret", 0o446, "changed by others"),
        ("core.username", None, 0, "with a username and a password"),
    ],
)
def test_a_file_of_a_folder_that_cannot_be_used_is_refused(
    folder: Path, name: str, content: str | None, mode: int, sentence: str
) -> None:
    path = folder / name
    path.unlink()
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(SecretUnavailableError, match=sentence) as refusal:
        retrieve("core", Purpose.READ)
    assert "s3cret" not in str(refusal.value)


@pytest.fixture
def file(tmp_path: Path, settings: SimpleNamespace) -> Path:
    path = tmp_path / "credentials.yaml"
    settings.DEVICE_CREDENTIALS = f"file:{path}"
    path.touch(0o600)
    return path


def test_a_file_may_have_parts_and_say_when_they_were_changed(file: Path) -> None:
    file.write_text(yaml.safe_dump({"core": {"read": READ, "write": WRITE, "rotated_at": "2026-10-31"}}))
    assert retrieve("core", Purpose.READ).credential.username == "reader"
    found = retrieve("core", Purpose.WRITE)
    assert found.credential.username == "writer"
    assert found.changed_at == datetime(2026, 10, 31, tzinfo=UTC)
    assert known_secrets() >= {"r3ad-only", "wr1te-too"}


def test_without_parts_one_login_serves_both_purposes(file: Path) -> None:
    file.write_text(yaml.safe_dump({"lab": READ}))
    assert retrieve("lab", Purpose.READ).credential == retrieve("lab", Purpose.WRITE).credential


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"read": READ, **WRITE}, "either the login or the parts"),
        ({"read": {"username": "x"}}, "with a username and a password"),
        ({**READ, "rotated_at": "yesterday"}, "write it like 2026-10-31"),
    ],
)
def test_an_entry_that_says_two_things_is_refused(file: Path, entry: object, sentence: str) -> None:
    file.write_text(yaml.safe_dump({"core": entry}))
    with pytest.raises(SecretUnavailableError, match=sentence):
        retrieve("core", Purpose.READ)


def test_variables_of_the_environment_may_have_parts(
    settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEVICE_CREDENTIALS = "env:"
    for part, login in (("READ", READ), ("WRITE", WRITE)):
        for key, value in login.items():
            monkeypatch.setenv(f"COUNTERSIGN_CREDENTIAL_CORE_A__{part}_{key.upper()}", value)
    assert retrieve("core-a", Purpose.READ).credential.username == "reader"
    assert retrieve("core-a", Purpose.WRITE).credential.username == "writer"
    monkeypatch.delenv("COUNTERSIGN_CREDENTIAL_CORE_A__WRITE_PASSWORD")
    with pytest.raises(SecretUnavailableError, match="CORE_A__WRITE_PASSWORD is not set"):
        retrieve("core-a", Purpose.WRITE)


def test_what_was_fetched_is_known_for_masking_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    now = [1000.0]
    monkeypatch.setattr("devices.credentials.seen.time.monotonic", lambda: now[0])
    remember("first", "", "second")
    assert seen_values() == {"first", "second"}
    now[0] += KEPT_S - 1
    remember("first")
    now[0] += 2
    remember("third")
    assert seen_values() == {"first", "third"}
    for number in range(AT_MOST + 10):
        remember(f"many-{number}")
    assert len(seen_values()) == AT_MOST
    forget()
    assert not seen_values()
