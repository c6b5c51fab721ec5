"""Every fault switch over real SSH, with asyncssh's peer: a plain paramiko terminal that sends what it is told."""

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko
import pytest

from devices.lab import Faults, Lab, LabDevice, LabError
from tests.integration.lab_fixtures import LAB_PASSWORD, LabFactory, small_device

pytestmark = pytest.mark.lab


class RawTerminal:
    """Sends bytes, collects bytes."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self.channel = channel
        self.received = ""

    def send(self, text: str) -> None:
        self.channel.sendall(text.encode())

    def until(self, text: str, timeout_s: float = 5) -> str:
        """Everything up to and including the text; what follows stays for the next call."""
        deadline = time.monotonic() + timeout_s
        while text not in self.received:
            self.channel.settimeout(max(0.01, deadline - time.monotonic()))
            data = self.channel.recv(4096)
            if not data:
                raise EOFError(self.received)
            self.received += data.decode().replace("\r\n", "\n")
        head, _, self.received = self.received.partition(text)
        return head + text

    def is_cut(self) -> bool:
        """Whether the device ends the session instead of answering."""
        try:
            self.until("no device ever says this")
        except (EOFError, OSError):
            return True
        return False


@contextmanager
def terminal(device: LabDevice, password: str = LAB_PASSWORD) -> Iterator[RawTerminal]:
    client = paramiko.SSHClient()
    kind, encoded = device.host_key.split()
    key = paramiko.PKey.from_type_string(kind, base64.b64decode(encoded))
    client.get_host_keys().add(f"[{device.host}]:{device.port}", kind, key)
    client.connect(device.host, device.port, "lab", password, look_for_keys=False, allow_agent=False, timeout=5)
    try:
        opened = RawTerminal(client.invoke_shell())
        opened.until("sw1#\n")
        opened.until("sw1#")
        yield opened
    finally:
        client.close()


@pytest.fixture
def device(lab: LabFactory) -> LabDevice:
    return lab(small_device(minute_s=0.05)).device("sw1")


def until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_refused_login_is_logged_without_the_password(device: LabDevice) -> None:
    device.faults.refuse_login = True
    with pytest.raises(paramiko.AuthenticationException), terminal(device):
        pass
    assert [(e["username"], e["result"]) for e in device.auth_attempts()] == [("lab", "refused")]
    assert LAB_PASSWORD not in device._device.journal.path.read_text()
    device.faults.refuse_login = False
    with terminal(device):
        pass


def test_a_wrong_password_is_refused(device: LabDevice) -> None:
    with pytest.raises(paramiko.AuthenticationException), terminal(device, "wrong"):
        pass


def test_a_wrong_host_key_is_shown_while_the_switch_is_on(device: LabDevice) -> None:
    def presented() -> str:
        transport = paramiko.Transport((device.host, device.port))
        try:
            transport.start_client(timeout=5)
            key = transport.get_remote_server_key()
            return f"{key.get_name()} {key.get_base64()}"
        finally:
            transport.close()

    assert presented() == device.host_key
    device.faults.wrong_host_key = True
    assert presented() != device.host_key
    device.faults.wrong_host_key = False
    assert presented() == device.host_key


def test_a_wrong_identity_is_claimed(device: LabDevice) -> None:
    with terminal(device) as opened:
        device.faults.serial, device.faults.hostname = "FOC666", "impostor"
        opened.send("show inventory\n")
        assert "SN: FOC666" in opened.until("impostor#")


def test_latency_delays_each_answer(device: LabDevice) -> None:
    with terminal(device) as opened:
        device.faults.latency_s = 0.3
        started = time.monotonic()
        opened.send("show clock\n")
        opened.until("sw1#")
        assert 0.3 <= time.monotonic() - started < 2


def test_the_session_is_cut_after_the_line_was_executed_and_before_its_answer(device: LabDevice) -> None:
    device.faults.drop_after_config_lines = 2
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.1\nntp server 203.0.113.2\nntp server 203.0.113.3\n")
        assert opened.is_cut()
    assert device.config_lines() == ["ntp server 203.0.113.1", "ntp server 203.0.113.2"]
    config = device.running_config()
    assert "203.0.113.2" in config
    assert "203.0.113.3" not in config
    assert any(entry.get("event") == "cut" for entry in device.log())


def test_a_cut_can_be_for_one_session_alone(device: LabDevice) -> None:
    device.faults = Faults(drop_after_config_lines=1, drop_times=1)
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.1\n")
        assert opened.is_cut()
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.2\nend\n")
        opened.until("(config)#end\nsw1#")


def test_matching_lines_are_rejected_and_others_taken(device: LabDevice) -> None:
    device.faults.reject = "^ntp server"
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.1\nvlan 77\nend\n")
        assert "% Invalid input detected at '^' marker." in opened.until("end\nsw1#")
        opened.send("show running-config | include ntp server 1\n")
        opened.until("ntp server 198.51.100.1\nsw1#")
    assert [(e["line"], e["result"]) for e in device.commands()][1:4] == [
        ("ntp server 203.0.113.1", "rejected"),
        ("vlan 77", "ok"),
        ("end", "ok"),
    ]
    assert "203.0.113.1" not in device.running_config()


def test_an_ignored_line_looks_like_a_taken_one(device: LabDevice) -> None:
    device.faults.ignore = "^ntp server"
    with terminal(device) as opened:
        opened.send("configure terminal\n")
        opened.until("(config)#")
        opened.send("ntp server 203.0.113.1\n")
        assert opened.until("(config)#") == "ntp server 203.0.113.1\nsw1(config)#"
    assert "203.0.113.1" not in device.running_config()
    assert device.commands()[-1]["result"] == "ignored"


def test_a_hanging_line_is_neither_executed_nor_answered(device: LabDevice) -> None:
    device.faults.hang_at = "203.0.113.1"
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.1\nvlan 77\n")
        opened.until("(config)#")
        with pytest.raises(TimeoutError):
            opened.until("(config)#", timeout_s=0.4)
    assert "203.0.113.1" not in device.running_config()
    assert "vlan 77" not in device.running_config()
    assert device.commands()[-1]["result"] == "hung"


def test_an_edit_out_of_band_is_there_for_every_session(device: LabDevice) -> None:
    with terminal(device) as opened:
        device.edit_out_of_band(["interface GigabitEthernet1/0/2", "description by hand"])
        opened.send("show running-config | section GigabitEthernet1/0/2\n")
        assert "\n description by hand\n" in opened.until("\nsw1#")
    with pytest.raises(LabError, match="refuses"):
        device.edit_out_of_band(["nonsense"])
    assert not any("by hand" in line for line in device.config_lines())


def test_a_reboot_cuts_sessions_and_loses_what_was_not_saved(device: LabDevice) -> None:
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.1\nend\n")
        opened.until("end\nsw1#")
        device.reboot()
        assert opened.is_cut()
    until(lambda: not _is_closed(device))
    with terminal(device):
        assert "203.0.113.1" not in device.running_config()


def test_a_confirmed_reload_reboots(device: LabDevice) -> None:
    with terminal(device) as opened:
        opened.send("configure terminal\nntp server 203.0.113.1\nend\nreload\n")
        opened.until("[yes/no]: ")
        opened.send("no\n")
        opened.until("[confirm]")
        opened.send("\n")
        assert opened.is_cut()
    until(lambda: "203.0.113.1" not in device.running_config())


def _is_closed(device: LabDevice) -> bool:
    try:
        socket.create_connection((device.host, device.port), timeout=1).close()
    except OSError:
        return True
    return False


def test_power_off_closes_the_port_and_keeps_the_memory(device: LabDevice) -> None:
    device.edit_out_of_band(["ntp server 203.0.113.1"])
    device.power_off()
    until(lambda: _is_closed(device))
    device.power_on()
    with terminal(device):
        assert "203.0.113.1" in device.running_config()


def test_a_full_disk_keeps_the_old_startup(device: LabDevice) -> None:
    device.faults.disk_full = True
    with terminal(device) as opened:
        opened.send("write memory\n")
        assert "No space left on device" in opened.until("\nsw1#")


def test_the_rollback_timer_runs_out_by_itself(device: LabDevice) -> None:
    with terminal(device) as opened:
        opened.send("configure terminal revert timer 4\nntp server 203.0.113.1\nend\n")
        opened.until("end\nsw1#")
        assert "203.0.113.1" in device.running_config()
    until(lambda: "203.0.113.1" not in device.running_config())


def test_an_incomplete_line_is_not_executed_when_the_client_leaves(device: LabDevice) -> None:
    with terminal(device) as opened:
        opened.send("configure terminal\n")
        opened.until("(config)#")
        opened.send("ntp server 203.0.113.1")
    until(lambda: any(entry.get("event") == "close" for entry in device.log()))
    assert device.config_lines() == []
    assert "203.0.113.1" not in device.running_config()


def test_editing_keys_work_as_on_a_terminal(device: LabDevice) -> None:
    with terminal(device) as opened:
        opened.send("configure terminl\x08al\n")
        opened.until("(config)#")
        opened.send("no ntp\x15vlan 77\n")
        opened.until("(config-vlan)#")
        opened.send("\x1a")
        opened.until("^Z\nsw1#")
        opened.send("show clock?\n")
        assert "Help is not simulated" in opened.until("UTC")
    assert [entry["line"] for entry in device.commands()] == [
        "configure terminal",
        "vlan 77",
        "^Z",
        "show clock",
    ]


def test_startup_and_key_outlive_the_lab(lab: LabFactory) -> None:
    first = lab(small_device())
    device = first.device("sw1")
    key, port = device.host_key, device.port
    with terminal(device) as opened:
        opened.send("configure terminal\nvlan 77\nend\nwrite memory\n")
        opened.until("[OK]\nsw1#")
        opened.send("configure terminal\nvlan 78\nend\n")
        opened.until("end\nsw1#")
    first.stop()
    again = lab(small_device(port=port), home=first.home).device("sw1")
    assert again.host_key == key
    assert again.port == port
    assert "vlan 77\n" in again.running_config()
    assert "vlan 78\n" not in again.running_config()
    assert (first.home / "sw1" / "host_key").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_a_sentence_and_nothing_stays(lab: LabFactory) -> None:
    taken = lab(small_device("one")).device("one")
    with pytest.raises(LabError, match=f"two cannot listen on 127.0.0.1 port {taken.port}"):
        lab(small_device("two", port=taken.port))


def test_an_unknown_device_is_a_sentence(lab: LabFactory) -> None:
    running: Lab = lab(small_device("one"))
    with pytest.raises(LabError, match="no device 'two'; there are one"):
        running.device("two")
