"""Where two changes meet, for each platform's grammar: one table of base, plan, drift and verdict."""

from __future__ import annotations

import pytest

from devices.domain.drift import DriftKind, classify_drift
from devices.domain.platforms import PLATFORMS

_IOS = """hostname a
logging host 10.0.0.5
ip name-server 10.0.0.1
vlan 10
 name USERS
interface Vlan10
 description users
 ip address 10.1.0.1 255.255.255.0
 ip access-group IN in
interface Loopback7
 description spare
ip prefix-list NETS seq 5 permit 10.0.0.0/8
route-map RM permit 10
 set metric 5
route-map RM permit 20
 set metric 6
ntp server 10.0.0.1
router bgp 65000
 neighbor 10.9.0.1 remote-as 65001
 address-family ipv4
  neighbor 10.9.0.1 activate
policy-map P
 class A
  bandwidth 10
 class B
  bandwidth 20
line vty 0 4
 exec-timeout 5 0
line vty 5 15
 exec-timeout 5 0
object-group network SERVERS
 host 10.0.0.1
"""
_NXOS = """hostname a
ntp server 10.0.0.1
vlan 10
  name USERS
ip access-list ACL
  10 permit ip any any
interface Vlan10
  description users
  mtu 1500
router bgp 65000
  neighbor 10.9.0.1
    remote-as 65001
    description left
"""
_EOS = """hostname a
ntp server 10.0.0.1
ip access-list ACL
   10 permit ip any any
interface Vlan10
   description users
   mtu 1500
router bgp 65000
   neighbor 10.9.0.1 remote-as 65001
   neighbor 10.9.0.1 description left
"""
_FRR = """hostname a
ip prefix-list NETS seq 5 permit 10.0.0.0/8
interface eth0
 description users
 ip address 10.1.0.1/24
router bgp 65000
 neighbor 10.9.0.1 remote-as 65001
 neighbor 10.9.0.1 description left
"""
_XR = """hostname a
ntp
 server 10.0.0.1
!
interface MgmtEth0/RP0/CPU0/0
 description users of hall 4
 mtu 1500
!
ipv4 access-list ACL
 10 permit ipv4 any any
!
route-policy P
  pass
end-policy
router bgp 65000
 neighbor 10.9.0.1
  remote-as 65001
  description left
 !
!
"""
_JUNOS = """set system host-name a
set system ntp server 10.0.0.1
set interfaces ge-0/0/0 description "users of hall 4"
set interfaces ge-0/0/0 mtu 1500
set firewall family inet filter F term a from port 22
set firewall family inet filter F term b then reject
set protocols bgp group g neighbor 10.9.0.1 peer-as 65001
set protocols bgp group g neighbor 10.9.0.1 description left
"""
_BASES = {
    "cisco_ios": _IOS,
    "cisco_xe": _IOS,
    "cisco_nxos": _NXOS,
    "arista_eos": _EOS,
    "frr": _FRR,
    "cisco_xr": _XR,
    "juniper_junos": _JUNOS,
}

Edit = tuple[str, str]
APART, MEET = DriftKind.UNRELATED, DriftKind.OVERLAPPING
_NTP, _DESCRIPTION, _MTU = "ntp server 10.0.0.1", "description users", "mtu 1500"
_LEFT = "neighbor 10.9.0.1 description left"
_ACE = "10 permit ip any any"
_PREFIX = "ip prefix-list NETS seq 5 permit 10.0.0.0/8"

CASES: list[tuple[str, str, Edit, Edit, DriftKind]] = [
    # IOS: platforms of which the grammar knows most
    ("ios", "another server of the list", (_NTP, f"{_NTP}\nntp server A"), (_NTP, f"{_NTP}\nntp server B"), APART),
    ("ios", "the same server", (_NTP, f"{_NTP} prefer"), (_NTP, f"{_NTP} key 1"), MEET),
    ("ios", "the same server removed", (_NTP, f"{_NTP} prefer"), (f"{_NTP}\n", ""), MEET),
    ("ios", "another value", ("hostname a", "hostname b"), ("hostname a", "hostname c"), MEET),
    ("ios", "another setting of the block", (_DESCRIPTION, "description x"), ("10.1.0.1", "10.1.0.2"), APART),
    ("ios", "a value taken along", ("10.1.0.1", "10.1.0.2"),
     (_DESCRIPTION, f"{_DESCRIPTION}\n vrf forwarding X"), MEET),
    ("ios", "in and out", ("IN in", "NEW in"), ("IN in", "IN in\n ip access-group OUT out"), APART),
    ("ios", "secondary address", ("10.1.0.1", "10.1.0.2"),
     ("255.255.255.0\n", "255.255.255.0\n ip address 10.2.0.1 255.255.255.0 secondary\n"), MEET),
    ("ios", "block removed", (" description spare", " description x"),
     ("interface Loopback7\n description spare\n", ""), MEET),
    ("ios", "block renamed", (" description spare", " description x"), ("Loopback7", "Loopback8"), MEET),
    ("ios", "an ordered list of lines", ("10.0.0.1\nvlan", "10.0.0.1\nip name-server A\nvlan"),
     ("10.0.0.1\nvlan", "10.0.0.1\nip name-server B\nvlan"), MEET),
    ("ios", "a prefix list", (_PREFIX, f"{_PREFIX}\nip prefix-list NETS seq 10 permit 11.0.0.0/8"),
     (_PREFIX, f"{_PREFIX}\nip prefix-list NETS seq 15 permit 12.0.0.0/8"), MEET),
    ("ios", "another prefix list", (_PREFIX, f"{_PREFIX}\nip prefix-list ONE seq 10 permit 11.0.0.0/8"),
     (_PREFIX, f"{_PREFIX}\nip prefix-list TWO seq 15 permit 12.0.0.0/8"), APART),
    ("ios", "another entry of a route map", ("set metric 5", "set metric 7"), ("set metric 6", "set metric 8"), MEET),
    ("ios", "another class of a policy", ("bandwidth 10", "bandwidth 11"), ("bandwidth 20", "bandwidth 21"), MEET),
    ("ios", "terminal lines in other ranges", ("vty 0 4", "vty 0 3"),
     ("vty 5 15\n exec-timeout 5", "vty 5 15\n exec-timeout 9"), MEET),
    ("ios", "a peer goes with its lines in a family", (" neighbor 10.9.0.1 remote-as 65001\n", ""),
     ("10.9.0.1 activate", "10.9.0.1 activate\n  neighbor 10.9.0.1 route-map X in"), MEET),
    ("ios", "another peer", (" neighbor 10.9.0.1 remote-as 65001\n", ""),
     ("10.9.0.1 activate", "10.9.0.1 activate\n  neighbor 10.8.0.1 route-map X in"), APART),
    ("ios", "lines of which no rule is known", (" host 10.0.0.1", " host 10.0.0.1\n host 10.0.0.2"),
     (" host 10.0.0.1", " host 10.0.0.3"), MEET),
    # the others
    ("cisco_nxos", "another setting", (_DESCRIPTION, "description x"), (_MTU, "mtu 9000"), APART),
    ("cisco_nxos", "another server", (_NTP, f"{_NTP}\nntp server A"), (_NTP, f"{_NTP}\nntp server B"), APART),
    ("cisco_nxos", "an access list", (_ACE, f"{_ACE}\n  20 deny ip any any"),
     (_ACE, f"  5 deny ip any any\n{_ACE}"), MEET),
    ("cisco_nxos", "below one peer", ("description left", "description l"),
     ("remote-as 65001", "remote-as 65002"), APART),
    ("arista_eos", "another setting", (_DESCRIPTION, "description x"), (_MTU, "mtu 9000"), APART),
    ("arista_eos", "an access list", (_ACE, f"{_ACE}\n   20 deny ip any any"), (_ACE, "10 deny ip any any"), MEET),
    ("arista_eos", "the same peer's description", (_LEFT, f"{_LEFT}er"), (f"   {_LEFT}\n", ""), MEET),
    ("frr", "another setting", (_DESCRIPTION, "description x"), ("10.1.0.1/24", "10.1.0.2/24"), APART),
    ("frr", "a prefix list", (_PREFIX, f"{_PREFIX}\nip prefix-list NETS seq 10 permit 11.0.0.0/8"),
     (_PREFIX, "ip prefix-list NETS seq 5 deny 10.0.0.0/8"), MEET),
    ("frr", "the same peer's description", (_LEFT, f"{_LEFT}er"), (_LEFT, f"{_LEFT}ish"), MEET),
    ("cisco_xr", "another server", (" server 10.0.0.1", " server 10.0.0.1\n server 10.0.0.2"),
     (" server 10.0.0.1", " server 10.0.0.1\n server 10.0.0.3"), APART),
    ("cisco_xr", "another setting", ("description users of hall 4", "description x"), (_MTU, "mtu 9000"), APART),
    ("cisco_xr", "a text of several words", ("users of hall 4", "staff"), ("users of hall 4", "users of hall 5"), MEET),
    ("cisco_xr", "an access list", (" 10 permit", " 5 deny ipv4 any any\n 10 permit"),
     (" 10 permit", " 10 deny"), MEET),
    ("cisco_xr", "a policy's text", ("  pass", "  drop"), ("  pass", "  done"), MEET),
    ("cisco_xr", "below one peer", ("description left", "description l"),
     ("remote-as 65001", "remote-as 65002"), APART),
    ("juniper_junos", "another server", (_NTP, f"{_NTP}\nset system ntp server 10.0.0.2"),
     (_NTP, f"{_NTP}\nset system ntp server 10.0.0.3"), APART),
    ("juniper_junos", "the same server", (_NTP, f"{_NTP} prefer"), (f"set system {_NTP}\n", ""), MEET),
    ("juniper_junos", "another setting", ('"users of hall 4"', "x"), (_MTU, "mtu 9000"), APART),
    ("juniper_junos", "another value", ('"users of hall 4"', "x"), ('"users of hall 4"', '"hall 5"'), MEET),
    ("juniper_junos", "switched off as a whole", (_MTU, "mtu 9000"),
     (_NTP, f"{_NTP}\ndeactivate interfaces ge-0/0/0"), MEET),
    ("juniper_junos", "another term of a filter", ("port 22", "port 23"), ("then reject", "then discard"), MEET),
    ("juniper_junos", "a block renamed", (_MTU, "mtu 9000"), ("ge-0/0/0", "ge-0/0/1"), MEET),
]  # fmt: skip


@pytest.mark.parametrize(
    ("slug", "plan", "drift", "verdict"),
    [
        pytest.param(slug, plan, drift, verdict, id=f"{slug}: {name}")
        for family, name, plan, drift, verdict in CASES
        for slug in (("cisco_ios", "cisco_xe") if family == "ios" else (family,))
    ],
)
def test_changes_meet_by_place(slug: str, plan: Edit, drift: Edit, verdict: DriftKind) -> None:
    base, platform = _BASES[slug], PLATFORMS[slug]
    assert plan[0] in base
    assert drift[0] in base
    target, actual = base.replace(*plan), base.replace(*drift)
    assert classify_drift(base, target, actual, platform).kind is verdict
    assert classify_drift(base, actual, target, platform).kind is verdict


def test_another_order_meets_everything_where_no_order_is_known() -> None:
    base, platform = _BASES["juniper_junos"], PLATFORMS["juniper_junos"]
    lines = base.splitlines()
    actual = "\n".join([*lines[1:], lines[0], ""])
    assert classify_drift(base, base.replace(_MTU, "mtu 9000"), actual, platform).kind is MEET
