"""Masking secrets in configurations, commands, diffs and device output.

Two nets: patterns for every kind of secret that the platforms print, and every value that the credential store knows.
A mask carries a short keyed tag: equal secrets get equal masks, so that a changed secret still shows as a change, and
nobody without the key can try guesses against it. Lines may begin with a diff's ``+``, ``-`` or space.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

_MIN_KNOWN_SECRET = 6
"""Shorter known values are not searched for as substrings: they would mask half of the text."""

_CUT = "\n \x01\n"
_MASK = re.compile(r"<hidden:[0-9a-f]{8}>")
# An optional encryption type: 0, 5, 7 …, or a word such as sha512.
_TYPE = r"(?:(?:[0-9]|encrypted|clear|md5|sha512|scrypt|pbkdf2|hex|ascii|text) )?"
_S = r"(?P<secret>\S+)"
_SPEC = (
    rf"enable (?:secret|password) (?:level \d+ )?{_TYPE}{_S}",
    rf"username \S+ .*?\b(?:secret|password) {_TYPE}{_S}",
    rf"snmp-server community {_TYPE}{_S}",
    rf"snmp-server host \S+ (?:vrf \S+ )?(?:traps |informs )?(?:version (?:1|2c|3 (?:auth|noauth|priv)) )?{_S}",
    (
        r"snmp-server user \S+ .*?\bauth (?:md5|sha(?:-?\d+)?) (?P<secret>\S+)"
        r"(?: priv (?:(?:3des|des|aes(?:[ -]\d+)?) )?(?P<second>\S+))?"
    ),
    rf"(?:tacacs|radius)-server .*?\bkey {_TYPE}{_S}",
    rf"(?:server-private|server) .*?\bkey {_TYPE}{_S}",
    rf"ntp authentication-key \d+ \S+ {_S}",
    rf"key-string {_TYPE}{_S}",
    rf"neighbor \S+ password {_TYPE}{_S}",
    rf"(?:ip(?:v6)? )?ospf message-digest-key \d+ md5 {_TYPE}{_S}",
    rf"(?:ip(?:v6)? )?ospf authentication-key {_TYPE}{_S}",
    rf"area \S+ .*?\b(?:message-digest-key \d+ md5|authentication-key) {_TYPE}{_S}",
    rf"(?:isis|domain|area)[ -]password {_S}",
    rf"wpa-psk (?:ascii|hex) {_TYPE}{_S}",
    rf"crypto isakmp key {_TYPE}{_S}",
    rf"pre-shared-key (?:local |remote |address .*?key )?{_TYPE}{_S}",
    rf"ppp (?:chap|pap) .*?\bpassword {_TYPE}{_S}",
    rf"vtp password {_S}",
    (
        rf"(?:standby|vrrp|glbp) (?:\d+ )?authentication (?:md5 )?(?:key-string |text )?{_TYPE}"
        r"(?P<secret>(?!md5\b|text\b|key-chain\b)\S+)"
    ),
    rf"(?:ip )?(?:ftp|http client|scp) password {_TYPE}{_S}",
    rf".*\b(?:password|passphrase|secret|auth-password|priv-password|shared-secret|server-key) {_TYPE}{_S}",
    rf"key config-key \S+ {_S}",
    rf"ip nhrp authentication {_S}",
    rf"authentication (?:mode )?md5 key {_TYPE}{_S}",
)
_PATTERNS = tuple(
    re.compile(rf"^(?P<lead>[+\- ]?\s*(?:\d+ )?(?:do )?(?:no |default )?){spec}", re.IGNORECASE) for spec in _SPEC
)
_KEY = re.compile(rf"^[+\- ]?\s*(?:no )?key {_TYPE}{_S}\s*$", re.IGNORECASE)
_TYPED_KEY = re.compile(r"^[+\- ]?\s*(?:no )?key \d \S", re.IGNORECASE)
_FREE_TEXT = re.compile(r"^[+\- ]?\s*(?:no )?(?:\d+ )?(?:description|remark|!|hostname|name) ?", re.IGNORECASE)
_HEADER = re.compile(r"^[+\- ]?(?P<header>\S.*)$")
_CERTIFICATE = re.compile(r"^[+\- ]?\s*certificate (?:self-signed |ca )?[0-9A-F]+\s*$", re.IGNORECASE)
_HEX_LINE = re.compile(r"^(?P<lead>[+\- ]?\s*)(?P<secret>(?:[0-9A-F]{2,8} ?)+)\s*$", re.IGNORECASE)


def redact(text: str, *, key: bytes, known_secrets: Iterable[str] = ()) -> str:
    """The text with every secret replaced by ``<hidden:…>``; line count and everything else stay as they are.

    ``key`` makes the tags; ``known_secrets`` are masked wherever they stand. Redacting twice changes nothing more.
    """
    masker = _Masker(key)
    for secret in sorted({s for s in known_secrets if len(s) >= _MIN_KNOWN_SECRET}, key=len, reverse=True):
        text = text.replace(secret, masker.mask(secret))
    # A template's tag may stand before a line's first word and behind its secret.
    lines = text.replace("{%", f"{_CUT}{{%").replace("%}", f"%}}{_CUT}").split("\n")
    return "\n".join(masker.line(line) for line in lines).replace(_CUT, "")


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
        return f"<hidden:{hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()[:8]}>"

    def line(self, line: str) -> str:
        """One line, masked."""
        if self._in_certificate:
            return self._certificate_line(line)
        header = _HEADER.match(line)
        if header and not line[:1].isspace():
            self._block = header["header"].lower()
        if _CERTIFICATE.match(line):
            self._in_certificate = True
            return line
        if _FREE_TEXT.match(line):
            return line
        return self._by_pattern(line)

    def _by_pattern(self, line: str) -> str:
        if found := _KEY.match(line):
            return self._replace(line, found) if self._is_secret_key(line, found["secret"]) else line
        for pattern in _PATTERNS:
            if found := pattern.match(line):
                return self._replace(line, found)
        return line

    def _is_secret_key(self, line: str, value: str) -> bool:
        """``key X`` is a secret in a server's block, and the number of a key in a key chain."""
        if self._block.startswith("key chain"):
            return False
        return bool(_TYPED_KEY.match(line)) or not value.isdigit() or "server" in self._block or len(value) > 4

    def _replace(self, line: str, found: re.Match[str]) -> str:
        for group in ("second", "secret"):
            if found.re.groupindex.get(group) and found[group]:
                start, end = found.span(group)
                line = line[:start] + self.mask(line[start:end]) + line[end:]
        return line

    def _certificate_line(self, line: str) -> str:
        found = _HEX_LINE.match(line)
        if not found:
            self._in_certificate = bool(_MASK.search(line))
            return line
        return self._replace(line.rstrip(), found)
