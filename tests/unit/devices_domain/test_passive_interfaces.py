"""Passive interfaces on FRRouting: what a router of version 8.4 was seen to print, line after line."""

from __future__ import annotations

import pytest

from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict, predict_with_notes

FRR = platform_for("frr")
BARE = "interface eth1\n ip address 10.0.1.1/30\nrouter ospf\n ospf router-id 192.0.2.1\n"
ROUTER = "router ospf"
PORT = "interface eth1"
SEEN = [
    (ROUTER, "passive-interface eth1", {"ip ospf passive"}),
    (ROUTER, "no passive-interface eth1", set()),
    (ROUTER, "no passive-interface eth1", {"no ip ospf passive"}),
    (ROUTER, "passive-interface eth1", set()),
    (PORT, "no ip ospf passive", {"no ip ospf passive"}),
    (PORT, "ip ospf passive", set()),
    (ROUTER, "passive-interface default", {"passive-interface default"}),
    (PORT, "no ip ospf passive", {"passive-interface default", "no ip ospf passive"}),
    (PORT, "no ip ospf passive", {"passive-interface default", "no ip ospf passive"}),
    (PORT, "ip ospf passive", {"passive-interface default"}),
    (ROUTER, "passive-interface eth1", {"passive-interface default", "ip ospf passive"}),
    (ROUTER, "no passive-interface eth1 10.0.1.1", {"passive-interface default", "ip ospf passive"}),
    (PORT, "ip ospf passive 10.0.1.1", {"passive-interface default", "ip ospf passive", "ip ospf passive 10.0.1.1"}),
    (ROUTER, "no passive-interface eth1 10.0.1.1", {"passive-interface default", "ip ospf passive"}),
]  # fmt: skip
"""The block that was typed in, the line, and what then spoke of passive interfaces; each from where the last ended."""


def passive(config: str) -> set[str]:
    return {line.strip() for line in config.splitlines() if "passive" in line}


def test_each_line_does_what_it_did_on_a_real_router() -> None:
    config = predict(BARE, [], FRR)
    for number, (block, line, seen) in enumerate(SEEN):
        config = predict(config, [block, f" {line}"], FRR)
        assert passive(config) == seen, f"step {number}: {line}"


@pytest.mark.parametrize(("block", "line"), sorted({(block, line) for block, line, _seen in SEEN if "no " not in line}))
def test_the_backout_of_one_line_is_known(block: str, line: str) -> None:
    before = predict(BARE, [], FRR)
    after = predict(before, [block, f" {line}"], FRR)
    assert after != before
    assert predict(after, inverse_commands(before, after, FRR), FRR) == before


def test_an_interface_that_is_not_configured_yet_appears() -> None:
    after = predict(BARE, [ROUTER, " passive-interface eth7"], FRR)
    assert "interface eth7\n ip ospf passive\n" in after
    assert after.count("interface eth1") == 1


def test_below_a_vrf_the_plan_says_that_it_is_not_certain() -> None:
    notes = predict_with_notes(BARE, ["router ospf vrf RED", " passive-interface eth1"], FRR).notes
    assert any("does not look at the VRF" in note for note in notes)
