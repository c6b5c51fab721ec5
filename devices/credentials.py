"""Device credentials by name, read from the environment or a private file at the moment of use.

``DEVICE_CREDENTIALS`` names the provider: ``file:/path/to/credentials.yaml`` or ``env:``. Secrets are held in
memory for one session; the database, task arguments and logs carry the credential's *name* only.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from devices.drivers.base import Credential
from devices.errors import SecretUnavailableError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def credential_for(name: str) -> Credential:
    """Fetch the credential called ``name`` from the configured provider.

    Raises:
        SecretUnavailableError: the provider does not have it, or must not be read.
    """
    if not _NAME.fullmatch(name):
        raise SecretUnavailableError("The device names no usable credential; set one in the inventory source.")
    scheme, _, rest = str(settings.DEVICE_CREDENTIALS).partition(":")
    if scheme == "env":
        return _from_environment(name, os.environ)
    if scheme == "file":
        return _from_mapping(name, _read_file(Path(rest)).get(name), rest)
    raise SecretUnavailableError("DEVICE_CREDENTIALS must start with file: or env:.")


def known_secrets() -> tuple[str, ...]:
    """Every secret value that the file provider holds, for scrubbing text before it is stored."""
    scheme, _, rest = str(settings.DEVICE_CREDENTIALS).partition(":")
    if scheme != "file" or not Path(rest).exists():
        prefix = "COUNTERSIGN_CREDENTIAL_"
        return tuple(v for k, v in os.environ.items() if k.startswith(prefix) and not k.endswith("_USERNAME"))
    entries = _read_file(Path(rest)).values()
    return tuple(
        str(entry[key])
        for entry in entries
        if isinstance(entry, Mapping)
        for key in ("password", "enable_secret")
        if entry.get(key)
    )


def _from_environment(name: str, environ: Mapping[str, str]) -> Credential:
    prefix = "COUNTERSIGN_CREDENTIAL_" + name.upper().replace("-", "_")
    try:
        return Credential(
            username=environ[f"{prefix}_USERNAME"],
            password=environ[f"{prefix}_PASSWORD"],
            enable_secret=environ.get(f"{prefix}_ENABLE_SECRET", ""),
        )
    except KeyError as missing:
        raise SecretUnavailableError(
            f"The environment variable {missing.args[0]} is not set, so credential “{name}” cannot be used."
        ) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXO | stat.S_IWGRP):
                raise SecretUnavailableError(
                    f"{path} can be read or changed by others; run: chmod 600 {path}. Until then it is not used."
                )
            loaded = yaml.safe_load(file)
    except OSError as error:
        raise SecretUnavailableError(f"The credentials file cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise SecretUnavailableError(f"{path} is not valid YAML.") from error
    if not isinstance(loaded, dict):
        raise SecretUnavailableError(f"{path} must map credential names to username and password.")
    return loaded


def _from_mapping(name: str, entry: object, where: str) -> Credential:
    if not isinstance(entry, Mapping) or not entry.get("username") or not entry.get("password"):
        raise SecretUnavailableError(f"{where} has no credential “{name}” with a username and a password.")
    for field in ("username", "password", "enable_secret"):
        # YAML reads 0123 as a number of another look, and yes as true: a wrong password would lock the account.
        if not isinstance(entry.get(field) or "", str):
            raise SecretUnavailableError(
                f"In {where}, put the {field} of “{name}” in quotes: YAML takes it for no text."
            )
    return Credential(
        username=str(entry["username"]),
        password=str(entry["password"]),
        enable_secret=str(entry.get("enable_secret") or ""),
    )
