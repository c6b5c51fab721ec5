"""Which kinds of content a change touches, as facts for approval policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from devices.domain.warnings.content_kinds import ContentKind as K
from devices.domain.warnings.rule import Path
from devices.domain.warnings.situation import Situation


@dataclass(frozen=True, slots=True)
class Touch:
    """A kind of content and the first place that shows it.

    ``number`` counts the rendered lines from 1; ``place`` is a block's header or the first words of a line and holds
    no secret. Enough for a sentence: "Security is asked because line 4 touches an access list".
    """

    kind: K
    number: int | None
    place: str


_ROUTING: Final = (
    r"router-id|router |ip(?:v6)? route|ip routing|ip forwarding|ipv6 (?:forwarding|unicast-routing)|ip default-"
    r"|mpls |bfd |key chain "
)
_ROUTE_POLICY: Final = (
    r"route-map |route-policy |prefix-set |(?:as-path|community|extcommunity)-set |ip (?:as-path|community-list)"
)
_KEYS_INSIDE: Final = (
    r"(?:secret|password|key|key-string|pre-shared-key|server-private) "
    r"|.* (?:password|authentication-key|message-digest-key) "
)
_TOP: Final = tuple(
    (re.compile(pattern), kinds)
    for pattern, kinds in (
        (r"aaa |tacacs|radius|ip (?:tacacs|radius) ", (K.AAA,)),
        (r"username |enable (?:secret|password|algorithm)|role |password ", (K.AAA, K.CREDENTIAL)),
        (r"(?:ip |ipv4 |ipv6 |mac )?access-list |object-group ", (K.ACL,)),
        (r"ip(?:v6)? prefix-list ", (K.ACL, K.ROUTE_POLICY)),
        (r"interface ", (K.INTERFACE,)),
        (r"vlan |vtp |switchport ", (K.VLAN,)),
        (r"vrf |ip vrf ", (K.VRF,)),
        (_ROUTE_POLICY, (K.ROUTE_POLICY, K.ROUTING)),
        (_ROUTING, (K.ROUTING,)),
        (r"feature (?:ospf|bgp|eigrp|isis|rip|pim)", (K.ROUTING,)),
        (r"feature (?:ssh|telnet|nxapi|tacacs)", (K.MANAGEMENT,)),
        (r"snmp", (K.SNMP,)),
        (r"ntp|clock |sntp ", (K.NTP,)),
        (r"logging|archive|syslog", (K.LOGGING,)),
        (r"ip (?:name-server|domain|host )|domain |dns ", (K.DNS,)),
        (r"ip dhcp|service dhcp", (K.DHCP,)),
        (r"ip nat", (K.NAT,)),
        (r"spanning-tree", (K.SPANNING_TREE,)),
        (r"class-map |policy-map |mls qos|qos ", (K.QOS,)),
        (r"crypto |security |macsec", (K.CRYPTO,)),
        (r"line |management |ip (?:ssh|http|scp)|ssh |telnet |netconf|restconf|control-plane|login ", (K.MANAGEMENT,)),
        (r"banner ", (K.BANNER,)),
        (r"hostname |service |version |license |boot |system |platform ", (K.SYSTEM,)),
    )
)  # fmt: skip
_INSIDE: Final = tuple(
    (re.compile(pattern), kinds)
    for pattern, kinds in (
        (r"(?:ip |ipv4 |ipv6 )?(?:access-group|access-class|traffic-filter)", (K.ACL,)),
        (r"(?:ip |ipv4 |ipv6 )address|standby |vrrp |hsrp ", (K.ADDRESS,)),
        (r"switchport .*vlan|switchport mode|encapsulation dot1", (K.VLAN,)),
        (r"(?:ip |ipv4 |ipv6 )?(?:router )?(?:ospf|eigrp|isis|rip|pim|policy) ", (K.ROUTING,)),
        (r"vrf |ip vrf ", (K.VRF,)),
        (r"service-policy|mls qos|auto qos|srr-queue", (K.QOS,)),
        (r"ip nat", (K.NAT,)),
        (r"ip helper-address|ip dhcp", (K.DHCP,)),
        (r"spanning-tree", (K.SPANNING_TREE,)),
        (_KEYS_INSIDE, (K.CREDENTIAL,)),
        (r"login|authorization ", (K.AAA,)),
    )
)  # fmt: skip
_JUNOS: Final = tuple(
    (re.compile(pattern), kinds)
    for pattern, kinds in (
        (r"system (?:login|root-authentication)", (K.AAA, K.CREDENTIAL)),
        (r"system (?:authentication-order|tacplus|radius|accounting)", (K.AAA,)),
        (r"system services", (K.MANAGEMENT,)),
        (r"system ntp", (K.NTP,)),
        (r"system syslog", (K.LOGGING,)),
        (r"system (?:name-server|domain)", (K.DNS,)),
        (r"system ", (K.SYSTEM,)),
        (r"interfaces .* filter ", (K.ACL, K.INTERFACE)),
        (r"interfaces .* address", (K.ADDRESS, K.INTERFACE)),
        (r"interfaces .* vlan", (K.VLAN, K.INTERFACE)),
        (r"interfaces", (K.INTERFACE,)),
        (r"policy-options prefix-list", (K.ACL, K.ROUTE_POLICY)),
        (r"firewall", (K.ACL,)),
        (r"protocols (?:rstp|mstp|vstp)", (K.SPANNING_TREE,)),
        (r"policy-options", (K.ROUTE_POLICY, K.ROUTING)),
        (r"protocols|routing-options", (K.ROUTING,)),
        (r"routing-instances .* (?:protocols|routing-options)", (K.VRF, K.ROUTING)),
        (r"routing-instances", (K.VRF,)),
        (r"vlans", (K.VLAN,)),
        (r"snmp community", (K.SNMP, K.CREDENTIAL)),
        (r"snmp", (K.SNMP,)),
        (r"class-of-service", (K.QOS,)),
        (r"security nat", (K.NAT,)),
        (r"security", (K.CRYPTO,)),
    )
)
_SECRET: Final = re.compile(
    r"snmp-server (?:community|user)|ntp authentication-key|(?:tacacs|radius)-server .*key|vtp password|crypto .*key"
)


def touched_kinds(situation: Situation) -> tuple[Touch, ...]:
    """The kinds of content that the commands or the difference touch, each once, sorted by name.

    Commands that change nothing count as well: they are sent. So does what a command changes elsewhere.
    """
    found: dict[K, Touch] = {}
    for command in situation.commands:
        for path in command.paths:
            for kind in kinds_of(path, command.text, junos=bool(situation.platform.first_words)):
                found.setdefault(kind, Touch(kind, command.number, _place(path, command.text)))
    for change in situation.changes:
        if not change.text:
            continue
        for kind in kinds_of(change.path, change.text, junos=bool(situation.platform.first_words)):
            if kind not in found:
                number = situation.number_of(change.path, change.text.removeprefix("no ").removeprefix("set "))
                found[kind] = Touch(kind, number, _place(change.path, change.text))
    return tuple(found[kind] for kind in sorted(found))


def _place(path: Path, text: str) -> str:
    return path[0] if path else " ".join(text.split()[:2])


def kinds_of(path: Path, text: str, *, junos: bool = False) -> Iterator[K]:
    """What one line is about, by its block and its words. A header counts with the lines below it."""
    if junos:
        yield from _first(_JUNOS, re.sub(r"^(?:set|deactivate) ", "", text)) or (K.OTHER,)
        return
    text = text.removeprefix("no ").removeprefix("default ")
    if not path:
        yield from _first(_TOP, f"{text} ") or (K.OTHER,)
        if _SECRET.match(text):
            yield K.CREDENTIAL
        return
    yield from _first(_TOP, f"{path[0]} ") or (K.OTHER,)
    yield from _first(_INSIDE, f"{text} ")


def _first(table: tuple[tuple[re.Pattern[str], tuple[K, ...]], ...], text: str) -> tuple[K, ...]:
    return next((kinds for pattern, kinds in table if pattern.match(text)), ())
