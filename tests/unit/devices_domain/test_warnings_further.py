"""Interfaces that are removed, lists that others name, VRFs, processes of instances, ranges, inactive statements."""

from __future__ import annotations

import pytest

from tests.unit.devices_domain.warned import told, warned

IOS = """interface Loopback0
 ip address 10.255.0.1 255.255.255.255
interface GigabitEthernet0/1
 vrf forwarding BLUE
 ip address 10.2.0.1 255.255.255.0
interface Vlan10
 ip address 10.0.10.1 255.255.255.0
 ip access-group USERS in
vrf definition BLUE
 address-family ipv4
router bgp 65000
 neighbor 10.1.1.1 prefix-list IN in
ip access-list extended USERS
 permit ip any any
ip access-list extended COPP
 permit tcp any any eq 22
ip prefix-list IN seq 5 permit 10.0.0.0/8
ip prefix-list IN seq 10 permit 172.16.0.0/12
class-map match-any SSH
 match access-group name COPP
"""
EOS = """interface Ethernet1
   switchport mode trunk
interface Ethernet2
   switchport mode trunk
ip routing
"""
JUNOS = """set interfaces ge-0/0/1 description core
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/30
set protocols bgp group core neighbor 10.1.0.2
set protocols ospf area 0.0.0.0 interface ge-0/0/1.0
set routing-instances BLUE protocols bgp group ce neighbor 10.2.0.1
set system root-authentication encrypted-password "$6$abc"
"""
CASES = [
    ("cisco_ios", IOS, "no interface Vlan10", [("INTERFACE_SHUTDOWN", 1)]),
    ("cisco_ios", IOS, "no int lo0", [("INTERFACE_SHUTDOWN", 1)]),
    ("cisco_ios", IOS, "no ip prefix-list IN", [("ACL_MISSING", 1)]),
    ("cisco_ios", IOS, "no ip prefix-list IN seq 5 permit 10.0.0.0/8", []),
    ("cisco_ios", IOS, "no ip access-list extended COPP", [("ACL_MISSING", 1)]),
    ("cisco_ios", IOS, "ip access-list extended USERS\n no 10", [("ACL_MISSING", 2)]),
    ("cisco_ios", IOS, "no vrf definition BLUE", [("WIDE_NO", 1)]),
    ("arista_eos", EOS, "interface Ethernet1-2\n   shutdown", [("INTERFACE_SHUTDOWN", 2)] * 2),
    ("arista_eos", EOS, "no ip routing", [("ROUTING_PROCESS", 1)]),
    ("juniper_junos", JUNOS, "delete interfaces ge-0/0/1", [("INTERFACE_SHUTDOWN", 1)]),
    ("juniper_junos", JUNOS, "deactivate interfaces ge-0/0/1", [("INTERFACE_SHUTDOWN", 1)]),
    ("juniper_junos", JUNOS, "set protocols bgp disable", [("ROUTING_PROCESS", 1)]),
    ("juniper_junos", JUNOS, "deactivate protocols bgp group core", [("ROUTING_PROCESS", 1)]),
    ("juniper_junos", JUNOS, "delete routing-instances BLUE protocols", [("ROUTING_PROCESS", 1)]),
    ("juniper_junos", JUNOS, "deactivate system root-authentication", [("CREDENTIAL_CHANGE", 1)]),
]


@pytest.mark.parametrize(("slug", "running", "commands", "expected"), CASES)
def test_what_else_a_change_takes_along(
    slug: str, running: str, commands: str, expected: list[tuple[str, int | None]]
) -> None:
    assert warned(slug, running, commands) == expected


def test_a_list_that_a_neighbor_names() -> None:
    found = told("cisco_ios", IOS, "no ip prefix-list IN", "ACL_MISSING")
    assert found.path == ("router bgp 65000", "neighbor 10.1.1.1 prefix-list IN in")
    assert found.sentence.startswith("The prefix list IN is named by “neighbor 10.1.1.1 prefix-list IN in”")


def test_an_address_that_becomes_active_is_new() -> None:
    inactive = (
        JUNOS + "deactivate interfaces ge-0/0/2\nset interfaces ge-0/0/2 unit 0 family inet address 10.1.0.1/30\n"
    )
    target = inactive.replace("deactivate interfaces ge-0/0/2\n", "")
    found = told("juniper_junos", inactive, "activate interfaces ge-0/0/2", "DUPLICATE_ADDRESS", target)
    assert "ge-0/0/2.0 gets 10.1.0.1" in found.sentence
