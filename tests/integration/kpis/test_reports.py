"""Reports: made for a period that is over, kept for good, and loud about emergencies."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.reports.document import seal
from changes.domain.reports.periods import ReportKind, days_of
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import Report
from changes.services.reports.making import report_document, report_get, report_make, reports_make_due
from devices.models import Device
from tests.factories import Cast, actor
from tests.integration.kpis.test_figures import NOW, closed

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


def test_a_report_whose_bytes_were_changed_is_not_shown(cast: Cast) -> None:
    report = report_make(actor=actor(cast.manager), kind="weekly", day="2026-03-18")
    forged = Report(
        kind="weekly", starts_on=report.starts_on, ends_on=report.ends_on, edition=2, digest=report.digest,
        body=report.body.replace("No emergency", "Some emergency"), reason="Forged.",
    )  # fmt: skip
    forged.save()
    with pytest.raises(ConflictError) as broken:
        report_get(forged.pk)
    assert broken.value.code == "ARTIFACT_CHECKSUM_BAD"
    transaction.set_rollback(True)


def test_only_change_managers_make_reports_and_only_of_what_is_over(cast: Cast) -> None:
    for person in (cast.author, cast.auditor, cast.superuser):
        with pytest.raises(PolicyDeniedError):
            report_make(actor=actor(person), kind="weekly", day="2026-03-18")
    assert Event.objects.filter(action="report.make_refused").count() == 3
    for kind, day, wrong in (
        ("yearly", "2026-03-18", "kind"),
        ("weekly", "soon", "day"),
        ("weekly", "2999-01-01", "day"),
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
