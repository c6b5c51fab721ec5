"""The library's checks for IOS on simulated switches over SSH: each holds, and each fails when there is cause."""

from __future__ import annotations

import pytest

from changes.domain.check_judging import Before
from changes.domain.check_library import LIBRARY, Tried, library_checks
from changes.domain.checks import Check
from changes.services.checking import read_before, run_check, stored_before
from devices.drivers.base import Driver
from devices.drivers.registry import open_driver
from devices.services.scrubbing import Scrubber
from tests.integration.lab_fixtures import EndpointOf, LabFactory, small_device

pytestmark = pytest.mark.lab


def holds(driver: Driver, check: Check, before: dict[str, Before]) -> bool:
    return run_check(driver, check, Scrubber.load(), wait=False, before=before.get(check.name)).passed


def test_each_check_that_was_tried_here_holds_and_then_fails_for_its_reason(
    lab: LabFactory, endpoint_of: EndpointOf
) -> None:
    device = lab(small_device()).devices[0]
    checks = {entry.key: entry.check for entry in LIBRARY if entry.tried is Tried.IOS_LAB}
    with open_driver(endpoint_of(device)) as driver:
        stored, problems = read_before(driver, [check.to_json() for check in checks.values()], Scrubber.load())
        before = stored_before(stored)
        assert problems == []
        assert [key for key, check in checks.items() if not holds(driver, check, before)] == []

        device.faults.cpu_used = 93
        device.faults.memory_used = 99
        driver.apply(["no ntp server 198.51.100.1", "interface Vlan10", " shutdown"])
        assert [key for key, check in checks.items() if holds(driver, check, before)] == []


def test_a_check_that_compares_is_no_use_where_its_template_reads_nothing(
    lab: LabFactory, endpoint_of: EndpointOf
) -> None:
    device = lab(small_device()).devices[0]
    check = {**library_checks()["ios-interfaces-up"].check.to_json(), "command": "show clock"}
    with open_driver(endpoint_of(device)) as driver:
        stored, problems = read_before(driver, [check], Scrubber.load())
    assert stored == {}
    assert "found no row" in problems[0]
