"""Stock netmiko, which knows nothing of this lab, drives it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from netmiko import BaseConnection, ConnectHandler
from netmiko.exceptions import ConfigInvalidException
from ntc_templates.parse import parse_output  # type: ignore[import-untyped] # it ships no types

from devices.lab import LabDevice
from tests.integration.lab_fixtures import LAB_PASSWORD, LabFactory, small_device

pytestmark = pytest.mark.lab


def stock(device: LabDevice, **options: Any) -> BaseConnection:  # noqa: ANN401 - any option of netmiko
    return ConnectHandler(
        **{
            "device_type": "cisco_ios",
            "host": device.host,
            "port": device.port,
            "username": "lab",
            "password": LAB_PASSWORD,
            **options,
        }
    )


def test_a_whole_session_works_as_on_a_real_switch(lab: LabFactory) -> None:
    device = lab().device("sw1")
    with stock(device) as session:
        assert session.find_prompt() == "sw1#"
        assert "Version 15.2(7)E8" in session.send_command("show version")
        output = session.send_config_set(["interface Gi1/0/2", "description two", "ntp server 203.0.113.7"])
        assert "sw1(config-if)#" in output
        assert not session.check_config_mode()
        assert "[OK]" in session.save_config()
    assert "ntp server 203.0.113.7\n" in device.running_config()
    assert device.startup_config() == device.running_config()


def test_textfsm_templates_of_others_read_the_outputs(lab: LabFactory) -> None:
    device = lab().device("sw1")
    with stock(device) as session:

        def rows(command: str) -> list[dict[str, Any]]:
            parsed: list[dict[str, Any]] = parse_output("cisco_ios", command, str(session.send_command(command)))
            return parsed

        (version,) = rows("show version")
        interfaces = rows("show ip interface brief")
        inventory = rows("show inventory")
    assert version["hostname"] == "sw1"
    assert version["version"] == "15.2(7)E8"
    assert version["serial"] == ["FOCSW1"]
    assert {row["interface"] for row in interfaces} >= {"GigabitEthernet1/0/1", "Vlan10"}
    assert inventory[0]["sn"] == "FOCSW1"


def test_enable_needs_the_secret(lab: LabFactory) -> None:
    device = lab(small_device(privilege=1, enable_secret="open-sesame")).device("sw1")
    with stock(device, secret="open-sesame") as session:
        assert session.find_prompt() == "sw1>"
        session.enable()
        assert session.find_prompt() == "sw1#"
    assert "open-sesame" not in device._device.journal.path.read_text()


def test_netmikos_own_error_pattern_stops_at_the_refused_line(lab: LabFactory) -> None:
    device = lab().device("sw1")
    with stock(device) as session, pytest.raises(ConfigInvalidException):
        session.send_config_set(["ntp server 203.0.113.7", "nonsense", "vlan 77"], error_pattern="% Invalid")
    assert "203.0.113.7" in device.running_config()
    assert "vlan 77" not in device.running_config()


def test_long_outputs_are_paged_until_paging_is_off(lab: LabFactory) -> None:
    device = lab().device("sw1")
    with stock(device) as session:
        session.send_command("terminal length 10")
        first = str(session.send_command("show running-config", expect_string="--More--"))
        assert len(first.splitlines()) == 10
        session.write_channel(" ")
        second = session.read_until_pattern("--More--")
        assert len(second.splitlines()) == 10
        session.write_channel("q")
        session.read_until_pattern("sw1#")
        session.send_command("terminal length 0")
        assert str(session.send_command("show running-config")).rstrip().endswith("\nend")


def test_forty_logins_at_once_are_served(lab: LabFactory) -> None:
    running = lab(40)

    def hostname(device: LabDevice) -> str:
        with stock(device) as session:
            return str(session.send_command("show running-config | include ^hostname"))

    with ThreadPoolExecutor(40) as pool:
        names = list(pool.map(hostname, running.devices))
    assert names == [f"hostname {device.name}" for device in running.devices]


def test_forty_sessions_share_one_device(lab: LabFactory) -> None:
    device = lab().device("sw1")

    def add(number: int) -> str:
        with stock(device) as session:
            return str(session.send_config_set([f"ntp server 203.0.113.{number}"]))

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(add, range(1, 41)))
    config = device.running_config()
    assert all(f"ntp server 203.0.113.{number}\n" in config for number in range(1, 41))
