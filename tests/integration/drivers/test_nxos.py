"""NX-OS line by line, against a simulated switch over real SSH."""

import pytest
from netmiko import ConnectHandler

from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.drivers.base import Capabilities, DeviceFacts
from devices.drivers.registry import open_driver
from devices.errors import OutputTruncatedError, SaveFailedError
from devices.lab import Hardware, LabDevice, LabDeviceSpec
from tests.integration.lab_fixtures import LAB_PASSWORD, EndpointOf, LabFactory

pytestmark = pytest.mark.lab

CONFIG = """version 9.3(10)
hostname leaf-1
feature bgp
ntp server 198.51.100.1
vlan 10
  name users
interface Ethernet1/1
  description old
  switchport access vlan 10
router bgp 65000
  neighbor 10.0.0.2
    remote-as 65001
"""
LEAF = LabDeviceSpec("leaf-1", CONFIG, Hardware("FDO1", "Nexus9000 C93180YC-EX", ()), platform="cisco_nxos")


@pytest.fixture
def device(lab: LabFactory) -> LabDevice:
    return lab(LEAF).device("leaf-1")


def test_facts_and_configuration_are_read(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_driver(endpoint_of(device)) as driver:
        facts = driver.facts()
        text = driver.running_config()
        assert driver.capabilities == Capabilities()
    assert facts == DeviceFacts("leaf-1", "FDO1", "Nexus9000 C93180YC-EX", "9.3(10)", "cisco_nxos")
    nxos = platform_for("cisco_nxos")
    assert normalise(text, nxos) == normalise(CONFIG, nxos)


def test_a_configuration_without_an_end_line_is_counted(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_driver(endpoint_of(device)) as driver:
        device.faults.cut_output_after_lines = 8
        with pytest.raises(OutputTruncatedError, match="arrived with"):
            driver.running_config()


def test_lines_are_applied_up_to_the_one_that_is_refused(device: LabDevice, endpoint_of: EndpointOf) -> None:
    lines = ["interface Ethernet1/1", "  description new", "router ospf 1", "hostname other"]
    with open_driver(endpoint_of(device)) as driver:
        result = driver.apply(lines)
        assert result.applied == tuple(lines[:2])
        assert result.rejection is not None
        # the feature is not enabled
        assert result.rejection.line == "router ospf 1"
        assert result.rejection.message == "% Invalid command at '^' marker."
        assert driver.apply(["feature ospf", "router ospf 1", "  router-id 10.0.0.1"]).rejection is None
        assert driver.apply(["hostname renamed"]).rejection is None
        assert driver.facts().hostname == "renamed"
    assert "description new" in device.running_config()


def test_saving_copies_to_the_startup_configuration(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_driver(endpoint_of(device)) as driver:
        driver.apply(["ntp server 203.0.113.7"])
        device.faults.disk_full = True
        with pytest.raises(SaveFailedError, match="No space left"):
            driver.save()
        device.faults.disk_full = False
        driver.save()
    assert device.startup_config() == device.running_config()
    assert "203.0.113.7" in device.startup_config()


def test_a_stranger_with_netmiko_alone_can_work_on_the_switch(device: LabDevice) -> None:
    with ConnectHandler(
        device_type="cisco_nxos", host=device.host, port=device.port, username="lab", password=LAB_PASSWORD
    ) as session:
        output = session.send_config_set(["interface Ethernet1/1", "description by hand", "frobnicate"])
        assert "% Invalid command at '^' marker." in output
        assert "Copy complete." in session.save_config()
        assert "description by hand" in session.send_command("show running-config")
    assert device.startup_config() == device.running_config()
