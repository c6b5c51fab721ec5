"""The driver, the predictions and the backouts on a real router; its traps, each by name."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devices.domain.config_text import normalise
from devices.domain.drivers import NETMIKO_CLI, driver_for_platform
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict
from devices.drivers.base import Credential, Driver, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import DeviceError, DeviceTimeoutError, HostKeyMismatchError
from tests.integration.frr.lab import PASSWORD, FrrLab, Router, namespaces, prefix_of, reload, sweep, wait_for

pytestmark = pytest.mark.frr

FRR = platform_for("frr")


def endpoint_of(lab: FrrLab, router: Router) -> Endpoint:
    return Endpoint(
        name=router.name,
        host=router.host,
        port=22,
        platform="frr",
        credential=Credential(lab.prefix, PASSWORD),
        host_keys=(router.host_key,),
        connect_timeout_s=5.0,
        read_timeout_s=5.0,
    )


@pytest.fixture(scope="module")
def opened(frr: FrrLab) -> Iterator[Driver]:
    with open_driver(endpoint_of(frr, frr.router(1))) as driver:
        yield driver


@pytest.fixture
def session(opened: Driver, configured: FrrLab) -> Driver:
    """One session for the whole module: signing in takes longer than most changes."""
    return opened


def test_frr_is_driven_like_ios_through_vtysh_and_by_no_napalm_driver() -> None:
    assert driver_for_platform("frr", "") == NETMIKO_CLI
    assert FRR.netmiko_type == "cisco_ios"
    for answer in ("% Unknown command: x", "BGP is already running; AS is 65001", "Must remove previous area config"):
        assert FRR.rejection(f"\n{answer}\n") == answer


def test_a_router_answers_by_its_own_name_and_not_the_machines(session: Driver) -> None:
    facts = session.facts()
    assert facts.hostname == "r1"
    assert facts.version.startswith(("8.", "9.", "10."))
    assert not session.capabilities.commit_confirmed
    assert not session.capabilities.candidate_diff


def test_a_changed_host_key_is_refused_before_a_password_is_sent(configured: FrrLab) -> None:
    endpoint = endpoint_of(configured, configured.router(1))
    key_type, public, *_ = endpoint.host_keys[0].split()
    other = replace(endpoint, host_keys=(f"{key_type} {public[:-6]}AAAAAA",))
    log = Path("/run", configured.prefix, "r1", "sshd.log")
    before = log.read_text().count("password")
    with pytest.raises(HostKeyMismatchError), open_driver(other):
        pass
    assert log.read_text().count("password") == before


REFUSED = [
    (["ip route 10.1.0.0/16 blackhole", "no such command"], 1, "% Unknown command"),
    (["router bgp 65009"], 0, "BGP is already running; AS is 65001"),
    (["interface eth1", " ip ospf area 1"], 1, "Must remove previous area"),
    (["ip prefix-list X seq 5 permit 10.0.0.0/8 le 4"], 0, "% Configuration failed"),
    (["ip"], 0, "% Command incomplete"),
    (["router bgp 65001", " neighbor 10.0.1.2 route-map"], 1, "% Command incomplete"),
]


def test_a_refused_line_is_seen_and_the_session_left_in_a_known_mode(session: Driver) -> None:
    for lines, index, words in REFUSED:
        result = session.apply(lines)
        assert result.rejection is not None, lines
        assert result.rejection.index == index, lines
        assert words in result.rejection.message
        assert result.applied == tuple(lines[:index])
        assert result.mode == "exec", "netmiko by itself would stay in configuration mode"
        assert session.running_config().startswith("Building configuration"), "and it can still be used"


def test_saving_writes_the_file_that_the_router_starts_with(session: Driver, configured: FrrLab) -> None:
    router = configured.router(1)
    assert session.apply(["ip route 10.77.0.0/16 blackhole"]).rejection is None
    assert "10.77.0.0/16" not in router.startup_config()
    session.save()
    assert "ip route 10.77.0.0/16 blackhole" in router.startup_config()


def test_who_cuts_the_way_to_the_router_learns_it_by_a_time_limit_and_is_not_held_up(configured: FrrLab) -> None:
    router = configured.router(1)
    endpoint = replace(endpoint_of(configured, router), read_timeout_s=1.5)
    driver = open_driver(endpoint)
    driver.__enter__()
    began = time.monotonic()
    try:
        with pytest.raises(DeviceTimeoutError):
            driver.apply(["interface mgmt", " shutdown", " description cut off"])
    finally:
        driver.__exit__(None, None, None)
        took = time.monotonic() - began
        router.configure("interface mgmt", "no shutdown")
    assert took < 6, "netmiko's own disconnect would wait ten seconds more"
    wait_for(lambda: _answers(endpoint), "the router answers again", 10)


def _answers(endpoint: Endpoint) -> bool:
    try:
        with open_driver(endpoint):
            return True
    except DeviceError:
        return False


CHANGES = {
    "static routes": ["ip route 10.5.0.0/16 blackhole", "no ip route 203.0.113.1/32 Null0"],
    "a route's second next hop": ["ip route 10.5.0.0/16 10.0.1.2 200", "ip route 10.5.0.0/16 blackhole"],
    "a description": ["interface eth1", " description uplink to r2"],
    "an address beside the first": ["interface lo", " ip address 192.0.2.101/32"],
    "a neighbour's description and timers": [
        "router bgp 65001", " neighbor 10.0.1.2 description core", " neighbor 10.0.1.2 timers 3 9",
    ],
    "a new neighbour": [
        "router bgp 65001", " neighbor 10.0.9.9 remote-as 65099", " neighbor 10.0.9.9 ebgp-multihop 3",
    ],
    "a neighbour's AS": ["router bgp 65001", " neighbor 10.0.1.2 remote-as 64999"],
    "a neighbour less": ["router bgp 65001", " no neighbor 10.0.1.2 remote-as 65002"],
    "a network": ["router bgp 65001", " address-family ipv4 unicast", "  network 10.5.0.0/16"],
    "policy": [
        "ip prefix-list OUT seq 5 permit 203.0.113.0/24 le 32", "route-map OUT permit 10",
        " match ip address prefix-list OUT", " set local-preference 200", "exit", "router bgp 65001",
        " address-family ipv4 unicast", "  neighbor 10.0.1.2 route-map OUT out",
    ],
    "OSPF": ["router ospf", " ospf router-id 192.0.2.111", " auto-cost reference-bandwidth 1000"],
    "OSPF's area, after the old one is taken away": ["interface lo", " no ip ospf area 0", " ip ospf area 1"],
    "OSPF's passive interfaces": [
        "router ospf", " passive-interface eth1", " passive-interface eth1 10.0.1.1", " no passive-interface lo",
    ],
    "OSPF passive but for one": [
        "router ospf", " passive-interface default", "exit", "interface eth1", " no ip ospf passive",
    ],
    "OSPF's costs": ["interface eth1", " ip ospf cost 77"],
    "IPv6": ["interface eth1", " ipv6 address 2001:db8:1::1/64", "exit", "ipv6 route 2001:db8:9::/48 blackhole"],
}  # fmt: skip
"""What networks are changed by. The estimate must be what the router shows, and the backout must restore it."""


@pytest.mark.parametrize("lines", CHANGES.values(), ids=CHANGES)
def test_the_estimate_is_what_the_router_shows_and_the_backout_restores_it(
    session: Driver, configured: FrrLab, lines: list[str], tmp_path: Path
) -> None:
    before = normalise(session.running_config(), FRR)
    expected = predict(before, lines, FRR)
    assert expected != before

    assert session.apply(lines).rejection is None
    after = normalise(session.running_config(), FRR)

    assert after == expected
    assert _difference(configured.router(1), expected, tmp_path) == [], "FRR's own tool sees no difference either"
    backout = inverse_commands(before, after, FRR)
    assert session.apply(backout).rejection is None
    assert normalise(session.running_config(), FRR) == before


def test_frrs_own_tool_sees_what_our_estimate_sees(configured: FrrLab, tmp_path: Path) -> None:
    """That the oracle is silent above must mean something."""
    with open_driver(endpoint_of(configured, configured.router(1))) as driver:
        before = normalise(driver.running_config(), FRR)
    wanted = predict(before, ["ip route 10.5.0.0/16 blackhole", "no ip route 203.0.113.1/32 Null0"], FRR)
    found = _difference(configured.router(1), wanted, tmp_path)
    assert "no ip route 203.0.113.1/32 Null0" in found
    assert "ip route 10.5.0.0/16 blackhole" in found


def _difference(router: Router, wanted: str, folder: Path) -> list[str]:
    """The lines that ``frr-reload.py --test`` would send, without the names that only this machine's console has."""
    file = folder / "wanted.conf"
    file.write_text(wanted)
    said = reload(router, file, "--test").splitlines()
    lines = [line.strip() for line in said if line.strip()]
    return [line for line in lines if not line.startswith(("Lines To", "=", "hostname", "no hostname", "!"))]


def test_two_labs_stand_side_by_side_and_what_a_killed_session_left_is_removed(configured: FrrLab) -> None:
    command = (
        "from tests.integration.frr.lab import FrrLab; lab = FrrLab(); lab.wait_for_bgp = lambda: 0;"
        "lab.__enter__(); print(lab.slot); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        slot = int(other.stdout.readline())
        other.kill()
    prefix = prefix_of(slot)
    assert slot != configured.slot
    assert f"{prefix}-r1" in namespaces(), "nobody tidied up"
    sweep(after=configured.slot)
    assert not [space for space in namespaces() if space.startswith(f"{prefix}-")]
    assert prefix not in Path("/etc/passwd").read_text()
    assert configured.router(1).vtysh("show version"), "the other lab is untouched"
