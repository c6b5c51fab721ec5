"""The connection that NAPALM's EOS driver uses: eAPI over TLS with a pinned certificate, or over plain HTTP.

pyeapi by itself accepts any certificate. Here each connection must show a pinned one, which is compared before the
password is sent; see `devices.drivers.tls`.
"""

import contextlib
import http.client
import ipaddress
import ssl
from collections.abc import Iterator
from typing import Any, Final

from pyeapi.eapilib import (
    CommandError,
    EapiConnection,
    HttpEapiConnection,
)
from pyeapi.eapilib import ConnectionError as EapiConnectionError

from devices.drivers import tls
from devices.drivers.base import Endpoint
from devices.errors import (
    AuthenticationFailedError,
    AuthorizationDeniedError,
    ConnectionLostError,
    DeviceError,
    DeviceTimeoutError,
    HostKeyMismatchError,
    UnreachableError,
)

_UNAUTHORIZED_COMMAND: Final = 1005


def tls_arguments(endpoint: Endpoint) -> dict[str, object]:
    """NAPALM's arguments for eAPI over TLS with a pinned certificate.

    Raises:
        HostKeyMismatchError: none is pinned, or the file of authorities cannot be used.
    """
    pinned, context = tls.pinned_certificates(endpoint), tls.client_context(endpoint)

    class PinnedEapiConnection(EapiConnection):  # type: ignore[misc]  # pyeapi ships no types
        """NAPALM makes it from arguments that it chooses by their names (eos.py, `open`)."""

        def __init__(self, host: str, port: int, username: str, password: str, timeout: float) -> None:
            super().__init__()
            self.transport = tls.PinnedConnection(pinned, "/command-api", host, port, timeout=timeout, context=context)
            self.authentication(username, password)

    return {"transport": PinnedEapiConnection}


def plain_arguments(endpoint: Endpoint) -> dict[str, object]:
    """NAPALM's arguments for eAPI over plain HTTP.

    Raises:
        HostKeyMismatchError: neither the address is this machine's own nor did an administrator allow it.
    """
    if not endpoint.allow_plain_http and not _is_loopback(endpoint.host):
        raise HostKeyMismatchError(
            "Plain HTTP proves nothing about the device and shows the password to everyone on the way, so nothing was"
            " sent. Use the driver napalm-eos, or have an administrator allow plain HTTP.",
            device=endpoint.name,
        )
    return {"transport": _PlainEapiConnection}


class _PlainEapiConnection(HttpEapiConnection):  # type: ignore[misc]  # pyeapi ships no types
    """pyeapi's own, over a connection that can be cut."""

    transport: Any

    def __init__(self, host: str, port: int, username: str, password: str, timeout: float) -> None:
        super().__init__(host, port, username=username, password=password, timeout=timeout)
        own = self.transport
        self.transport = tls.CuttableConnection(own.host, own.port, timeout=own.timeout)
        self.transport.path = own.path


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def shut_down(connection: EapiConnection) -> None:
    """Cut the request that is under way, and let no other one leave; safe from any thread."""
    connection.transport.cut()


@contextlib.contextmanager
def translated(endpoint: Endpoint, *, opening: bool = False) -> Iterator[None]:
    """Raise the device errors that pyeapi's exceptions mean; a refused command passes as `CommandError`."""
    try:
        yield
    except CommandError as error:
        if error.error_code == _UNAUTHORIZED_COMMAND:
            raise AuthorizationDeniedError(
                f"{endpoint.credential.username} may not run this command on the device.", device=endpoint.name
            ) from None
        raise
    except EapiConnectionError as error:
        raise _device_error(error, endpoint, opening=opening) from None
    except http.client.HTTPException as error:
        raise ConnectionLostError("The answer ended before it was complete.", device=endpoint.name) from error


def _device_error(error: EapiConnectionError, endpoint: Endpoint, *, opening: bool) -> DeviceError:
    cause: Any = error.__context__
    where = f"{endpoint.host} port {endpoint.port}"
    if str(error.message).startswith("Unauthorized"):
        return AuthenticationFailedError(
            f"The device refused the password of {endpoint.credential.username}.", device=endpoint.name
        )
    if isinstance(cause, tls.UnpinnedCertificateError):
        return tls.unpinned(endpoint, cause.offered)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return tls.untrusted(endpoint, cause.verify_message)
    if opening:
        reason = (
            "no answer in time" if isinstance(cause, TimeoutError) else getattr(cause, "strerror", "") or str(cause)
        )
        return UnreachableError(f"No eAPI answer from {where}: {reason}.", device=endpoint.name)
    if isinstance(cause, TimeoutError):
        return DeviceTimeoutError("The device did not answer in time.", device=endpoint.name)
    return ConnectionLostError("The connection ended while it was in use.", device=endpoint.name)
