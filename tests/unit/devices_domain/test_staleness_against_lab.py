"""The verdict on drift against the lab's own model of IOS: unrelated changes lead to one result in either order."""

from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings

from devices.domain.config_text import normalise
from devices.domain.drift import DriftKind, change_set, classify_drift, other_effect
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict
from devices.lab.ios.config import ConfigSession, IosConfig
from devices.lab.ios.errors import IosError
from devices.lab.ios.render import config_text
from tests.unit.devices_domain.ios_changes import CHANGES, PORTS

IOS = platform_for("cisco_ios")
BASE = """\
hostname fra-sw1
vlan 10
 name USERS
interface GigabitEthernet1/0/1
 description desk
 switchport access vlan 10
 switchport mode access
interface GigabitEthernet1/0/2
 description printer
interface Vlan10
 ip address 10.10.0.1 255.255.255.0
interface Loopback7
 description spare
ip prefix-list NETS seq 5 permit 10.0.0.0/8
ip access-list extended ALPHA
 permit tcp any host 10.1.0.1 eq 22
 deny ip any any log
ip access-list extended BETA
 permit ip any any
snmp-server location Hall 4
ntp server 10.1.0.1
router bgp 65000
 neighbor 10.1.0.1 remote-as 65001
 neighbor 10.1.0.1 description left
 neighbor 10.2.0.1 remote-as 65002
line vty 0 4
 transport input ssh
"""


@lru_cache(maxsize=1000)
def after(*changes: tuple[str, ...]) -> str:
    """What the simulated device has after these changes were typed, one after the other."""
    config = IosConfig.load(BASE, physical=PORTS, numbered_lists=False, version="15.2")
    for commands in changes:
        session = ConfigSession(config)
        for command in commands:
            try:
                session.execute(command)
            except IosError:
                continue
    return normalise(config_text(config), IOS)


def verdict(plan: tuple[str, ...], drift: tuple[str, ...]) -> DriftKind:
    return classify_drift(after(), after(plan), after(drift), IOS).kind


def is_independent(plan: tuple[str, ...], drift: tuple[str, ...]) -> bool:
    """One result in either order, and the plan's lines do after the drift what they do without it."""
    both = after(plan, drift)
    return after(drift, plan) == both and change_set(after(drift), both, IOS) == change_set(after(), after(plan), IOS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=CHANGES, drift=CHANGES)
def test_what_is_called_unrelated_commutes_on_the_simulated_device(
    plan: tuple[str, ...], drift: tuple[str, ...]
) -> None:
    if verdict(plan, drift) is not DriftKind.UNRELATED:
        return
    both = after(drift, plan)
    if other_effect(after(), after(plan), after(drift), both, IOS):
        return
    # what the drift came to; lines of it that did nothing could do something after the plan
    net = tuple(inverse_commands(after(drift), after(), IOS))
    assert after(plan, net) == both


def test_a_line_that_changed_nothing_when_it_was_planned_must_not_undo_what_was_done_since() -> None:
    plan = ("interface GigabitEthernet1/0/1", "description uplink", "no shutdown")
    drift = ("interface GigabitEthernet1/0/1", "shutdown")
    assert verdict(plan, drift) is DriftKind.UNRELATED
    target = predict(after(drift), plan, IOS)
    assert other_effect(after(), after(plan), after(drift), target, IOS) == (("interface GigabitEthernet1/0/1",),)


EDITS: dict[str, tuple[str, ...]] = {
    "description": ("interface GigabitEthernet1/0/1", "description uplink"),
    "other description": ("interface GigabitEthernet1/0/1", "description camera"),
    "no description": ("interface GigabitEthernet1/0/1", "no description"),
    "mtu": ("interface GigabitEthernet1/0/1", "mtu 9000"),
    "access vlan": ("interface GigabitEthernet1/0/1", "switchport access vlan 20"),
    "other access vlan": ("interface GigabitEthernet1/0/1", "switchport access vlan 30"),
    "neighbour port": ("interface GigabitEthernet1/0/2", "description camera"),
    "ntp server": ("ntp server 10.2.0.1",),
    "other ntp server": ("ntp server 192.0.2.7",),
    "ntp server with another option": ("ntp server 10.2.0.1 prefer",),
    "no ntp server": ("no ntp server 10.1.0.1",),
    "location": ("snmp-server location Hall 5",),
    "other location": ("snmp-server location Hall 6",),
    "contact": ("snmp-server contact noc",),
    "name server": ("ip name-server 10.1.0.1",),
    "other name server": ("ip name-server 10.2.0.1",),
    "entry at the end": ("ip access-list extended ALPHA", "permit udp any any eq 443"),
    "other entry at the end": ("ip access-list extended ALPHA", "permit udp any any eq 22"),
    "entry of another list": ("ip access-list extended BETA", "deny udp any any eq 22"),
    "loopback with a description": ("interface Loopback7", "description used"),
    "loopback goes": ("no interface Loopback7",),
    "peer goes": ("router bgp 65000", "no neighbor 10.1.0.1 remote-as 65001"),
    "peer gets a description": ("router bgp 65000", "neighbor 10.1.0.1 description right"),
    "other peer gets a description": ("router bgp 65000", "neighbor 10.2.0.1 description right"),
    "vlan name": ("vlan 10", "name STAFF"),
    "other vlan name": ("vlan 10", "name GUESTS"),
    "vlan": ("vlan 20", "name VOICE"),
}


@pytest.mark.parametrize("one", EDITS)
def test_two_single_edits_are_unrelated_exactly_when_their_order_does_not_matter(one: str) -> None:
    told = {other: verdict(EDITS[one], EDITS[other]) is DriftKind.UNRELATED for other in EDITS}
    assert told == {other: is_independent(EDITS[one], EDITS[other]) for other in EDITS}
