"""How Cisco IOS and IOS XE read configuration lines, in the order in which they print them.

Sources: Cisco IOS Command References (12.4, 15.x) and IOS XE 17 configuration guides; the notation is that of
`devices.domain.grammar`.
"""

from devices.domain.grammar import grammar
from devices.domain.interface_names import IOS_NAMES

_GLOBAL = """
[global]
version ...
service pad                                    off hidden
service config                                 off
service compress-config
service timestamps <kind> ...                  short off
service password-encryption                    off
service call-home
service tcp-keepalives-in
service tcp-keepalives-out
service sequence-numbers
service unsupported-transceiver
service dhcp                                   off hidden
platform ...                                   many
hostname ...                                   unset="hostname Router" short
boot system ...                                many appended
vrf definition <name> > vrf                    definition
ip vrf <name> > vrf                            definition
logging console [...]                          off hidden
logging buffered [...]                         off short
logging monitor [...]                          off hidden
logging rate-limit ...
logging count
enable secret [...]                            short
enable password [...]                          short
username <name> ...                            short
aaa new-model                                  off
aaa group server <kind> <name> > aaa-group     short
aaa authentication login <list> ...            short
aaa authentication enable <list> ...           short
aaa authentication dot1x <list> ...            short
aaa authentication ppp <list> ...              short
aaa authorization config-commands
aaa authorization console
aaa authorization commands <level> <list> ...  short
aaa authorization <what> <list> ...            short
aaa accounting <what> <list> ...               short
aaa server radius dynamic-author > aaa-group
aaa accounting commands <level> <list> ...     short
aaa accounting update ...
aaa session-id ...
login block-for ...
login delay ...
login on-failure [...]
login on-success [...]
login quiet-mode access-class ...
clock timezone ...                             short
clock summer-time ...                          short
switch <member> provision ...                  short
system mtu routing ...
system mtu ...                                 short hide="1500"
errdisable recovery cause <cause>
errdisable recovery interval ...               hide="300"
errdisable detect cause <cause>                off hidden
authentication mac-move ...
dot1x system-auth-control
udld ...
mls qos
ip source-route                                off hidden
ip routing                                     off
ip cef                                         off hidden
ip cef distributed
ip multicast-routing [...]
ip bootp server                                off hidden
ip finger
ip gratuitous-arps                             off hidden
ip subnet-zero                                 off hidden
ip classless                                   off hidden
ip tcp synwait-time ...                        short
ip tcp window-size ...
ip tcp path-mtu-discovery
ip domain lookup source-interface IF           short
ip domain lookup                               off hidden
ip domain name vrf <vrf> ...
ip domain name ...                             short
ip domain list ...                             many appended
ip name-server ...                             many appended listed
ip name-server vrf <vrf> ...                   many appended listed
ip host <name> ...                             short
ip dhcp excluded-address ...                   many
ip dhcp pool <name> > dhcp-pool
ip dhcp snooping
ip dhcp relay information option [...]
ip dhcp snooping vlan ...                      ranges=add
ip dhcp snooping information option [...]      off hidden
ip dhcp snooping verify mac-address            off hidden
ip arp inspection vlan ...                     ranges=add
ip arp inspection validate ...
ip device tracking
ip igmp snooping                               off hidden
ipv6 unicast-routing
ipv6 cef                                       off
ip options drop
ip arp ...                                     many
ip icmp rate-limit unreachable                 off hidden
vtp domain ...
vtp mode ...                                   hide="server"
vtp version ...
vtp password ...                               short
lldp run
lldp timer ...
lldp holdtime ...
cdp run                                        off hidden
cdp timer ...                                  short hide="60"
cdp holdtime ...                               short hide="180"
key chain <name> > keychain                    definition
crypto pki trustpoint <name> > free-form       fixed
crypto pki certificate chain <name> > free-form
license ...                                    many
archive > archive
memory ...                                     many
diagnostic ...                                 many
spanning-tree mode ...                         short
spanning-tree logging
spanning-tree loopguard default
spanning-tree portfast default
spanning-tree portfast bpduguard default
spanning-tree portfast bpdufilter default
spanning-tree extend system-id                 off
spanning-tree pathcost method ...
spanning-tree mst configuration > mst          fixed
spanning-tree mst <instances> priority ...     short
spanning-tree vlan <vlans>                     off hidden
spanning-tree vlan <vlans> priority ...        short
port-channel load-balance ...                  short
vlan internal allocation policy ...            hide="descending"
vlan access-map <name> <seq> > free-form
vlan filter <map> ...
vlan configuration <vlans> > free-form
vlan <id> > vlan                                listed
track <number> ... > free-form                 short
object-group network <name> > object-group     definition
object-group service <name> > object-group     definition
class-map <name> > class-map                   definition
class-map * <name> > class-map                 definition
policy-map <name> > policy-map                 definition
crypto isakmp policy <number> > free-form
crypto isakmp key ...                          many
crypto ikev2 <what> <name> > free-form
crypto keyring <name> ... > free-form
crypto ipsec transform-set <name> ... > free-form
crypto ipsec profile <name> > free-form
crypto map <name> <seq> ... > free-form        short
template <name> > interface
redundancy > redundancy                        fixed bare
interface range ... > interface
interface <IF> [...] > interface               short
router ospf <process> [...] > router           short
router ospfv3 <process> > router
router bgp <asn> > bgp                         alone
router eigrp <process> > router
router isis [...] > router
router rip > router
ip local pool <name> ...
ip default-gateway ...                         short
ip default-network ...
ip forward-protocol ...                        many
ip http server                                 off
ip http secure-server                          off
ip http authentication ...                     short
ip http access-class ...                       short
ip http max-connections ...
ip http client source-interface IF
ip http secure-active-session-modules ...
ip http active-session-modules ...
ip http timeout-policy ...
ip nat inside source ...                       many
ip nat outside source ...                      many
ip nat pool <name> ...                         short
ip nat translation ...                         many
ip flow-export destination ...                 many
ip flow-export source IF
ip flow-export version ...
ip flow-cache ...                              many
ip pim rp-address ...                          many
ip pim ...                                     many
ip msdp ...                                    many
ip route static ...                            many
ip tftp source-interface IF                    short
ip ftp source-interface IF                     short
ip ftp username ...
ip ftp password ...                            short
ip tftp blocksize ...
ip tacacs source-interface IF [...]                  short
ip radius source-interface IF [...]                  short
ip community-list ...                          many appended
ip as-path access-list ...                     many appended
ip route vrf <vrf> ...                         many
ip route <net> <mask> <via> [...]              grouped short
ip route <net> <mask> <IF> <via> [...]         grouped short
ip route <net> <mask> <IF> [...]               grouped short
ipv6 route ...                                 many
ip ssh version ...                             short
ip ssh time-out ...                            short hide="120"
ip ssh authentication-retries ...              short hide="3"
ip ssh source-interface IF                     short
ip ssh server algorithm <kind> ...             short
ip ssh client algorithm <kind> ...             short
ip ssh dh min size ...                         short
ip scp server enable
ip access-list standard <name> > std-acl       definition
ip access-list extended <name> > acl           definition
ipv6 access-list <name> > acl                  definition
mac access-list extended <name> > free-form    definition
ip access-list resequence ...
ip prefix-list <name> description ...          text short
ip prefix-list <name> seq <seq> ...            refuses early
ip prefix-list ...
ipv6 prefix-list <name> seq <seq> ...          refuses early
ipv6 prefix-list ...
ip sla <number> > ip-sla
ip sla schedule <number> ...                   short
ip sla responder
logging history ...
logging trap [...]                             off short hide="informational"
logging facility ...                           short hide="local7"
logging source-interface IF vrf <vrf>
logging source-interface IF                    short
logging origin-id ...                          short
logging host <host> vrf <vrf> [...]
logging host <host> [...]                      short
logging on                                     off hidden
access-list <number> [...]                     many appended
dialer-list <number> ...                       many
route-map <name> * <seq> > route-map    definition
snmp-server engineID local ...                 short
snmp-server view <name> <tree> ...             short
snmp-server group ...                          many
snmp-server user <name> ...                    many
snmp-server community <name> [...]             short
snmp-server trap-source IF                     short
snmp-server source-interface <kind> IF         short
snmp-server packetsize ...
snmp-server location ...                       text short
snmp-server contact ...                        text short
snmp-server chassis-id ...                     text short
snmp-server enable traps                       many
snmp-server enable traps ...                   many
snmp-server host <host> ...                    many
snmp-server tftp-server-list ...
snmp ifindex persist
snmp ifmib ifindex persist
snmp mib ...                                   many
tacacs-server host <host> [...]                short appended
tacacs-server timeout ...                      short
tacacs server <name> > server
radius-server host <host> [...]                short appended
radius-server attribute ...                    many
radius-server timeout ...                      short
radius-server retransmit ...                   short
radius-server deadtime ...                     short
radius-server key ...                          short
radius-server vsa send ...                     many
radius server <name> > server
tacacs-server directed-request
tacacs-server key ...                          short
control-plane > control-plane                      fixed bare
privilege <mode> level <level> ...             many
banner <kind> [...]                            short
alias <mode> <name> ...                        text short
line con <first> > console                     fixed
line aux <first> > console                     fixed bare
line vty <first> [...] > line                  fixed
line <first> <last> > line                     fixed
monitor session <number> ...                   many
ntp authenticate
ntp authentication-key <number> ...            short
ntp trusted-key ...                            many
ntp source IF                                  short
ntp source-interface IF
ntp access-group <kind> ...                    short
ntp logging
ntp master [...]                               short
ntp max-associations ...
ntp server <host> [...]                        short
ntp server vrf <vrf> <host> [...]              short
ntp peer <host> [...]                          short
ntp peer vrf <vrf> <host> [...]                short
ntp update-calendar
event manager applet <name> [...] > free-form  short
event manager environment <name> ...           short
netconf-yang
restconf
"""

_INTERFACE = """
[interface]
description ...                                text short
switchport                                     off hidden clears="ip address" off_clears="switchport"
switchport access vlan ...                     short hide="1"
switchport trunk encapsulation ...             short
switchport trunk native vlan ...               hide="1"
switchport trunk allowed vlan ...              ranges hide="all"
switchport mode ...                            short hide="dynamic auto"
switchport nonegotiate
switchport voice vlan ...                      short
switchport port-security
switchport protected
switchport port-security maximum ...           short hide="1"
switchport port-security violation ...         short hide="shutdown"
switchport port-security aging ...             many
switchport port-security mac-address ...       many
switchport block ...                           many
vrf forwarding ...                             short clears="ip address" off_clears="ip address"
ip vrf forwarding ...                          short clears="ip address" off_clears="ip address"
ip address * * secondary                       many early
ip address ...                                 exact
ip unnumbered IF                               short
ip helper-address ...                          many appended
ip access-group * <direction>                  exact
ip proxy-arp                                   off hidden
ip redirects                                   off hidden
ip unreachables                                off hidden
ip directed-broadcast [...]
ip mtu ...                                     short
ip ospf <process> area *
ip route-cache                                 off hidden
ip ospf cost ...                               short
ip ospf priority ...                           short
ip ospf hello-interval ...                     short
ip ospf dead-interval ...                      short
ip ospf mtu-ignore
ip ospf bfd [...]
ip ospf network ...                            short
ip ospf authentication [...]                   short
ip ospf message-digest-key <id> ...            short
ip dhcp snooping trust
ip dhcp snooping limit rate ...                short
ip dhcp relay ...                              many
ip arp inspection trust
ip arp inspection limit ...                    short
ip source binding ...                          many
ip verify source ...
ip summary-address ...                         many
ip verify ...                                  many
ip nat inside
ip nat outside
ip flow monitor ...                            many
ip pim ...                                     many
ip igmp ...                                    many
ip policy route-map ...                        short
ip authentication mode eigrp <as> ...
ip authentication key-chain eigrp <as> ...
ip ospf authentication-key ...                 short
ip tcp adjust-mss ...                          short
ip flow ingress
ip flow egress
ipv6 address ...                               many
ipv6 enable
ipv6 traffic-filter * <direction>              exact
ipv6 nd ...                                    many
ipv6 ospf <process> area *
load-interval ...                              short hide="300"
bandwidth ...                                  short
mac-address ...                                short
delay ...                                      short
mtu ...                                        short hide="1500"
logging event ...                              many
shutdown
speed ...                                      short hide="auto"
media-type ...
duplex ...                                     short hide="auto"
negotiation auto                               off hidden
carrier-delay ...                              short
hold-queue <size> <direction>
arp timeout ...                                short
power inline ...                               short hide="auto"
mdix auto                                      off hidden
storm-control <kind> level ...                 short
storm-control action <action>
srr-queue ...                                  many
priority-queue out
mls qos ...                                    many
auto qos ...                                   many
macro ...                                      many
authentication ...                             many
mab [...]
dot1x ...                                      many
channel-group <group> mode ...                 remove="no channel-group"
channel-protocol ...
lacp ...                                       many
cdp enable                                     off hidden
lldp transmit                                  off hidden
lldp receive                                   off hidden
mop enabled                                    off
mop sysid                                      off
udld ...
standby version ...                            short
standby <group> ip * secondary                 grouped many
standby <group> ip [...]                       grouped short
standby <group> priority ...                   grouped short hide="100"
standby <group> preempt [...]                  grouped short
standby <group> timers ...                     grouped short
standby <group> name ...                       grouped short
standby <group> authentication ...             grouped short
standby <group> track <object> [...]           grouped short
vrrp <group> ip * secondary                    grouped many
vrrp <group> ip ...                            grouped short
vrrp <group> priority ...                      grouped short
vrrp <group> preempt [...]                     grouped
vrrp <group> authentication ...                grouped short
vrrp <group> track <object> [...]              grouped
spanning-tree portfast [...]                   short
spanning-tree bpduguard ...                    short
spanning-tree bpdufilter ...                   short
spanning-tree guard ...                        short
spanning-tree link-type ...                    short
spanning-tree cost ...                         short
spanning-tree port-priority ...                short
spanning-tree vlan <vlans> cost ...
spanning-tree vlan <vlans> port-priority ...
tunnel source ...                              short
tunnel destination ...                         short
tunnel mode ...                                short
tunnel key ...                                 short
tunnel protection ...                          short
tunnel vrf ...                                 short
ppp chap hostname ...                          short
ppp chap password ...                          short
ppp authentication ...                         short
bfd interval ...                               short
encapsulation ...                              short
keepalive [...]                                off hidden
snmp trap link-status                          off hidden
service-policy input ...                       short
service-policy output ...                      short
crypto map ...                                 short
"""

_VLAN = """
[vlan]
name ...                                       short
state ...                                      short hide="active"
private-vlan ...                               many
shutdown
remote-span
"""

_BGP = """
[bgp]
bgp router-id ...                              short
bgp log-neighbor-changes
bgp graceful-restart
bgp bestpath ...                               many
bgp listen ...                                 many
bgp always-compare-med
bgp deterministic-med
synchronization                                off hidden
bgp default ipv4-unicast                       off hidden
bgp default local-preference ...               short
bgp cluster-id ...                             short
bgp confederation identifier ...
bgp graceful-restart restart-time ...
bgp graceful-restart stalepath-time ...
timers bgp ...                                 short
network ...                                    many
aggregate-address ...                          many
redistribute <source> <process> [...]          short
redistribute connected [...]                   short
redistribute static [...]                      short
redistribute rip [...]                         short
maximum-paths ...                              short
distance bgp ...                               short
default-information originate
auto-summary                                   off hidden
neighbor <peer> remote-as ...                  grouped cascade="neighbor {0}"
neighbor <peer> peer-group                     cascade="neighbor {0}"
neighbor <peer> peer-group *                   grouped
neighbor <peer> local-as ...                   grouped short
neighbor <peer> description ...                text grouped short
neighbor <peer> shutdown [...]                 grouped short
neighbor <peer> fall-over [...]                grouped short
neighbor <peer> transport ...                  grouped many
neighbor <peer> password ...                   grouped short
neighbor <peer> ebgp-multihop [...]            grouped short
neighbor <peer> ttl-security ...               grouped short
neighbor <peer> update-source IF               grouped short
neighbor <peer> timers ...                     grouped short
neighbor <peer> timers connect ...             grouped short
neighbor <peer> advertisement-interval ...     grouped short
neighbor <peer> bfd                            grouped
neighbor <peer> version ...                    grouped
neighbor <peer> activate                       grouped
neighbor <peer> send-community [...]           grouped short
neighbor <peer> soft-reconfiguration inbound   grouped
neighbor <peer> remove-private-as [...]        grouped short
neighbor <peer> allowas-in [...]               grouped short
neighbor <peer> weight ...                     grouped short
neighbor <peer> next-hop-self [...]            grouped short
neighbor <peer> route-reflector-client         grouped
neighbor <peer> default-originate [...]        grouped short
neighbor <peer> maximum-prefix ...             grouped short
neighbor <peer> prefix-list * <direction>      grouped
neighbor <peer> route-map * <direction>        grouped
neighbor <peer> filter-list * <direction>      grouped
neighbor <peer> distribute-list * <direction>  grouped
neighbor <peer> unsuppress-map ...             grouped
maximum-paths ibgp ...                         short
address-family ipv4 > bgp-ipv4
address-family ipv4 unicast > bgp-ipv4
address-family ... > bgp

[bgp-ipv4 extends=bgp]
neighbor <peer> activate                       grouped off
"""

_ROUTER = """
[router]
router-id ...                                  short
auto-cost reference-bandwidth ...              short
ispf
version ...                                    short
area <area> authentication [...]
log-adjacency-changes [...]                    off hidden
area <area> stub [...]
area <area> nssa [...]
area <area> default-cost ...
area <area> range ...                          many
area <area> virtual-link ...                   many
timers ...                                     many
redistribute <source> <process> [...]          short
redistribute connected [...]                   short
redistribute static [...]                      short
redistribute rip [...]                         short
passive-interface default
passive-interface IF                           many early
network ...                                    many
neighbor ...                                   many
distribute-list ...                            many
default-information originate [...]            short
default-metric ...                             short
maximum-paths ...                              short
distance ...                                   many
max-metric ...                                 many
eigrp router-id ...                            short
eigrp stub [...]                               short
metric ...                                     short
variance ...                                   short
auto-summary                                   off hidden
address-family ... > router
"""

_SMALL_MODES = """
[line]
exec-timeout ...                               short hide="10 0"
privilege level ...                            short hide="1"
password ...                                   short
authorization <what> <level> ...               many
logging synchronous [...]                      short
login [...]                                    off
authorization <what> ...                       short
accounting <what> ...                          many
access-class * <direction>                     exact
length ...                                     short hide="24"
width ...                                      short hide="80"
ipv6 access-class * <direction>                exact
modem ...                                      many
history size ...                               short hide="20"
stopbits ...                                   short
speed ...                                      short hide="9600"
flowcontrol ...
session-timeout ...                            short
access-class * <direction> vrf-also            exact
transport preferred ...                        short
transport input ...                            short
transport output ...                           short
exec                                           off hidden

[console extends=line]
login [...]

[acl ordered sequenced]
permit ...                                     many
deny ...                                       many
remark ...                                     text many
evaluate ...                                   many
dynamic ...                                    many

[std-acl ordered sequenced extends=acl]

[route-map]
description ...                                text short
match ip address prefix-list ...               short
match ip address ...                           many
match ...                                      many
set metric ...                                 short
set weight ...                                 short
set tag ...                                    short
set origin ...                                 short
set community ...                              short
set local-preference ...                       short
set metric-type ...                            short
set as-path prepend ...                        short
set ip next-hop ...                            many
set ...                                        many
continue [...]                                 short

[class-map]
description ...                                text short
match ...                                      many

[policy-map ordered]
description ...                                text short
class <name> > policy-class                    appended
class class-default > policy-class

[policy-class]
set <what> ...                                 short
bandwidth ...                                  short
priority [...]                                 short
police ... > free-form
shape ...                                      remove="no shape average"
queue-limit ...                                short
random-detect [...]                            many
fair-queue [...]                               short
service-policy ...                             short
trust ...

[object-group]
description ...                                text short

[vrf]
description ...                                text short
rd ...                                         short
route-target <direction> *                     many
import ...                                     many
export ...                                     many
address-family ... > vrf
vpn ...                                        many

[aaa-group]
server name <name>                             appended
server-private <host> [...]                    short appended
server <host> [...]                            short appended
ip vrf forwarding ...                          short
vrf forwarding ...                             short
ip tacacs source-interface IF [...]                  short
ip radius source-interface IF [...]                  short
deadtime ...                                   short
client <host> ...                              many
auth-type ...
server-key ...                                 short

[server]
address ipv4 ...                               short
address ipv6 ...                               short
key ...                                        short
timeout ...                                    short
retransmit ...                                 short
port ...                                       short
single-connection
automate-tester ...                            short

[keychain]
key <number> > key

[key]
key-string ...                                 short
accept-lifetime ...                            short
send-lifetime ...                              short
cryptographic-algorithm ...                    short

[dhcp-pool]
vrf ...
import all
network ...                                    short
host ...                                       short
default-router ...                             short
dns-server ...                                 short
domain-name ...                                short
netbios-name-server ...                        short
bootfile ...                                   short
next-server ...                                short
lease ...                                      short
option <code> ...                              short

[archive]
log config > archive-log
path ...                                       short
maximum ...                                    short
write-memory
time-period ...                                short

[archive-log]
logging enable
logging size ...                               short hide="100"
notify syslog [...]                            short
hidekeys
record rc

[mst]
name ...                                       short
revision ...                                   short
instance <number> vlan ...                     remove="no instance {0}"

[ip-sla]
icmp-echo ... > free-form
udp-jitter ... > free-form
tcp-connect ... > free-form
frequency ...                                  short
tag ...
threshold ...
timeout ...

[control-plane]
service-policy input ...                       short
service-policy output ...                      short

[redundancy]
mode ...                                       short

[free-form]
"""

IOS_TEXTS = (_GLOBAL, _INTERFACE, _VLAN, _BGP, _ROUTER, _SMALL_MODES)

# What the device accepts and prints otherwise.
IOS_ALIASES = (
    ("line console", r"^line console ", "line con "),
    ("logging ", r"^logging (\d+\.\d+\.\d+\.\d+)", r"logging host \1"),
    ("exec-timeout ", r"^exec-timeout (\d+)$", r"exec-timeout \1 0"),
    ("switchport mode a", r"^switchport mode a\w*$", "switchport mode access"),
    ("switchport mode t", r"^switchport mode t\w*$", "switchport mode trunk"),
    ("class-map ", r"^class-map (?!match-|type )(\S+)$", r"class-map match-all \1"),
    ("ip domain-", r"^ip domain-(lookup|name|list)\b", r"ip domain \1"),
)

IOS_GRAMMAR = grammar(*IOS_TEXTS, names=IOS_NAMES, aliases=IOS_ALIASES, prints_no_address=True)

# IOS XE 16 and later print these only when they are on (Cisco Catalyst 9300 and CSR 1000V default configurations).
_XE = """
[global]
service password-encryption
service pad
service config
"""

XE_GRAMMAR = grammar(*IOS_TEXTS, _XE, names=IOS_NAMES, aliases=IOS_ALIASES, prints_no_address=True)
