"""Changes on real routers, judged by what the neighbour router sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from changes.domain.check_judging import Before, evaluate
from changes.domain.check_library import LIBRARY
from changes.models import DeviceRun
from tests.integration.changes.conftest import story
from tests.integration.frr.conftest import Network, after, from_library, results
from tests.integration.frr.lab import FrrLab, wait_for

pytestmark = pytest.mark.frr

HOLD_S = 4
"""Longer than the hold time of three seconds that the routers have."""


def not_fewer(**changed: object) -> dict[str, object]:
    return from_library("frr-bgp-not-fewer", hold_s=HOLD_S, timeout_s=1, **changed)


def ended(run: DeviceRun) -> tuple[str, str]:
    return run.state, run.code


def test_a_broken_bgp_session_is_noticed_and_backed_out_as_the_neighbour_sees(network: Network) -> None:
    r1, r2 = network.router(1), network.router(2)
    dropped = r2.json("show ip bgp summary json")["ipv4Unicast"]["peers"]["10.0.1.1"]["connectionsDropped"]

    run = network.executed(r1, "router bgp 65001", " neighbor 10.0.1.2 remote-as 64999", checks=after(not_fewer()))

    assert ended(run) == ("rolled_back", "POSTCHECK_FAILED"), story(run.run)
    [check] = results(run)
    assert (check["passed"], check["before"], check["after"]) == (False, "1", "0")
    assert check["sentence"] == (
        '"show ip bgp summary json" gives 0 now and gave 1 before; it must be not fewer than that.'
    )
    assert check["evidence"] == ["gone: 10.0.1.2"]
    wait_for(lambda: "10.0.1.1" in r2.established(), "the neighbour's session is up again", 15)
    wait_for(lambda: "203.0.113.1/32" in r2.routes(), "the neighbour has the route again", 5)
    peer = r2.json("show ip bgp summary json")["ipv4Unicast"]["peers"]["10.0.1.1"]
    assert peer["connectionsDropped"] > dropped, "the change really broke the session"
    assert "remote-as 65002" in r1.vtysh("show running-config")


def test_a_new_prefix_reaches_the_neighbours_and_is_saved(network: Network) -> None:
    r1 = network.router(1)
    lines = ["ip route 198.51.100.0/24 blackhole", "router bgp 65001", " address-family ipv4 unicast"]

    run = network.executed(
        r1, *lines, "  network 198.51.100.0/24",
        checks=after(
            from_library("frr-bgp-not-fewer", hold_s=1),
            from_library("frr-daemons-up"),
            from_library("frr-route", name="The new route", command="show ip route 198.51.100.1 json"),
        ),
    )  # fmt: skip

    assert ended(run) == ("succeeded", ""), story(run.run)
    assert [check["passed"] for check in results(run)] == [True, True, True]
    for router in (network.router(2), network.router(3)):
        wait_for(lambda router=router: "198.51.100.0/24" in router.routes(), f"{router.name} learns it", 5)  # type: ignore[misc]
    assert "198.51.100.0/24" in r1.startup_config(), "the change was saved"


def test_a_duplicate_address_is_taken_silently_and_caught_by_the_check_that_holds_on(network: Network) -> None:
    r1, r2 = network.router(1), network.router(2)

    run = network.executed(r1, "interface eth1", " ip address 10.0.1.2/30", checks=after(not_fewer()))

    assert ended(run) == ("rolled_back", "POSTCHECK_FAILED"), story(run.run)
    assert run.lines_applied == 2, "the router took both lines without a word"
    wait_for(lambda: "10.0.1.1" in r2.established(), "the neighbour's session is up again", 15)
    assert "10.0.1.2/30" not in r1.vtysh("show running-config")


def test_a_check_that_does_not_hold_on_is_deceived_by_a_session_that_is_only_about_to_end(network: Network) -> None:
    r1, r2 = network.router(1), network.router(2)

    run = network.executed(r1, "ip route 10.0.1.2/32 Null0", checks=after(not_fewer() | {"hold_s": 0}))

    assert run.state == "succeeded", "why the library's check holds for longer than the hold time"
    wait_for(lambda: "10.0.1.1" not in r2.established(), "the session ends by its timer", 15)


def test_a_refused_line_backs_out_what_was_taken_before_it(network: Network) -> None:
    r1 = network.router(1)
    before = r1.vtysh("show running-config")

    run = network.executed(r1, "ip route 10.9.0.0/16 blackhole", "router bgp 65009")

    assert ended(run) == ("rolled_back", "COMMAND_REJECTED"), story(run.run)
    assert "BGP is already running; AS is 65001" in run.detail
    assert run.lines_applied == 1
    assert r1.vtysh("show running-config") == before
    assert network.router(2).established() == ["10.0.1.1", "10.0.2.2"]


def test_without_a_value_from_before_nothing_is_sent(network: Network) -> None:
    r1 = network.router(1)
    before = r1.vtysh("show running-config")
    check = not_fewer(name="IS-IS", command="show isis neighbor json")

    run = network.executed(r1, "ip route 10.9.0.0/16 blackhole", checks=after(check))

    assert ended(run) == ("blocked", "PRECHECK_PREREQ_MISSING"), story(run.run)
    assert "compares with the state before the change" in run.detail
    assert run.lines_sent == 0
    assert r1.vtysh("show running-config") == before


def test_every_check_of_the_library_holds_on_healthy_routers_and_fails_where_a_link_is_cut(routers: FrrLab) -> None:
    r1 = routers.router(1)
    checks = {
        entry.key: replace(entry.check, command=entry.check.command.replace("<address>", "192.0.2.3"))
        for entry in LIBRARY
        if "frr" in entry.platforms
    }
    route = checks["frr-route"]
    wait_for(lambda: evaluate(route, r1.vtysh(route.command)).passed, "OSPF has come up after the reset, too", 60)
    before = {
        key: Before.of(check, r1.vtysh(check.command), key=b"k") for key, check in checks.items() if check.compares
    }

    def failing() -> set[str]:
        return {
            key
            for key, check in checks.items()
            if not evaluate(check, r1.vtysh(check.command), before.get(key), key=b"k").passed
        }

    assert failing() == set()
    r1.configure("interface eth1", "shutdown")
    wait_for(lambda: failing() == set(checks) - {"frr-daemons-up"}, f"the checks fail, not only {failing()}", 10)
    daemons = r1.vtysh("show watchfrr").replace("ospfd                Up", "ospfd                Down")
    assert not evaluate(checks["frr-daemons-up"], daemons).passed
