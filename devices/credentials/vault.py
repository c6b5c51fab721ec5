"""``vault:<mount>/<path with {name}>``: secrets of a HashiCorp Vault or OpenBao server, KV version 2, through hvac.

The server's address, its certificate authority and how to sign in are settings (``VAULT_ADDR`` and so on, see
docs/credentials.md). Nothing of a secret is kept here; of an AppRole's login the token is, for as long as it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import hvac
import hvac.exceptions
import requests
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from devices.credentials.base import Purpose, Retrieved, credential_of
from devices.credentials.vault_errors import path_problem, store_problem
from devices.credentials.vault_login import Login, login_from_environment
from devices.errors import DeviceError, SecretUnavailableError

DEFAULT_PATH: Final = "secret/countersign/{name}"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class VaultServer:
    """Where the server is and how it proves itself. ``ca_file`` empty: the machine's own authorities."""

    address: str
    namespace: str = ""
    ca_file: str = ""
    timeout_s: int = 5


@dataclass(frozen=True, slots=True)
class Vault:
    """One mount of a server. ``path`` has ``{name}`` in it, and ``{purpose}`` where the parts lie apart."""

    server: VaultServer
    mount: str
    path: str
    login: Login

    @property
    def name(self) -> str:
        """Its name for the record."""
        return "vault"

    @classmethod
    def from_environment(cls, rest: str) -> Vault:
        """The store that ``vault:<rest>`` and the settings of Vault name.

        Raises:
            SecretUnavailableError: there is no way to sign in.
        """
        mount, path = split_path(rest)
        chosen: dict[str, Any] = settings.VAULT
        server = VaultServer(chosen["address"], chosen["namespace"], chosen["ca_file"], timeout_s=chosen["timeout_s"])
        return cls(server, mount, path, login_from_environment(chosen))

    @sensitive_variables()
    def fetch(self, name: str, purpose: Purpose) -> Retrieved:
        """The newest version of the secret; its version and the time of its writing come with it."""
        path = self.path.replace("{name}", name).replace("{purpose}", purpose)
        found = self._signed_in(lambda client: self._read(client, path))
        where = f"Vault's {self.mount}/{path}"
        try:
            entry, metadata = found["data"]["data"], found["data"]["metadata"]
            version, changed_at = str(metadata["version"]), datetime.fromisoformat(metadata["created_time"])
        except (KeyError, TypeError, ValueError):
            entry, version, changed_at = None, "", None
        if not isinstance(entry, Mapping):
            raise SecretUnavailableError(f"{where} did not answer in the form of KV version 2. Check the mount.")
        credential, rotated_at = credential_of(entry, name=name, purpose=purpose, where=where)
        return Retrieved(credential, self.name, version=version, changed_at=rotated_at or changed_at)

    def names(self) -> tuple[str, ...]:
        """None: listing is a right of its own, which the portal does not ask for."""
        return ()

    def values(self) -> Iterator[str]:
        """None: what was not fetched stays in Vault."""
        yield from ()

    def _read(self, client: hvac.Client, path: str) -> Any:  # noqa: ANN401 - an answer of another's program
        return client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=self.mount, raise_on_deleted_version=True
        )

    @sensitive_variables()
    def _signed_in(self, ask: Callable[[hvac.Client], Answer]) -> Answer:
        """Ask with a token; where a kept one has ended, sign in once more and ask again.

        Errors are raised outside of the handlers, so that none of them carries a request with its token along.
        """
        problem: DeviceError | None = None
        for fresh in (False, True):
            with requests.Session() as session:
                # neither .netrc nor a proxy of the environment may see or replace the token
                session.trust_env = False
                try:
                    client = self._client(session)
                    client.token = self.login.token(client, fresh=fresh)
                    return ask(client)
                except hvac.exceptions.Forbidden:
                    ended = self._token_has_ended(client)
                    problem = path_problem(mount=self.mount, address=self.server.address, token_ended=ended)
                    if not (ended and self.login.renewable):
                        break
                except (hvac.exceptions.VaultError, requests.RequestException) as error:
                    problem = store_problem(error, address=self.server.address, mount=self.mount)
                    break
        raise problem or AssertionError("the loop above returns or finds a problem")

    def _client(self, session: requests.Session) -> hvac.Client:
        server = self.server
        verify: str | bool = server.ca_file or True
        session.verify = verify
        return hvac.Client(
            url=server.address,
            token="",
            verify=verify,
            timeout=server.timeout_s,
            namespace=server.namespace or None,
            session=session,
            # a redirect would carry the token to another host
            allow_redirects=False,
        )

    @sensitive_variables()
    def _token_has_ended(self, client: hvac.Client) -> bool:
        """Whether a refusal is about the token itself: every living token may look itself up."""
        try:
            client.auth.token.lookup_self()
        except hvac.exceptions.Forbidden:
            return True
        except (hvac.exceptions.VaultError, requests.RequestException):
            return False
        return False


def split_path(rest: str) -> tuple[str, str]:
    """Mount and path of ``vault:<rest>``; a mount of several words ends at ``//``.

    Raises:
        ValueError: there is no path, or it lacks ``{name}``.
    """
    whole = rest or DEFAULT_PATH
    mount, mark, path = whole.partition("//" if "//" in whole else "/")
    if not (mount and mark and "{name}" in path):
        raise ValueError(rest)
    return mount, path
