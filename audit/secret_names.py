"""Which names belong to secrets: the last line of defence, behind the masking that callers do."""

import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")

# Telling anywhere in a name, even glued to other words: "mypassword", "clientsecret".
_STEMS = (
    "password", "passwd", "passphrase", "passcode", "secret", "credential", "apikey", "privatekey",
    "presharedkey", "sharedkey", "secretkey", "accesskey", "authkey", "sessionkey", "signingkey",
    "encryptionkey", "keystring", "sessionid", "setcookie",
)  # fmt: skip

# Telling only as a word of its own: "token" but not "tokenizer", "psk" but not "epsky".
_WORDS = frozenset({
    "token", "tokens", "pwd", "psk", "pin", "otp", "totp", "bearer", "authorization", "cookie", "cookies",
    "jwt",
})  # fmt: skip

# A name that ends so speaks about a secret and does not hold one: "token_id", "password_changed_at".
_ABOUT = frozenset({
    "id", "ids", "name", "names", "count", "age", "at", "changed", "expired", "expires", "expiry", "created",
    "revoked", "rotated", "rotation", "provider", "source", "scope", "scopes", "label", "kind", "type",
    "version", "fingerprint", "prefix", "length", "policy", "ref", "refs", "reference", "status", "missing",
    "unavailable",
})  # fmt: skip


def looks_secret(name: str) -> bool:
    """Whether a value so named is probably a secret: ``snmp_community`` is, ``bgp_community`` is not."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    joined = "".join(words)
    telling = any(stem in joined for stem in _STEMS) or not _WORDS.isdisjoint(words) or _is_snmp_community(words)
    return telling and words[-1] not in _ABOUT


def _is_snmp_community(words: list[str]) -> bool:
    """A bare ``community`` counts: in a device's configuration that is rather SNMP's than a route's tag."""
    return "community" in words and (len(words) == 1 or not {"snmp", "ro", "rw"}.isdisjoint(words))
