from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from changes.domain.errors import InvalidInputError
from changes.domain.windows import Period, parse_window, why_closed

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def period(start_h: float, end_h: float, name: str = "") -> Period:
    return Period(NOW + start_h * HOUR, NOW + end_h * HOUR, name)


@pytest.mark.parametrize(
    ("window", "freezes", "code"),
    [
        (None, [], ""),
        (period(0, 1), [], ""),
        (period(-1, 0), [], "PRECHECK_WINDOW_CLOSED"),
        (period(0.01, 1), [], "PRECHECK_WINDOW_CLOSED"),
        (None, [period(-1, 1, "Year end")], "FREEZE_ACTIVE"),
        (period(-1, 1), [period(1, 2), period(-1, 1)], "FREEZE_ACTIVE"),
        (period(-1, 1), [period(-2, 0), period(1, 2)], ""),
    ],
)
def test_what_is_open_now(window: Period | None, freezes: list[Period], code: str) -> None:
    closed = why_closed(NOW, window, freezes)
    assert (closed.code if closed else "") == code


def test_the_sentences_say_when_it_may_be_started() -> None:
    early, late = why_closed(NOW, period(1, 2)), why_closed(NOW, period(-26, -1))
    assert early and late  # noqa: PT018 - both are closed
    assert early.sentence == "The maintenance window has not opened yet: 21 Nov 2026 23:00 to 22 Nov 2026 00:00 UTC."
    assert late.sentence.startswith("The maintenance window is over: 20 Nov 2026 20:00 to 21 Nov 2026 21:00 UTC.")
    frozen = why_closed(NOW, None, [period(-1, 1, "Year end")])
    assert frozen
    assert "Year end, 21 Nov 2026 21:00 to 23:00 UTC" in frozen.sentence


@pytest.mark.parametrize("start", ["2026-11-21T23:00", "2026-11-21T23:00:00Z", "2026-11-22T00:00+01:00"])
def test_times_without_a_zone_mean_utc(start: str) -> None:
    window = parse_window({"window_start": start, "window_end": "2026-11-22T01:00"}, now=NOW)
    assert (window.start, window.end) == (NOW + HOUR, NOW + 3 * HOUR)


@pytest.mark.parametrize(
    ("start", "end", "field", "words"),
    [
        ("", "2026-11-22T01:00", "window_start", "Give the start"),
        (7, "2026-11-22T01:00", "window_start", "Give the start"),
        ("2026-11-21T23:00", "tomorrow", "window_end", "Give the end"),
        ("0001-01-01T00:00+23:59", "2026-11-22T01:00", "window_start", "Give the start"),
        ("2026-11-22T01:00", "2026-11-22T01:00", "window_end", "after it starts"),
        ("2026-11-21T20:00", "2026-11-21T22:00", "window_end", "over already"),
        ("2026-11-22T01:00", "2026-12-30T01:00", "window_end", "at most 31 days"),
        ("2027-11-30T01:00", "2027-11-30T02:00", "window_start", "within 366 days"),
    ],
)
def test_a_window_that_cannot_be_is_refused(start: object, end: object, field: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_window({"window_start": start, "window_end": end}, now=NOW)
    assert words in refused.value.fields[field][0]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_window({"window_start": "2026-11-21T23:00", "window_end": "2026-11-22T01:00", "start": ""}, now=NOW)
    assert list(refused.value.fields) == ["start"]
