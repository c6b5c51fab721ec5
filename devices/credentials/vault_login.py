"""How a process signs in at Vault: a token, a token file that an agent keeps fresh, or an AppRole."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import hvac
from django.views.decorators.debug import sensitive_variables

from devices.credentials.seen import remember
from devices.errors import SecretUnavailableError

_EARLY_S = 10
"""A kept token is renewed so long before its end."""


class Login(Protocol):
    """A way to a token."""

    @property
    def renewable(self) -> bool:
        """Whether asking again can bring another token."""
        ...

    def token(self, client: hvac.Client, *, fresh: bool) -> str:
        """A token; with ``fresh`` not the one that was given before."""
        ...


@dataclass(frozen=True, slots=True)
class TokenFile:
    """The sink of a Vault agent; it is read anew each time."""

    path: Path
    renewable: bool = False

    @sensitive_variables()
    def token(self, client: hvac.Client, *, fresh: bool) -> str:  # noqa: ARG002 - the protocol's
        """What the file holds now."""
        return read_secret_file(self.path, "VAULT_TOKEN_FILE")


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token of the environment."""

    value: str = field(repr=False)
    renewable: bool = False

    @sensitive_variables()
    def token(self, client: hvac.Client, *, fresh: bool) -> str:  # noqa: ARG002 - the protocol's
        """The token."""
        return self.value


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role's login; the token is shared by this process until shortly before its end."""

    address: str
    namespace: str
    mount: str
    role_id: str = field(repr=False)
    secret_id: str = field(repr=False)
    renewable: bool = True

    @sensitive_variables()
    def token(self, client: hvac.Client, *, fresh: bool) -> str:
        """The kept token, or that of a new login."""
        key = (self.address, self.namespace, self.mount, self.role_id)
        with _guard:
            kept, ends = _kept.get(key, ("", 0.0))
            if kept and not fresh and time.monotonic() < ends:
                remember(kept)
                return kept
            answer = client.auth.approle.login(
                role_id=self.role_id, secret_id=self.secret_id or None, use_token=False, mount_point=self.mount
            )
            remember(str(answer["auth"]["client_token"]))
            token, lasts_s = str(answer["auth"]["client_token"]), float(answer["auth"]["lease_duration"] or 3600)
            _kept[key] = (token, time.monotonic() + max(lasts_s - _EARLY_S, 0))
            return token


_guard = threading.Lock()
_kept: dict[tuple[str, str, str, str], tuple[str, float]] = {}


def login_from_environment(chosen: Mapping[str, str]) -> Login:
    """The way that is set: VAULT_TOKEN_FILE, else VAULT_ROLE_ID, else VAULT_TOKEN.

    ``chosen`` is ``settings.VAULT``; tokens and ids themselves are taken from the environment or their files now.

    Raises:
        SecretUnavailableError: none is, or a file cannot be read.
    """
    if chosen["token_file"]:
        return TokenFile(Path(chosen["token_file"]))
    role_id = _value("VAULT_ROLE_ID", chosen["role_id_file"])
    if role_id:
        return AppRole(
            address=chosen["address"],
            namespace=chosen["namespace"],
            mount=chosen["approle_mount"],
            role_id=role_id,
            secret_id=_value("VAULT_SECRET_ID", chosen["secret_id_file"]),
        )
    token = os.environ.get("VAULT_TOKEN", "").strip()
    if token:
        return FixedToken(token)
    raise SecretUnavailableError(
        "Nothing says how to sign in at Vault: set VAULT_TOKEN_FILE, VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_TOKEN."
    )


def _value(name: str, path: str) -> str:
    return read_secret_file(Path(path), f"{name}_FILE") if path else os.environ.get(name, "").strip()


@sensitive_variables()
def read_secret_file(path: Path, setting: str) -> str:
    """The one line of a secret's file; from now on it is masked wherever it would appear.

    Raises:
        SecretUnavailableError: it cannot be read or is empty.
    """
    try:
        value = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise SecretUnavailableError(f"{setting} names {path}, which cannot be read: {reason}.") from None
    if not value:
        raise SecretUnavailableError(f"{setting} names {path}, which is empty.")
    remember(value)
    return value
