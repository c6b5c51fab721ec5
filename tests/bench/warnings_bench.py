"""Measure the semantic warnings on 2,000 lines and 50 commands: `python -m tests.bench.warnings_bench`.

Prints the CPU time beside what is read already; nothing is asserted.
"""

import sys
from functools import partial

from devices.domain.config_text import normalise, parse
from devices.domain.config_tree import Node
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict
from devices.domain.warnings import OwnSession, Review, Situation, review
from tests.bench.diff_bench import fastest_ms


def running(lines: int = 2_000) -> str:
    """A switch with many ports, a routed VLAN, lists and routes."""
    ports = (
        f"interface GigabitEthernet{n // 48 + 1}/0/{n % 48 + 1}\n description desk {n}\n switchport access vlan 10\n"
        " switchport mode access\n storm-control broadcast level 1.00\n spanning-tree portfast"
        for n in range(lines // 6 - 50)
    )
    entries = (f" permit tcp 10.{n}.0.0 0.0.255.255 any eq 22" for n in range(200))
    routes = (f"ip route 10.{n}.0.0 255.255.0.0 10.0.99.1" for n in range(80))
    own = "interface Vlan99\n ip address 10.0.99.5 255.255.255.0\n ip access-group LIST in"
    return "\n".join([*ports, own, "ip access-list extended LIST", *entries, *routes, ""])


def commands() -> list[str]:
    """Fifty lines that make rules look closely."""
    ports = [line for n in range(1, 17) for line in (f"interface Gi1/0/{n}", " shutdown")]
    entries = [f" {n} deny tcp 10.{n}.0.0 0.0.255.255 any" for n in range(1, 9)]
    rest = (
        "interface Vlan50", " ip address 10.0.50.1 255.255.255.0", "no ip route 10.3.0.0 255.255.0.0 10.0.99.1",
        "ip route 10.3.0.0 255.255.0.0 10.0.99.2", "ntp server 10.0.0.1", "interface Gi1/0/20",
        " no switchport access vlan 10", " switchport access vlan 20", "hostname new",
    )  # fmt: skip
    return [*ports, "ip access-list extended LIST", *entries, *rest]


def main() -> None:
    """Print the figures."""
    platform = platform_for("cisco_ios")
    before = normalise(running(), platform)
    lines = commands()
    after = predict(before, lines, platform, is_normal=True)
    trees = parse(before, platform), parse(after, platform)
    found = _once(*trees, lines)
    sys.stdout.write(f"{len(before.splitlines())} lines, {len(lines)} commands, {len(found.findings)} findings\n")
    inputs: dict[str, tuple[str | Node, str | Node]] = {"trees given": trees, "texts given": (before, after)}
    for name, (one, other) in inputs.items():
        time = fastest_ms(partial(_once, one, other, lines))
        sys.stdout.write(f"{name}: {time:.1f} ms\n")


def _once(before: str | Node, after: str | Node, lines: list[str]) -> Review:
    session = OwnSession("10.0.99.5", "10.9.9.9", username="admin")
    return review(Situation.read(before, after, lines, platform_for("cisco_ios"), session=session))


if __name__ == "__main__":
    main()
