"""The API as its users meet it: signed-in clients, the cast, and what the database held before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Max
from rest_framework.test import APIClient

from audit.models import Event
from changes.models import Approval, ChangeRequest, DevicePlan, DeviceRun, PlanOpening, PlanRevision, Run
from devices.models import ConfigSnapshot, Device
from portal.models import ApiToken
from tests.factories import Cast, DeviceFactory

COUNTED = (
    Approval, ApiToken, ChangeRequest, ConfigSnapshot, Device, DevicePlan, DeviceRun, PlanOpening, PlanRevision, Run,
)  # fmt: skip

As = Callable[[User], APIClient]


class Answer(Protocol):
    """What the test client's responses have, whatever class made them."""

    status_code: int
    content: bytes

    def json(self) -> Any: ...  # noqa: ANN401 - any JSON value

    def __getitem__(self, header: str, /) -> str: ...


@pytest.fixture(autouse=True)
def _fresh_throttles() -> None:
    cache.clear()


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2, 3)]


@pytest.fixture
def as_() -> As:
    """``as_(person)``: a client with that person's session."""

    def client(person: User) -> APIClient:
        signed_in = APIClient()
        signed_in.force_login(person)
        return signed_in

    return client


@contextmanager
def nothing_changes(*, refusals: int = 0) -> Iterator[None]:
    """The block leaves every row as it was; it may leave ``refusals`` events, each of an attempt that was refused."""
    before = _everything()
    last = Event.objects.aggregate(last=Max("id"))["last"] or 0
    yield
    assert _everything() == before
    # Signing in, well or not, is no part of what is attempted; calls refused before any service are counted elsewhere.
    events = Event.objects.filter(id__gt=last).exclude(action__startswith="user.sign")
    events = events.exclude(action__startswith="access.")
    actions = list(events.values_list("action", flat=True))
    assert len(actions) == refusals, actions
    assert all(action.endswith("_refused") for action in actions), actions


def _everything() -> dict[str, list[tuple[object, ...]]]:
    return {model.__name__: sorted(model._default_manager.values_list(), key=repr) for model in COUNTED}


def refused(response: Answer, status: int, code: str, *, field: str = "", says: str = "") -> None:
    """The answer is a refusal in the API's one shape; ``says`` stands in its sentence."""
    assert response.status_code == status, response.content
    body = response.json()
    assert {"code", "detail", "fields"} <= set(body)
    assert body["code"] == code, body
    assert says.casefold() in body["detail"].casefold(), body
    assert "Traceback" not in response.content.decode()
    assert response["Content-Type"] == "application/json"
    assert response["X-Request-ID"]
    if field:
        assert body["fields"][field], body
