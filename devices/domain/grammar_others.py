"""How Cisco NX-OS, Arista EOS and FRRouting read configuration lines, where they differ from IOS.

Sources: Cisco Nexus 9000 NX-OS 9.3 command references, Arista EOS 4.28 user manual, FRRouting 8.4 documentation.
"""

from devices.domain.grammar import grammar
from devices.domain.grammar_ios import IOS_TEXTS
from devices.domain.interface_names import EOS_NAMES, NXOS_NAMES, VERBATIM_NAMES

_NXOS = """
[global]
feature <name>
username <name> password ...                   remove="no username {0}"
username <name> role ...                       many
username <name> sshkey ...                     many
username <name> keypair ...                    many
vrf context <name> > vrf                       definition
ip access-list <name> > acl                    definition
ip route <prefix> <via> [...]                   grouped
ip route <prefix> * [...]                       many
ip name-server ...                             many appended
logging server <host> [...]                    short
logging logfile ...                            short
ntp server <host> [...]                        short
ntp peer <host> [...]                          short
ntp source ...                                 short
snmp-server user <name> ...                    many
system default switchport                      off
line console > line                            fixed
line vty > line                                fixed
router ospf <process> > router
vpc domain <id> > unknown
banner <kind> [...]                            short

[interface]
shutdown
ip address * secondary                         many early
ip address ...                                 exact
vrf member ...                                 short clears="ip address" off_clears="ip address"
ip router ospf <process> area *
hsrp <group> > unknown
vpc ...                                        short

[vrf]
ip route <prefix> <via> [...]                   grouped
ip route <prefix> * [...]                       many
ip name-server ...                             many appended
vni ...

[bgp]
neighbor <peer> > bgp-neighbor
neighbor <peer> remote-as * > bgp-neighbor     remove="no neighbor {0}"
template peer <name> > bgp-neighbor
vrf <name> > bgp

[bgp-neighbor]
inherit peer ...
remote-as ...                                  short
description ...                                text short
password ...                                   short
update-source IF                               short
ebgp-multihop ...                              short
timers ...                                     short
address-family ... > bgp-neighbor
route-map * <direction>
prefix-list * <direction>
send-community                                 many
send-community extended                        many
maximum-prefix ...                             short
shutdown
"""

_EOS = """
[global]
daemon <name> > unknown
vrf instance <name> > vrf                      definition
ip access-list <name> > acl                    definition
ip access-list standard <name> > std-acl       definition
ip name-server vrf <vrf> ...                   many appended listed
ip name-server ...                             many appended listed
ip route vrf <vrf> ...                         many
ip route <prefix> <via> [...]                   grouped
ip route <prefix> * [...]                       many
ip routing vrf <vrf>
ntp server vrf <vrf> <host> [...]              short
logging vrf <vrf> host <host> [...]            short
management <what> [...] > unknown              fixed
mlag configuration > unknown
tacacs-server host <host> vrf <vrf> ...        short appended
banner <kind> [...]                            short
peer-filter <name> > unknown                   definition

[interface]
ip address * secondary                         many early
ip address ...                                 exact
vrf ...                                        short clears="ip address" off_clears="ip address"
ip ospf area ...                               short
mlag ...                                       short

[bgp]
neighbor <peer> peer group                     cascade="neighbor {0}"
neighbor <peer> peer group *                   grouped
vrf <name> > bgp
vlan <id> > unknown
"""

_FRR = """
[global]
frr version ...
frr defaults ...
log syslog ...                                 short
log file ...                                   short
log timestamp precision ...                    short
service integrated-vtysh-config                off hidden
ip forwarding                                  off hidden
ipv6 forwarding                                off hidden
password ...                                   short
enable password ...                            short
ip nht resolve-via-default
vrf <name> > frr-vrf
ip route <prefix> <via> [...]                   grouped
ip route <prefix> * [...]                       many
ipv6 route ...                                 many
router-id ...                                  short
ip router-id ...                               short
router bgp <asn> > bgp                         alone
router bgp <asn> vrf <vrf> > bgp
router ospf > router
router ospf vrf <vrf> > router
ip prefix-list <name> seq <seq> ...
ipv6 prefix-list <name> seq <seq> ...
access-list <name> seq <seq> ...
bgp as-path access-list ...                    many appended
bgp community-list ...                         many appended

[frr-vrf]
ip route <prefix> <via> [...]                   grouped
ip route <prefix> * [...]                       many
ipv6 route ...                                 many
vni ...

[interface]
ip address ...                                 many
ipv6 address ...                               many
ip ospf area ...                               short refuses
ip ospf passive
ip ospf passive <address>                      many

[bgp]
bgp ebgp-requires-policy                       off hidden
bgp network import-check                       off hidden
bgp default ipv4-unicast                       off hidden
address-family ... > bgp                       fixed
address-family ipv4 unicast > bgp-ipv4         fixed
neighbor <peer> interface ...                  grouped

[bgp-ipv4]
neighbor <peer> activate                       grouped off hidden

[router]
ospf router-id ...                             short
passive-interface IF <address>                 many

[route-map]
set ip next-hop ...                            short
on-match ...                                   short
call ...                                       short
"""

NXOS_GRAMMAR = grammar(*IOS_TEXTS, _NXOS, names=NXOS_NAMES, prints_no_shutdown=True)
EOS_GRAMMAR = grammar(*IOS_TEXTS, _EOS, names=EOS_NAMES)
_FRR_ALIASES = (("neighbor ", r"^(neighbor \S+ ebgp-multihop)$", r"\1 255"),)

PRINTED_ORDER = grammar("")
"""No rules: every line stands where the device prints it. IOS XR and Junos print in an order of their own."""

FRR_GRAMMAR = grammar(
    *IOS_TEXTS,
    _FRR,
    names=VERBATIM_NAMES,
    aliases=_FRR_ALIASES,
    hides_empty_blocks=True,
    passive_on_interface=True,
)
