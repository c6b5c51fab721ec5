"""``env:``: logins in variables of the environment.

``COUNTERSIGN_CREDENTIAL_<NAME>_USERNAME``, ``_PASSWORD`` and perhaps ``_ENABLE_SECRET``, the name in capitals and with
underscores; with parts ``…_<NAME>__READ_USERNAME`` and ``…_<NAME>__WRITE_USERNAME`` and so on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from django.views.decorators.debug import sensitive_variables

from devices.credentials.base import Purpose, Retrieved, credential_of
from devices.errors import SecretUnavailableError

PREFIX = "COUNTERSIGN_CREDENTIAL_"
_PARTS = ("USERNAME", "PASSWORD", "ENABLE_SECRET")


class Environment:
    """The variables of this process, as they were when it was started."""

    name = "env"

    @sensitive_variables()
    def fetch(self, name: str, purpose: Purpose) -> Retrieved:
        """The credential ``name``; the environment knows no versions."""
        prefix = PREFIX + name.upper().replace("-", "_")
        entry = self._login(f"{prefix}_")
        for part in Purpose:
            login = self._login(f"{prefix}__{part.upper()}_")
            if login:
                entry |= {part: login}
        self._refuse_gaps(entry, name, prefix, purpose)
        credential, _none = credential_of(entry, name=name, purpose=purpose, where="the environment")
        return Retrieved(credential, self.name)

    def names(self) -> tuple[str, ...]:
        """None: of a variable's name the credential's spelling cannot be told."""
        return ()

    @sensitive_variables()
    def values(self) -> Iterator[str]:
        """Every password and enable secret in the environment."""
        for name, value in os.environ.items():
            if name.startswith(PREFIX) and not name.endswith("_USERNAME"):
                yield value

    @sensitive_variables()
    def _login(self, prefix: str) -> dict[str, object]:
        return {part.lower(): os.environ[prefix + part] for part in _PARTS if prefix + part in os.environ}

    @sensitive_variables()
    def _refuse_gaps(self, entry: dict[str, object], name: str, prefix: str, purpose: Purpose) -> None:
        part = entry.get(purpose)
        login = part if isinstance(part, dict) else entry
        path = f"{prefix}__{purpose.upper()}" if isinstance(part, dict) else prefix
        if login is entry and ("read" in entry or "write" in entry):
            return
        for key in ("username", "password"):
            if key not in login:
                raise SecretUnavailableError(
                    f"The environment variable {path}_{key.upper()} is not set, so credential “{name}” cannot be used."
                )
