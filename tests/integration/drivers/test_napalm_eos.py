"""NAPALM's EOS driver over real HTTP and TLS, against the simulated switch: what it does, and each of its traps."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from napalm.eos.eos import EOSDriver
from pyeapi.eapilib import ConnectionError as EapiConnectionError
from pyeapi.eapilib import HttpsEapiConnection

from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.drivers.base import Driver
from devices.drivers.registry import open_driver
from devices.drivers.tls import scan_certificate
from devices.errors import (
    AuthenticationFailedError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceBusyError,
    DeviceError,
    DeviceTimeoutError,
    HostKeyMismatchError,
    NothingPendingError,
    OutputTruncatedError,
    SaveFailedError,
    UnreachableError,
)
from devices.lab import LabDevice
from tests.integration.lab_fixtures import LAB_PASSWORD, EndpointOf, LabFactory, eos_device

pytestmark = pytest.mark.lab

CHANGE = ("ntp server 10.0.0.77", "interface Ethernet1", "description changed", "banner motd", "  two", " lines", "EOF")


@pytest.fixture
def switch(lab: LabFactory) -> LabDevice:
    return lab(eos_device(minute_s=1.0)).devices[0]


@pytest.fixture
def driver(switch: LabDevice, endpoint_of: EndpointOf) -> Iterator[Driver]:
    with open_driver(endpoint_of(switch)) as opened:
        yield opened


def test_facts_configuration_and_outputs_are_read(driver: Driver, switch: LabDevice) -> None:
    facts = driver.facts()
    assert (facts.hostname, facts.serial, facts.model, facts.version) == ("eos1", "SNEOS1", "vEOS-lab", "4.28.3M")
    assert switch.running_config() in driver.running_config()
    assert driver.show("show running-config | include ntp") == "ntp server 198.51.100.1\n"
    with pytest.raises(CommandRejectedError, match="Invalid input"):
        driver.show("show nonsense")


def test_compare_gives_the_devices_diff_and_candidate_and_leaves_nothing(driver: Driver, switch: LabDevice) -> None:
    before = switch.running_config()
    found = driver.compare(CHANGE)
    assert "+ntp server 10.0.0.77" in found.diff
    assert "+   description changed" in found.diff
    assert found.candidate is not None
    assert "banner motd\n  two\n lines\nEOF" in found.candidate
    assert switch.running_config() == before
    assert driver.compare(()).diff == ""
    assert not any(name["line"].endswith("commit") for name in switch.commands())


def test_a_refused_line_is_named_and_nothing_of_the_change_is_applied(driver: Driver, switch: LabDevice) -> None:
    before = switch.running_config()
    lines = ["ntp server 10.0.0.77", "banner motd", "x", "EOF", "no such line", "hostname other"]
    result = driver.apply(lines)
    assert result.applied == ()
    assert result.rejection is not None
    assert (result.rejection.index, result.rejection.line) == (4, "no such line")
    assert "Invalid input" in result.rejection.message
    assert switch.running_config() == before
    with pytest.raises(CommandRejectedError, match="no such line"):
        driver.compare(lines)


def test_applied_lines_are_not_saved_before_save(driver: Driver, switch: LabDevice) -> None:
    startup = switch.startup_config()
    phases: list[tuple[int, str]] = []
    result = driver.apply(CHANGE, on_line=lambda index, _line, phase: phases.append((index, phase)))
    assert result.applied == CHANGE
    assert phases == [(6, "send"), (6, "done")]
    assert "banner motd\n  two\n lines\nEOF" in switch.running_config()
    assert switch.startup_config() == startup
    driver.save()
    assert switch.startup_config() == switch.running_config()


def test_a_refusing_listener_stops_before_the_commit(driver: Driver, switch: LabDevice) -> None:
    before = switch.running_config()

    def lost(_index: int, _line: str, _phase: str) -> None:
        raise RuntimeError("lease lost")

    with pytest.raises(RuntimeError):
        driver.apply(CHANGE, on_line=lost)
    assert switch.running_config() == before
    with pytest.raises(ConnectionLostError):
        driver.facts()


def test_eos_close_discards_a_pending_confirm_so_leaving_never_closes(
    switch: LabDevice, endpoint_of: EndpointOf
) -> None:
    with open_driver(endpoint_of(switch)) as first:
        pending = first.apply(CHANGE, confirm_within_s=600, name="countersign-run-1").pending
        assert pending is not None
        assert pending.name == "countersign-run-1"
    with open_driver(endpoint_of(switch)) as second:
        found = second.pending_confirm()
        assert found is not None
        assert (found.name, found.left_s is not None and 500 < found.left_s <= 600) == ("countersign-run-1", True)
        second.confirm("countersign-run-1")
        assert second.pending_confirm() is None
    assert "10.0.0.77" in switch.running_config()
    # and this is what NAPALM's own close would have done
    napalm = _napalm(switch)
    napalm.open()
    napalm.load_merge_candidate(config="ntp server 10.0.0.88")
    napalm.commit_config(revert_in=600)
    assert "10.0.0.88" in switch.running_config()
    napalm.close()
    assert "10.0.0.88" not in switch.running_config()


def test_an_unconfirmed_commit_is_taken_back_and_an_empty_diff_is_no_proof_meanwhile(
    driver: Driver, switch: LabDevice
) -> None:
    before = switch.running_config()
    driver.apply(CHANGE, confirm_within_s=30, name="countersign-run-2")
    with pytest.raises(DeviceBusyError, match="countersign-run-2"):
        driver.compare(CHANGE)
    deadline = time.monotonic() + 5
    while driver.pending_confirm() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert switch.running_config() == before
    with pytest.raises(NothingPendingError):
        driver.confirm("countersign-run-2")


def test_eos_rollback_restores_the_old_startup_so_replace_is_used(driver: Driver, switch: LabDevice) -> None:
    switch.edit_out_of_band(["ntp server 203.0.113.5"])  # unsaved work of somebody else
    baseline = switch.running_config()
    driver.apply(CHANGE)
    driver.replace(baseline)
    assert switch.running_config() == baseline, "unsaved running configuration survives the backout"
    napalm = _napalm(switch)
    napalm.open()
    napalm.load_merge_candidate(config="ntp server 10.0.0.88")
    napalm.commit_config(revert_in=600)
    napalm.confirm_commit()
    napalm.rollback()
    assert "203.0.113.5" not in switch.running_config(), "NAPALM's rollback loses it: the trap is real"


def test_a_replacement_is_compared_and_taken_back_or_confirmed_under_the_commit_timer(
    driver: Driver, switch: LabDevice
) -> None:
    baseline = switch.running_config()
    driver.apply(CHANGE)
    changed = switch.running_config()
    candidate = driver.compare_replacement(baseline).candidate
    assert candidate is not None
    eos = platform_for("arista_eos")
    assert normalise(candidate, eos) == normalise(baseline, eos)
    assert switch.running_config() == changed, "a comparison changes nothing"
    pending = driver.replace(baseline, confirm_within_s=60, name="countersign-run-3-1")
    assert pending is not None
    assert switch.running_config() == baseline
    driver.revert(pending.name)
    assert switch.running_config() == changed
    driver.replace(baseline, confirm_within_s=60, name="countersign-run-3-2")
    driver.confirm("countersign-run-3-2")
    assert (switch.running_config(), driver.pending_confirm()) == (baseline, None)


def test_napalm_strips_banner_lines_so_candidates_are_loaded_here(driver: Driver, switch: LabDevice) -> None:
    baseline = switch.running_config()
    assert "\n  Welcome to eos1\n indented\n" in baseline
    driver.apply(CHANGE)
    driver.replace(baseline)
    assert switch.running_config() == baseline


def test_commit_message_raises_in_napalm_so_none_is_ever_given(switch: LabDevice) -> None:
    napalm = _napalm(switch)
    napalm.open()
    napalm.load_merge_candidate(config="ntp server 10.0.0.88")
    with pytest.raises(NotImplementedError):
        napalm.commit_config(message="why")
    napalm.discard_config()


def test_pyeapi_trusts_any_certificate_so_ours_is_pinned(lab: LabFactory, endpoint_of: EndpointOf) -> None:
    device = lab(eos_device("eos2", driver="napalm-eos", tls=True)).devices[0]
    careless = HttpsEapiConnection(device.host, port=device.port, username="lab", password=LAB_PASSWORD)
    assert careless.execute(["enable", "show hostname"])["result"][1]["hostname"] == "eos2"
    before = len(device.auth_attempts())
    with pytest.raises(HostKeyMismatchError, match="No certificate"), open_driver(endpoint_of(device, host_keys=())):
        pytest.fail("a certificate that nobody pinned was taken")
    with open_driver(endpoint_of(device)) as pinned:
        assert pinned.facts().hostname == "eos2", "nobody signed it but the switch itself: the pin is the proof"
        known = len(device.auth_attempts())
        device.faults.wrong_host_key = True
        with pytest.raises(HostKeyMismatchError) as swapped:
            pinned.running_config()
    assert known > before
    offered = scan_certificate(device.host, device.port, timeout_s=5)
    assert swapped.value.offered == offered, "each request compares anew"
    with pytest.raises(HostKeyMismatchError) as refused, open_driver(endpoint_of(device)):
        pytest.fail("another certificate was taken")
    assert refused.value.offered == offered
    assert " ".join(offered) != device.host_key
    assert len(device.auth_attempts()) == known, "no password was sent"


def test_where_authorities_are_named_the_pinned_certificate_needs_a_signature_too(
    lab: LabFactory, endpoint_of: EndpointOf, tmp_path: Path
) -> None:
    device = lab(eos_device("eos2", driver="napalm-eos", tls=True)).devices[0]
    with open_driver(endpoint_of(device, ca_file=str(device.certificate))) as trusted:
        assert trusted.facts().hostname == "eos2"
    with (
        pytest.raises(HostKeyMismatchError, match="not trusted") as unsigned,
        open_driver(endpoint_of(device, ca_file=certifi.where())),
    ):
        pytest.fail("an authority that did not sign was taken")
    assert unsigned.value.offered is None, "it is the pinned one, so there is nothing to alert about"
    known = len(device.auth_attempts())
    device.faults.wrong_host_key = True
    with (
        pytest.raises(HostKeyMismatchError, match="not pinned") as swapped,
        open_driver(endpoint_of(device, ca_file=str(device.certificate))),
    ):
        pytest.fail("another certificate was taken")
    assert swapped.value.offered == scan_certificate(device.host, device.port, timeout_s=5)
    for file in (tmp_path / "none.pem", device.certificate.with_name("key.pem")):
        with pytest.raises(HostKeyMismatchError, match="cannot be used"):
            open_driver(endpoint_of(device, ca_file=str(file))).__enter__()
    assert len(device.auth_attempts()) == known


def test_plain_http_is_refused_beyond_this_machine_unless_allowed(endpoint_of: EndpointOf, switch: LabDevice) -> None:
    far = endpoint_of(switch, host="192.0.2.1", connect_timeout_s=0.2)
    with pytest.raises(HostKeyMismatchError, match="Plain HTTP"), open_driver(far):
        pytest.fail("connected")
    with (
        pytest.raises(UnreachableError),
        open_driver(endpoint_of(switch, host="192.0.2.1", connect_timeout_s=0.2, allow_plain_http=True)),
    ):
        pytest.fail("connected")


@pytest.mark.parametrize(
    "line", ["end", "commit", "abort", "exit", "configure replace flash:x", "rollback clean-config"]
)
def test_lines_that_would_leave_the_session_are_never_sent(driver: Driver, switch: LabDevice, line: str) -> None:
    with pytest.raises(CommandRejectedError, match="leave the configuration session"):
        driver.compare(["ntp server 10.0.0.77", line, "hostname x"])
    assert not any(entry["line"] == line for entry in switch.commands())


def test_a_foreign_session_makes_the_device_busy_and_our_own_leftovers_do_not(
    driver: Driver, switch: LabDevice
) -> None:
    napalm = _napalm(switch)
    napalm.open()
    napalm.config_session = "countersign-lost"
    napalm.load_merge_candidate(config="ntp server 10.0.0.88")
    driver.apply(["ntp server 10.0.0.77"])
    napalm.config_session = "somebody"
    napalm.load_merge_candidate(config="ntp server 10.0.0.99")
    for attempt in (lambda: driver.compare(CHANGE), lambda: driver.apply(CHANGE), lambda: driver.replace("!\nend\n")):
        with pytest.raises(DeviceBusyError, match="somebody"):
            attempt()


def test_failures_have_their_errors(driver: Driver, switch: LabDevice, endpoint_of: EndpointOf) -> None:
    def work() -> None:
        with open_driver(endpoint_of(switch, read_timeout_s=0.3)) as opened:
            opened.running_config()
            opened.apply(["ntp server 10.0.0.66"])
            opened.save()

    def raises(kind: type[DeviceError]) -> None:
        with pytest.raises(kind):
            work()

    switch.faults.refuse_login = True
    raises(AuthenticationFailedError)
    assert len([each for each in switch.auth_attempts() if each["result"] == "refused"]) == 1
    switch.faults.refuse_login = False
    switch.faults.cut_output_after_lines = 4
    raises(OutputTruncatedError)
    switch.faults.cut_output_after_lines = 0
    switch.faults.hang_at = "show running-config"
    raises(DeviceTimeoutError)
    switch.faults.hang_at = ""
    switch.faults.disk_full = True
    raises(SaveFailedError)
    switch.faults.disk_full = False
    switch.faults.drop_at = "commit$"
    raises(ConnectionLostError)
    switch.faults.drop_at = ""
    switch.power_off()
    raises(UnreachableError)


def test_abort_from_another_thread_ends_a_hanging_call(driver: Driver, switch: LabDevice) -> None:
    switch.faults.hang_at = "show clock"
    timer = threading.Timer(0.3, driver.abort)
    timer.start()
    started = time.monotonic()
    with pytest.raises(ConnectionLostError):
        driver.show("show clock")
    assert time.monotonic() - started < 4
    timer.join()


def test_an_aborted_session_sends_no_request_of_the_library_s_own_either(driver: Driver, switch: LabDevice) -> None:
    library = driver._napalm  # type: ignore[attr-defined]
    driver.abort()
    before = len(switch.commands())
    # as between the two requests of a commit: the library looks for a pending one first
    with pytest.raises(EapiConnectionError):
        library.device.run_commands(["show version"])
    assert len(switch.commands()) == before


def _napalm(switch: LabDevice) -> EOSDriver:
    return EOSDriver(
        switch.host, "lab", LAB_PASSWORD, optional_args={"transport": "http", "port": switch.port, "lock_disable": True}
    )
