"""Taking secrets out of text before it is stored in results or shown."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final, Self

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from devices.credentials import known_secrets
from devices.credentials.seen import seen_values
from devices.domain.redaction import SecretValues, redact, redact_prose
from devices.errors import SecretUnavailableError

_SHORT: Final = 200
_SENTENCES: Final = 4096
_PROMPT = re.compile(r"^(?P<prompt>(?:\S+[#>] ?)?)(?P<rest>.*)$", re.DOTALL)
# Secrets of the installation itself, which no text that people see has any business to hold.
_OWN: Final = ("VAULT_TOKEN", "VAULT_SECRET_ID", "NETBOX_TOKEN", "NETBOX_WEBHOOK_SECRET", "SECRET_KEY")


@dataclass(frozen=True, slots=True)
class _Known:
    """The values that are looked for, and short sentences in which none was found, nor anything else to mask.

    A device's journal holds a hundred such sentences, the same for all devices.
    """

    values: SecretValues
    harmless: set[str] = field(default_factory=set)

    def keep(self, text: str) -> None:
        if len(self.harmless) >= _SENTENCES:
            self.harmless.clear()
        self.harmless.add(text)


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Masks secrets by pattern and by value: what the credential store knows never gets out as it is.

    Called, it masks configurations, commands and output; ``prose`` is for sentences, which stay as they were written.
    What a session fetches after it was made is known to it too.
    """

    key: bytes = field(repr=False)
    secrets: frozenset[str] = field(repr=False)

    @classmethod
    @sensitive_variables()
    def load(cls) -> Self:
        """A scrubber with the installation's key and the values that this process can know now."""
        try:
            secrets = known_secrets()
        except SecretUnavailableError:
            # Without the store only what was fetched before has to be masked; patterns still apply.
            secrets = seen_values()
        return cls(key=_key(settings.SECRET_KEY), secrets=secrets | _own_secrets())

    def __call__(self, text: str) -> str:
        """A configuration, commands, a diff or output with every secret masked; equal secrets get equal masks."""
        return redact(text, key=self.key, known_secrets=self._known().values)

    def prose(self, text: str) -> str:
        """A sentence with known values masked, and secrets in what it quotes; its own words stay."""
        known = self._known()
        if text in known.harmless:
            return text
        masked = redact_prose(text, key=self.key, known_secrets=known.values)
        if masked == text and len(text) <= _SHORT:
            known.keep(text)
        return masked

    def transcript(self, exchanges: Iterable[tuple[str, str]]) -> str:
        """A session's (sent, received) pairs as one readable, masked text."""
        return "\n".join(f"> {self(sent)}\n{self._received(received)}".rstrip() for sent, received in exchanges)

    def _known(self) -> _Known:
        return _known(self.secrets, seen_values())

    def _received(self, text: str) -> str:
        """What a device sent: the prompt before an echoed line must not hide the line from the patterns."""
        parts = [_PROMPT.match(line) for line in text.split("\n")]
        bare = self("\n".join(part["rest"] if part else "" for part in parts)).split("\n")
        return "\n".join((part["prompt"] if part else "") + rest for part, rest in zip(parts, bare, strict=True))


@lru_cache(maxsize=4)
def _known(secrets: frozenset[str], seen: frozenset[str]) -> _Known:
    return _Known(SecretValues(secrets | seen))


@cache
def _key(secret_key: str) -> bytes:
    return hashlib.sha256(b"countersign redaction\0" + secret_key.encode()).digest()


def _own_secrets() -> frozenset[str]:
    return frozenset(filter(None, (os.environ.get(name, "").strip() for name in _OWN)))
