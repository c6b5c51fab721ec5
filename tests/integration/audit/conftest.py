import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from audit.actor import Actor, Origin
from audit.recorder import record


@pytest.fixture
def trace() -> str:
    """A request id of this test's own: the log is never emptied, so events of other tests are in it too."""
    return uuid.uuid4().hex


@pytest.fixture
def olivia(trace: str) -> Actor:
    return Actor(user_id=7, username="olivia", origin=Origin.WEB, request_id=trace, ip="192.0.2.7")


@pytest.fixture
def say(olivia: Actor) -> Callable[..., int]:
    """``record()`` with something in every place that the test does not care about."""

    def say(**given: Any) -> int:  # noqa: ANN401 - record()'s own arguments
        event: dict[str, Any] = {
            "actor": olivia,
            "action": "change.approved",
            "object_type": "change",
            "object_id": 17,
            **given,
        }
        return record(**event)

    return say


@pytest.fixture
def fill(trace: str) -> Callable[..., None]:
    """Insert many events at once, in SQL: ``fill(1000)``; ``body_bytes`` says how long each body is at least."""

    def fill(count: int, *, body_bytes: int = 200) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO audit_event (actor_id, actor_name, origin, request_id, ip, action, object_type,
                    object_id, object_label, change_id, device_id, state_from, state_to, code, reason, body)
                SELECT 1 + n %% 90, 'person' || n %% 90, 'web', %s, '192.0.2.1', 'thing.done' || n %% 80, 'device',
                    n %% 1000, 'label', 1 + n %% 500, 1 + n %% 1000, '', '', 'CODE_' || n %% 70, 'reason',
                    '{"pad":"' || repeat('x', %s) || '","n":' || n || '}'
                FROM generate_series(1, %s) AS n
                """,
                [trace, body_bytes, count],
            )

    return fill
