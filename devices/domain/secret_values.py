"""Finding known secret values in text, in every spelling that a program may have given them."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

import re2

SHORTEST = 6
"""Shorter values are not searched for: they would mask half of the text."""

_SHORTEST_CODED = 8
_MEMORY = 1 << 30
_MASK = rb"<hidden(?::[0-9a-f]{8})?>"
# Cisco's type 7 adds this known text to the password; anybody can take it off again.
_TYPE_7 = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
_TYPE_7_SALTS = 16
# Characters of base64 that depend on what stands before the value, by its place in a group of three bytes.
_BASE64_BEFORE = (0, 2, 3)


def spellings(secret: str) -> frozenset[str]:
    """The value as it is, and as URLs, JSON, HTML, Python, base64 (at any place) and Cisco's type 7 write it."""
    plain = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(html.escape(secret)),
        repr(secret)[1:-1],
    }
    raw = secret.encode("utf-8", "surrogatepass")
    coded = {*_base64_of(raw), *(type_7(raw, salt) for salt in range(_TYPE_7_SALTS)), raw.hex(), raw.hex().upper()}
    return frozenset(plain | {each for each in coded if len(each) >= _SHORTEST_CODED})


def type_7(raw: bytes, salt: int) -> str:
    """The bytes as `service password-encryption` prints them: two digits of salt, then hexadecimal."""
    return f"{salt:02d}" + "".join(f"{byte ^ _TYPE_7[(salt + at) % len(_TYPE_7)]:02X}" for at, byte in enumerate(raw))


def _base64_of(raw: bytes) -> set[str]:
    found = set()
    for place, before in enumerate(_BASE64_BEFORE):
        coded = base64.b64encode(bytes(place) + raw).decode()[before : (place + len(raw)) * 8 // 6]
        found |= {coded, coded.replace("+", "-").replace("/", "_")}
    return found


class SecretValues:
    """A set of values, compiled to one automaton: its time grows with the text, not with their number."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = {
            spelling.encode("utf-8", "surrogatepass"): secret
            for secret in sorted(secrets)
            if len(secret) >= SHORTEST
            for spelling in spellings(secret)
        }
        self._automaton = _compiled(tuple(sorted(self._secrets, key=lambda each: (-len(each), each))))

    def mask(self, text: str, mask: Callable[[str], str]) -> str:
        """The text with ``mask(secret)`` in place of each spelling of a secret; masks stay as they are."""
        if not self._secrets:
            return text
        raw = text.encode("utf-8", "surrogatepass")
        parts, at = [], 0
        for found in self._automaton.finditer(raw):
            secret = self._secrets.get(found.group())
            if secret is not None:
                parts += [raw[at : found.start()], mask(secret).encode()]
                at = found.end()
        if not parts:
            return text
        return b"".join([*parts, raw[at:]]).decode("utf-8", "surrogatepass")


@lru_cache(maxsize=2)
def _compiled(spelled: tuple[bytes, ...]) -> "re2._Regexp":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY
    options.never_capture = True
    options.log_errors = False
    return re2.compile(b"|".join([_MASK, *map(_escaped, spelled)]), options)


def _escaped(spelled: bytes) -> bytes:
    return re.escape(spelled.decode("latin-1")).encode("latin-1")
