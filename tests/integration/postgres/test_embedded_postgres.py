import os
import pwd
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from portal.embedded_postgres import DATABASE, ROLE, EmbeddedPostgresError, Layout, attach, postmaster
from portal.embedded_postgres.layout import SOCKET_PATH_MAX_BYTES
from portal.embedded_postgres.locks import is_held_by_anyone
from tests.integration.postgres.conftest import (
    SITE_PACKAGES,
    AttachedProcess,
    is_alive,
    wait_until,
)

Start = Callable[..., AttachedProcess]
AS_ROOT = os.geteuid() == 0
STRANGER = "daemon"
only_as_root = pytest.mark.skipif(not AS_ROOT, reason="it is about what happens for root")


def connect(socket: str | Path) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(host=str(socket), user=ROLE, dbname=DATABASE, autocommit=True)


def one(socket: str | Path, query: str) -> object:
    with connect(socket) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def gone(pid: int) -> bool:
    return wait_until(lambda: not is_alive(pid))


def test_eight_processes_at_once_share_one_server(start: Start) -> None:
    users = [start() for _ in range(8)]
    assert len({user.server for user in users}) == 1
    server = users[0].server
    for user in users[:-1]:
        user.end()
    assert is_alive(server)
    users[-1].end()
    assert not is_alive(server), "the last one out stops the server before it is gone itself"


def test_killing_the_starter_leaves_the_others_connected(start: Start) -> None:
    starter = start()
    other = start()
    assert other.server == starter.server
    with connect(other.first["socket"]) as connection:
        starter.kill()
        time.sleep(0.3)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    other.end()
    assert not is_alive(other.server)


def test_killing_every_user_ends_the_server(start: Start) -> None:
    users = [start() for _ in range(3)]
    server = users[0].server
    assert all(user.server == server for user in users)
    for user in users:
        user.kill()
    assert gone(server)


def test_killed_guardian_is_replaced_by_the_next_user(start: Start, home: Path) -> None:
    first = start()
    assert first.server
    guardian = guardian_of(home)
    os.kill(guardian, signal.SIGKILL)
    assert wait_until(lambda: not is_held_by_anyone(Layout.of(home).guardian_lock))
    second = start()
    assert second.server == first.server, "the server does not depend on the guardian"
    assert wait_until(lambda: is_held_by_anyone(Layout.of(home).guardian_lock))
    first.kill()
    second.kill()
    assert gone(first.server)


def guardian_of(home: Path) -> int:
    needle = os.fsencode(str(Layout.of(home).guardian_lock))
    found: list[int] = []

    def look() -> bool:
        found.clear()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"embedded_postgres.guardian" in command and needle in command:
                    found.append(int(entry.name))
        return len(found) == 1

    assert wait_until(look)
    return found[0]


def test_killed_server_comes_back_while_it_has_users(start: Start, home: Path) -> None:
    user = start()
    with connect(user.first["socket"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.execute("CHECKPOINT")
    os.kill(user.server, signal.SIGKILL)
    data = Layout.of(home).data
    assert wait_until(lambda: postmaster.running_pid(data) not in {None, user.server} and postmaster.is_ready(data))
    assert one(user.first["socket"], "SELECT answer FROM kept") == 42
    user.end()
    assert postmaster.running_pid(data) is None


def test_forked_child_keeps_the_server_after_its_parent_was_killed(start: Start) -> None:
    parent = start()
    child = parent.tell("fork")["child"]
    parent.kill()
    time.sleep(0.5)
    assert is_alive(parent.server), "qcluster's and gunicorn's children use the server too"
    os.kill(child, signal.SIGKILL)
    assert gone(parent.server)


def test_parent_that_lets_go_does_not_take_the_server_from_its_child(start: Start) -> None:
    parent = start()
    child = parent.tell("fork")["child"]
    parent.tell("release")
    assert is_alive(parent.server)
    os.kill(child, signal.SIGTERM)
    assert gone(parent.server)
    parent.end()


def test_data_survives_a_restart_and_a_crash(start: Start, home: Path) -> None:
    first = start()
    with connect(first.first["socket"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.execute("CHECKPOINT")
    first.end()
    second = start()
    assert second.server != first.server
    assert one(second.first["socket"], "SELECT answer FROM kept") == 42
    os.kill(second.server, signal.SIGKILL)
    assert gone(second.server)
    third = start()
    assert third.server
    assert one(third.first["socket"], "SELECT answer FROM kept") == 42
    second.end()
    third.end()


def test_power_cut_leaves_a_pid_file_that_does_no_harm(start: Start, home: Path) -> None:
    user = start()
    server, guardian = user.server, guardian_of(home)
    os.kill(guardian, signal.SIGKILL)
    user.kill()
    os.kill(server, signal.SIGKILL)
    assert gone(server)
    assert (Layout.of(home).data / "postmaster.pid").exists()
    again = start()
    assert again.server != server
    assert one(again.first["socket"], "SELECT 1") == 1
    again.end()


def test_pid_file_with_a_recycled_number_is_not_believed(start: Start, home: Path) -> None:
    first = start()
    assert first.server
    pid_file = Layout.of(home).data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    first.end()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert postmaster.running_pid(Layout.of(home).data) is None
    second = start()
    assert second.server not in {first.server, os.getpid()}
    assert one(second.first["socket"], "SELECT 1") == 1
    second.end()


def test_installation_that_was_cut_short_is_made_anew(start: Start, home: Path) -> None:
    unfinished = home / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    home.chmod(0o711)
    (home / "postgres").chmod(0o711)
    (unfinished / "PG_VERSION").write_text("18\n")
    user = start()
    assert one(user.first["socket"], "SELECT 1") == 1
    assert not unfinished.exists()
    user.end()


@pytest.mark.parametrize("name", ['quo\'te "two" $HOME `id` ; ü%s', "p%s,comma"], ids=["usual socket", "short socket"])
def test_awkward_folder_names(start: Start, home: Path, name: str) -> None:
    user = start(home.parent / name)
    assert one(user.first["socket"], "SELECT current_user") == ROLE
    user.end()


def test_long_path_gets_a_short_private_socket(start: Start, home: Path) -> None:
    long_home = home.parent / ("deep" * 20) / ("deeper" * 10)
    user = start(long_home)
    socket = Path(user.first["socket"])
    assert len(os.fsencode(socket / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX_BYTES
    assert long_home not in socket.parents
    assert socket.stat().st_mode & 0o077 == 0
    assert one(socket, "SELECT 1") == 1
    user.end()


@only_as_root
def test_prepared_short_directory_of_somebody_else_is_refused(home: Path) -> None:
    long_home = home.parent / ("deep" * 20) / ("deeper" * 10)
    socket = Layout.of(long_home).socket_directory
    socket.mkdir()
    try:
        os.chown(socket, pwd.getpwnam(STRANGER).pw_uid, -1)
        with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
            attach(long_home)
    finally:
        socket.rmdir()


@only_as_root
def test_root_runs_the_server_as_an_unprivileged_user(start: Start, home: Path) -> None:
    user = start()
    assert Path(f"/proc/{user.server}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert home.parent.stat().st_mode & 0o7777 == 0o777, "parents keep their modes"
    user.end()


@only_as_root
def test_ordinary_user_runs_the_server_directly(start: Start, home: Path) -> None:
    user = start(user=STRANGER)
    assert Path(f"/proc/{user.server}").stat().st_uid == pwd.getpwnam(STRANGER).pw_uid
    assert (home / "postgres" / "data").stat().st_uid == pwd.getpwnam(STRANGER).pw_uid
    joined_by_root = start()
    assert joined_by_root.server == user.server
    assert one(joined_by_root.first["socket"], "SELECT 1") == 1
    user.end()
    assert is_alive(user.server)
    joined_by_root.end()
    assert gone(user.server)


@only_as_root
def test_root_keeps_the_owner_of_an_ordinary_users_data(start: Start, home: Path) -> None:
    start(user=STRANGER).end()
    by_root = start()
    assert Path(f"/proc/{by_root.server}").stat().st_uid == pwd.getpwnam(STRANGER).pw_uid
    by_root.end()
    again = start(user=STRANGER)
    assert one(again.first["socket"], "SELECT 1") == 1
    again.end()


@only_as_root
def test_home_that_the_servers_user_cannot_reach(start: Start, home: Path) -> None:
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    user = start(closed / "var")
    layout = Layout.of(closed / "var")
    assert layout.place == Path("/var/lib/countersign") / layout.place.name
    with connect(user.first["socket"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert closed.stat().st_mode & 0o777 == 0o700
    user.end()
    again = start(closed / "var")
    assert one(again.first["socket"], "SELECT answer FROM kept") == 42
    again.end()


@only_as_root
def test_binaries_are_copied_when_the_server_user_cannot_reach_them(start: Start, home: Path) -> None:
    closed = home.parent / "packages"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(SITE_PACKAGES / name, closed / name)
    for information in SITE_PACKAGES.glob("embedded_postgres-*.dist-info"):
        shutil.copytree(information, closed / information.name)
    user = start(packages=closed)
    executable = Path(f"/proc/{user.server}/exe").readlink()
    assert executable.is_relative_to(Layout.of(home).runtime)
    assert one(user.first["socket"], "SELECT 1") == 1
    user.end()


@only_as_root
def test_strangers_cannot_connect(start: Start, home: Path) -> None:
    user = start()
    assert user.server
    stranger = pwd.getpwnam(STRANGER)
    Layout.of(home).socket_directory.chmod(0o777)
    child = os.fork()
    if child == 0:
        os.setgid(stranger.pw_gid)
        os.setuid(stranger.pw_uid)
        try:
            connect(user.first["socket"])
        except psycopg.OperationalError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    user.end()


def test_unwritable_folder_is_a_sentence(start: Start, home: Path) -> None:
    home.mkdir(mode=0o755)
    if AS_ROOT:
        answer = start(user=STRANGER).first
    else:
        home.chmod(0o555)
        answer = start().first
    assert answer["refused"].startswith(f"Cannot write to {home}")
    assert "COUNTERSIGN_HOME" in answer["refused"]


@only_as_root
def test_data_of_root_is_not_usable_by_others_and_the_sentence_says_whose_it_is(start: Start) -> None:
    start().end()
    assert "belongs to root" in start(user=STRANGER).first["refused"]


def test_file_in_the_way_is_a_sentence(home: Path) -> None:
    home.mkdir()
    (home / "postgres").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="is a file where a folder is needed"):
        attach(home)


def test_server_that_cannot_start_says_where_its_log_is(start: Start, home: Path) -> None:
    user = start()
    user.end()
    data = Layout.of(home).data
    (data / "postgresql.conf").write_text("no such setting = here\n")
    answer = start().first
    assert str(Layout.of(home).log) in answer["refused"]
    assert "DATABASE_URL" in answer["refused"]


def test_attaching_twice_in_one_process_is_one_attachment(home: Path) -> None:
    first = attach(home, durable=False)
    try:
        assert attach(home, durable=False) is first
    finally:
        first.release()
        first.release()
    assert postmaster.running_pid(first.layout.data) is None
