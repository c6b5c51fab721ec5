import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from portal.environment import BASE_DIR
from portal.models import WorkerBeat
from tests.integration.supervision import jobs
from tests.integration.supervision.conftest import Worker, is_running, rows_of, wait_for
from tests.migrated_home import database_copied_to

pytestmark = [pytest.mark.workers, pytest.mark.django_db(transaction=True)]

JOBS = "tests.integration.supervision.jobs"
StartWorker = Callable[..., Worker]
GOES_ON_S = 30
"""So long after whatever was killed, work goes on, on a busy machine too; `make bench BENCH=hang` has the seconds."""


def queue_is_empty() -> bool:
    return not OrmQ.objects.exists()


def test_jobs_run_once_and_a_failed_one_is_not_repeated_and_the_group_signs_off(
    worker: StartWorker, tmp_path: Path, process_environment: dict[str, str]
) -> None:
    notes = tmp_path / "notes"
    running = worker()
    for number in range(20):
        async_task(f"{JOBS}.note", str(notes), str(number))
    async_task(f"{JOBS}.fail", str(notes))
    wait_for(lambda: len(jobs.lines(notes)) == 21, "21 notes", log=running.log)
    wait_for(queue_is_empty, "an empty queue", log=running.log)
    assert sorted(jobs.lines(notes)) == sorted([*map(str, range(20)), "failed"])

    wait_for(
        lambda: WorkerBeat.objects.all().alive().filter(busy=0).count() == 1, "a beat", seconds=30, log=running.log
    )
    beat = WorkerBeat.objects.get()
    assert (beat.pid, beat.workers, beat.busy, beat.leads) == (running.process.pid, 2, 0, True)
    folder = Path(process_environment["COUNTERSIGN_HOME"]) / "run" / f"worker-{running.process.pid}"
    assert (folder / "polled").exists()
    assert running.stop() == 0
    assert not WorkerBeat.objects.exists()
    assert not folder.exists()


def test_what_is_no_task_or_was_forged_is_removed_and_not_run(worker: StartWorker, tmp_path: Path) -> None:
    notes, no_tasks = tmp_path / "notes", ["os.getpid", f"{JOBS}_other.note", "portal.models.WorkerBeat"]
    for name in no_tasks:
        async_task(name)
    async_task(f"{JOBS}.note", str(tmp_path / "hooked"), "x", hook="os.getpid")
    async_task(f"{JOBS}.note", str(notes), "forged")
    row = OrmQ.objects.latest("pk")
    row.payload = row.payload[:-4] + ("AAAA" if not row.payload.endswith("AAAA") else "BBBB")
    row.save()
    async_task(f"{JOBS}.note", str(notes), "genuine")
    running = worker()
    wait_for(lambda: bool(jobs.lines(notes)) and queue_is_empty(), "the genuine job", log=running.log)
    assert jobs.lines(notes) == ["genuine"]
    for name in no_tasks:
        assert f"names {name}, which is no task of this installation" in running.log.read_text()
    assert not (tmp_path / "hooked").exists()
    assert running.stop() == 0


def test_cluster_that_hangs_on_a_dead_workers_lock_is_replaced(worker: StartWorker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    running = worker()
    first = running.cluster()
    time.sleep(1)  # the workers have to reach the queue's lock
    killed_at = time.monotonic()
    for pid in running.idle_workers():
        os.kill(pid, signal.SIGKILL)  # one of the two held the lock
    async_task(f"{JOBS}.note", str(notes), "lost in the group")
    async_task(f"{JOBS}.note", str(notes), "second")
    async_task(f"{JOBS}.note", str(notes), "still in the table")
    wait_for(lambda: "hangs" in running.log.read_text(), "the complaint", seconds=40, log=running.log)
    wait_for(lambda: "still in the table" in jobs.lines(notes), "work", seconds=40, log=running.log)
    assert time.monotonic() - killed_at < GOES_ON_S
    assert running.cluster() != first
    assert not is_running(first)
    assert running.stop() == 0


def test_stopped_pusher_is_noticed(worker: StartWorker, tmp_path: Path) -> None:
    running = worker()
    first = running.cluster()
    async_task(f"{JOBS}.note", str(tmp_path / "notes"), "before")
    wait_for(lambda: jobs.lines(tmp_path / "notes") == ["before"], "the first job", log=running.log)
    os.kill(running.pusher(), signal.SIGSTOP)
    async_task(f"{JOBS}.note", str(tmp_path / "notes"), "after")
    wait_for(lambda: "after" in jobs.lines(tmp_path / "notes"), "the second job", seconds=40, log=running.log)
    assert running.cluster() != first
    assert running.stop() == 0


def test_what_a_busy_group_cannot_begin_is_left_to_other_hosts(worker: StartWorker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    running = worker(COUNTERSIGN_WORKERS="1")
    async_task(f"{JOBS}.note_around", str(notes), 6)
    wait_for(lambda: "begun" in jobs.lines(notes), "the long job", seconds=40, log=running.log)
    for number in range(3):
        async_task(f"{JOBS}.note", str(notes), str(number))
    time.sleep(1.5)
    left = get_broker().queue_size()
    assert "ended" not in jobs.lines(notes), "looked too late"
    assert left == 3, "tasks waited behind the long one, where no other host could take them"
    wait_for(lambda: len(jobs.lines(notes)) == 5, "all jobs", log=running.log)
    assert running.stop() == 0


def test_all_workers_busy_is_no_reason_to_kill_them(worker: StartWorker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    running = worker()
    for _ in range(2):
        async_task(f"{JOBS}.note_around", str(notes), 14)
    for _ in range(4):
        async_task(f"{JOBS}.note", str(notes), "waited")
    wait_for(lambda: jobs.lines(notes).count("waited") == 4, "all jobs", seconds=60, log=running.log)
    # The two long jobs need not have begun together, so one may still be at work when the short ones are done.
    wait_for(lambda: jobs.lines(notes).count("ended") == 2, "the long jobs", seconds=60, log=running.log)
    assert jobs.lines(notes).count("begun") == 2
    assert "hangs" not in running.log.read_text()
    assert running.stop() == 0


def test_killed_cluster_takes_its_processes_along_and_is_started_again(worker: StartWorker, tmp_path: Path) -> None:
    running = worker()
    first = running.cluster()
    family = running.family()
    killed_at = time.monotonic()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len([pid for pid in family if is_running(pid)]) <= 1, "the end of all but the dispatcher")
    # Not earlier: what an orphan had fetched in its last moment would be lost with it, until the next ring.
    async_task(f"{JOBS}.note", str(tmp_path / "notes"), "done")
    wait_for(lambda: jobs.lines(tmp_path / "notes") == ["done"], "the job", seconds=40, log=running.log)
    assert time.monotonic() - killed_at < GOES_ON_S
    assert running.cluster() != first
    assert running.stop() == 0


def test_work_goes_on_when_the_monitor_is_killed_and_then_the_sentinel(worker: StartWorker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    running = worker()
    first = running.cluster()
    time.sleep(0.5)  # the monitor has to reach the lock of the results' queue, which its successor then waits for
    os.kill(running.monitor(), signal.SIGKILL)
    killed_at = time.monotonic()
    async_task(f"{JOBS}.note", str(notes), "without a monitor")
    wait_for(lambda: jobs.lines(notes) == ["without a monitor"], "the first job", log=running.log)
    assert "hangs" not in running.log.read_text(), "the workers do not need the monitor"
    # It would be delivered again, and so would every later one: the group is replaced when it has nothing to do.
    wait_for(lambda: "still in the queue" in running.log.read_text(), "the complaint", seconds=20, log=running.log)
    OrmQ.objects.all().delete()
    async_task(f"{JOBS}.note", str(notes), "acknowledged")
    wait_for(queue_is_empty, "an acknowledgement", seconds=20, log=running.log)
    assert time.monotonic() - killed_at < GOES_ON_S
    assert jobs.lines(notes)[1:] == ["acknowledged"]

    second = running.cluster()
    assert second != first
    os.kill(running.sentinel(), signal.SIGKILL)
    killed_at = time.monotonic()
    async_task(f"{JOBS}.note", str(notes), "after the sentinel")
    wait_for(lambda: "after the sentinel" in jobs.lines(notes), "the second job", seconds=40, log=running.log)
    assert time.monotonic() - killed_at < GOES_ON_S
    assert running.cluster() != second
    assert running.stop() == 0


def test_killed_watchdog_leaves_nothing_behind(worker: StartWorker, tmp_path: Path) -> None:
    running = worker()
    running.cluster()
    async_task(f"{JOBS}.note_around", str(tmp_path / "notes"), 60)
    wait_for(lambda: jobs.lines(tmp_path / "notes") == ["begun"], "a busy worker", log=running.log)
    family = running.family()
    assert len(family) >= 6
    running.process.kill()
    running.process.wait(10)
    wait_for(lambda: not any(is_running(pid) for pid in family), "the end of all its processes", seconds=5)


def test_sigterm_drains(worker: StartWorker, tmp_path: Path) -> None:
    running = worker(drain_s=20)
    running.cluster()
    async_task(f"{JOBS}.note_around", str(tmp_path / "notes"), 3)
    wait_for(lambda: jobs.lines(tmp_path / "notes") == ["begun"], "a busy worker", log=running.log)
    family = running.family()
    assert running.stop() == 0
    assert jobs.lines(tmp_path / "notes") == ["begun", "ended"]
    assert queue_is_empty(), "the result was acknowledged before the end"
    assert not [pid for pid in family if is_running(pid)]


def test_draining_ends_after_its_time(worker: StartWorker, tmp_path: Path) -> None:
    running = worker(drain_s=1)
    running.cluster()
    async_task(f"{JOBS}.note_around", str(tmp_path / "notes"), 60)
    wait_for(lambda: jobs.lines(tmp_path / "notes") == ["begun"], "a busy worker", log=running.log)
    family = running.family()
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 10
    assert not [pid for pid in family if is_running(pid)]


def test_second_signal_ends_at_once(worker: StartWorker, tmp_path: Path) -> None:
    running = worker(drain_s=60)
    running.cluster()
    async_task(f"{JOBS}.note_around", str(tmp_path / "notes"), 60)
    wait_for(lambda: jobs.lines(tmp_path / "notes") == ["begun"], "a busy worker", log=running.log)
    running.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.stop(signal.SIGINT, seconds=10) == 0


def test_postgresql_may_be_killed_under_the_workers(tmp_path: Path) -> None:
    """Each job runs exactly once although the server dies while jobs run and while others wait."""
    home, notes = tmp_path / "home", tmp_path / "notes"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_TEST")},
        "COUNTERSIGN_HOME": str(tmp_path),
        "COUNTERSIGN_TEST_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    environment.pop("DATABASE_URL", None)
    tmp_path.chmod(0o711)

    def manage(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def enqueue(code: str) -> None:
        manage("shell", "-v0", "-c", f"from django_q.tasks import async_task as a\n{code}")

    database_copied_to(home)
    running = Worker({**environment, "COUNTERSIGN_WORKERS": "2"}, tmp_path / "log", drain_s=10)
    try:
        running.cluster()
        enqueue(f"[a('{JOBS}.note_around', {str(notes)!r}, 4) for _ in range(4)]")
        wait_for(lambda: jobs.lines(notes).count("begun") == 2, "two busy workers", log=running.log)
        os.kill(server_of(home), signal.SIGKILL)
        wait_for(lambda: jobs.lines(notes).count("ended") == 4, "all jobs", seconds=60, log=running.log)
        queued = "SELECT count(*) FROM django_q_ormq"
        wait_for(lambda: rows_of(home, queued) == [(0,)], "an empty queue", log=running.log)
        assert jobs.lines(notes).count("begun") == 4
        assert "hangs" not in running.log.read_text()
    finally:
        code = running.stop()
    assert code == 0


def server_of(home: Path) -> int:
    from portal.embedded_postgres import Layout, postmaster

    pid = postmaster.running_pid(Layout.of(home).data)
    assert pid is not None
    return pid
