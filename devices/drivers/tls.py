"""TLS with a device whose certificate is pinned: it is compared after the handshake and before anything is sent.

The handshake proves that the device holds the certificate's private key, whoever signed it (RFC 8446, section 4.4.3).
So the pinned certificate is the proof. Where the installation names authorities, one of them must have signed, too.
"""

import contextlib
import http.client
import socket
import ssl
from typing import Any, Final

from typing_extensions import override

from devices.domain.certificates import CERTIFICATE_TYPE, certificate_text
from devices.drivers.base import Endpoint
from devices.drivers.connection import open_tcp
from devices.errors import HostKeyMismatchError, UnreachableError

_UNPINNED: Final = "proved itself with a certificate that is not pinned for this device. No password was sent."


class UnpinnedCertificateError(ssl.SSLError):
    """The device proved itself with a certificate that is not pinned; ``offered`` is what it showed."""

    def __init__(self, der: bytes) -> None:
        super().__init__("the certificate is not pinned")
        self.offered = (CERTIFICATE_TYPE, certificate_text(der))


def pinned_certificates(endpoint: Endpoint) -> frozenset[str]:
    """The certificates that the device may prove itself with, as base64 of their DER form.

    Raises:
        HostKeyMismatchError: there is none, so nothing may be sent.
    """
    words = (key.split() for key in endpoint.host_keys)
    found = frozenset(each[1] for each in words if len(each) > 1 and each[0] == CERTIFICATE_TYPE)
    if not found:
        raise HostKeyMismatchError(
            "No certificate is pinned for this device, so nothing was sent. Enrol its certificate first.",
            device=endpoint.name,
        )
    return found


def client_context(endpoint: Endpoint) -> ssl.SSLContext:
    """The context of a connection whose certificate is compared afterwards; with authorities where some are named.

    Raises:
        HostKeyMismatchError: the file of authorities cannot be used.
    """
    if not endpoint.ca_file:
        return _any_signer()
    try:
        return ssl.create_default_context(cafile=endpoint.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise HostKeyMismatchError(
            f"The file of certificate authorities {endpoint.ca_file} cannot be used: {error}. Nothing was sent.",
            device=endpoint.name,
        ) from error


def _any_signer() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # who signed it does not matter: the certificate itself is compared
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class CuttableConnection(http.client.HTTPConnection):
    """A connection that opens no other one once it was cut.

    Each request of eAPI opens one by itself, and a library may send several for one call: cutting only the one that is
    under way would let the next one through.
    """

    path = ""
    is_cut = False

    def cut(self) -> None:
        """End it for good; safe from any thread."""
        self.is_cut = True
        opened = self.sock
        if opened is not None:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    @override
    def connect(self) -> None:
        """Connect, unless it was cut before or meanwhile.

        Raises:
            ConnectionAbortedError: nothing was sent.
        """
        if not self.is_cut:
            super().connect()
        if self.is_cut:
            self.close()
            raise ConnectionAbortedError("The session was aborted.")


class PinnedConnection(CuttableConnection, http.client.HTTPSConnection):
    """An HTTPS connection that is cut unless the device shows a pinned certificate."""

    def __init__(self, pinned: frozenset[str], path: str, *args: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **named)
        self.path = path
        self._pinned = pinned

    @override
    def connect(self) -> None:
        """Connect, and compare before the first byte of a request.

        Raises:
            UnpinnedCertificateError: the connection is closed, nothing was sent.
        """
        super().connect()
        shown: bytes = self.sock.getpeercert(binary_form=True) or b""
        if certificate_text(shown) not in self._pinned:
            self.close()
            raise UnpinnedCertificateError(shown)


def unpinned(endpoint: Endpoint, offered: tuple[str, str] | None) -> HostKeyMismatchError:
    """The error for a certificate that is not pinned."""
    return HostKeyMismatchError(
        f"{endpoint.host} port {endpoint.port} {_UNPINNED}", device=endpoint.name, offered=offered
    )


def untrusted(endpoint: Endpoint, reason: str) -> HostKeyMismatchError:
    """The error for a certificate that no authority of the installation signed, pinned or not.

    The handshake ended before the certificate was seen, so the device is asked for it once more, without a password.
    """
    shown: tuple[str, str] | None = None
    with contextlib.suppress(UnreachableError):
        shown = scan_certificate(
            endpoint.host, endpoint.port, timeout_s=endpoint.connect_timeout_s, device=endpoint.name
        )
    if shown and shown[1] not in pinned_certificates(endpoint):
        return unpinned(endpoint, shown)
    return HostKeyMismatchError(
        f"{endpoint.host} port {endpoint.port} proved itself with a certificate that is not trusted: {reason}."
        " No password was sent.",
        device=endpoint.name,
    )


def scan_certificate(host: str, port: int, *, timeout_s: float, device: str = "") -> tuple[str, str]:
    """The certificate that a device shows, as (type, base64 of its DER form); nothing but the handshake takes place.

    Raises:
        UnreachableError: no connection, or no TLS on it.
    """
    connection = open_tcp(host, port, timeout_s=timeout_s, device=device)
    with contextlib.closing(connection):
        try:
            with _any_signer().wrap_socket(connection, server_hostname=host) as wrapped:
                der = wrapped.getpeercert(binary_form=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", "") or str(error)
            raise UnreachableError(f"{host} port {port} showed no certificate: {reason}.", device=device) from error
    if not der:
        raise UnreachableError(f"{host} port {port} showed no certificate.", device=device)
    return CERTIFICATE_TYPE, certificate_text(der)
