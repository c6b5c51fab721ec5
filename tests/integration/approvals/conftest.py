from __future__ import annotations

import pytest

from devices.models import Device
from tests.factories import Cast, DeviceFactory


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2)]
