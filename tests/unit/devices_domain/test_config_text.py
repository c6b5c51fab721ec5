"""What the normal form drops, keeps and orders."""

import pytest

from devices.domain.config_text import normalise, parse
from devices.domain.platforms import platform_for

IOS = platform_for("cisco_ios")

PRINTED = """Building configuration...

Current configuration : 1234 bytes
!
! Last configuration change at 10:00:00 CET Sat Nov 21 2026 by admin
!
version 15.2
no service pad
!
hostname sw1
!
router bgp 65000
 neighbor 10.0.0.1 remote-as 65001
 !
 address-family ipv4
  neighbor 10.0.0.1 activate
 exit-address-family
!
banner motd ^C
! not a comment
  end
^C
!
ntp clock-period 36029056
ntp server 10.0.0.1
end
"""


def test_what_is_no_configuration_is_dropped_and_the_rest_stays() -> None:
    assert normalise(PRINTED, IOS).splitlines() == [
        "version 15.2",
        "no service pad",
        "hostname sw1",
        "router bgp 65000",
        " neighbor 10.0.0.1 remote-as 65001",
        " address-family ipv4",
        "  neighbor 10.0.0.1 activate",
        "banner motd ^C",
        "! not a comment",
        "  end",
        "^C",
        "ntp server 10.0.0.1",
    ]


def test_line_ends_and_blanks_at_line_ends_do_not_matter() -> None:
    spoiled = PRINTED.replace("\n", "\r\n").replace("sw1", "sw1  ")
    assert normalise(spoiled, IOS) == normalise(PRINTED, IOS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ntp server 10.0.0.9\nntp server 10.0.0.10\n", "ntp server 10.0.0.10\nntp server 10.0.0.9\n"),
        ("ip name-server 10.0.0.1 10.0.0.2\n", "ip name-server 10.0.0.1\nip name-server 10.0.0.2\n"),
        ("vlan 10,20-21\n", "vlan 10\nvlan 20\nvlan 21\n"),
        ("ip domain-name a.example\n", "ip domain name a.example\n"),
        ("hostname a\nip http server\n", "ip http server\nhostname a\n"),
        (
            "interface Gi1\n switchport trunk allowed vlan 1-10\n switchport trunk allowed vlan add 20,21,22\n",
            "interface Gi1\n switchport trunk allowed vlan 1-10,20-22\n",
        ),
        ("interface Vlan2\n shutdown\ninterface Vlan10\n", "interface Vlan10\ninterface Vlan2\n shutdown\n"),
    ],
)
def test_what_means_the_same_is_the_same_text(one: str, other: str) -> None:
    assert normalise(one, IOS) == normalise(other, IOS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ip name-server 10.0.0.1\nip name-server 10.0.0.2\n", "ip name-server 10.0.0.2\nip name-server 10.0.0.1\n"),
        (
            "ip access-list extended A\n permit ip any any\n deny ip any any\n",
            "ip access-list extended A\n deny ip any any\n permit ip any any\n",
        ),
        ("policy-map P\n class A\n class B\n", "policy-map P\n class B\n class A\n"),
        ("access-list 1 permit a\naccess-list 1 deny any\n", "access-list 1 deny any\naccess-list 1 permit a\n"),
        ("tacacs-server host b\ntacacs-server host a\n", "tacacs-server host a\ntacacs-server host b\n"),
        ("interface Gi1\n description a  b\n", "interface Gi1\n description a b\n"),
        ("unknown block\n b\n a\n", "unknown block\n a\n b\n"),
    ],
)  # fmt: skip
def test_what_means_something_else_is_another_text(one: str, other: str) -> None:
    assert normalise(one, IOS) != normalise(other, IOS)


def test_a_section_that_is_printed_twice_is_one() -> None:
    root = parse("interface Vlan1\n shutdown\ninterface Vlan2\ninterface Vlan1\n description x\n", IOS)
    assert [node.text for node in root.children] == ["interface Vlan1", "interface Vlan2"]
    assert [child.text for child in root.children[0].children] == ["shutdown", "description x"]


def test_an_nxos_and_an_eos_configuration_are_read() -> None:
    nxos = "!Command: show running-config\n!Time: Sat\n\nhostname n\n\ninterface Ethernet1/1\n  mtu 9216\n"
    assert normalise(nxos, platform_for("cisco_nxos")).splitlines()[-1] == "  mtu 9216"
    eos = "! device: e\nhostname e\nbanner motd\nHello\nEOF\ninterface Ethernet1\n   mtu 9214\n!\nend\n"
    assert "banner motd\nHello\nEOF\n" in normalise(eos, platform_for("arista_eos"))


def test_frr_does_not_print_what_leaves_a_block() -> None:
    frr = "frr version 8.4.4\n!\ninterface eth0\n ip address 10.0.0.1/24\nexit\n!\nend\n"
    assert normalise(frr, platform_for("frr")).splitlines() == [
        "frr version 8.4.4",
        "interface eth0",
        " ip address 10.0.0.1/24",
    ]
