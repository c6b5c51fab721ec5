"""Backouts on EOS and NX-OS against the lab's models of them, which know nothing of the rules of `devices.domain`.

The models hold the common lines alone; FRRouting is judged by real routers (`test_frr_vectors`), IOS XR and Junos take
no inverse commands. What is not in a model is not proved here.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.domain.config_text import normalise
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import PredictionImpossibleError, predict
from devices.lab import Hardware
from devices.lab.eos.config import EosSession, config_text, load
from devices.lab.ios.errors import IosError
from devices.lab.line_tree import Place
from devices.lab.nxos.lines import TABLE
from devices.lab.nxos.machine import NxosMachine

Block = tuple[str, ...]
_FIELDS = {
    "port": ("Ethernet1", "Ethernet2"),
    "address": ("10.0.0.1", "10.0.0.2"),
    "vlan": ("10", "20"),
    "word": ("ALPHA", "BETA"),
    "text": ("to core  one", "#staff"),
    "seq": ("10", "20", "30"),
    "number": ("1500", "9000"),
}


def _lines(*templates: str) -> st.SearchStrategy[str]:
    filled = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _FIELDS.items()})
    positive = st.builds(lambda template, fields: template.format(**fields), st.sampled_from(templates), filled)
    return st.builds(lambda line, no: f"no {line}" if no else line, positive, st.sampled_from((False, False, True)))


def _block(header: str, *templates: str) -> st.SearchStrategy[Block]:
    heads = _lines(header).filter(lambda line: not line.startswith("no "))
    inner = st.lists(_lines(*templates), max_size=4)
    return st.builds(lambda head, lines: (head, *lines, "exit"), heads, inner)


def _changes(*blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    return st.lists(st.one_of(blocks), min_size=1, max_size=6).map(
        lambda found: tuple(ln for each in found for ln in each)
    )


EOS_CHANGES = _changes(
    _lines(
        "ntp server {address}",
        "ntp server {address} prefer",
        "snmp-server location {text}",
        "logging host {address}",
        "hostname {word}",
        "ip route 10.{vlan}.0.0/16 {address}",
        "vlan {vlan}",
        "interface Vlan{vlan}",
        "ip access-list {word}",
    ).map(lambda line: (line,)),
    _block("interface {port}", "description {text}", "mtu {number}", "shutdown", "switchport access vlan {vlan}"),
    _block("interface Vlan{vlan}", "ip address 10.{vlan}.0.1/24", "description {text}", "mtu {number}"),
    _block("vlan {vlan}", "name {word}"),
    _block("ip access-list {word}", "{seq} permit tcp any host {address}", "{seq} deny ip any any"),
)
NXOS_CHANGES = _changes(
    _lines(
        "ntp server {address}",
        "snmp-server location {text}",
        "logging server {address}",
        "hostname {word}",
        "ip route 10.{vlan}.0.0/16 {address}",
        "vlan {vlan}",
        "interface Vlan{vlan}",
        "ip access-list {word}",
        "vrf context {word}",
    ).map(lambda line: (line,)),
    _block("interface {port}", "description {word}", "mtu {number}", "switchport access vlan {vlan}"),
    _block("interface Vlan{vlan}", "ip address 10.{vlan}.0.1/24", "description {word}"),
    _block("vlan {vlan}", "name {word}"),
    _block("ip access-list {word}", "{seq} permit tcp any host {address}", "{seq} deny ip any any"),
    _block("router bgp 65000", "neighbor {address}", "remote-as 65001", "description {word}", "router-id {address}"),
)


class Eos:
    """The lab's EOS."""

    def __init__(self, text: str) -> None:
        self._config = load(text, ("Ethernet1", "Ethernet2"))

    def text(self) -> str:
        return config_text(self._config)

    def type_in(self, commands: Sequence[str]) -> list[str]:
        session = EosSession(self._config)
        return _refused(commands, session.execute)


class Nxos:
    """The lab's NX-OS."""

    def __init__(self, text: str) -> None:
        self._machine = NxosMachine(Hardware("1", "N9K", ()), text, lambda: datetime.now(UTC))

    def text(self) -> str:
        return self._machine.running_text()

    def type_in(self, commands: Sequence[str]) -> list[str]:
        place = Place(self._machine.running, TABLE)

        def execute(line: str) -> None:
            if line.strip() == "exit":
                place.leave()
            else:
                self._machine.take(place, line)

        return _refused(commands, execute)


def _refused(commands: Sequence[str], execute: Callable[[str], object]) -> list[str]:
    refused = []
    for command in commands:
        try:
            execute(command)
        except IosError:
            refused.append(command)
    return refused


EOS_BASE = "hostname sw1\nntp server 192.0.2.1\nvlan 10\n   name USERS\ninterface Ethernet1\n   description old\n"
NXOS_BASE = (
    "hostname leaf-1\nfeature bgp\nfeature interface-vlan\nntp server 192.0.2.1\nvlan 10\n  name USERS\n"
    "interface Ethernet1\n  description old\ninterface Ethernet2\n"
)


def restores(device: Eos | Nxos, slug: str, baseline: Block, change: Block) -> None:
    platform = platform_for(slug)
    device.type_in(baseline)
    before = device.text()
    device.type_in(change)
    backout = inverse_commands(before, device.text(), platform)
    assert device.type_in(backout) == []
    assert normalise(device.text(), platform) == normalise(before, platform)


_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_SETTINGS
@given(baseline=EOS_CHANGES, change=EOS_CHANGES)
def test_a_backout_on_eos_restores_the_baseline(baseline: Block, change: Block) -> None:
    restores(Eos(EOS_BASE), "arista_eos", baseline, change)


@_SETTINGS
@given(baseline=NXOS_CHANGES, change=NXOS_CHANGES)
def test_a_backout_on_nxos_restores_the_baseline(baseline: Block, change: Block) -> None:
    restores(Nxos(NXOS_BASE), "cisco_nxos", baseline, change)


@pytest.mark.parametrize("slug", ["cisco_xr", "juniper_junos"])
def test_platforms_with_a_candidate_are_never_predicted(slug: str) -> None:
    platform = platform_for(slug)
    with pytest.raises(PredictionImpossibleError, match="candidate"):
        predict("hostname a\n", ["hostname b"], platform)
    with pytest.raises(PredictionImpossibleError):
        inverse_commands("hostname a\n", "hostname b\n", platform)
