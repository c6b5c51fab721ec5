"""An export's memory does not grow with its length: the process's own peak is measured, libpq's buffers included."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from audit.export import stream_csv, stream_jsonl
from audit.filters import EventFilter

Fill = Callable[..., None]
MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")


def _peak_growth(work: Callable[[], int]) -> tuple[int, int]:
    """What ``work`` returned, and by how many bytes the process's resident peak rose above its start."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak to the present size
    start = _status("VmRSS")
    result = work()
    return result, _status("VmHWM") - start


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def _drain(chunks: Iterator[bytes]) -> int:
    return sum(len(chunk) for chunk in chunks)


def _fetch_all(trace: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM audit_event WHERE request_id = %s", [trace])
        return sum(len(body) for (body,) in cursor.fetchall())


@pytest.mark.django_db
def test_a_hundred_thousand_events_pass_in_the_memory_of_a_few(fill: Fill, trace: str) -> None:
    fill(100_000, body_bytes=600)
    everything = EventFilter(request_id=trace)
    _drain(stream_jsonl(EventFilter(ids=(1,))))  # what is loaded once is not counted

    for stream in (stream_csv, stream_jsonl):
        sent, growth = _peak_growth(lambda stream=stream: _drain(stream(everything)))  # type: ignore[misc]  # mypy cannot infer a default's type here
        assert sent > 60 * MIB
        assert growth < 4 * MIB, f"{stream.__name__} grew by {growth / MIB:.1f} MiB"

    fetched, growth = _peak_growth(lambda: _fetch_all(trace))
    assert fetched > 50 * MIB
    assert growth > 60 * MIB, "the measurement does not see what a client-side cursor takes"
