"""A signed POST to somebody's webhook: one connection, to the address that was judged, no redirects, bounded in all."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from changes.outbound.addresses import Network, Target, parse_url, resolve
from changes.outbound.errors import OutboundError

SIGNATURE_HEADER: Final = "Countersign-Signature"
ID_HEADER: Final = "Countersign-Message"
TOLERANCE_S: Final = 300
"""How old a signed message may be for a receiver that follows the guide; later it is a replay."""
BODY_LIMIT: Final = 64 * 1024
_ANSWER_LIMIT: Final = 4 * 1024
_PERMANENT: Final = frozenset({400, 401, 403, 404, 405, 410, 411, 413, 414, 415, 422, 501})


@dataclass(frozen=True, slots=True)
class Route:
    """How webhooks leave this installation.

    ``allowed``: networks beside the public ones. ``ca_file``: authorities beside the system's, a PEM file or empty.
    ``timeout_s``: seconds for the whole call.
    """

    allowed: Sequence[Network] = ()
    ca_file: str = ""
    timeout_s: float = 10.0


def signature(secret: str, *, timestamp: int, message: str, body: bytes) -> str:
    """The header's value ``t=…,v1=…``: HMAC-SHA256 in hex over ``<timestamp>.<message id>.<body>``.

    The time is signed, so that a copy of an old call can be told from a new one; so is the id, so that a repetition
    can be told from a new message.
    """
    signed = f"{timestamp}.{message}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer: its status, and the first 4 KiB of its body."""

    status: int
    body: bytes


def post(
    url: str,
    *,
    body: bytes,
    secret: str,
    message: str,
    route: Route,
    clock: Callable[[], float] = time.time,
) -> Answer:
    """POST a JSON body, signed; the answer, which is 2xx. Redirects are not followed.

    Raises:
        OutboundError: not taken; ``permanent`` where trying again cannot help. The sentence names the host only.
    """
    target = parse_url(url)
    if len(body) > BODY_LIMIT:
        raise OutboundError("BODY_TOO_LARGE", "The message is larger than webhooks may be.", permanent=True)
    address = resolve(target, route.allowed)
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": "Countersign",
        "Connection": "close",
        ID_HEADER: message,
        SIGNATURE_HEADER: signature(secret, timestamp=int(clock()), message=message, body=body),
    }
    connection = _Pinned(target, address, route)
    try:
        connection.request("POST", target.resource, body=body, headers=headers)
        answer = connection.getresponse()
        taken = Answer(answer.status, answer.read(_ANSWER_LIMIT))
    except ssl.SSLCertVerificationError as error:
        sentence = f"The certificate of {target.host} is not valid here: {error.verify_message}."
        raise OutboundError("CERTIFICATE_INVALID", sentence) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or connection.out_of_time():
            raise OutboundError("TIMEOUT", f"{target.host} did not answer within {route.timeout_s:g} s.") from None
        raise OutboundError("UNREACHABLE", f"{target.host} could not be reached: {type(error).__name__}.") from None
    finally:
        connection.close()
    _judge(target, taken.status)
    return taken


def _judge(target: Target, status: int) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        sentence = f"{target.host} answered with a redirect ({status}), which is not followed. Give the final address."
        raise OutboundError("REDIRECTED", sentence, permanent=True)
    raise OutboundError("REFUSED", f"{target.host} answered with status {status}.", permanent=status in _PERMANENT)


class _Pinned(http.client.HTTPSConnection):
    """Connects to the address that was judged, and checks the certificate against the name.

    Python's time limits hold for each read, so a receiver that sends one byte at a time would keep a worker for hours:
    a timer closes the socket when the time for the whole call is over.
    """

    def __init__(self, target: Target, address: str, route: Route) -> None:
        context = ssl.create_default_context()
        if route.ca_file:
            context.load_verify_locations(cafile=route.ca_file)
        super().__init__(target.host, target.port, timeout=route.timeout_s, context=context)
        self._address = address
        self._tls = context
        self._raw: socket.socket | None = None
        self._is_over = False
        self._timer = threading.Timer(route.timeout_s, self._end)
        self._timer.daemon = True

    def connect(self) -> None:
        """Open the connection, without asking for the name again."""
        self._timer.start()
        self._raw = socket.create_connection((self._address, self.port), timeout=self.timeout)
        self.sock = self._tls.wrap_socket(self._raw, server_hostname=self.host)
        self._raw = self.sock

    def close(self) -> None:
        """Close it, and let go of the timer."""
        self._timer.cancel()
        super().close()
        if self._raw is not None:
            self._raw.close()

    def out_of_time(self) -> bool:
        """Whether the timer ended the call."""
        return self._is_over

    def _end(self) -> None:
        self._is_over = True
        if self._raw is not None:
            with contextlib.suppress(OSError):
                # Not the TLS object's own: that would wait for the other side.
                socket.socket.shutdown(self._raw, socket.SHUT_RDWR)
