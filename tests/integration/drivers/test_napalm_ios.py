"""NAPALM's IOS driver over real SSH and SCP: what ours does with it, and why its merge and commit are not used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from napalm.ios.ios import IOSDriver

from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.drivers.base import Driver
from devices.drivers.napalm_ios import NapalmIosDriver
from devices.drivers.registry import open_driver
from devices.drivers.replaceable import ios_text
from devices.errors import (
    CapabilityMissingError,
    CommandRejectedError,
    DeviceBusyError,
    HostKeyMismatchError,
    SaveFailedError,
)
from devices.lab import LabDevice
from tests.integration.lab_fixtures import LAB_PASSWORD, SMALL_CONFIG, EndpointOf, LabFactory, small_device

pytestmark = pytest.mark.lab

IOS = platform_for("cisco_ios")
CONFIG = (
    SMALL_CONFIG
    + """ip scp server enable
router bgp 65001
 neighbor 192.0.2.2 remote-as 65002
 address-family ipv4
  neighbor 192.0.2.2 activate
 exit-address-family
"""
)


@pytest.fixture
def switch(lab: LabFactory) -> LabDevice:
    return lab(small_device(startup=CONFIG.format(name="sw1"), driver="napalm-ios", minute_s=1.0)).devices[0]


@pytest.fixture
def driver(switch: LabDevice, endpoint_of: EndpointOf) -> Iterator[Driver]:
    with open_driver(endpoint_of(switch)) as opened:
        yield opened


@pytest.fixture
def napalm(switch: LabDevice) -> Iterator[IOSDriver]:
    with IOSDriver(switch.host, "lab", LAB_PASSWORD, optional_args={"port": switch.port}) as opened:
        yield opened


def test_replacement_by_scp_brings_exactly_the_baseline_back_and_saves_nothing(
    driver: Driver, switch: LabDevice
) -> None:
    switch.edit_out_of_band(["logging host 203.0.113.9"])  # unsaved work of somebody else
    before, startup = switch.running_config(), switch.startup_config()
    baseline = normalise(driver.running_config(), IOS)
    driver.apply(["hostname other", "no ntp server 198.51.100.1", "interface Gi1/0/1", "description new", "shutdown"])
    driver.replace(baseline)
    assert switch.running_config() == before
    assert switch.startup_config() == startup
    assert normalise(driver.running_config(), IOS) == baseline, "the session still works after the hostname came back"
    assert "countersign-" not in driver.show("dir flash:"), "the file is gone again"
    assert "file prompt" not in switch.running_config()


def test_a_file_that_a_lost_worker_left_is_written_over_and_taken_away(driver: Driver, switch: LabDevice) -> None:
    assert isinstance(driver, NapalmIosDriver)
    before = switch.running_config()
    baseline = normalise(driver.running_config(), IOS)
    driver._transfer("countersign-backout.cfg", ios_text("hostname left-behind\n"))
    assert "countersign-backout.cfg" in driver.show("dir flash:")
    driver.apply(["ntp server 10.0.0.7"])
    driver._transfer("countersign-backout.cfg", ios_text("hostname left-behind\n"))
    driver.replace(baseline)
    assert switch.running_config() == before
    assert "countersign-" not in driver.show("dir flash:")


def test_lines_under_the_rollback_timer_are_confirmed_or_taken_back(driver: Driver, switch: LabDevice) -> None:
    before = switch.running_config()
    pending = driver.apply(["ntp server 10.0.0.7"], confirm_within_s=120).pending
    assert pending is not None
    assert pending == driver.pending_confirm()
    with pytest.raises(DeviceBusyError):
        driver.apply(["ntp server 10.0.0.8"], confirm_within_s=60)
    driver.confirm(pending.name)
    assert driver.pending_confirm() is None
    assert "10.0.0.7" in switch.running_config()
    second = driver.apply(["no ntp server 10.0.0.7"], confirm_within_s=120).pending
    assert second is not None
    driver.revert(second.name)
    driver.apply(["no ntp server 10.0.0.7"])
    assert switch.running_config() == before


def test_a_replacement_under_the_rollback_timer_is_taken_back_or_confirmed(driver: Driver, switch: LabDevice) -> None:
    baseline = switch.running_config()
    driver.apply(["ntp server 10.0.0.123"])
    changed = switch.running_config()
    pending = driver.replace(ios_text(baseline), confirm_within_s=60)
    assert pending is not None
    assert switch.running_config() == baseline
    driver.revert(pending.name)
    assert switch.running_config() == changed
    pending = driver.replace(ios_text(baseline), confirm_within_s=60)
    assert pending is not None
    driver.confirm(pending.name)
    assert (switch.running_config(), driver.pending_confirm()) == (baseline, None)


def test_revert_in_is_whole_minutes_on_ios_and_is_never_rounded_silently(driver: Driver, switch: LabDevice) -> None:
    timer = driver.capabilities.commit_confirmed
    assert timer is not None
    assert [timer.fit(wish) for wish in (1, 60, 61, 122, 99999)] == [60, 60, 120, 180, 7200]
    with pytest.raises(CapabilityMissingError, match="whole minutes"):
        driver.apply(["ntp server 10.0.0.7"], confirm_within_s=90)
    assert not any("configure" in entry["line"] for entry in switch.commands())


def test_a_full_disk_refuses_the_file_and_the_configuration_stays(driver: Driver, switch: LabDevice) -> None:
    before = switch.running_config()
    switch.faults.disk_full = True
    with pytest.raises(CommandRejectedError, match="No space left"):
        driver.replace(ios_text("hostname other\n"))
    assert switch.running_config() == before


@pytest.mark.parametrize(
    ("missing", "timer", "replace"),
    [("ip scp server enable\n", True, False), ("archive\n path flash:archive\n", False, True)],
)
def test_what_the_device_lacks_is_not_declared(
    missing: str, timer: bool, replace: bool, lab: LabFactory, endpoint_of: EndpointOf
) -> None:
    startup = CONFIG.format(name="sw1").replace(missing, "")
    device = lab(small_device("sw1", startup=startup, driver="napalm-ios")).devices[0]
    before = device.running_config()
    with open_driver(endpoint_of(device)) as driver:
        can = driver.capabilities
        assert (can.commit_confirmed is not None, can.config_replace) == (timer, replace)
        if not timer:
            with pytest.raises(CapabilityMissingError, match="archive"):
                driver.apply(["hostname other"], confirm_within_s=60)
        if not replace:
            with pytest.raises(CapabilityMissingError, match="ip scp server enable"):
                driver.replace("hostname other\n")
    assert device.running_config() == before


@pytest.mark.parametrize("confirm_within_s", [None, 60])
def test_without_a_way_for_the_backout_no_line_is_sent(
    driver: Driver, switch: LabDevice, confirm_within_s: int | None
) -> None:
    before = switch.running_config()
    switch.faults.disk_full = True
    with pytest.raises(SaveFailedError, match=r"no line was sent: .*No space left"):
        driver.apply(["hostname other"], confirm_within_s=confirm_within_s)
    assert not any("hostname other" in entry["line"] for entry in switch.commands())
    assert (switch.running_config(), driver.pending_confirm()) == (before, None)


def test_an_scp_server_that_was_switched_off_meanwhile_is_told_by_the_devices_words(
    driver: Driver, switch: LabDevice
) -> None:
    switch.edit_out_of_band(["no ip scp server enable"])
    with pytest.raises(CommandRejectedError, match="ip scp server enable"):
        driver.replace("hostname other\n")
    with pytest.raises(SaveFailedError, match="no line was sent"):
        driver.apply(["hostname other"])


def test_the_password_is_never_sent_to_an_unknown_key_by_scp_either(
    endpoint_of: EndpointOf, driver: Driver, switch: LabDevice
) -> None:
    before = len(switch.auth_attempts())
    switch.faults.wrong_host_key = True
    with pytest.raises(HostKeyMismatchError):
        driver.replace("hostname other\n")
    assert len(switch.auth_attempts()) == before
    with pytest.raises(HostKeyMismatchError), open_driver(endpoint_of(switch)):
        pytest.fail("connected")
    assert len(switch.auth_attempts()) == before


def test_ios_merge_lets_incomplete_and_ambiguous_pass_so_lines_are_sent_one_by_one(
    driver: Driver, switch: LabDevice, napalm: IOSDriver
) -> None:
    napalm.load_merge_candidate(config="logging host 10.0.0.5\nntp server\n")
    napalm.commit_config()  # no error, though the device said “% Incomplete command.”
    assert "10.0.0.5" in switch.running_config()
    result = driver.apply(["logging host 10.0.0.6", "ntp server"])
    assert result.rejection is not None
    assert (result.rejection.index, result.rejection.message) == (1, "% Incomplete command.")


def test_no_ntp_and_ntp_x_in_one_merge_loses_x_so_lines_are_sent_one_by_one(
    driver: Driver, switch: LabDevice, napalm: IOSDriver
) -> None:
    lines = ["no ntp", "ntp server 10.0.0.7"]
    napalm.load_merge_candidate(config="\n".join(lines))
    napalm.commit_config()
    assert "ntp server" not in switch.running_config(), "napalm#1059"
    driver.apply(lines)
    assert "ntp server 10.0.0.7" in switch.running_config()


def test_file_prompt_quiet_is_saved_by_napalm_and_never_appears_with_ours(
    driver: Driver, switch: LabDevice, napalm: IOSDriver
) -> None:
    baseline = normalise(driver.running_config(), IOS)
    driver.apply(["ntp server 10.0.0.7"])
    driver.replace(baseline)
    driver.save()
    assert "file prompt quiet" not in switch.startup_config() + switch.running_config()
    napalm.load_merge_candidate(config="ntp server 10.0.0.8")
    napalm.commit_config()
    assert "file prompt quiet" in switch.startup_config(), "the trap is real: false drift after the next restart"


def test_commit_message_raises_in_napalm_so_none_is_ever_given(napalm: IOSDriver) -> None:
    napalm.load_merge_candidate(config="ntp server 10.0.0.8")
    with pytest.raises(NotImplementedError):
        napalm.commit_config(message="why")
