"""IOS XR and Junos by their candidates, against simulated devices over real SSH."""

import dataclasses
import time
from collections.abc import Callable, Iterator

import pytest
from netmiko import ConnectHandler

from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.drivers.base import Driver, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import (
    CapabilityMissingError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceBusyError,
    NothingPendingError,
    OutputTruncatedError,
)
from devices.lab import Hardware, LabDevice, LabDeviceSpec
from tests.integration.lab_fixtures import LAB_PASSWORD, EndpointOf, LabFactory

pytestmark = pytest.mark.lab

XR_CONFIG = """hostname r1
logging 10.0.0.20
interface Loopback0
 description old
 ipv4 address 10.0.0.1 255.255.255.255
!
interface GigabitEthernet0/0/0/0
 ipv4 address 192.0.2.1 255.255.255.0
!
route-policy PASS
  if destination in (10.0.0.0/8) then
    pass
  else
    drop
  endif
end-policy
!
router bgp 65000
 neighbor 10.0.0.2
  remote-as 65001
  address-family ipv4 unicast
   route-policy PASS in
  !
 !
!
end
"""
JUNOS_CONFIG = """set version 21.4R3.15
set system host-name r1
set system login message "Who are you?"
set interfaces ge-0/0/0 description old
set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24
set protocols bgp group X neighbor 10.0.0.2
deactivate protocols bgp group X
"""


@dataclasses.dataclass(frozen=True)
class Kind:
    """One platform: a device, a change that works, and lines that do not."""

    spec: LabDeviceSpec
    change: tuple[str, ...]
    mark: str
    bad_line: tuple[str, ...]
    bad_commit: tuple[str, ...]
    enter: str
    shortest_s: int


KINDS = {
    "cisco_xr": Kind(
        LabDeviceSpec("r1", XR_CONFIG, Hardware("FOX1", "ASR-9006-AC", ()), platform="cisco_xr", minute_s=1.0),
        ("interface Loopback0", " description new"),
        "description new",
        ("interface Loopback0", " description new", " frobnicate"),
        ("interface Loopback0", " ipv4 address 192.0.2.1 255.255.255.255"),
        "configure exclusive",
        30,
    ),
    "juniper_junos": Kind(
        LabDeviceSpec("r1", JUNOS_CONFIG, Hardware("JN1", "QFX5100", ()), platform="juniper_junos", minute_s=0.5),
        ("delete protocols bgp group Y", "set interfaces ge-0/0/0 description new"),
        "description new",
        ("set interfaces ge-0/0/0 description new", "set frobnicate on"),
        ("set protocols bgp group X import NOWHERE",),
        "configure exclusive",
        60,
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def device(kind: Kind, lab: LabFactory) -> LabDevice:
    return lab(dataclasses.replace(kind.spec, minute_s=60.0)).device("r1")


@pytest.fixture
def endpoint(device: LabDevice, endpoint_of: EndpointOf) -> Endpoint:
    return endpoint_of(device)


@pytest.fixture
def driver(endpoint: Endpoint) -> Iterator[Driver]:
    with open_driver(endpoint) as opened:
        yield opened


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_facts_come_from_all_outputs_that_tell_them(driver: Driver, kind: Kind) -> None:
    facts = driver.facts()
    assert (facts.hostname, facts.serial, facts.os) == ("r1", kind.spec.hardware.serial, kind.spec.platform)
    assert facts.model.lower() == kind.spec.hardware.model.lower()
    assert facts.version


def test_the_configuration_arrives_whole_and_in_normal_form_is_the_same_each_time(driver: Driver, kind: Kind) -> None:
    platform = platform_for(kind.spec.platform)
    texts = {normalise(driver.running_config(), platform) for _ in range(2)}
    assert texts == {normalise(kind.spec.startup, platform)}


def test_a_comparison_is_the_devices_own_and_changes_nothing(driver: Driver, device: LabDevice, kind: Kind) -> None:
    before = device.running_config()
    found = driver.compare(kind.change)
    marked = [" ".join(line.split()).rstrip(";") for line in found.diff.splitlines() if line[:1] in "+-"]
    assert marked == ["- description old", "+ description new"]
    assert found.candidate is not None
    platform = platform_for(kind.spec.platform)
    assert normalise(found.candidate, platform) == normalise(before, platform).replace(
        "description old", "description new"
    )
    assert device.running_config() == before
    assert driver.compare(()).diff == ""
    with pytest.raises(CommandRejectedError, match="frobnicate"):
        driver.compare(kind.bad_line)
    assert driver.compare(kind.change).diff == found.diff


def test_lines_are_applied_as_one_and_announced_as_one(driver: Driver, device: LabDevice, kind: Kind) -> None:
    seen: list[tuple[int, str, bool]] = []

    def on_line(index: int, _line: str, phase: str) -> None:
        seen.append((index, phase, kind.mark in device.running_config()))

    result = driver.apply(kind.change, on_line=on_line)
    assert (result.applied, result.rejection, result.mode, result.pending) == (kind.change, None, "exec", None)
    assert seen == [(1, "send", False), (1, "done", True)]
    assert kind.mark in driver.running_config()


@pytest.mark.parametrize("bad", ["bad_line", "bad_commit"])
def test_a_refusal_leaves_the_device_as_it_was(driver: Driver, device: LabDevice, kind: Kind, bad: str) -> None:
    before = device.running_config()
    commands = getattr(kind, bad)
    result = driver.apply(commands)
    assert result.applied == ()
    assert result.rejection is not None
    assert result.rejection.index == len(commands) - 1
    assert len(result.rejection.message) > 10
    assert device.running_config() == before
    assert driver.apply(kind.change).rejection is None


def test_an_error_before_the_commit_sends_nothing_and_leaves_no_lock(
    driver: Driver, device: LabDevice, kind: Kind, endpoint: Endpoint
) -> None:
    def lost(_index: int, _line: str, _phase: str) -> None:
        raise RuntimeError("the lease is gone")

    before = device.running_config()
    with pytest.raises(RuntimeError, match="the lease is gone"):
        driver.apply(kind.change, on_line=lost)
    with pytest.raises(ConnectionLostError):
        driver.running_config()
    assert device.running_config() == before
    with open_driver(endpoint) as other:
        assert other.apply(kind.change).rejection is None


def test_a_confirmed_commit_stays_and_only_under_its_name(driver: Driver, device: LabDevice, kind: Kind) -> None:
    result = driver.apply(kind.change, confirm_within_s=600, name="CHG-7 r1")
    pending = driver.pending_confirm()
    assert result.pending is not None
    assert pending is not None
    assert pending.name == result.pending.name
    assert "CHG-7-r1" in pending.name
    assert pending.left_s is not None
    assert 590 <= pending.left_s <= 600
    # the work goes on while the timer runs
    assert kind.mark in driver.running_config()
    assert driver.facts().hostname == "r1"
    with pytest.raises(NothingPendingError):
        driver.confirm("another")
    with pytest.raises(DeviceBusyError):
        driver.apply(kind.change)
    driver.confirm(pending.name)
    assert driver.pending_confirm() is None
    with pytest.raises(NothingPendingError):
        driver.confirm(pending.name)
    assert kind.mark in device.running_config()


def test_a_commit_that_nobody_confirms_is_taken_back(lab: LabFactory, endpoint_of: EndpointOf, kind: Kind) -> None:
    device = lab(kind.spec).device("r1")
    with open_driver(endpoint_of(device)) as driver:
        is_taken_back(driver, device, kind)


def is_taken_back(driver: Driver, device: LabDevice, kind: Kind) -> None:
    before = device.running_config()
    result = driver.apply(kind.change, confirm_within_s=kind.shortest_s)
    assert kind.mark in device.running_config()
    until(lambda: device.running_config() == before)
    assert result.pending is not None
    assert driver.pending_confirm() is None
    assert driver.apply(()).rejection is None
    with pytest.raises(NothingPendingError):
        driver.confirm(result.pending.name)


def test_another_session_sees_what_waits_and_does_not_confirm_it_by_accident(
    driver: Driver, endpoint: Endpoint, kind: Kind
) -> None:
    result = driver.apply(kind.change, confirm_within_s=600, name="CHG-7")
    with open_driver(endpoint) as other:
        pending = other.pending_confirm()
        assert result.pending is not None
        assert pending is not None
        assert pending.name == result.pending.name
        assert pending.left_s is not None
        assert 590 <= pending.left_s <= 600
        with pytest.raises(DeviceBusyError):
            other.apply(kind.change)
        with pytest.raises(DeviceBusyError):
            other.replace(kind.spec.startup)
    assert driver.pending_confirm() is not None


def test_a_pending_commit_is_taken_back_at_once_or_waited_for(driver: Driver, device: LabDevice, kind: Kind) -> None:
    before = device.running_config()
    result = driver.apply(kind.change, confirm_within_s=600, name="countersign-run-1234567-12")
    assert result.pending is not None
    assert result.pending.name == "countersign-run-1234567-12"
    if kind.spec.platform == "cisco_xr":
        with pytest.raises(CapabilityMissingError):
            driver.revert(result.pending.name)
        return
    with pytest.raises(NothingPendingError):
        driver.revert("another")
    driver.revert(result.pending.name)
    assert device.running_config() == before
    assert driver.pending_confirm() is None


def test_a_lock_of_somebody_else_is_named_and_nothing_is_applied(
    driver: Driver, device: LabDevice, endpoint: Endpoint, kind: Kind
) -> None:
    before = device.running_config()
    stranger = connection(endpoint)
    stranger.write_channel(f"{kind.enter}\n")
    stranger.read_until_pattern(pattern=r"#\s*$")
    with pytest.raises(DeviceBusyError, match="lock"):
        driver.apply(kind.change)
    with pytest.raises(DeviceBusyError):
        driver.compare(kind.change)
    stranger.disconnect()
    assert device.running_config() == before
    assert driver.apply(kind.change).rejection is None


def test_a_replacement_takes_all_back_that_was_changed_since(driver: Driver, device: LabDevice, kind: Kind) -> None:
    before = driver.running_config()
    driver.apply(kind.change)
    other = ["no logging 10.0.0.20"] if kind.spec.platform == "cisco_xr" else ["set snmp location attic"]
    device.edit_out_of_band(other)
    platform = platform_for(kind.spec.platform)
    driver.replace(before)
    assert normalise(driver.running_config(), platform) == normalise(before, platform)
    # the normal form, which is what is stored, replaces as well
    driver.apply(kind.change)
    driver.replace(normalise(before, platform))
    assert normalise(driver.running_config(), platform) == normalise(before, platform)


def test_a_replacement_under_the_timer_is_confirmed_by_its_name(driver: Driver, device: LabDevice, kind: Kind) -> None:
    before = driver.running_config()
    platform = platform_for(kind.spec.platform)
    driver.apply(kind.change)
    if kind.spec.platform == "cisco_xr":
        with pytest.raises(CapabilityMissingError):
            driver.compare_replacement(before)
    else:
        candidate = driver.compare_replacement(before).candidate
        assert candidate is not None
        assert normalise(candidate, platform) == normalise(before, platform)
        assert normalise(device.running_config(), platform) != normalise(before, platform), "a comparison alone"
    pending = driver.replace(before, confirm_within_s=60, name="countersign-run-5-1")
    assert pending is not None
    assert driver.pending_confirm() is not None
    assert normalise(driver.running_config(), platform) == normalise(before, platform)
    driver.confirm(pending.name)
    assert driver.pending_confirm() is None
    assert normalise(driver.running_config(), platform) == normalise(before, platform)


def test_a_replacement_that_the_device_refuses_changes_nothing(driver: Driver, device: LabDevice, kind: Kind) -> None:
    before = device.running_config()
    bad = {"cisco_xr": "hostname r1\nfrobnicate on\nend\n", "juniper_junos": "set system host-name r1\nset frob x\n"}
    with pytest.raises(CommandRejectedError, match="frob"):
        driver.replace(bad[kind.spec.platform])
    assert device.running_config() == before


def test_a_new_hostname_is_followed_over_the_commit(driver: Driver, kind: Kind) -> None:
    xr = kind.spec.platform == "cisco_xr"
    assert driver.apply(["hostname renamed" if xr else "set system host-name renamed"]).rejection is None
    assert driver.facts().hostname == "renamed"
    driver.replace(kind.spec.startup)
    assert driver.facts().hostname == "r1"


@pytest.mark.parametrize("wish", [29, 65536 * 60])
def test_a_time_that_the_platform_does_not_take_is_refused_before_anything(
    driver: Driver, device: LabDevice, kind: Kind, wish: int
) -> None:
    sent = len(device.commands())
    with pytest.raises(CapabilityMissingError):
        driver.apply(kind.change, confirm_within_s=wish)
    assert len(device.commands()) == sent


def test_a_configuration_that_is_cut_short_is_never_used(driver: Driver, device: LabDevice) -> None:
    device.faults.cut_output_after_lines = 4
    with pytest.raises(OutputTruncatedError):
        driver.running_config()


def connection(endpoint: Endpoint):  # type: ignore[no-untyped-def]  # noqa: ANN201 - netmiko's classes are untyped
    """Plain netmiko, as somebody else would use it."""
    return ConnectHandler(
        device_type=endpoint.platform,
        host=endpoint.host,
        port=endpoint.port,
        username="lab",
        password=LAB_PASSWORD,
        fast_cli=True,
    )


def test_a_stranger_with_netmiko_alone_can_work_on_the_device(
    endpoint: Endpoint, device: LabDevice, kind: Kind
) -> None:
    with connection(endpoint) as session:
        assert "r1" in session.find_prompt()
        session.send_config_set(list(kind.change), exit_config_mode=False)
        assert kind.mark not in device.running_config()
        session.commit()
        session.exit_config_mode()
        command = platform_for(kind.spec.platform).running_config_command
        assert kind.mark in session.send_command(command)
    assert kind.mark in device.running_config()


def test_a_question_mark_arrives_or_the_line_is_refused(driver: Driver, kind: Kind, device: LabDevice) -> None:
    if kind.spec.platform == "cisco_xr":
        assert driver.apply(["interface Loopback0", " description why?"]).rejection is None
        assert "description why?" in device.running_config()
        return
    assert driver.apply(['set snmp location "why?"']).rejection is None
    before = device.running_config()
    result = driver.apply(["set snmp contact why?"])
    assert result.rejection is not None
    assert "question mark" in result.rejection.message
    assert device.running_config() == before
