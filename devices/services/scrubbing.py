"""Taking secrets out of text before it is stored in results or shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from django.conf import settings

from devices.credentials import known_secrets
from devices.domain.redaction import redact
from devices.errors import SecretUnavailableError


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Masks secrets by pattern and by value: what the credential store knows never gets out as it is."""

    key: bytes
    secrets: tuple[str, ...]

    @classmethod
    def load(cls) -> Self:
        """A scrubber with the installation's key and the values that the credential store holds now."""
        key = hashlib.sha256(b"countersign redaction\0" + settings.SECRET_KEY.encode()).digest()
        try:
            secrets = known_secrets()
        except SecretUnavailableError:
            # Without the store no session was opened with its secrets either; patterns still apply.
            secrets = ()
        return cls(key=key, secrets=secrets)

    def __call__(self, text: str) -> str:
        """The text with every secret masked; equal secrets get equal masks."""
        return redact(text, key=self.key, known_secrets=self.secrets)

    def transcript(self, exchanges: Iterable[tuple[str, str]]) -> str:
        """A session's (sent, received) pairs as one readable, masked text."""
        return self("\n".join(f"> {sent}\n{received}".rstrip() for sent, received in exchanges))
