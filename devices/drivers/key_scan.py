"""Asking a device for its SSH host keys: the key exchange alone, without a user name or a password."""

import contextlib
from typing import Final

import paramiko

from devices.drivers.connection import open_tcp
from devices.errors import UnreachableError

FAMILIES: Final = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),  # the last one only where paramiko still knows it
)
"""A server shows one key per connection, so each family is asked for on a connection of its own."""


def scan_keys(host: str, port: int, *, timeout_s: float, device: str = "") -> tuple[tuple[str, str], ...]:
    """Every host key that the device offers, as (type, base64), one per family; nothing signs in.

    Opens up to three connections, each for at most ``timeout_s`` seconds.

    Raises:
        UnreachableError: no connection, or none of the key exchanges ended with a key.
    """
    keys: list[tuple[str, str]] = []
    problem = "it offers no key of a known kind"
    for family in FAMILIES:
        try:
            keys.append(_offered(host, port, family, timeout_s=timeout_s, device=device))
        except paramiko.SSHException as error:
            # Most devices have keys of one or two families; what the others answer is no failure.
            problem = str(error) or problem
    if not keys:
        raise UnreachableError(f"{host} port {port} showed no SSH host key: {problem}.", device=device)
    return tuple(dict.fromkeys(keys))


def _offered(host: str, port: int, family: tuple[str, ...], *, timeout_s: float, device: str) -> tuple[str, str]:
    connection = open_tcp(host, port, timeout_s=timeout_s, device=device)
    with contextlib.closing(connection):
        try:
            transport = paramiko.Transport(connection)
        except (OSError, EOFError) as error:
            raise paramiko.SSHException("the device closed the connection") from error
        try:
            transport.banner_timeout = timeout_s
            options = transport.get_security_options()
            options.key_types = tuple(kind for kind in family if kind in options.key_types)
            transport.start_client(timeout=timeout_s)
            key = transport.get_remote_server_key()
        except (OSError, EOFError) as error:
            raise paramiko.SSHException("the device closed the connection") from error
        finally:
            transport.close()
    return key.get_name(), key.get_base64()
