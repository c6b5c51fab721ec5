"""The credential rules of the file that ``DEVICE_CREDENTIAL_RULES`` names; it holds no secret."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml
from django.conf import settings

from devices.domain.credential_rules import CredentialRules, CredentialRulesError, parse_rules
from devices.errors import SecretUnavailableError


def credential_rules() -> CredentialRules:
    """The rules as the file has them now; without a file, each device's own credential serves both purposes.

    Raises:
        SecretUnavailableError: the file cannot be read or used. No session is opened until it can.
    """
    if not settings.DEVICE_CREDENTIAL_RULES:
        return CredentialRules()
    path = Path(settings.DEVICE_CREDENTIAL_RULES)
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size, state.st_ino)
    except OSError as error:
        raise SecretUnavailableError(f"The credential rules {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SecretUnavailableError(f"The credential rules {path} are not valid YAML.") from None
    except CredentialRulesError as error:
        raise SecretUnavailableError(f"The credential rules {path} cannot be used: {error}") from None


@lru_cache(maxsize=2)
def _parsed(path: Path, mtime_ns: int, size: int, inode: int) -> CredentialRules:  # noqa: ARG001 - a changed file's key
    return parse_rules(yaml.safe_load(path.read_text()))
