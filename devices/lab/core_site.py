"""The demonstration network's routers and spines: IOS XR, Junos and NX-OS, as many of each as wanted.

All secrets in these configurations are made up and open nothing.
"""

import hashlib

from devices.lab.device import LabDeviceSpec
from devices.lab.ios.machine import Hardware

_XR = """hostname {name}
logging 10.0.0.20
ntp
 server 192.0.2.10
!
interface Loopback0
 description router id
 ipv4 address 10.255.1.{number} 255.255.255.255
!
interface GigabitEthernet0/0/0/0
 description {peer}
 ipv4 address 10.254.{number}.1 255.255.255.252
!
route-policy PASS
  pass
end-policy
!
router bgp 65000
 bgp router-id 10.255.1.{number}
 address-family ipv4 unicast
 !
 neighbor 10.254.{number}.2
  remote-as 65010
  description {peer}
  address-family ipv4 unicast
   route-policy PASS in
   route-policy PASS out
  !
 !
!
end
"""
_JUNOS = """set version 21.4R3.15
set system host-name {name}
set system ntp server 192.0.2.10
set system syslog host 10.0.0.20 any notice
set interfaces ge-0/0/0 description {peer}
set interfaces ge-0/0/0 unit 0 family inet address 10.254.{number}.2/30
set interfaces lo0 unit 0 family inet address 10.255.2.{number}/32
set policy-options policy-statement PASS then accept
set protocols bgp group core type external
set protocols bgp group core peer-as 65000
set protocols bgp group core export PASS
set protocols bgp group core neighbor 10.254.{number}.1
"""
_NXOS = """version 9.3(10)
hostname {name}
feature bgp
feature interface-vlan
ntp server 192.0.2.10
logging server 10.0.0.20
vlan 10
  name users
interface Ethernet1/1
  description {peer}
  switchport mode trunk
interface Ethernet1/2
  shutdown
interface mgmt0
  ip address 10.20.99.{number}/24
router bgp 65020
  router-id 10.255.3.{number}
"""
_KINDS = (
    ("core", "cisco_xr", "ASR-9901", _XR, "edge"),
    ("edge", "juniper_junos", "MX204", _JUNOS, "core"),
    ("spine", "cisco_nxos", "Nexus9000 C9336C-FX2", _NXOS, "core"),
)


def core_specs(count: int, *, first_port: int = 0) -> list[LabDeviceSpec]:
    """`count` of each kind; ports follow each other from `first_port`, 0 takes free ones."""
    specs: list[LabDeviceSpec] = []
    for number in range(1, count + 1):
        for role, platform, model, text, peer in _KINDS:
            name = f"fra-{role}-{number:02d}"
            serial = "SIM" + hashlib.sha256(name.encode()).hexdigest()[:8].upper()
            specs.append(
                LabDeviceSpec(
                    name=name,
                    startup=text.format(name=name, number=number, peer=f"fra-{peer}-{number:02d}"),
                    hardware=Hardware(serial, model, ()),
                    port=first_port + len(specs) if first_port else 0,
                    site="FRA",
                    role=role,
                    tags=("core", "lab"),
                    tenant="backbone",
                    criticality="vital",
                    platform=platform,
                )
            )
    return specs
