"""Credentials come from a private file or the environment, as they were written, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.credentials import Purpose, known_secrets, retrieve
from devices.errors import SecretUnavailableError

SECRET = "Tr0ub4dor&3"


@pytest.fixture
def file(tmp_path: Path, settings: object) -> Path:
    path = tmp_path / "credentials.yaml"
    path.write_text(f'lab: {{username: admin, password: "{SECRET}", enable_secret: "open sesame"}}\n')
    path.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{path}"  # type: ignore[attr-defined]
    return path


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, settings: object) -> pytest.MonkeyPatch:
    settings.DEVICE_CREDENTIALS = "env:"  # type: ignore[attr-defined]
    monkeypatch.setenv("COUNTERSIGN_CREDENTIAL_CORE_ROUTERS_USERNAME", "netops")
    monkeypatch.setenv("COUNTERSIGN_CREDENTIAL_CORE_ROUTERS_PASSWORD", SECRET)
    return monkeypatch


def test_a_credential_is_read_from_the_file(file: Path) -> None:
    credential = retrieve("lab", Purpose.READ).credential
    assert (credential.username, credential.password, credential.enable_secret) == ("admin", SECRET, "open sesame")
    assert SECRET not in repr(credential)
    assert known_secrets() >= {SECRET, "open sesame"}


def test_a_changed_file_holds_at_once(file: Path) -> None:
    retrieve("lab", Purpose.READ)
    file.write_text("lab: {username: admin, password: rotated}\n")
    assert retrieve("lab", Purpose.READ).credential.password == "rotated"


def test_a_credential_is_read_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    credential = retrieve("core-routers", Purpose.READ).credential
    assert (credential.username, credential.password, credential.enable_secret) == ("netops", SECRET, "")
    assert "netops" not in known_secrets(), "the username is no secret"
    assert SECRET in known_secrets()


def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("COUNTERSIGN_CREDENTIAL_CORE_ROUTERS_PASSWORD")
    with pytest.raises(SecretUnavailableError, match="COUNTERSIGN_CREDENTIAL_CORE_ROUTERS_PASSWORD is not set"):
        retrieve("core-routers", Purpose.READ)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666, 0o777])
def test_a_file_that_others_can_read_or_write_is_not_used(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(SecretUnavailableError, match="chmod 600"):
        retrieve("lab", Purpose.READ)


def test_a_group_of_administrators_may_read_it(file: Path) -> None:
    file.chmod(0o640)
    assert retrieve("lab", Purpose.READ).credential.username == "admin"


@pytest.mark.parametrize("name", ["", "other", "../lab", "lab\n", "a b", "{{ lab }}", "x" * 101])
def test_a_name_that_the_file_does_not_have_is_refused(file: Path, name: str) -> None:
    with pytest.raises(SecretUnavailableError) as refusal:
        retrieve(name, Purpose.READ)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("- lab\n", "must map"),
        ("", "must map"),
        ("lab: [unclosed\n", "not valid YAML"),
        ("lab: admin\n", "no credential"),
        ("lab: {username: admin}\n", "no credential"),
        ("lab: {username: '', password: x}\n", "no credential"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_a_sentence(file: Path, text: str, match: str) -> None:
    file.write_text(text)
    with pytest.raises(SecretUnavailableError, match=match):
        retrieve("lab", Purpose.READ)


@pytest.mark.parametrize("password", ["0123456", "12345678", "yes", "1.5e+3", "2026-11-21", "12:30:45", "[a]"])
def test_a_password_that_yaml_would_change_is_refused_with_what_to_do(file: Path, password: str) -> None:
    file.write_text(f"lab: {{username: admin, password: {password}}}\n")
    with pytest.raises(SecretUnavailableError) as refusal:
        retrieve("lab", Purpose.READ)
    assert "quotes" in str(refusal.value)
    assert password not in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"lab: \xff\xfe\x00\x01")
    with pytest.raises(SecretUnavailableError, match="not valid YAML"):
        retrieve("lab", Purpose.READ)


def test_the_error_about_a_broken_file_quotes_nothing_of_it(file: Path) -> None:
    file.write_text(f'lab: {{username: admin, password: "{SECRET}\n')
    with pytest.raises(SecretUnavailableError) as refusal:
        retrieve("lab", Purpose.READ)
    assert SECRET not in str(refusal.value)


def test_a_missing_file_is_refused(file: Path) -> None:
    file.unlink()
    with pytest.raises(SecretUnavailableError, match="cannot be read"):
        retrieve("lab", Purpose.READ)


def test_an_unknown_provider_is_refused(settings: object) -> None:
    settings.DEVICE_CREDENTIALS = "ldap:secret/lab"  # type: ignore[attr-defined]
    with pytest.raises(SecretUnavailableError, match="must start with"):
        retrieve("lab", Purpose.READ)
