"""The driver against simulated devices over real SSH: what works."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from devices.domain.platforms import PlatformUnmappedError
from devices.drivers.base import Credential, DeviceFacts, Driver
from devices.drivers.registry import open_driver
from devices.errors import CommandRejectedError, ConnectionLostError
from devices.lab import LabDevice
from tests.integration.lab_fixtures import LAB_PASSWORD, EndpointOf, LabFactory, small_device

pytestmark = pytest.mark.lab


@pytest.fixture
def device(lab: LabFactory) -> LabDevice:
    return lab().device("sw1")


def open_on(device: LabDevice, endpoint_of: EndpointOf) -> Driver:
    return open_driver(endpoint_of(device))


def test_a_session_reads_its_facts_and_configuration(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_on(device, endpoint_of) as driver:
        assert driver.facts() == DeviceFacts("sw1", "FOCSW1", "WS-C2960X-24TS-L", "15.2(7)E8", "cisco_ios")
        text = driver.running_config()
    assert text.endswith("\nend\n")
    assert "\r" not in text
    assert text.partition("\nversion ")[2] == device.running_config().partition("\nversion ")[2]


def test_show_gives_the_output_alone(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_on(device, endpoint_of) as driver:
        assert driver.show("show running-config | include ^ntp") == "ntp server 198.51.100.1"
        assert driver.show("show access-lists MISSING") == ""
        assert driver.show("show running-config | section ^interface Vlan10").splitlines() == [
            "interface Vlan10",
            " ip address 192.0.2.1 255.255.255.0",
        ]


def test_an_unknown_show_command_is_rejected_with_the_devices_words(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_on(device, endpoint_of) as driver:
        with pytest.raises(CommandRejectedError) as caught:
            driver.show("show nonsense")
        assert caught.value.message == "% Invalid input detected at '^' marker."
        assert caught.value.permanent
        assert driver.show("show privilege") == "Current privilege level is 15"


def test_lines_are_applied_one_by_one_and_announced(device: LabDevice, endpoint_of: EndpointOf) -> None:
    lines = ["ntp server 203.0.113.7", "interface GigabitEthernet1/0/2", " description two", " shutdown", "vlan 77"]
    seen: list[tuple[int, str, str, int]] = []

    def on_line(index: int, line: str, phase: str) -> None:
        seen.append((index, line, phase, len(device.config_lines())))

    with open_on(device, endpoint_of) as driver:
        result = driver.apply(lines, on_line=on_line)
        assert result.applied == tuple(lines)
        assert result.rejection is None
        assert result.mode == "exec"
        assert driver.show("show running-config | include ^vlan 77") == "vlan 77"
    # before "send" the device has not seen the line, at "done" it has
    assert seen == [
        entry
        for index, line in enumerate(lines)
        for entry in ((index, line, "send", index), (index, line, "done", index + 1))
    ]
    assert device.config_lines() == [*(line.strip() for line in lines), "end"]


def test_nothing_is_saved_until_it_is_asked_for(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_on(device, endpoint_of) as driver:
        driver.apply(["vlan 77"])
        assert "vlan 77" not in device.startup_config()
        driver.save()
    assert device.startup_config() == device.running_config()


def test_after_a_rejected_line_the_applied_lines_and_the_mode_are_known(
    device: LabDevice, endpoint_of: EndpointOf
) -> None:
    lines = ["vlan 77", " name seven", " nonsense", "vlan 78"]
    with open_on(device, endpoint_of) as driver:
        result = driver.apply(lines)
        assert result.applied == ("vlan 77", " name seven")
        assert result.rejection is not None
        assert (result.rejection.index, result.rejection.line) == (2, " nonsense")
        assert result.rejection.message == "% Invalid input detected at '^' marker."
        assert result.mode == "exec"
        assert driver.show("show privilege") == "Current privilege level is 15"
        driver.apply(["no vlan 77"])
    config = device.running_config()
    assert "vlan 77" not in config
    assert "vlan 78" not in config


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ntp server", "% Incomplete command."),
        ("s", '% Ambiguous command:  "s"'),
        ("no interface GigabitEthernet1/0/1", "% Removal of physical interfaces is not permitted"),
    ],
)
def test_every_kind_of_refusal_is_noticed(device: LabDevice, endpoint_of: EndpointOf, line: str, words: str) -> None:
    with open_on(device, endpoint_of) as driver:
        result = driver.apply(["vlan 77", line, "vlan 78"])
    assert result.applied == ("vlan 77",)
    assert result.rejection is not None
    assert result.rejection.message == words


def test_remarks_of_the_device_are_no_refusals(device: LabDevice, endpoint_of: EndpointOf) -> None:
    lines = ["interface GigabitEthernet1/0/2", "switchport access vlan 66", "spanning-tree portfast"]
    with open_on(device, endpoint_of) as driver:
        result = driver.apply(lines)
        received = dict(driver.transcript)
    assert result.rejection is None
    assert "Creating vlan 66" in received["switchport access vlan 66"]
    assert "%Warning: portfast" in received["spanning-tree portfast"]


BANNERS: list[Sequence[str]] = [
    ["banner motd ^C", "two", "lines", "^C"],
    ["banner motd #one line#"],
    ["banner motd $sw1(config)#$"],
    ["banner motd @", "sw1#", "sw1(config)#", "sw1>", "@"],
    ["banner motd @", "% Invalid input detected at '^' marker.", "", "  Password: ", "are you sure? [confirm]", "@"],
    ["banner motd @", "configure terminal", "no ntp server 198.51.100.1", "end", "@"],
    ["banner motd @", "what is this? who are you?", "!", "last words@"],
    ["banner motd @", "Enter TEXT message.  End with the character 'x'.", "@"],
    ["banner motd @", "grüße — ünïcödé", "@"],
]


@pytest.mark.parametrize("banner", BANNERS, ids=range(len(BANNERS)))
def test_banners_are_sent_whatever_their_text_looks_like(
    device: LabDevice, endpoint_of: EndpointOf, banner: list[str]
) -> None:
    with open_on(device, endpoint_of) as driver:
        result = driver.apply([*banner, "vlan 77"])
        assert result.rejection is None
        assert result.applied == (*banner, "vlan 77")
        text = driver.running_config()
    assert text.partition("\nversion ")[2] == device.running_config().partition("\nversion ")[2]
    assert "vlan 77\n" in text
    assert "ntp server 198.51.100.1\n" in text
    delimiter = "^C" if "^C" in banner[0] else banner[0].removeprefix("banner motd ")[0]
    inside = "\n".join(banner).removeprefix("banner motd ").split(delimiter)[1]
    assert f"banner motd ^C{inside}^C\n" in text


def test_an_unended_banner_is_a_rejection_and_the_device_keeps_its_old_one(
    device: LabDevice, endpoint_of: EndpointOf
) -> None:
    with open_on(device, endpoint_of) as driver:
        result = driver.apply(["vlan 77", "banner motd @", "no end", "vlan 78"])
        assert result.applied == ("vlan 77",)
        assert result.rejection is not None
        assert result.rejection.index == 1
        assert result.mode == "unknown"
        with pytest.raises(ConnectionLostError):
            driver.running_config()
    config = device.running_config()
    assert "Welcome to sw1#" in config
    assert "vlan 78" not in config


def test_texts_that_look_like_prompts_are_texts(device: LabDevice, endpoint_of: EndpointOf) -> None:
    lines = [
        "interface GigabitEthernet1/0/3",
        "description sw1#",
        "interface GigabitEthernet1/0/4",
        "description sw1(config-if)# [confirm] why?",
        "snmp-server location sw1>",
    ]
    with open_on(device, endpoint_of) as driver:
        assert driver.apply(lines).applied == tuple(lines)
        text = driver.running_config()
    assert " description sw1#\n" in text
    assert " description sw1(config-if)# [confirm] why?\n" in text
    assert "snmp-server location sw1>\n" in text
    assert text.endswith("\nend\n")


def test_a_configuration_that_holds_its_own_end_and_prompt_arrives_whole(
    lab: LabFactory, endpoint_of: EndpointOf
) -> None:
    trap = "banner motd ^C\nend\nsw1#\nsw1#!0123456789abcdef\nend\nsw1#\n^C\n"
    ports = "".join(f"interface Loopback{n}\n description sw1# {'x' * 60}\n" for n in range(2000))
    device = lab(small_device(startup=f"hostname sw1\n{trap}{ports}")).device("sw1")
    with open_on(device, endpoint_of) as driver:
        texts = [driver.running_config() for _ in range(3)]
    for text in texts:
        assert text.count("description sw1#") == 2000
        assert text.partition("\nversion ")[2] == device.running_config().partition("\nversion ")[2]


def test_a_new_hostname_is_followed(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_on(device, endpoint_of) as driver:
        result = driver.apply(["hostname renamed", "vlan 77", "no hostname", "vlan 78", "hostname sw1"])
        assert result.rejection is None
        assert driver.facts().hostname == "sw1"
    assert "vlan 78\n" in device.running_config()


def test_a_long_hostname_is_recognised_where_ios_cuts_it(lab: LabFactory, endpoint_of: EndpointOf) -> None:
    device = lab(small_device("a-hostname-of-more-than-twenty-letters")).devices[0]
    with open_on(device, endpoint_of) as driver:
        assert driver.apply(["vlan 77", " name x"]).rejection is None
        assert driver.facts().hostname == device.name


def test_leaving_configuration_mode_in_the_middle_stops_the_work(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with open_on(device, endpoint_of) as driver:
        result = driver.apply(["vlan 77", "end", "reload", "vlan 78"])
    assert result.applied == ("vlan 77", "end")
    assert result.rejection is not None
    assert result.rejection.line == "reload"
    assert [entry["line"] for entry in device.commands()].count("reload") == 0


@pytest.mark.parametrize("bad", ["vlan 77\nreload", "vlan 77\rreload", "ntp\x03", "\x1a", "tab\there"])
def test_a_control_character_stops_everything_before_anything_is_sent(
    device: LabDevice, endpoint_of: EndpointOf, bad: str
) -> None:
    with open_on(device, endpoint_of) as driver:
        before = len(device.commands())
        with pytest.raises(CommandRejectedError, match="control character"):
            driver.apply(["vlan 70", bad])
        with pytest.raises(CommandRejectedError, match="control character"):
            driver.show(bad)
    assert len(device.commands()) == before


def test_enable_is_used_where_the_login_is_not_privileged(lab: LabFactory, endpoint_of: EndpointOf) -> None:
    device = lab(small_device(privilege=1, enable_secret="open-sesame")).device("sw1")
    with open_on(device, endpoint_of) as driver:
        assert driver.running_config().endswith("end\n")
        assert "open-sesame" not in repr(driver.transcript)


def test_the_transcript_and_representations_hold_no_password(
    device: LabDevice, endpoint_of: EndpointOf, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    endpoint = endpoint_of(device)
    with open_driver(endpoint) as driver:
        driver.apply(["vlan 77"])
        driver.save()
        sent = [pair[0] for pair in driver.transcript]
    assert sent[-4:] == ["configure terminal", "vlan 77", "end", "write memory"]
    printed = capfd.readouterr()
    assert LAB_PASSWORD not in caplog.text + repr(driver.transcript) + repr(endpoint) + printed.out + printed.err
    assert (printed.out, printed.err) == ("", "")


def test_an_error_in_on_line_closes_the_session_before_the_line_leaves(
    device: LabDevice, endpoint_of: EndpointOf
) -> None:
    def stop_at_second(index: int, line: str, phase: str) -> None:
        if (index, phase) == (1, "send"):
            raise RuntimeError("the lease is gone")

    with open_on(device, endpoint_of) as driver:
        with pytest.raises(RuntimeError, match="the lease is gone"):
            driver.apply(["vlan 77", "vlan 78"], on_line=stop_at_second)
        with pytest.raises(ConnectionLostError):
            driver.show("show clock")
    assert device.config_lines() == ["vlan 77"]


def test_abort_from_another_thread_ends_a_waiting_call_at_once(device: LabDevice, endpoint_of: EndpointOf) -> None:
    device.faults.hang_at = "show clock"
    with open_on(device, endpoint_of) as driver:
        timer = threading.Timer(0.2, driver.abort)
        timer.start()
        started = time.monotonic()
        with pytest.raises(ConnectionLostError):
            driver.show("show clock", timeout_s=30)
        assert time.monotonic() - started < 2
        timer.join()


def test_many_devices_are_worked_on_at_once(lab: LabFactory, endpoint_of: EndpointOf) -> None:
    running = lab(40)

    def work(device: LabDevice) -> bool:
        with open_on(device, endpoint_of) as driver:
            before = driver.running_config()
            applied = driver.apply(["ntp server 203.0.113.7", "banner motd @", f"{device.name}#", "@"])
            driver.save()
            after = driver.running_config()
        return applied.rejection is None and "203.0.113.7" in after and "203.0.113.7" not in before

    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(work, running.devices))
    assert all(device.startup_config() == device.running_config() for device in running.devices)


def test_an_unknown_platform_is_refused_before_anything(device: LabDevice, endpoint_of: EndpointOf) -> None:
    with pytest.raises(PlatformUnmappedError):
        open_driver(endpoint_of(device, platform="junos"))
    assert device.log() == []


def test_credentials_show_no_secret() -> None:
    assert repr(Credential("lab", "p4ss", "s3cret")) == "Credential(username='lab')"
