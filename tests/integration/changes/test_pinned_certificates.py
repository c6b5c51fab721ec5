"""A change on a switch that proves itself by a pinned certificate, through the services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.models import DevicePlan
from devices.drivers.base import DeviceFacts
from devices.drivers.napalm_eos import NapalmEosDriver
from devices.lab import Lab
from devices.models import AlertState, HostKey, HostKeyAlert
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.test_candidates import EDGE
from tests.integration.lab_fixtures import eos_device

pytestmark = pytest.mark.lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    spec = eos_device("eos1", role="edge", site="FRA", minute_s=6.0, driver="napalm-eos", tls=True)
    with Lab(tmp_path / "lab", [spec]) as running:
        yield running


def test_a_certificate_that_changes_within_a_session_blocks_the_run_and_raises_one_alert(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = office.approved(**EDGE)
    payload = DevicePlan.objects.get(revision__change=change).content
    pinned = HostKey.objects.get(device__name="eos1")
    assert (payload.driver, payload.device.host_key_sha256) == ("napalm-eos", (pinned.fingerprint,))
    switch = office.lab.device("eos1")
    before, read = switch.running_config(), NapalmEosDriver.facts

    def facts_then_another_switch(driver: NapalmEosDriver) -> DeviceFacts:
        facts = read(driver)
        switch.faults.wrong_host_key = True
        return facts

    monkeypatch.setattr(NapalmEosDriver, "facts", facts_then_another_switch)
    run = office.executed(change)

    assert ends(run) == {"eos1": ("blocked", "IDENTITY_HOST_KEY_MISMATCH")}, story(run)
    alert = HostKeyAlert.objects.get(device__name="eos1")
    assert (alert.key_type, alert.times_seen, alert.state) == ("tls-certificate", 1, AlertState.OPEN)
    assert alert.fingerprint != pinned.fingerprint
    assert switch.running_config() == before
