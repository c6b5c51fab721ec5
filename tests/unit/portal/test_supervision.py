import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from portal.supervision import lab_ports
from portal.supervision.beats import BeatDirectory
from portal.supervision.demo import DemoError, check_port, only_demo_of


def test_beats_of_a_folder_that_is_gone_are_no_error(tmp_path: Path) -> None:
    beats = BeatDirectory(tmp_path / "gone")
    beats.touch("polled")
    beats.drop("polled")
    reading = beats.read(workers=2, age_s=1.0)
    assert (reading.busy, reading.oldest_taken_s, reading.polled_s) == (0, None, None)
    beats.remove()


def test_reading_of_the_beats(tmp_path: Path) -> None:
    beats = BeatDirectory(tmp_path / "beats")
    beats.clear()
    for name in ("polled", "activity", "taken-1", "taken-2", "busy-10", "busy-11"):
        beats.touch(name)
    long_ago = time.time() - 60
    for name in ("taken-1", "busy-10"):
        os.utime(beats.path / name, (long_ago, long_ago))
    reading = beats.read(workers=2, age_s=1.0)
    assert reading.busy == 1, "a worker that has not beaten for a minute does not work"
    assert reading.oldest_taken_s == pytest.approx(60, abs=5)
    assert reading.polled_s == pytest.approx(0, abs=5)
    beats.clear()
    assert beats.read(workers=2, age_s=1.0).oldest_taken_s is None


def test_room_for_one_more_task(tmp_path: Path) -> None:
    beats = BeatDirectory(tmp_path / "beats")
    beats.clear()
    assert beats.has_room(workers=1)
    beats.touch("taken-1")
    assert not beats.has_room(workers=1), "it is about to begin"
    assert beats.has_room(workers=2)
    beats.touch("busy-10")
    assert not beats.has_room(workers=2)
    beats.drop("taken-1")
    assert beats.has_room(workers=2)
    long_ago = time.time() - 60
    os.utime(beats.path / "busy-10", (long_ago, long_ago))
    assert beats.has_room(workers=1), "a worker that is gone takes no room for ever"


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_number_that_is_no_port(port: int) -> None:
    with pytest.raises(DemoError, match="is no port: choose another with `make demo PORT=8001`"):
        check_port(port)


def test_busy_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"Port {port} is in use"):
            check_port(port)
    check_port(port)


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    with only_demo_of(tmp_path), pytest.raises(DemoError, match="A demo already runs"), only_demo_of(tmp_path):
        pass
    with only_demo_of(tmp_path):
        pass


def test_two_demos_do_not_choose_their_ports_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    order: list[str] = []

    def second() -> None:
        with lab_ports.choosing():
            order.append("second")

    with lab_ports.choosing():
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        order.append("first")
    other.join(5)
    assert order == ["first", "second"]


def test_lab_keeps_its_ports_and_gives_way_to_others(tmp_path: Path) -> None:
    first = lab_ports.first_lab_port(tmp_path)
    assert lab_ports.first_lab_port(tmp_path) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 5))
        taken.listen()
        other = lab_ports.first_lab_port(tmp_path)
    assert other != first
    assert lab_ports.first_lab_port(tmp_path) == other, "what is taken once is kept: plans name these ports"
