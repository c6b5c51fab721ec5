"""What may be pinned for a device: keys and certificates, whole and of the type that they claim."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.domain.certificates import certificate_text, certificate_words
from devices.domain.drivers import Proof
from devices.domain.pins import pin_fingerprint, pin_problem, serves


def der() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf1")])
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    made = builder.not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def test_a_certificate_is_pinned_whole_with_its_words() -> None:
    text = certificate_text(der())
    assert pin_problem("tls-certificate", text) == ""
    words = certificate_words(text)
    assert words is not None
    assert (words.subject, words.issuer) == ("CN=leaf1", "CN=leaf1")
    assert words.not_after == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key_type", "text"),
    [
        ("tls-certificate", "not base64"),
        ("tls-certificate", ""),
        ("tls-certificate", base64.b64encode(der()[:-1]).decode()),
        ("tls-certificate", base64.b64encode(der() + b"\0").decode()),
        ("tls-certificate", base64.b64encode(b"0" * 70_000).decode()),
        ("ssh-ed25519", certificate_text(der())),
    ],
)
def test_what_is_no_certificate_is_refused_with_a_sentence(key_type: str, text: str) -> None:
    assert pin_problem(key_type, text).endswith(".")
    assert key_type != "tls-certificate" or certificate_words(text) is None


def test_fingerprints_are_in_the_form_that_a_person_finds_elsewhere() -> None:
    assert pin_fingerprint("ssh-ed25519", "AAAA").startswith("SHA256:")
    digest = pin_fingerprint("tls-certificate", certificate_text(der())).removeprefix("SHA256:")
    assert [len(pair) for pair in digest.split(":")] == [2] * 32
    assert digest == digest.upper()


def test_each_proof_has_its_own_kind_of_pin_and_plain_http_none() -> None:
    wanted = {
        (Proof.HOST_KEY, "ssh-ed25519"): True,
        (Proof.HOST_KEY, "tls-certificate"): False,
        (Proof.CERTIFICATE, "tls-certificate"): True,
        (Proof.CERTIFICATE, "ssh-ed25519"): False,
        (Proof.NOTHING, "tls-certificate"): False,
        (Proof.NOTHING, "ssh-ed25519"): False,
    }
    assert {pair: serves(*pair) for pair in wanted} == wanted
