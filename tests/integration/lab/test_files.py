"""The faults file and the credentials file."""

from pathlib import Path

import pytest

from devices.lab import Lab, LabError
from devices.lab.files import FaultsFile, credentials
from tests.integration.lab_fixtures import LabFactory, small_device

pytestmark = pytest.mark.lab


@pytest.fixture
def running(lab: LabFactory) -> Lab:
    return lab(small_device("one"), small_device("two"))


def test_switches_come_and_go_with_the_file(running: Lab, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    watched = FaultsFile(running, path)
    assert not watched.poll()
    path.write_text("one: {hang_at: 'show clock', latency_s: 0.5}\n")
    assert watched.poll()
    assert not watched.poll()
    assert running.device("one").faults.hang_at == "show clock"
    assert running.device("two").faults.hang_at == ""
    path.write_text("two: {refuse_login: true}\n")
    assert watched.poll()
    assert running.device("one").faults.hang_at == ""
    assert running.device("two").faults.refuse_login
    path.write_text("")
    assert watched.poll()
    assert not running.device("two").faults.refuse_login


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("one: [", "neither JSON nor YAML"),
        ("- one", "must map device names to switches"),
        ("one: 7", "must map device names to switches"),
        ("three: {hang: true}", "no device 'three'"),
        ("one: {hang: maybe}", "one: switch hang cannot be 'maybe'"),
        ("one: {edit_out_of_band: ntp}", "must be a list"),
    ],
)
def test_a_bad_file_changes_nothing(running: Lab, tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("one: {hang: true}\n")
    watched = FaultsFile(running, path)
    watched.poll()
    path.write_text(f"{text}\n# longer than before\n")
    with pytest.raises(LabError, match=sentence):
        watched.poll()
    assert running.device("one").faults.hang
    assert not watched.poll()


def test_actions_happen_once(running: Lab, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("one: {edit_out_of_band: [vlan 77], reboot: first}\n")
    watched = FaultsFile(running, path)
    watched.poll()
    boots = [entry for entry in running.device("one").log() if entry.get("event") == "boot"]
    assert len(boots) == 1
    running.device("one").edit_out_of_band(["vlan 78"])
    path.write_text("one: {edit_out_of_band: [vlan 77], reboot: first, hang: true}\n")
    watched.poll()
    assert "vlan 78\n" in running.device("one").running_config()
    assert "vlan 77\n" not in running.device("one").running_config()
    path.write_text("one: {reboot: second}\n")
    watched.poll()
    boots = [entry for entry in running.device("one").log() if entry.get("event") == "boot"]
    assert len(boots) == 2


def test_credentials_are_made_once_and_the_environment_wins(tmp_path: Path) -> None:
    first = credentials(tmp_path, {})
    assert first[0] == "lab"
    assert len(first[1]) >= 20
    assert credentials(tmp_path, {}) == first
    path = tmp_path / "credentials.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert credentials(tmp_path, {"LAB_USERNAME": "ops", "LAB_PASSWORD": "given"}) == ("ops", "given")
    assert credentials(tmp_path, {}) == ("ops", "given")
    path.write_text("other: {}\n")
    with pytest.raises(LabError, match="holds no credential"):
        credentials(tmp_path, {})
