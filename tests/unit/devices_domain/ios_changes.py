"""Random but plausible IOS configuration lines, for property tests. Values come from small sets, so lines collide."""

from hypothesis import strategies as st

ADDRESSES = ("10.1.0.1", "10.1.0.2", "10.2.0.1", "192.0.2.7")
NETWORKS = (("10.10.0.1", "255.255.255.0"), ("10.20.0.1", "255.255.255.0"), ("10.30.0.1", "255.255.255.0"))
NAMES = ("ALPHA", "BETA")
WORDS = ("uplink", "to core  one", "#staff", "a ^C b", "naïve")
PORTS = ("GigabitEthernet1/0/1", "GigabitEthernet1/0/2", "GigabitEthernet1/0/3")
VIRTUAL = ("Vlan10", "Vlan20", "Loopback0", "Loopback1", "Port-channel1")

# IOS prints these negations, the simulated device does not.
NOT_SIMULATED = ("no service timestamps", "no service password-encryption", "no logging trap", "no logging buffered")

Block = tuple[str, ...]


def _lines(*templates: str, **values: tuple[str, ...]) -> st.SearchStrategy[str]:
    """One of the templates, its fields filled from `values`."""
    fill = st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in values.items()})
    return st.builds(lambda template, fields: template.format(**fields), st.sampled_from(templates), fill)


def _negatable(lines: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda line, no: f"no {line}" if no else line, lines, st.sampled_from((False, False, True)))


GLOBAL_LINES = _negatable(
    _lines(
        "service timestamps {kind} datetime msec",
        "service password-encryption",
        "service tcp-keepalives-in",
        "logging buffered {size}",
        "logging console",
        "logging host {address}",
        "logging host {address} transport udp port 5140",
        "logging trap {level}",
        "logging source-interface Loopback0",
        "aaa authentication login {name} group tacacs+ local",
        "aaa authentication login {name} local",
        "aaa authorization exec {name} local",
        "clock timezone CET 1 0",
        "errdisable recovery cause {cause}",
        "ip source-route",
        "ip domain lookup",
        "ip domain name {name}.example",
        "ip name-server {address}",
        "ip host {name} {address}",
        "ip dhcp snooping",
        "ip http server",
        "ip http secure-server",
        "ip ssh version 2",
        "ip ssh time-out {small}",
        "ip tacacs source-interface Loopback0",
        "ip route 10.{small}.0.0 255.255.0.0 {address}",
        "ip route 10.{small}.0.0 255.255.0.0 {address} 200",
        "ip prefix-list {name} seq {seq} permit 10.{seq}.0.0/16",
        "ip prefix-list {name} seq {seq} permit 10.{seq}.0.0/16 le 24",
        "snmp-server community {name} RO",
        "snmp-server community {name} RW 10",
        "snmp-server location {word}",
        "snmp-server contact {word}",
        "snmp-server host {address} version 2c {name}",
        "snmp-server enable traps {trap}",
        "ntp server {address}",
        "ntp server {address} prefer",
        "ntp source Loopback0",
        "ntp authentication-key {small} md5 {name}",
        "ntp trusted-key {small}",
        "cdp run",
        "lldp run",
        "vlan {vlan}",
        "interface {virtual}",
        kind=("debug", "log"),
        size=("16384", "64000"),
        address=ADDRESSES,
        level=("errors", "warnings", "debugging"),
        name=NAMES,
        cause=("bpduguard", "udld"),
        small=("1", "5", "9"),
        seq=("5", "10", "15"),
        word=("Frankfurt", "rack 4  left", "noc@example.org"),
        trap=("config", "bgp", "snmp linkdown linkup"),
        vlan=("10", "20", "30", "20,30"),
        virtual=VIRTUAL,
    )
).filter(lambda line: not line.startswith(NOT_SIMULATED))

PORT_LINES = _negatable(
    _lines(
        "description {word}",
        "shutdown",
        "switchport access vlan {vlan}",
        "switchport mode {mode}",
        "switchport trunk allowed vlan {vlans}",
        "switchport trunk native vlan {vlan}",
        "switchport voice vlan {vlan}",
        "switchport nonegotiate",
        "speed {speed}",
        "duplex full",
        "mtu {mtu}",
        "cdp enable",
        "spanning-tree portfast",
        "spanning-tree bpduguard enable",
        "storm-control broadcast level {speed}",
        "ip dhcp snooping trust",
        "ip access-group {name} in",
        word=("uplink", "to core  one", "#staff", "naive"),
        vlan=("10", "20", "30"),
        mode=("access", "trunk"),
        vlans=("10", "10,20", "10-40"),
        speed=("100", "1000"),
        mtu=("1500", "9000"),
        name=NAMES,
    )
) | st.sampled_from(
    (
        "switchport trunk allowed vlan add 50-52",
        "switchport trunk allowed vlan remove 10",
        "switchport trunk allowed vlan except 99",
        "no switchport",
        "switchport",
        "shut",
        "no shut",
        "desc short",
    )
)

ROUTED_LINES = _negatable(
    st.sampled_from(NETWORKS).map(lambda pair: f"ip address {pair[0]} {pair[1]}")
    | _lines(
        "description {word}",
        "shutdown",
        "ip helper-address {address}",
        "ip access-group {name} {way}",
        "ip proxy-arp",
        "ip redirects",
        "ip mtu {mtu}",
        "ip ospf cost {cost}",
        "ip ospf 1 area {cost}",
        "standby 1 ip {address}",
        "standby 1 priority {cost}",
        "standby 1 preempt",
        word=("uplink", "to core  one"),
        address=ADDRESSES,
        name=NAMES,
        way=("in", "out"),
        mtu=("1400", "1476"),
        cost=("10", "20"),
    )
) | st.just("no ip address")

ACE = _lines(
    "{number}{action} tcp any host {address} eq {port}",
    "{number}{action} ip 10.{small}.0.0 0.0.255.255 any",
    "{number}{action} udp any any eq {port}",
    "{number}deny ip any any log",
    "{number}remark about {name} {small}",
    "no {action} ip 10.{small}.0.0 0.0.255.255 any",
    "no deny ip any any log",
    "no {sequence}",
    number=("", "", "5 ", "15 ", "20 ", "25 "),
    sequence=("10", "20", "30"),
    action=("permit", "deny"),
    address=ADDRESSES,
    port=("22", "443", "830"),
    small=("1", "5", "9"),
    name=NAMES,
)

BGP_LINES = _negatable(
    _lines(
        "bgp router-id {address}",
        "bgp log-neighbor-changes",
        "neighbor {address} remote-as {asn}",
        "neighbor {address} description {name}",
        "neighbor {address} update-source Loopback0",
        "neighbor {address} ebgp-multihop 2",
        "neighbor {address} shutdown",
        "network 10.{small}.0.0 mask 255.255.0.0",
        "redistribute connected",
        "timers bgp 10 30",
        address=ADDRESSES,
        asn=("65001", "65002"),
        name=NAMES,
        small=("1", "5", "9"),
    )
)

# IOS prints "no neighbor … activate" in this family, the simulated device does not.
BGP_FAMILY_LINES = _negatable(
    _lines(
        "neighbor {address} activate",
        "neighbor {address} next-hop-self",
        "neighbor {address} route-map {name} in",
        address=ADDRESSES[:2],
        name=NAMES,
    )
).filter(lambda line: not (line.startswith("no ") and line.endswith("activate")))

LINE_LINES = _negatable(
    _lines(
        "exec-timeout {minutes} 0",
        "transport input {how}",
        "access-class {name} in",
        "logging synchronous",
        "login local",
        "privilege level 15",
        minutes=("5", "10", "30"),
        how=("ssh", "none", "telnet ssh"),
        name=NAMES,
    )
).filter(lambda line: line != "no login local")

ROUTE_MAP_LINES = _negatable(
    _lines(
        "match ip address prefix-list {name}",
        "set local-preference {value}",
        "set metric {value}",
        "description {name}",
        "continue 30",
        name=NAMES,
        value=("100", "200"),
    )
)

OSPF_LINES = _negatable(
    _lines(
        "router-id {address}",
        "network 10.{small}.0.0 0.0.255.255 area 0",
        "passive-interface {port}",
        "auto-cost reference-bandwidth {bandwidth}",
        "default-information originate",
        address=ADDRESSES,
        small=("1", "5", "9"),
        port=("Vlan10", "Vlan20"),
        bandwidth=("1000", "100000"),
    )
)

BANNER_TEXT = st.lists(st.text(alphabet="abc #~%\"'! interface", max_size=12).map(str.rstrip), min_size=1, max_size=4)


def _in_mode(headers: st.SearchStrategy[str], lines: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    return st.builds(lambda header, inner: (header, *inner), headers, st.lists(lines, min_size=1, max_size=4))


def _banner(kind: str, text: list[str]) -> Block:
    return tuple("\n".join([f"banner {kind} ^", *text, "^"]).split("\n"))


BLOCKS: st.SearchStrategy[Block] = st.one_of(
    GLOBAL_LINES.map(lambda line: (line,)),
    GLOBAL_LINES.map(lambda line: (line,)),
    _in_mode(st.sampled_from(PORTS).map("interface {}".format), PORT_LINES),
    _in_mode(st.just("interface range Gi1/0/1 - 2"), PORT_LINES),
    _in_mode(st.sampled_from(("Vlan10", "Vlan20", "Loopback0")).map("interface {}".format), ROUTED_LINES),
    _in_mode(st.sampled_from(NAMES).map("ip access-list extended {}".format), ACE),
    _in_mode(st.just("router bgp 65000"), BGP_LINES),
    st.builds(
        lambda before, inside: ("router bgp 65000", *before, "address-family ipv4", *inside, "exit"),
        st.lists(BGP_LINES, max_size=2),
        st.lists(BGP_FAMILY_LINES, min_size=1, max_size=3),
    ),
    _in_mode(st.just("router ospf 1"), OSPF_LINES),
    _in_mode(st.sampled_from(("line con 0", "line vty 0 4", "line vty 5 15", "line vty 0 7")), LINE_LINES),
    _in_mode(st.sampled_from(("vlan 10", "vlan 20")), st.sampled_from(("name USERS", "name VOICE", "no name"))),
    _in_mode(
        st.sampled_from(("route-map ALPHA permit 10", "route-map ALPHA deny 10", "route-map ALPHA deny 20")),
        ROUTE_MAP_LINES,
    ),
    st.sampled_from(
        (
            ("no interface Vlan10",),
            ("no router bgp 65000",),
            ("no router ospf 1",),
            ("no ip access-list extended ALPHA",),
            ("no route-map ALPHA permit 10",),
            ("no vlan 10",),
            ("no banner motd",),
            ("default interface GigabitEthernet1/0/1",),
            ("hostname other",),
        )
    ),
    st.builds(_banner, st.sampled_from(("motd", "login")), BANNER_TEXT),
)

CHANGES: st.SearchStrategy[tuple[str, ...]] = st.lists(BLOCKS, min_size=1, max_size=8).map(
    lambda blocks: tuple(line for block in blocks for line in block)
)
