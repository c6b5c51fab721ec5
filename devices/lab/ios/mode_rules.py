"""The forms of the sub-modes, in the notation of `rules`.

A block begins with its mode's name and what stands in the prompt's brackets. Blocks whose name begins with ``@`` are
parts that modes include by that name.
"""

from typing import Final

SUB_MODES: Final = """
[@bgp-neighbor]
neighbor {<ip>|<ip6>|<word>} remote-as :: <int:1-4294967295> ;; hook=neighbor, group=2
neighbor <word> peer-group ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>} peer-group :: <word> ;; group=2, same
neighbor {<ip>|<ip6>|<word>} description :: <line> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} shutdown ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} password :: <line> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} ebgp-multihop :: [<int:1-255>] ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} update-source :: <if> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} timers :: <int:0-65535> <int:0-65535> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} activate ;; group=2, same
neighbor {<ip>|<ip6>|<word>} send-community :: [{both|standard|extended}] ;; group=2, same
neighbor {<ip>|<ip6>|<word>} soft-reconfiguration inbound ;; group=2, same
neighbor {<ip>|<ip6>|<word>} next-hop-self ;; group=2, same
neighbor {<ip>|<ip6>|<word>} route-reflector-client ;; group=2, same
neighbor {<ip>|<ip6>|<word>} default-originate ;; group=2, same
neighbor {<ip>|<ip6>|<word>} maximum-prefix :: <line> ;; group=2, same
neighbor {<ip>|<ip6>|<word>} prefix-list <word> {in|out} ;; hook=neighbor_direction, group=2, same
neighbor {<ip>|<ip6>|<word>} route-map <word> {in|out} ;; hook=neighbor_direction, group=2, same
wipe neighbor {<ip>|<ip6>|<word>} ;; hook=wipe_neighbor

[@bgp-networks]
network <ip> [mask <mask>]
aggregate-address <ip> <mask> :: [summary-only]
redistribute {connected|static|ospf <int:1-65535>|bgp <int:1-4294967295>} :: [<line>]
maximum-paths :: <int:1-32>

[@access-list]
remark <line> ;; hook=ace, sort, same
<int:1-2147483647> remark <line> ;; hook=ace, sort, same
wipe <int:1-2147483647>

[if] config-if
description :: <line>
switchport ;; hook=switchport
switchport access vlan :: <int:1-4094> ;; default=1, hook=access_vlan
switchport trunk encapsulation :: {dot1q|negotiate}
switchport trunk native vlan :: <int:1-4094> ;; default=1
switchport trunk allowed vlan :: {<vlans>|all|none|add <vlans>|remove <vlans>|except <vlans>} ;; \
    hook=allowed_vlan
switchport mode :: {access|trunk|dynamic {auto|desirable}} ;; default=dynamic auto
switchport nonegotiate
switchport voice vlan :: <int:1-4094>
switchport port-security
switchport port-security maximum :: <int:1-4097> ;; default=1
switchport port-security violation :: {protect|restrict|shutdown} ;; default=shutdown
switchport port-security aging time :: <int:1-1440>
switchport port-security mac-address sticky
switchport block {multicast|unicast}
wipe switchport port-security
vrf forwarding :: <word>
ip address :: {<ip> <mask>|dhcp} ;; hook=ip_address
ip address <ip> <mask> secondary
ip helper-address <ip>
wipe ip helper-address
ip access-group {<int:1-199>|<word>} {in|out} ;; hook=direction
ip proxy-arp ;; on
ip redirects ;; on
ip unreachables ;; on
ip directed-broadcast
ip mtu :: <int:68-9198>
ip ospf <int:1-65535> area :: <word>
ip ospf cost :: <int:1-65535>
ip ospf network :: {point-to-point|broadcast|non-broadcast|point-to-multipoint}
ip ospf authentication :: [{message-digest|null}]
ip ospf message-digest-key <int:1-255> :: md5 <line>
ip dhcp snooping trust
ip dhcp snooping limit rate :: <int:1-2048>
ip arp inspection trust
ip arp inspection limit rate :: <int:0-2048>
ip verify source
ip nat {inside|outside}
ip flow monitor <word> {input|output}
ip tcp adjust-mss :: <int:500-1460>
ipv6 address <ip6prefix>
ipv6 enable
ipv6 nd <line>
load-interval :: <int:30-600>
bandwidth :: <int:1-10000000>
delay :: <int:1-16777215>
mtu :: <int:64-9216> ;; default=1500
logging event {link-status|trunk-status|spanning-tree|bundle-status}
shutdown
speed :: {10|100|1000|2500|5000|10000|25000|nonegotiate|auto} ;; default=auto
duplex :: {auto|full|half} ;; default=auto
negotiation auto ;; on
carrier-delay :: {<int:0-60>|msec <int:0-1000>}
flowcontrol receive :: {on|off|desired}
power inline :: {auto|never|static} ;; default=auto
storm-control {broadcast|multicast|unicast} level :: <line>
storm-control action {shutdown|trap}
authentication port-control :: {auto|force-authorized|force-unauthorized}
authentication periodic
mab
dot1x pae authenticator
channel-group :: <int:1-128> mode {active|passive|on|auto|desirable} ;; hook=channel_group
channel-protocol :: {lacp|pagp}
lacp rate :: {fast|normal} ;; default=normal
cdp enable ;; on
lldp transmit ;; on
lldp receive ;; on
udld port :: [aggressive]
standby version :: <int:1-2>
standby <int:0-4095> ip :: [<ip>]
standby <int:0-4095> priority :: <int:0-255> ;; default=100
standby <int:0-4095> preempt
standby <int:0-4095> timers :: <line>
standby <int:0-4095> authentication :: <line>
standby <int:0-4095> track <int:1-1000> :: [<line>]
wipe standby <int:0-4095>
spanning-tree portfast :: [{trunk|disable|edge}] ;; hook=portfast
spanning-tree bpduguard :: {enable|disable}
spanning-tree bpdufilter :: {enable|disable}
spanning-tree guard :: {root|loop|none}
spanning-tree link-type :: {point-to-point|shared}
spanning-tree cost :: <int:1-200000000>
spanning-tree port-priority :: <int:0-240>
tunnel source :: {<ip>|<if>}
tunnel destination :: <host>
tunnel mode :: <line>
encapsulation dot1q :: <int:1-4094> [native]
keepalive :: [<int:0-32767>] ;; on
snmp trap link-status ;; on
service-policy {input|output} :: <word>

[vlan] config-vlan
name :: <word>
state :: {active|suspend} ;; default=active
shutdown
remote-span
mtu :: <int:576-18190>

[line] config-line
exec-timeout :: <int:0-35791> [<int:0-2147483>] ;; default=10 0
privilege level :: <int:0-15> ;; default=1
password :: <line>
logging synchronous :: [<line>]
login :: [{local|authentication {=default|<word>}}]
authorization {exec|commands <int:0-15>} :: {=default|<word>}
access-class {<int:1-199>|<word>} {in|out} [vrf-also] ;; hook=direction
length :: <int:0-512> ;; default=24
width :: <int:0-512> ;; default=80
history size :: <int:0-256> ;; default=20
stopbits :: {1|1.5|2}
speed :: <int:300-115200>
session-timeout :: <int:0-35791>
transport preferred :: {none|ssh|telnet|all}
transport input :: {none|all|ssh|telnet|ssh telnet|telnet ssh}
transport output :: {none|all|ssh|telnet|ssh telnet|telnet ssh}
escape-character :: <word>
exec ;; on

[router] config-router
router-id :: <ip>
auto-cost reference-bandwidth :: <int:1-4294967>
log-adjacency-changes :: [detail]
area <word> {stub [no-summary]|nssa|authentication [message-digest]}
redistribute {connected|static|bgp <int:1-4294967295>|eigrp <int:1-65535>} :: [<line>]
passive-interface {=default|<if>} ;; hook=passive_interface
network <ip> <mask> area :: <word>
network <ip> [<mask>]
default-information originate :: [always] [metric <int:0-16777214>]
maximum-paths :: <int:1-32>
distance :: <int:1-255>
eigrp router-id :: <ip>
no-summary

[bgp] config-router
bgp router-id :: <ip>
bgp log-neighbor-changes
bgp graceful-restart
bgp default ipv4-unicast ;; on
timers bgp :: <int:0-65535> <int:0-65535>

@bgp-networks
@bgp-neighbor
address-family {ipv4|ipv6} [unicast] [vrf <word>] ;; enter=af

[af] config-router-af
@bgp-networks
@bgp-neighbor
exit-address-family ;; hook=leave

[std-acl] config-std-nacl
{permit|deny} <std-ace> ;; hook=ace, sort
<int:1-2147483647> {permit|deny} <std-ace> ;; hook=ace, sort, same
@access-list

[ext-acl] config-ext-nacl
{permit|deny} <ace> ;; hook=ace, sort
<int:1-2147483647> {permit|deny} <ace> ;; hook=ace, sort, same
@access-list

[class-map] config-cmap
description :: <line>
match [not] {access-group name <word>|access-group <int:1-199>|dscp <line>|ip dscp <line>|protocol \
    <word>|cos <line>|any}

[policy-map] config-pmap
description :: <line>
class {=class-default|<word>} ;; enter=pmap-class

[pmap-class] config-pmap-c
priority :: [{level <int:1-2>|percent <int:1-100>|<int:1-10000000>}]
bandwidth :: {percent <int:1-100>|remaining percent <int:1-100>|<int:1-10000000>}
shape average :: {<int:8000-100000000000>|percent <int:1-100>}
police :: <line>
set dscp :: <word>
set cos :: <int:0-7>
queue-limit :: <line>
random-detect :: [dscp-based]
fair-queue
service-policy :: <word>

[route-map] config-route-map
description :: <line>
match ip address :: [prefix-list] <line>
match {as-path|community|tag|interface} :: <line>
set {metric|local-preference|weight|tag|metric-type|origin} :: <word>
set community :: <line>
set as-path prepend :: <line>
set ip next-hop :: <line>
continue :: [<int:0-65535>]

[vrf] config-vrf
description :: <line>
rd :: <word>
route-target {import|export|both} <word>
address-family {ipv4|ipv6} ;; enter=vrf-af

[vrf-af] config-vrf-af
route-target {import|export|both} <word>
import map :: <word>
export map :: <word>
exit-address-family ;; hook=leave

[archive] config-archive
log config ;; enter=archive-log
path :: <word>
maximum :: <int:1-14>
write-memory
time-period :: <int:1-525600>

[archive-log] config-archive-log-cfg
logging enable
logging size :: <int:1-1000> ;; default=100
hidekeys
notify syslog

[aaa-group] config-sg
server name <word>
ip vrf forwarding :: <word>
ip {tacacs|radius} source-interface :: <if>

[tacacs] config-server-tacacs
address ipv4 :: <ip>
key :: <line>
timeout :: <int:1-1000>
port :: <int:1-65535>
single-connection

[radius] config-radius-server
address ipv4 :: <ip> [auth-port <int:0-65535>] [acct-port <int:0-65535>]
key :: <line>
timeout :: <int:1-1000>
retransmit :: <int:0-100>

[dhcp] dhcp-config
network :: <ip> [<mask>]
default-router :: <line>
dns-server :: <line>
domain-name :: <word>
lease :: <line>
option <int:0-254> :: <line>

[key-chain] config-keychain
key <int:0-2147483647> ;; enter=key-chain-key

[key-chain-key] config-keychain-key
key-string :: <line>
accept-lifetime :: <line>
send-lifetime :: <line>

[redundancy] config-red
mode :: {sso|rpr|none}

[control-plane] config-cp
service-policy {input|output} :: <word>

[sla] config-ip-sla
icmp-echo :: <line>
udp-jitter :: <line>
frequency :: <int:1-604800>
timeout :: <int:0-604800000>
tag :: <line>

[applet] config-applet
event :: <line>
action <word> :: <line>
description :: <line>
"""
