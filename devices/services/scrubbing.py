"""Taking secrets out of text before it is stored in results or shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from django.conf import settings

from devices.credentials import known_secrets
from devices.domain.redaction import redact
from devices.errors import SecretUnavailableError

_PROMPT = re.compile(r"^(?P<prompt>(?:\S+[#>] ?)?)(?P<rest>.*)$", re.DOTALL)


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
        return "\n".join(f"> {self(sent)}\n{self._received(received)}".rstrip() for sent, received in exchanges)

    def _received(self, text: str) -> str:
        """What a device sent: the prompt before an echoed line must not hide the line from the patterns."""
        parts = [_PROMPT.match(line) for line in text.split("\n")]
        bare = self("\n".join(part["rest"] if part else "" for part in parts)).split("\n")
        return "\n".join((part["prompt"] if part else "") + rest for part, rest in zip(parts, bare, strict=True))
