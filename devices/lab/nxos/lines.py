"""The configuration lines that the NX-OS-like switch knows."""

from typing import Final

from devices.lab.line_tree import kinds

TABLE: Final = kinds(
    r"""
global | version .+
global | hostname =
global | vdc .+
global | feature (\S+)
global | username (\S+) (password|role) =
global | banner motd .+
global | ip domain-lookup
global | ip name-server .+
global | ip access-list (\S+) | acl
global | ip route \S+ \S+.*
global | snmp-server (location|contact) =
global | snmp-server community .+
global | ntp server \S+.*
global | logging server \S+.*
global | vlan \d+(?:[-,]\d+)* | vlan
global | route-map (\S+) (permit|deny) (\d+) | route-map
global | vrf context (\S+) | vrf
global | interface ((?:Ethernet|port-channel|loopback|Vlan|mgmt)\S*) | interface
global | line (console|vty) | line
global | router ospf (\S+) | ospf
global | router bgp (\d+) | bgp
vlan | name =
acl | (\d+) (?:permit|deny|remark) =
vrf | ip route \S+ \S+.*
route-map | match .+
route-map | set .+
interface | description =
interface | switchport
interface | switchport mode =
interface | switchport access vlan =
interface | switchport trunk allowed vlan =
interface | mtu =
interface | vrf member =
interface | ip address =
interface | ip router ospf (\S+) area =
interface | shutdown
line | exec-timeout =
ospf | router-id =
bgp | router-id =
bgp | address-family ipv4 unicast | bgp-af
bgp | neighbor (\S+) | neighbor
bgp-af | network \S+
neighbor | remote-as =
neighbor | description =
neighbor | update-source =
neighbor | shutdown
neighbor | address-family ipv4 unicast | neighbor-af
neighbor-af | route-map (\S+) (in|out)
neighbor-af | next-hop-self
"""
)
PROMPTS: Final = {
    "global": "config",
    "interface": "config-if",
    "vlan": "config-vlan",
    "acl": "config-acl",
    "bgp": "config-router",
    "ospf": "config-router",
    "bgp-af": "config-router-af",
    "neighbor": "config-router-neighbor",
    "neighbor-af": "config-router-neighbor-af",
}
NEEDS_FEATURE: Final = {"router bgp": "bgp", "router ospf": "ospf", "interface Vlan": "interface-vlan"}
