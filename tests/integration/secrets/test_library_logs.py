"""What the libraries under the drivers log, down to DEBUG: no password, and nothing that a device shows as a secret."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from devices.credentials.seen import forget, remember
from devices.domain.secret_values import spellings
from devices.drivers.base import Credential
from devices.drivers.registry import open_driver
from devices.errors import DeviceError
from devices.lab import LabDeviceSpec
from devices.lab.core_site import core_specs
from portal.log_filter import SecretFilter
from tests.integration.lab_fixtures import (
    LAB_PASSWORD,
    SMALL_CONFIG,
    EndpointOf,
    LabFactory,
    eos_device,
    small_device,
)

pytestmark = pytest.mark.lab

SHOWN = "sh0wnByTheDevice"
COMMUNITY = f"snmp-server community {SHOWN} RO"
JUNOS = next(spec for spec in core_specs(1) if spec.platform == "juniper_junos")
SWITCH = SMALL_CONFIG.format(name="sw1") + "ip scp server enable\n"
KINDS: dict[str, tuple[LabDeviceSpec, str]] = {
    "eos": (eos_device(driver="napalm-eos", tls=True), COMMUNITY.replace("RO", "ro")),
    "ios": (small_device(startup=SWITCH, driver="napalm-ios"), COMMUNITY),
    "junos": (JUNOS, f"set snmp community {SHOWN} authorization read-only"),
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All of it; but the device's side runs in this process too, and its talk is no concern of ours."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(SecretFilter())
    names = ["", *(name for name in logging.Logger.manager.loggerDict if not name.startswith(("asyncssh", "asyncio")))]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    remember(LAB_PASSWORD)
    yield written
    forget()
    logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("kind", KINDS)
def test_no_library_logs_a_secret(kind: str, lab: LabFactory, endpoint_of: EndpointOf, log: io.StringIO) -> None:
    spec, line = KINDS[kind]
    endpoint = endpoint_of(lab(spec).devices[0])
    with open_driver(endpoint) as driver:
        assert driver.apply([line]).rejection is None
        config = driver.running_config()
        assert SHOWN in config
        driver.replace(config)
    wrong = replace(endpoint, credential=Credential("lab", f"{LAB_PASSWORD}x"))
    with pytest.raises(DeviceError), open_driver(wrong):
        pytest.fail("signed in")
    written = log.getvalue()
    assert len(written) > 1000, "they said something"
    for secret in (LAB_PASSWORD, SHOWN):
        found = [written[max(0, at - 80) : at + 40] for each in spellings(secret) if (at := written.find(each)) >= 0]
        assert not found
