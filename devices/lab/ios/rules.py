"""What the simulated device understands in its configuration modes. The order of lines is the order of its output.

Flags: ``enter=MODE`` opens a sub-mode; ``on`` is on unless negated, and only the negation is shown; ``default=X`` is
a value that is not shown; ``keep-no`` keeps a negation as a line; ``hidden`` is taken and forgotten; ``sort`` orders
entries by key (``sort=2``: by two words of it), others stand as they were entered; ``group=2`` keeps lines with two
equal words together; ``same`` shares the place of the line before; ``alias=A>B`` reads the words A as B; ``hook=X``
names the special handling in `semantics`. A form after ``wipe`` exists negated only and takes with it everything
that begins with its words.
"""

from typing import Final

GLOBAL: Final = """
version <word> ;; hidden
service pad
service timestamps {debug|log} :: {datetime [msec] [localtime] [show-timezone] [year]|uptime}
service password-encryption
service call-home
service {tcp-keepalives-in|tcp-keepalives-out|sequence-numbers|compress-config|unsupported-transceiver}
service dhcp ;; on
platform punt-keepalive disable-kernel-core
platform <line>
hostname :: <host>
wipe boot system
boot system <line>
vrf definition <word> ;; enter=vrf
logging console ;; on
logging buffered :: [<int:4096-2147483647>] \
    [{emergencies|alerts|critical|errors|warnings|notifications|informational|debugging|<int:0-7>}]
logging monitor :: {emergencies|alerts|critical|errors|warnings|notifications|informational|debugging}
logging rate-limit :: <int:1-10000>
enable secret :: <line> ;; hook=enable_secret
enable password :: <line>
username <word> :: <line> ;; hook=username
aaa new-model
aaa group server {tacacs+|radius} <word> ;; enter=aaa-group
aaa authentication {login|enable|dot1x} {=default|<word>} :: <line>
aaa authorization {console|config-commands}
aaa authorization {exec|network} {=default|<word>} :: <line>
aaa authorization commands <int:0-15> {=default|<word>} :: <line>
aaa accounting {exec|network|system|connection} {=default|<word>} :: <line>
aaa accounting commands <int:0-15> {=default|<word>} :: <line>
aaa session-id :: {common|unique} ;; default=common
wipe aaa authentication
wipe aaa authorization
wipe aaa accounting
login block-for :: <int:1-65535> attempts <int:1-65535> within <int:1-65535>
login {on-success|on-failure} :: [{log|trap}]
clock timezone :: <word> <int:0-23> [<int:0-59>]
clock summer-time :: <line>
switch <int:1-9> provision :: <word>
system mtu :: <int:1500-9198> ;; default=1500
errdisable recovery cause <word>
errdisable recovery interval :: <int:30-86400> ;; default=300
udld :: {enable|aggressive}
ip source-route ;; on
ip routing ;; keep-no
ip cef ;; on
ip multicast-routing
ip domain-lookup ;; on
ip domain lookup ;; alias=ip domain lookup>ip domain-lookup
ip domain-name :: <host>
ip domain name :: <host> ;; alias=ip domain name>ip domain-name
ip name-server [vrf <word>] <ip> [<ip>] [<ip>] [<ip>] [<ip>] [<ip>] ;; hook=name_server
wipe ip name-server
ip host <host> :: <ip>
ip dhcp excluded-address <ip> [<ip>]
ip dhcp pool <word> ;; enter=dhcp
ip dhcp snooping
ip dhcp snooping vlan <vlans>
ip dhcp relay information trust-all
ip dhcp snooping information option ;; on
ip arp inspection vlan <vlans>
ip arp inspection validate :: <line>
ip igmp snooping ;; on
ipv6 unicast-routing
ipv6 cef
vtp domain :: <word>
vtp mode :: {server|client|transparent|off} ;; default=server
vtp version :: <int:1-3>
lldp run
cdp run ;; on
cdp timer :: <int:5-254> ;; default=60
key chain <word> ;; enter=key-chain
archive ;; enter=archive
spanning-tree mode :: {pvst|rapid-pvst|mst} ;; default=pvst
spanning-tree logging
spanning-tree loopguard default
spanning-tree portfast default
spanning-tree portfast bpduguard default
spanning-tree extend system-id ;; on
spanning-tree vlan <vlans> ;; on
spanning-tree vlan <vlans> priority :: <int:0-61440>
port-channel load-balance :: <word>
vlan internal allocation policy :: {ascending|descending} ;; default=descending
vlan <vlans> ;; enter=vlan, sort, hook=vlan
track <int:1-1000> :: <line>
class-map {match-any|match-all} <word> ;; enter=class-map
class-map <word> ;; alias=class-map>class-map match-all
policy-map <word> ;; enter=policy-map
redundancy ;; enter=redundancy
crypto key generate rsa [{general-keys|usage-keys}] [modulus <int:360-4096>] ;; hook=generate_rsa
interface <if> ;; enter=if, sort, hook=interface
interface range <line> ;; enter=if, hook=interface_range
router ospf <int:1-65535> [vrf <word>] ;; enter=router
router bgp <int:1-4294967295> ;; enter=bgp, hook=router_bgp
router eigrp <word> ;; enter=router
wipe router ospf <int:1-65535>
ip default-gateway :: <ip>
ip forward-protocol nd
ip forward-protocol udp :: [<word>]
ip http server ;; keep-no
ip http secure-server ;; keep-no
ip http authentication :: {local|aaa|enable}
ip http access-class :: {<int:1-99>|ipv4 <word>}
ip http client source-interface :: <if>
ip ftp source-interface :: <if>
ip tftp source-interface :: <if>
ip tacacs source-interface :: <if>
ip radius source-interface :: <if>
ip route [vrf <word>] <ip> <mask> {<ip>|<if> [<ip>]} :: [<int:1-255>] [name <word>] [tag \
    <int:1-4294967295>] [permanent] [track <int:1-1000>] ;; sort
wipe ip route <ip> <mask>
wipe ip route vrf <word> <ip> <mask>
ipv6 route <ip6prefix> {<ip6>|<if>} :: [<int:1-254>]
ip ssh version :: <int:1-2>
ip ssh time-out :: <int:1-120> ;; default=120
ip ssh authentication-retries :: <int:0-5> ;; default=3
ip ssh source-interface :: <if>
ip ssh server algorithm {encryption|mac|kex|hostkey} :: <line>
ip scp server enable
file prompt :: {alert|noisy|quiet} ;; default=alert
ip access-list standard <word> ;; enter=std-acl, sort
ip access-list extended <word> ;; enter=ext-acl, sort
ip access-list resequence <word> <int:1-2147483647> <int:1-2147483647> ;; hook=resequence
ip prefix-list <word> description :: <line>
ip prefix-list <word> [seq <int:1-4294967294>] {permit|deny} <prefix> [ge <int:1-32>] [le <int:1-32>] ;; \
    hook=prefix_list, sort
wipe ip prefix-list <word>
ip sla <int:1-2147483647> ;; enter=sla
ip sla schedule <int:1-2147483647> :: <line>
logging trap :: [{emergencies|alerts|critical|errors|warnings|notifications|informational|debugging}] ;; \
    default=informational
logging facility :: <word> ;; default=local7
logging origin-id :: <line>
logging source-interface :: <if> [vrf <word>]
logging host <ip> [vrf <word>] :: [transport {udp|tcp} port <int:1-65535>]
logging <ip> ;; alias=logging>logging host
access-list <int:1-99> {permit|deny} <std-ace> ;; hook=numbered_list, sort=2
access-list <int:1-99> remark <line> ;; hook=numbered_list, sort=2, same
access-list <int:100-199> {permit|deny} <ace> ;; hook=numbered_list, sort=2, same
access-list <int:100-199> remark <line> ;; hook=numbered_list, sort=2, same
wipe access-list <int:1-199>
route-map <word> {permit|deny} <int:0-65535> ;; enter=route-map, sort, hook=route_map
wipe route-map <word>
snmp-server engineID local :: <word>
snmp-server view <word> <word> :: {included|excluded}
snmp-server group <word> v3 {auth|noauth|priv} :: [<line>]
snmp-server community <word> :: [view <word>] {RO|RW} [{<int:1-99>|<word>}]
snmp-server trap-source :: <if>
snmp-server location :: <line>
snmp-server contact :: <line>
snmp-server chassis-id :: <line>
snmp-server ifindex persist
snmp-server enable traps
snmp-server enable traps <word> :: [<line>]
snmp-server host <ip> [vrf <word>] {version {1|2c} <word>|version 3 {auth|noauth|priv} <word>|<word>} :: \
    [<line>]
wipe snmp-server
wipe snmp-server enable traps
tacacs server <word> ;; enter=tacacs
radius server <word> ;; enter=radius
tacacs-server directed-request
control-plane ;; enter=control-plane
privilege exec level <int:0-15> <line>
banner {exec|login|motd} <line> ;; hook=banner
wipe banner {exec|login|motd}
alias exec <word> :: <line>
line console 0 ;; alias=line console>line con
line con 0 ;; enter=line, hook=line, group=1
line aux 0 ;; enter=line, hook=line, same, group=1
line vty <int:0-15> [<int:0-15>] ;; enter=line, hook=line, same, group=1
ntp authenticate
ntp authentication-key <int:1-65535> :: md5 <word> [<int:0-7>]
ntp trusted-key <int:1-65535>
ntp source :: <if>
ntp access-group {peer|serve|serve-only|query-only} :: <word>
ntp logging
ntp master :: [<int:1-15>]
ntp server [vrf <word>] <host> :: [version <int:1-4>] [key <int:1-65535>] [source <if>] [prefer]
ntp peer [vrf <word>] <host> :: [version <int:1-4>] [key <int:1-65535>] [source <if>] [prefer]
ntp update-calendar
wipe ntp
event manager applet <word> ;; enter=applet
"""
