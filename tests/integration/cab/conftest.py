"""The fixed people and a device for the tests of the change advisory board's pages."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction

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


def committed(act: Callable[[], object]) -> None:
    """Do it, and check at once what the database would check at the commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        act()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
