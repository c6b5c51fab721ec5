"""The cast, and two devices at two sites."""

from __future__ import annotations

import pytest

from devices.models import Device
from tests.factories import Cast, DeviceFactory


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name="fra-acc-01"), DeviceFactory.create(name="ber-acc-01", site="BER")]
