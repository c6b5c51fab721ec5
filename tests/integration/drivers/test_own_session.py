"""By which addresses a session reaches its device: those of its socket, or those that the system's routes give."""

from __future__ import annotations

import socket

from devices.domain.warnings import OwnSession
from devices.drivers import connection
from devices.drivers.base import Credential, Endpoint


def endpoint(port: int) -> Endpoint:
    return Endpoint("sw1", "127.0.0.1", port, "cisco_ios", Credential("robot", "secret"), ())


def test_the_socket_of_the_session_says_both_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.9", 0)) as own:
            found = connection.own_session(endpoint(port), own)
    assert found == OwnSession("127.0.0.1", "127.0.0.9", username="robot", port=port)


def test_without_a_socket_the_routes_say_it_and_nothing_is_sent() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.setblocking(False)
        port = silent.getsockname()[1]
        found = connection.own_session(endpoint(port))
        try:
            received = silent.recv(1)
        except BlockingIOError:
            received = b""
    assert found == OwnSession("127.0.0.1", "127.0.0.1", username="robot", port=port)
    assert received == b""


def test_a_socket_that_was_closed_says_nothing() -> None:
    closed = socket.socket()
    closed.close()
    assert connection.own_session(endpoint(22), closed) == OwnSession(username="robot")
