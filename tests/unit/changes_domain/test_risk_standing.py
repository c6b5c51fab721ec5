"""Which override counts for a plan, when a change is carried out, and which questions may be answered again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from changes.domain.approval_policy.hours import BusinessTime
from changes.domain.calendar.recurring import RecurringWindow, stored_window
from changes.domain.calendar.scope import CalendarDevice
from changes.domain.errors import InvalidInputError
from changes.domain.risk.facts import RiskFacts, Timing
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.overriding import Override, standing_override
from changes.domain.risk.questions import askable, questions, with_answer
from changes.domain.risk.timing import timing_of
from changes.domain.windows import Period
from devices.domain.criticality import Criticality

LOW, MEDIUM, HIGH = RiskLevel
TUESDAY = datetime(2027, 3, 2, tzinfo=UTC)
FRA, MUC = (CalendarDevice(site, site, "access", frozenset(), "", frozenset()) for site in ("FRA", "MUC"))


def override(level: RiskLevel, computed: RiskLevel, digest: str) -> Override:
    return Override(level, computed, 1, "", digest)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([override(HIGH, LOW, "old")], 0),
        ([override(LOW, HIGH, "old")], None),
        ([override(LOW, HIGH, "now")], 0),
        ([override(LOW, HIGH, "old"), override(HIGH, MEDIUM, "older")], 1),
        ([override(LOW, HIGH, "now"), override(HIGH, MEDIUM, "older")], 0),
        ([override(MEDIUM, LOW, "old"), override(HIGH, LOW, "old")], 0),
        ([override(MEDIUM, LOW, "now"), override(LOW, LOW, "now"), override(HIGH, LOW, "now")], 0),
        ([override(MEDIUM, LOW, "old"), override(LOW, LOW, "old"), override(HIGH, LOW, "old")], 2),
    ],
)
def test_a_lower_level_counts_for_its_plan_alone_and_a_higher_one_for_all(
    rows: list[Override], expected: int | None
) -> None:
    assert standing_override(rows, plan_digest="now") == (None if expected is None else rows[expected])


def at(hour: int, hours: int = 1) -> Period:
    start = TUESDAY + timedelta(hours=hour)
    return Period(start, start + timedelta(hours=hours))


def nightly(**scope: list[str]) -> RecurringWindow:
    return stored_window(
        name="nightly", starts_at="2027-01-01T01:00", minutes=240, rule="FREQ=DAILY", time_zone="UTC", scope=scope
    )


@pytest.mark.parametrize(
    ("window", "devices", "windows", "expected"),
    [
        (None, (FRA,), (nightly(),), None),
        (at(10), (FRA,), (), Timing.BUSINESS_HOURS),
        (at(22), (FRA,), (), Timing.OUT_OF_HOURS),
        (at(2), (FRA, MUC), (nightly(),), Timing.MAINTENANCE_WINDOW),
        (at(2), (FRA, MUC), (nightly(sites=["FRA"]),), Timing.OUT_OF_HOURS),
        (at(2, hours=5), (FRA,), (nightly(),), Timing.OUT_OF_HOURS),
        (at(2), (), (nightly(),), Timing.OUT_OF_HOURS),
    ],
    ids=["no_window", "office", "night", "all_inside", "one_without", "longer_than_it", "no_device"],
)
def test_a_maintenance_window_counts_only_where_it_covers_every_device(
    window: Period | None,
    devices: tuple[CalendarDevice, ...],
    windows: tuple[RecurringWindow, ...],
    expected: Timing | None,
) -> None:
    assert timing_of(window, devices, windows, BusinessTime()) is expected


def test_no_answer_goes_below_what_is_known_of_some_devices() -> None:
    known = RiskFacts(devices=3, criticality_least=Criticality.HIGH)
    [question] = [each for each in questions(known) if each.fact == "criticality"]
    assert [answer.key for answer in question.answers] == ["high", "vital"]
    with pytest.raises(InvalidInputError):
        with_answer(known, "criticality", "low")
    assert with_answer(known, "criticality", "vital").criticality is Criticality.VITAL
    assert RiskFacts.of(known.to_data()) == known


def test_an_answered_question_is_asked_again_and_a_measured_fact_is_not() -> None:
    open_facts = RiskFacts(devices=3)
    answered = with_answer(open_facts, "timing", "out_of_hours")
    assert "timing" not in {question.fact for question in questions(answered)}
    assert {question.fact for question in askable(answered)} == {question.fact for question in questions(open_facts)}
    assert "devices" not in {question.fact for question in askable(replace(answered, answered=frozenset({"timing"})))}
