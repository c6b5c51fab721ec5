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
logging server <host> [...]                    remove="no logging server {0}"
logging logfile ...                            remove="no logging logfile"
ntp server <host> [...]                        remove="no ntp server {0}"
ntp peer <host> [...]                          remove="no ntp peer {0}"
ntp source ...                                 remove="no ntp source"
snmp-server user <name> ...                    many
system default switchport                      off
line console > line                            fixed
line vty > line                                fixed
router ospf <process> > router
vpc domain <id> > unknown
banner <kind> [...]                            remove="no banner {0}"

[interface]
shutdown
ip address * secondary                         many early
ip address ...                                 exact
vrf member ...                                 remove="no vrf member" clears="ip address" off_clears="ip address"
ip router ospf <process> area *
hsrp <group> > unknown
vpc ...                                        remove="no vpc"

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
remote-as ...                                  remove="no remote-as"
description ...                                text remove="no description"
password ...                                   remove="no password"
update-source IF                               remove="no update-source"
ebgp-multihop ...                              remove="no ebgp-multihop"
timers ...                                     remove="no timers"
address-family ... > bgp-neighbor
route-map * <direction>
prefix-list * <direction>
send-community                                 many
send-community extended                        many
maximum-prefix ...                             remove="no maximum-prefix"
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
ntp server vrf <vrf> <host> [...]              remove="no ntp server vrf {0} {1}"
logging vrf <vrf> host <host> [...]            remove="no logging vrf {0} host {1}"
management <what> [...] > unknown              fixed
mlag configuration > unknown
tacacs-server host <host> vrf <vrf> ...        remove="no tacacs-server host {0} vrf {1}" appended
banner <kind> [...]                            remove="no banner {0}"
peer-filter <name> > unknown                   definition

[interface]
ip address * secondary                         many early
ip address ...                                 exact
vrf ...                                        remove="no vrf" clears="ip address" off_clears="ip address"
ip ospf area ...                               remove="no ip ospf area"
mlag ...                                       remove="no mlag"

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
log syslog ...                                 remove="no log syslog"
log file ...                                   remove="no log file"
log timestamp precision ...                    remove="no log timestamp precision"
service integrated-vtysh-config                off hidden
ip forwarding                                  off hidden
ipv6 forwarding                                off hidden
password ...                                   remove="no password"
enable password ...                            remove="no enable password"
ip nht resolve-via-default
vrf <name> > frr-vrf
ip route <prefix> <via> [...]                   grouped
ip route <prefix> * [...]                       many
ipv6 route ...                                 many
router-id ...                                  remove="no router-id"
ip router-id ...                               remove="no ip router-id"
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
ip ospf area ...                               remove="no ip ospf area"

[bgp]
bgp ebgp-requires-policy                       off hidden
bgp network import-check                       off hidden
bgp default ipv4-unicast                       off hidden
address-family ... > bgp                       fixed
address-family ipv4 unicast > bgp-ipv4         fixed
neighbor <peer> interface ...                  grouped
neighbor <peer> bfd                            grouped

[bgp-ipv4]
neighbor <peer> activate                       grouped off hidden

[route-map]
set ip next-hop ...                            remove="no set ip next-hop"
on-match ...                                   remove="no on-match"
call ...                                       remove="no call"
"""

NXOS_GRAMMAR = grammar(*IOS_TEXTS, _NXOS, names=NXOS_NAMES, prints_no_shutdown=True)
EOS_GRAMMAR = grammar(*IOS_TEXTS, _EOS, names=EOS_NAMES)
_FRR_ALIASES = (("neighbor ", r"^(neighbor \S+ ebgp-multihop)$", r"\1 255"),)

FRR_GRAMMAR = grammar(*IOS_TEXTS, _FRR, names=VERBATIM_NAMES, aliases=_FRR_ALIASES, hides_empty_blocks=True)
