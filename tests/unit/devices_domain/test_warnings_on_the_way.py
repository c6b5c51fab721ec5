"""Our own way in, as engineers change it: ranges, bundles, VRFs, next hops, services, filters, and lines in between."""

from __future__ import annotations

import pytest

from devices.domain.severity import Severity
from devices.domain.warnings import OwnSession
from tests.unit.devices_domain.warned import reviewed, told, warned

BUNDLE = """hostname sw
vlan 10,99
interface Port-channel1
 switchport trunk allowed vlan 10,99
 switchport mode trunk
interface GigabitEthernet1/0/1
 switchport mode trunk
 channel-group 1 mode active
interface GigabitEthernet1/0/2
 switchport mode trunk
 channel-group 1 mode active
interface Vlan99
 ip address 10.0.99.5 255.255.255.0
 ip access-group MGMT in
ip access-list extended MGMT
 permit tcp 10.9.0.0 0.0.255.255 any eq 22
 permit ip any any
ip route 10.9.0.0 255.255.0.0 10.0.99.1
"""
ROUTED = """hostname r
vrf definition MGMT
 address-family ipv4
interface Loopback0
 vrf forwarding MGMT
 ip address 10.0.99.5 255.255.255.255
interface GigabitEthernet0/0
 description core
 vrf forwarding MGMT
 ip address 10.1.0.2 255.255.255.252
ip route vrf MGMT 0.0.0.0 0.0.0.0 10.1.0.1
control-plane
 service-policy input COPP
"""
NXOS = """hostname spine
feature interface-vlan
username countersign password 5 $5$abc role network-admin
vlan 1,10,99
interface Vlan99
  ip address 10.0.99.5/24
interface Ethernet1/1
  switchport mode trunk
interface Ethernet1/2
  switchport mode trunk
"""
EOS = """hostname leaf
vrf instance MGMT
interface Management1
   vrf MGMT
   ip address 10.0.99.5/24
management api http-commands
   no shutdown
   vrf MGMT
      no shutdown
management ssh
   vrf MGMT
      no shutdown
"""
XR = """hostname core
username countersign
 group root-lr
 secret 10 $6$abc
line default
 transport input ssh
interface MgmtEth0/RSP0/CPU0/0
 ipv4 address 10.0.99.5 255.255.255.0
control-plane
 management-plane
  out-of-band
   interface MgmtEth0/RSP0/CPU0/0
    allow SSH peer
ssh server vrf MGMT
"""
JUNOS = """set system login user countersign class super-user
set system services ssh
set interfaces fxp0 unit 0 family inet address 10.0.99.5/24
set interfaces lo0 unit 0 family inet filter input PROTECT
set routing-options static route 0.0.0.0/0 next-hop 10.0.99.1
set policy-options prefix-list MGMT 10.9.0.0/16
set firewall family inet filter PROTECT term ssh from source-prefix-list MGMT
set firewall family inet filter PROTECT term ssh then accept
set firewall family inet filter OTHER term all then accept
"""

CRITICAL = [
    ("cisco_ios", BUNDLE, "no vlan 10,99", "MANAGEMENT_VLAN", 1),
    ("cisco_ios", BUNDLE, "interface Port-channel1\n shutdown", "MANAGEMENT_VLAN", 2),
    ("cisco_ios", BUNDLE, "int range gi1/0/1 - 2\n shut", "MANAGEMENT_VLAN", 2),
    ("cisco_ios", BUNDLE, "default interface range gi1/0/1 - 2", "MANAGEMENT_VLAN", 1),
    ("cisco_ios", BUNDLE, "int vl99\n shut\n no shut\n description x", "MANAGEMENT_INTERFACE", 2),
    ("cisco_ios", BUNDLE, "int vl99\n no ip add\n ip add 10.0.99.5 255.255.255.0\n no ip redirects",
     "MANAGEMENT_INTERFACE", 2),
    ("cisco_ios", BUNDLE, "int range gi1/0/1-2\n shut\n no shut\n description x", "MANAGEMENT_VLAN", 2),
    ("cisco_ios", BUNDLE, "int po1\n switchport mode access\n switchport mode trunk\n mtu 9000", "MANAGEMENT_VLAN", 2),
    ("cisco_xe", ROUTED, "int gi0/0\n shut\n no shut\n description x", "MANAGEMENT_ROUTE", 2),
    ("cisco_ios", BUNDLE, "no vlan 99\nvlan 99\n name MGMT", "MANAGEMENT_VLAN", 1),
    ("cisco_ios", BUNDLE, "no ip route 10.9.0.0 255.255.0.0 10.0.99.1\nip route 10.9.0.0 255.255.0.0 10.0.99.1\nvlan 7",
     "MANAGEMENT_ROUTE", 1),
    ("cisco_ios", BUNDLE,
     "no ip access-list extended MGMT\nip access-list extended MGMT\n permit udp any any\n permit ip any any",
     "MANAGEMENT_ACL", 3),
    ("cisco_xe", ROUTED, "no vrf definition MGMT", "MANAGEMENT_INTERFACE", 1),
    ("cisco_xe", ROUTED, "int gi0/0\n shut", "MANAGEMENT_ROUTE", 2),
    ("cisco_xe", ROUTED, "int gi0/0\n no ip address", "MANAGEMENT_ROUTE", 2),
    ("cisco_nxos", NXOS, "no vlan 99", "MANAGEMENT_VLAN", 1),
    ("cisco_nxos", NXOS, "no feature interface-vlan", "MANAGEMENT_INTERFACE", 1),
    ("cisco_nxos", NXOS, "interface e1/1-2\n  shutdown", "MANAGEMENT_VLAN", 2),
    ("cisco_nxos", NXOS, "int e1/1, Ethernet1/2\n  switchport trunk allowed vlan 10", "MANAGEMENT_VLAN", 2),
    ("arista_eos", EOS, "no vrf instance MGMT", "MANAGEMENT_INTERFACE", 1),
    ("juniper_junos", JUNOS + "set interfaces interface-range ALL member fxp*\n",
     "set interfaces interface-range ALL disable", "MANAGEMENT_INTERFACE", None),
    ("juniper_junos", JUNOS, "deactivate interfaces", "MANAGEMENT_INTERFACE", 1),
    ("juniper_junos", JUNOS, "deactivate interfaces fxp0 unit 0 family inet", "MANAGEMENT_INTERFACE", 1),
    ("juniper_junos", JUNOS, "deactivate routing-options static", "MANAGEMENT_ROUTE", 1),
]  # fmt: skip
MAJOR = [
    ("cisco_ios", BUNDLE, "int vl99\n zone-member security INSIDE", "MANAGEMENT_INTERFACE", 2),
    ("cisco_ios", BUNDLE, "interface range gi1/0/1-2\n no channel-group 1 mode active", "MANAGEMENT_VLAN", 2),
    ("cisco_ios", BUNDLE, "ip local policy route-map X", "MANAGEMENT_ROUTE", 1),
    ("cisco_xe", ROUTED, "control-plane\n no service-policy input COPP", "MANAGEMENT_ACL", 2),
    ("cisco_nxos", NXOS, "no username countersign", "MANAGEMENT_AAA", 1),
    ("arista_eos", EOS, "management api http-commands\n   shutdown", "MANAGEMENT_AAA", 2),
    ("arista_eos", EOS, "management api http-commands\n   protocol https port 8443", "MANAGEMENT_AAA", 2),
    ("arista_eos", EOS, "management ssh\n   vrf MGMT\n      shutdown", "MANAGEMENT_AAA", 3),
    ("juniper_junos", JUNOS, "deactivate system services", "MANAGEMENT_AAA", 1),
    ("juniper_junos", JUNOS, "deactivate system login user countersign", "MANAGEMENT_AAA", 1),
    ("juniper_junos", JUNOS, "delete firewall family inet filter PROTECT term ssh", "MANAGEMENT_ACL", 1),
    ("juniper_junos", JUNOS, "delete policy-options prefix-list MGMT", "MANAGEMENT_ACL", 1),
    ("juniper_junos", JUNOS, "set interfaces fxp0 unit 0 family inet filter input OTHER", "MANAGEMENT_ACL", 1),
]


@pytest.mark.parametrize(("slug", "running", "commands", "code", "number"), CRITICAL)
def test_what_cuts_us_off_is_critical(slug: str, running: str, commands: str, code: str, number: int | None) -> None:
    found = told(slug, running, commands, code)
    assert (found.severity, found.number) == (Severity.CRITICAL, number)


@pytest.mark.parametrize(("slug", "running", "commands", "code", "number"), MAJOR)
def test_what_may_cut_us_off_is_major(slug: str, running: str, commands: str, code: str, number: int) -> None:
    found = told(slug, running, commands, code)
    assert (found.severity, found.number) == (Severity.MAJOR, number)


@pytest.mark.parametrize(
    ("commands", "gone", "code"),
    [
        ("username countersign\n no group root-lr", " group root-lr\n", "MANAGEMENT_AAA"),
        ("no line default", "line default\n transport input ssh\n", "MANAGEMENT_AAA"),
        ("no ssh server vrf MGMT", "ssh server vrf MGMT\n", "MANAGEMENT_AAA"),
        ("control-plane\n management-plane\n  out-of-band\n   interface MgmtEth0/RSP0/CPU0/0\n    no allow SSH peer",
         "    allow SSH peer\n", "MANAGEMENT_ACL"),
    ],
)  # fmt: skip
def test_services_and_rights_of_ios_xr(commands: str, gone: str, code: str) -> None:
    assert told("cisco_xr", XR, commands, code, XR.replace(gone, "")).severity is Severity.MAJOR


HARMLESS = [
    ("cisco_ios", BUNDLE, "int gi1/0/1\n no channel-group 1 mode active"),
    ("cisco_ios", BUNDLE, "int gi1/0/1\n shut\n no shut\nint gi1/0/2\n shut\n no shut\n description x"),
    ("cisco_ios", BUNDLE, "int vl99\n description a\nint vl99\n description b"),
    ("cisco_ios", BUNDLE, "ip route 10.9.0.0 255.255.0.0 10.0.10.9 250"),
    ("cisco_ios", BUNDLE, "ip access-list extended MGMT\n no 20\n 20 permit tcp any any\nvlan 10\n name x"),
    ("cisco_xe", ROUTED, "int gi0/0\n description other"),
    ("cisco_nxos", NXOS, "interface Ethernet1/1-2\n  description x\nvlan 10\n  name a"),
    ("arista_eos", EOS, "management ssh\n   vrf OTHER\n      no shutdown\nmanagement ssh\n   idle-timeout 10"),
    ("juniper_junos", JUNOS, "set firewall family inet filter OTHER term more then accept"),
    ("juniper_junos", JUNOS + "deactivate interfaces ge-0/0/9\n", "set interfaces ge-0/0/9 description x"),
]


@pytest.mark.parametrize(("slug", "running", "commands"), HARMLESS)
def test_what_leaves_the_way_open_gives_no_warning_of_it(slug: str, running: str, commands: str) -> None:
    assert [code for code, _ in warned(slug, running, commands) if code.startswith("MANAGEMENT_")] == []


def test_a_session_over_ipv6() -> None:
    running = (
        "interface GigabitEthernet0/0\n ipv6 address 2001:DB8::5/64\n ipv6 traffic-filter SIX in\n"
        " ip access-group FOUR in\nip access-list extended FOUR\n permit tcp any any\n"
        "ipv6 access-list SIX\n permit tcp any any eq 22\nipv6 route ::/0 2001:DB8::1\n"
    )
    session = OwnSession(address="2001:db8:0::5%eth0", client_address="2001:db8:9::9")
    known = [
        ("no ipv6 route ::/0 2001:DB8::1", "MANAGEMENT_ROUTE"),
        ("int gi0/0\n no ipv6 address 2001:DB8::5/64", "MANAGEMENT_INTERFACE"),
        ("ipv6 access-list SIX\n no permit tcp any any eq 22\n permit tcp any any eq 443", "MANAGEMENT_ACL"),
    ]
    for commands, code in known:
        assert told("cisco_ios", running, commands, code, session=session).severity is Severity.CRITICAL
    other = "ip access-list extended FOUR\n no permit tcp any any\n deny ip any any"
    assert "MANAGEMENT_ACL" not in dict(warned("cisco_ios", running, other, session=session))


def test_an_ipv4_address_that_a_socket_writes_as_ipv6() -> None:
    session = OwnSession(address="::ffff:10.0.99.5", client_address="::ffff:10.9.9.9")
    assert told("cisco_ios", BUNDLE, "no int vl99", "MANAGEMENT_INTERFACE", session=session).number == 1


def test_many_lines_in_between_cost_a_bounded_number_of_looks() -> None:
    entries = "\n".join(f" permit tcp host 10.1.{n // 250}.{n % 250} any" for n in range(400))
    found = reviewed("cisco_ios", BUNDLE, f"ip access-list extended MGMT\n{entries}").findings
    assert not [one for one in found if one.severity is Severity.CRITICAL]
