"""The simulated EOS switch: what a session brings, a timer takes back, and a replacement restores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.lab.eos.config import EosSession, config_text, load
from devices.lab.eos.machine import EosMachine
from devices.lab.ios.errors import IosError, RefusedError
from devices.lab.ios.machine import Hardware

PORTS = ("Ethernet1", "Ethernet2", "Management1")
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.0.2.9"])
WORDS = st.sampled_from(["alpha", "beta", "gamma"])
PORT = st.sampled_from(["Ethernet1", "Ethernet2", "Loopback0", "Vlan10"])
TOP = st.one_of(
    st.builds("ntp server {}".format, ADDRESSES),
    st.builds("logging host {}".format, ADDRESSES),
    st.builds("hostname {}".format, WORDS),
    st.builds("ip route {}/32 192.0.2.1".format, ADDRESSES),
    st.builds("vlan {}".format, st.integers(2, 20)),
    st.builds("ip prefix-list {} seq {} permit 10.0.0.0/8".format, WORDS, st.integers(1, 5)),
)
INSIDE = st.one_of(
    st.builds("description {}".format, WORDS),
    st.just("shutdown"),
    st.builds("mtu {}".format, st.integers(1400, 1600)),
    st.builds("ip address {}/24".format, ADDRESSES),
)
BLOCK = st.one_of(
    st.builds(lambda port, lines: [f"interface {port}", *lines, "exit"], PORT, st.lists(INSIDE, max_size=3)),
    st.builds(
        lambda lines: ["router bgp 65001", *lines, "exit"],
        st.lists(st.builds("neighbor {} remote-as 65002".format, ADDRESSES), max_size=3),
    ),
    st.builds(
        lambda text: ["banner motd", *text, "EOF"], st.lists(st.sampled_from(["  a", "b ", "", "!"]), max_size=3)
    ),
    st.builds(lambda line: [line], TOP),
    st.builds(lambda line: [f"no {line}"], TOP),
    st.builds(lambda port: [f"default interface {port}"], PORT),
)
LINES = st.lists(BLOCK, max_size=12).map(lambda blocks: [line for block in blocks for line in block])
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def machine(startup: str = "", clock: Clock | None = None) -> EosMachine:
    return EosMachine(Hardware("SN1", "vEOS-lab", PORTS), startup, clock or Clock())


def enter(session: EosSession, lines: list[str]) -> None:
    for line in lines:
        try:
            session.execute(line)
        except IosError:
            continue


@given(LINES, LINES)
def test_a_change_and_the_replacement_by_the_baseline_give_the_baseline(first: list[str], change: list[str]) -> None:
    switch = machine()
    enter(EosSession(switch.running), first)
    baseline = switch.running_text()
    enter(EosSession(switch.candidate("s").config), change)
    switch.commit("s")
    switch.replace_running(baseline)
    assert switch.running_text() == baseline


@given(LINES, LINES)
def test_a_session_shows_what_it_brings_and_its_timer_takes_it_back(first: list[str], change: list[str]) -> None:
    clock = Clock()
    switch = machine(clock=clock)
    enter(EosSession(switch.running), first)
    baseline = switch.running_text()
    enter(EosSession(switch.candidate("s").config), change)
    shown = switch.candidate_text("s")
    assert switch.running_text() == baseline
    assert (switch.diff("s") == "") == (shown == baseline)
    switch.commit("s", within_s=60)
    assert switch.running_text() == shown
    clock.now += timedelta(seconds=61)
    assert switch.tick()
    assert switch.running_text() == baseline


@given(LINES)
def test_what_is_printed_is_read_again_as_the_same(lines: list[str]) -> None:
    config = load("", PORTS)
    enter(EosSession(config), lines)
    text = config_text(config)
    assert config_text(load(text, PORTS)) == text


def test_only_five_sessions_may_be_pending_and_one_timer_may_run() -> None:
    switch = machine()
    for number in range(5):
        switch.candidate(f"s{number}")
    with pytest.raises(RefusedError, match="Maximum number"):
        switch.candidate("s5")
    switch.commit("s0", within_s=60)
    with pytest.raises(RefusedError, match="commit timer"):
        switch.commit("s1")
    switch.commit("s0")
    switch.commit("s1")
    assert switch.timer is None


def test_a_restart_loses_what_was_not_saved_and_every_session() -> None:
    switch = machine("hostname saved\n")
    switch.edit(["hostname other"])
    switch.candidate("s")
    switch.reboot()
    assert "hostname saved" in switch.running_text()
    assert not switch.candidates
