"""Reports: made for a period that is over, kept for good, and loud about emergencies."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django.fixtures import Settings

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.reports.document import seal
from changes.domain.reports.periods import ReportKind, days_of
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import ChangeRequest, Report, Review
from changes.services.reports import making
from changes.services.reports.making import report_document, report_get, report_make, reports_make_due
from devices.models import Device
from tests.database import as_owner
from tests.factories import Cast, actor, submitted
from tests.integration.kpis.test_figures import NOW, closed, tell

pytestmark = pytest.mark.django_db

TOPICS = {
    "weekly": ["emergencies", "figures", "failures", "exceptions", "aborts", "drift", "follow-up"],
    "monthly": ["emergencies", "figures", "controls", "drift", "rollbacks", "gates", "shares", "follow-up"],
    "quarterly": [
        "emergencies", "leadership", "figures", "owners", "policies", "retention", "retrieval", "drift", "follow-up",
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(ReportKind))
def test_each_report_holds_the_topics_of_its_review(kind: ReportKind, cast: Cast, devices: list[Device]) -> None:
    closed(cast, devices, "successful")
    change = closed(cast, devices, "rolled_back", type="emergency")
    report = report_make(actor=actor(cast.manager), kind=kind.value, day="2026-03-18")
    document = report_get(report.pk)[1]
    assert [section["topic"] for section in document["sections"]] == TOPICS[kind.value]
    first = document["sections"][0]["blocks"]
    assert (first[0]["tone"], first[0]["title"]) == ("bad", "1 emergency change in this period.")
    assert first[1]["rows"][0][0] == change.number
    assert (report.emergencies, report.edition, report.made_by) == (1, 1, cast.manager)
    assert json.loads(report.body) == document
    event = Event.objects.get(action="report.made")
    assert event.content()["details"]["digest"] == report.digest


def test_a_kept_report_reads_the_same_whatever_happens_afterwards(cast: Cast, devices: list[Device]) -> None:
    closed(cast, devices, "successful")
    report = report_make(actor=actor(cast.manager), kind="monthly", day="2026-03-18")
    closed(cast, devices, "rolled_back")
    again = report_get(report.pk)[1]
    assert seal(again) == (report.body, report.digest)
    now = report_document(ReportKind.MONTHLY, days_of(ReportKind.MONTHLY, NOW.date()), NOW)
    assert now["sections"][1] != again["sections"][1]
    with pytest.raises(InvalidInputError, match="say why"):
        report_make(actor=actor(cast.manager), kind="monthly", day="2026-03-18")
    second = report_make(actor=actor(cast.manager), kind="monthly", day="2026-03-01", comment="A change was missing.")
    assert (second.edition, second.reason) == (2, "A change was missing.")
    for statement in ("UPDATE changes_report SET body = '{}'", "DELETE FROM changes_report"):
        with pytest.raises(IntegrityError, match="stays as it was made"), transaction.atomic():
            connection.cursor().execute(statement)


def test_a_report_whose_bytes_or_digest_were_changed_in_the_database_is_not_shown(cast: Cast) -> None:
    report = report_make(actor=actor(cast.manager), kind="weekly", day="2026-03-18")
    forged = {**report_get(report.pk)[1], "emergencies": 7}
    body, digest = seal(forged)
    for fields in ({"body": body}, {"body": body, "digest": digest}):
        with transaction.atomic(), as_owner() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE changes_report DISABLE TRIGGER changes_report_stays")
            Report.objects.filter(pk=report.pk).update(**fields)
            cursor.execute("ALTER TABLE changes_report ENABLE TRIGGER changes_report_stays")
        with pytest.raises(ConflictError, match="not the one that was made") as broken:
            report_get(report.pk)
        assert broken.value.code == "ARTIFACT_CHECKSUM_BAD"
    with as_owner(), pytest.raises(IntegrityError, match="stays as it was made"), transaction.atomic():
        connection.cursor().execute("TRUNCATE changes_report")


def test_a_report_that_the_audit_log_does_not_know_is_not_shown(cast: Cast) -> None:
    made = report_make(actor=actor(cast.manager), kind="weekly", day="2026-03-18")
    inserted = Report.objects.create(
        kind="weekly", starts_on=made.starts_on, ends_on=made.ends_on, edition=2, digest=made.digest, body=made.body,
        reason="By hand.",
    )  # fmt: skip
    with pytest.raises(ConflictError, match="audit log does not hold"):
        report_get(inserted.pk)
    transaction.set_rollback(True)


def test_emergencies_that_did_not_run_lack_no_review_and_a_draft_is_none(cast: Cast, devices: list[Device]) -> None:
    ran = closed(cast, devices, "successful", type="emergency")
    rejected = submitted(cast.author, devices)
    ChangeRequest.objects.filter(pk=rejected.pk).update(type="emergency", state="rejected", submitted_at=NOW)
    tell("change", rejected.pk, "rejected")
    document = report_document(ReportKind.WEEKLY, days_of(ReportKind.WEEKLY, NOW.date()), NOW)
    alert, listed, unknown = document["sections"][0]["blocks"]
    assert unknown["title"].startswith("The record of this installation begins on "), "March is before it"
    assert (alert["title"], alert["text"]) == (
        "2 emergency changes in this period.", "None that ran lacks its review.",
    )  # fmt: skip
    assert [row[4] for row in listed["rows"]] == ["Submitted", "Not due: it did not run"]
    connection.check_constraints()
    Review.objects.filter(change=ran).update(state="draft")
    tell("review", ran.review.pk, "draft")
    document = report_document(ReportKind.WEEKLY, days_of(ReportKind.WEEKLY, NOW.date()), NOW)
    assert document["sections"][0]["blocks"][0]["text"] == "1 without a submitted review."


def test_one_report_that_cannot_be_made_now_keeps_none_of_the_others_back(
    cast: Cast, devices: list[Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(cast, devices, "successful")
    make = making._make

    def busy(kind: ReportKind, *args: Any, **fields: Any) -> Report:  # noqa: ANN401 - handed on as they are
        if kind is ReportKind.WEEKLY:
            raise ConflictError("A report is being made just now.", code="report_being_made")
        return make(kind, *args, **fields)

    monkeypatch.setattr(making, "_make", busy)
    made = reports_make_due(datetime.now(UTC) + timedelta(days=100))
    assert [report.kind for report in made] == ["monthly", "quarterly"]


def test_a_report_is_judged_by_the_installation_s_targets_and_tells_them(
    cast: Cast, devices: list[Device], settings: Settings
) -> None:
    closed(cast, devices, "successful")
    settings.COUNTERSIGN_KPI_TARGETS = {"lead-time": (3600, 7200)}
    report = report_make(actor=actor(cast.manager), kind="quarterly", day="2026-03-18")
    settings.COUNTERSIGN_KPI_TARGETS = {}
    sections = {section["topic"]: section for section in report_get(report.pk)[1]["sections"]}
    [row] = [row for row in sections["figures"]["blocks"][0]["rows"] if row["key"] == "lead-time"]
    assert (row["rag"], row["target"]) == ("red", "on target up to 1 h, a gap from 2 h")
    status = {row[0]: row[3] for row in sections["leadership"]["blocks"][1]["rows"]}
    assert status["Lead time"] == "Gap"


def test_only_change_managers_make_reports_and_only_of_what_is_over(cast: Cast) -> None:
    for person in (cast.author, cast.auditor, cast.superuser):
        with pytest.raises(PolicyDeniedError):
            report_make(actor=actor(person), kind="weekly", day="2026-03-18")
    assert Event.objects.filter(action="report.make_refused").count() == 3
    for kind, day, wrong in (
        ("yearly", "2026-03-18", "kind"),
        ("weekly", "soon", "day"),
        ("weekly", "2999-01-01", "day"),
        ("weekly", "2199-01-01", "day"),
        ("quarterly", "0001-01-01", "day"),
    ):
        with pytest.raises(InvalidInputError) as refused:
            report_make(actor=actor(cast.manager), kind=kind, day=day)
        assert list(refused.value.fields) == [wrong]
    assert not Report.objects.exists()


def test_the_schedule_makes_each_report_once_and_none_of_a_time_without_records(
    cast: Cast, devices: list[Device]
) -> None:
    assert reports_make_due() == []
    closed(cast, devices, "successful")
    then = datetime.now(UTC) + timedelta(days=100)
    made = reports_make_due(then)
    assert [report.kind for report in made] == list(ReportKind)
    assert "The record of this installation" not in made[0].body, "it began before that week"
    assert all(report.made_by is None and report.ends_on <= then.date() for report in made)
    assert reports_make_due(then) == []


def test_the_retrieval_test_finds_what_is_missing(cast: Cast, devices: list[Device]) -> None:
    from changes.models import DeviceRun
    from changes.services.reports.retrieval import retrieval_test

    good, poor = closed(cast, devices, "successful"), closed(cast, devices, "successful")
    DeviceRun.objects.filter(run__change=poor).update(before=None)
    found = {item.change: item for item in retrieval_test(days_of(ReportKind.QUARTERLY, NOW.date()))}
    assert [clause for clause in found[good].missing if "closed" not in clause] == []
    assert found[good].snapshots == 4
    assert "no configuration of fra-acc-01 from before the change" in found[poor].missing
