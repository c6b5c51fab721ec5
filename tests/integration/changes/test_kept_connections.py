"""A worker's threads keep their database connections from one device to the next, and never a lock with them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from devices.services import claims
from devices.services.claims import DEVICE_LOCK_CLASS, device_lock, kept_lock_connections

pytestmark = pytest.mark.django_db(transaction=True)


def held_locks() -> list[tuple[int, int]]:
    """The device locks that are held by anybody: device and backend."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid::bigint, pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [DEVICE_LOCK_CLASS],
        )
        return [(int(device), int(pid)) for device, pid in cursor.fetchall()]


def test_the_connection_is_used_again_and_holds_no_lock_in_between() -> None:
    with kept_lock_connections():
        with device_lock(71) as locked:
            assert locked
            [(device, first)] = held_locks()
            assert device == 71
        assert held_locks() == []
        with device_lock(72):
            assert held_locks() == [(72, first)]
    assert held_locks() == []


def test_a_lock_inside_another_gets_a_connection_of_its_own_and_is_refused_for_the_same_device() -> None:
    with kept_lock_connections(), device_lock(73) as outer, device_lock(73) as inner:
        assert (outer, inner) == (True, False)
        assert len(held_locks()) == 1
    assert held_locks() == []


def test_a_connection_that_was_lost_while_it_was_idle_is_replaced() -> None:
    with kept_lock_connections():
        with device_lock(74):
            [(_device, backend)] = held_locks()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        with device_lock(74) as locked:
            assert locked
            [(_device, other)] = held_locks()
            assert other != backend


def test_a_connection_that_broke_in_the_body_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with kept_lock_connections():
        with device_lock(75):
            [(_device, backend)] = held_locks()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        assert claims._kept.idle == []


def test_outside_of_a_worker_s_thread_nothing_is_kept() -> None:
    made: list[Any] = []
    with device_lock(76):
        made += held_locks()
    assert made
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'idle'", [made[0][1]])
        assert held_locks() == []
