"""An EOS-like switch of the lab: eAPI over HTTP, or over TLS with a certificate that the switch made itself."""

import asyncio
import base64
import contextlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from devices.lab.device import RunningDevice
from devices.lab.eos import eapi
from devices.lab.eos.machine import EosMachine

_LIFE = timedelta(days=3650)


class EosDevice(RunningDevice[EosMachine]):
    """A switch that answers eAPI requests, each on a connection of its own."""

    @override
    def _boot(self, startup: str) -> EosMachine:
        return EosMachine(
            hardware=self.spec.hardware,
            startup=startup,
            clock=lambda: datetime.now(UTC),
            minute=timedelta(seconds=self.spec.minute_s),
            on_startup=self._write_disk,
        )

    @override
    def start(self) -> None:
        self._context = _context(self.folder, "", self._host) if self.spec.tls else None
        super().start()

    @property
    @override
    def public_key(self) -> str:
        """The certificate as it is pinned; empty without TLS."""
        if not self.spec.tls:
            return ""
        certificate = x509.load_pem_x509_certificate((self.folder / "certificate.pem").read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        return f"tls-certificate {base64.b64encode(der).decode()}"

    def _shown(self) -> ssl.SSLContext | None:
        if self._context and self.faults.wrong_host_key:
            return _context(self.folder, "other-", self._host)
        return self._context

    @override
    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        # a client that refuses the certificate is no news
        with contextlib.suppress(OSError):
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._shown())
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            await eapi.serve(self, self.next_session(), reader, writer)


def _context(folder: Path, prefix: str, host: str) -> ssl.SSLContext:
    key, certificate = folder / f"{prefix}key.pem", folder / f"{prefix}certificate.pem"
    if not certificate.exists():
        _write_certificate(key, certificate, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _write_certificate(key_path: Path, path: Path, host: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
