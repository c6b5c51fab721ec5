"""The demonstration network: names, places, hardware and first configurations of any number of switches.

All secrets in these configurations are made up and open nothing.
"""

import hashlib
from dataclasses import dataclass

from devices.lab.device import LabDeviceSpec
from devices.lab.ios.machine import Hardware

_DEMO = (("FRA", "distribution", 2), ("FRA", "access", 8), ("MUC", "access", 2))
_SHORT_ROLE = {"distribution": "dist", "access": "acc"}
_MORE_SITES = ("HAM", "BER", "CGN", "STR")
_PER_SITE = 42
VLANS = ((10, "users"), (20, "voice"), (30, "printers"), (40, "building"), (50, "guests"), (99, "management"))


@dataclass(frozen=True, slots=True)
class _Slot:
    site: str
    role: str
    number: int
    site_index: int

    @property
    def name(self) -> str:
        return f"{self.site.lower()}-{_SHORT_ROLE[self.role]}-{self.number:02d}"

    @property
    def address(self) -> str:
        return f"10.{20 + self.site_index}.99.{(10 if self.role == 'distribution' else 20) + self.number}"

    @property
    def redundancy_group(self) -> str:
        return f"{self.site.lower()}-dist" if self.role == "distribution" else ""

    @property
    def uplinks(self) -> tuple[str, ...]:
        return (f"{self.site.lower()}-dist-01", f"{self.site.lower()}-dist-02") if self.role == "access" else ()

    @property
    def gateway(self) -> str:
        return f"10.{20 + self.site_index}.99.1"


def site_specs(count: int, *, first_port: int = 0) -> list[LabDeviceSpec]:
    """Specifications of the first `count` devices; ports follow each other from `first_port`, 0 takes free ones."""
    specs = []
    for index, slot in enumerate(_slots(count)):
        specs.append(
            LabDeviceSpec(
                name=slot.name,
                startup=startup_config(slot),
                hardware=_hardware(slot),
                port=first_port + index if first_port else 0,
                site=slot.site,
                role=slot.role,
                tags=("core" if slot.role == "distribution" else "campus", "lab"),
                redundancy_group=slot.redundancy_group,
                tenant="campus",
                criticality="high" if slot.role == "distribution" else "normal",
                uplinks=slot.uplinks,
            )
        )
    return specs


def _slots(count: int) -> list[_Slot]:
    sites = ["FRA", "MUC", *_MORE_SITES]
    slots = [
        _Slot(site, role, number, sites.index(site)) for site, role, size in _DEMO for number in range(1, size + 1)
    ]
    extra = 0
    while len(slots) < count:
        site_index = 2 + extra // _PER_SITE
        place = extra % _PER_SITE
        site = sites[site_index] if site_index < len(sites) else f"S{site_index:02d}"
        role = "distribution" if place < 2 else "access"
        slots.append(_Slot(site, role, place + 1 if place < 2 else place - 1, site_index))
        extra += 1
    return slots[:count]


def _hardware(slot: _Slot) -> Hardware:
    serial = "FOC" + hashlib.sha256(slot.name.encode()).hexdigest()[:8].upper()
    if slot.role == "distribution":
        ports = [f"GigabitEthernet1/0/{n}" for n in range(1, 49)]
        ports += [f"TenGigabitEthernet1/1/{n}" for n in range(1, 5)]
        return Hardware(serial, "WS-C3750X-48T-S", tuple(ports))
    ports = [f"GigabitEthernet1/0/{n}" for n in range(1, 25)]
    ports += [f"TenGigabitEthernet1/0/{n}" for n in range(1, 3)]
    return Hardware(serial, "WS-C2960X-24TD-L", tuple(ports))


def _fake(kind: str, slot: _Slot, length: int) -> str:
    """A made-up secret that is the same at every start."""
    return hashlib.sha256(f"{kind} {slot.name}".encode()).hexdigest()[:length]


def startup_config(slot: _Slot) -> str:
    """The configuration that a device of the demonstration network leaves the shelf with."""
    parts = [_system(slot), _layer2(slot), _ports(slot), _uplinks(slot), _management(slot), _services(slot)]
    return "\n".join(parts)


def _system(slot: _Slot) -> str:
    return f"""hostname {slot.name}
service timestamps debug datetime msec localtime show-timezone
service timestamps log datetime msec localtime show-timezone
logging buffered 64000
enable secret 5 $1${_fake("salt", slot, 4)}${_fake("enable", slot, 22)}
username admin privilege 15 secret 5 $1${_fake("user", slot, 4)}${_fake("admin", slot, 22)}
aaa new-model
aaa group server tacacs+ NOC
 server name noc-tacacs-1
aaa authentication login default group NOC local
aaa authorization exec default group NOC local
aaa accounting commands 15 default start-stop group NOC
clock timezone CET 1 0
no ip domain-lookup
ip domain-name {slot.site.lower()}.example.net
ip name-server 10.0.0.53
vtp mode transparent
spanning-tree mode rapid-pvst
errdisable recovery cause bpduguard
lldp run
archive
 path flash:archive
 maximum 5
 log config
  logging enable
  hidekeys
"""


def _layer2(slot: _Slot) -> str:
    lines = [f"vlan {number}\n name {name}" for number, name in VLANS]
    if slot.role == "distribution":
        lines.append("spanning-tree vlan 10,20,30,40,50,99 priority 4096")
    return "\n".join(lines)


def _ports(slot: _Slot) -> str:
    is_access = slot.role == "access"
    return "\n".join((_access_port if is_access else _downlink)(slot, n) for n in range(1, 25 if is_access else 49))


def _access_port(slot: _Slot, number: int) -> str:
    name = f"interface GigabitEthernet1/0/{number}"
    if number > 20:
        return f"{name}\n description spare\n switchport access vlan 50\n switchport mode access\n shutdown"
    if number > 18:
        return (
            f"{name}\n description printer {slot.site}-{number:02d}\n switchport access vlan 30\n"
            " switchport mode access\n spanning-tree portfast\n spanning-tree bpduguard enable"
        )
    return (
        f"{name}\n description desk {slot.number}.{number:02d}\n switchport access vlan 10\n"
        " switchport mode access\n switchport voice vlan 20\n storm-control broadcast level 1.00\n"
        " spanning-tree portfast\n spanning-tree bpduguard enable"
    )


def _downlink(slot: _Slot, number: int) -> str:
    name = f"interface GigabitEthernet1/0/{number}"
    if number > 12:
        return f"{name}\n shutdown"
    return (
        f"{name}\n description {slot.site.lower()}-acc-{number:02d} uplink\n switchport trunk encapsulation dot1q\n"
        " switchport trunk allowed vlan 10,20,30,40,50,99\n switchport mode trunk"
    )


def _uplinks(slot: _Slot) -> str:
    ports = range(1, 3) if slot.role == "access" else range(1, 5)
    slot_name = "1/0" if slot.role == "access" else "1/1"
    up = f"{slot.site.lower()}-dist" if slot.role == "access" else f"{slot.site.lower()}-core"
    return "\n".join(
        f"interface TenGigabitEthernet{slot_name}/{n}\n description {up}-{(n + 1) % 2 + 1:02d}\n"
        " switchport trunk allowed vlan 10,20,30,40,50,99\n switchport mode trunk"
        for n in ports
    )


def _management(slot: _Slot) -> str:
    return f"""interface Vlan1
 no ip address
 shutdown
interface Vlan99
 description management
 ip address {slot.address} 255.255.255.0
 no ip redirects
ip route 0.0.0.0 0.0.0.0 {slot.gateway}
ip access-list standard SNMP-READ
 permit 10.0.10.0 0.0.0.255
 deny any log
ip access-list extended MGMT-IN
 permit tcp 10.0.0.0 0.0.255.255 any eq 22
 permit udp 10.0.10.0 0.0.0.255 any eq snmp
 permit icmp any any echo
 deny ip any any log
"""


def _services(slot: _Slot) -> str:
    return f"""ip ssh version 2
no ip http server
no ip http secure-server
logging trap notifications
logging source-interface Vlan99
logging host 10.0.0.20
logging host 10.0.0.21
snmp-server community {_fake("snmp", slot, 12)} RO SNMP-READ
snmp-server trap-source Vlan99
snmp-server location {slot.site} building A, {slot.name}
snmp-server contact noc@example.net
snmp-server host 10.0.0.30 version 2c {_fake("trap", slot, 12)}
tacacs server noc-tacacs-1
 address ipv4 10.0.0.49
 key {_fake("tacacs", slot, 16)}
banner motd ^C
{slot.name}: authorised staff only. Access is logged.
^C
line con 0
 exec-timeout 15 0
 logging synchronous
line vty 0 4
 access-class MGMT-IN in
 exec-timeout 30 0
 transport input ssh
line vty 5 15
 access-class MGMT-IN in
 exec-timeout 30 0
 transport input ssh
ntp source Vlan99
ntp server 192.0.2.10
"""
