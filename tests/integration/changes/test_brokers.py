"""The queue is a doorbell, in PostgreSQL and in Redis: emptied in mid-run, or rung too often, it loses nothing."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from redis import Redis, RedisError

from changes.models import DeviceRun, RunStep
from changes.services.queueing import ring_runners
from portal.supervision.redis_broker import client_of
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.supervision.conftest import Worker, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.workers]

LINES = [f"logging host 10.9.0.{number}" for number in range(1, 7)]
CONTENT = "\n".join(LINES) + "\n"


class QueueInPostgres:
    """The default. Its rows wait for up to a fifth of a second, so most of them are lost when they are deleted."""

    setting = "orm"

    def lose(self, log: Path, *, for_s: float) -> int:
        """Delete every task, again and again; returns how many were lost."""
        del log
        lost, deadline = 0, time.monotonic() + for_s
        while time.monotonic() < deadline:
            lost += OrmQ.objects.all().delete()[0]
            time.sleep(0.02)
        return lost


class QueueInRedis:
    """A Redis of the test's own, with a password, that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        password = secrets.token_urlsafe(12)
        self.setting = f"redis://:{password}@127.0.0.1:{port}/1"
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--requirepass", password]
        command += ["--save", "", "--appendonly", "no", "--dir", str(folder), "--logfile", str(folder / "redis.log")]
        self._command = command
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)
        wait_for(lambda: _answers(self.setting), "Redis")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def lose(self, log: Path, *, for_s: float) -> int:
        """Empty it, then kill it for so long: workers wait for each task, so what is lost is lost on its way in."""
        with Redis.from_url(self.setting) as client:
            client.flushall()
        self.kill()
        time.sleep(for_s)
        self.start()
        return log.read_text().count("The queue cannot be reached")


def _answers(url: str) -> bool:
    with Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


Queue = QueueInPostgres | QueueInRedis


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[QueueInRedis]:
    """A server, which this process rings at, too."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine: the queue in Redis is not tested")
    running = QueueInRedis(tmp_path)
    monkeypatch.setattr(django_settings, "COUNTERSIGN_BROKER_SECRET_URL", running.setting)
    monkeypatch.setattr(Conf, "BROKER_CLASS", "portal.supervision.redis_broker.RedisDoorbellBroker")
    yield running
    client_of(running.setting).close()
    client_of.cache_clear()
    running.kill()


@pytest.fixture(params=["orm", "redis"])
def queue(request: pytest.FixtureRequest) -> Queue:
    if request.param == "orm":
        return QueueInPostgres()
    running: QueueInRedis = request.getfixturevalue("redis")
    return running


@pytest.fixture
def worker(office: Office, queue: Queue, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Worker]:
    del office
    environment = {
        **process_environment,
        "DEVICE_CREDENTIALS": django_settings.DEVICE_CREDENTIALS,
        "COUNTERSIGN_BROKER": queue.setting,
        "COUNTERSIGN_WORKERS": "2",
        # A runner hands over to a fresh task every second, so that a lost task is missed.
        "COUNTERSIGN_TEST_DEADLINE_S": "1",
        "COUNTERSIGN_TEST_RING_AGAIN_S": "1",
    }
    running = Worker(environment, tmp_path / "worker.log", drain_s=10)
    running.cluster()
    yield running
    running.stop(seconds=60)


def test_a_queue_that_is_emptied_and_rung_too_often_in_the_middle_loses_and_doubles_nothing(
    office: Office, queue: Queue, worker: Worker
) -> None:
    change = office.approved(content=CONTENT, strategy={"max_parallel": 1})
    for device in office.lab.devices:
        device.faults.latency_s = 0.06
    run = office.started(change)
    rows = DeviceRun.objects.filter(run=run)
    wait_for(lambda: rows.filter(lines_sent__gt=0).exists(), "a line", log=worker.log)
    lost = queue.lose(worker.log, for_s=2.5)
    assert rows.filter(ended_at=None).exists(), "the queue was lost in the middle"
    for _ in range(20):
        ring_runners(run.pk)

    wait_for(lambda: not rows.filter(ended_at=None).exists(), "the end of the run", seconds=40, log=worker.log)
    assert lost, "at least one of the tasks by which runners hand over"
    assert set(ends(run).values()) == {("succeeded", "")}, story(run)
    for device in office.lab.devices:
        assert [line for line in device.config_lines() if line in LINES] == LINES, "each line once, in order"
    # Each device was claimed once and worked on once, however often the bell was rung.
    assert set(rows.values_list("fence", flat=True)) == {1}
    assert not RunStep.objects.filter(device_run__run=run).exclude(outcome="ok").exists(), story(run)
    wait_for(lambda: get_broker().queue_size() == 0, "an empty queue", log=worker.log)
    wait_for(lambda: _is_in_review(change.pk), "the review", log=worker.log)


def _is_in_review(change_id: int) -> bool:
    from changes.models import ChangeRequest

    return ChangeRequest.objects.filter(pk=change_id, state="review").exists()


def test_what_redis_holds_is_run_only_if_it_is_a_signed_task_of_ours(redis: QueueInRedis) -> None:
    broker = get_broker()
    async_task("os.getpid")
    with Redis.from_url(redis.setting) as client:
        (waiting,) = client.keys()
        client.rpush(waiting, "forged", b"\xff")
    async_task("changes.tasks.execute_run", 1)
    assert broker.queue_size() == 4
    assert [broker.dequeue() for _ in range(3)] == [[], [], []]
    [(_task_id, payload)] = broker.dequeue()
    assert SignedPackage.loads(payload)["func"] == "changes.tasks.execute_run"


def test_without_redis_ringing_is_no_error_and_nothing_seems_to_wait(redis: QueueInRedis) -> None:
    redis.kill()
    broker = get_broker()
    async_task("changes.tasks.execute_run", 1)
    assert (broker.queue_size(), broker.dequeue(), broker.ping()) == (0, [], False)
    redis.start()
    async_task("changes.tasks.execute_run", 1)
    assert broker.queue_size() == 1, "the same broker finds Redis again"
