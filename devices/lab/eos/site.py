"""EOS switches for the demonstration network, beside its IOS ones. All secrets are made up and open nothing."""

import hashlib

from devices.lab.device import LabDeviceSpec
from devices.lab.ios.machine import Hardware

_PORTS = (*(f"Ethernet{number}" for number in range(1, 13)), "Management1")
_DRIVER = "napalm-eos"


def eos_specs(count: int, *, first_port: int = 0) -> list[LabDeviceSpec]:
    """Specifications of `fra-leaf-01` and on; ports follow each other from `first_port`, 0 takes free ones."""
    return [
        LabDeviceSpec(
            name=f"fra-leaf-{number:02d}",
            startup=_startup(number),
            hardware=Hardware(_serial(number), "vEOS-lab", _PORTS),
            port=first_port + number - 1 if first_port else 0,
            site="FRA",
            role="leaf",
            tags=("datacenter", "lab"),
            tenant="datacenter",
            criticality="high",
            platform="arista_eos",
            driver=_DRIVER,
            tls=True,
        )
        for number in range(1, count + 1)
    ]


def _serial(number: int) -> str:
    return "JPE" + hashlib.sha256(f"leaf {number}".encode()).hexdigest()[:8].upper()


def _startup(number: int) -> str:
    ports = "\n".join(
        f"interface Ethernet{port}\n   description server {number:02d}-{port:02d}\n   switchport access vlan 10"
        for port in range(1, 9)
    )
    return f"""hostname fra-leaf-{number:02d}
logging host 10.0.0.20
dns domain fra.example.net
ip name-server vrf default 10.0.0.53
ntp server 192.0.2.10
snmp-server location FRA hall 2, rack {number}
spanning-tree mode mstp
vlan 10
   name servers
vlan 20
   name storage
{ports}
interface Ethernet11
   description fra-spine-01
   no switchport
   ip address 10.21.{number}.1/31
interface Ethernet12
   description fra-spine-02
   no switchport
   ip address 10.21.{number}.3/31
interface Loopback0
   ip address 10.21.0.{number}/32
interface Management1
   ip address 10.20.99.{100 + number}/24
ip routing
ip prefix-list LOOPBACKS seq 10 permit 10.21.0.0/24
route-map EXPORT permit 10
   match ip address prefix-list LOOPBACKS
router bgp {65100 + number}
   router-id 10.21.0.{number}
   neighbor 10.21.{number}.0 remote-as 65000
   neighbor 10.21.{number}.0 description fra-spine-01
   neighbor 10.21.{number}.2 remote-as 65000
   neighbor 10.21.{number}.2 description fra-spine-02
   redistribute connected route-map EXPORT
banner motd
fra-leaf-{number:02d}: authorised staff only. Access is logged.
EOF
management api http-commands
   no shutdown
"""
