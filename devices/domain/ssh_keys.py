"""SSH public keys as texts: whether one may be pinned."""

import base64
import re

_KEY_TYPE = re.compile(r"[a-z0-9][a-z0-9@.-]{0,59}")


def key_problem(key_type: str, public_key: str) -> str:
    """A sentence about what is wrong with a public key, or nothing.

    ``public_key`` is base64 as in a known_hosts file; its first field must be ``key_type`` again (RFC 4253,
    section 6.6).
    """
    if not _KEY_TYPE.fullmatch(key_type):
        return "A host key must begin with its type, such as ssh-ed25519."
    try:
        blob = base64.b64decode(public_key, validate=True)
    except ValueError:
        return "A host key must be given as base64, as in a known_hosts file."
    length = int.from_bytes(blob[:4], "big")
    if len(blob) <= 4 + length or blob[4 : 4 + length] != key_type.encode():
        return f"The host key is not of the type {key_type}, or it is not complete."
    return ""
