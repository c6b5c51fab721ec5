"""The figures of an odd history against what plain SQL and plain arithmetic make of the same rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from django.db import connection

from audit.actor import Actor
from audit.recorder import record
from changes.domain.kpis.reading import Value
from changes.domain.reports.periods import ReportKind, days_of
from changes.models import Approval, ChangeRequest, Review, RollbackOrder, Run
from changes.services.kpis.counting import count_figures, kpi_changes
from changes.services.kpis.scope import Scope
from changes.services.kpis.series import course_of
from changes.services.retrying import run_retry
from devices.models import Device
from tests.database import as_owner
from tests.factories import Cast, actor, carried_out, started, submitted
from tests.integration.kpis.test_figures import closed, tell

pytestmark = pytest.mark.django_db

# The week in which clocks in Europe go forward; days are counted in UTC all the same.
MONDAY = datetime(2026, 3, 23, tzinfo=UTC)
WEEK = Scope(ReportKind.WEEKLY, days_of(ReportKind.WEEKLY, MONDAY.date()))
MOMENT = timedelta(microseconds=1)

CLOSED = """
    SELECT c.id, c.close_code, c.type, extract(epoch FROM (SELECT max(r.ended_at) FROM changes_run r
           WHERE r.change_id = c.id) - c.created_at)::float,
           (SELECT count(*) FROM changes_run r WHERE r.change_id = c.id),
           (SELECT count(*) FROM changes_rollbackorder o JOIN changes_run r ON r.id = o.run_id
            WHERE r.change_id = c.id),
           (SELECT count(*) FROM audit_event e WHERE e.change_id = c.id AND e.actor_id IS NOT NULL
            AND (e.action LIKE 'run.%%' AND e.action NOT IN ('run.started', 'run.ended')
                 OR e.action = 'change.retried'))
    FROM changes_changerequest c WHERE c.state = 'closed' AND c.closed_at >= %s AND c.closed_at < %s
"""


def rows_of(statement: str, *values: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def retried(cast: Cast, devices: list[Device], at: datetime) -> ChangeRequest:
    """A change of which one device failed, was tried again in a run of its own, and then succeeded."""
    run = carried_out(started(cast, devices), rejected=devices[:1])
    again = carried_out(run_retry(change_id=run.change_id, actor=actor(cast.implementer), comment="The link is back."))
    Run.objects.filter(change=run.change).update(started_at=at - timedelta(hours=3), ended_at=at - timedelta(hours=2))
    Run.objects.filter(pk=again.pk).update(ended_at=at - timedelta(minutes=30))
    ChangeRequest.objects.filter(pk=run.change_id).update(
        state="closed", close_code="successful", closed_at=at, created_at=at - timedelta(days=2)
    )
    tell("change", run.change_id, "closed")
    return run.change


def rolled_back_by(change: ChangeRequest, person_id: int | None) -> None:
    RollbackOrder.objects.create(run=change.runs.get(), ordered_by_id=person_id, whole=False, devices=1, reason="")


def test_every_figure_is_what_plain_arithmetic_makes_of_an_odd_history(cast: Cast, devices: list[Device]) -> None:
    end = MONDAY + timedelta(days=7)
    closed(cast, devices, "successful", at=MONDAY)
    closed(cast, devices, "successful_with_issues", at=end - MOMENT, type="emergency")
    for outside in (MONDAY - MOMENT, end):
        closed(cast, devices, "failed", at=outside)
    again = retried(cast, devices, MONDAY + timedelta(days=2))
    partly = closed(cast, devices, "successful_with_issues", at=MONDAY + timedelta(days=6, hours=1, minutes=30))
    rolled_back_by(partly, cast.implementer.pk)
    rolled_back_by(closed(cast, devices, "successful_with_issues", at=MONDAY + timedelta(days=3)), None)
    worst = closed(cast, devices, "rolled_back", at=MONDAY + timedelta(days=1))
    Review.objects.filter(change=worst).update(
        began_at=MONDAY, detected_at=MONDAY + timedelta(seconds=91), restored_at=MONDAY + timedelta(seconds=500)
    )
    waiting = submitted(cast.author, devices)
    ChangeRequest.objects.filter(pk=waiting.pk).update(state="canceled", closed_at=None, updated_at=MONDAY)
    tell("change", waiting.pk, "canceled")

    rows = rows_of(CLOSED, MONDAY, end)
    total = len(rows)
    assert total == 6
    found = count_figures(WEEK).now
    expected = {
        "success-rate": sum(row[1] == "successful" for row in rows),
        "change-failure-rate": sum(row[1] in {"failed", "rolled_back"} for row in rows),
        "rollback-rate": sum(row[1] == "rolled_back" or row[5] > 0 for row in rows),
        "emergency-share": sum(row[2] == "emergency" for row in rows),
        "human-intervention-rate": sum(row[6] > 0 or row[0] == partly.pk for row in rows),
    }
    assert {key: (found[key].numerator, found[key].denominator) for key in expected} == {
        key: (number, total) for key, number in expected.items()
    }
    assert expected["human-intervention-rate"] == 2, "a retry, and a rollback that a person ordered"
    assert expected["rollback-rate"] == 3
    assert again in kpi_changes("human-intervention-rate", WEEK, "counted")
    assert found["lead-time"] == Value(round(median(row[3] for row in rows)), total)
    assert found["time-to-detect"] == Value(91, 1)
    assert found["time-to-restore"] == Value(409, 1)
    assert [point.tally.closed for point in course_of(WEEK)][-2:] == [1, total]
    empty = count_figures(Scope(ReportKind.WEEKLY, days_of(ReportKind.WEEKLY, (MONDAY - timedelta(days=70)).date())))
    assert all(value == Value() for value in empty.now.values())


def test_stages_count_once_in_the_period_in_which_the_change_got_its_last_approval(
    cast: Cast, devices: list[Device]
) -> None:
    change = closed(cast, devices, "successful", at=MONDAY + timedelta(days=9))
    ChangeRequest.objects.filter(pk=change.pk).update(submitted_at=MONDAY + timedelta(days=5))
    first, second = Approval.objects.filter(change=change).order_by("pk")
    with as_owner() as cursor:  # Decisions stay as they were given: only their time is moved here.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_approval DISABLE TRIGGER USER")
        for row, day in ((first, 6), (second, 8)):
            cursor.execute(
                "UPDATE changes_approval SET created_at = %s WHERE id = %s", [MONDAY + timedelta(days=day), row.pk]
            )
        cursor.execute("ALTER TABLE changes_approval ENABLE TRIGGER USER")
    assert count_figures(WEEK).now["time-to-approve"].denominator == 0
    assert not kpi_changes("time-to-approve", WEEK, "all").exists()
    next_week = Scope(ReportKind.WEEKLY, days_of(ReportKind.WEEKLY, WEEK.days.end))
    found = count_figures(next_week)
    assert {time.stage: time.now for time in found.stages} == {
        first.stage: Value(24 * 3600, 1), second.stage: Value(48 * 3600, 1),
    }  # fmt: skip
    assert found.now["time-to-approve"] == Value(36 * 3600, 2)
    assert list(kpi_changes("time-to-approve", next_week, "counted")) == [change]
    assert not kpi_changes("time-to-approve", next_week, "others").exists()


def test_a_review_from_before_the_last_run_is_no_evidence(cast: Cast, devices: list[Device]) -> None:
    change = closed(cast, devices, "rolled_back", at=MONDAY)
    connection.check_constraints()
    counted = kpi_changes("evidence-completeness", WEEK, "counted")
    Review.objects.filter(change=change).update(submitted_at=MONDAY)
    assert change in counted
    Run.objects.filter(change=change).update(ended_at=MONDAY + timedelta(hours=1))
    assert change not in counted.all()
    milder = closed(cast, devices, "successful_with_issues", at=MONDAY)
    assert milder in counted.all()
    connection.check_constraints()
    Run.objects.filter(change=milder).update(outcome="unknown")
    assert milder not in counted.all(), "what a run came to demands a review under every close code"


def test_a_step_of_the_system_is_no_intervention(cast: Cast, devices: list[Device]) -> None:
    change = closed(cast, devices, "successful", at=MONDAY)
    record(
        actor=Actor.system("dispatcher"), action="change.retried", object_type="change", object_id=change.pk,
        change_id=change.pk,
    )  # fmt: skip
    assert count_figures(WEEK).now["human-intervention-rate"] == Value(0, 1)
