"""The driver against every fault of the lab: the code, whether it is permanent, and what reached the device."""

import base64
import socket
import threading
import time
from pathlib import Path

import asyncssh
import paramiko
import pytest

from devices.drivers.base import Credential
from devices.drivers.registry import open_driver
from devices.errors import (
    AuthenticationFailedError,
    AuthorizationDeniedError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceError,
    DeviceTimeoutError,
    HostKeyMismatchError,
    OutputTruncatedError,
    SaveFailedError,
    UnreachableError,
)
from devices.lab import LabDevice
from tests.integration.lab_fixtures import LAB_PASSWORD, EndpointOf, LabFactory, small_device

pytestmark = pytest.mark.lab


@pytest.fixture
def device(lab: LabFactory) -> LabDevice:
    return lab().device("sw1")


def fresh_key(kind: str = "ssh-ed25519") -> str:
    key = asyncssh.generate_private_key(kind)
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def test_codes_and_permanence_are_those_of_the_catalogue() -> None:
    expected: dict[type[DeviceError], tuple[str, bool]] = {
        UnreachableError: ("PRECHECK_UNREACHABLE", False),
        AuthenticationFailedError: ("PRECHECK_AUTH_FAILED", True),
        AuthorizationDeniedError: ("PRECHECK_AUTHZ_DENIED", True),
        HostKeyMismatchError: ("IDENTITY_HOST_KEY_MISMATCH", True),
        ConnectionLostError: ("CONNECTION_LOST", False),
        DeviceTimeoutError: ("TIMEOUT", False),
        CommandRejectedError: ("COMMAND_REJECTED", True),
        SaveFailedError: ("SAVE_FAILED", True),
        OutputTruncatedError: ("OUTPUT_TRUNCATED", False),
    }
    assert {kind: (kind.code, kind.permanent) for kind in expected} == expected
    assert all(issubclass(kind, DeviceError) for kind in expected)


class TestHostKeys:
    def assert_nothing_was_sent(self, device: LabDevice) -> None:
        assert device.auth_attempts() == []
        assert device.commands() == []

    def test_a_changed_key_is_refused_and_the_password_stays_here(
        self, device: LabDevice, endpoint_of: EndpointOf
    ) -> None:
        device.faults.wrong_host_key = True
        with pytest.raises(HostKeyMismatchError) as caught, open_driver(endpoint_of(device)):
            pass
        assert "No password was sent" in caught.value.detail
        self.assert_nothing_was_sent(device)
        # the log would have shown it: with the right key the offer is there
        device.faults.wrong_host_key = False
        with open_driver(endpoint_of(device)):
            pass
        assert len(device.auth_attempts()) == 1

    @pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
    def test_a_key_that_was_never_pinned_is_refused(
        self, device: LabDevice, endpoint_of: EndpointOf, kind: str
    ) -> None:
        endpoint = endpoint_of(device, host_keys=(fresh_key(kind),))
        with pytest.raises(HostKeyMismatchError), open_driver(endpoint):
            pass
        self.assert_nothing_was_sent(device)

    @pytest.mark.parametrize("keys", [(), ("",), ("ssh-ed25519",), ("ssh-ed25519 not-base64",)])
    def test_without_a_usable_pinned_key_nobody_signs_in(
        self, device: LabDevice, endpoint_of: EndpointOf, keys: tuple[str, ...]
    ) -> None:
        with pytest.raises(HostKeyMismatchError), open_driver(endpoint_of(device, host_keys=keys)):
            pass
        assert device.log() == []

    def test_an_unknown_kind_of_key_pins_nothing(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        encoded = base64.b64encode(b"future").decode()
        endpoint = endpoint_of(device, host_keys=(f"ssh-future {encoded}",))
        with pytest.raises(HostKeyMismatchError), open_driver(endpoint):
            pass
        self.assert_nothing_was_sent(device)

    def test_the_right_key_among_several_and_with_a_comment_is_enough(
        self, device: LabDevice, endpoint_of: EndpointOf
    ) -> None:
        keys = (fresh_key("ecdsa-sha2-nistp256"), f"{device.host_key} admin@example.net")
        with open_driver(endpoint_of(device, host_keys=keys)) as driver:
            assert driver.facts().hostname == "sw1"

    @pytest.mark.parametrize("first", [True, False])
    def test_any_of_several_pinned_keys_of_one_type_is_accepted_and_no_other(
        self, device: LabDevice, endpoint_of: EndpointOf, first: bool
    ) -> None:
        keys = [device.host_key, fresh_key("ssh-ed25519")]
        with open_driver(endpoint_of(device, host_keys=tuple(keys if first else reversed(keys)))) as driver:
            assert driver.facts().hostname
        before = len(device.auth_attempts())
        strangers = (fresh_key("ssh-ed25519"), fresh_key("ssh-ed25519"))
        with pytest.raises(HostKeyMismatchError) as caught, open_driver(endpoint_of(device, host_keys=strangers)):
            pass
        assert caught.value.offered == tuple(device.host_key.split())
        assert len(device.auth_attempts()) == before

    def test_a_key_pinned_for_one_port_does_not_count_for_another(
        self, lab: LabFactory, endpoint_of: EndpointOf
    ) -> None:
        running = lab(small_device("one"), small_device("two"))
        one, two = running.devices
        endpoint = endpoint_of(two, host_keys=(one.host_key,))
        with pytest.raises(HostKeyMismatchError), open_driver(endpoint):
            pass
        self.assert_nothing_was_sent(two)

    def test_the_users_own_known_hosts_count_for_nothing(
        self, device: LabDevice, endpoint_of: EndpointOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "known_hosts").write_text(f"[{device.host}]:{device.port} {device.host_key}\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(HostKeyMismatchError), open_driver(endpoint_of(device, host_keys=(fresh_key(),))):
            pass
        self.assert_nothing_was_sent(device)

    def test_the_file_with_the_pinned_keys_is_gone_afterwards(
        self, device: LabDevice, endpoint_of: EndpointOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "private"))
        (tmp_path / "private").mkdir()
        with open_driver(endpoint_of(device)):
            assert list((tmp_path / "private").iterdir()) == []
        device.faults.wrong_host_key = True
        with pytest.raises(HostKeyMismatchError), open_driver(endpoint_of(device)):
            pass
        assert list((tmp_path / "private").iterdir()) == []


class TestSigningIn:
    def test_a_refused_login_is_permanent_and_tried_once(
        self, device: LabDevice, endpoint_of: EndpointOf, capfd: pytest.CaptureFixture[str]
    ) -> None:
        device.faults.refuse_login = True
        with pytest.raises(AuthenticationFailedError) as caught, open_driver(endpoint_of(device)):
            pass
        assert LAB_PASSWORD not in str(caught.value)
        assert [attempt["result"] for attempt in device.auth_attempts()] == ["refused"]
        assert capfd.readouterr() == ("", "")

    def test_a_wrong_password_is_the_same(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        endpoint = endpoint_of(device, credential=Credential("lab", "wrong"))
        with pytest.raises(AuthenticationFailedError), open_driver(endpoint):
            pass

    @pytest.mark.parametrize("known_secret", ["", "wrong"])
    def test_without_privilege_nothing_can_be_done(
        self, lab: LabFactory, endpoint_of: EndpointOf, known_secret: str
    ) -> None:
        device = lab(small_device(privilege=1, enable_secret="open-sesame")).device("sw1")
        endpoint = endpoint_of(device, credential=Credential("lab", LAB_PASSWORD, known_secret))
        with pytest.raises(AuthorizationDeniedError), open_driver(endpoint):
            pass
        hidden = [entry for entry in device.commands() if entry["mode"] == "password"]
        assert len(hidden) == (1 if known_secret else 0)
        assert all(entry["line"] == "" for entry in hidden)

    def test_a_closed_port_is_unreachable(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        device.power_off()
        with pytest.raises(UnreachableError, match="Connection refused"), open_driver(endpoint_of(device)):
            pass

    def test_an_unknown_name_is_unreachable(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        with pytest.raises(UnreachableError), open_driver(endpoint_of(device, host="no-such-host.invalid")):
            pass

    def test_something_that_is_no_ssh_server_is_unreachable(
        self, device: LabDevice, endpoint_of: EndpointOf, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            endpoint = endpoint_of(device, port=silent.getsockname()[1], connect_timeout_s=0.5)
            started = time.monotonic()
            with pytest.raises(UnreachableError), open_driver(endpoint):
                pass
            assert time.monotonic() - started < 5
        assert capfd.readouterr() == ("", "")

    def test_a_device_that_says_nothing_after_the_login_times_out(
        self, device: LabDevice, endpoint_of: EndpointOf
    ) -> None:
        device.faults.hang = True
        with pytest.raises(DeviceTimeoutError), open_driver(endpoint_of(device, read_timeout_s=0.5)):
            pass


class TestWorking:
    def test_a_cut_session_tells_which_line_is_in_doubt(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        device.faults.drop_after_config_lines = 2
        seen: list[tuple[int, str]] = []
        with open_driver(endpoint_of(device)) as driver:
            with pytest.raises(ConnectionLostError):
                driver.apply(
                    ["vlan 71", "vlan 72", "vlan 73"], on_line=lambda index, _line, phase: seen.append((index, phase))
                )
            with pytest.raises(ConnectionLostError):
                driver.save()
        assert seen == [(0, "send"), (0, "done"), (1, "send")]
        assert device.config_lines() == ["vlan 71", "vlan 72"]

    def test_a_hanging_line_times_out_and_nothing_follows_it(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        device.faults.hang_at = "vlan 72"
        with open_driver(endpoint_of(device, read_timeout_s=0.5)) as driver:
            with pytest.raises(DeviceTimeoutError):
                driver.apply(["vlan 71", "vlan 72", "vlan 73"])
            with pytest.raises(ConnectionLostError):
                driver.show("show clock")
        assert device.config_lines() == ["vlan 71", "vlan 72"]

    def test_a_line_that_the_device_rejects_for_its_own_reasons(
        self, device: LabDevice, endpoint_of: EndpointOf
    ) -> None:
        device.faults.reject = "^ntp server"
        with open_driver(endpoint_of(device)) as driver:
            result = driver.apply(["vlan 71", "ntp server 203.0.113.1", "vlan 73"])
        assert result.applied == ("vlan 71",)
        assert result.rejection is not None
        assert result.rejection.index == 1
        assert result.mode == "exec"
        assert device.config_lines() == ["vlan 71", "ntp server 203.0.113.1", "end"]

    def test_an_ignored_line_can_only_be_seen_in_the_configuration(
        self, device: LabDevice, endpoint_of: EndpointOf
    ) -> None:
        device.faults.ignore = "^ntp server"
        with open_driver(endpoint_of(device)) as driver:
            assert driver.apply(["ntp server 203.0.113.1"]).rejection is None
            assert "203.0.113.1" not in driver.running_config()

    @pytest.mark.parametrize("lines", [3, 15])
    def test_a_truncated_configuration_is_never_returned(
        self, device: LabDevice, endpoint_of: EndpointOf, lines: int
    ) -> None:
        device.faults.cut_output_after_lines = lines
        with open_driver(endpoint_of(device)) as driver:
            with pytest.raises(OutputTruncatedError):
                driver.running_config()
            device.faults.cut_output_after_lines = 0
            assert driver.running_config().endswith("\nend\n")

    def test_latency_is_waited_for(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        device.faults.latency_s = 0.1
        with open_driver(endpoint_of(device)) as driver:
            assert driver.apply(["vlan 71"]).applied == ("vlan 71",)
            assert "vlan 71\n" in driver.running_config()

    def test_a_full_disk_has_an_error_of_its_own(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        device.faults.disk_full = True
        with open_driver(endpoint_of(device)) as driver:
            driver.apply(["vlan 71"])
            with pytest.raises(SaveFailedError) as caught:
                driver.save()
            assert "No space left on device" in caught.value.message
            device.faults.disk_full = False
            driver.save()
        assert "vlan 71\n" in device.startup_config()

    def test_a_reboot_in_the_middle_loses_the_connection(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        def reboot(index: int, _line: str, phase: str) -> None:
            if (index, phase) == (1, "send"):
                device.reboot()

        with open_driver(endpoint_of(device)) as driver, pytest.raises(ConnectionLostError):
            driver.apply(["vlan 71", "vlan 72"], on_line=reboot)
        assert "vlan 71" not in device.running_config()

    def test_an_identity_that_changed_is_read_as_it_is(self, device: LabDevice, endpoint_of: EndpointOf) -> None:
        device.faults.serial, device.faults.hostname = "FOC666", "impostor"
        with open_driver(endpoint_of(device)) as driver:
            facts = driver.facts()
        assert (facts.hostname, facts.serial) == ("impostor", "FOC666")

    def test_a_question_of_the_device_is_answered_no_and_reported(
        self, device: LabDevice, endpoint_of: EndpointOf
    ) -> None:
        with open_driver(endpoint_of(device)) as driver:
            result = driver.apply(["vlan 71", "do write erase", "vlan 72"])
            assert result.applied == ("vlan 71",)
            assert result.rejection is not None
            assert "Continue? [confirm]" in result.rejection.message
            assert result.mode == "exec"
        assert "hostname sw1" in device.startup_config()

    def test_saving_where_the_platform_asks_for_a_file_name(self, lab: LabFactory, endpoint_of: EndpointOf) -> None:
        device = lab(small_device(platform="cisco_nxos")).device("sw1")
        with open_driver(endpoint_of(device)) as driver:
            driver.apply(["vlan 71"])
            driver.save()
        assert "vlan 71\n" in device.startup_config()


def test_no_thread_stays_behind(device: LabDevice, endpoint_of: EndpointOf) -> None:
    for wrong in (False, True, False):
        device.faults.wrong_host_key = wrong
        try:
            with open_driver(endpoint_of(device)) as driver:
                driver.show("show clock")
        except HostKeyMismatchError:
            assert wrong
    deadline = time.monotonic() + 5
    while (left := _ssh_threads()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def _ssh_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if isinstance(each, paramiko.Transport)]
