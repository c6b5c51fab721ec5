"""What each process of a cluster is given: a core of its own where wanted, and sessions that hold no rows for ever."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import Error, connection, connections, transaction
from django.db.backends.signals import connection_created

from portal.environment import BASE_DIR
from portal.supervision import sessions

PINNED = """
import sys, time
from pathlib import Path
from portal.supervision.pinning import pin_to_a_core
print(pin_to_a_core(Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Start a process that takes a core and keeps it, and read which one it says it has."""
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", PINNED, str(tmp_path)]
        started.append(subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout is not None
        return started[-1], started[-1].stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one core only")
def test_each_worker_process_has_a_core_of_its_own_and_gives_it_back(
    pinned: Callable[[], tuple[subprocess.Popen[str], str]],
) -> None:
    cores = len(os.sched_getaffinity(0))
    running = [pinned() for _ in range(cores)]
    assert len({core for _process, core in running}) == cores
    assert all(os.sched_getaffinity(process.pid) == {int(core)} for process, core in running)
    unpinned, said = pinned()
    assert (said, len(os.sched_getaffinity(unpinned.pid))) == ("None", cores), "one too many runs anywhere"
    first, core = running[0]
    first.kill()
    first.wait()
    assert pinned()[1] == core


@pytest.mark.django_db(transaction=True)
def test_a_session_that_stands_still_in_a_transaction_is_ended_and_its_rows_are_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As of a worker that was stopped between two statements: other workers must not wait for it."""
    monkeypatch.setattr(sessions, "IDLE_IN_TRANSACTION_S", 1)
    worker = connections.create_connection("default")
    sessions.bound_idle_transactions()
    try:
        with worker.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(4711)")
        began = time.monotonic()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(4711)")
        assert 0.5 < time.monotonic() - began < 10
        with pytest.raises(Error), worker.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection_created.disconnect(dispatch_uid="bound-idle-transactions")
        worker.close()


@pytest.mark.django_db
def test_the_server_notices_a_host_that_vanished_before_a_lease_ends() -> None:
    options = connection.settings_dict["OPTIONS"]["options"]
    for wanted in ("idle=5s", "interval=2s", "count=3"):
        assert f"tcp_keepalives_{wanted}" in options
    # 5 s + 3 looks of 2 s; and a lease is 15 s.
    assert "tcp_user_timeout=11s" in options
