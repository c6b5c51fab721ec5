"""How fast a run goes, and how long it will go on."""

from __future__ import annotations

import pytest

from changes.domain.pace import RECENT_S, Ahead, Done, Pace, Span, pace_of
from changes.domain.watermark import LONGEST, Watermark

WORKING = (Span(120),)


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_nobody_says_how_long_before_three_devices_have_ended(ended: int) -> None:
    found = pace_of(Done(ended, ended, WORKING), Ahead(100))
    assert found == Pace(None, None, 0, "Not known before 3 devices have ended.")


def test_the_last_minutes_count_where_enough_ended_in_them() -> None:
    found = pace_of(Done(900, 30, (Span(3_600),)), Ahead(60))
    assert (found.per_minute, found.left_s, found.unknown) == (6.0, 600.0, "")


def test_the_whole_run_counts_where_few_ended_lately() -> None:
    found = pace_of(Done(20, 2, (Span(600),)), Ahead(10))
    assert (found.per_minute, found.left_s) == (2.0, 300.0)


def test_a_run_on_which_nothing_ends_any_more_promises_nothing() -> None:
    found = pace_of(Done(20, 0, (Span(900),)), Ahead(10))
    assert (found.per_minute, found.left_s) == (0.0, None)
    assert found.unknown == "No device ended in the last 5 minutes."


def test_time_in_which_nobody_works_slows_nothing_down_and_is_added_to_what_is_left() -> None:
    """A wave took 100 s until 200 s ago; since then the run soaks."""
    spans = (Span(300, 200), Span(20))
    found = pace_of(Done(12, 12, spans), Ahead(6, waits_s=90, gates=1))
    assert (found.per_minute, found.left_s, found.gates) == (6.0, 150.0, 1)


@pytest.mark.parametrize(
    ("span", "within"), [(Span(400), 300), (Span(400, 350), 0), (Span(400, 100), 200), (Span(50, 10), 40)]
)
def test_only_the_recent_part_of_a_span_counts(span: Span, within: float) -> None:
    assert span.within(RECENT_S) == within


def test_a_run_that_stands_says_why() -> None:
    found = pace_of(Done(20, 10, WORKING), Ahead(10), stands="The run is paused.")
    assert (found.left_s, found.unknown) == (None, "The run is paused.")
    assert found.per_minute == 5.0


def test_nothing_left_to_do_leaves_what_the_strategy_waits() -> None:
    assert pace_of(Done(2, 2, WORKING), Ahead(0, waits_s=60)).left_s == 60


@pytest.mark.parametrize("text", ["734:734:", "734:741:735,740", "1:9:"])
def test_a_snapshot_is_read_as_postgresql_writes_it(text: str) -> None:
    found = Watermark.parse(text)
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    ["", "5", "5:4:", "0:4:", "5:9:4", "5:9:9", "5:9:7,6", "5:9:6,", "a:b:", " 5:9:", "\u0665:\u0669:",
     f"{2**63}:{2**63}:", "5:9:" + ",".join("6" for _ in range(LONGEST))],
)  # fmt: skip
def test_anything_else_is_no_snapshot(text: str) -> None:
    assert Watermark.parse(text) is None
