"""Copies on the device to go back to: archives of IOS, checkpoints of NX-OS."""

import dataclasses

import pytest

from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.drivers.base import Endpoint
from devices.drivers.registry import open_driver
from devices.errors import CapabilityMissingError, CommandRejectedError, SaveFailedError
from devices.lab import Hardware, LabDevice
from tests.integration.drivers.test_nxos import LEAF
from tests.integration.lab_fixtures import SMALL_CONFIG, EndpointOf, LabFactory, small_device

pytestmark = pytest.mark.lab

XE = Hardware("FOC1", "C9300-24T", ("GigabitEthernet1/0/1", "GigabitEthernet1/0/2"), family="xe")
SPECS = {
    "cisco_ios": small_device("sw1", driver="netmiko-replace"),
    "cisco_xe": small_device("sw1", driver="netmiko-replace", platform="cisco_xe", hardware=XE),
    "cisco_nxos": dataclasses.replace(LEAF, driver="netmiko-replace"),
}


@pytest.fixture(params=SPECS)
def device(request: pytest.FixtureRequest, lab: LabFactory) -> LabDevice:
    return lab(SPECS[request.param]).devices[0]


@pytest.fixture
def endpoint(device: LabDevice, endpoint_of: EndpointOf) -> Endpoint:
    return endpoint_of(device)


def makes_copies(device: LabDevice) -> int:
    return sum(entry["line"].startswith(("archive config", "checkpoint ")) for entry in device.commands())


def test_a_change_is_taken_back_as_a_whole_whatever_was_applied(device: LabDevice, endpoint: Endpoint) -> None:
    with open_driver(endpoint) as driver:
        assert driver.capabilities.config_replace
        before = driver.running_config()
        result = driver.apply(["hostname renamed", "ntp server 203.0.113.9", "frobnicate"])
        assert result.rejection is not None
        assert "203.0.113.9" in driver.running_config()
    # a new session, as after a lost worker, and the normal form, which is what is stored
    with open_driver(endpoint) as driver:
        platform = platform_for(endpoint.platform)
        driver.replace(normalise(before, platform))
        assert normalise(driver.running_config(), platform) == normalise(before, platform)
        assert driver.facts().hostname == device.name


def test_no_second_copy_is_made_of_what_is_kept_already(device: LabDevice, endpoint: Endpoint) -> None:
    with open_driver(endpoint) as driver:
        before = driver.running_config()
        driver.apply(["ntp server 203.0.113.9"])
        copies = makes_copies(device)
        assert copies <= 1
        driver.replace(before)
        driver.apply(["ntp server 203.0.113.9"])
        assert makes_copies(device) == copies
        driver.apply(["ntp server 203.0.113.10"])
        assert makes_copies(device) == copies + 1


def test_only_a_copy_that_is_the_wanted_configuration_is_gone_back_to(device: LabDevice, endpoint: Endpoint) -> None:
    with open_driver(endpoint) as driver:
        before = driver.running_config()
        driver.apply(["ntp server 203.0.113.9"])
        with pytest.raises(CommandRejectedError, match="no copy"):
            driver.replace(before.replace("198.51.100.1", "198.51.100.2"))
    assert "203.0.113.9" in device.running_config()


def test_without_room_for_a_copy_no_line_is_sent(device: LabDevice, endpoint: Endpoint) -> None:
    device.edit_out_of_band(["ntp server 203.0.113.1"])  # so that what the device starts with is no copy
    before = device.running_config()
    device.faults.disk_full = True
    with open_driver(endpoint) as driver, pytest.raises(SaveFailedError, match="no line was sent"):
        driver.apply(["ntp server 203.0.113.9"])
    assert device.running_config() == before


@pytest.mark.parametrize("archive", ["", "archive\n path tftp://10.0.0.1/cfg\n", "archive\n maximum 3\n"])
def test_an_archive_that_is_missing_or_elsewhere_offers_nothing(
    archive: str, lab: LabFactory, endpoint_of: EndpointOf
) -> None:
    startup = SMALL_CONFIG.format(name="sw1").replace("archive\n path flash:archive\n", archive)
    device = lab(small_device("sw1", driver="netmiko-replace", startup=startup)).device("sw1")
    with open_driver(endpoint_of(device)) as driver:
        assert not driver.capabilities.config_replace
        with pytest.raises(CapabilityMissingError):
            driver.replace(driver.running_config())
        assert driver.apply(["ntp server 203.0.113.9"]).rejection is None


def test_one_checkpoint_of_ours_is_kept_at_a_time(lab: LabFactory, endpoint_of: EndpointOf) -> None:
    device = lab(SPECS["cisco_nxos"]).devices[0]
    with open_driver(endpoint_of(device)) as driver:
        for number in range(3):
            driver.apply([f"ntp server 203.0.113.{number}"])
        listed = driver.show("show checkpoint summary")
    assert listed.count("countersign-") == 1
