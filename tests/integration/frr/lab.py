"""Real FRRouting routers on this machine: each in its own network and UTS namespace, reached over SSH into vtysh.

Three routers in a row, r1 to r3, speak BGP (AS 65001 to 65003, timers 1 and 3 s) and OSPF. Needs root, namespaces
and the packages that ``requirements/frr.sh`` installs. A lab owns one numbered slot of the machine: names, addresses
and files carry the number, so that several sessions run side by side, and whoever gets the slot next removes what a
killed session left in it. Only processes inside the slot's own namespaces are ever ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from tests.integration.frr.router_config import ROUTERS, configuration

SLOTS: Final = 64
PASSWORD: Final = "netops-secret-pw"
LOCKS: Final = Path("/run/countersign-frr")
FRR: Final = Path("/usr/lib/frr")
NEEDED: Final = (FRR / "bgpd", FRR / "frr-reload.py", Path("/usr/sbin/sshd"), Path("/usr/bin/vtysh"))


class LabError(AssertionError):
    """The lab did not do what it must; the message says what was seen."""


def why_not() -> tuple[str, bool]:
    """Why routers cannot be started here, or ""; and whether this machine could have run them with the packages."""
    if os.geteuid() != 0:
        return "real routers need root", False
    if subprocess.run(["unshare", "--net", "--uts", "true"], check=False, capture_output=True).returncode:
        return "this machine gives no network namespaces (a container needs NET_ADMIN and SYS_ADMIN)", False
    missing = [str(path) for path in NEEDED if not path.exists()]
    if missing or shutil.which("ip") is None:
        return f"run requirements/frr.sh first; missing: {', '.join(missing) or 'ip'}", True
    return "", True


@dataclass(frozen=True, slots=True)
class Router:
    """One router: its number from 1, and the names that it has on this machine."""

    number: int
    prefix: str
    host: str
    gateway: str
    host_key: str

    @property
    def name(self) -> str:
        """The router's own hostname."""
        return f"r{self.number}"

    @property
    def space(self) -> str:
        """Its network namespace, and FRR's path space."""
        return f"{self.prefix}-r{self.number}"

    def vtysh(self, *commands: str) -> str:
        """Run commands at the router's own console, beside the product; as a person in the machine room would."""
        arguments = [part for command in commands for part in ("-c", command)]
        return run("vtysh", "-N", self.space, *arguments)

    def json(self, command: str) -> Any:  # noqa: ANN401 - whatever the router answers
        """The answer to a command in JSON."""
        return json.loads(self.vtysh(command))

    def startup_config(self) -> str:
        """What the router starts with, as it stands on disk."""
        return Path("/etc/frr", self.space, "frr.conf").read_text()

    def configure(self, *lines: str) -> None:
        """Change the router out of band."""
        self.vtysh("configure terminal", *lines, "end")

    def peers(self) -> dict[str, str]:
        """The state of each BGP neighbour, by its address."""
        summary = self.json("show ip bgp summary json")
        return {peer: facts["state"] for peer, facts in summary.get("ipv4Unicast", {}).get("peers", {}).items()}

    def established(self) -> list[str]:
        """The neighbours whose session is up."""
        return sorted(peer for peer, state in self.peers().items() if state == "Established")

    def routes(self) -> set[str]:
        """The prefixes in the router's table of best routes that BGP brought."""
        return set(self.json("show ip route bgp json"))


class FrrLab:
    """Three routers in a row; ``with FrrLab() as lab`` brings them up and takes everything away again."""

    def __init__(self) -> None:
        self._lock: IO[str] | None = None
        self.slot = -1
        self.routers: tuple[Router, ...] = ()
        self._initial: dict[str, str] = {}

    def __enter__(self) -> Self:
        LOCKS.mkdir(mode=0o755, exist_ok=True)
        self.slot, self._lock = _own_slot()
        try:
            remove(self.slot)
            self._up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        remove(self.slot)
        if self._lock:
            self._lock.close()

    @property
    def prefix(self) -> str:
        """What every name of this lab begins with."""
        return prefix_of(self.slot)

    def router(self, number: int) -> Router:
        """Router 1, 2 or 3."""
        return self.routers[number - 1]

    def wait_for_bgp(self, *, within_s: float = 20) -> float:
        """Wait until every session is established; the seconds that it took."""
        return wait_for(lambda: all(_is_up(router) for router in self.routers), "BGP on all routers", within_s)

    def reset(self, *, bgp: bool = True) -> None:
        """Take every router back to how it started, by FRR's own frr-reload; with ``bgp`` wait for its sessions."""
        for router in self.routers:
            if router.vtysh("show running-config") != self._initial[router.name]:
                file = Path("/etc/frr", router.space, "frr.conf")
                file.write_text(configuration(router.number))
                reload(router, file, "--reload")
        if bgp:
            self.wait_for_bgp()

    def _up(self) -> None:
        base = Path("/run", self.prefix)
        base.mkdir(mode=0o755)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _owned(Path("/run/frr"), 0o775)
        shell = _shell(self.prefix)
        shell.write_text('#!/bin/sh\nexec /usr/bin/vtysh -N "$FRR_ROUTER" "$@"\n')
        shell.chmod(0o755)
        _add_user(self.prefix, shell)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(base / "host_key"))
        key = (base / "host_key.pub").read_text().strip()
        self.routers = tuple(
            Router(
                number, self.prefix, f"198.18.{self.slot}.{number * 4 + 2}", f"198.18.{self.slot}.{number * 4 + 1}", key
            )
            for number in range(1, ROUTERS + 1)
        )
        for router in self.routers:
            _add_namespace(router)
        for left, right in zip(self.routers, self.routers[1:], strict=False):
            _connect(left, right)
        with ThreadPoolExecutor(ROUTERS) as pool:
            list(pool.map(_start, self.routers))
        self.wait_for_bgp()
        self._initial = {router.name: router.vtysh("show running-config") for router in self.routers}


def prefix_of(slot: int) -> str:
    """The prefix of a slot's names; with "-m1" behind it, it still fits the 15 letters of an interface's name."""
    return f"csfrr{slot}"


def run(*command: str, input_text: str | None = None) -> str:
    """Run a program of this machine and give its output.

    Raises:
        LabError: it failed; with what it said.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=input_text, timeout=60)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def wait_for(condition: Callable[[], bool], what: str, within_s: float) -> float:
    """Look every 0.1 s until the condition holds; the seconds that it took.

    Raises:
        LabError: it did not hold in time.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise LabError(f"Not within {within_s} s: {what}.")
        time.sleep(0.1)
    return time.monotonic() - began


def reload(router: Router, file: Path, how: str) -> str:
    """FRR's own ``frr-reload.py``; with ``--test`` it prints what leads from the running configuration to the file."""
    return run(
        "python3", str(FRR / "frr-reload.py"), how, "--pathspace", router.space, "--bindir", "/usr/bin",
        "--confdir", "/etc/frr", "--stdout", str(file),
    )  # fmt: skip


def remove(slot: int) -> None:
    """Take away everything that carries the slot's prefix, whoever left it. The caller holds the slot's lock."""
    prefix = prefix_of(slot)
    spaces = [space for space in namespaces() if space.startswith(f"{prefix}-")]
    for how in (signal.SIGTERM, signal.SIGKILL):
        pids = [pid for space in spaces for pid in _pids(space)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        deadline = time.monotonic() + 2
        while pids and any(_pids(space) for space in spaces) and time.monotonic() < deadline:
            time.sleep(0.05)
    for space in spaces:
        run("ip", "netns", "del", space)
    # A namespace outlives its name while a socket in it still waits for an answer, and keeps its links.
    for link in Path("/sys/class/net").glob(f"{prefix}-m*"):
        with contextlib.suppress(LabError):
            run("ip", "link", "del", link.name)
    for folder in (Path("/run"), Path("/run/frr"), Path("/etc/frr")):
        for left in (*folder.glob(f"{prefix}-*"), *folder.glob(prefix)):
            shutil.rmtree(left, ignore_errors=True)
    with contextlib.suppress(KeyError):
        pwd.getpwnam(prefix)
        _patiently("userdel", prefix)
    _shell(prefix).unlink(missing_ok=True)


def _own_slot() -> tuple[int, IO[str]]:
    """The first free slot; what killed sessions left in other free slots is removed on the way."""
    for slot in range(SLOTS):
        lock = (LOCKS / str(slot)).open("w")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep(after=slot)
            return slot, lock
        lock.close()
    raise LabError(f"All {SLOTS} slots for labs are in use.")


def sweep(*, after: int) -> None:
    """Remove what killed sessions left in the slots behind this one; slots in use are locked, and left alone."""
    for path in LOCKS.iterdir():
        if int(path.name) <= after:
            continue
        with path.open("w") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(int(path.name))


def namespaces() -> list[str]:
    """The network namespaces of this machine that have names."""
    return [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line.strip()]


def _pids(space: str) -> list[int]:
    return [int(pid) for pid in run("ip", "netns", "pids", space).split()]


def _shell(prefix: str) -> Path:
    return Path("/usr/local/sbin", f"{prefix}-vtysh")


def _add_user(name: str, shell: Path) -> None:
    _patiently("useradd", "-M", "-N", "-d", "/", "-s", str(shell), "-G", "frrvty,frr", name)
    run("chpasswd", input_text=f"{name}:{PASSWORD}\n")


def _patiently(*command: str) -> None:
    """The list of users is locked while another session changes it."""
    for attempt in range(20):
        try:
            run(*command)
        except LabError as error:
            if "lock" not in str(error) or attempt == 19:
                raise
            time.sleep(0.1)
        else:
            return


def _add_namespace(router: Router) -> None:
    host_side = f"{router.prefix}-m{router.number}"
    run("ip", "netns", "add", router.space)
    run("ip", "-n", router.space, "link", "set", "lo", "up")
    run("ip", "netns", "exec", router.space, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    run("ip", "link", "add", host_side, "type", "veth", "peer", "name", "mgmt", "netns", router.space)
    run("ip", "addr", "add", f"{router.gateway}/30", "dev", host_side)
    run("ip", "link", "set", host_side, "up")
    run("ip", "-n", router.space, "addr", "add", f"{router.host}/30", "dev", "mgmt")
    run("ip", "-n", router.space, "link", "set", "mgmt", "up")


def _connect(left: Router, right: Router) -> None:
    name = f"eth{left.number}"
    run("ip", "link", "add", name, "netns", left.space, "type", "veth", "peer", "name", name, "netns", right.space)
    for router in (left, right):
        run("ip", "-n", router.space, "link", "set", name, "up")


def _owned(path: Path, mode: int) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    os.chown(path, pwd.getpwnam("frr").pw_uid, grp.getgrnam("frr").gr_gid)


def _start(router: Router) -> None:
    """Daemons under watchfrr, which the console needs for "write memory"; and an SSH server that runs the console."""
    home, log = Path("/etc/frr", router.space), Path("/run", router.prefix, router.name)
    log.mkdir(mode=0o777)
    _owned(home, 0o2775)
    _owned(Path("/run/frr", router.space), 0o775)
    local = '"-A 127.0.0.1"'
    daemons = [f"{name}_options={local}" for name in ("zebra", "bgpd", "ospfd", "staticd")]
    for name, text in (
        ("frr.conf", configuration(router.number)),
        ("vtysh.conf", "service integrated-vtysh-config\n"),
        ("daemons", "\n".join(["bgpd=yes", "ospfd=yes", "vtysh_enable=yes", 'watchfrr_options="-i 1"', *daemons, ""])),
    ):
        (home / name).write_text(text)
        (home / name).chmod(0o664)
        os.chown(home / name, pwd.getpwnam("frr").pw_uid, grp.getgrnam("frr").gr_gid)
    (log / "sshd_config").write_text(_sshd(router, log))
    # The prompt, "show version" and BGP's hostname capability tell the UTS namespace's name.
    for begin in (f"{FRR}/frrinit.sh start {router.space}", f"/usr/sbin/sshd -f {log}/sshd_config -E {log}/sshd.log"):
        command = ["unshare", "--uts", "sh", "-c", f"hostname {router.name}; exec {begin}"]
        with (log / "start.log").open("a") as out:
            subprocess.run(
                ["ip", "netns", "exec", router.space, *command],
                check=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60,
            )  # fmt: skip


def _sshd(router: Router, log: Path) -> str:
    return "\n".join(
        (
            f"ListenAddress {router.host}:22", f"HostKey /run/{router.prefix}/host_key", f"PidFile {log}/sshd.pid",
            "UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no", f"AllowUsers {router.prefix}",
            "PrintMotd no", "PrintLastLog no", "UseDNS no", f"SetEnv FRR_ROUTER={router.space}", "",
        )
    )  # fmt: skip


def _is_up(router: Router) -> bool:
    wanted = 1 if router.number in (1, ROUTERS) else 2
    try:
        return len(router.established()) == wanted and len(router.routes()) == ROUTERS - 1
    except (LabError, ValueError):
        return False  # its daemons are starting
