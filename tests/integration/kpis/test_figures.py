"""The figures against changes whose course is known, and the lists behind them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.kpis.definitions import BY_KEY, KPIS, ON_CHANGES, UNAUTHORIZED
from changes.domain.reports import document
from changes.domain.reports.periods import ReportKind, days_of
from changes.models import Approval, ChangeRequest, DeviceRun, Review, Run
from changes.services.kpis.conditions import conditions
from changes.services.kpis.counting import count_figures, kpi_changes
from changes.services.kpis.scope import Scope
from changes.services.kpis.series import by_site, by_template, by_type, course_of
from devices.errors import BadFieldsError
from devices.models import Device, DriftRecord
from devices.services.drift_queue import drifts_matching
from portal.presenters.reports import figure_rows
from tests.factories import Cast, actor, carried_out, started, state_told

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
MONTH = Scope(ReportKind.MONTHLY, days_of(ReportKind.MONTHLY, NOW.date()))


def closed(cast: Cast, devices: list[Device], code: str, *, at: datetime = NOW, **fields: object) -> ChangeRequest:
    """A change that was closed at a moment, ten hours after its first draft, and reviewed where it must be."""
    bad = code in {"rolled_back", "failed", "aborted"}
    run = carried_out(started(cast, devices), rejected=devices if bad else [])
    Run.objects.filter(pk=run.pk).update(started_at=at - timedelta(hours=2), ended_at=at - timedelta(hours=1))
    if bad or fields.get("type") == "emergency":
        reviewed(run.change, cast, at)
    rows = ChangeRequest.objects.filter(pk=run.change_id)
    rows.update(**{
        "state": "closed", "close_code": code, "closed_at": at, "created_at": at - timedelta(hours=10),
        "submitted_at": at - timedelta(hours=8), **fields,
    })  # fmt: skip
    tell("change", run.change_id, "closed")
    return rows.get()


def reviewed(change: ChangeRequest, cast: Cast, at: datetime) -> Review:
    review = Review.objects.create(change=change, state="submitted", submitted_by=cast.author, submitted_at=at)
    tell("review", review.pk, "submitted")
    return review


def tell(kind: str, pk: int, state: str) -> None:
    record(
        actor=Actor.system("test"), action=f"{kind}.{state}", object_type=kind, object_id=pk,
        state_from=state_told(kind, pk), state_to=state,
    )  # fmt: skip


def keys(change: ChangeRequest, scope: Scope = MONTH) -> set[str]:
    """The figures for which a change counts."""
    return {key for key in conditions() if kpi_changes(key, scope, "counted").filter(pk=change.pk).exists()}


def test_figures_count_what_their_definitions_say(cast: Cast, devices: list[Device]) -> None:
    good = closed(cast, devices, "successful")
    partly = closed(cast, devices, "successful_with_issues", type="emergency")
    taken_back = closed(cast, devices, "rolled_back")
    aborted = closed(cast, devices, "aborted")
    closed(cast, devices, "failed", at=NOW - timedelta(days=30))
    found = count_figures(MONTH)
    counted = {key: (value.numerator, value.denominator) for key, value in found.now.items()}
    assert counted["success-rate"] == (1, 4)
    assert counted["change-failure-rate"] == (1, 4)
    assert counted["rollback-rate"] == (1, 4)
    assert counted["safe-abort-ratio"] == (1, 2)
    assert counted["emergency-share"] == (1, 4)
    assert counted["human-intervention-rate"] == (0, 4)
    risky = ChangeRequest.objects.filter(closed_at=NOW, risk_level="high").count()
    assert counted["high-risk-approvals"] == (risky, risky)
    assert counted["evidence-completeness"] == (4, 4)
    assert counted["lead-time"] == (9 * 3600, 4)
    assert found.before["change-failure-rate"].text(BY_KEY["change-failure-rate"]) == "1 of 1"
    assert "success-rate" in keys(good)
    assert keys(taken_back) >= {"change-failure-rate", "rollback-rate"}
    assert "safe-abort-ratio" in keys(aborted)
    assert "emergency-share" in keys(partly)


def test_evidence_lacks_where_a_device_has_no_configuration_from_after_or_the_run_had_another_plan(
    cast: Cast, devices: list[Device]
) -> None:
    whole, unread, other = (closed(cast, devices, "successful") for _number in range(3))
    DeviceRun.objects.filter(run__change=unread, device=devices[0]).update(after=None)
    Run.objects.filter(change=other).update(plan_digest="f" * 64)
    assert set(kpi_changes("evidence-completeness", MONTH, "counted")) == {whole}
    assert set(kpi_changes("evidence-completeness", MONTH, "others")) == {unread, other}


def test_the_lists_behind_the_figures_are_exactly_what_was_counted(cast: Cast, devices: list[Device]) -> None:
    for code in ("successful", "successful", "rolled_back", "aborted"):
        closed(cast, devices, code)
    figures = count_figures(MONTH).now
    for key in sorted(ON_CHANGES):
        counted, others, everything = (set(kpi_changes(key, MONTH, part)) for part in ("counted", "others", "all"))
        assert counted | others == everything, key
        assert not counted & others, key
        if key == "time-to-approve":
            assert not everything, "the approvals are of today, and the figures of March"
        elif key.startswith("time-") or key == "lead-time":
            assert figures[key].denominator == len(everything), key
        else:
            assert (figures[key].numerator, figures[key].denominator) == (len(counted), len(everything)), key
    with pytest.raises(InvalidInputError, match="not counted over changes"):
        kpi_changes("unauthorized-changes", MONTH, "all")


def test_a_step_by_a_person_is_an_intervention_and_one_by_the_system_is_not(cast: Cast, devices: list[Device]) -> None:
    one, other = closed(cast, devices, "successful"), closed(cast, devices, "successful")
    for change, who in ((one, actor(cast.implementer)), (other, Actor.system("dispatcher"))):
        record(actor=who, action="run.paused", object_type="run", object_id=1, change_id=change.pk)
    assert count_figures(MONTH).now["human-intervention-rate"].numerator == 1
    assert "human-intervention-rate" in keys(one)
    assert "human-intervention-rate" not in keys(other)


def test_each_stage_is_timed_from_its_own_opening(cast: Cast, devices: list[Device]) -> None:
    change = closed(cast, devices, "successful")
    ChangeRequest.objects.update(submitted_at=timezone.now() - timedelta(hours=2))
    this_week = Scope(ReportKind.WEEKLY, days_of(ReportKind.WEEKLY, timezone.now().date()))
    first, second = Approval.objects.filter(change=change).order_by("pk").values_list("stage", flat=True)
    found = count_figures(this_week)
    times = {time.stage: time.now for time in found.stages}
    assert set(times) == {first, second}
    assert times[first].numerator == pytest.approx(2 * 3600, abs=60)
    assert times[second].numerator == pytest.approx(0, abs=60), "it opened when the first stage was complete"
    assert found.now["time-to-approve"].denominator == 2
    ChangeRequest.objects.update(state="authorization")
    tell("change", change.pk, "authorization")
    assert count_figures(this_week).stages == (), "who is not through counts when they are"


def test_times_to_detect_and_to_restore_are_means_over_submitted_reviews(cast: Cast, devices: list[Device]) -> None:
    for minutes in (10, 20):
        change = closed(cast, devices, "rolled_back")
        start = NOW - timedelta(hours=5)
        Review.objects.filter(change=change).update(
            began_at=start,
            detected_at=start + timedelta(minutes=minutes),
            restored_at=start + timedelta(minutes=2 * minutes),
        )
    found = count_figures(MONTH).now
    assert found["time-to-detect"].number(BY_KEY["time-to-detect"]) == 15 * 60
    assert found["time-to-restore"].number(BY_KEY["time-to-restore"]) == 15 * 60
    Review.objects.update(restored_at=None, detected_at=None)
    assert count_figures(MONTH).now["time-to-detect"].denominator == 0


def test_unauthorized_changes_are_drift_without_a_change(cast: Cast, devices: list[Device]) -> None:
    plan = carried_out(started(cast, devices)).device_runs.select_related("before").first()
    assert plan
    assert plan.before
    for unauthorized, device in ((True, devices[0]), (False, devices[1])):
        found = DriftRecord.objects.create(
            device=device, baseline=plan.before, found=plan.before, drift_class="critical", unauthorized=unauthorized,
            lines_added=1, lines_removed=0, first_seen_at=NOW,
        )  # fmt: skip
        tell("drift", found.pk, "open")
    assert count_figures(MONTH).now["unauthorized-changes"].numerator == 1
    in_berlin = Scope(MONTH.kind, MONTH.days, site="BER")
    assert count_figures(in_berlin).now["unauthorized-changes"].numerator == 0
    for scope, count in ((MONTH, 1), (in_berlin, 0), (Scope(MONTH.kind, days_of(MONTH.kind, date(2026, 4, 1))), 0)):
        figures = document.figures(list(KPIS), count_figures(scope).now, {})
        url = next(row["url"] for row in figure_rows(figures["rows"], scope.query()) if row["key"] == UNAUTHORIZED)
        behind = drifts_matching(dict(parse_qsl(url.partition("?")[2])))
        assert behind.count() == count_figures(scope).now["unauthorized-changes"].numerator == count
    for bad in ("soon", "0001-01-01", "9999-12-31"):
        with pytest.raises(BadFieldsError):
            drifts_matching({"found_until": bad})
    assert "unauthorized-changes" not in count_figures(Scope(MONTH.kind, MONTH.days, "normal")).now


def test_site_and_type_narrow_figures_courses_and_lists(cast: Cast, devices: list[Device]) -> None:
    closed(cast, [devices[0]], "successful")
    both = closed(cast, devices, "successful_with_issues", type="emergency")
    assert [(name, tally.closed, tally.successful) for name, tally in by_site(MONTH)] == [("FRA", 2, 1), ("BER", 1, 0)]
    assert [(name, tally.closed) for name, tally in by_type(MONTH)] == [("Normal", 1), ("Emergency", 1)]
    assert [(name, tally.closed) for name, tally in by_template(MONTH)] == [("Without a template", 2)]
    in_berlin = Scope(MONTH.kind, MONTH.days, site="BER")
    assert list(kpi_changes("success-rate", in_berlin, "all")) == [both]
    assert count_figures(in_berlin).now["success-rate"].denominator == 1
    assert [point.tally.closed for point in course_of(MONTH)][-2:] == [0, 2]


def test_the_number_of_queries_does_not_depend_on_the_number_of_changes(
    cast: Cast, devices: list[Device], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _number in range(3):
        closed(cast, devices, "successful")
    with django_assert_num_queries(6):
        count_figures(MONTH)
    with django_assert_num_queries(4):
        course_of(MONTH), by_type(MONTH), by_site(MONTH), by_template(MONTH)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"kind": "daily"}, "kind"),
        ({"day": "21.11.2026"}, "day"),
        ({"day": "9999-12-31"}, "day"),
        ({"type": "big"}, "type"),
        ({"template": "x"}, "template"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused_by_name(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Scope.read(given, timezone.now().date())
    assert list(refused.value.fields) == [wrong]
