"""NX-OS, Junos and IOS XR through NAPALM: what can be known without such a device, and that passwords stay here."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from napalm.base.exceptions import CommitConfirmException
from napalm.base.mock import MockDriver
from napalm.iosxr.iosxr import IOSXRDriver
from napalm.junos.junos import JunOSDriver
from napalm.nxos.nxos import NXOSDriver

from devices.domain.drivers import (
    DriverUnknownError,
    driver_for_platform,
    drivers_of,
    proves_by_host_key,
)
from devices.drivers import napalm_candidate
from devices.drivers.base import Capabilities, ConfirmTimer
from devices.drivers.napalm_base import CAPABILITIES
from devices.drivers.napalm_candidate import library_driver
from devices.drivers.registry import open_driver
from devices.errors import CapabilityMissingError, DeviceError, HostKeyMismatchError
from tests.integration.lab_fixtures import EndpointOf, LabFactory, eos_device, small_device

pytestmark = pytest.mark.lab

OTHERS = {
    "napalm-nxos": ("cisco_nxos", NXOSDriver),
    "napalm-junos": ("juniper_junos", JunOSDriver),
    "napalm-iosxr": ("cisco_xr", IOSXRDriver),
}


def test_every_driver_declares_what_it_can_do() -> None:
    assert {name for platform in ("arista_eos", "cisco_ios", "cisco_nxos", "cisco_xr", "juniper_junos")
            for name in drivers_of(platform) if name.startswith("napalm-")} == {*CAPABILITIES}  # fmt: skip
    assert CAPABILITIES["napalm-nxos"] == Capabilities(config_replace=True)
    assert CAPABILITIES["napalm-iosxr"].commit_confirmed is None
    assert CAPABILITIES["napalm-junos"].commit_confirmed == ConfirmTimer(60, 60, 65535 * 60)


def test_the_driver_is_declared_and_never_guessed(endpoint_of: EndpointOf, lab: LabFactory) -> None:
    assert driver_for_platform("arista_eos") == "netmiko-cli"
    assert driver_for_platform("arista_eos", "napalm-eos") == "napalm-eos"
    with pytest.raises(DriverUnknownError, match="napalm-ios"):
        driver_for_platform("arista_eos", "napalm-ios")
    endpoint = endpoint_of(lab().devices[0], driver="napalm-eos")
    with pytest.raises(CapabilityMissingError, match="does not drive cisco_ios"):
        open_driver(endpoint)
    assert proves_by_host_key("arista_eos")
    assert not proves_by_host_key("arista_eos", "napalm-eos")
    assert proves_by_host_key("arista_eos", "nonsense"), "what is not known must prove itself the stricter way"


@pytest.mark.parametrize("name", ["napalm-nxos", "napalm-iosxr"])
def test_revert_in_raises_not_implemented_so_no_timer_is_declared(name: str) -> None:
    commit = OTHERS[name][1].commit_config
    with pytest.raises(NotImplementedError):
        commit(object(), revert_in=60)
    assert CAPABILITIES[name].commit_confirmed is None


def test_junos_takes_whole_minutes_only_and_the_declared_timer_gives_such() -> None:
    class Bare:
        lock_disable, session_config_lock = True, False

    with pytest.raises(CommitConfirmException):
        JunOSDriver.commit_config(Bare(), revert_in=90)
    timer = CAPABILITIES["napalm-junos"].commit_confirmed
    assert timer is not None
    assert all(timer.fit(wish) % 60 == 0 and timer.fit(wish) >= wish for wish in range(1, 1000, 7))


def test_commit_message_raises_on_nxos_so_none_is_ever_given() -> None:
    with pytest.raises(NotImplementedError):
        NXOSDriver.commit_config(object(), message="why")
    sources = Path(napalm_candidate.__file__).parent.glob("napalm_*.py")
    assert not [path.name for path in sources if re.search(r"commit_config\W[^)]*message", path.read_text())]


def test_mock_rolls_nothing_back_so_it_is_no_driver_here(tmp_path: Path) -> None:
    mock = MockDriver("x", "x", "x", optional_args={"path": str(tmp_path)})
    mock.open()
    assert mock.rollback() is None, "without a word, and without doing anything"
    assert not any("mock" in name for name in CAPABILITIES)


def test_nxos_trusts_any_certificate_so_ours_verifies(endpoint_of: EndpointOf, lab: LabFactory) -> None:
    device = lab(eos_device("eos2", tls=True)).devices[0]
    endpoint = endpoint_of(device, platform="cisco_nxos", driver="napalm-nxos")
    with contextlib.ExitStack() as files:
        ours: Any = library_driver(endpoint, "napalm-nxos", files)
        assert ours.ssl_verify is True
        assert NXOSDriver("x", "x", "x").ssl_verify is False, "the library's default"
    with pytest.raises(DeviceError), open_driver(endpoint):
        pytest.fail("connected")
    assert device.auth_attempts() == []


@pytest.mark.parametrize("name", ["napalm-junos", "napalm-iosxr"])
def test_the_password_is_never_sent_to_an_unknown_key(name: str, endpoint_of: EndpointOf, lab: LabFactory) -> None:
    """Any SSH server will do to see it: host keys come before passwords."""
    device = lab(small_device()).devices[0]
    device.faults.wrong_host_key = True
    endpoint = endpoint_of(device, platform=OTHERS[name][0], driver=name)
    with pytest.raises(HostKeyMismatchError), open_driver(endpoint):
        pytest.fail("connected")
    assert device.auth_attempts() == []


def test_pyez_takes_every_host_key_so_verification_is_switched_on(endpoint_of: EndpointOf, lab: LabFactory) -> None:
    endpoint = endpoint_of(lab(small_device()).devices[0], platform="juniper_junos", driver="napalm-junos")
    with contextlib.ExitStack() as files:
        ours: Any = library_driver(endpoint, "napalm-junos", files)
        assert ours.device._hostkey_verify is True
        config = Path(ours.ssh_config_file).read_text()
        known = Path(config.split("UserKnownHostsFile ")[1].split()[0])
        assert endpoint.host_keys[0] in known.read_text()
    assert not known.exists()
    assert JunOSDriver("x", "x", "x").device._hostkey_verify is False, "the library's default"
