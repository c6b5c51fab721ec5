"""A review written, submitted and accepted in a browser; and how its page, the figures and the reports look."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from changes.models import ChangeRequest
from changes.services.reports.making import report_make
from changes.services.review import change_close
from changes.services.reviews import review_submit, review_write
from devices.models import Device
from tests.database import as_owner
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, actor, carried_out, started
from tests.integration.reviews.conftest import TEXTS

pytestmark = pytest.mark.e2e

VERDICT = "changes_changerequest_verdict_stays"
LONG = "An unbreakable title: " + "supercalifragilistic" * 5


@pytest.fixture
def history(cast: Cast, devices: list[Device]) -> ChangeRequest:
    """Closed changes in three months; the one returned was rolled back and waits for its review."""
    for number, code in enumerate(("successful", "successful_with_issues", "rolled_back", "successful")):
        run = carried_out(started(cast, devices[:2], title=LONG), rejected=devices[:2] if code == "rolled_back" else [])
        if code == "rolled_back":
            review_write(change_id=run.change_id, writer=actor(cast.author), data=TEXTS)
            review_submit(change_id=run.change_id, writer=actor(cast.author))
        change_close(change_id=run.change_id, manager=actor(cast.manager), close_code=code, comment="As told.")
        with as_owner() as cursor:  # A closed change keeps its verdict: only here it was closed long ago.
            cursor.execute(f"ALTER TABLE changes_changerequest DISABLE TRIGGER {VERDICT}")
            ChangeRequest.objects.filter(pk=run.change_id).update(
                closed_at=timezone.now() - timedelta(days=31 * (number // 2)),
                type="emergency" if code == "rolled_back" else "normal",
            )
            cursor.execute(f"ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER {VERDICT}")
    return carried_out(started(cast, devices[:2]), rejected=devices[:2]).change


def test_a_review_goes_from_the_first_word_to_its_acceptance_and_every_page_looks_right(
    cast: Cast, history: ChangeRequest, comes: Comes
) -> None:
    author, manager = comes(cast.author), comes(cast.manager)
    author.goes(f"/changes/{history.pk}/review/")
    author.poses("review-form")
    for name, text in TEXTS.items():
        field = author.page.locator(f"[name={name}]")
        field.select_option(text) if name == "outcome" else field.fill(text)
    author.clicks("button", "Submit the review")
    author.page.get_by_text("Add an action").click()
    author.page.locator("form [name=text]").fill("Write a template and try it on one switch of each kind.")
    author.page.locator("[name=owner]").fill("peer")
    author.page.locator("[name=due_on]").fill(timezone.now().date().isoformat())
    author.clicks("button", "Add the action")
    manager.goes(f"/changes/{history.pk}/review/")
    manager.page.get_by_text("Accept", exact=True).first.click()
    manager.clicks("button", "Accept the review")
    assert manager.page.get_by_text("Accepted").first.is_visible()
    manager.poses("review-accepted")
    manager.goes(f"/changes/{history.pk}/close/")
    manager.page.locator("[name=comment]").fill("As the review says.")
    manager.clicks("button", "Close the change", exact=True)

    auditor = comes(cast.auditor)
    for name, path in (("reviews", "/reviews/"), ("actions", "/review-actions/"), ("reports", "/reports/")):
        auditor.goes(path)
        auditor.poses(name)
    auditor.goes("/figures/")
    auditor.page.get_by_text("How it is counted").first.click()
    auditor.looks("figures", typed=True)
    auditor.clicks("link", "Rollback rate", exact=True)
    assert auditor.page.get_by_role("link", name=history.title).first.is_visible()
    auditor.poses("figures-changes")
    last_month = timezone.now().date().replace(day=1) - timedelta(days=1)
    for kind in ("monthly", "quarterly"):
        day = last_month if kind == "monthly" else last_month - timedelta(days=92)
        report = report_make(actor=actor(cast.manager), kind=kind, day=day.isoformat())
        auditor.goes(f"/reports/{report.pk}/")
        auditor.poses(f"report-{kind}")
