"""Many small simulated devices in a process of their own: `python -m tests.bench.small_lab HOME FIRST COUNT`.

Reads orders from standard input, one JSON object a line, and answers each with one line: `{"reject": "regex", "device":
"name"}` has one device refuse matching lines; `{"mark": true}` forgets what has reached the devices until now;
`{"reached": true}` names the devices that were connected to since then, with how many lines of configuration each got.
"""

import json
import sys
from pathlib import Path

from devices.lab import Hardware, Lab, LabDeviceSpec
from devices.lab.files import credentials, write_inventory

CONFIG = """hostname {name}
vlan 10
 name users
interface GigabitEthernet1/0/1
 description desk {number}
 switchport access vlan 10
 switchport mode access
interface Vlan10
 ip address 192.0.2.1 255.255.255.0
ntp server 198.51.100.1
"""


def spec(number: int) -> LabDeviceSpec:
    """A switch with two ports and ten lines."""
    name = f"small-{number:05}"
    ports = ("GigabitEthernet1/0/1", "GigabitEthernet1/0/2")
    hardware = Hardware(f"SML{number:05}", "WS-C2960X-24TS-L", ports)
    return LabDeviceSpec(name=name, startup=CONFIG.format(name=name, number=number), hardware=hardware, site="BENCH")


class _Evidence:
    """What has reached the devices since the last mark, by the simulator's own logs."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._from: dict[str, int] = {}

    def mark(self) -> None:
        self._from = {device.name: len(device.log()) for device in self._lab.devices}

    def reached(self) -> dict[str, int]:
        found = {}
        for device in self._lab.devices:
            entries = device.log()[self._from.get(device.name, 0) :]
            if any(entry.get("event") == "connect" for entry in entries):
                found[device.name] = sum(entry.get("mode", "").startswith("config") for entry in entries)
        return found


def main(home: Path, first: int, count: int) -> None:
    """Run the devices until standard input ends."""
    home.mkdir(parents=True, exist_ok=True)
    username, password = credentials(home, {})
    specs = [spec(number) for number in range(first, first + count)]
    with Lab(home, specs, username=username, password=password) as lab:
        write_inventory(lab, home / "inventory.yaml")
        evidence = _Evidence(lab)
        _answer({"devices": len(lab.devices)})
        for line in sys.stdin:
            _answer(_obey(lab, evidence, json.loads(line)))


def _obey(lab: Lab, evidence: _Evidence, order: dict[str, object]) -> dict[str, object]:
    if "reject" in order:
        lab.device(str(order["device"])).faults.reject = str(order["reject"])
    if "mark" in order:
        evidence.mark()
    return {"reached": evidence.reached()} if "reached" in order else {}


def _answer(data: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
