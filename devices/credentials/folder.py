"""``file:/path/to/folder``: one small file per value, as Docker, Kubernetes and systemd hand secrets over.

``core.username`` and ``core.password`` (and perhaps ``core.enable_secret``) are the credential ``core``; with
``core.read.username`` or ``core.write.username`` and so on it has parts.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.views.decorators.debug import sensitive_variables

from devices.credentials.base import NAME, Purpose, Retrieved, credential_of
from devices.errors import SecretUnavailableError

_PARTS = ("username", "password", "enable_secret")
_LIMIT = 64 * 1024


class Folder:
    """A folder that the service manager filled; files that others may change are refused."""

    name = "folder"

    def __init__(self, path: Path) -> None:
        self.path = path

    @sensitive_variables()
    def fetch(self, name: str, purpose: Purpose) -> Retrieved:
        """The credential ``name``; its age is that of its password's file."""
        prefix, entry = self._entry(name, purpose)
        credential, _none = credential_of(entry, name=name, purpose=purpose, where=str(self.path))
        changed_at = datetime.fromtimestamp((self.path / f"{prefix}.password").stat().st_mtime, UTC)
        return Retrieved(credential, self.name, changed_at=changed_at)

    def names(self) -> tuple[str, ...]:
        """The names that have a password file."""
        try:
            found = {path.name.split(".")[0] for path in self.path.glob("*.password")}
        except OSError:
            return ()
        return tuple(sorted(name for name in found if NAME.fullmatch(name)))

    @sensitive_variables()
    def values(self) -> Iterator[str]:
        """The content of every password and enable secret."""
        for part in ("password", "enable_secret"):
            for path in self.path.glob(f"*.{part}"):
                yield self._value(path)

    @sensitive_variables()
    def _entry(self, name: str, purpose: Purpose) -> tuple[str, dict[str, object]]:
        parts = [each for each in Purpose if (self.path / f"{name}.{each}.password").exists()]
        login = self._login(name)
        if not parts:
            return name, login
        entry: dict[str, object] = {each: self._login(f"{name}.{each}") for each in parts}
        return f"{name}.{purpose}", entry | login

    def _login(self, prefix: str) -> dict[str, object]:
        paths = {part: self.path / f"{prefix}.{part}" for part in _PARTS}
        return {part: self._value(path) for part, path in paths.items() if path.exists()}

    @sensitive_variables()
    def _value(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise SecretUnavailableError(f"{path} can be changed by others; until that ends it is not used.")
                raw = file.read(_LIMIT + 1)
        except OSError as error:
            raise SecretUnavailableError(f"{path} cannot be read: {error.strerror}.") from None
        try:
            value = raw.decode()
        except UnicodeDecodeError:
            value = ""
        value = value.removesuffix("\n").removesuffix("\r")
        if not value or "\n" in value or len(raw) > _LIMIT:
            raise SecretUnavailableError(f"{path} must hold one line of text and nothing else.") from None
        return value
