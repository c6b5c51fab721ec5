"""The setting for anchors, and what each kind does with a real file, repository, socket and web server."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.core import mail

from audit.anchors.kinds import FileAnchor, GitAnchor, HttpAnchor, MailAnchor, SyslogAnchor, make_anchor
from audit.anchors.protocols import Witness
from audit.anchors.specification import AnchorSpecificationError, read_specifications
from audit.checkpoints import TreeHead, sign_checkpoint
from audit.errors import AnchorError
from audit.notes import Signer

ORIGIN = "change.example.net/audit"
SIGNER = Signer(ORIGIN, bytes(range(32)))
DEFAULT = Path("/home/anchor")


def checkpoint(size: int) -> str:
    return sign_checkpoint(TreeHead(ORIGIN, size, bytes(32)), [SIGNER], unix_time=1_750_000_000 + size)


NOTES = [checkpoint(size) for size in (1, 20, 300)]


def test_without_a_setting_a_file_is_the_anchor() -> None:
    (anchor,) = read_specifications("  ", default=DEFAULT)
    assert (anchor.kind, anchor.target, anchor.every_s, anchor.name) == (
        "file",
        "/home/anchor",
        60,
        "file:/home/anchor",
    )
    assert read_specifications("none", default=DEFAULT) == ()


def test_every_kind_is_read_with_its_pace() -> None:
    text = (
        "file:/a every=5 git:/b mailto:auditor@example.net syslog: syslog://log.example.net:1514"
        " https://w.example.net/x http://127.0.0.1:9/y every=2678400"
    )
    found = read_specifications(text, default=DEFAULT)
    assert [(each.kind, each.every_s) for each in found] == [
        ("file", 5), ("git", 3600), ("mailto", 86_400), ("syslog", 60), ("syslog", 60), ("https", 300),
        ("http", 2_678_400),
    ]  # fmt: skip
    kinds = [type(make_anchor(each)) for each in found]
    assert kinds == [FileAnchor, GitAnchor, MailAnchor, SyslogAnchor, SyslogAnchor, HttpAnchor, HttpAnchor]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("every=5 file:/a", "stands before the anchor"),
        ("file:a", "whole path"),
        ("git:relative", "whole path"),
        ("ftp://x", "use one of file:, git:"),
        ("nothing", "use one of file:, git:"),
        ("file:/a every=0", "whole number of seconds"),
        ("file:/a every=soon", "whole number of seconds"),
        ("file:/a file:/a every=7", "named twice"),
        ("mailto:nobody", "give one address"),
        ("http://w.example.net/", "this machine alone"),
        ("https://user:hunter2@w.example.net/", "no user and no password"),
        ("https://", "whole address"),
        ("https://w.example.net:port/", "a good port"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(AnchorSpecificationError, match=words) as refused:
        read_specifications(text, default=DEFAULT)
    assert "hunter2" not in str(refused.value)


def test_a_file_keeps_every_checkpoint_in_order(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "new" / "checkpoints")
    assert list(anchor.checkpoints()) == []
    for note in NOTES:
        anchor.publish(note)
    assert list(anchor.checkpoints()) == NOTES


@pytest.mark.parametrize("cut", [1, 2, 40, 130, 200, 330])
def test_a_file_that_was_cut_short_loses_that_checkpoint_alone(tmp_path: Path, cut: int) -> None:
    anchor = FileAnchor(tmp_path / "checkpoints")
    for note in NOTES[:2]:
        anchor.publish(note)
    whole = anchor.path.read_bytes()
    anchor.path.write_bytes(whole[:-cut])
    anchor.publish(NOTES[2])
    read = list(anchor.checkpoints())
    assert (read[0], read[-1]) == (NOTES[0], NOTES[2])


def test_a_file_that_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path)
    with pytest.raises(AnchorError, match="cannot be written"):
        anchor.publish(NOTES[0])
    with pytest.raises(AnchorError, match="cannot be read"):
        list(anchor.checkpoints())


def test_a_repository_has_a_commit_for_each_and_pushes_them(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout

    far, near = tmp_path / "far.git", tmp_path / "near"
    git("init", "--quiet", "--bare", "-b", "main", str(far))
    git("clone", "--quiet", str(far), str(near))
    git("-C", str(near), "checkout", "--quiet", "-B", "main")
    git("-C", str(near), "config", "branch.main.remote", "origin")
    git("-C", str(near), "config", "branch.main.merge", "refs/heads/main")
    anchor = GitAnchor(near)
    assert list(anchor.checkpoints()) == []
    for note in (*NOTES, NOTES[-1]):
        anchor.publish(note)
    assert list(anchor.checkpoints()) == NOTES
    assert git("-C", str(far), "log", "--format=%s", "main").splitlines() == [
        f"{ORIGIN}: {size} entries" for size in (300, 20, 1)
    ]


def test_a_folder_without_a_repository_and_a_push_that_fails_are_told(tmp_path: Path) -> None:
    with pytest.raises(AnchorError, match="no git repository"):
        GitAnchor(tmp_path).publish(NOTES[0])
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(tmp_path)], check=True)
    upstream = {
        "remote.origin.url": "/nowhere",
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "branch.main.remote": "origin",
        "branch.main.merge": "refs/heads/main",
    }
    for name, value in upstream.items():
        subprocess.run(["git", "-C", str(tmp_path), "config", name, value], check=True)
    with pytest.raises(AnchorError, match="git push failed"):
        GitAnchor(tmp_path).publish(NOTES[0])
    assert list(GitAnchor(tmp_path).checkpoints()) == NOTES[:1], "it is committed here all the same"


def test_syslog_gets_one_line_that_holds_the_whole_note() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        anchor = make_anchor(read_specifications(f"syslog://127.0.0.1:{server.getsockname()[1]}", default=DEFAULT)[0])
        anchor.publish(NOTES[0])
        line = server.recv(65_536).decode()
    head, _, note = line.partition(" checkpoint - ")
    assert head == "<109>1 - - countersign-audit -"
    assert json.loads(note) == NOTES[0]
    assert not isinstance(anchor, Witness), "it cannot be asked"


def test_an_email_carries_the_note_and_says_what_it_is_for() -> None:
    MailAnchor("auditor@example.net").publish(NOTES[1])
    (message,) = mail.outbox
    assert message.to == ["auditor@example.net"]
    assert message.subject == f"Audit checkpoint of {ORIGIN}: 20 entries"
    assert message.body.endswith(f"\n\n{NOTES[1]}")


class Keeper(BaseHTTPRequestHandler):
    kept: list[str] = []
    status = 200

    def do_POST(self) -> None:
        self.kept.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.kept[-1].encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keeper() -> Iterator[str]:
    Keeper.kept, Keeper.status = [], 200
    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/log?of=us"
        server.shutdown()
        thread.join()


def test_a_web_server_keeps_and_gives_back_the_newest(keeper: str) -> None:
    anchor = HttpAnchor(keeper)
    for note in NOTES:
        anchor.publish(note)
    assert Keeper.kept == NOTES
    assert list(anchor.checkpoints()) == NOTES[-1:]
    Keeper.status = 503
    with pytest.raises(AnchorError, match="answered 503"):
        anchor.publish(NOTES[0])


def test_a_web_server_that_is_away_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(AnchorError, match="does not answer"):
        HttpAnchor(f"http://127.0.0.1:{port}/").publish(NOTES[0])


def test_what_may_be_a_token_in_an_address_is_no_part_of_the_name_that_is_shown() -> None:
    [anchor] = read_specifications("https://witness.example.net/log?token=s3cret every=9", default=Path("/x"))
    assert (anchor.name, anchor.every_s) == ("https://witness.example.net/log?…", 9)
    assert anchor.target == "https://witness.example.net/log?token=s3cret"
