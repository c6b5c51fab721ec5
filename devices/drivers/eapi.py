"""The connection that NAPALM's EOS driver uses: eAPI over TLS that is verified, or over plain HTTP where allowed.

pyeapi by itself accepts any certificate. Here the certificate must be signed by an authority of the machine or of the
file in `Endpoint.ca_file`, and must name the address; only then is the password sent.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

from pyeapi.eapilib import (
    CommandError,
    EapiConnection,
    HttpEapiConnection,
    HttpsEapiConnection,
)
from pyeapi.eapilib import ConnectionError as EapiConnectionError

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
    """NAPALM's arguments for eAPI over TLS with a verified certificate."""
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise HostKeyMismatchError(
            f"The file of certificate authorities {endpoint.ca_file} cannot be used: {error}. Nothing was sent.",
            device=endpoint.name,
        ) from error
    return {"transport": HttpsEapiConnection, "context": context}


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
    return {"transport": HttpEapiConnection}


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def shut_down(connection: EapiConnection) -> None:
    """Cut the request that is under way; safe from any thread."""
    opened = getattr(connection.transport, "sock", None)
    if opened is not None:
        with contextlib.suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)


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
    if isinstance(cause, ssl.SSLCertVerificationError):
        return HostKeyMismatchError(
            f"{where} proved itself with a certificate that is not trusted: {cause.verify_message}."
            " No password was sent.",
            device=endpoint.name,
        )
    if opening:
        reason = (
            "no answer in time" if isinstance(cause, TimeoutError) else getattr(cause, "strerror", "") or str(cause)
        )
        return UnreachableError(f"No eAPI answer from {where}: {reason}.", device=endpoint.name)
    if isinstance(cause, TimeoutError):
        return DeviceTimeoutError("The device did not answer in time.", device=endpoint.name)
    return ConnectionLostError("The connection ended while it was in use.", device=endpoint.name)
