from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from devices.models import Device
from tests.factories import Cast, DeviceFactory

As = Callable[[User], Client]
Calls = Callable[[User], APIClient]


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    """Three of four access switches of the site; two of them are a pair."""
    DeviceFactory.create(name="fra-acc-09", criticality="normal", pinned=False)
    groups = ("fra-pair", "fra-pair", "")
    return [
        DeviceFactory.create(name=f"fra-acc-{number:02}", redundancy_group=group, criticality="high")
        for number, group in zip((1, 2, 3), groups, strict=True)
    ]


@pytest.fixture
def as_() -> As:
    """``as_(person)``: a browser that is signed in."""

    def client(person: User) -> Client:
        signed_in = Client()
        signed_in.force_login(person)
        return signed_in

    return client


@pytest.fixture
def calls() -> Calls:
    """``calls(person)``: a script that is signed in."""

    def client(person: User) -> APIClient:
        signed_in = APIClient()
        signed_in.force_login(person)
        return signed_in

    return client
