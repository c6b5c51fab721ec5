"""What the simulated EOS switch understands in its configuration modes, in the notation of `devices.lab.ios.rules`.

Sources: Arista EOS 4.28 user manual. Only what a change usually touches is there; anything else is invalid input.
"""

from typing import Final

from devices.lab.ios.grammar import Grammar

_EVERYWHERE: Final = "exit ;; hook=exit\nend ;; hook=end\n"

_GLOBAL: Final = """
daemon <word> ;; enter=eos-daemon, sort
username <word> :: <line>
aaa authentication login {=default|console} :: <line>
aaa authorization exec =default :: <line>
aaa root :: <line>
service routing protocols model :: {ribd|multi-agent}
logging console :: {emergencies|alerts|critical|errors|warnings|notifications|informational|debugging}
logging buffered :: [<int:10-2147483647>]
logging trap :: {emergencies|alerts|critical|errors|warnings|notifications|informational|debugging}
logging facility :: <word>
logging source-interface :: <eos-if>
logging host <ip> :: [<int:1-65535>] [protocol {tcp|udp}] ;; sort
hostname :: <host>
ip domain lookup source-interface :: <eos-if>
dns domain :: <host>
ip name-server vrf <word> <ip>
ip host <host> :: <ip>
clock timezone :: <word>
ntp local-interface :: <eos-if>
ntp authenticate
ntp server <host> :: [version <int:1-4>] [key <int:1-65535>] [prefer] [iburst] ;; sort
wipe ntp
radius-server host <ip> :: <line>
tacacs-server host <ip> :: <line>
sflow run
snmp-server contact :: <line>
snmp-server location :: <line>
snmp-server community <word> :: {ro|rw} [<word>]
snmp-server host <ip> :: [version {1|2c|3}] <line>
snmp-server enable traps :: [<line>]
spanning-tree mode :: {none|mstp|rstp|rapid-pvst}
spanning-tree mst 0 priority :: <int:0-61440>
lldp run
vlan internal order :: <line>
vlan <vlans> ;; enter=eos-vlan, sort, hook=vlan
vrf instance <word> ;; enter=eos-vrf, sort
interface <eos-if> ;; enter=eos-if, sort, hook=eos_interface
ip access-list standard <word> ;; enter=eos-acl, sort
ip access-list <word> ;; enter=eos-acl, sort
ip routing
ip routing vrf <word>
ipv6 unicast-routing
ip prefix-list <word> [seq <int:1-4294967294>] {permit|deny} <prefix> [ge <int:1-32>] [le <int:1-32>] ;; \
    hook=prefix_list, sort
wipe ip prefix-list <word>
ip route [vrf <word>] <prefix> {<ip>|<eos-if> [<ip>]} :: [<int:1-255>] [tag <int:1-4294967295>] [name <word>] ;; sort
route-map <word> {permit|deny} <int:1-65535> ;; enter=eos-route-map, sort
wipe route-map <word>
router bgp <int:1-4294967295> ;; enter=eos-bgp, hook=router_bgp
router ospf <int:1-65535> ;; enter=eos-ospf
banner {login|motd} ;; hook=banner
management api http-commands ;; enter=eos-api
management ssh ;; enter=eos-ssh
"""

_MODES: Final[dict[str, tuple[str, str]]] = {
    "eos-daemon": ("config-daemon", "exec <line>\nshutdown ;; on\n"),
    "eos-vlan": ("config-vlan", "name :: <word>\nstate :: {active|suspend} ;; default=active\n"),
    "eos-vrf": ("config-vrf", "description :: <line>\nrd :: <word>\n"),
    "eos-if": (
        "config-if",
        """
description :: <line>
mtu :: <int:68-9214> ;; default=1500
speed :: <word>
vrf :: <word>
switchport access vlan :: <int:1-4094> ;; default=1
switchport trunk native vlan :: <int:1-4094> ;; default=1
switchport trunk allowed vlan :: <vlans>
switchport mode :: {access|trunk} ;; default=access
switchport ;; on
ip address :: <address>
ip address <address> secondary
ip helper-address <ip>
ip access-group <word> {in|out} ;; hook=direction
ip ospf area :: <word>
ip ospf cost :: <int:1-65535>
channel-group :: <int:1-2000> mode {active|passive|on}
lacp timer :: {fast|normal} ;; default=normal
lldp transmit ;; on
spanning-tree portfast
spanning-tree bpduguard :: {enable|disable}
storm-control broadcast level :: <word>
shutdown
""",
    ),
    "eos-acl": (
        "config-acl",
        """
{permit|deny} <line> ;; hook=ace, sort
<int:1-4294967295> {permit|deny} <line> ;; hook=ace, sort, same
remark <line> ;; hook=ace, sort, same
<int:1-4294967295> remark <line> ;; hook=ace, sort, same
wipe <int:1-4294967295>
""",
    ),
    "eos-route-map": (
        "config-route-map",
        """
description :: <line>
match ip address prefix-list :: <word>
match community :: <word>
set local-preference :: <int:0-4294967295>
set metric :: <word>
set community :: <line>
continue :: [<int:1-65535>]
""",
    ),
    "eos-bgp": (
        "config-router-bgp",
        """
router-id :: <ip>
maximum-paths :: <int:1-600>
timers bgp :: <int:0-3600> <int:0-10800>
neighbor <word> peer group ;; group=2
neighbor <ip> peer group :: <word> ;; group=2, same
neighbor {<ip>|<word>} remote-as :: <int:1-4294967295> ;; hook=neighbor, group=2, same
neighbor {<ip>|<word>} update-source :: <eos-if> ;; group=2, same
neighbor {<ip>|<word>} description :: <line> ;; group=2, same
neighbor {<ip>|<word>} shutdown ;; group=2, same
neighbor {<ip>|<word>} password :: <line> ;; group=2, same
neighbor {<ip>|<word>} route-map <word> {in|out} ;; group=2, same
neighbor {<ip>|<word>} maximum-routes :: <int:0-4294967294> ;; group=2, same
wipe neighbor {<ip>|<word>}
network <prefix> :: [route-map <word>]
redistribute {connected|static} :: [route-map <word>]
address-family {ipv4|ipv6} ;; enter=eos-af
""",
    ),
    "eos-af": (
        "config-router-bgp-af",
        """
neighbor {<ip>|<word>} activate ;; group=2
neighbor {<ip>|<word>} prefix-list <word> {in|out} ;; group=2, same
network <prefix>
""",
    ),
    "eos-ospf": (
        "config-router-ospf",
        """
router-id :: <ip>
passive-interface {=default|<eos-if>}
network <prefix> area :: <word>
max-lsa :: <int:0-100000>
""",
    ),
    "eos-api": (
        "config-mgmt-api-http-cmds",
        "protocol http ;; hidden\nprotocol https ;; hidden\nshutdown ;; on\n",
    ),
    "eos-ssh": ("config-mgmt-ssh", "idle-timeout :: <int:0-86400>\nshutdown\n"),
}

GRAMMARS: Final = {
    "global": Grammar("global", _EVERYWHERE + _GLOBAL),
    **{name: Grammar(name, _EVERYWHERE + table) for name, (_, table) in _MODES.items()},
}
PROMPTS: Final = {"global": "config", **{name: prompt for name, (prompt, _) in _MODES.items()}}
