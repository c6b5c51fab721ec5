"""The simulated devices of a benchmark, in a process of their own: `python -m tests.bench.bench_lab HOME COUNT`.

Reads orders from standard input, one JSON object a line, and answers each with one line: `{"round_trip_s": 0.02}` sets
how long answers take; `{"check": "…"}` counts the devices whose running and startup configuration hold the line.
"""

import gc
import json
import sys
from pathlib import Path

from devices.lab import Hardware, Lab, LabDeviceSpec
from devices.lab.files import credentials, write_inventory

PORTS, VLANS, RULES, PREFIXES = 48, 300, 700, 260


def config(number: int) -> str:
    """A switch's configuration of some 2,000 lines, a third of which only this switch has."""
    name, mine = f"bench-{number:05}", f"{number % 200}"
    parts = [f"hostname {name}", "aaa new-model", "ip domain-name bench.example.net", "vtp mode transparent"]
    parts += [f"vlan {100 + n}\n name users-{n:03}" for n in range(VLANS)]
    parts += [
        f"interface GigabitEthernet1/0/{n}\n description desk {number}.{n}\n switchport access vlan {100 + n}\n"
        " switchport mode access\n spanning-tree portfast"
        for n in range(1, PORTS + 1)
    ]
    parts.append("ip access-list extended CAMPUS")
    parts += [f" permit tcp 10.{n // 200}.{n % 200}.0 0.0.0.255 {_far(n, mine)} eq {1024 + n}" for n in range(RULES)]
    parts += [f"ip route 172.{16 + n // 200}.{n % 200}.0 255.255.255.0 10.{mine}.0.1" for n in range(PREFIXES)]
    parts += ["logging host 10.0.0.20", "snmp-server location nowhere", "ntp server 10.0.0.1"]
    return "\n".join(parts) + "\n"


def _far(rule: int, mine: str) -> str:
    return "any" if rule % 2 else f"host 10.{mine}.0.{rule % 250}"


def specs(count: int) -> list[LabDeviceSpec]:
    """So many switches with that configuration."""
    ports = tuple(f"GigabitEthernet1/0/{number}" for number in range(1, PORTS + 1))
    return [
        LabDeviceSpec(
            name=f"bench-{number:05}",
            startup=config(number),
            hardware=Hardware(f"BEN{number:05}", "WS-C2960X-48TS-L", ports),
            site="BENCH",
        )
        for number in range(1, count + 1)
    ]


def main(home: Path, count: int) -> None:
    """Run the devices until standard input ends."""
    home.mkdir(parents=True, exist_ok=True)
    username, password = credentials(home, {})
    with Lab(home, specs(count), username=username, password=password) as lab:
        # Each boots when it is first needed, which is a hundred milliseconds of its CPU: not while clients are timed.
        lines = [device.running_config().count("\n") for device in lab.devices]
        gc.freeze()
        write_inventory(lab, home / "inventory.yaml")
        _answer({"devices": len(lines), "lines": min(lines)})
        for order in sys.stdin:
            _answer(_obey(lab, json.loads(order)))


def _obey(lab: Lab, order: dict[str, object]) -> dict[str, object]:
    if "round_trip_s" in order:
        for device in lab.devices:
            device.faults.round_trip_s = float(str(order["round_trip_s"]))
        return {}
    line = f"\n{order['check']}\n"
    return {"good": sum(line in each.running_config() and line in each.startup_config() for each in lab.devices)}


def _answer(data: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
