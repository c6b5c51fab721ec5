"""The settings of the credential store, from the environment; a bad one is refused with one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from portal.environment import SettingError

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def read_vault(environ: Mapping[str, str], store: str) -> dict[str, Any]:
    """Where Vault is and how to reach it, without any token or id; checked only where ``store`` is ``vault:…``.

    ``timeout_s`` is seconds; files are paths or empty.

    Raises:
        SettingError: the first that is wrong.
    """
    used = store.startswith("vault:")
    if used and environ.get("VAULT_SKIP_VERIFY", "").strip().lower() not in {"", "0", "false"}:
        raise SettingError(
            "VAULT_SKIP_VERIFY is set: Countersign always verifies Vault's certificate. "
            "Name its authority's file with VAULT_CACERT."
        )
    if used:
        _check_path(store.partition(":")[2])
    return {
        "address": _address(environ) if used else "",
        "namespace": _text(environ, "VAULT_NAMESPACE"),
        "ca_file": _file(environ, "VAULT_CACERT", used=used),
        "timeout_s": _timeout(environ),
        "approle_mount": _text(environ, "VAULT_APPROLE_MOUNT") or "approle",
        "token_file": _text(environ, "VAULT_TOKEN_FILE"),
        "role_id_file": _text(environ, "VAULT_ROLE_ID_FILE"),
        "secret_id_file": _text(environ, "VAULT_SECRET_ID_FILE"),
    }


def read_rules_path(environ: Mapping[str, str]) -> str:
    """The path of the credential rules, or nothing.

    Raises:
        SettingError: it names no file.
    """
    return _file(environ, "DEVICE_CREDENTIAL_RULES", used=True)


def _text(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _check_path(rest: str) -> None:
    whole = rest or "secret/countersign/{name}"
    mount, _, path = whole.partition("//" if "//" in whole else "/")
    if not mount or "{name}" not in path or set("?#%") & set(whole):
        raise SettingError(
            # Not repeated: who gave an address here may have put a password into it.
            "DEVICE_CREDENTIALS begins with vault: and goes on wrongly: give the mount and a path with {name}, "
            "such as vault:secret/countersign/{name}; {purpose} becomes read or write."
        )


def _address(environ: Mapping[str, str]) -> str:
    value = _text(environ, "VAULT_ADDR")
    try:
        parts = urlsplit(value)
        good = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and "@" not in parts.netloc
        )
        plain_to_others = parts.scheme == "http" and parts.hostname not in _LOCAL
    except ValueError:
        good, plain_to_others = False, False
    if not good:
        raise SettingError("VAULT_ADDR must be the address of Vault, such as https://vault.example.net:8200.")
    if plain_to_others:
        raise SettingError("VAULT_ADDR begins with http: tokens and passwords would travel in the clear. Use https.")
    return value.rstrip("/")


def _file(environ: Mapping[str, str], name: str, *, used: bool) -> str:
    value = _text(environ, name)
    if value and used and not Path(value).is_file():
        raise SettingError(f"{name} is {value!r}: there is no such file.")
    return value


def _timeout(environ: Mapping[str, str]) -> int:
    value = _text(environ, "VAULT_CLIENT_TIMEOUT").removesuffix("s") or "5"
    if not value.isdecimal() or not 1 <= int(value) <= 60:
        raise SettingError("VAULT_CLIENT_TIMEOUT must be a whole number of seconds from 1 to 60.")
    return int(value)
