"""What every credential provider offers, and what it hands out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from devices.drivers.base import Credential
from devices.errors import SecretScopeDeniedError, SecretUnavailableError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""A credential's name: safe in a file name, a variable and a path of Vault."""


class Purpose(StrEnum):
    """What a session is opened for."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A credential as it came from its store, in memory for one session. The rest is no secret.

    ``version`` is the store's own number or mark, empty where it has none. ``changed_at`` is when this version was
    written, where the store knows it: its age is the time since the last rotation.
    """

    credential: Credential = field(repr=False)
    provider: str
    version: str = ""
    changed_at: datetime | None = None


class Provider(Protocol):
    """A store of credentials. It is asked at the moment of use and keeps nothing."""

    @property
    def name(self) -> str:
        """Its name for people and for the record: env, file, folder or vault."""
        ...

    def fetch(self, name: str, purpose: Purpose) -> Retrieved:
        """The credential of that name for that purpose.

        Raises:
            SecretUnavailableError: the store does not have it, or must not be read.
            SecretStoreDownError: the store does not answer now; trying again may help.
            SecretScopeDeniedError: it has other parts, but none for this purpose.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """The names that the store lists by itself; empty where it cannot or must not."""
        ...

    def values(self) -> Iterator[str]:
        """Every secret value that is here on this machine anyway, for masking; none of a store elsewhere."""
        ...


def checked_name(name: str) -> str:
    """The name, if it can be one.

    Raises:
        SecretUnavailableError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise SecretUnavailableError("The device names no usable credential; set one in the inventory source.")
    return name


def credential_of(entry: object, *, name: str, purpose: Purpose, where: str) -> tuple[Credential, datetime | None]:
    """A credential from a store's mapping: ``username``, ``password`` and perhaps ``enable_secret``.

    They may stand under ``read`` and ``write`` instead; without these parts they serve both purposes.
    ``rotated_at`` (a date) says when they were last changed. ``where`` names the store in sentences.

    Raises:
        SecretUnavailableError: something is missing, or is no text.
        SecretScopeDeniedError: there are parts, but none for this purpose.
    """
    if isinstance(entry, Mapping) and ("read" in entry or "write" in entry):
        if "username" in entry or "password" in entry:
            raise SecretUnavailableError(
                f"In {where}, “{name}” has a login and read or write parts as well. Keep either the login or the parts."
            )
        if purpose not in entry:
            raise SecretScopeDeniedError(
                f"The credential “{name}” has no part for {_VERBS[purpose]} in {where}. Nothing else is used instead."
            )
        part = entry[purpose]
        rotated = part.get("rotated_at") if isinstance(part, Mapping) else None
        return _login(part, name, f"{where}, part {purpose}"), _moment(rotated or entry.get("rotated_at"), name, where)
    credential = _login(entry, name, where)
    return credential, _moment(entry.get("rotated_at") if isinstance(entry, Mapping) else None, name, where)


_VERBS = {Purpose.READ: "reading", Purpose.WRITE: "writing"}


def _login(entry: object, name: str, where: str) -> Credential:
    if not isinstance(entry, Mapping) or not entry.get("username") or not entry.get("password"):
        raise SecretUnavailableError(f"{where} has no credential “{name}” with a username and a password.")
    for part in ("username", "password", "enable_secret"):
        # YAML reads 0123 as a number of another look, and yes as true: a wrong password would lock the account.
        if not isinstance(entry.get(part) or "", str):
            raise SecretUnavailableError(
                f"In {where}, put the {part} of “{name}” in quotes: YAML takes it for no text."
            )
    return Credential(
        username=entry["username"],
        password=entry["password"],
        enable_secret=entry.get("enable_secret") or "",
    )


def _moment(value: object, name: str, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value if isinstance(value, str) else str(value))
    except ValueError:
        raise SecretUnavailableError(
            f"In {where}, rotated_at of “{name}” is no date: write it like 2026-10-31."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def values_of(entry: object) -> Iterator[str]:
    """The secret values in a store's mapping, for masking."""
    if isinstance(entry, Mapping):
        for key in ("password", "enable_secret"):
            if isinstance(entry.get(key), str):
                yield entry[key]
        for part in Purpose:
            yield from values_of(entry.get(part))
