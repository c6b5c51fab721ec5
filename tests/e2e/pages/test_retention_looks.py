"""Retention and redactions of held texts in a browser, in every width and both themes, with archives and holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import expect

from audit.models import Archive, Event, Opening, RetrievalTest
from audit.redaction.redacting import redaction_carry_out, redaction_propose
from audit.retention.archiving import Archived
from audit.retention.holds import hold_place, hold_propose_release, hold_release
from audit.retention.periods import period_set
from audit.retention.retrieval import retrieval_test
from audit.sealing.trust import trusted_keys
from changes.services.requests import change_cancel
from tests.e2e.pages.conftest import Comes
from tests.e2e.pages.test_browsing_looks import glance
from tests.factories import Cast, actor, draft, joins
from tests.forging import forge
from tests.integration.retention.test_archiving import AGE, archived
from tests.sealing import seal_what_waits

pytestmark = pytest.mark.e2e
LAWSUIT = "A customer's lawyers asked for everything about the outage of the lobby's uplink. " * 2


@pytest.fixture
def kept(cast: Cast, sealing_key: object, tmp_path: Path) -> Cast:
    """Two archives, of which one is lost, holds in each state, periods, and a redaction whose event is held."""
    joins(cast.outsider, "administrator")
    seal_what_waits()
    admin, auditor = actor(cast.outsider), actor(cast.auditor)
    for name, days in (("normal", "700"), ("emergency", "3650")):
        period_set(actor=admin, retention_class=name, days=days, reason="Policy 4.")
    for title in ("Move ACME's line", "New uplinks in FRA"):
        change = draft(cast.author, title=title)
        change_cancel(change_id=change.pk, actor=actor(cast.author), comment="The customer's hall was given up.")
        with transaction.atomic():
            forge(AGE.format(days=800, which=f"change_id = {change.pk}"))
        seal_what_waits()
        if title.startswith("Move"):
            event = Opening.objects.get(path="/reason", value__startswith="The customer").event_id
            found = redaction_propose(actor=actor(cast.manager), event_id=event, paths=["/reason"], reason=LAWSUIT)
            seal_what_waits()
            redaction_carry_out(actor=auditor, redaction_id=found.pk, comment="Looked at it.")
            seal_what_waits()
        made = archived(tmp_path)
        assert isinstance(made, Archived)
        retrieval_test(actor=auditor, folder=tmp_path, keys=trusted_keys())
    (tmp_path / Archive.objects.latest("pk").file).unlink()
    retrieval_test(actor=auditor, folder=tmp_path, keys=trusted_keys())
    change = draft(cast.author, title="Lobby")
    for matter, given in (
        ("Case 2026-117", {"change_id": str(change.pk)}),
        ("Inquiry of the data protection office, file 8", {"since": "2026-01-01", "until": "2026-03-31"}),
        ("Case 4", {"since": "2026-02-01"}),
        ("Case 3", {"since": "2025-01-01"}),
    ):
        hold = hold_place(actor=auditor, given={"matter": matter, "reason": LAWSUIT, **given})
        if matter != "Case 2026-117":
            proposer = admin if matter == "Case 4" else auditor
            hold_propose_release(actor=proposer, hold_id=hold.pk, reason="Settled.")
    seal_what_waits()
    hold_release(actor=admin, hold_id=hold.pk)
    event = Event.objects.get(change_id=change.pk, action="change.created").pk
    path = Opening.objects.filter(event_id=event).earliest("path").path
    redaction_propose(actor=actor(cast.manager), event_id=event, paths=[path], reason="It names a customer.")
    seal_what_waits()
    return cast


def test_retention_and_held_redactions(kept: Cast, comes: Comes) -> None:
    admin = comes(kept.outsider)
    page = admin.page
    admin.goes("/audit/retention/")
    expect(page.get_by_text(Archive.objects.latest("pk").file)).to_be_visible()
    glance(admin, "retention")
    page.get_by_text("Set a period", exact=True).click()
    page.get_by_text("Place a hold", exact=True).click()
    glance(admin, "retention-forms")
    page.get_by_label("Days").fill("30")
    page.locator("#period-class").select_option("emergency")
    page.locator("#period-reason").fill("Policy 5.")
    with admin.expecting(400):
        page.get_by_role("button", name="Set the period").click()
        expect(page.get_by_text("Nothing was changed")).to_be_visible()
    expect(page.get_by_label("Days")).to_have_value("30")
    expect(page.locator("#period-class")).to_have_value("emergency")
    expect(page.locator("#period-reason")).to_have_value("Policy 5.")
    glance(admin, "retention-period-refused")
    admin.goes("/audit/retention/")
    page.get_by_text("Agree", exact=True).first.click()
    glance(admin, "retention-release")
    first, failed = RetrievalTest.objects.earliest("pk"), RetrievalTest.objects.latest("pk")
    admin.goes(f"/audit/retention/tests/{failed.pk}/")
    expect(page.get_by_text("archives could not be proved.")).to_be_visible()
    glance(admin, "retrieval-failed")
    admin.goes(f"/audit/retention/tests/{first.pk}/")
    glance(admin, "retrieval-passed")
    admin.goes("/audit/redactions/")
    glance(admin, "redactions-held")
    page.locator("a.table__title").first.click()
    expect(page.get_by_text("A legal hold keeps these texts")).to_be_visible()
    expect(page.get_by_text("Carry it out", exact=True)).to_have_count(0)
    glance(admin, "redaction-held")
    admin.goes("/audit/redactions/")
    page.locator("a.table__title").last.click()
    expect(page.get_by_text("went to the archive")).to_be_visible()
    glance(admin, "redaction-archived")
