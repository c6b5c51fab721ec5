"""`manage.py lab` as a process of its own, without a database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
import yaml

from devices.drivers.base import Credential, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import AuthenticationFailedError

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[3]


class LabProcess:
    """The running command, its home and its first line of output."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        # nothing listens there, so that any use of the database would fail
        environ = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "LAB_USERNAME": "tester"}
        environ.pop("LAB_PASSWORD", None)
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "lab", "--home", str(home), *options],
            cwd=ROOT,
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> str:
        return self._read(self.process.stdout)

    def complaint(self) -> str:
        return self._read(self.process.stderr)

    def _read(self, stream: IO[str] | None) -> str:
        assert stream is not None
        return stream.readline().strip()

    def endpoint(self, name: str) -> Endpoint:
        records = yaml.safe_load((self.home / "inventory.yaml").read_text())["devices"]
        (record,) = [each for each in records if each["name"] == name]
        credential = yaml.safe_load((self.home / "credentials.yaml").read_text())[record["credential"]]
        return Endpoint(
            name=name,
            host=record["address"],
            port=record["port"],
            platform=record["platform"],
            credential=Credential(credential["username"], credential["password"]),
            host_keys=tuple(record["host_keys"]),
            driver=record["driver"],
            connect_timeout_s=5,
            read_timeout_s=5,
        )

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


Start = Callable[..., LabProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[LabProcess] = []

    def run(*options: str) -> LabProcess:
        started.append(LabProcess(tmp_path / "lab", *options))
        return started[-1]

    yield run
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_its_inventory_and_ends_cleanly(start: Start, number: signal.Signals) -> None:
    lab = start("--devices", "3")
    assert lab.line().startswith("lab ready: 3 devices on 127.0.0.1, ports ")
    with open_driver(lab.endpoint("fra-acc-01")) as driver:
        facts = driver.facts()
    assert facts.hostname == "fra-acc-01"
    records = yaml.safe_load((lab.home / "inventory.yaml").read_text())["devices"]
    assert facts.serial == records[2]["serial"]
    assert records[0]["role"] == "distribution"
    assert (lab.home / "credentials.yaml").stat().st_mode & 0o777 == 0o600
    assert lab.endpoint("fra-acc-01").credential.username == "tester"
    assert lab.stop(number) == 0
    assert lab.complaint() == ""


def test_faults_are_read_again_when_the_file_changes(start: Start, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    lab = start("--devices", "1", "--faults", str(faults))
    assert lab.line().startswith("lab ready")
    with open_driver(lab.endpoint("fra-dist-01")):
        pass
    faults.write_text(
        json.dumps({"fra-dist-01": {"refuse_login": True, "edit_out_of_band": ["ntp server 203.0.113.1"]}})
    )
    assert lab.line() == "lab: fault switches applied"
    with pytest.raises(AuthenticationFailedError), open_driver(lab.endpoint("fra-dist-01")):
        pass
    faults.write_text('{"fra-dist-01": {"refuse": true}}')
    assert "fra-dist-01: unknown switch 'refuse'" in lab.complaint()
    with pytest.raises(AuthenticationFailedError), open_driver(lab.endpoint("fra-dist-01")):
        pass
    faults.unlink()
    assert lab.line() == "lab: fault switches applied"
    with open_driver(lab.endpoint("fra-dist-01")) as driver:
        assert "ntp server 203.0.113.1" in driver.running_config()
    assert lab.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--devices", "0"), "--devices must be between 1 and 2000"),
        (("--devices", "10", "--port", "65530"), "leave room for 10 ports"),
        (("--port", "1", "--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
    ],
)
def test_bad_options_are_answered_by_a_sentence(start: Start, options: tuple[str, ...], sentence: str) -> None:
    lab = start(*options)
    _, complaint = lab.process.communicate(timeout=30)
    assert lab.process.returncode == 1
    assert sentence in complaint
    assert "Traceback" not in complaint


def test_eos_switches_stand_beside_the_others_with_a_driver_that_speaks_eapi(start: Start) -> None:
    lab = start("--devices", "1", "--eos", "1")
    assert lab.line().startswith("lab ready: 2 devices")
    endpoint = lab.endpoint("fra-leaf-01")
    assert endpoint.driver == "napalm-eos"
    assert [key.partition(" ")[0] for key in endpoint.host_keys] == ["tls-certificate"]
    with open_driver(endpoint) as driver:
        assert driver.facts().hostname == "fra-leaf-01"
        running = driver.show("show running-config").splitlines()
    for line in ("redistribute connected route-map EXPORT", "banner motd", "no switchport", "address 10.21.0.1/32"):
        assert any(line in each for each in running), f"the switch does not know its own line: {line}"


def test_routers_and_spines_stand_beside_the_others(start: Start) -> None:
    lab = start("--devices", "0", "--core", "1")
    assert lab.line().startswith("lab ready: 3 devices")
    for name, platform in (
        ("fra-core-01", "cisco_xr"),
        ("fra-edge-01", "juniper_junos"),
        ("fra-spine-01", "cisco_nxos"),
    ):
        with open_driver(lab.endpoint(name)) as driver:
            facts = driver.facts()
            assert (facts.hostname, facts.os) == (name, platform)
            config = driver.running_config()
            if driver.capabilities.config_replace:
                # the device takes its own configuration back, so it knows every line of it
                driver.replace(config)
                assert driver.compare(()).diff == ""
