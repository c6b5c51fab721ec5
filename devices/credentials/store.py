"""The credential store that ``DEVICE_CREDENTIALS`` names, and what this process has seen of it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from devices.credentials.base import Provider, Purpose, Retrieved, checked_name
from devices.credentials.environment import Environment
from devices.credentials.folder import Folder
from devices.credentials.seen import remember, seen_values
from devices.credentials.yaml_file import YamlFile
from devices.errors import SecretUnavailableError


def provider() -> Provider:
    """The configured store.

    Raises:
        SecretUnavailableError: ``DEVICE_CREDENTIALS`` or a setting of the store cannot be used.
    """
    scheme, _, rest = str(settings.DEVICE_CREDENTIALS).partition(":")
    if scheme == "env":
        return Environment()
    if scheme == "file":
        path = Path(rest)
        return Folder(path) if path.is_dir() else YamlFile(path)
    if scheme == "vault":
        # Loaded only where it is used: it costs every process a fifth of a second.
        from devices.credentials.vault import Vault

        return Vault.from_environment(rest)
    raise SecretUnavailableError("DEVICE_CREDENTIALS must start with file:, env: or vault:.")


def provider_name() -> str:
    """What kind of store is configured, for people; nothing of it is opened."""
    scheme, _, rest = str(settings.DEVICE_CREDENTIALS).partition(":")
    return "folder" if scheme == "file" and Path(rest).is_dir() else scheme


@sensitive_variables()
def retrieve(name: str, purpose: Purpose) -> Retrieved:
    """Fetch the credential called ``name`` from the configured store, for one session.

    Raises:
        SecretUnavailableError: the store does not have it, does not answer, or must not be read.
        SecretScopeDeniedError: it has no part for this purpose.
    """
    found = provider().fetch(checked_name(name), purpose)
    remember(found.credential.password, found.credential.enable_secret)
    return found


@sensitive_variables()
def known_secrets() -> frozenset[str]:
    """Every secret value that this process may meet, for masking: what it has fetched, and what lies on this machine.

    Raises:
        SecretUnavailableError: a local store cannot be read.
    """
    return seen_values() | frozenset(provider().values())
