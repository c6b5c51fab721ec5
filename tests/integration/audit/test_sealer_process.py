"""The sealer as a process of its own, on a server of its own: killed, doubled, cut off, and beside many writers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit.actor import Actor
from audit.database_roles import APPLICATION, READER, SEALER
from audit.merkle import leaf_hash, root
from audit.recorder import INSERT_SELECT, event_values
from audit.sealing.key_management import KeyFiles, key_retire, key_rotate
from audit.sealing.keys import SealingKey
from audit.tiles import extended_tiles
from portal.embedded_postgres import Layout, postmaster
from portal.environment import BASE_DIR

pytestmark = [pytest.mark.workers, pytest.mark.timeout(150)]

SETTINGS = "tests.integration.audit.log_settings"
EVENT = event_values(actor=Actor.system("writer"), action="thing.done", object_type="product", object_id="1")


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Installation:
    """A data folder with a server and the audit log's tables alone."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.layout = Layout.of(home)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_TEST")}
        kept.pop("DATABASE_URL", None)
        self.environment = {**kept, "COUNTERSIGN_HOME": str(home), "DJANGO_SETTINGS_MODULE": SETTINGS}
        self.started: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        with (self.home / "output").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *command], env={**self.environment, **variables}, stdout=output, stderr=output,
                cwd=BASE_DIR,
            )  # fmt: skip
        self.started.append(process)
        return process

    def sealer(self) -> subprocess.Popen[bytes]:
        return self.start(str(BASE_DIR / "manage.py"), "audit_sealer")

    def connect(self, role: str, **options: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - psycopg's own
        return psycopg.connect(host=str(self.layout.socket_directory), dbname="countersign", user=role, **options)

    def write(self, count: int) -> None:
        with self.connect(APPLICATION) as connection:
            for _ in range(count):
                connection.execute(INSERT_SELECT, EVENT)

    def one(self, query: str) -> Any:  # noqa: ANN401 - a value
        with self.connect(READER, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
            return row[0] if row else None

    def waiting(self) -> int:
        return int(self.one("SELECT count(*) FROM audit_pending"))

    def wait_until_sealed(self) -> None:
        wait_until(lambda: self.waiting() == 0, f"the sealer; it said {(self.home / 'output').read_text()}")

    def assert_whole(self) -> None:
        """Every event once, no gaps, and tiles and all checkpoints of exactly these leaves."""
        with self.connect(READER) as connection:
            events = {row[0] for row in connection.execute("SELECT id FROM audit_event")}
            rows = connection.execute(
                "SELECT leaf_index, event_id, leaf_hash, audit_event_line(e.id, e.at, e.txid, e.db_user, e.body)"
                " FROM audit_leaf JOIN audit_event e ON e.id = event_id ORDER BY leaf_index"
            ).fetchall()
            assert [row[0] for row in rows] == list(range(len(events)))
            assert {row[1] for row in rows} == events
            assert len(rows) == len(events)
            leaves = [leaf_hash(row[3].encode()) for row in rows]
            assert leaves == [bytes(row[2]) for row in rows]
            for size, head in connection.execute("SELECT tree_size, root FROM audit_checkpoint").fetchall():
                assert bytes(head) == root(leaves[:size])
            tiles = {(row[0], row[1]): bytes(row[2]) for row in connection.execute("SELECT * FROM audit_tile")}
            assert tiles == extended_tiles(0, leaves, lambda _level, _index: b"")

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=10)
        self.started.clear()


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    base = Path(tempfile.mkdtemp(prefix="cs-seal-", dir="/tmp"))
    base.chmod(0o755)
    installation = Installation(base / "var")
    installation.home.mkdir()
    # It makes the tables and holds the server while the module runs, which would stop and start for every process.
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=installation.environment, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        installation.manage("audit_key", "make", "--name", "test.example.net/audit")
        yield installation
    finally:
        installation.end()
        holder.communicate(timeout=20)
        wait_until(lambda: postmaster.running_pid(installation.layout.data) is None, "the end of the server")
        shutil.rmtree(base)


HOLD = """
import sys, django
django.setup()
from django.core.management import call_command
from portal.schema_owner import as_schema_owner, grants_renew
from portal.start import prepare
prepare(attach_database=True)
with as_schema_owner():
    call_command("migrate", verbosity=0, skip_checks=True)
    grants_renew()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def log(installed: Installation) -> Iterator[Installation]:
    yield installed
    installed.end()


# Child after child seals what waits and kills itself right before its first, second, third ... statement, in the middle
# of the leaves, and at two places after the commit. It ends with the first child that gets through.
KILLED = """
import itertools, os, signal, django, psycopg
django.setup()
from django.conf import settings
from django.db import connection, transaction
from audit.recorder import INSERT_SELECT
from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.seal import seal_once
from tests.integration.audit.test_sealer_process import EVENT

def seal_and_die(kill_at):
    left = kill_at

    def step(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(method):
        return lambda *given, **options: (step(), method(*given, **options))[1]

    sealer, key = connect_sealer(), SealingKey.read(settings.AUDIT_KEY_FILE)
    for name in ("execute", "executemany", "copy"):
        setattr(psycopg.Cursor, name, counted(getattr(psycopg.Cursor, name)))
    write_row, rows = psycopg.Copy.write_row, itertools.count(1)
    psycopg.Copy.write_row = lambda *given: (step() if next(rows) == 50 else None, write_row(*given))[1]
    sealed = seal_once(sealer, key, batch=100)
    step()
    HeadMemory(settings.AUDIT_KEY_FILE.with_name("last-signed")).remember(sealed.note)
    step()
    os._exit(0)

status, kill_at = 1, 0
while status:
    kill_at += 1
    with transaction.atomic(), connection.cursor() as cursor:
        for _ in range(110):
            cursor.execute(INSERT_SELECT, EVENT)
    connection.close()
    child = os.fork()
    if not child:
        seal_and_die(kill_at)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
print("killed", kill_at - 1, "times", flush=True)
"""


def test_killed_before_any_statement_it_loses_and_doubles_nothing(log: Installation) -> None:
    assert log.start("-c", KILLED).wait(timeout=60) == 0, (log.home / "output").read_text()
    killed = (log.home / "output").read_text().rpartition("killed ")[2].split()[0]
    places = "lock, head, edge, events, leaves, half of them, queue, tiles, checkpoint, and two places after the commit"
    assert int(killed) >= 11, places
    log.sealer()
    log.wait_until_sealed()
    log.assert_whole()


def test_two_sealers_at_once_make_one_tree_and_the_second_takes_over(log: Installation) -> None:
    first, second = log.sealer(), log.sealer()
    for _ in range(4):
        log.write(70)
        time.sleep(0.1)
    log.wait_until_sealed()
    leaders = log.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted")
    assert leaders == 1
    holder = log.one("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
    log.write(5)
    log.wait_until_sealed()
    log.assert_whole()
    first.send_signal(signal.SIGKILL)
    log.write(5)
    log.wait_until_sealed()
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=10) == 0
    assert holder
    log.assert_whole()


def test_a_server_that_is_killed_costs_nothing(log: Installation) -> None:
    log.sealer()
    log.write(50)
    log.wait_until_sealed()
    server = postmaster.running_pid(log.layout.data)
    assert server is not None
    os.kill(server, signal.SIGKILL)

    def wrote() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            log.write(20)
            return True
        return False

    wait_until(wrote, "the server")
    wait_until(lambda: log.waiting() == 0, "the sealer")
    log.assert_whole()


def test_sixteen_writers_with_long_transactions_lose_nothing(log: Installation) -> None:
    """Ids become visible out of order here: what is written first is committed last, or never."""
    written = [0] * 16
    log.sealer()
    log.write(1)
    log.wait_until_sealed()
    before = log.one("SELECT count(*) FROM audit_event")

    def work(number: int) -> None:
        with log.connect(APPLICATION, autocommit=True) as connection:
            for turn in range(12):
                lost = (turn + number) % 4 == 0
                with contextlib.suppress(ZeroDivisionError), connection.transaction():
                    for _ in range(1 + number % 3):
                        connection.execute(INSERT_SELECT, EVENT)
                    time.sleep(0.05 * ((number + turn) % 5))
                    if lost:
                        raise ZeroDivisionError
                    written[number] += 1 + number % 3

    writers = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    log.wait_until_sealed()
    assert log.one("SELECT count(*) FROM audit_event") - before == sum(written)
    late = "SELECT count(*) FROM audit_leaf l JOIN audit_leaf n ON n.leaf_index = l.leaf_index + 1"
    assert log.one(f"{late} WHERE n.event_id < l.event_id") > 0, "no id became visible late: the test shows nothing"
    log.assert_whole()


def test_each_role_has_its_part_and_the_rotation_needs_no_restart(log: Installation) -> None:
    def roles() -> set[str]:
        with log.connect("countersign") as connection:
            found = connection.execute(
                "SELECT usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> current_user"
            ).fetchall()
        return {name for (name,) in found}

    log.sealer()
    log.write(1)
    log.wait_until_sealed()
    assert roles() == {SEALER}
    files = KeyFiles(log.home / "sealer" / "key", log.home / "audit_verifiers")
    with log.connect(SEALER, autocommit=True) as connection:
        new = key_rotate(connection, files)
    log.write(1)
    log.wait_until_sealed()
    note = log.one("SELECT note FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1")
    assert note.count("\n\u2014 ") == 4, "either key has signed, plainly and with the time"
    key = SealingKey.read(files.private)
    assert key.verifiers[1] == new
    with log.connect(SEALER, autocommit=True) as connection:
        key_retire(connection, files, key.verifiers[0].key_id.hex())
    log.write(1)
    log.wait_until_sealed()
    assert log.manage("audit_verify").endswith("The audit log is whole.\n")
    actions = log.one("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event WHERE object_type = 'audit_key'")
    assert actions == "audit.key_made audit.key_made audit.key_retired"


def test_a_sealer_with_other_anchors_says_so(log: Installation, tmp_path: Path) -> None:
    def told() -> int:
        return int(log.one("SELECT count(*) FROM audit_event WHERE object_id = 'sealer'"))

    def leads(anchors: str) -> None:
        process = log.start(str(BASE_DIR / "manage.py"), "audit_sealer", AUDIT_ANCHOR=anchors)
        log.write(1)
        log.wait_until_sealed()
        process.terminate()
        assert process.wait(timeout=30) == 0

    leads("none")
    before = told()
    leads(f"file:{tmp_path / 'other'}")
    leads(f"file:{tmp_path / 'other'}")
    assert told() == before + 1
    log.assert_whole()
