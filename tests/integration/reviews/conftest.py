"""The cast, two devices, and changes whose runs have ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from changes.models import ChangeRequest
from devices.models import Device
from tests.factories import Cast, DeviceFactory, carried_out, started

TEXTS = {
    "what_happened": "Both switches refused the line.",
    "impact": "None: the clock was right before.",
    "cause": "The servers are named otherwise on this platform.",
    "went_well": "The backout held on both.",
    "lessons": "Try a template on one switch of each kind first.",
    "outcome": "safe_abort",
}


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2)]


@pytest.fixture
def rolled_back(cast: Cast, devices: list[Device]) -> ChangeRequest:
    """A change in review of which no device took anything."""
    return carried_out(started(cast, devices), rejected=devices).change


@pytest.fixture
def succeeded(cast: Cast, devices: list[Device]) -> ChangeRequest:
    """A change in review that every device took."""
    return carried_out(started(cast, devices)).change


@pytest.fixture
def as_() -> Callable[[User], Client]:
    """``as_(person)``: a browser that is signed in."""

    def client(person: User) -> Client:
        signed_in = Client()
        signed_in.force_login(person)
        return signed_in

    return client
