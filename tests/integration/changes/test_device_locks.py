"""All device locks of a process stand on one database session, which lets nobody take a device twice."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from devices.services.device_locks import DEVICE_LOCK_CLASS, device_lock, kept_lock_session
from tests.database import as_superuser

pytestmark = pytest.mark.django_db(transaction=True)


def held_locks() -> list[tuple[int, int]]:
    """The device locks that are held by anybody: device and backend."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid::bigint, pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1",
            [DEVICE_LOCK_CLASS],
        )
        return [(int(device), int(pid)) for device, pid in cursor.fetchall()]


def end_backend(pid: int) -> None:
    """End a session of PostgreSQL as its operator would, and wait until it is gone."""
    with as_superuser() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def backends() -> set[int]:
    """The sessions of this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {pid for (pid,) in cursor.fetchall()}


def taken_elsewhere(device: int) -> bool:
    """Whether a session of somebody else gets the lock now."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [DEVICE_LOCK_CLASS, device])
            return bool(cursor.fetchone()[0])
    finally:
        other.close()


def test_the_session_is_used_again_and_holds_no_lock_in_between() -> None:
    with kept_lock_session():
        with device_lock(71) as locked:
            assert locked
            [(device, first)] = held_locks()
            assert device == 71
            assert not taken_elsewhere(71)
        assert held_locks() == []
        with device_lock(72):
            assert held_locks() == [(72, first)]
    assert held_locks() == []


def test_the_same_device_is_refused_to_another_block_and_stays_with_the_first() -> None:
    with device_lock(73) as outer:
        with device_lock(73) as inner:
            assert (outer, inner) == (True, False)
        assert [device for device, _pid in held_locks()] == [73]
    assert held_locks() == []


def test_threads_share_one_session_and_one_of_them_gets_a_device() -> None:
    together, seen = threading.Barrier(8), threading.Barrier(8)

    def work(number: int) -> tuple[bool, list[tuple[int, int]]]:
        try:
            together.wait(10)
            with device_lock(100 + number // 2) as locked:
                seen.wait(10)  # all eight have asked
                locks = held_locks()
                seen.wait(10)
            return locked, locks
        finally:
            connection.close()

    with kept_lock_session(), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    assert sum(locked for locked, _locks in answers) == 4
    assert {len(locks) for _locked, locks in answers} == {4}
    assert len({pid for _locked, locks in answers for _device, pid in locks}) == 1


def test_a_session_that_was_lost_while_it_was_idle_is_replaced() -> None:
    with kept_lock_session():
        with device_lock(74):
            [(_device, backend)] = held_locks()
        end_backend(backend)
        with device_lock(74) as locked:
            assert locked
            [(_device, other)] = held_locks()
            assert other != backend


def test_what_was_held_on_a_lost_session_stays_refused_within_the_process_and_frees_nobody_else_s_lock() -> None:
    with kept_lock_session(), device_lock(75):
        [(_device, backend)] = held_locks()
        end_backend(backend)
        with device_lock(76) as locked:
            assert locked, "the process has a new session"
            with device_lock(75) as again:
                assert not again, "the first block still works on it"
            assert [device for device, _pid in held_locks()] == [76]
        assert held_locks() == []
    with device_lock(75) as locked:
        assert locked


def test_a_session_that_breaks_in_the_last_block_is_no_error_of_the_block() -> None:
    with kept_lock_session():
        with device_lock(77):
            end_backend(held_locks()[0][1])
        with device_lock(77) as locked:
            assert locked


def test_the_session_is_closed_when_nobody_uses_it() -> None:
    with device_lock(78):
        [(_device, backend)] = held_locks()
    deadline = time.monotonic() + 10
    while backend in backends():
        assert time.monotonic() < deadline, "PostgreSQL still has the session"
        time.sleep(0.02)


def _child(device: int, answers: multiprocessing.SimpleQueue[bool]) -> None:
    with device_lock(device) as locked:
        answers.put(locked)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_that_is_forked_has_a_session_of_its_own() -> None:
    fork = multiprocessing.get_context("fork")
    with device_lock(79):
        answers = fork.SimpleQueue()
        for device in (79, 80):
            child = fork.Process(target=_child, args=(device, answers))
            child.start()
            child.join(20)
            assert child.exitcode == 0
        assert (answers.get(), answers.get()) == (False, True)
        assert [device for device, _pid in held_locks()] == [79], "the child's end has freed nothing of its parent's"
