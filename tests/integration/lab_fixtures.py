"""Simulated devices for tests. They need no database.

`lab` starts any number of devices and stops them after the test; `endpoint_of` gives what a driver needs for one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from devices.drivers.base import Credential, Endpoint
from devices.lab import Hardware, Lab, LabDevice, LabDeviceSpec
from devices.lab.site import site_specs

LAB_PASSWORD = "correct horse battery staple"
SMALL_CONFIG = """hostname {name}
archive
 path flash:archive
vlan 10
 name users
interface GigabitEthernet1/0/1
 description desk 1
 switchport access vlan 10
 switchport mode access
interface Vlan10
 ip address 192.0.2.1 255.255.255.0
ip access-list extended EDGE
 permit tcp any any eq 22
 deny ip any any log
ntp server 198.51.100.1
banner motd ^C
Welcome to {name}#
^C
"""

LabFactory = Callable[..., Lab]
EndpointOf = Callable[..., Endpoint]


def small_device(name: str = "sw1", **changes: Any) -> LabDeviceSpec:  # noqa: ANN401 - any field of the specification
    """A switch with four ports and a short configuration; `changes` go into its specification."""
    ports = tuple(f"GigabitEthernet1/0/{number}" for number in range(1, 5))
    hardware = Hardware(f"FOC{name.upper()}", "WS-C2960X-24TS-L", ports)
    return LabDeviceSpec(**{"name": name, "startup": SMALL_CONFIG.format(name=name), "hardware": hardware, **changes})


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabFactory]:
    """`lab(3)`: the first three devices of the demonstration network; `lab(spec, …)`: exactly these."""
    with ExitStack() as stack:

        def start(*wanted: int | LabDeviceSpec, home: Path | None = None) -> Lab:
            specs = [spec for each in wanted for spec in (site_specs(each) if isinstance(each, int) else [each])]
            running = Lab(home or tmp_path / "lab", specs or [small_device()], password=LAB_PASSWORD)
            return stack.enter_context(running)

        yield start


@pytest.fixture
def endpoint_of() -> EndpointOf:
    """`endpoint_of(device)`: the endpoint with the right credential and key; keyword arguments replace fields."""

    def build(device: LabDevice, **changes: Any) -> Endpoint:  # noqa: ANN401 - any field of the endpoint
        fields: dict[str, Any] = {
            "name": device.name,
            "host": device.host,
            "port": device.port,
            "platform": device.spec.platform,
            "credential": Credential("lab", LAB_PASSWORD, device.spec.enable_secret or ""),
            "host_keys": (device.host_key,) if device.host_key else (),
            "driver": device.spec.driver,
            "connect_timeout_s": 5.0,
            "read_timeout_s": 5.0,
        }
        return Endpoint(**{**fields, **changes})

    return build


EOS_CONFIG = """hostname {name}
ntp server 198.51.100.1
vlan 10
   name users
interface Ethernet1
   description desk 1
   switchport access vlan 10
ip access-list EDGE
   10 permit tcp any any eq ssh
   20 deny ip any any log
router bgp 65001
   neighbor 192.0.2.2 remote-as 65002
banner motd
  Welcome to {name}
 indented
EOF
management api http-commands
   no shutdown
"""


def eos_device(name: str = "eos1", **changes: Any) -> LabDeviceSpec:  # noqa: ANN401 - any field of the specification
    """An EOS-like switch behind plain eAPI; `changes` go into its specification."""
    hardware = Hardware(f"SN{name.upper()}", "vEOS-lab", ("Ethernet1", "Ethernet2", "Management1"))
    fields: dict[str, Any] = {
        "name": name,
        "startup": EOS_CONFIG.format(name=name),
        "hardware": hardware,
        "platform": "arista_eos",
        "driver": "napalm-eos-http",
    }
    return LabDeviceSpec(**{**fields, **changes})
