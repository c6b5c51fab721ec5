"""Rendered lines: what no change may send, with every abbreviation, and what is only a word."""

from __future__ import annotations

import pytest

from devices.domain.commands import Severity, check_commands
from devices.domain.platforms import platform_for

IOS = platform_for("cisco_ios")


def forbidden(*lines: str) -> list[int]:
    return [f.number for f in check_commands(lines, IOS) if f.severity is Severity.FORBIDDEN]


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
        "squeeze flash:", "clear counters", "debug all",
    ],
)  # fmt: skip
def test_a_command_that_no_change_may_send_is_refused(line: str) -> None:
    assert forbidden("ntp server 10.0.0.1", line) == [2]


@pytest.mark.parametrize(
    "line",
    [
        "description reload the fruit", "desc erase me", "remark delete later", "10 remark copy that", "deny ip any any",
        "default-router 10.0.0.1", "redistribute connected", "redundancy", "control-plane", "endpoint x",
        "name reload",
        "snmp-server location reload street", "no shutdown", "! reload", "", "default interface Vlan1",
        "boot-end-marker",
        "service config", "controller E1 0", "route-map RELOAD permit 10", "ip ssh version 2",
        "hostname reload",
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
def test_a_change_of_access_is_a_warning(line: str) -> None:
    findings = check_commands([line], IOS)
    assert [finding.severity for finding in findings] == [Severity.WARNING]
    assert line.split(maxsplit=1)[0] in findings[0].message
