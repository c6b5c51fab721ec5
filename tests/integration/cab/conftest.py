"""The fixed people and a device for the tests of the change advisory board's pages."""

import pytest

from devices.models import Device
from tests.factories import Cast, DeviceFactory


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    del db
    return Cast.create()


@pytest.fixture
def device(db: None) -> Device:
    """A device that can be a target."""
    del db
    return DeviceFactory.create()
