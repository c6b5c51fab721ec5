"""``file:/path/to/credentials.yaml``: a private file that maps names to logins."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from django.views.decorators.debug import sensitive_variables

from devices.credentials.base import Purpose, Retrieved, credential_of, values_of
from devices.errors import SecretUnavailableError


class YamlFile:
    """One YAML file, readable by its owner and group only, read anew for each session."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    @sensitive_variables()
    def fetch(self, name: str, purpose: Purpose) -> Retrieved:
        """The entry ``name``; see :func:`devices.credentials.base.credential_of` for its form."""
        entry = self._read().get(name)
        credential, changed_at = credential_of(entry, name=name, purpose=purpose, where=str(self.path))
        return Retrieved(credential, self.name, changed_at=changed_at)

    @sensitive_variables()
    def names(self) -> tuple[str, ...]:
        """The file's entries; none while it cannot be read."""
        try:
            return tuple(sorted(map(str, self._read())))
        except SecretUnavailableError:
            return ()

    @sensitive_variables()
    def values(self) -> Iterator[str]:
        """Every password and enable secret in the file."""
        for entry in self._read().values():
            yield from values_of(entry)

    @sensitive_variables()
    def _read(self) -> dict[str, Any]:
        path = self.path
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & (stat.S_IRWXO | stat.S_IWGRP):
                    raise SecretUnavailableError(
                        f"{path} can be read or changed by others; run: chmod 600 {path}. Until then it is not used."
                    )
                loaded = yaml.safe_load(file)
        except OSError as error:
            raise SecretUnavailableError(f"The credentials file {path} cannot be read: {error.strerror}.") from None
        except (yaml.YAMLError, ValueError):
            # Without its cause: a parser's error quotes the line at which it stopped.
            raise SecretUnavailableError(f"{path} is not valid YAML.") from None
        if not isinstance(loaded, dict):
            raise SecretUnavailableError(f"{path} must map credential names to username and password.")
        return loaded
