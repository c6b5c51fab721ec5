"""Masking secrets in configurations, commands, diffs, device output and sentences.

Two nets: patterns for every kind of secret that the platforms print, and every value that the credential store knows.
Values are masked wherever they stand. Patterns read whole lines, so they are for configurations and outputs; in a
sentence only what it quotes is read so, and the sentence itself stays as it was written.

A mask carries a short keyed tag: equal secrets get equal masks, so that a changed secret still shows as a change, and
nobody without the key can try guesses against it. Lines may begin with a diff's ``+``, ``-`` or space.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

from devices.domain import secret_patterns as patterns
from devices.domain.secret_values import SHORTEST, SecretValues

__all__ = ["SHORTEST", "SecretValues", "redact", "redact_prose"]

_CUT = "\n \x01\n"
_MASK = re.compile(r"<hidden:[0-9a-f]{8}>")
# Where a quoted line may begin in a sentence or an error message. A second look leaves values in double quotes whole.
_BREAKS = (
    re.compile(r"(\\r|\\n|[\"'“”`(]|&(?:#x27|#39|quot);|: |; |(?<!<hidden:[0-9a-f]{8})[#>] ?)"),
    re.compile(r"(\\r|\\n|['“”`(]|&(?:#x27|#39);|: |; |(?<!<hidden:[0-9a-f]{8})[#>] ?)"),
)
_QUOTED = re.compile(r"“([^”]*)”")


def redact(text: str, *, key: bytes, known_secrets: Iterable[str] | SecretValues = ()) -> str:
    """A configuration, commands or output with every secret replaced by ``<hidden:…>``; the line count stays.

    ``key`` makes the tags; ``known_secrets`` are masked wherever they stand. Redacting twice changes nothing more.
    """
    masker = _Masker(key)
    text = masker.everywhere(text, known_secrets)
    if not patterns.MAY_HOLD_SECRET.search(text) and "SECRET-DATA" not in text and "certificate" not in text:
        return text
    # A template's tag may stand before a line's first word and behind its secret.
    has_tags = "{%" in text or "%}" in text
    lines = text.replace("{%", f"{_CUT}{{%").replace("%}", f"%}}{_CUT}") if has_tags else text
    masked = "\n".join(masker.line(line) for line in lines.split("\n"))
    return masked.replace(_CUT, "") if has_tags else masked


def redact_prose(text: str, *, key: bytes, known_secrets: Iterable[str] | SecretValues = ()) -> str:
    """A sentence, a log message or a traceback with its secrets masked; ordinary words stay.

    Lines that it quotes are read as configuration: all patterns between “ and ”, and those that begin with a
    command after any other quote, a bracket, a colon, a prompt, or at the start of a line.
    """
    masker = _Masker(key)
    text = masker.everywhere(text, known_secrets)
    if not patterns.MAY_HOLD_SECRET.search(text):
        return text
    text = _QUOTED.sub(lambda found: f"“{redact(found[1], key=key)}”", text)
    for breaks in _BREAKS:
        text = "\n".join("".join(map(masker.quoted, breaks.split(line))) for line in text.split("\n"))
    return text


class _Masker:
    """Goes through lines in order, since some secrets are only known by the block that they stand in."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._block = ""
        self._in_certificate = False

    def mask(self, secret: str) -> str:
        """The mask of one value; a mask is its own mask."""
        if _MASK.fullmatch(secret):
            return secret
        return f"<hidden:{hmac.new(self._key, secret.encode('utf-8', 'replace'), hashlib.sha256).hexdigest()[:8]}>"

    def everywhere(self, text: str, known_secrets: Iterable[str] | SecretValues) -> str:
        """What is masked in every text: known values, and forms that are no ordinary words."""
        values = known_secrets if isinstance(known_secrets, SecretValues) else SecretValues(known_secrets)
        text = values.mask(text, self.mask)
        lowered = text.lower()
        for words, pattern in patterns.ANYWHERE:
            if any(word in lowered for word in words):
                text = pattern.sub(self._replaced, text)
        return text

    def quoted(self, part: str) -> str:
        """A part of a sentence; masked if it is a line that begins with a command."""
        return self._by_pattern(part, patterns.STRICT_LINE)

    def line(self, line: str) -> str:
        """One line, masked."""
        if self._in_certificate:
            return self._certificate_line(line)
        header = patterns.HEADER.match(line)
        if header and not line[:1].isspace():
            self._block = header["header"].lower()
        if patterns.CERTIFICATE.match(line):
            self._in_certificate = True
            return line
        if junos := patterns.JUNOS_SECRET.match(line):
            return self._replace(line, junos)
        if not patterns.MAY_HOLD_SECRET.search(line) or patterns.FREE_TEXT.match(line):
            return line
        if found := patterns.KEY.match(line):
            return self._replace(line, found) if self._is_secret_key(line, found["secret"]) else line
        return self._by_pattern(line, patterns.LINE)

    def _by_pattern(self, line: str, known: Sequence[re.Pattern[str]]) -> str:
        if patterns.MAY_HOLD_SECRET.search(line):
            for pattern in known:
                if found := pattern.match(line):
                    return self._replace(line, found)
        return line

    def _is_secret_key(self, line: str, value: str) -> bool:
        """``key X`` is a secret in a server's block, and the number of a key in a key chain."""
        if self._block.startswith("key chain"):
            return False
        return bool(patterns.TYPED_KEY.match(line)) or not value.isdigit() or "server" in self._block or len(value) > 4

    def _replaced(self, found: re.Match[str]) -> str:
        start = found.start()
        return self._replace(found.string[start : found.end()], found, offset=start)

    def _replace(self, line: str, found: re.Match[str], *, offset: int = 0) -> str:
        for group in ("second", "secret"):
            if found.re.groupindex.get(group) and found[group]:
                start, end = found.span(group)
                start, end = start - offset, end - offset
                line = line[:start] + self._unquoted_mask(line[start:end]) + line[end:]
        return line

    def _unquoted_mask(self, value: str) -> str:
        """The mask inside the value's quotes, and before the mark that ends a Junos statement."""
        end = ";" if value.endswith(";") and len(value) > 1 else ""
        value = value.removesuffix(end)
        quote = value[0] if len(value) > 2 and value[0] == value[-1] and value[0] in "\"'" else ""
        return f"{quote}{self.mask(value.removeprefix(quote).removesuffix(quote))}{quote}{end}"

    def _certificate_line(self, line: str) -> str:
        found = patterns.HEX_LINE.match(line)
        if not found:
            self._in_certificate = bool(_MASK.search(line))
            return line
        return self._replace(line.rstrip(), found)
