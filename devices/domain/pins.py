"""What may be pinned for a device: SSH host keys, and the certificates of devices that speak HTTPS."""

from __future__ import annotations

import base64
import hashlib

from devices.domain.certificates import CERTIFICATE_TYPE, certificate_fingerprint, certificate_problem
from devices.domain.drivers import Proof
from devices.domain.ssh_keys import key_problem


def pin_problem(key_type: str, public_key: str) -> str:
    """A sentence about why this cannot be pinned, or nothing; see :func:`pin_fingerprint` for the texts."""
    if key_type == CERTIFICATE_TYPE:
        return certificate_problem(public_key)
    return key_problem(key_type, public_key)


def pin_fingerprint(key_type: str, public_key: str) -> str:
    """What a person compares: as ``ssh-keygen -l`` and ``openssl x509 -fingerprint -sha256`` print it.

    ``public_key`` is base64: an SSH key as in a known_hosts file, or a certificate in DER form.

    Raises:
        ValueError: the text is not base64.
    """
    content = base64.b64decode(public_key, validate=True)
    if key_type == CERTIFICATE_TYPE:
        return certificate_fingerprint(content)
    return "SHA256:" + base64.b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def serves(proof: Proof, key_type: str) -> bool:
    """Whether what is pinned under this type is what such a driver compares with."""
    if proof is Proof.NOTHING:
        return False
    return (key_type == CERTIFICATE_TYPE) is (proof is Proof.CERTIFICATE)
