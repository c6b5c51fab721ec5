"""Warnings about lists, interfaces, addresses, routing, credentials and wording; what a change touches; the guide."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from devices.domain.config_text import normalise
from devices.domain.platforms import PLATFORMS, platform_for
from devices.domain.severity import Severity
from devices.domain.warnings import RULES, AddressUse, OwnSession, addresses_in
from devices.lab.core_site import core_specs
from devices.lab.eos.site import eos_specs
from devices.lab.site import site_specs
from tests.unit.devices_domain.warned import reviewed, told, warned

ROOT = Path(__file__).parents[3]
IOS = """hostname sw
username joe privilege 15 secret 9 $9$old
snmp-server community oldsecret RO
interface GigabitEthernet1/0/1
 description desk
 switchport access vlan 10
 switchport mode access
interface GigabitEthernet1/0/2
 shutdown
interface Vlan10
 ip address 10.0.10.1 255.255.255.0
 ip access-group USERS in
interface Vlan20
 ip address 10.0.20.1 255.255.255.0
interface Vlan30
 vrf forwarding GUEST
 ip address 10.0.30.1 255.255.255.0
router ospf 1
 router-id 10.0.0.1
 network 10.0.0.0 0.255.255.255 area 0
ip route 0.0.0.0 0.0.0.0 10.0.10.254
ip access-list extended USERS
 permit tcp any any eq 80
 deny ip any host 10.0.0.9
 permit ip any any
ntp server 10.0.0.1
ntp server 10.0.0.2
"""
NXOS = """hostname spine
feature ospf
interface Ethernet1/1
  description server
interface Vlan10
  ip address 10.0.10.1/24
  ip access-group USERS in
ip access-list USERS
  10 permit tcp any any eq 80
  20 deny ip any any
router ospf 1
  router-id 10.0.0.1
ip route 0.0.0.0/0 10.0.10.254
"""
EOS = NXOS.replace("feature ospf\n", "").replace("Ethernet1/1", "Ethernet1").replace("  ", "   ")
FRR = """hostname r1
interface eth1
 description lan
 ip address 10.0.10.1/24
router bgp 65000
 neighbor 10.0.0.1 remote-as 65001
 neighbor 10.0.0.1 description peer
ip route 0.0.0.0/0 10.0.10.254
"""
XR = """hostname core
ipv4 access-list USERS
 10 permit tcp any any eq 80
 20 deny ipv4 any any
interface GigabitEthernet0/0/0/0
 description edge
 ipv4 address 10.0.10.1 255.255.255.0
 ipv4 access-group USERS ingress
router static
 address-family ipv4 unicast
  0.0.0.0/0 10.0.10.254
router bgp 65000
 bgp router-id 10.0.0.1
"""
JUNOS = """set interfaces ge-0/0/0 description edge
set interfaces ge-0/0/0 unit 0 family inet address 10.0.10.1/24
set interfaces ge-0/0/1 unit 0 family inet address 10.0.20.1/24
set routing-options static route 0.0.0.0/0 next-hop 10.0.10.254
set protocols bgp group core type external
set protocols bgp group core neighbor 10.0.0.1
"""

BIG = "ipv4 access-list BIG\n" + "".join(f" {n} permit tcp any any eq {n}\n" for n in range(10, 22))

# rule, platform, running, commands, line number, target where it cannot be predicted
CASES = [
    ("INTERFACE_SHUTDOWN", "cisco_ios", IOS, "interface gi1/0/1\n shut", 2, ""),
    ("INTERFACE_SHUTDOWN", "cisco_xe", IOS, "interface range gi1/0/1 - 2\n shutdown", 2, ""),
    ("INTERFACE_SHUTDOWN", "cisco_nxos", NXOS, "interface Ethernet1/1\n  shutdown", 2, ""),
    ("INTERFACE_SHUTDOWN", "arista_eos", EOS, "interface Ethernet1\n   shutdown", 2, ""),
    ("INTERFACE_SHUTDOWN", "frr", FRR, "interface eth1\n shutdown", 2, ""),
    ("INTERFACE_SHUTDOWN", "cisco_xr", XR, "interface GigabitEthernet0/0/0/0\n shutdown", 2,
     XR.replace(" description edge\n", " description edge\n shutdown\n")),
    ("INTERFACE_SHUTDOWN", "juniper_junos", JUNOS, "set interfaces ge-0/0/0 disable", 1, ""),
    ("ACL_ORDER", "cisco_ios", IOS, "ip access-list extended USERS\n deny tcp any any eq 23", 2, ""),
    ("ACL_ORDER", "cisco_ios", IOS, "ip access-list extended USERS\n 5 permit ip any host 10.0.0.9", 2, ""),
    ("ACL_ORDER", "cisco_ios", IOS, "access-list 10 deny any\naccess-list 10 permit 10.0.0.0 0.0.0.255", 2, ""),
    ("ACL_ORDER", "cisco_xe", IOS,
     "ip access-list standard X\n permit 10.0.0.0 0.255.255.255\n deny host 10.1.1.1", 3, ""),
    ("ACL_ORDER", "cisco_nxos", NXOS, "ip access-list USERS\n  30 permit udp any any", 2, ""),
    ("ACL_ORDER", "arista_eos", EOS, "ip access-list USERS\n   30 permit udp any any", 2, ""),
    ("ACL_ORDER", "cisco_xr", XR, "ipv4 access-list USERS\n 30 permit udp any any", 2,
     XR.replace(" 20 deny ipv4 any any\n", " 20 deny ipv4 any any\n 30 permit udp any any\n")),
    ("ACL_IMPLICIT_DENY", "cisco_ios", IOS, "ip access-list extended USERS\n no permit ip any any", 2, ""),
    ("ACL_IMPLICIT_DENY", "cisco_ios", IOS,
     "access-list 10 deny 10.1.0.0 0.0.255.255\ninterface Vlan20\n ip access-group 10 in", 1, ""),
    ("ACL_IMPLICIT_DENY", "cisco_xe", IOS + "interface Vlan40\n ip access-group NEW in\n",
     "ip access-list extended NEW\n permit tcp any any eq 443", 2, ""),
    ("ACL_IMPLICIT_DENY", "cisco_nxos", NXOS, "ip access-list USERS\n  no 10", 2, ""),
    ("ACL_IMPLICIT_DENY", "arista_eos", EOS, "ip access-list USERS\n   no 10", 2, ""),
    ("ACL_IMPLICIT_DENY", "cisco_xr", XR,
     "ipv4 access-list USERS\n no 10", 2, XR.replace(" 10 permit tcp any any eq 80\n", "")),
    ("ACL_MISSING", "cisco_ios", IOS, "no ip access-list extended USERS", 1, ""),
    ("ACL_MISSING", "cisco_xe", IOS, "interface Vlan20\n ip access-group TYPO in", 2, ""),
    ("ACL_MISSING", "cisco_nxos", NXOS, "no ip access-list USERS", 1, ""),
    ("ACL_MISSING", "arista_eos", EOS, "no ip access-list USERS", 1, ""),
    ("ACL_MISSING", "cisco_xr", XR, "no ipv4 access-list USERS", 1, XR.replace(
        "ipv4 access-list USERS\n 10 permit tcp any any eq 80\n 20 deny ipv4 any any\n", "")),
    ("ROUTING_PROCESS", "cisco_ios", IOS, "no router ospf 1", 1, ""),
    ("ROUTING_PROCESS", "cisco_xe", IOS, "no ip routing", 1, ""),
    ("ROUTING_PROCESS", "cisco_nxos", NXOS, "no feature ospf", 1, ""),
    ("ROUTING_PROCESS", "arista_eos", EOS, "no router ospf 1", 1, ""),
    ("ROUTING_PROCESS", "frr", FRR, "no router bgp 65000", 1, ""),
    ("ROUTING_PROCESS", "cisco_xr", XR,
     "no router bgp 65000", 1, XR.replace("router bgp 65000\n bgp router-id 10.0.0.1\n", "")),
    ("ROUTING_PROCESS", "juniper_junos", JUNOS, "delete protocols bgp", 1, ""),
    ("ROUTING_PROCESS", "juniper_junos", JUNOS, "deactivate protocols bgp", 1, ""),
    ("DEFAULT_ROUTE", "cisco_ios", IOS, "no ip route 0.0.0.0 0.0.0.0 10.0.10.254", 1, ""),
    ("DEFAULT_ROUTE", "cisco_xe", IOS,
     "ip route 0.0.0.0 0.0.0.0 10.0.10.253\nno ip route 0.0.0.0 0.0.0.0 10.0.10.254", 1, ""),
    ("DEFAULT_ROUTE", "cisco_ios", IOS, "router ospf 1\n default-information originate", 2, ""),
    ("DEFAULT_ROUTE", "cisco_nxos", NXOS, "no ip route 0.0.0.0/0 10.0.10.254", 1, ""),
    ("DEFAULT_ROUTE", "arista_eos", EOS, "ip route 0.0.0.0/0 10.0.10.253", 1, ""),
    ("DEFAULT_ROUTE", "frr", FRR, "no ip route 0.0.0.0/0 10.0.10.254", 1, ""),
    ("DEFAULT_ROUTE", "cisco_xr", XR, "router static\n address-family ipv4 unicast\n  0.0.0.0/0 10.0.10.253", 3,
     XR.replace("  0.0.0.0/0 10.0.10.254\n", "  0.0.0.0/0 10.0.10.254\n  0.0.0.0/0 10.0.10.253\n")),
    ("DEFAULT_ROUTE", "juniper_junos", JUNOS, "delete routing-options static route 0.0.0.0/0", 1, ""),
    ("CREDENTIAL_CHANGE", "cisco_ios", IOS, "username joe privilege 15 secret 9 $9$Zq9hunter", 1, ""),
    ("CREDENTIAL_CHANGE", "cisco_xe", IOS, "no snmp-server community oldsecret", 1, ""),
    ("CREDENTIAL_CHANGE", "cisco_nxos", NXOS, "snmp-server community Zq9hunter ro", 1, ""),
    ("CREDENTIAL_CHANGE", "arista_eos", EOS, "username ann privilege 15 secret Zq9hunter", 1, ""),
    ("CREDENTIAL_CHANGE", "frr", FRR, "router bgp 65000\n neighbor 10.0.0.1 password Zq9hunter", 2, ""),
    ("CREDENTIAL_CHANGE", "cisco_xr", XR,
     "username ann\n secret 10 Zq9hunter", 2, XR + "username ann\n secret 10 Zq9hunter\n"),
    ("CREDENTIAL_CHANGE", "juniper_junos", JUNOS,
     'set system login user ann authentication encrypted-password "Zq9hunter"', 1, ""),
    ("DUPLICATE_ADDRESS", "cisco_ios", IOS, "interface Vlan50\n ip address 10.0.10.1 255.255.255.0", 2, ""),
    ("DUPLICATE_ADDRESS", "cisco_xe", IOS,
     "interface Vlan30\n no vrf forwarding\n ip address 10.0.20.1 255.255.255.0", 3, ""),
    ("DUPLICATE_ADDRESS", "cisco_nxos", NXOS, "interface Vlan20\n  ip address 10.0.10.1/25", 2, ""),
    ("DUPLICATE_ADDRESS", "arista_eos", EOS, "interface Ethernet1\n   ip address 10.0.10.1/25", 2, ""),
    ("DUPLICATE_ADDRESS", "frr", FRR, "interface eth2\n ip address 10.0.10.1/24", 2, ""),
    ("DUPLICATE_ADDRESS", "cisco_xr", XR, "interface Loopback0\n ipv4 address 10.0.10.1 255.255.255.255", 2,
     XR + "interface Loopback0\n ipv4 address 10.0.10.1 255.255.255.255\n"),
    ("DUPLICATE_ADDRESS", "juniper_junos", JUNOS, "set interfaces lo0 unit 0 family inet address 10.0.10.1/32", 1, ""),
    ("NEGATE_THEN_ADD", "cisco_ios", IOS,
     "interface Vlan10\n no ip access-group USERS in\n ip access-group OTHER in", 2, ""),
    ("NEGATE_THEN_ADD", "cisco_ios", IOS,
     "no ip access-list extended USERS\nip access-list extended USERS\n permit ip any any", 1, ""),
    ("NEGATE_THEN_ADD", "cisco_xe", IOS,
     "no ip route 0.0.0.0 0.0.0.0 10.0.10.254\nip route 0.0.0.0 0.0.0.0 10.0.10.253", 1, ""),
    ("NEGATE_THEN_ADD", "cisco_nxos", NXOS,
     "interface Vlan10\n  no ip address 10.0.10.1/24\n  ip address 10.0.10.2/24", 2, ""),
    ("NEGATE_THEN_ADD", "arista_eos", EOS, "no router ospf 1\nrouter ospf 1\n   router-id 10.0.0.1", 1, ""),
    ("NEGATE_THEN_ADD", "frr", FRR,
     "router bgp 65000\n no neighbor 10.0.0.1\n neighbor 10.0.0.1 remote-as 65002", 2, ""),
    ("WIDE_NO", "cisco_ios", IOS, "no ntp server", 1, ""),
    ("WIDE_NO", "cisco_xe", IOS, "default interface Gi1/0/1", 1, ""),
    ("WIDE_NO", "cisco_nxos",
     NXOS.replace("feature ospf\n", "feature ospf\nntp server 10.0.0.1\nntp server 10.0.0.2\n"),
     "no ntp server", 1, ""),
    ("WIDE_NO", "arista_eos", EOS, "default interface Vlan10", 1, ""),
    ("WIDE_NO", "frr", FRR + "ip prefix-list A seq 5 permit 10.0.0.0/8\nip prefix-list B seq 5 permit any\n",
     "no ip prefix-list", 1, ""),
    ("WIDE_NO", "cisco_xr", XR + BIG, "no ipv4 access-list BIG", 1, XR),
    ("WIDE_NO", "juniper_junos", JUNOS, "delete interfaces", 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(("code", "slug", "running", "commands", "number", "target"), CASES)
def test_each_rule_on_each_platform(
    code: str, slug: str, running: str, commands: str, number: int, target: str
) -> None:
    found = [
        one for one in reviewed(slug, running, commands, target, session=OwnSession()).findings if one.code == code
    ]
    assert [one.number for one in found] == [number]
    assert found[0].line == commands.split("\n")[number - 1]
    assert found[0].path
    assert "hunter" not in f"{found[0].sentence} {found[0].path}"
    assert "oldsecret" not in f"{found[0].sentence} {found[0].path}"


def test_every_platform_of_every_rule_has_a_case() -> None:
    own = (ROOT / "tests/unit/devices_domain/test_warnings_own_path.py").read_text()
    shown = {(code, slug) for code, slug, *_ in CASES}
    for rule in RULES:
        if rule.code.startswith("MANAGEMENT_"):
            assert rule.code in own
        else:
            assert {slug for code, slug in shown if code == rule.code} == rule.platforms, rule.code


ORDINARY = [
    ("cisco_ios", IOS, "interface Gi1/0/1\n description new\n switchport access vlan 20\n spanning-tree portfast"),
    ("cisco_ios", IOS, "interface Gi1/0/2\n no shutdown\n description used now"),
    ("cisco_ios", IOS, "interface Gi1/0/2\n shutdown"),
    ("cisco_ios", IOS, "interface Gi1/0/1\n no description\n description new"),
    ("cisco_ios", IOS, "no ntp server 10.0.0.1\nntp server 10.0.0.3"),
    ("cisco_ios", IOS, "ip access-list extended USERS\n 15 deny tcp any any eq 23"),
    ("cisco_ios", IOS, "ip access-list extended USERS\n no 10\n 10 permit tcp any any eq 443"),
    ("cisco_ios", IOS, "ip access-list standard SNMP\n permit 10.0.0.0 0.0.0.255\n deny any log"),
    ("cisco_ios", IOS, "interface Vlan20\n no ip access-group OLD in\n ip access-group USERS in"),
    ("cisco_ios", IOS, "interface Vlan50\n ip address 10.0.50.1 255.255.255.0"),
    ("cisco_ios", IOS, "interface Vlan50\n vrf forwarding OTHER\n ip address 10.0.10.1 255.255.255.0"),
    ("cisco_ios", IOS, "interface Vlan10\n standby 1 ip 10.0.10.3"),
    ("cisco_ios", IOS, "vlan 50\n name NEW\nno vlan 60"),
    ("cisco_ios", IOS, "router ospf 1\n passive-interface default\n no network 10.0.0.0 0.255.255.255 area 0"),
    ("cisco_ios", IOS, "ip route 10.5.0.0 255.255.0.0 10.0.10.7\nsnmp-server location here"),
    ("cisco_nxos", NXOS, "interface Ethernet1/1\n  description x\nvlan 20\n  name b\nfeature bgp"),
    ("arista_eos", EOS, "interface Ethernet1\n   description x\nntp server 192.0.2.1"),
    ("frr", FRR, "router bgp 65000\n no neighbor 10.0.0.1\nip route 10.5.0.0/16 10.0.10.9"),
    ("cisco_xr", XR, "interface GigabitEthernet0/0/0/0\n mtu 9000"),
    ("juniper_junos", JUNOS, "set interfaces ge-0/0/0 mtu 9000\ndelete interfaces ge-0/0/1 description"),
]


@pytest.mark.parametrize(("slug", "running", "commands"), ORDINARY)
def test_an_ordinary_change_gives_no_warning(slug: str, running: str, commands: str) -> None:
    target = running.replace(" description edge\n", " description edge\n mtu 9000\n") if slug == "cisco_xr" else ""
    assert warned(slug, running, commands, target) == []


DEMO = [
    "ntp server 192.0.2.99",
    "snmp-server contact noc-2@example.net",
    "service timestamps log datetime msec localtime show-timezone year",
    "ip name-server 10.20.0.54",
    "banner motd ^C\nstaff only\n^C",
    "vlan 60\n name cameras",
    "interface GigabitEthernet1/0/2\n description desk moved\n switchport access vlan 30",
]


@pytest.mark.parametrize("spec", [*site_specs(4)[::3], *eos_specs(1), *core_specs(1)], ids=lambda spec: spec.name)
def test_the_changes_of_the_demonstration_give_no_warning(spec) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    platform = platform_for(spec.platform)
    address = next((use.address for use in addresses_in(spec.startup, platform, spec.name)), "")
    facts: dict[str, Any] = {"session": OwnSession(address, "10.9.9.9", username="admin"), "lookup": _taken_by_nobody}
    if platform.predictable:
        for commands in DEMO if spec.platform == "cisco_ios" else DEMO[:1]:
            assert warned(spec.platform, spec.startup, commands, **facts) == []
    else:
        line = "set system ntp server 192.0.2.99" if platform.first_words else "ntp\n server 192.0.2.99"
        target = spec.startup + (f"{line}\n" if platform.first_words else "")
        target = (
            target
            if platform.first_words
            else target.replace(" server 192.0.2.10\n", " server 192.0.2.10\n server 192.0.2.99\n")
        )
        assert warned(spec.platform, spec.startup, line, target, **facts) == []


@pytest.mark.parametrize("spec", [*site_specs(4)[::3], *eos_specs(1)], ids=lambda spec: spec.name)
def test_typing_a_whole_configuration_again_gives_no_warning(spec) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    found = reviewed(spec.platform, spec.startup, spec.startup, lookup=_taken_by_nobody)
    assert found.findings == ()
    assert {"interface", "vlan", "snmp", "ntp"} & found.kinds


def _taken_by_nobody(addresses: Collection[str]) -> Mapping[str, Sequence[AddressUse]]:
    raise AssertionError(addresses)  # no new address, no question


def test_the_recorded_changes_of_real_routers_raise_no_error() -> None:
    cases = json.loads((ROOT / "tests/vectors/frr/changes.json").read_text())["cases"]
    codes: set[str] = set()
    for case in cases:
        before, commands = "\n".join(case["before"]), "\n".join(case["commands"])
        codes.update(one.code for one in reviewed("frr", before, commands, "\n".join(case["after"])).findings)
    assert codes <= {rule.code for rule in RULES if "frr" in rule.platforms}


def test_a_second_device_with_the_address() -> None:
    asked: list[Collection[str]] = []

    def lookup(addresses: Collection[str]) -> Mapping[str, Sequence[AddressUse]]:
        asked.append(addresses)
        return {
            "10.0.50.1": [AddressUse("10.0.50.1", "other", "Vlan9")],
            "10.0.50.2": [AddressUse("10.0.50.2", "a", "b", "X")],
        }

    commands = "interface Vlan50\nip address 10.0.50.1 255.255.255.0\ninterface Vlan51\n"
    commands += "ip address 10.0.50.2 255.255.255.0"
    found = told("cisco_ios", IOS, commands, "DUPLICATE_ADDRESS", lookup=lookup)
    assert found.sentence == "Vlan50 gets 10.0.50.1, which other has at Vlan9."
    assert asked == [{"10.0.50.1", "10.0.50.2"}]


def test_an_address_that_two_devices_share_on_purpose() -> None:
    def lookup(addresses: Collection[str]) -> Mapping[str, Sequence[AddressUse]]:
        return {address: [AddressUse(address, "other", "Vlan20", shared=True)] for address in addresses}

    assert warned("cisco_ios", IOS, "interface Vlan20\nstandby 1 ip 10.0.20.254", lookup=lookup) == []
    real = "interface Vlan20\nip address 10.0.20.254 255.255.255.0"
    assert told("cisco_ios", IOS, real, "DUPLICATE_ADDRESS", lookup=lookup).number == 2


def test_the_addresses_of_a_configuration() -> None:
    found = addresses_in(normalise(IOS, platform_for("cisco_ios")), platform_for("cisco_ios"), "sw")
    assert [(use.address, use.interface, use.vrf) for use in found] == [
        ("10.0.10.1", "Vlan10", ""),
        ("10.0.20.1", "Vlan20", ""),
        ("10.0.30.1", "Vlan30", "GUEST"),
    ]
    assert {use.device for use in found} == {"sw"}


def test_a_candidate_is_never_without_a_line_between_two() -> None:
    commands = "interface Vlan10\n no ip access-group USERS in\n ip access-group USERS in"
    assert warned("cisco_ios", IOS, commands) == [("NEGATE_THEN_ADD", 2)]
    assert warned("cisco_ios", IOS, commands, atomic=True) == []


def test_interfaces_that_are_known_to_be_down_may_be_shut_down() -> None:
    commands = "interface Gi1/0/1\nshutdown"
    assert warned("cisco_ios", IOS, commands, up=frozenset()) == []
    found = told("cisco_ios", IOS, commands, "INTERFACE_SHUTDOWN", up=frozenset({"GigabitEthernet1/0/1"}))
    assert found.sentence == "GigabitEthernet1/0/1 (“desk”) is up and is in VLAN 10. The change shuts it down."


def test_one_line_that_shuts_many_down_is_told_once() -> None:
    ports = "".join(f"interface GigabitEthernet1/0/{number}\n mtu 9000\n" for number in range(1, 6))
    found = told("cisco_ios", ports, "interface range Gi1/0/1 - 5\n shutdown", "INTERFACE_SHUTDOWN")
    assert found.number == 2
    assert found.sentence == (
        "Each of 5 interfaces is not shut down now: GigabitEthernet1/0/1, GigabitEthernet1/0/2, GigabitEthernet1/0/3 "
        "and 2 more. The change shuts them down."
    )


def test_a_default_gateway_is_no_default_route_of_a_router() -> None:
    commands = "no ip route 0.0.0.0 0.0.0.0 10.0.10.254\nip default-gateway 10.0.10.254"
    assert told("cisco_ios", IOS, commands, "DEFAULT_ROUTE").number == 2


def test_a_new_user_weighs_less_than_a_changed_one_and_ours_most() -> None:
    new, changed = "username ann secret 9 $9$x", "username joe privilege 15 secret 9 $9$new"
    assert told("cisco_ios", IOS, new, "CREDENTIAL_CHANGE").severity is Severity.MINOR
    assert told("cisco_ios", IOS, changed, "CREDENTIAL_CHANGE").severity is Severity.MAJOR
    ours = told("cisco_ios", IOS, changed, "CREDENTIAL_CHANGE", session=OwnSession(username="joe"))
    assert (ours.severity, "Countersign signs in as this user" in ours.sentence) == (Severity.CRITICAL, True)


def test_a_finding_has_the_shape_of_a_plans_warnings() -> None:
    found = told("cisco_ios", IOS, "no router ospf 1", "ROUTING_PROCESS").as_warning()
    assert found == {
        "line": "no router ospf 1",
        "sentence": "“router ospf 1” is configured with 2 lines. The change removes it, with the neighbors and "
        "routes of this process.",
        "code": "ROUTING_PROCESS",
        "severity": "critical",
        "number": 1,
        "path": ["router ospf 1"],
    }


@pytest.mark.parametrize(
    ("slug", "running", "commands", "kinds"),
    [
        ("cisco_ios", IOS, "interface Vlan20\n ip access-group USERS in", {"acl", "interface"}),
        ("cisco_ios", IOS, "interface Vlan20\n ip address 10.0.20.2 255.255.255.0", {"address", "interface"}),
        ("cisco_ios", IOS, "router ospf 1\n router-id 10.0.0.2", {"routing"}),
        ("cisco_ios", IOS, "aaa new-model\nvlan 5", {"aaa", "vlan"}),
        ("cisco_ios", IOS, "snmp-server community x RO", {"snmp", "credential"}),
        ("cisco_ios", IOS, "ntp server 10.0.0.1", {"ntp"}),
        ("cisco_ios", IOS, "line vty 0 4\n access-class USERS in", {"acl", "management"}),
        ("cisco_ios", IOS, "frobnicate 5", {"other"}),
        ("juniper_junos", JUNOS, "set firewall family inet filter X term 1 then accept", {"acl"}),
        ("juniper_junos", JUNOS, "delete protocols bgp", {"routing"}),
    ],
)
def test_the_kinds_of_content_that_a_change_touches(slug: str, running: str, commands: str, kinds: set[str]) -> None:
    found = reviewed(slug, running, commands)
    assert found.kinds == kinds
    assert all(touch.number for touch in found.touches)


def test_odd_text_raises_nothing() -> None:
    lines = ["interface", "no", "ip access-list", "permit", "access-list 10", "ip route", "set", "delete", "vlan", "“"]
    lines += [
        "ip access-list extended A",
        " permit tcp host",
        " deny ip 300.1.1.1 0.0.0.0 any",
        "interface X",
        " ip address 1",
    ]
    lines += [
        " channel-group",
        " standby 1 ip",
        "line vty 0 4",
        " access-class in",
        "management ssh",
        " ip access-group",
    ]
    odd = "\n".join(lines)
    for slug in PLATFORMS:
        reviewed(slug, IOS, odd, odd)
        reviewed(slug, odd, "no vlan\nno interface X", IOS)


def test_the_guide_has_the_rules_that_exist() -> None:
    text = (ROOT / "docs/warnings.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\w+) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert rows == [
        (
            rule.code,
            rule.severity.value,
            rule.title,
            "all"
            if rule.platforms == set(PLATFORMS)
            else ", ".join(slug for slug in PLATFORMS if slug in rule.platforms),
        )
        for rule in RULES
    ]
    for rule in RULES:
        assert rule.explanation in " ".join(text.split())
