"""What is overdue is said where people look: on the page, by `check --deploy`, in the quarterly report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Archive, Event, Opening, Redaction
from audit.retention.archiving import Archived
from audit.retention.reminding import reminders
from audit.retention.retrieval import retrieval_test
from audit.retention_checks import W_OVERDUE, check_retention
from audit.sealing.trust import trusted_keys
from changes.domain.reports.periods import ReportKind, days_of
from changes.models import ThreadComment
from changes.services.reports.making import report_document
from changes.services.requests import change_cancel
from changes.services.threads import thread_open
from tests import factories
from tests.database import as_sealer
from tests.factories import Cast, actor
from tests.forging import forge
from tests.integration.retention.test_archived_texts import TEXT, WHY, redacted_in_archive
from tests.integration.retention.test_archiving import aged, archived, archivist, cast, closed, deferred, ended
from tests.integration.sealing_fixtures import Seal

__all__ = ["cast", "closed", "ended"]
pytestmark = pytest.mark.django_db


def page_for(user: object, url: str = "/audit/retention/") -> str:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client.get(url).content.decode()


def test_a_retrieval_test_that_is_overdue_or_has_failed_is_told(cast: Cast, ended: int, tmp_path: Path) -> None:
    assert check_retention(None) == []
    made = archived(tmp_path)
    assert isinstance(made, Archived)
    assert reminders() == (), "the first is due in a quarter"
    forge("UPDATE audit_archive SET removed_at = now() - interval '93 days'")
    deferred()
    (warning,) = check_retention(None)
    assert (warning.id, "None was made so far." in warning.msg) == (W_OVERDUE, True)
    assert "A retrieval test of the archives is due once a quarter." in page_for(cast.auditor)
    retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys())
    assert reminders() == ()
    forge("UPDATE audit_retrieval_test SET made_at = now() - interval '93 days'")
    deferred()
    assert "The last retrieval test was made on " in reminders()[0]
    made.file.unlink()
    retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys())
    assert "has failed. Restore the files" in reminders()[0]


def test_an_archive_that_waits_for_a_day_is_told(ended: int, tmp_path: Path) -> None:
    assert isinstance(archived(tmp_path), Archived)
    forge("UPDATE audit_archive SET state = 'recorded', removed_at = NULL")
    assert reminders() == ()
    forge("UPDATE audit_archive SET recorded_at = now() - interval '25 hours'")
    assert "Archives wait, and their events are still in the table: archive-00001.zip." in reminders()[0]


def test_the_texts_of_an_archived_event_are_redacted_from_the_page_and_followed_to_the_file(
    cast: Cast, ended: int, seal: Seal, tmp_path: Path
) -> None:
    event = Opening.objects.get(path="/reason", value=TEXT).event_id
    assert isinstance(archived(tmp_path), Archived)
    seal()
    assert f'href="/audit/{event}/redact/"' in page_for(cast.manager, f"/audit/{event}/")
    form = page_for(cast.manager, f"/audit/{event}/redact/")
    assert "All texts of the event" in form or "all texts of the event" in form
    assert "archive-00001.zip" in form
    client = Client()
    client.force_login(cast.manager)
    answer = client.post(f"/audit/{event}/redact/", {"paths": ["*"], "reason": WHY})
    found = Redaction.objects.get()
    assert answer.headers["Location"] == f"/audit/redactions/{found.pk}/"
    assert "In the archive, with its event" in page_for(cast.auditor, f"/audit/redactions/{found.pk}/")
    seal()
    client.force_login(cast.auditor)
    client.post(f"/audit/redactions/{found.pk}/carry-out/", {"comment": "I looked at the file."})
    found.refresh_from_db()
    assert found.state == "carried_out"
    assert "Still in the file archive-00001.zip" in page_for(cast.auditor, f"/audit/redactions/{found.pk}/")
    assert "Texts that two people have redacted still stand in archives: archive-00001.zip." in reminders()[0]
    with as_sealer():
        assert len(list(archivist(tmp_path).redact())) == 1
    assert reminders() == ()
    assert "Gone: taken out of the log" in page_for(cast.auditor, f"/audit/redactions/{found.pk}/")


def test_with_the_texts_of_an_archived_event_goes_the_comment_that_repeats_one(
    cast: Cast, seal: Seal, tmp_path: Path
) -> None:
    change = factories.draft(cast.author)
    thread_open(change_id=change.pk, actor=actor(cast.peer), text="The password is hunter2.")
    change_cancel(change_id=change.pk, actor=actor(cast.author), comment="Not needed.")
    aged(f"change_id = {change.pk}")
    seal()
    comment = ThreadComment.objects.get(thread__change=change)
    event = Event.objects.get(object_type="thread_comment", object_id=str(comment.pk)).pk
    assert isinstance(archived(tmp_path), Archived)
    seal()
    redacted_in_archive(cast, seal, event)
    comment.refresh_from_db()
    assert comment.text == "[redacted]"


def test_the_quarterly_report_lists_tests_of_archives_and_says_what_it_lacks(
    cast: Cast, closed: int, tmp_path: Path
) -> None:
    now = timezone.now()

    def report(day: object) -> str:
        return json.dumps(report_document(ReportKind.QUARTERLY, days_of(ReportKind.QUARTERLY, day), now))  # type: ignore[arg-type]

    made = archived(tmp_path)
    assert isinstance(made, Archived)
    said = report(now.date())
    assert "There are archives, and none was tested." in said
    assert f"Whole; {made.events} events are in archives" in said
    assert "the record lacks" not in said
    assert "Events from these days went to archives" not in said
    assert "Events from these days went to archives" in report(Archive.objects.get().first_at.date())
    retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys())
    said = report(now.date())
    assert "Retrieval tests of archives" in said
    assert "Passed" in said
    assert "none was tested" not in said
