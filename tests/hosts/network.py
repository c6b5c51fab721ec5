"""Two hosts on this machine, in network and UTS namespaces, each with one way to the database and one to the devices.

Needs root and iproute2. One at a time: the names are fixed, and what a killed run left is removed first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self


@dataclass(frozen=True, slots=True)
class Host:
    """A host: its name, and its own address on either way. The other ends are this machine's."""

    name: str
    database: str
    database_side: str
    devices: str
    devices_side: str

    @property
    def namespace(self) -> str:
        """The name of its network namespace."""
        return f"countersign-{self.name}"


# Addresses for benchmarks of network devices, which no network routes (RFC 2544).
HOSTS: Final = (
    Host("host-a", "198.18.1.2", "198.18.1.1", "198.18.3.2", "198.18.3.1"),
    Host("host-b", "198.18.2.2", "198.18.2.1", "198.18.4.2", "198.18.4.1"),
)
DEVICES: Final = HOSTS[0].devices_side
"""Where the simulated devices listen; the second host has a route to it through its own way."""


def why_not() -> str:
    """Why there can be no hosts here, or ""."""
    if os.geteuid() != 0:
        return "namespaces need root"
    if shutil.which("ip") is None:
        return "the program ip is missing (package iproute2)"
    if subprocess.run(["unshare", "--net", "--uts", "true"], check=False, capture_output=True).returncode:
        return "this machine gives no network namespaces (a container needs NET_ADMIN and SYS_ADMIN)"
    return ""


class Network:
    """The namespaces and their links, removed when it is left."""

    def __enter__(self) -> Self:
        self._remove()
        for host in HOSTS:
            _ip("netns", "add", host.namespace)
            _ip("-n", host.namespace, "link", "set", "lo", "up")
            self._link(host, _name(host, "db"), host.database_side, host.database)
            self._link(host, _name(host, "lab"), host.devices_side, host.devices)
            if host.devices_side != DEVICES:
                _ip("-n", host.namespace, "route", "add", f"{DEVICES}/32", "via", host.devices_side)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @staticmethod
    def _link(host: Host, name: str, ours: str, theirs: str) -> None:
        inner = name.rsplit("-", maxsplit=1)[-1]
        _ip("link", "add", name, "type", "veth", "peer", "name", inner, "netns", host.namespace)
        _ip("addr", "add", f"{ours}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", host.namespace, "addr", "add", f"{theirs}/30", "dev", inner)
        _ip("-n", host.namespace, "link", "set", inner, "up")

    @staticmethod
    def _remove() -> None:
        known = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout.split()
        for host in HOSTS:
            if host.namespace in known:
                # The links go with it: a pair of interfaces ends when one of them does.
                _ip("netns", "del", host.namespace)

    @staticmethod
    def cut_database(host: Host) -> None:
        """Take the host's way to the database away; nobody is told. Its way to the devices stays."""
        _ip("link", "set", _name(host, "db"), "down")

    @staticmethod
    def mend_database(host: Host) -> None:
        """Give it back."""
        _ip("link", "set", _name(host, "db"), "up")

    @staticmethod
    def start(
        host: Host, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes], cwd: Path
    ) -> subprocess.Popen[bytes]:
        """Run a program on the host, under the host's own name."""
        named = f'hostname {host.name} && exec "$@"'
        return subprocess.Popen(
            ["ip", "netns", "exec", host.namespace, "unshare", "--uts", "sh", "-c", named, "sh", *command],
            env=dict(environment),
            stdout=log,
            stderr=log,
            cwd=cwd,
        )


def _name(host: Host, way: str) -> str:
    return f"cs-{host.name[-1]}-{way}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
