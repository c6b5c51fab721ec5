"""Predictions and backouts against the lab's own model of IOS, which was written independently of ours."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from devices.domain.config_text import normalise
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import Platform, platform_for
from devices.domain.prediction import predict
from devices.lab.ios.config import ConfigSession, IosConfig
from devices.lab.ios.errors import IosError
from devices.lab.ios.render import config_text
from tests.unit.devices_domain.ios_changes import CHANGES, NAMES, PORTS

_BASE = """\
hostname fra-sw1
enable secret 9 $9$nhEmQVczB7dqsO$X.HsgL6x1il0RxkOSSvyQYwucySCt7qFm4v7pqCxkKM
vlan 10
 name USERS
vlan 99
 name PARKED
interface GigabitEthernet1/0/1
 switchport access vlan 10
 switchport mode access
interface Vlan10
 ip address 10.10.0.1 255.255.255.0
ip access-list extended ALPHA
 permit tcp any host 10.1.0.1 eq 22
 permit ip 10.1.0.0 0.0.255.255 any
 deny ip any any log
ntp server 10.1.0.1
line con 0
 exec-timeout 5 0
line vty 0 4
 transport input ssh
line vty 5 15
 transport input ssh
"""
# (platform, whether access list entries are printed with numbers, version)
DEVICES = (("cisco_ios", False, "15.2"), ("cisco_ios", True, "17.9"), ("cisco_xe", True, "17.9"))


def _device(baseline: Sequence[str], numbered: bool, version: str) -> IosConfig:
    config = IosConfig.load(_BASE, physical=PORTS, numbered_lists=numbered, version=version)
    _apply(config, baseline)
    return config


def _apply(config: IosConfig, commands: Sequence[str]) -> tuple[list[str], list[str]]:
    """Type the commands; return those that the device took and those that it refused."""
    session = ConfigSession(config)
    taken: list[str] = []
    refused: list[str] = []
    for command in commands:
        try:
            session.execute(command)
        except IosError:
            refused.append(command)
        else:
            taken.append(command)
    return taken, refused


def _lines_of(config: IosConfig, platform: Platform) -> list[str]:
    return normalise(config_text(config), platform).splitlines()


@pytest.mark.parametrize(("slug", "numbered", "version"), DEVICES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(baseline=CHANGES, change=CHANGES)
def test_backout_computed_from_the_actual_configuration_restores_the_baseline(
    slug: str, numbered: bool, version: str, baseline: tuple[str, ...], change: tuple[str, ...]
) -> None:
    platform = platform_for(slug)
    device = _device(baseline, numbered, version)
    before = config_text(device)
    _apply(device, change)
    backout = inverse_commands(before, config_text(device), platform)
    _, refused = _apply(device, backout)
    assert not refused
    assert _lines_of(device, platform) == normalise(before, platform).splitlines()


@pytest.mark.parametrize(("slug", "numbered", "version"), DEVICES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(baseline=CHANGES, change=CHANGES)
def test_prediction_is_what_the_device_prints(
    slug: str, numbered: bool, version: str, baseline: tuple[str, ...], change: tuple[str, ...]
) -> None:
    platform = platform_for(slug)
    device = _device(baseline, numbered, version)
    if not numbered:
        # As after a restart: numbers that are not printed cannot be known otherwise.
        _apply(device, [f"ip access-list resequence {name} 10 10" for name in NAMES])
    before = config_text(device)
    taken, _ = _apply(device, change)
    predicted = predict(before, taken, platform)
    assert predicted.splitlines() == _lines_of(device, platform)
