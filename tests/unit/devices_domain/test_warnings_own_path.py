"""Warnings about our own way to the device: interface, VLAN, list, sign-in, route."""

from __future__ import annotations

import pytest

from devices.domain.severity import Severity
from devices.domain.warnings import OwnSession
from tests.unit.devices_domain.warned import reviewed, told, warned

IOS = """hostname sw
username countersign privilege 15 secret 9 $9$abc
aaa new-model
aaa group server tacacs+ NOC
 server name one
 server name two
aaa authentication login default group NOC local
vlan 10
vlan 99
interface GigabitEthernet1/0/1
 description uplink
 switchport trunk allowed vlan 10,99
 switchport mode trunk
interface GigabitEthernet1/0/2
 switchport trunk allowed vlan 10,99
 switchport mode trunk
interface GigabitEthernet1/0/3
 switchport access vlan 10
 switchport mode access
interface Vlan10
 ip address 10.0.10.1 255.255.255.0
interface Vlan99
 description management
 ip address 10.0.99.5 255.255.255.0
ip route 10.9.0.0 255.255.0.0 10.0.99.1
ip route 0.0.0.0 0.0.0.0 10.0.99.1
ip access-list extended MGMT
 permit tcp 10.9.0.0 0.0.255.255 any eq 22
 deny ip any any log
tacacs server one
 address ipv4 10.0.0.49
line vty 0 4
 access-class MGMT in
 transport input ssh
"""
NXOS = """hostname spine
feature ssh
vlan 99
interface Vlan99
  ip address 10.0.99.5/24
interface Ethernet1/1
  switchport mode trunk
  switchport trunk allowed vlan 10,99
ip access-list MGMT
  10 permit tcp 10.9.0.0/16 any eq 22
line vty
  access-class MGMT in
vrf context management
  ip route 0.0.0.0/0 10.0.99.1
"""
EOS = """hostname leaf
username countersign privilege 15 secret sha512 $6$abc
vlan 99
interface Ethernet1
   switchport trunk allowed vlan 10,99
   switchport mode trunk
interface Management1
   vrf MGMT
   ip address 10.0.99.5/24
ip access-list MGMT
   10 permit tcp 10.9.0.0/16 any eq ssh
ip route vrf MGMT 0.0.0.0/0 10.0.99.1
management ssh
   ip access-group MGMT in
"""
FRR = """hostname r1
interface eth0
 ip address 10.0.99.5/24
interface eth1
 ip address 10.1.0.1/24
ip route 0.0.0.0/0 10.0.99.1
"""
XR = """hostname core
aaa authentication login default group tacacs+ local
interface MgmtEth0/RSP0/CPU0/0
 ipv4 address 10.0.99.5 255.255.255.0
interface GigabitEthernet0/0/0/0
 ipv4 address 10.1.0.1 255.255.255.252
router static
 address-family ipv4 unicast
  0.0.0.0/0 10.0.99.1
ssh server v2
"""
JUNOS = """set system host-name mx
set system login user countersign class super-user
set system services ssh
set interfaces fxp0 unit 0 family inet address 10.0.99.5/24
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/30
set routing-options static route 0.0.0.0/0 next-hop 10.0.99.1
"""

INTERFACE = [
    ("cisco_ios", IOS, "interface Vlan99\n shutdown", 2),
    ("cisco_ios", IOS, "interface Vlan99\n no ip address", 2),
    ("cisco_ios", IOS, "interface vl99\n ip address 10.0.99.6 255.255.255.0", 2),
    ("cisco_ios", IOS, "interface Vlan99\n vrf forwarding MGMT", 2),
    ("cisco_xe", IOS, "hostname x\nno interface Vlan99", 2),
    ("cisco_xe", IOS, "default interface Vlan99", 1),
    ("cisco_nxos", NXOS, "interface Vlan99\n  shutdown", 2),
    ("arista_eos", EOS, "interface Management1\n   shutdown", 2),
    ("arista_eos", EOS, "interface Management1\n   no ip address 10.0.99.5/24", 2),
    ("frr", FRR, "interface eth0\n no ip address 10.0.99.5/24\n ip address 10.0.99.6/24", 2),
    ("juniper_junos", JUNOS, "set interfaces fxp0 disable", 1),
    ("juniper_junos", JUNOS, "delete interfaces fxp0", 1),
    ("juniper_junos", JUNOS, "deactivate interfaces fxp0 unit 0", 1),
]


@pytest.mark.parametrize(("slug", "running", "commands", "number"), INTERFACE)
def test_our_own_interface(slug: str, running: str, commands: str, number: int) -> None:
    found = told(slug, running, commands, "MANAGEMENT_INTERFACE")
    assert (found.number, found.severity) == (number, Severity.CRITICAL)
    assert found.line == commands.split("\n")[number - 1]
    assert "10.0.99.5 by which this device is reached" in found.sentence


def test_our_own_interface_on_ios_xr() -> None:
    target = XR.replace("interface MgmtEth0/RSP0/CPU0/0\n", "interface MgmtEth0/RSP0/CPU0/0\n shutdown\n")
    found = told("cisco_xr", XR, "interface MgmtEth0/RSP0/CPU0/0\n shutdown", "MANAGEMENT_INTERFACE", target)
    assert found.number == 2
    assert found.sentence == (
        "MgmtEth0/RSP0/CPU0/0 carries the address 10.0.99.5 by which this device is reached. The change shuts it down."
    )


def test_the_interface_below_ours_and_one_that_is_known_by_name() -> None:
    running = "interface GigabitEthernet0/0\n no ip address\n"
    running += "interface GigabitEthernet0/0.10\n ip address 10.0.99.5 255.255.255.0\n"
    found = told("cisco_ios", running, "interface Gi0/0\nshutdown", "MANAGEMENT_INTERFACE")
    assert "GigabitEthernet0/0 is below GigabitEthernet0/0.10, which carries" in found.sentence
    behind = OwnSession(address="198.51.100.1", interface="Vlan99")
    found = told("cisco_ios", IOS, "interface Vlan99\nshutdown", "MANAGEMENT_INTERFACE", session=behind)
    assert "Vlan99 carries the session by which" in found.sentence


def test_another_prefix_length_and_another_interface() -> None:
    found = told("cisco_ios", IOS, "interface Vlan99\nip address 10.0.99.5 255.255.0.0", "MANAGEMENT_INTERFACE")
    assert found.severity is Severity.MAJOR
    commands = "interface Vlan99\nno ip address\ninterface Vlan10\nip address 10.0.99.5 255.255.255.0"
    assert "gives it to Vlan10" in told("cisco_ios", IOS, commands, "MANAGEMENT_INTERFACE").sentence


VLAN = [
    ("cisco_ios", IOS, "no vlan 99", 1, Severity.CRITICAL),
    ("cisco_ios", IOS, "interface Gi1/0/1\n switchport trunk allowed vlan 10", 2, Severity.MAJOR),
    ("cisco_ios", IOS, "interface range Gi1/0/1 - 2\n switchport trunk allowed vlan remove 99", 2, Severity.CRITICAL),
    ("cisco_xe", IOS, "interface Gi1/0/2\n switchport mode access", 2, Severity.MAJOR),
    ("cisco_nxos", NXOS, "no vlan 99", 1, Severity.CRITICAL),
    ("cisco_nxos", NXOS, "interface Ethernet1/1\n  switchport trunk allowed vlan 10", 2, Severity.CRITICAL),
]


@pytest.mark.parametrize(("slug", "running", "commands", "number", "severity"), VLAN)
def test_our_own_vlan(slug: str, running: str, commands: str, number: int, severity: Severity) -> None:
    found = told(slug, running, commands, "MANAGEMENT_VLAN")
    assert (found.number, found.severity) == (number, severity)
    assert "in VLAN 99" in found.sentence


def test_our_own_vlan_on_eos() -> None:
    running = EOS.replace("interface Management1\n   vrf MGMT", "interface Vlan99")
    assert told("arista_eos", running, "no vlan 99", "MANAGEMENT_VLAN").number == 1
    commands = "interface Ethernet1\n   switchport trunk allowed vlan remove 99"
    assert told("arista_eos", running, commands, "MANAGEMENT_VLAN").number == 2


ACL = [
    ("cisco_ios", IOS, "ip access-list extended MGMT\n no permit tcp 10.9.0.0 0.0.255.255 any eq 22", 2),
    ("cisco_ios", IOS, "ip access-list extended MGMT\n 5 deny tcp host 10.9.9.9 any", 2),
    (
        "cisco_xe",
        IOS,
        "ip access-list standard ONE\n permit 10.1.0.0 0.0.255.255\nline vty 0 4\n access-class ONE in",
        4,
    ),
    ("cisco_ios", IOS, "access-list 10 permit 10.1.0.0 0.0.255.255\ninterface Vlan99\n ip access-group 10 in", 3),
    ("cisco_nxos", NXOS, "ip access-list MGMT\n  no 10\n  10 permit tcp 10.8.0.0/16 any eq 22", 3),
    ("arista_eos", EOS, "ip access-list MGMT\n   5 deny tcp host 10.9.9.9 any eq ssh", 2),
]


@pytest.mark.parametrize(("slug", "running", "commands", "number"), ACL)
def test_a_list_that_drops_our_session(slug: str, running: str, commands: str, number: int) -> None:
    found = told(slug, running, commands, "MANAGEMENT_ACL")
    assert (found.number, found.severity) == (number, Severity.CRITICAL)
    assert "our session from 10.9.9.9. After the change it would drop it." in found.sentence


def test_a_list_of_ios_xr_that_drops_our_session() -> None:
    running = XR + "ipv4 access-list IN\n 10 permit ipv4 any any\n"
    ours = " ipv4 address 10.0.99.5 255.255.255.0\n"
    running = running.replace(ours, f"{ours} ipv4 access-group IN ingress\n")
    entry = " 5 deny tcp 10.9.0.0 0.0.255.255 any eq ssh\n"
    target = running.replace(" 10 permit ipv4 any any", f"{entry} 10 permit ipv4 any any")
    commands = "ipv4 access-list IN\n 5 deny tcp 10.9.0.0 0.0.255.255 any eq ssh"
    found = told("cisco_xr", running, commands, "MANAGEMENT_ACL", target)
    assert (found.number, found.severity) == (2, Severity.CRITICAL)


def test_where_the_rule_cannot_know_it_says_may() -> None:
    unknown = OwnSession(address="10.0.99.5")
    commands = "ip access-list extended MGMT\n 5 deny tcp 10.9.7.0 0.0.0.255 any"
    found = told("cisco_ios", IOS, commands, "MANAGEMENT_ACL", session=unknown)
    assert (found.severity, "may drop it" in found.sentence) == (Severity.MAJOR, True)
    # The list seems to drop even the session that read the configuration, so our address must be translated.
    behind_nat = OwnSession(address="10.0.99.5", client_address="172.16.0.1")
    assert told("cisco_ios", IOS, commands, "MANAGEMENT_ACL", session=behind_nat).severity is Severity.MAJOR


AAA = [
    ("cisco_ios", IOS, "no aaa new-model", 1),
    ("cisco_ios", IOS, "aaa authentication login default local", 1),
    ("cisco_ios", IOS, "aaa group server tacacs+ NOC\n no server name one", 2),
    ("cisco_ios", IOS, "no tacacs server one", 1),
    ("cisco_ios", IOS, "line vty 0 4\n transport input none", 2),
    ("cisco_xe", IOS, "line vty 2\n transport input telnet", 2),
    ("cisco_nxos", NXOS, "no feature ssh", 1),
    ("arista_eos", EOS, "management ssh\n   shutdown", 2),
    ("arista_eos", EOS, "no username countersign", 1),
    ("juniper_junos", JUNOS, "delete system services ssh", 1),
    ("juniper_junos", JUNOS, "delete system login user countersign", 1),
]


@pytest.mark.parametrize(("slug", "running", "commands", "number"), AAA)
def test_how_we_sign_in(slug: str, running: str, commands: str, number: int) -> None:
    found = [one for one in reviewed(slug, running, commands).findings if one.code == "MANAGEMENT_AAA"]
    assert found
    assert {one.number for one in found} == {number}


def test_how_we_sign_in_on_ios_xr() -> None:
    assert told("cisco_xr", XR, "no ssh server v2", "MANAGEMENT_AAA", XR.replace("ssh server v2\n", "")).number == 1


ROUTE = [
    ("cisco_ios", IOS, "no ip route 10.9.0.0 255.255.0.0 10.0.99.1\nip route 10.9.0.0 255.255.0.0 10.0.10.9", 2),
    ("cisco_ios", IOS, "ip route 10.9.9.0 255.255.255.0 10.0.10.9", 1),
    ("cisco_nxos", NXOS.replace("interface Vlan99\n", "interface Vlan99\n  vrf member management\n"),
     "vrf context management\n  no ip route 0.0.0.0/0 10.0.99.1", 2),
    ("arista_eos", EOS, "no ip route vrf MGMT 0.0.0.0/0 10.0.99.1", 1),
    ("frr", FRR, "no ip route 0.0.0.0/0 10.0.99.1\nip route 0.0.0.0/0 10.1.0.2", 2),
    ("juniper_junos", JUNOS, "delete routing-options static", 1),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "running", "commands", "number"), ROUTE)
def test_the_route_back_to_us(slug: str, running: str, commands: str, number: int) -> None:
    found = told(slug, running, commands, "MANAGEMENT_ROUTE")
    assert found.number == number
    assert "answers Countersign (10.9.9.9)" in found.sentence


def test_the_route_back_to_us_on_ios_xr() -> None:
    commands = "router static\n address-family ipv4 unicast\n  no 0.0.0.0/0 10.0.99.1"
    found = told("cisco_xr", XR, commands, "MANAGEMENT_ROUTE", XR.replace("  0.0.0.0/0 10.0.99.1\n", ""))
    assert found.number == 3
    assert found.path == ("router static", "address-family ipv4 unicast", "0.0.0.0/0 10.0.99.1")


HARMLESS = [
    ("cisco_ios", IOS, "interface Vlan99\n description mgmt\n no ip redirects"),
    ("cisco_ios", IOS, "interface Vlan99\n ip address 10.0.99.5 255.255.255.0\n no shutdown"),
    ("cisco_ios", IOS, "interface Vlan10\n description users"),
    ("cisco_ios", IOS, "vlan 99\n name MGMT\nvlan 30\nno vlan 10"),
    ("cisco_ios", IOS, "interface Gi1/0/1\n switchport trunk allowed vlan add 30"),
    ("cisco_ios", IOS, "interface Gi1/0/3\n switchport access vlan 20"),
    ("cisco_ios", IOS, "ip access-list extended MGMT\n 5 permit tcp 10.7.0.0 0.0.255.255 any eq 22"),
    ("cisco_ios", IOS, "ip access-list extended MGMT\n 5 deny udp any any eq snmp\n 6 deny tcp host 10.9.9.8 any"),
    ("cisco_ios", IOS, "aaa group server tacacs+ NOC\n server name three"),
    ("cisco_ios", IOS, "tacacs server two\n address ipv4 10.0.0.50"),
    ("cisco_ios", IOS, "aaa accounting exec default start-stop group NOC"),
    ("cisco_ios", IOS, "line vty 0 4\n exec-timeout 5 0\n transport input telnet ssh"),
    ("cisco_ios", IOS, "line vty 2\n exec-timeout 5 0"),
    ("cisco_ios", IOS, "ip route 10.77.0.0 255.255.0.0 10.0.10.9"),
    ("cisco_ios", IOS, "ip route 10.9.0.0 255.255.0.0 10.0.99.1"),
    ("cisco_nxos", NXOS, "interface Vlan99\n  description x\nip access-list MGMT\n  20 permit udp any any eq 161"),
    ("arista_eos", EOS, "interface Management1\n   description oob\nip route 10.9.0.0/16 10.1.1.1"),
    ("frr", FRR, "interface eth1\n description lan\nip route 10.50.0.0/16 10.1.0.2"),
    ("juniper_junos", JUNOS, "set interfaces fxp0 description oob\nset system ntp server 192.0.2.1"),
]


@pytest.mark.parametrize(("slug", "running", "commands"), HARMLESS)
def test_an_ordinary_change_near_our_path_gives_no_warning(slug: str, running: str, commands: str) -> None:
    assert warned(slug, running, commands) == []


def test_terminal_lines_in_other_ranges_keep_their_list() -> None:
    unknown = OwnSession(address="10.0.99.5")
    assert warned("cisco_ios", IOS, "line vty 2\n exec-timeout 5 0", session=unknown) == []


def test_without_facts_about_our_session_its_rules_say_nothing_of_interfaces_vlans_and_routes() -> None:
    commands = "interface Vlan99\nshutdown\nno vlan 99\nno ip route 10.9.0.0 255.255.0.0 10.0.99.1"
    codes = {code for code, _ in warned("cisco_ios", IOS, commands, session=OwnSession())}
    assert codes == {"INTERFACE_SHUTDOWN"}
