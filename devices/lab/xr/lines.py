"""The configuration lines that the IOS XR-like router knows."""

import re
from dataclasses import dataclass
from typing import Final

from devices.lab.line_tree import kinds

_IPV4: Final = r"\d+\.\d+\.\d+\.\d+"

TABLE: Final = kinds(
    rf"""
global | hostname =
global | clock timezone .+
global | logging {_IPV4}.*
global | logging (trap|console|buffered) =
global | domain name =
global | username (\S+) | username
global | ntp | ntp
global | ntp server {_IPV4}.*
global | vrf (\S+) | vrf
global | line (console|default|template \S+) | line
global | snmp-server (location|contact) =
global | snmp-server community .+
global | banner (motd|login|exec) .+
global | ipv4 access-list (\S+) | acl
global | interface (Loopback\d+|Bundle-Ether\d+|MgmtEth\S+|(?:Gig|TenGig|Hundred)\S+) | interface
global | (?:route-policy|prefix-set|community-set|as-path-set) (\S+)(?:\n.*)* | text
global | router static | static
global | router ospf (\S+) | ospf
global | router bgp (\d+) | bgp
global | ssh server v2
global | lldp
global | cdp
username | group (\S+)
username | secret =
username | password =
ntp | server {_IPV4}.*
ntp | source =
line | exec-timeout =
line | transport input =
line | access-class (ingress|egress) =
vrf | address-family ipv4 unicast | vrf-af
vrf-af | import route-target | targets
vrf-af | export route-target | targets
targets | \d+:\d+
acl | (\d+) (?:permit|deny|remark) =
interface | description =
interface | cdp
interface | mtu =
interface | vrf =
interface | ipv4 address =
interface | shutdown
interface | bundle id =
interface | load-interval =
static | address-family ipv4 unicast | static-af
static-af | \d+\.\d+\.\d+\.\d+/\d+ \S+.*
ospf | router-id =
ospf | log adjacency changes
ospf | area (\S+) | area
area | interface (\S+) | area-interface
area-interface | cost =
area-interface | passive (\S+)
bgp | bgp router-id =
bgp | bgp log neighbor changes detail
bgp | address-family ipv4 unicast | bgp-af
bgp | neighbor ({_IPV4}) | neighbor
bgp-af | network \S+
bgp-af | redistribute (\S+)
neighbor | remote-as =
neighbor | description =
neighbor | update-source =
neighbor | shutdown
neighbor | address-family ipv4 unicast | neighbor-af
neighbor-af | route-policy (\S+) (in|out)
neighbor-af | next-hop-self
neighbor-af | maximum-prefix =
"""
)


@dataclass(frozen=True, slots=True)
class _Texts:
    begin: re.Pattern[str]
    end: re.Pattern[str]


TEXTS: Final = _Texts(
    re.compile(r"(?:route-policy|prefix-set|community-set|as-path-set) \S+"), re.compile(r"end-(?:policy|set)")
)
PROMPTS: Final = {
    "global": "config",
    "interface": "config-if",
    "static": "config-static",
    "static-af": "config-static-afi",
    "bgp": "config-bgp",
    "bgp-af": "config-bgp-af",
    "neighbor": "config-bgp-nbr",
    "neighbor-af": "config-bgp-nbr-af",
    "ospf": "config-ospf",
    "area": "config-ospf-ar",
    "area-interface": "config-ospf-ar-if",
    "acl": "config-ipv4-acl",
    "username": "config-un",
    "vrf": "config-vrf",
    "vrf-af": "config-vrf-af",
    "ntp": "config-ntp",
    "text": "config-rpl",
}
