"""What the simulated device understands in its configuration modes. The order of lines is the order of its output.

Flags: ``enter=MODE`` opens a sub-mode; ``on`` is on unless negated, and only the negation is shown; ``default=X`` is a
value that is not shown; ``keep-no`` keeps a negation as a line; ``sort`` orders entries by key (``sort=2``: by two
words of it), others stand as they were entered; ``group=2`` keeps lines of one neighbor together; ``same`` shares
the place of the line before; ``alias=A>B`` reads the words A as B; ``hook=X`` names the special handling in `semantics`. A form after ``wipe`` exists negated only and takes
with it everything that begins with its words.
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
logging buffered :: [<int:4096-2147483647>] [{emergencies|alerts|critical|errors|warnings|notifications|informational|debugging|<int:0-7>}]
logging monitor :: {emergencies|alerts|critical|errors|warnings|notifications|informational|debugging}
logging rate-limit :: <int:1-10000>
enable secret :: <line> ;; hook=enable_secret
enable password :: <line>
username <word> :: <line> ;; hook=username
aaa new-model
aaa group server {tacacs+|radius} <word> ;; enter=aaa-group
aaa authentication {login|enable|dot1x} {=default|<word>} :: <line>
aaa authorization {exec|console|config-commands|network} :: [<line>]
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
ip route [vrf <word>] <ip> <mask> {<ip>|<if> [<ip>]} :: [<int:1-255>] [name <word>] [tag <int:1-4294967295>] [permanent] [track <int:1-1000>] ;; sort
wipe ip route <ip> <mask>
wipe ip route vrf <word> <ip> <mask>
ipv6 route <ip6prefix> {<ip6>|<if>} :: [<int:1-254>]
ip ssh version :: <int:1-2>
ip ssh time-out :: <int:1-120> ;; default=120
ip ssh authentication-retries :: <int:0-5> ;; default=3
ip ssh source-interface :: <if>
ip ssh server algorithm {encryption|mac|kex|hostkey} :: <line>
ip scp server enable
ip access-list standard <word> ;; enter=std-acl, sort
ip access-list extended <word> ;; enter=ext-acl, sort
ip access-list resequence <word> <int:1-2147483647> <int:1-2147483647> ;; hook=resequence
ip prefix-list <word> description :: <line>
ip prefix-list <word> [seq <int:1-4294967294>] {permit|deny} <prefix> [ge <int:1-32>] [le <int:1-32>] ;; hook=prefix_list, sort
wipe ip prefix-list <word>
ip sla <int:1-2147483647> ;; enter=sla
ip sla schedule <int:1-2147483647> :: <line>
logging trap :: [{emergencies|alerts|critical|errors|warnings|notifications|informational|debugging}] ;; default=informational
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
route-map <word> {permit|deny} <int:0-65535> ;; enter=route-map, sort
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
snmp-server host <ip> [vrf <word>] {version {1|2c} <word>|version 3 {auth|noauth|priv} <word>|<word>} :: [<line>]
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

_COMMON_INTERFACE = """
description :: <line>
switchport ;; hook=switchport
switchport access vlan :: <int:1-4094> ;; default=1, hook=access_vlan
switchport trunk encapsulation :: {dot1q|negotiate}
switchport trunk native vlan :: <int:1-4094> ;; default=1
switchport trunk allowed vlan :: {<vlans>|all|none|add <vlans>|remove <vlans>|except <vlans>} ;; hook=allowed_vlan
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
"""

_ACCESS_LIST_TAIL = """
remark <line> ;; hook=ace, sort, same
<int:1-2147483647> remark <line> ;; hook=ace, sort, same
wipe <int:1-2147483647>
"""

_BGP_NEIGHBOR = """
neighbor {<ip>|<ip6>|<word>} remote-as :: <int:1-4294967295> ;; hook=neighbor, group=2
neighbor <word> peer-group ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>} peer-group :: <word> ;; group=2, same
neighbor {<ip>|<ip6>|<word>} description :: <line> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} shutdown ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} password :: <line> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} ebgp-multihop :: [<int:1-255>] ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} update-source :: <if> ;; hook=neighbor, group=2, same
neighbor {<ip>|<ip6>|<word>} timers :: <int:0-65535> <int:0-65535> ;; hook=neighbor, group=2, same
"""
_BGP_FAMILY = """
network <ip> [mask <mask>]
aggregate-address <ip> <mask> :: [summary-only]
redistribute {connected|static|ospf <int:1-65535>|bgp <int:1-4294967295>} :: [<line>]
neighbor {<ip>|<ip6>|<word>} activate ;; group=2, same
neighbor {<ip>|<ip6>|<word>} send-community :: [{both|standard|extended}] ;; group=2, same
neighbor {<ip>|<ip6>|<word>} soft-reconfiguration inbound ;; group=2, same
neighbor {<ip>|<ip6>|<word>} next-hop-self ;; group=2, same
neighbor {<ip>|<ip6>|<word>} route-reflector-client ;; group=2, same
neighbor {<ip>|<ip6>|<word>} default-originate ;; group=2, same
neighbor {<ip>|<ip6>|<word>} maximum-prefix :: <line> ;; group=2, same
neighbor {<ip>|<ip6>|<word>} prefix-list <word> :: {in|out} ;; group=2, same
neighbor {<ip>|<ip6>|<word>} route-map <word> {in|out} ;; group=2, same
wipe neighbor {<ip>|<ip6>|<word>}
maximum-paths :: <int:1-32>
"""

MODES: Final[dict[str, tuple[str, str]]] = {
    # name: (what stands in the prompt's brackets, forms)
    "global": ("config", GLOBAL),
    "if": ("config-if", _COMMON_INTERFACE),
    "vlan": (
        "config-vlan",
        "name :: <word>\nstate :: {active|suspend} ;; default=active\nshutdown\nremote-span\nmtu :: <int:576-18190>",
    ),
    "line": (
        "config-line",
        """
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
        """,
    ),
    "router": (
        "config-router",
        """
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
        """,
    ),
    "bgp": (
        "config-router",
        """
        bgp router-id :: <ip>
        bgp log-neighbor-changes
        bgp graceful-restart
        bgp default ipv4-unicast ;; on
        timers bgp :: <int:0-65535> <int:0-65535>
        """
        + _BGP_NEIGHBOR
        + _BGP_FAMILY
        + "address-family {ipv4|ipv6} [unicast] [vrf <word>] ;; enter=af",
    ),
    "af": ("config-router-af", _BGP_NEIGHBOR + _BGP_FAMILY + "exit-address-family ;; hook=leave"),
    "std-acl": (
        "config-std-nacl",
        "{permit|deny} <std-ace> ;; hook=ace, sort\n<int:1-2147483647> {permit|deny} <std-ace> ;; hook=ace, sort, same"
        + _ACCESS_LIST_TAIL,
    ),
    "ext-acl": (
        "config-ext-nacl",
        "{permit|deny} <ace> ;; hook=ace, sort\n<int:1-2147483647> {permit|deny} <ace> ;; hook=ace, sort, same"
        + _ACCESS_LIST_TAIL,
    ),
    "class-map": (
        "config-cmap",
        "description :: <line>\nmatch [not] {access-group name <word>|access-group <int:1-199>|dscp <line>"
        "|ip dscp <line>|protocol <word>|cos <line>|any}",
    ),
    "policy-map": ("config-pmap", "description :: <line>\nclass {=class-default|<word>} ;; enter=pmap-class"),
    "pmap-class": (
        "config-pmap-c",
        """
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
        """,
    ),
    "route-map": (
        "config-route-map",
        """
        description :: <line>
        match ip address :: [prefix-list] <line>
        match {as-path|community|tag|interface} :: <line>
        set {metric|local-preference|weight|tag|metric-type|origin} :: <word>
        set community :: <line>
        set as-path prepend :: <line>
        set ip next-hop :: <line>
        continue :: [<int:0-65535>]
        """,
    ),
    "vrf": (
        "config-vrf",
        "description :: <line>\nrd :: <word>\nroute-target {import|export|both} <word>"
        "\naddress-family {ipv4|ipv6} ;; enter=vrf-af",
    ),
    "vrf-af": (
        "config-vrf-af",
        "route-target {import|export|both} <word>\nimport map :: <word>\nexport map :: <word>"
        "\nexit-address-family ;; hook=leave",
    ),
    "archive": (
        "config-archive",
        "log config ;; enter=archive-log\npath :: <word>\nmaximum :: <int:1-14>\nwrite-memory"
        "\ntime-period :: <int:1-525600>",
    ),
    "archive-log": (
        "config-archive-log-cfg",
        "logging enable\nlogging size :: <int:1-1000> ;; default=100\nhidekeys\nnotify syslog",
    ),
    "aaa-group": (
        "config-sg",
        "server name <word>\nip vrf forwarding :: <word>\nip {tacacs|radius} source-interface :: <if>",
    ),
    "tacacs": (
        "config-server-tacacs",
        "address ipv4 :: <ip>\nkey :: <line>\ntimeout :: <int:1-1000>\nport :: <int:1-65535>\nsingle-connection",
    ),
    "radius": (
        "config-radius-server",
        "address ipv4 :: <ip> [auth-port <int:0-65535>] [acct-port <int:0-65535>]\nkey :: <line>"
        "\ntimeout :: <int:1-1000>\nretransmit :: <int:0-100>",
    ),
    "dhcp": (
        "dhcp-config",
        "network :: <ip> [<mask>]\ndefault-router :: <line>\ndns-server :: <line>\ndomain-name :: <word>"
        "\nlease :: <line>\noption <int:0-254> :: <line>",
    ),
    "key-chain": ("config-keychain", "key <int:0-2147483647> ;; enter=key-chain-key"),
    "key-chain-key": (
        "config-keychain-key",
        "key-string :: <line>\naccept-lifetime :: <line>\nsend-lifetime :: <line>",
    ),
    "redundancy": ("config-red", "mode :: {sso|rpr|none}"),
    "control-plane": ("config-cp", "service-policy {input|output} :: <word>"),
    "sla": (
        "config-ip-sla",
        "icmp-echo :: <line>\nudp-jitter :: <line>\nfrequency :: <int:1-604800>\ntimeout :: <int:0-604800000>"
        "\ntag :: <line>",
    ),
    "applet": ("config-applet", "event :: <line>\naction <word> :: <line>\ndescription :: <line>"),
}
