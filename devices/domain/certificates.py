"""TLS certificates as texts: whether one may be pinned, and what a person compares before it is."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

CERTIFICATE_TYPE: Final = "tls-certificate"
"""The type under which a device's certificate is pinned, beside the types of SSH keys."""
_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class CertificateWords:
    """What a certificate says of itself. It proves nothing: whoever made it wrote it."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime


def certificate_text(der: bytes) -> str:
    """A certificate as it is kept: the base64 of its DER form, without line breaks."""
    return base64.b64encode(der).decode()


def certificate_problem(text: str) -> str:
    """A sentence about what is wrong with a certificate in base64 of its DER form, or nothing."""
    try:
        der = base64.b64decode(text, validate=True)
    except ValueError:
        return "A certificate must be given as base64 of its DER form, without line breaks."
    if len(der) > _MAX_BYTES or _parsed(der) is None:
        return "This is no X.509 certificate in DER form."
    return ""


def certificate_fingerprint(der: bytes) -> str:
    """``SHA256:AB:CD:…``, the digest as ``openssl x509 -noout -fingerprint -sha256`` prints it."""
    return "SHA256:" + hashlib.sha256(der).digest().hex(":").upper()


def certificate_words(text: str) -> CertificateWords | None:
    """What the certificate says of itself; None where it cannot be read."""
    try:
        found = _parsed(base64.b64decode(text, validate=True))
        if found is None:
            return None
        names = found.subject.rfc4514_string(), found.issuer.rfc4514_string()
    except ValueError:
        return None
    return CertificateWords(*names, found.not_valid_before_utc, found.not_valid_after_utc)


def _parsed(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None
