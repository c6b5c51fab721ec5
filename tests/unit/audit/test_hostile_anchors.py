"""Anchors in other people's hands: they may refuse, lie and hang, but not reach the sealer's files or stop it."""

from __future__ import annotations

import os
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.anchors import kinds
from audit.anchors.files import FileAnchor
from audit.anchors.kinds import GitAnchor, HttpAnchor
from audit.checkpoints import TreeHead, sign_checkpoint
from audit.errors import AnchorError
from audit.notes import NOTE_LIMIT, Signer

ORIGIN = "change.example.net/audit"
SIGNER = Signer(ORIGIN, bytes(range(32)))
NOTES = [
    sign_checkpoint(TreeHead(ORIGIN, size, bytes(32)), [SIGNER], unix_time=1_750_000_000 + size) for size in (1, 20)
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(tmp_path / "anchor")], check=True)
    (tmp_path / "anchor" / ".git").chmod(0o755)
    (tmp_path / "anchor" / ".git" / "config").chmod(0o644)
    (tmp_path / "anchor" / ".git" / "hooks").chmod(0o755)
    return tmp_path / "anchor"


def test_a_link_in_the_anchors_folder_does_not_lead_the_sealer_to_its_own_key(tmp_path: Path, repository: Path) -> None:
    key = tmp_path / "key"
    key.write_text("the key")
    (tmp_path / "checkpoints").symlink_to(key)
    (repository / "checkpoint").symlink_to(key)
    with pytest.raises(AnchorError, match="it is a link"):
        FileAnchor(tmp_path / "checkpoints").publish(NOTES[0])
    with pytest.raises(AnchorError, match="it is a link"):
        GitAnchor(repository).publish(NOTES[0])
    assert key.read_text() == "the key"


def test_a_pipe_in_the_place_of_the_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkpoints")
    anchor = FileAnchor(tmp_path / "checkpoints")
    for attempt in (lambda: anchor.publish(NOTES[0]), lambda: list(anchor.checkpoints()), anchor.newest):
        with pytest.raises(AnchorError, match="no plain file"):
            attempt()


def test_a_disk_that_takes_a_little_at_a_time_gets_the_whole_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:7]))
    anchor = FileAnchor(tmp_path / "checkpoints")
    for note in NOTES:
        anchor.publish(note)
    assert list(anchor.checkpoints()) == NOTES


@pytest.mark.parametrize("filling", [b"x" * (NOTE_LIMIT + 2), b"line\n" * 200])
def test_a_file_without_end_is_refused_and_not_read_into_memory(tmp_path: Path, filling: bytes) -> None:
    (tmp_path / "checkpoints").write_bytes(filling)
    with pytest.raises(AnchorError, match="too long for a checkpoint"):
        list(FileAnchor(tmp_path / "checkpoints").checkpoints())


def test_the_newest_note_is_found_at_the_end_of_a_large_file(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "checkpoints")
    assert anchor.newest() == ""
    anchor.publish(NOTES[0])
    assert anchor.newest() == NOTES[0]
    with anchor.path.open("r+b") as file:
        file.truncate(1 << 33)
    anchor.publish(NOTES[1])
    assert anchor.newest() == NOTES[1]
    with anchor.path.open("ab") as file:
        file.write(b"change.example.net/audit\n33\n")
    assert anchor.newest() == NOTES[1], "what was cut short does not count"


def test_no_program_of_the_repository_runs_as_the_sealer(repository: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0" >> {trace}\n')
    program.chmod(0o755)
    for hook in ("pre-commit", "post-commit", "post-index-change", "reference-transaction"):
        (repository / ".git" / "hooks" / hook).symlink_to(program)
    subprocess.run(["git", "-C", str(repository), "config", "core.fsmonitor", str(program)], check=True)
    anchor = GitAnchor(repository)
    for note in NOTES:
        anchor.publish(note)
    assert list(anchor.checkpoints()) == NOTES
    assert anchor.newest() == NOTES[1]
    assert not trace.exists()


@pytest.mark.parametrize("name", [".git", ".git/config", ".git/hooks"])
def test_a_repository_whose_settings_others_can_write_is_refused(repository: Path, name: str) -> None:
    (repository / name).chmod(0o777)
    for attempt in (lambda: GitAnchor(repository).publish(NOTES[0]), GitAnchor(repository).newest):
        with pytest.raises(AnchorError, match=r"can be written by others, .*chmod go-w"):
            attempt()


def test_a_push_that_hangs_is_ended_with_all_that_it_started(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    monkeypatch.setattr(kinds, "TIMEOUT_S", 0.4)
    monkeypatch.setenv("GIT_SSH_COMMAND", f"echo $$ > {started}; sleep 60; true")
    for name, value in {
        "remote.origin.url": "ssh://anchor.invalid/x",
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "branch.main.remote": "origin",
        "branch.main.merge": "refs/heads/main",
    }.items():
        subprocess.run(["git", "-C", str(repository), "config", name, value], check=True)
    with pytest.raises(AnchorError, match="did not end within half a minute"):
        GitAnchor(repository).publish(NOTES[0])
    status, deadline = Path(f"/proc/{int(started.read_text())}/stat"), time.monotonic() + 10
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "what git started goes on"
        time.sleep(0.02)


class Dripping(socketserver.StreamRequestHandler):
    over: threading.Event

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while not self.over.wait(0.02):
                self.wfile.write(b"x")
        except OSError:
            pass


@pytest.fixture
def dripping() -> Iterator[str]:
    Dripping.over = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        Dripping.over.set()
        server.shutdown()
        thread.join()


def test_a_server_that_drips_is_hung_up_on(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "TIMEOUT_S", 0.2)
    with pytest.raises(AnchorError, match="did not end its answer"):
        HttpAnchor(dripping).publish(NOTES[0])
    with pytest.raises(AnchorError, match="did not end its answer"):
        HttpAnchor(dripping).newest()
