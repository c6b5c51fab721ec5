"""What `check --deploy` says of keys and anchors, as the web server's user and as root."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from audit.anchors.specification import read_specifications
from audit.checkpoints import TrustedKey
from audit.notes import Signer
from audit.sealing.trust import write_trusted
from audit.sealing_checks import check_sealing

HOME = Path("/srv/countersign")


@pytest.fixture
def found(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str | None, str]]:
    """The messages by id of a well made installation, but for what the test says."""
    verifiers = tmp_path / "etc" / "audit_verifiers"
    write_trusted(verifiers, (TrustedKey(Signer.make("change.example.net/audit").verifier),))

    def found(
        *,
        may: tuple[tuple[Path, int], ...] = (),
        user: int = 1000,
        anchors: str = "mailto:a@b.example",
        **changed: object,
    ) -> dict[str | None, str]:
        monkeypatch.setattr(os, "geteuid", lambda: user)
        monkeypatch.setattr(os, "access", lambda path, mode: (Path(path), mode) in may)
        settings.COUNTERSIGN_HOME = HOME
        settings.AUDIT_KEY_FILE = Path("/srv/sealer/key")
        settings.AUDIT_VERIFIERS = verifiers
        settings.AUDIT_ANCHORS = read_specifications(anchors, default=HOME / "anchors" / "checkpoints")
        settings.EMBEDDED_POSTGRES, settings.DATABASE_SEALER = False, {}
        for name, value in changed.items():
            setattr(settings, name, value)
        return {message.id: message.msg for message in check_sealing(None)}

    return found


def test_nothing_is_said_of_an_installation_that_is_well_made(found: Callable[..., dict[str, str]]) -> None:
    assert found() == {}
    assert found(anchors=f"file:{HOME}/x file:/mnt/worm/x") == {}


@pytest.mark.parametrize(("path", "mode"), [("/srv/sealer/key", os.R_OK), ("/srv/sealer", os.W_OK)])
def test_a_key_that_the_web_servers_user_can_read_or_replace_is_told(
    found: Callable[..., dict[str, str]], path: str, mode: int
) -> None:
    told = found(may=((Path(path), mode),))
    assert list(told) == ["audit.W003"]
    assert "can read or replace the sealer's key /srv/sealer/key" in told["audit.W003"]


def test_root_is_told_that_it_can_read_the_key(found: Callable[..., dict[str, str]]) -> None:
    told = found(user=0)
    assert list(told) == ["audit.W003"]
    assert "runs as root" in told["audit.W003"]


def test_missing_and_unreadable_public_keys_are_told(found: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("# none\n")
    for path, words in ((tmp_path / "gone", "names no public key"), (empty, "names no public key"), (tmp_path, "read")):
        told = found(AUDIT_VERIFIERS=path)
        assert list(told) == ["audit.W004"]
        assert words in told["audit.W004"]
        assert "no change is written to any device" in told["audit.W004"]


def test_public_keys_that_the_web_servers_user_can_write_are_told(
    found: Callable[..., dict[str, str]], settings: Settings
) -> None:
    found()
    for path in (settings.AUDIT_VERIFIERS, settings.AUDIT_VERIFIERS.parent):
        assert list(found(may=((path, os.W_OK),))) == ["audit.W005"]


@pytest.mark.parametrize(
    ("anchors", "words"),
    [("", "own folder"), ("none", "no anchor"), (f"file:{HOME}/a file:{HOME}/b/../c", "own folder")],
)
def test_anchors_that_lie_beside_the_log_are_told(
    found: Callable[..., dict[str, str]], anchors: str, words: str
) -> None:
    told = found(anchors=anchors)
    assert list(told) == ["audit.W006"]
    assert words in told["audit.W006"]


def test_the_sealers_login_in_the_web_servers_environment_is_told(found: Callable[..., dict[str, str]]) -> None:
    assert list(found(DATABASE_SEALER={"USER": "countersign_sealer"})) == ["audit.W007"]
    assert found(DATABASE_SEALER={"USER": "countersign_sealer"}, EMBEDDED_POSTGRES=True) == {}
