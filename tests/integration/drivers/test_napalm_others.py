"""NX-OS, Junos and IOS XR through NAPALM: what can be known without such a device, and that passwords stay here."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from napalm.base.exceptions import CommitConfirmException
from napalm.base.mock import MockDriver
from napalm.iosxr.iosxr import IOSXRDriver
from napalm.junos.junos import JunOSDriver
from napalm.nxos.nxos import NXOSDriver

from devices.domain.drivers import (
    DriverUnknownError,
    Proof,
    driver_for_platform,
    drivers_of,
    proof_demanded,
)
from devices.drivers import napalm_candidate
from devices.drivers.base import Capabilities, ConfirmTimer, DeviceFacts
from devices.drivers.key_scan import scan_keys
from devices.drivers.napalm_base import CAPABILITIES
from devices.drivers.napalm_candidate import library_driver
from devices.drivers.registry import open_driver
from devices.drivers.tls import scan_certificate
from devices.errors import (
    AuthenticationFailedError,
    CapabilityMissingError,
    FactsMissingError,
    HostKeyMismatchError,
    OutputTruncatedError,
)
from tests.integration.lab_fixtures import EndpointOf, LabFactory, eos_device, small_device

pytestmark = pytest.mark.lab

RSA_KEY = " ".join(
    asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key("openssh").decode().split()[:2]
)
OTHERS = {
    "napalm-nxos": ("cisco_nxos", NXOSDriver),
    "napalm-junos": ("juniper_junos", JunOSDriver),
    "napalm-iosxr": ("cisco_xr", IOSXRDriver),
}


def test_every_driver_declares_what_it_can_do() -> None:
    assert {name for platform in ("arista_eos", "cisco_ios", "cisco_nxos", "cisco_xr", "juniper_junos")
            for name in drivers_of(platform) if name.startswith("napalm-")} == {*CAPABILITIES}  # fmt: skip
    assert CAPABILITIES["napalm-nxos"] == Capabilities(config_replace=True, one_session=False)
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
    assert proof_demanded("arista_eos") is Proof.HOST_KEY
    assert proof_demanded("arista_eos", "napalm-eos") is Proof.CERTIFICATE
    assert proof_demanded("arista_eos", "nonsense") is Proof.HOST_KEY, "what is not known must prove itself"


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


def test_nxos_trusts_any_certificate_so_ours_is_pinned(endpoint_of: EndpointOf, lab: LabFactory) -> None:
    """Any HTTPS server will do to see it: certificates come before passwords."""
    assert NXOSDriver("x", "x", "x").ssl_verify is False, "the library's default"
    device = lab(eos_device("eos2", tls=True)).devices[0]
    endpoint = endpoint_of(device, platform="cisco_nxos", driver="napalm-nxos")
    with pytest.raises(HostKeyMismatchError, match="No certificate"), open_driver(replace(endpoint, host_keys=())):
        pytest.fail("connected")
    device.faults.wrong_host_key = True
    with pytest.raises(HostKeyMismatchError) as refused, open_driver(endpoint):
        pytest.fail("connected")
    assert refused.value.offered == scan_certificate(device.host, device.port, timeout_s=5)
    assert device.auth_attempts() == []
    device.faults.wrong_host_key = False
    device.faults.refuse_login = True
    with pytest.raises(AuthenticationFailedError), open_driver(endpoint):
        pytest.fail("connected")
    assert len(device.auth_attempts()) == 1, "with the pinned certificate the password is sent, once"


@pytest.mark.parametrize("name", ["napalm-junos", "napalm-iosxr"])
@pytest.mark.parametrize("was_pinned", ["of the same type", "of another type"])
def test_the_password_is_never_sent_to_an_unknown_key(
    name: str, was_pinned: str, endpoint_of: EndpointOf, lab: LabFactory
) -> None:
    """Any SSH server will do to see it: host keys come before passwords. What was offered is told for the alert."""
    device = lab(small_device()).devices[0]
    if was_pinned == "of the same type":
        device.faults.wrong_host_key = True
        pinned = device.host_key
    else:
        pinned = RSA_KEY
    endpoint = endpoint_of(device, platform=OTHERS[name][0], driver=name, host_keys=(pinned,))
    with pytest.raises(HostKeyMismatchError) as refused, open_driver(endpoint):
        pytest.fail("connected")
    assert (refused.value.offered,) == scan_keys(device.host, device.port, timeout_s=5)
    assert " ".join(refused.value.offered or ()) != pinned
    assert device.auth_attempts() == []


def test_pyez_takes_every_host_key_so_verification_is_switched_on(endpoint_of: EndpointOf, lab: LabFactory) -> None:
    endpoint = endpoint_of(lab(small_device()).devices[0], platform="juniper_junos", driver="napalm-junos")
    with contextlib.ExitStack() as files:
        ours: Any = library_driver(endpoint, "napalm-junos", files)
        assert ours.device._hostkey_verify is True
        assert ours.device._look_for_keys is False, "keys of the worker's own account are none of the device's business"
        config = Path(ours.ssh_config_file).read_text()
        known = Path(config.split("UserKnownHostsFile ")[1].split()[0])
        assert endpoint.host_keys[0] in known.read_text()
    assert not known.exists()
    assert JunOSDriver("x", "x", "x").device._hostkey_verify is False, "the library's default"


class _Answering:
    """What NAPALM would answer; there is no such device here."""

    def __init__(self, config: object, facts: dict[str, object]) -> None:
        self.asked: list[dict[str, object]] = []
        self._config, self._facts = config, facts

    def get_config(self, **named: object) -> dict[str, object]:
        self.asked.append(named)
        return {"running": self._config}

    def get_facts(self) -> dict[str, object]:
        return self._facts


def test_napalm_says_none_and_unknown_so_neither_is_taken_for_a_configuration_or_a_fact(
    endpoint_of: EndpointOf, lab: LabFactory
) -> None:
    endpoint = endpoint_of(lab(small_device()).devices[0], platform="juniper_junos", driver="napalm-junos")
    driver: Any = open_driver(endpoint)
    facts: dict[str, object] = {"hostname": "r1", "serial_number": "None", "model": "Unknown", "os_version": None}
    driver._napalm = _Answering("None", facts)
    with pytest.raises(OutputTruncatedError):
        driver.running_config()
    with pytest.raises(FactsMissingError):
        driver.facts()
    driver._napalm = answering = _Answering("set system host-name r1\n", facts | {"os_version": "23.4R1"})
    assert driver.running_config() == "set system host-name r1\n"
    assert answering.asked == [{"retrieve": "running", "format": "set"}]
    assert driver.facts() == DeviceFacts("r1", "", "", "23.4R1")
