"""Opening an SSH connection that proves the device's key before the credential leaves, through netmiko."""

import base64
import binascii
import contextlib
import logging
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence

import paramiko
from netmiko import BaseConnection, ConnectHandler
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoTimeoutException

from devices.domain.warnings.situation import OwnSession
from devices.drivers.base import Endpoint
from devices.errors import (
    AuthenticationFailedError,
    DeviceError,
    HostKeyMismatchError,
    UnreachableError,
)

# paramiko's threads log lost connections as errors; without a handler Python would print them to stderr
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_DEFAULT_PORT = 22


class UnpinnedKeyError(paramiko.SSHException):  # type: ignore[misc]  # paramiko ships no types
    """The device offered a key of a type of which none is pinned."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("the host key is not pinned")
        self.key = key


class _PinnedPolicy(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko ships no types
    """Refuse every key that is not pinned, like paramiko's own policy, and keep which one it was.

    paramiko compares with one known key of each type. Where several of a type are pinned, as while a device gets a new
    key, it is told of none of them and asks here.
    """

    def __init__(self, pinned: Sequence[str]) -> None:
        self._pinned = frozenset(pinned)

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        if f"{key.get_name()} {key.get_base64()}" not in self._pinned:
            raise UnpinnedKeyError(key)


def check_keys(endpoint: Endpoint) -> None:
    """Make sure that there is a pinned key to compare with, before anything is opened.

    Raises:
        HostKeyMismatchError: there is none, or one is malformed.
    """
    _checked_keys(endpoint)


def open_socket(endpoint: Endpoint) -> socket.socket:
    """A TCP connection without Nagle's delay.

    Raises:
        UnreachableError: with the operating system's reason.
    """
    return open_tcp(endpoint.host, endpoint.port, timeout_s=endpoint.connect_timeout_s, device=endpoint.name)


def open_tcp(host: str, port: int, *, timeout_s: float, device: str) -> socket.socket:
    """A TCP connection without Nagle's delay; ``device`` is the name for a sentence.

    Raises:
        UnreachableError: with the operating system's reason.
    """
    try:
        connection = socket.create_connection((host, port), timeout=timeout_s)
    except TimeoutError:
        raise UnreachableError(f"No answer from {host} port {port} within {timeout_s:g} s.", device=device) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreachableError(f"{host} port {port} cannot be reached: {reason}.", device=device) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def own_session(endpoint: Endpoint, connection: socket.socket | None = None) -> OwnSession:
    """The way in to a device by the addresses of its connection.

    Without a connection that stays open they are those that the system's routes give: a datagram socket is connected,
    which sends nothing. What cannot be told is empty.
    """
    try:
        if connection is not None:
            ends = connection.getpeername()[0], connection.getsockname()[0]
        else:
            ends = _ends_of(endpoint.host, endpoint.port)
    except OSError:
        ends = "", ""
    address, client = (str(end).partition("%")[0] for end in ends)
    return OwnSession(address, client, username=endpoint.credential.username, port=endpoint.port)


def _ends_of(host: str, port: int) -> tuple[str, str]:
    family, kind, protocol, _name, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(target)
        return str(probe.getpeername()[0]), str(probe.getsockname()[0])


def connect(endpoint: Endpoint, netmiko_type: str, connection: socket.socket) -> BaseConnection:
    """A signed-in netmiko connection over the socket, with a terminal but nothing read from it yet.

    The password is sent only after the device proved one of the pinned keys.

    Raises:
        HostKeyMismatchError, AuthenticationFailedError, UnreachableError: nothing stays open.
    """
    pinned = _checked_keys(endpoint)
    kinds = [key.partition(" ")[0] for key in pinned]
    told = [key for key, kind in zip(pinned, kinds, strict=True) if kinds.count(kind) == 1]
    with _known_hosts_file(endpoint, told) as file:
        session: BaseConnection = ConnectHandler(
            device_type=netmiko_type,
            host=endpoint.host,
            port=endpoint.port,
            username=endpoint.credential.username,
            password=endpoint.credential.password,
            secret=endpoint.credential.enable_secret,
            ssh_strict=True,
            alt_host_keys=True,
            alt_key_file=file,
            sock=connection,
            conn_timeout=endpoint.connect_timeout_s,
            banner_timeout=endpoint.connect_timeout_s,
            auth_timeout=endpoint.connect_timeout_s,
            auto_connect=False,
        )
        session.key_policy = _PinnedPolicy(pinned)
        try:
            session.establish_connection()
        except (OSError, EOFError, paramiko.SSHException) as error:
            close(session)
            connection.close()
            raise _translated(error, endpoint) from error
    return session


def close(session: BaseConnection) -> None:
    """Close the transport and let go of what netmiko registered; the device is told nothing."""
    session.paramiko_cleanup()
    # without a transport this only takes netmiko's filter off its logger again
    session.disconnect()


def _translated(error: Exception, endpoint: Endpoint) -> DeviceError:
    """Find the reason: netmiko hides paramiko's error behind a timeout, as its context."""
    cause = error.__context__ or error
    name = endpoint.name
    if isinstance(cause, paramiko.BadHostKeyException | UnpinnedKeyError):
        return HostKeyMismatchError(
            f"{endpoint.host} port {endpoint.port} proved itself with a key that is not pinned for this device. "
            "No password was sent.",
            device=name,
            offered=(cause.key.get_name(), cause.key.get_base64()),
        )
    if isinstance(error, NetmikoAuthenticationException) and not _is_interrupted(cause):
        return AuthenticationFailedError(
            f"The device refused the password of {endpoint.credential.username}.", device=name
        )
    reason = str(cause) if not isinstance(cause, NetmikoTimeoutException) else "no SSH answer"
    return UnreachableError(f"No SSH session with {endpoint.host} port {endpoint.port}: {reason}.", device=name)


def _is_interrupted(cause: BaseException) -> bool:
    """Whether authentication ended without a verdict; paramiko tells by words alone (auth_handler.py)."""
    text = str(cause).lower()
    return "timeout" in text or "transport shut down" in text or "eof" in text


def known_hosts(endpoint: Endpoint) -> contextlib.AbstractContextManager[str]:
    """A private known_hosts file with the pinned keys alone; gone afterwards.

    Raises:
        HostKeyMismatchError: there is none, or one is malformed.
    """
    return _known_hosts_file(endpoint, _checked_keys(endpoint))


@contextlib.contextmanager
def _known_hosts_file(endpoint: Endpoint, keys: Sequence[str]) -> Iterator[str]:
    """Paramiko looks a device on another port than 22 up as "[host]:port", like OpenSSH (client.py, `connect`)."""
    lines = [f"{_known_name(endpoint)} {key}\n" for key in keys]
    descriptor, path = tempfile.mkstemp(prefix="countersign-known-hosts-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.writelines(lines)
        yield path
    finally:
        os.unlink(path)  # noqa: PTH108 - mkstemp gives a string


def _known_name(endpoint: Endpoint) -> str:
    return endpoint.host if endpoint.port == _DEFAULT_PORT else f"[{endpoint.host}]:{endpoint.port}"


def _checked_keys(endpoint: Endpoint) -> list[str]:
    if not endpoint.host_keys:
        raise HostKeyMismatchError(
            "No host key is pinned for this device, so nothing was sent. Enrol its key first.",
            device=endpoint.name,
        )
    keys = []
    for key in endpoint.host_keys:
        words = key.split()
        try:
            kind, encoded = words[0], words[1]
            base64.b64decode(encoded, validate=True)
        except (IndexError, binascii.Error):
            raise HostKeyMismatchError(
                'A pinned host key is malformed; it must read "type base64". Enrol it again.',
                device=endpoint.name,
            ) from None
        keys.append(f"{kind} {encoded}")
    return keys
