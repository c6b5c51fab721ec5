"""The settings of the credential store: what is accepted, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.credential_environment import read_rules_path, read_vault
from portal.environment import SettingError

VAULT = {"VAULT_ADDR": "https://vault.example.net:8200/"}


def test_the_usual_settings_are_read_and_no_token_is_among_them(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    environ = {
        **VAULT, "VAULT_CACERT": str(authority), "VAULT_NAMESPACE": "net", "VAULT_TOKEN": "s3cret-token",
        "VAULT_SECRET_ID": "s3cret-id", "VAULT_CLIENT_TIMEOUT": "9s",
    }  # fmt: skip
    found = read_vault(environ, "vault:secret/countersign/{name}")
    assert found["address"] == "https://vault.example.net:8200"
    assert (found["namespace"], found["ca_file"], found["timeout_s"]) == ("net", str(authority), 9)
    assert found["approle_mount"] == "approle"
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("store", ["env:", "file:/somewhere"])
def test_another_store_needs_none_of_it(store: str) -> None:
    assert read_vault({"VAULT_ADDR": "nonsense"}, store)["address"] == ""


@pytest.mark.parametrize("path", ["", "secret/{name}", "team/kv//network/{name}/{purpose}"])
def test_paths_of_these_forms_are_taken(path: str) -> None:
    read_vault({"VAULT_ADDR": "http://127.0.0.1:8200"}, f"vault:{path}")


@pytest.mark.parametrize(
    ("environ", "store", "sentence"),
    [
        ({}, "vault:", "VAULT_ADDR must be the address"),
        ({"VAULT_ADDR": "vault.example.net"}, "vault:", "VAULT_ADDR must be the address"),
        ({"VAULT_ADDR": "https://user:pa55@vault"}, "vault:", "VAULT_ADDR must be the address"),
        ({"VAULT_ADDR": "http://["}, "vault:", "VAULT_ADDR must be the address"),
        ({"VAULT_ADDR": "http://vault.example.net"}, "vault:", "in the clear"),
        ({**VAULT, "VAULT_SKIP_VERIFY": "1"}, "vault:", "always verifies"),
        ({**VAULT, "VAULT_CACERT": "/nowhere/ca.pem"}, "vault:", "there is no such file"),
        ({**VAULT, "VAULT_CLIENT_TIMEOUT": "soon"}, "vault:", "from 1 to 60"),
        ({**VAULT, "VAULT_CLIENT_TIMEOUT": "0"}, "vault:", "from 1 to 60"),
        (VAULT, "vault:secret", "a path with {name}"),
        (VAULT, "vault:secret/all", "a path with {name}"),
        (VAULT, "vault:secret/{name}?version=1", "a path with {name}"),
    ],
)
def test_what_cannot_be_used_stops_the_start_with_one_sentence(
    environ: dict[str, str], store: str, sentence: str
) -> None:
    with pytest.raises(SettingError) as caught:
        read_vault(environ, store)
    assert sentence in str(caught.value)
    assert "pa55" not in str(caught.value)


def test_the_rules_must_be_a_file(tmp_path: Path) -> None:
    assert read_rules_path({}) == ""
    with pytest.raises(SettingError, match="DEVICE_CREDENTIAL_RULES"):
        read_rules_path({"DEVICE_CREDENTIAL_RULES": str(tmp_path / "rules.yaml")})
