"""Credentials from a real OpenBao server through hvac: every way in, every way to fail, no value in any sentence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import hvac
import hvac.exceptions
import pytest
import requests

from devices.credentials import Purpose, Retrieved, known_secrets, retrieve
from devices.credentials.seen import seen_values
from devices.credentials.vault_login import _kept
from devices.errors import DeviceError, SecretScopeDeniedError, SecretStoreDownError, SecretUnavailableError
from tests.integration.secrets import openbao
from tests.integration.secrets.openbao import OpenBao

SECRET = "Vault-Pa55&word"


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    server = openbao.start(tmp_path_factory.mktemp("openbao"))
    server.write("core", username="netops", password=SECRET, enable_secret=f"{SECRET}-enable")
    yield server
    server.stop()


@pytest.fixture
def vault(bao: OpenBao, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> OpenBao:
    """The server as the configured store, with a token of the environment."""
    settings.DEVICE_CREDENTIALS = "vault:secret/countersign/{name}"
    settings.VAULT = chosen(bao.address)
    for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAULT_TOKEN", bao.token())
    _kept.clear()
    return bao


def chosen(address: str, **changes: object) -> dict[str, object]:
    names = ("namespace", "ca_file", "token_file", "role_id_file", "secret_id_file")
    empty = dict.fromkeys(names, "")
    return {**empty, "address": address, "approle_mount": "approle", "timeout_s": 2, **changes}


def core(purpose: Purpose = Purpose.READ) -> Retrieved:
    return retrieve("core", purpose)


def refused(error: type[DeviceError] = SecretUnavailableError) -> DeviceError:
    """The error that asking for the credential ends with; nothing secret is in it or hangs on it."""
    with pytest.raises(error) as caught:
        core()
    found = caught.value
    assert found.code in {"SECRET_UNAVAILABLE", "SECRET_SCOPE_DENIED"}
    assert found.__cause__ is None
    # An error of the client would carry the request along, and with it the token.
    assert not isinstance(found.__context__, hvac.exceptions.VaultError | requests.RequestException)
    assert SECRET not in repr(found)
    return found


def test_a_secret_comes_with_its_version_and_the_time_of_its_writing(vault: OpenBao) -> None:
    vault.write("rotating", username="netops", password="first one")
    vault.write("rotating", username="netops", password="second one")
    found = retrieve("rotating", Purpose.READ)
    assert (found.credential.username, found.credential.password) == ("netops", "second one")
    assert (found.provider, found.version) == ("vault", "2")
    assert found.changed_at
    assert abs(datetime.now(UTC) - found.changed_at) < timedelta(minutes=1)
    assert "second one" in known_secrets()
    assert "second one" not in repr(found)


def test_read_and_write_parts_lie_in_one_secret_or_in_two(vault: OpenBao, settings: SimpleNamespace) -> None:
    vault.write(
        "parted", read={"username": "reader", "password": "r" * 9}, write={"username": "w", "password": "w" * 9}
    )
    assert retrieve("parted", Purpose.READ).credential.username == "reader"
    assert retrieve("parted", Purpose.WRITE).credential.username == "w"
    vault.write("apart/read", username="reader2", password="r" * 9)
    settings.DEVICE_CREDENTIALS = "vault:secret/countersign/{name}/{purpose}"
    assert retrieve("apart", Purpose.READ).credential.username == "reader2"
    with pytest.raises(SecretUnavailableError, match="has no secret for this credential"):
        retrieve("apart", Purpose.WRITE)


def test_a_missing_part_is_not_replaced_by_the_other(vault: OpenBao) -> None:
    vault.write("readonly", read={"username": "reader", "password": "r" * 9})
    with pytest.raises(SecretScopeDeniedError, match="no part for writing"):
        retrieve("readonly", Purpose.WRITE)


def test_an_approle_signs_in_once_and_again_when_its_token_was_revoked(
    vault: OpenBao, monkeypatch: pytest.MonkeyPatch
) -> None:
    role_id, secret_id = vault.approle()
    monkeypatch.setenv("VAULT_ROLE_ID", role_id)
    monkeypatch.setenv("VAULT_SECRET_ID", secret_id)
    assert core().credential.password == SECRET
    [(token, _ends)] = _kept.values()
    assert token in seen_values(), "it is masked like the passwords that it opens"
    assert core().credential.password == SECRET
    assert [kept for kept, _ends in _kept.values()] == [token]
    vault.root.auth.token.revoke(token)
    assert core().credential.password == SECRET
    assert [kept for kept, _ends in _kept.values()] != [token]


def test_a_wrong_secret_id_is_one_sentence(vault: OpenBao, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ROLE_ID", vault.approle()[0])
    monkeypatch.setenv("VAULT_SECRET_ID", "not-the-secret-id")
    error = refused()
    assert "did not accept the sign-in" in error.detail
    assert error.permanent
    assert "not-the-secret-id" not in repr(error)


def test_an_agents_token_file_is_read_each_time(
    vault: OpenBao, settings: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    sink = tmp_path / "sink"
    settings.VAULT = chosen(vault.address, token_file=str(sink))
    assert "VAULT_TOKEN_FILE" in refused().detail
    sink.write_text("")
    assert "is empty" in refused().detail
    token = vault.token()
    sink.write_text(f"{token}\n")
    assert core().credential.password == SECRET
    assert token in seen_values(), "it stands in no variable, and is masked all the same"


def test_without_any_way_in_nothing_is_asked(vault: OpenBao, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    assert "how to sign in" in refused().detail


def test_an_expired_or_revoked_token_is_told_from_a_missing_right(
    vault: OpenBao, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = vault.token()
    vault.root.auth.token.revoke(ended)
    monkeypatch.setenv("VAULT_TOKEN", ended)
    assert "has expired or was revoked" in refused().detail
    monkeypatch.setenv("VAULT_TOKEN", vault.token(policies=["default"]))
    assert "policy does not allow" in refused().detail


def test_a_missing_secret_a_missing_mount_and_a_deleted_version_are_told_apart(
    vault: OpenBao, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", openbao.ROOT)
    with pytest.raises(SecretUnavailableError, match="has no secret for this credential"):
        retrieve("nobody", Purpose.READ)
    settings.DEVICE_CREDENTIALS = "vault:elsewhere/countersign/{name}"
    assert "no mount elsewhere" in refused().detail
    settings.DEVICE_CREDENTIALS = "vault:secret/countersign/{name}"
    vault.write("gone", username="netops", password="gone for good")
    vault.root.secrets.kv.v2.delete_latest_version_of_secret(path="countersign/gone")
    with pytest.raises(SecretUnavailableError, match="newest version was deleted"):
        retrieve("gone", Purpose.READ)


def test_a_mount_of_version_1_is_named_as_such(
    vault: OpenBao, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = vault.root
    root.sys.enable_secrets_engine("kv", path="team/old", options={"version": "1"})
    root.secrets.kv.v1.create_or_update_secret(
        "data/core", {"username": "u", "password": SECRET}, mount_point="team/old"
    )
    monkeypatch.setenv("VAULT_TOKEN", openbao.ROOT)
    settings.DEVICE_CREDENTIALS = "vault:team/old//{name}"
    assert "KV version 2" in refused().detail


def test_a_secret_without_a_password_is_refused(vault: OpenBao) -> None:
    vault.write("empty", username="netops")
    with pytest.raises(SecretUnavailableError, match="with a username and a password"):
        retrieve("empty", Purpose.READ)


def test_a_server_that_is_down_or_sealed_is_worth_another_attempt(
    vault: OpenBao, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = openbao.start(tmp_path)
    try:
        settings.VAULT = chosen(other.address)
        monkeypatch.setenv("VAULT_TOKEN", openbao.ROOT)
        other.root.sys.seal()  # type: ignore[no-untyped-call]
        error = refused(SecretStoreDownError)
        assert "is sealed" in error.detail
        assert not error.permanent
    finally:
        other.stop()
    error = refused(SecretStoreDownError)
    assert "cannot be reached" in error.detail
    assert not error.permanent


def test_a_namespace_holds_secrets_of_its_own(
    vault: OpenBao, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.root.adapter.post("/v1/sys/namespaces/net")
    inside = hvac.Client(url=vault.address, token=openbao.ROOT, namespace="net")
    inside.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    inside.secrets.kv.v2.create_or_update_secret(
        path="countersign/core", secret={"username": "inside", "password": "only there"}
    )
    monkeypatch.setenv("VAULT_TOKEN", openbao.ROOT)
    settings.VAULT = chosen(vault.address, namespace="net")
    assert core().credential.username == "inside"


def test_a_certificate_that_is_not_trusted_gets_no_token(
    tmp_path: Path, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openbao.start(tmp_path, tls=True)
    try:
        server.write("core", username="netops", password=SECRET)
        settings.DEVICE_CREDENTIALS = "vault:"
        monkeypatch.setenv("VAULT_TOKEN", openbao.ROOT)
        monkeypatch.delenv("VAULT_ROLE_ID", raising=False)
        settings.VAULT = chosen(server.address)
        error = refused()
        assert "certificate that is not trusted" in error.detail
        assert error.permanent
        settings.VAULT = chosen(server.address, ca_file=server.ca_file)
        assert core().credential.password == SECRET
    finally:
        server.stop()


@pytest.fixture
def odd_server() -> Iterator[tuple[str, list[tuple[int, dict[str, object]]], list[str]]]:
    """A server that answers what it is told to: for what a healthy one never says."""
    answers: list[tuple[int, dict[str, object]]] = []
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            status, body = answers[0]
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            if status == 307:
                self.send_header("Location", "http://127.0.0.1:1/stolen")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers, seen
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "sentence", "permanent"),
    [
        (429, {"errors": ["request path: rate limit quota exceeded"]}, "quota", False),
        (500, {"errors": [f"internal error near {SECRET}"]}, "error of its own", False),
        (501, {"errors": []}, "never initialised", True),
        (307, {}, "KV version 2", True),
        (200, {"data": {"data": None, "metadata": {}}}, "KV version 2", True),
        (200, {"anything": "else"}, "KV version 2", True),
    ],
)
def test_odd_answers_are_refused_with_a_sentence(
    odd_server: tuple[str, list[tuple[int, dict[str, object]]], list[str]],
    settings: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: dict[str, object],
    sentence: str,
    permanent: bool,
) -> None:
    address, answers, seen = odd_server
    answers.append((status, body))
    settings.DEVICE_CREDENTIALS = "vault:"
    settings.VAULT = chosen(address)
    monkeypatch.setenv("VAULT_TOKEN", "some-token")
    monkeypatch.delenv("VAULT_ROLE_ID", raising=False)
    error = refused()
    assert sentence in error.detail
    assert error.permanent is permanent
    assert seen == ["/v1/secret/data/countersign/core"]
