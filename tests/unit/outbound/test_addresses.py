import ipaddress
import socket
from collections.abc import Callable

import pytest

from changes.outbound.addresses import may_reach, parse_url, resolve
from changes.outbound.errors import OutboundError

# ruff: noqa: S104
PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1",
    "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:0:0:0:0:0:80ff:fffe",
    "fec0::1", "64:ff9b:1::a00:1", "::7f00:1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_webhook_reaches_what_is_not_public(address: str) -> None:
    assert not may_reach(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_reached(address: str) -> None:
    assert may_reach(ipaddress.ip_address(address), ())


def test_a_setting_allows_a_network_and_nothing_beside_it() -> None:
    allowed = (ipaddress.ip_network("10.1.0.0/16"),)
    assert may_reach(ipaddress.ip_address("10.1.2.3"), allowed)
    assert may_reach(ipaddress.ip_address("::ffff:10.1.2.3"), allowed)
    assert not may_reach(ipaddress.ip_address("10.2.2.3"), allowed)


def answers(*found: str) -> Callable[..., list[tuple[object, ...]]]:
    return lambda *_args, **_names: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in found]


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8", "10.0.0.1"))
    with pytest.raises(OutboundError, match="private") as refused:
        resolve(parse_url("https://hooks.example.net/"), ())
    assert refused.value.permanent


def test_the_address_is_resolved_once_so_that_a_second_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([["8.8.8.8"], ["127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answers(*next(asked))())
    assert resolve(parse_url("https://hooks.example.net/"), ()) == "8.8.8.8"
    assert list(asked) == [["127.0.0.1"]]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.net/", "https://", "https:///x", "https://a:b@hooks.example.net/", "//hooks.example.net",
        "https://hooks.example.net:0/", "https://hooks.example.net:99999/", "https://hooks.example.net/#x", "ftp://a/",
        "https://hooks.example.net/ x", "https://hooks.example.net\\@evil.example/", "https://höoks.example.net/",
        "https://hooks.example.net/\r\nHost: evil", "javascript:alert(1)", "", "https://a%00b/", "x" * 3000,
        "https://[::1/", "https://hooks.example.net@10.0.0.1/",
    ],
)  # fmt: skip
def test_an_address_that_webhooks_may_not_have_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(OutboundError) as refused:
        parse_url(url)
    assert (refused.value.code, refused.value.permanent) == ("BAD_ADDRESS", True)


def test_what_is_shown_of_an_address_is_never_its_path() -> None:
    target = parse_url("https://hooks.example.net:8443/services/T0KEN?x=1")
    assert (target.resource, repr(target)) == ("/services/T0KEN?x=1", "Target(hooks.example.net:8443)")
