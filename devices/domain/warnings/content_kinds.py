"""The kinds of content that approval policies ask for: what a changed line is about."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ContentKind(StrEnum):
    """What a changed line is about. One line can be of several kinds: an access list at an interface is of two."""

    AAA = "aaa"
    ACL = "acl"
    ADDRESS = "address"
    BANNER = "banner"
    CREDENTIAL = "credential"
    CRYPTO = "crypto"
    DHCP = "dhcp"
    DNS = "dns"
    INTERFACE = "interface"
    LOGGING = "logging"
    MANAGEMENT = "management"
    NAT = "nat"
    NTP = "ntp"
    QOS = "qos"
    ROUTE_POLICY = "route_policy"
    ROUTING = "routing"
    SNMP = "snmp"
    SPANNING_TREE = "spanning_tree"
    SYSTEM = "system"
    VLAN = "vlan"
    VRF = "vrf"
    OTHER = "other"
    """Nothing is known of the line."""

    @property
    def label(self) -> str:
        """The words on a page."""
        return _LABELS.get(self) or self.value.replace("_", " ").capitalize()

    @property
    def phrase(self) -> str:
        """The subject of a sentence that ends in "touched": ``an access list is``."""
        return _PHRASES[self]


_LABELS: Final = {
    ContentKind.AAA: "AAA",
    ContentKind.ACL: "Access list",
    ContentKind.CRYPTO: "VPN and encryption",
    ContentKind.DHCP: "DHCP",
    ContentKind.DNS: "DNS",
    ContentKind.NAT: "NAT",
    ContentKind.NTP: "NTP",
    ContentKind.QOS: "QoS",
    ContentKind.SNMP: "SNMP",
    ContentKind.VLAN: "VLAN",
    ContentKind.VRF: "VRF",
}
_PHRASES: Final = {
    ContentKind.AAA: "authentication or authorization (AAA) is",
    ContentKind.ACL: "an access list (ACL) is",
    ContentKind.ADDRESS: "an address is",
    ContentKind.BANNER: "a banner is",
    ContentKind.CREDENTIAL: "a credential is",
    ContentKind.CRYPTO: "a VPN or encryption is",
    ContentKind.DHCP: "DHCP is",
    ContentKind.DNS: "DNS is",
    ContentKind.INTERFACE: "an interface is",
    ContentKind.LOGGING: "logging is",
    ContentKind.MANAGEMENT: "management access is",
    ContentKind.NAT: "address translation is",
    ContentKind.NTP: "NTP is",
    ContentKind.QOS: "quality of service is",
    ContentKind.ROUTE_POLICY: "a route policy is",
    ContentKind.ROUTING: "routing is",
    ContentKind.SNMP: "SNMP is",
    ContentKind.SPANNING_TREE: "spanning tree is",
    ContentKind.SYSTEM: "a system setting is",
    ContentKind.VLAN: "a VLAN is",
    ContentKind.VRF: "a VRF is",
    ContentKind.OTHER: "content of no known kind is",
}
