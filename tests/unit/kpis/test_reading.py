"""How figures read, compare and are judged; and the definitions that pages show."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.kpis.definitions import BY_KEY, KPIS, Better, Unit
from changes.domain.kpis.reading import Course, Rag, Value, compare, distance, judge, spoken_seconds, target_words
from changes.domain.kpis.targets import parse_targets, with_targets
from changes.domain.reports.periods import (
    Days,
    ReportKind,
    days_of,
    last_days,
    name_of,
    previous,
    series_of,
    short_name,
)

SUCCESS, UNAUTHORIZED, LEAD = BY_KEY["success-rate"], BY_KEY["unauthorized-changes"], BY_KEY["lead-time"]
DETECT = BY_KEY["time-to-detect"]


def test_every_figure_says_what_it_counts() -> None:
    assert len(BY_KEY) == len(KPIS) == 13
    for kpi in KPIS:
        assert kpi.formula
        assert kpi.numerator
        assert kpi.question.endswith("?")
        assert bool(kpi.denominator) == (kpi.unit is not Unit.COUNT)
        if kpi.green is not None:
            assert kpi.red is not None
            assert (kpi.green > kpi.red) == (kpi.better is Better.HIGHER)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(0, 0), "no data"),
        (Value(3, 4), "3 of 4"),
        (Value(19, 19), "19 of 19"),
        (Value(19, 20), "95.0 %"),
        (Value(0, 3000), "0.0 %"),
        (Value(1, 3000), "0.1 %"),
        (Value(9999, 10_000), "99.9 %"),
        (Value(10_000, 10_000), "100.0 %"),
    ],
)
def test_small_numbers_are_counts_and_not_per_cent(value: Value, text: str) -> None:
    assert value.text(SUCCESS) == text


def test_times_and_counts_read_in_their_units() -> None:
    assert Value.median(125.4, 9).text(LEAD) == "2 min"
    assert Value.median(None, 0).text(LEAD) == "no data"
    assert Value(1200, 4).text(DETECT) == "5 min"
    assert Value(0).text(UNAUTHORIZED) == "0"
    assert [spoken_seconds(n) for n in (40, 3599, 7500, 7200, 200_000, 172_800)] == [
        "40 s", "1 h", "2 h 05 min", "2 h", "2 d 7 h", "2 d",
    ]  # fmt: skip


def test_one_missing_case_among_many_is_never_rounded_to_all_of_them() -> None:
    evidence = BY_KEY["evidence-completeness"]
    assert judge(evidence, Value(99_999, 100_000)) is Rag.AMBER
    assert judge(evidence, Value(100_000, 100_000)) is Rag.GREEN


def test_an_installation_has_targets_of_its_own() -> None:
    ours = {kpi.key: kpi for kpi in with_targets(parse_targets("success-rate=99%,98%; lead-time=none"))}
    assert list(ours) == [kpi.key for kpi in KPIS]
    assert [judge(found["success-rate"], Value(96, 100)) for found in (BY_KEY, ours)] == [Rag.GREEN, Rag.RED]
    assert judge(ours["lead-time"], Value.median(1.0, 30)) is Rag.NONE
    assert [target_words(ours[key]) for key in ("success-rate", "time-to-restore", "unauthorized-changes")] == [
        "on target from 99 %, a gap at 98 % and below",
        "on target up to 30 min, a gap from 4 h",
        "on target up to 0, a gap from 5",
    ]
    assert target_words(ours["lead-time"]) == "no target"


def test_two_periods_compare_only_where_both_have_enough_cases() -> None:
    assert compare(SUCCESS, Value(19, 20), Value(18, 20)).course is Course.BETTER
    assert compare(SUCCESS, Value(19, 20), Value(18, 20)).text == "Up by 5.0 points from 90.0 %."
    assert compare(SUCCESS, Value(18, 20), Value(19, 20)).course is Course.WORSE
    few = compare(SUCCESS, Value(4, 4), Value(1, 2))
    assert (few.course, few.text) == (Course.FEW, "Before: 1 of 2.")
    assert compare(SUCCESS, Value(4, 4), Value()).text == "Before: no data."
    assert compare(UNAUTHORIZED, Value(2), Value(5)).course is Course.BETTER
    assert compare(UNAUTHORIZED, Value(5), Value(5)).course is Course.SAME


def test_a_figure_is_judged_by_its_bounds_and_not_without_cases() -> None:
    assert [judge(SUCCESS, Value(n, 100)) for n in (95, 94, 86, 85)] == [Rag.GREEN, Rag.AMBER, Rag.AMBER, Rag.RED]
    assert [judge(UNAUTHORIZED, Value(n)) for n in (0, 1, 5)] == [Rag.GREEN, Rag.AMBER, Rag.RED]
    assert judge(SUCCESS, Value()) is Rag.NONE
    assert judge(SUCCESS, Value(1, 19)) is Rag.NONE, "too few to judge"
    evidence = BY_KEY["evidence-completeness"]
    assert [judge(evidence, Value(n, 3)) for n in (3, 2)] == [Rag.GREEN, Rag.RED]
    assert judge(BY_KEY["safe-abort-ratio"], Value(0, 9)) is Rag.NONE
    assert distance(SUCCESS, Value(85, 100)) == 1000
    assert distance(SUCCESS, Value(99, 100)) == 0


@given(st.dates(date(2001, 1, 1), date(2199, 1, 1)), st.sampled_from(ReportKind))
def test_every_day_lies_in_exactly_one_period_and_periods_follow_each_other(day: date, kind: ReportKind) -> None:
    days = days_of(kind, day)
    assert days.first <= day < days.end
    assert previous(kind, days).end == days.first
    assert last_days(kind, day).end == days.first
    course = series_of(kind, days, 5)
    assert course[-1] == days
    assert all(one.end == other.first for one, other in pairwise(course))


def test_periods_have_names() -> None:
    week, month, quarter = (days_of(kind, date(2026, 11, 21)) for kind in ReportKind)
    assert (name_of(ReportKind.WEEKLY, week), week.words) == ("week 47 of 2026", "16 to 22 Nov 2026")
    assert (name_of(ReportKind.MONTHLY, month), month.words) == ("November 2026", "1 to 30 Nov 2026")
    assert (name_of(ReportKind.QUARTERLY, quarter), quarter.words) == ("quarter 4 of 2026", "1 Oct to 31 Dec 2026")
    assert [short_name(kind, days) for kind, days in zip(ReportKind, (week, month, quarter), strict=True)] == [
        "W47", "Nov", "Q4 26",
    ]  # fmt: skip
    assert Days(date(2026, 12, 29), date(2027, 1, 5)).words == "29 Dec 2026 to 4 Jan 2027"
