"""From where a request comes: the connection, or what a proxy that is trusted says, and never what a client says."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.client_address import client_address
from portal.environment import SettingError, read_environment

PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/24"), ip_network("2001:db8:1::/48")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", " ", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("127.0.0.1", "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("127.0.0.1", "1.1.1.1, unknown", "127.0.0.1"),
        ("127.0.0.1", "1.1.1.1,", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8:1::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1\u202e", "127.0.0.1"),
        ("127.0.0.1", "<script>, =1+1", "127.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_a_proxy_on_the_socket_is_believed_only_where_the_setting_says_so() -> None:
    assert client_address("", "198.51.100.1", PROXIES, trusts_socket=True) == "198.51.100.1"
    assert client_address("", "198.51.100.1, 10.0.0.9", PROXIES, trusts_socket=True) == "198.51.100.1"


@given(st.text(), st.lists(st.text()))
def test_a_client_chooses_nothing(claimed: str, more: Sequence[str]) -> None:
    header = ",".join([claimed, *more])
    assert client_address("203.0.113.5", header, PROXIES) == "203.0.113.5"
    assert client_address("127.0.0.1", f"{header}, 203.0.113.5", PROXIES) == "203.0.113.5"


def test_what_is_no_network_stops_the_start() -> None:
    key = {"SECRET_KEY": "k" * 40}
    found = read_environment({**key, "COUNTERSIGN_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/24, unix"})
    assert (len(found.trusted_proxies), found.trusts_socket) == (2, True)
    assert (read_environment(key).trusted_proxies, read_environment(key).trusts_socket) == ((), False)
    for bad in ("10.0.0.1/24", "proxy.example.net", "*"):
        with pytest.raises(SettingError, match="COUNTERSIGN_TRUSTED_PROXIES has"):
            read_environment({**key, "COUNTERSIGN_TRUSTED_PROXIES": bad})
