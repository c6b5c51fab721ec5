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
service timestamps <kind> ...                  remove="no service timestamps {0}" off
service password-encryption                    off
service call-home
service tcp-keepalives-in
service tcp-keepalives-out
service sequence-numbers
service unsupported-transceiver
service dhcp                                   off hidden
platform ...                                   many
hostname ...                                   unset="hostname Router" remove="no hostname"
boot system ...                                many appended
vrf definition <name> > vrf                    definition
ip vrf <name> > vrf                            definition
logging console [...]                          off hidden
logging buffered [...]                         off remove="no logging buffered"
logging monitor [...]                          off hidden
logging rate-limit ...
logging count
enable secret [...]                            remove="no enable secret"
enable password [...]                          remove="no enable password"
username <name> ...                            remove="no username {0}"
aaa new-model                                  off
aaa group server <kind> <name> > aaa-group     remove="no aaa group server {0} {1}"
aaa authentication login <list> ...            remove="no aaa authentication login {0}"
aaa authentication enable <list> ...           remove="no aaa authentication enable {0}"
aaa authentication dot1x <list> ...            remove="no aaa authentication dot1x {0}"
aaa authentication ppp <list> ...              remove="no aaa authentication ppp {0}"
aaa authorization config-commands
aaa authorization console
aaa authorization commands <level> <list> ...  remove="no aaa authorization commands {0} {1}"
aaa authorization <what> <list> ...            remove="no aaa authorization {0} {1}"
aaa accounting <what> <list> ...               remove="no aaa accounting {0} {1}"
aaa server radius dynamic-author > aaa-group
aaa accounting commands <level> <list> ...     remove="no aaa accounting commands {0} {1}"
aaa accounting update ...
aaa session-id ...
login block-for ...
login delay ...
login on-failure [...]
login on-success [...]
login quiet-mode access-class ...
clock timezone ...                             remove="no clock timezone"
clock summer-time ...                          remove="no clock summer-time"
switch <member> provision ...                  remove="no switch {0} provision"
system mtu routing ...
system mtu ...                                 remove="no system mtu" hide="system mtu 1500"
errdisable recovery cause <cause>
errdisable recovery interval ...               hide="errdisable recovery interval 300"
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
ip tcp synwait-time ...                        remove="no ip tcp synwait-time"
ip tcp window-size ...
ip tcp path-mtu-discovery
ip domain lookup source-interface IF           remove="no ip domain lookup source-interface"
ip domain lookup                               off hidden
ip domain name vrf <vrf> ...
ip domain name ...                             remove="no ip domain name"
ip domain list ...                             many appended
ip name-server ...                             many appended listed
ip name-server vrf <vrf> ...                   many appended listed
ip host <name> ...                             remove="no ip host {0}"
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
vtp mode ...                                   hide="vtp mode server"
vtp version ...
vtp password ...                               remove="no vtp password"
lldp run
lldp timer ...
lldp holdtime ...
cdp run                                        off hidden
cdp timer ...                                  remove="no cdp timer" hide="cdp timer 60"
cdp holdtime ...                               remove="no cdp holdtime" hide="cdp holdtime 180"
key chain <name> > keychain                    definition
crypto pki trustpoint <name> > free-form       fixed
crypto pki certificate chain <name> > free-form
license ...                                    many
archive > archive
memory ...                                     many
diagnostic ...                                 many
spanning-tree mode ...                         remove="no spanning-tree mode"
spanning-tree logging
spanning-tree loopguard default
spanning-tree portfast default
spanning-tree portfast bpduguard default
spanning-tree portfast bpdufilter default
spanning-tree extend system-id                 off
spanning-tree pathcost method ...
spanning-tree mst configuration > mst          fixed
spanning-tree mst <instances> priority ...     remove="no spanning-tree mst {0} priority"
spanning-tree vlan <vlans>                     off hidden
spanning-tree vlan <vlans> priority ...        remove="no spanning-tree vlan {0} priority"
port-channel load-balance ...                  remove="no port-channel load-balance"
vlan internal allocation policy ...            hide="vlan internal allocation policy descending"
vlan access-map <name> <seq> > free-form
vlan filter <map> ...
vlan configuration <vlans> > free-form
vlan <id> > vlan                                listed
track <number> ... > free-form                 remove="no track {0}"
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
crypto map <name> <seq> ... > free-form        remove="no crypto map {0} {1}"
template <name> > interface
redundancy > redundancy                        fixed bare
interface range ... > interface
interface <IF> [...] > interface               remove="no interface {0}"
router ospf <process> [...] > router           remove="no router ospf {0}"
router ospfv3 <process> > router
router bgp <asn> > bgp                         alone
router eigrp <process> > router
router isis [...] > router
router rip > router
ip local pool <name> ...
ip default-gateway ...                         remove="no ip default-gateway"
ip default-network ...
ip forward-protocol ...                        many
ip http server                                 off
ip http secure-server                          off
ip http authentication ...                     remove="no ip http authentication"
ip http access-class ...                       remove="no ip http access-class"
ip http max-connections ...
ip http client source-interface IF
ip http secure-active-session-modules ...
ip http active-session-modules ...
ip http timeout-policy ...
ip nat inside source ...                       many
ip nat outside source ...                      many
ip nat pool <name> ...                         remove="no ip nat pool {0}"
ip nat translation ...                         many
ip flow-export destination ...                 many
ip flow-export source IF
ip flow-export version ...
ip flow-cache ...                              many
ip pim rp-address ...                          many
ip pim ...                                     many
ip msdp ...                                    many
ip route static ...                            many
ip tftp source-interface IF                    remove="no ip tftp source-interface"
ip ftp source-interface IF                     remove="no ip ftp source-interface"
ip ftp username ...
ip ftp password ...                            remove="no ip ftp password"
ip tftp blocksize ...
ip tacacs source-interface IF [...]                  remove="no ip tacacs source-interface"
ip radius source-interface IF [...]                  remove="no ip radius source-interface"
ip community-list ...                          many appended
ip as-path access-list ...                     many appended
ip route vrf <vrf> ...                         many
ip route <net> <mask> <via> [...]              grouped remove="no ip route {0} {1} {2}"
ip route <net> <mask> <IF> <via> [...]         grouped remove="no ip route {0} {1} {2} {3}"
ip route <net> <mask> <IF> [...]               grouped remove="no ip route {0} {1} {2}"
ipv6 route ...                                 many
ip ssh version ...                             remove="no ip ssh version"
ip ssh time-out ...                            remove="no ip ssh time-out" hide="ip ssh time-out 120"
ip ssh authentication-retries ...              remove="no ip ssh authentication-retries" hide="ip ssh authentication-retries 3"
ip ssh source-interface IF                     remove="no ip ssh source-interface"
ip ssh server algorithm <kind> ...             remove="no ip ssh server algorithm {0}"
ip ssh client algorithm <kind> ...             remove="no ip ssh client algorithm {0}"
ip ssh dh min size ...                         remove="no ip ssh dh min size"
ip scp server enable
ip access-list standard <name> > std-acl       definition
ip access-list extended <name> > acl           definition
ipv6 access-list <name> > acl                  definition
mac access-list extended <name> > free-form    definition
ip access-list resequence ...
ip prefix-list <name> description ...          text remove="no ip prefix-list {0} description"
ip prefix-list <name> seq <seq> ...            refuses early
ip prefix-list ...
ipv6 prefix-list <name> seq <seq> ...          refuses early
ipv6 prefix-list ...
ip sla <number> > ip-sla
ip sla schedule <number> ...                   remove="no ip sla schedule {0}"
ip sla responder
logging history ...
logging trap [...]                             off remove="no logging trap" hide="logging trap informational"
logging facility ...                           remove="no logging facility" hide="logging facility local7"
logging source-interface IF vrf <vrf>
logging source-interface IF                    remove="no logging source-interface"
logging origin-id ...                          remove="no logging origin-id"
logging host <host> vrf <vrf> [...]
logging host <host> [...]                      remove="no logging host {0}"
logging on                                     off hidden
access-list <number> [...]                     many appended
dialer-list <number> ...                       many
route-map <name> * <seq> > route-map    definition
snmp-server engineID local ...                 remove="no snmp-server engineID local"
snmp-server view <name> <tree> ...             remove="no snmp-server view {0} {1}"
snmp-server group ...                          many
snmp-server user <name> ...                    many
snmp-server community <name> [...]             remove="no snmp-server community {0}"
snmp-server trap-source IF                     remove="no snmp-server trap-source"
snmp-server source-interface <kind> IF         remove="no snmp-server source-interface {0}"
snmp-server packetsize ...
snmp-server location ...                       text remove="no snmp-server location"
snmp-server contact ...                        text remove="no snmp-server contact"
snmp-server chassis-id ...                     text remove="no snmp-server chassis-id"
snmp-server enable traps                       many
snmp-server enable traps ...                   many
snmp-server host <host> ...                    many
snmp-server tftp-server-list ...
snmp ifindex persist
snmp ifmib ifindex persist
snmp mib ...                                   many
tacacs-server host <host> [...]                remove="no tacacs-server host {0}" appended
tacacs-server timeout ...                      remove="no tacacs-server timeout"
tacacs server <name> > server
radius-server host <host> [...]                remove="no radius-server host {0}" appended
radius-server attribute ...                    many
radius-server timeout ...                      remove="no radius-server timeout"
radius-server retransmit ...                   remove="no radius-server retransmit"
radius-server deadtime ...                     remove="no radius-server deadtime"
radius-server key ...                          remove="no radius-server key"
radius-server vsa send ...                     many
radius server <name> > server
tacacs-server directed-request
tacacs-server key ...                          remove="no tacacs-server key"
control-plane > control-plane                      fixed bare
privilege <mode> level <level> ...             many
banner <kind> [...]                            remove="no banner {0}"
alias <mode> <name> ...                        text remove="no alias {0} {1}"
line con <first> > console                     fixed
line aux <first> > console                     fixed bare
line vty <first> [...] > line                  fixed
line <first> <last> > line                     fixed
monitor session <number> ...                   many
ntp authenticate
ntp authentication-key <number> ...            remove="no ntp authentication-key {0}"
ntp trusted-key ...                            many
ntp source IF                                  remove="no ntp source"
ntp source-interface IF
ntp access-group <kind> ...                    remove="no ntp access-group {0}"
ntp logging
ntp master [...]                               remove="no ntp master"
ntp max-associations ...
ntp server <host> [...]                        remove="no ntp server {0}"
ntp server vrf <vrf> <host> [...]              remove="no ntp server vrf {0} {1}"
ntp peer <host> [...]                          remove="no ntp peer {0}"
ntp peer vrf <vrf> <host> [...]                remove="no ntp peer vrf {0} {1}"
ntp update-calendar
event manager applet <name> [...] > free-form  remove="no event manager applet {0}"
event manager environment <name> ...           remove="no event manager environment {0}"
netconf-yang
restconf
"""

_INTERFACE = """
[interface]
description ...                                text remove="no description"
switchport                                     off hidden clears="ip address" off_clears="switchport"
switchport access vlan ...                     remove="no switchport access vlan" hide="switchport access vlan 1"
switchport trunk encapsulation ...             remove="no switchport trunk encapsulation"
switchport trunk native vlan ...               hide="switchport trunk native vlan 1"
switchport trunk allowed vlan ...              ranges hide="switchport trunk allowed vlan all"
switchport mode ...                            remove="no switchport mode" hide="switchport mode dynamic auto"
switchport nonegotiate
switchport voice vlan ...                      remove="no switchport voice vlan"
switchport port-security
switchport protected
switchport port-security maximum ...           remove="no switchport port-security maximum" hide="switchport port-security maximum 1"
switchport port-security violation ...         remove="no switchport port-security violation" hide="switchport port-security violation shutdown"
switchport port-security aging ...             many
switchport port-security mac-address ...       many
switchport block ...                           many
vrf forwarding ...                             remove="no vrf forwarding" clears="ip address" off_clears="ip address"
ip vrf forwarding ...                          remove="no ip vrf forwarding" clears="ip address" off_clears="ip address"
ip address * * secondary                       many early
ip address ...                                 exact
ip unnumbered IF                               remove="no ip unnumbered"
ip helper-address ...                          many appended
ip access-group * <direction>                  exact
ip proxy-arp                                   off hidden
ip redirects                                   off hidden
ip unreachables                                off hidden
ip directed-broadcast [...]
ip mtu ...                                     remove="no ip mtu"
ip ospf <process> area *
ip route-cache                                 off hidden
ip ospf cost ...                               remove="no ip ospf cost"
ip ospf priority ...                           remove="no ip ospf priority"
ip ospf hello-interval ...                     remove="no ip ospf hello-interval"
ip ospf dead-interval ...                      remove="no ip ospf dead-interval"
ip ospf mtu-ignore
ip ospf bfd [...]
ip ospf network ...                            remove="no ip ospf network"
ip ospf authentication [...]                   remove="no ip ospf authentication"
ip ospf message-digest-key <id> ...            remove="no ip ospf message-digest-key {0}"
ip dhcp snooping trust
ip dhcp snooping limit rate ...                remove="no ip dhcp snooping limit rate"
ip dhcp relay ...                              many
ip arp inspection trust
ip arp inspection limit ...                    remove="no ip arp inspection limit"
ip source binding ...                          many
ip verify source ...
ip summary-address ...                         many
ip verify ...                                  many
ip nat inside
ip nat outside
ip flow monitor ...                            many
ip pim ...                                     many
ip igmp ...                                    many
ip policy route-map ...                        remove="no ip policy route-map"
ip authentication mode eigrp <as> ...
ip authentication key-chain eigrp <as> ...
ip ospf authentication-key ...                 remove="no ip ospf authentication-key"
ip tcp adjust-mss ...                          remove="no ip tcp adjust-mss"
ip flow ingress
ip flow egress
ipv6 address ...                               many
ipv6 enable
ipv6 traffic-filter * <direction>              exact
ipv6 nd ...                                    many
ipv6 ospf <process> area *
load-interval ...                              remove="no load-interval" hide="load-interval 300"
bandwidth ...                                  remove="no bandwidth"
mac-address ...                                remove="no mac-address"
delay ...                                      remove="no delay"
mtu ...                                        remove="no mtu" hide="mtu 1500"
logging event ...                              many
shutdown
speed ...                                      remove="no speed" hide="speed auto"
media-type ...
duplex ...                                     remove="no duplex" hide="duplex auto"
negotiation auto                               off hidden
carrier-delay ...                              remove="no carrier-delay"
hold-queue <size> <direction>
arp timeout ...                                remove="no arp timeout"
power inline ...                               remove="no power inline" hide="power inline auto"
mdix auto                                      off hidden
storm-control <kind> level ...                 remove="no storm-control {0} level"
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
standby version ...                            remove="no standby version"
standby <group> ip * secondary                 grouped many
standby <group> ip [...]                       grouped remove="no standby {0} ip"
standby <group> priority ...                   grouped remove="no standby {0} priority" hide="standby {0} priority 100"
standby <group> preempt [...]                  grouped remove="no standby {0} preempt"
standby <group> timers ...                     grouped remove="no standby {0} timers"
standby <group> name ...                       grouped remove="no standby {0} name"
standby <group> authentication ...             grouped remove="no standby {0} authentication"
standby <group> track <object> [...]           grouped remove="no standby {0} track {1}"
vrrp <group> ip * secondary                    grouped many
vrrp <group> ip ...                            grouped remove="no vrrp {0} ip"
vrrp <group> priority ...                      grouped remove="no vrrp {0} priority"
vrrp <group> preempt [...]                     grouped
vrrp <group> authentication ...                grouped remove="no vrrp {0} authentication"
vrrp <group> track <object> [...]              grouped
spanning-tree portfast [...]                   remove="no spanning-tree portfast"
spanning-tree bpduguard ...                    remove="no spanning-tree bpduguard"
spanning-tree bpdufilter ...                   remove="no spanning-tree bpdufilter"
spanning-tree guard ...                        remove="no spanning-tree guard"
spanning-tree link-type ...                    remove="no spanning-tree link-type"
spanning-tree cost ...                         remove="no spanning-tree cost"
spanning-tree port-priority ...                remove="no spanning-tree port-priority"
spanning-tree vlan <vlans> cost ...
spanning-tree vlan <vlans> port-priority ...
tunnel source ...                              remove="no tunnel source"
tunnel destination ...                         remove="no tunnel destination"
tunnel mode ...                                remove="no tunnel mode"
tunnel key ...                                 remove="no tunnel key"
tunnel protection ...                          remove="no tunnel protection"
tunnel vrf ...                                 remove="no tunnel vrf"
ppp chap hostname ...                          remove="no ppp chap hostname"
ppp chap password ...                          remove="no ppp chap password"
ppp authentication ...                         remove="no ppp authentication"
bfd interval ...                               remove="no bfd interval"
encapsulation ...                              remove="no encapsulation"
keepalive [...]                                off hidden
snmp trap link-status                          off hidden
service-policy input ...                       remove="no service-policy input"
service-policy output ...                      remove="no service-policy output"
crypto map ...                                 remove="no crypto map"
"""

_VLAN = """
[vlan]
name ...                                       remove="no name"
state ...                                      remove="no state" hide="state active"
private-vlan ...                               many
shutdown
remote-span
"""

_BGP = """
[bgp]
bgp router-id ...                              remove="no bgp router-id"
bgp log-neighbor-changes
bgp graceful-restart
bgp bestpath ...                               many
bgp listen ...                                 many
bgp always-compare-med
bgp deterministic-med
synchronization                                off hidden
bgp default ipv4-unicast                       off hidden
bgp default local-preference ...               remove="no bgp default local-preference"
bgp cluster-id ...                             remove="no bgp cluster-id"
bgp confederation identifier ...
bgp graceful-restart restart-time ...
bgp graceful-restart stalepath-time ...
timers bgp ...                                 remove="no timers bgp"
network ...                                    many
aggregate-address ...                          many
redistribute <source> <process> [...]          remove="no redistribute {0} {1}"
redistribute connected [...]                   remove="no redistribute connected"
redistribute static [...]                      remove="no redistribute static"
redistribute rip [...]                         remove="no redistribute rip"
maximum-paths ...                              remove="no maximum-paths"
distance bgp ...                               remove="no distance bgp"
default-information originate
auto-summary                                   off hidden
neighbor <peer> remote-as ...                  grouped cascade="neighbor {0}"
neighbor <peer> peer-group                     cascade="neighbor {0}"
neighbor <peer> peer-group *                   grouped
neighbor <peer> local-as ...                   grouped remove="no neighbor {0} local-as"
neighbor <peer> description ...                text grouped remove="no neighbor {0} description"
neighbor <peer> shutdown [...]                 grouped remove="no neighbor {0} shutdown"
neighbor <peer> fall-over [...]                grouped remove="no neighbor {0} fall-over"
neighbor <peer> transport ...                  grouped many
neighbor <peer> password ...                   grouped remove="no neighbor {0} password"
neighbor <peer> ebgp-multihop [...]            grouped remove="no neighbor {0} ebgp-multihop"
neighbor <peer> ttl-security ...               grouped remove="no neighbor {0} ttl-security"
neighbor <peer> update-source IF               grouped remove="no neighbor {0} update-source"
neighbor <peer> timers ...                     grouped remove="no neighbor {0} timers"
neighbor <peer> version ...                    grouped
neighbor <peer> activate                       grouped
neighbor <peer> send-community [...]           grouped remove="no neighbor {0} send-community"
neighbor <peer> soft-reconfiguration inbound   grouped
neighbor <peer> remove-private-as [...]        grouped remove="no neighbor {0} remove-private-as"
neighbor <peer> allowas-in [...]               grouped remove="no neighbor {0} allowas-in"
neighbor <peer> weight ...                     grouped remove="no neighbor {0} weight"
neighbor <peer> next-hop-self [...]            grouped remove="no neighbor {0} next-hop-self"
neighbor <peer> route-reflector-client         grouped
neighbor <peer> default-originate [...]        grouped remove="no neighbor {0} default-originate"
neighbor <peer> maximum-prefix ...             grouped remove="no neighbor {0} maximum-prefix"
neighbor <peer> prefix-list * <direction>      grouped
neighbor <peer> route-map * <direction>        grouped
neighbor <peer> filter-list * <direction>      grouped
neighbor <peer> distribute-list * <direction>  grouped
neighbor <peer> unsuppress-map ...             grouped
maximum-paths ibgp ...                         remove="no maximum-paths ibgp"
address-family ipv4 > bgp-ipv4
address-family ipv4 unicast > bgp-ipv4
address-family ... > bgp

[bgp-ipv4 extends=bgp]
neighbor <peer> activate                       grouped off
"""

_ROUTER = """
[router]
router-id ...                                  remove="no router-id"
auto-cost reference-bandwidth ...              remove="no auto-cost reference-bandwidth"
ispf
version ...                                    remove="no version"
area <area> authentication [...]
log-adjacency-changes [...]                    off hidden
area <area> stub [...]
area <area> nssa [...]
area <area> default-cost ...
area <area> range ...                          many
area <area> virtual-link ...                   many
timers ...                                     many
redistribute <source> <process> [...]          remove="no redistribute {0} {1}"
redistribute connected [...]                   remove="no redistribute connected"
redistribute static [...]                      remove="no redistribute static"
redistribute rip [...]                         remove="no redistribute rip"
passive-interface default
passive-interface IF                           many early
network ...                                    many
neighbor ...                                   many
distribute-list ...                            many
default-information originate [...]            remove="no default-information originate"
default-metric ...                             remove="no default-metric"
maximum-paths ...                              remove="no maximum-paths"
distance ...                                   many
max-metric ...                                 many
eigrp router-id ...                            remove="no eigrp router-id"
eigrp stub [...]                               remove="no eigrp stub"
metric ...                                     remove="no metric"
variance ...                                   remove="no variance"
auto-summary                                   off hidden
address-family ... > router
"""

_SMALL_MODES = """
[line]
exec-timeout ...                               remove="no exec-timeout" hide="exec-timeout 10 0"
privilege level ...                            remove="no privilege level" hide="privilege level 1"
password ...                                   remove="no password"
authorization <what> <level> ...               many
logging synchronous [...]                      remove="no logging synchronous"
login [...]                                    off
authorization <what> ...                       remove="no authorization {0}"
accounting <what> ...                          many
access-class * <direction>                     exact
length ...                                     remove="no length" hide="length 24"
width ...                                      remove="no width" hide="width 80"
ipv6 access-class * <direction>                exact
modem ...                                      many
history size ...                               remove="no history size" hide="history size 20"
stopbits ...                                   remove="no stopbits"
speed ...                                      remove="no speed" hide="speed 9600"
flowcontrol ...
session-timeout ...                            remove="no session-timeout"
access-class * <direction> vrf-also            exact
transport preferred ...                        remove="no transport preferred"
transport input ...                            remove="no transport input"
transport output ...                           remove="no transport output"
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
description ...                                text remove="no description"
match ip address prefix-list ...               remove="no match ip address prefix-list"
match ip address ...                           many
match ...                                      many
set metric ...                                 remove="no set metric"
set weight ...                                 remove="no set weight"
set tag ...                                    remove="no set tag"
set origin ...                                 remove="no set origin"
set community ...                              remove="no set community"
set local-preference ...                       remove="no set local-preference"
set metric-type ...                            remove="no set metric-type"
set as-path prepend ...                        remove="no set as-path prepend"
set ip next-hop ...                            many
set ...                                        many
continue [...]                                 remove="no continue"

[class-map]
description ...                                text remove="no description"
match ...                                      many

[policy-map ordered]
description ...                                text remove="no description"
class <name> > policy-class                    appended
class class-default > policy-class

[policy-class]
set <what> ...                                 remove="no set {0}"
bandwidth ...                                  remove="no bandwidth"
priority [...]                                 remove="no priority"
police ... > free-form
shape ...                                      remove="no shape average"
queue-limit ...                                remove="no queue-limit"
random-detect [...]                            many
fair-queue [...]                               remove="no fair-queue"
service-policy ...                             remove="no service-policy"
trust ...

[object-group]
description ...                                text remove="no description"

[vrf]
description ...                                text remove="no description"
rd ...                                         remove="no rd"
route-target <direction> *                     many
import ...                                     many
export ...                                     many
address-family ... > vrf
vpn ...                                        many

[aaa-group]
server name <name>                             appended
server-private <host> [...]                    remove="no server-private {0}" appended
server <host> [...]                            remove="no server {0}" appended
ip vrf forwarding ...                          remove="no ip vrf forwarding"
vrf forwarding ...                             remove="no vrf forwarding"
ip tacacs source-interface IF [...]                  remove="no ip tacacs source-interface"
ip radius source-interface IF [...]                  remove="no ip radius source-interface"
deadtime ...                                   remove="no deadtime"
client <host> ...                              many
auth-type ...
server-key ...                                 remove="no server-key"

[server]
address ipv4 ...                               remove="no address ipv4"
address ipv6 ...                               remove="no address ipv6"
key ...                                        remove="no key"
timeout ...                                    remove="no timeout"
retransmit ...                                 remove="no retransmit"
port ...                                       remove="no port"
single-connection
automate-tester ...                            remove="no automate-tester"

[keychain]
key <number> > key

[key]
key-string ...                                 remove="no key-string"
accept-lifetime ...                            remove="no accept-lifetime"
send-lifetime ...                              remove="no send-lifetime"
cryptographic-algorithm ...                    remove="no cryptographic-algorithm"

[dhcp-pool]
vrf ...
import all
network ...                                    remove="no network"
host ...                                       remove="no host"
default-router ...                             remove="no default-router"
dns-server ...                                 remove="no dns-server"
domain-name ...                                remove="no domain-name"
netbios-name-server ...                        remove="no netbios-name-server"
bootfile ...                                   remove="no bootfile"
next-server ...                                remove="no next-server"
lease ...                                      remove="no lease"
option <code> ...                              remove="no option {0}"

[archive]
log config > archive-log
path ...                                       remove="no path"
maximum ...                                    remove="no maximum"
write-memory
time-period ...                                remove="no time-period"

[archive-log]
logging enable
logging size ...                               remove="no logging size" hide="logging size 100"
notify syslog [...]                            remove="no notify syslog"
hidekeys
record rc

[mst]
name ...                                       remove="no name"
revision ...                                   remove="no revision"
instance <number> vlan ...                     remove="no instance {0}"

[ip-sla]
icmp-echo ... > free-form
udp-jitter ... > free-form
tcp-connect ... > free-form
frequency ...                                  remove="no frequency"
tag ...
threshold ...
timeout ...

[control-plane]
service-policy input ...                       remove="no service-policy input"
service-policy output ...                      remove="no service-policy output"

[redundancy]
mode ...                                       remove="no mode"

[free-form]
"""

IOS_TEXTS = (_GLOBAL, _INTERFACE, _VLAN, _BGP, _ROUTER, _SMALL_MODES)

# What the device accepts and prints otherwise.
IOS_ALIASES = (
    ("line console", r"^line console ", "line con "),
    ("logging ", r"^logging (\d+\.\d+\.\d+\.\d+)", r"logging host \1"),
    ("exec-timeout ", r"^exec-timeout (\d+)$", r"exec-timeout \1 0"),
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
