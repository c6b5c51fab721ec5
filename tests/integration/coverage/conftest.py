"""A walk through the product with every write noted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.factories import Cast, joins
from tests.integration.coverage.noting import Notes, noting
from tests.integration.coverage.walking import Walk
from tests.integration.inventory.conftest import netbox

__all__ = ["netbox"]


@pytest.fixture
def notes(transactional_db: None) -> Iterator[Notes]:
    """Every write is noted while the test runs."""
    cache.clear()
    with noting() as kept:
        yield kept


@pytest.fixture(params=["page", "api"])
def walk(request: pytest.FixtureRequest, notes: Notes) -> Iterator[Walk]:
    """The same way once by pages and once by the API; at its end it tells everything that it missed."""
    found = Walk(Cast.create(), notes, request.param)
    yield found
    assert not found.problems, "\n".join(found.problems)


@pytest.fixture
def admin_walk(walk: Walk) -> Walk:
    """The walk with an administrator among the cast, as ``walk.cast.superuser``."""
    joins(walk.cast.superuser, "administrator")
    return walk
