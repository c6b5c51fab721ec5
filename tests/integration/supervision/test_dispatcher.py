import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from portal.models import WorkerBeat
from portal.supervision.dispatcher import LEADER_LOCK, Dispatcher, Leadership
from tests.database import as_superuser
from tests.integration.supervision.conftest import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


class Rounds:
    """Counts what one dispatcher does, with a statement of its own on the connection that it uses."""

    def __init__(self) -> None:
        self.backends: list[int] = []
        self.fail = False

    def __call__(self) -> None:
        if self.fail:
            raise RuntimeError("one bad change")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self.backends.append(cursor.fetchone()[0])

    @property
    def count(self) -> int:
        return len(self.backends)


@contextmanager
def dispatching(rounds: Rounds) -> Iterator[threading.Event]:
    ending = threading.Event()

    def work() -> None:
        try:
            Dispatcher(rounds, interval_s=0.05).run(ending)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ending
    finally:
        ending.set()
        thread.join(10)
        assert not thread.is_alive()


def terminate(backend: int) -> None:
    with as_superuser() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])


def test_one_of_two_leads_and_the_other_takes_over_when_it_ends() -> None:
    first, second = Rounds(), Rounds()
    with dispatching(first) as first_ending:
        wait_for(lambda: first.count > 2, "rounds of the first")
        with dispatching(second):
            time.sleep(0.5)
            assert second.count == 0
            first_ending.set()
            wait_for(lambda: second.count > 2, "rounds of the second")
            stopped_at = first.count
            time.sleep(0.3)
            assert first.count == stopped_at


def test_lost_connection_loses_the_lead_and_is_replaced() -> None:
    first, second = Rounds(), Rounds()
    with dispatching(first):
        wait_for(lambda: first.count > 0, "rounds of the first")
        with dispatching(second):
            terminate(first.backends[-1])
            wait_for(lambda: second.count > 2 or first.count > 20, "rounds after the loss")
            leader = second if second.count else first
            wait_for(lambda: leader.count > 5, "more rounds")
            assert leader.backends[-1] != first.backends[0], "a new session holds the lock"


def test_alone_it_goes_on_after_its_connection_was_lost() -> None:
    rounds = Rounds()
    with dispatching(rounds):
        wait_for(lambda: rounds.count > 0, "a round")
        lost = rounds.backends[-1]
        terminate(lost)
        wait_for(lambda: rounds.backends[-1] != lost, "a round on a new connection")


def test_failed_round_does_not_end_it() -> None:
    rounds = Rounds()
    rounds.fail = True
    with dispatching(rounds):
        time.sleep(0.3)
        rounds.fail = False
        wait_for(lambda: rounds.count > 1, "rounds after the failure")


def test_lead_is_taken_once_however_often_it_is_asked_for() -> None:
    leadership = Leadership()
    assert [leadership.is_ours() for _ in range(3)] == [True, True, True]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone()[0] == 1
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LEADER_LOCK])
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LEADER_LOCK])
        assert cursor.fetchone()[0] is False, "it was not locked twice"


@pytest.mark.parametrize(
    ("age_s", "polled_s", "busy", "alive"),
    [
        (0, 0.2, 0, True),
        (9, 0.2, 0, True),
        (11, 0.2, 0, False),
        (0, 30, 0, False),
        (0, 30, 2, True),
        (0, None, 0, False),
    ],
)
def test_group_is_alive_when_it_beat_lately_and_looks_for_work_or_is_fully_at_work(
    age_s: int, polled_s: float | None, busy: int, alive: bool
) -> None:
    WorkerBeat.objects.beat(host="h", pid=1, workers=2, busy=busy, polled_s=polled_s, leads=False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE portal_workerbeat SET beat_at = beat_at - make_interval(secs => %s)", [age_s])
    assert WorkerBeat.objects.all().alive().exists() is alive


def test_beats_of_one_group_are_one_row_and_old_rows_go() -> None:
    for busy in (0, 2):
        WorkerBeat.objects.beat(host="h", pid=1, workers=2, busy=busy, polled_s=0.1, leads=True)
    beat = WorkerBeat.objects.get()
    assert (beat.busy, beat.leads) == (2, True)
    assert beat.started_at < beat.beat_at
    with connection.cursor() as cursor:
        cursor.execute("UPDATE portal_workerbeat SET beat_at = beat_at - interval '25 hours'")
    WorkerBeat.objects.all().forget_old()
    assert not WorkerBeat.objects.exists()
