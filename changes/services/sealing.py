"""Addresses that may hold a token, sealed for one row; and signing secrets, which are derived and never stored."""

from __future__ import annotations

import base64
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"countersign.webhook-address"


class UnsealableError(Exception):
    """Sealed for another row, or under a key that this installation no longer has."""


def seal(text: str, *, owner: int) -> str:
    """Encrypt a text for the row of this owner, who stands inside: a copy of it in another row opens nothing."""
    return _keys().encrypt(json.dumps([owner, text]).encode()).decode()


def unseal(sealed: str, *, owner: int) -> str:
    """What :func:`seal` was given.

    Raises:
        UnsealableError: the text is not this owner's, was edited, or the installation's key has changed.
    """
    try:
        whose, text = json.loads(_keys().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        raise UnsealableError from None
    if whose != owner:
        raise UnsealableError
    return str(text)


def signing_secret(person_id: int, version: int) -> str:
    """The secret with which webhook calls to a person are signed: the same for one version, unknown to the database."""
    key = _derived(settings.SECRET_KEY, f"countersign.webhook-signature:{person_id}:{version}".encode())
    return f"whsec_{base64.urlsafe_b64encode(key).decode().rstrip('=')}"


def _keys() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key, _PURPOSE))) for key in keys])


def _derived(key: str | bytes, purpose: bytes) -> bytes:
    given = key.encode() if isinstance(key, str) else key
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(given)
