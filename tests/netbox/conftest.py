"""A NetBox that really runs; `make test-netbox` starts it (tests/netbox/netbox_lab.sh)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from portal.environment import BASE_DIR
from tests.netbox.seeding import Network, connect, seed

DEVICES = 120


@pytest.fixture(scope="session")
def lab() -> tuple[str, str]:
    """The address and an administrator's token."""
    folder = Path(os.environ.get("NETBOX_LAB") or BASE_DIR / "var" / "netbox")
    port = os.environ.get("NETBOX_LAB_PORT", "8901")
    token = folder / "root" / "token"
    if not token.exists():
        pytest.skip("No NetBox is installed here: run `make test-netbox`.")
    return f"http://127.0.0.1:{port}", token.read_text().strip()


@pytest.fixture(scope="session")
def network(lab: tuple[str, str]) -> Network:
    """A hundred devices, broken ones among them."""
    return seed(connect(*lab), DEVICES)


@pytest.fixture
def source(lab: tuple[str, str], settings: Settings, db: None) -> None:
    """The settings name this NetBox and only the devices of the seed."""
    settings.NETBOX_URL, settings.NETBOX_TOKEN = lab
    settings.NETBOX_FILTER = {"tag": ["countersign-test"]}
    settings.NETBOX_CREDENTIAL = "lab"
