"""People, and runs as a person meets them who gives orders; the worker's side is played with its own journal."""

from __future__ import annotations

import uuid

import pytest

from changes.models import DeviceRun, Run
from changes.services.journal import Journal
from devices.services.claims import claim_next
from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


def started(cast: Cast, devices: int, **strategy: object) -> Run:
    return factories.started(cast, factories.DeviceFactory.create_batch(devices), strategy=strategy)


def taken(row: DeviceRun) -> Journal:
    """A worker's journal for a device run that it has just claimed."""
    claim = claim_next(DeviceRun.objects.filter(pk=row.pk), owner=uuid.uuid4())
    assert claim
    return Journal(claim)


def again(run: Run) -> Run:
    return Run.objects.select_related("change").get(pk=run.pk)


def states_of(run: Run) -> list[str]:
    return list(run.device_runs.order_by("pk").values_list("state", flat=True))
