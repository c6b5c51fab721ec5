"""Rendered lines: what no change may send, with every abbreviation, and what is only a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.commands import check_commands
from devices.domain.platforms import platform_for

IOS = platform_for("cisco_ios")


def forbidden(*lines: str) -> list[int]:
    return [finding.number for finding in check_commands(lines, IOS)]


@pytest.mark.parametrize(
    "line",
    [
        "reload", "reloa", "rel", "re", "Reload in 5", "  reload", "no reload", "write erase", "wr er", "wr",
        "write mem",
        "erase startup-config", "er nvram:", "format flash:", "form flash:", "delete flash:x", "del /force flash:x",
        "copy run start", "cop a b", "configure terminal", "conf t", "conf replace flash:x", "do show version",
        "do reload", "end", "tclsh", "event manager applet X", "event man applet X", "kron occurrence x", "exit",
        "crypto key generate rsa", "crypto key zeroize", "config-register 0x2142", "boot system flash:x",
        "default reload",
        "squeeze flash:", "clear counters", "debug all", "cry key gen rsa", "ev man applet X", "config-r 0x2142",
        "bo sys flash:x", "key config-key password-encrypt", "no crypto pki trustpoint X", "exi", "rollback x",
        "event-handler X", "scheduler job name X", "no event manager applet X",
        "alias exec show reload", "al ex terminal clear ip bgp *", "alias write reload", "cli alias name copy reload",
        "alias configure interface shutdown", "macro apply X", "macr global apply X",
    ],
)  # fmt: skip
def test_a_command_that_no_change_may_send_is_refused(line: str) -> None:
    assert forbidden("ntp server 10.0.0.1", line) == [2]


@pytest.mark.parametrize(
    "line",
    [
        "description reload the fruit", "desc erase me", "remark delete later", "10 remark copy that",
        "deny ip any any", "clock timezone CET 1", "bandwidth 100", "crypto map X 10 ipsec-isakmp", "write-memory",
        "default-router 10.0.0.1", "redistribute connected", "redundancy", "control-plane", "endpoint x",
        "name reload",
        "snmp-server location reload street", "no shutdown", "! reload", "", "default interface Vlan1",
        "boot-end-marker",
        "service config", "controller E1 0", "route-map RELOAD permit 10", "ip ssh version 2",
        "hostname reload", "alias exec shv show version", "alias shint show interfaces", "mac address-table static x",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_not(line: str) -> None:
    assert forbidden("interface Vlan1", line) == []


def test_the_text_of_a_banner_is_text() -> None:
    assert forbidden("banner motd ^", "reload", "end", "exit", "^", "reload") == [6]
    assert forbidden("banner motd ^reload^", "do it") == [2]
    assert forbidden("banner motd #", "conf t", "bye # reload", "erase x") == [4]


def test_exit_is_fine_inside_a_section_and_not_outside() -> None:
    assert forbidden("interface Vlan1", " description x", "exit", "ntp server 10.0.0.1") == []
    assert forbidden("interface Vlan1", "exit", "exit") == [3]
    assert forbidden("router bgp 1", " address-family ipv4", "  exit", " exit") == []


@pytest.mark.parametrize("character", ["\x00", "\x03", "\x1b", "\r", "\t", "\u202e", "\u2028"])
def test_characters_that_a_reader_cannot_see_are_refused(character: str) -> None:
    assert forbidden(f"banner motd ^a{character}b^") == [1]


def test_control_characters_are_refused_inside_a_banner_too() -> None:
    assert forbidden("banner motd ^", "a\x03b", "^") == [2]


def test_a_line_longer_than_the_device_takes_is_refused() -> None:
    assert forbidden("description " + "x" * 300) == [1]
    assert forbidden("description " + "x" * 200) == []


@pytest.mark.parametrize("line", ["username joe secret x", "enable secret x", "aaa new-model", "access-class 10 in"])
def test_a_change_of_access_is_told_by_the_semantic_rules_and_forbids_nothing(line: str) -> None:
    assert check_commands([line], IOS) == ()


def test_exit_is_judged_by_the_mode_that_the_device_is_in_whatever_the_indentation() -> None:
    assert forbidden(" exit") == [1]
    assert forbidden("ip access-list extended X", "permit ip any any", "exit") == []
    assert forbidden("ip access-list extended X", "ntp server 10.0.0.1", "exit") == [3]
    assert forbidden("some unknown block", " with a line", "exit") == []
    assert forbidden("router bgp 1", "address-family ipv4", "exit-address-family", "exit", "exit") == [5]


def test_a_banner_that_is_never_closed_is_refused_at_its_first_line() -> None:
    assert forbidden("banner motd ^", "Welcome", "ntp server 10.0.0.1") == [1]
    assert forbidden("banner motd ^", "Welcome", "^", "ntp server 10.0.0.1") == []


@pytest.mark.parametrize("line", ["do username joe secret Zq9hunter", "do snmp-server community Zq9hunter"])
def test_a_secret_is_not_repeated_in_the_message(line: str) -> None:
    assert "Zq9hunter" not in check_commands([line], IOS)[0].message


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_can_be_judged(lines: list[str]) -> None:
    for finding in check_commands(lines, IOS):
        assert 1 <= finding.number <= len(lines)
        assert finding.message
