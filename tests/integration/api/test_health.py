from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from audit.actor import Actor
from audit.recorder import ObjectType, record
from portal.models import WorkerBeat
from tests.database import as_owner


def beat(**values: object) -> None:
    given = {"host": "here", "pid": 1, "workers": 2, "busy": 0, "polled_s": 0.2, "leads": True, **values}
    WorkerBeat.objects.beat(**given)  # type: ignore[arg-type]  # a test's shorthand


def test_ready_means_that_the_database_answers_and_a_worker_beats(client: Client, db: None) -> None:
    beat()
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "parts": {part: {"ready": True, "detail": "ok"} for part in ("database", "workers", "sealer")},
    }
    assert "no-store" in response["Cache-Control"]


def test_without_a_worker_it_is_not_ready_and_says_so(client: Client, db: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    body = response.json()
    assert (body["ready"], body["parts"]["database"]["ready"], body["parts"]["workers"]["ready"]) == (
        False,
        True,
        False,
    )
    assert "10 s" in body["parts"]["workers"]["detail"]


@pytest.mark.parametrize("polled_s", [0.2, 60.0])
def test_an_old_beat_or_a_hanging_cluster_is_no_worker(client: Client, db: None, polled_s: float) -> None:
    beat(polled_s=polled_s)
    if polled_s < 10:
        WorkerBeat.objects.update(beat_at=Now() - timedelta(seconds=11))
    assert client.get("/readyz").status_code == 503
    beat(pid=2)
    assert client.get("/readyz").status_code == 200


def test_a_database_that_is_away_is_named_and_nothing_else_is(client: Client, transactional_db: None) -> None:
    usual = connection.settings_dict["HOST"], connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["HOST"], connection.settings_dict["PORT"] = "127.0.0.1", "1"
    try:
        response = client.get("/readyz")
    finally:
        connection.settings_dict["HOST"], connection.settings_dict["PORT"] = usual
        connection.close()
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["database"] == {"ready": False, "detail": "The database does not answer."}
    assert parts["workers"]["ready"] is parts["sealer"]["ready"] is False
    assert "127.0.0.1" not in response.content.decode()


def test_an_event_that_waits_for_long_is_told(client: Client, db: None) -> None:
    beat()
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_row_stays")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_only_grows")
        record(actor=Actor.system("test"), action="thing.done", object_type=ObjectType.PRODUCT, object_id=1)
        assert client.get("/readyz").status_code == 200
        cursor.execute("UPDATE audit_event SET at = at - '16 seconds'::interval")
    response = client.get("/readyz")
    assert response.status_code == 503
    detail = response.json()["parts"]["sealer"]["detail"]
    assert "waiting for up to 16 s to be sealed (1 of them)" in detail


def test_only_reading_is_served(client: Client, db: None) -> None:
    assert client.post("/readyz").status_code == 405


def test_alive_needs_no_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"
