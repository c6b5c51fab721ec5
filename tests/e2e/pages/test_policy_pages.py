"""Approval policies in a browser: written by one person, activated by another, and what that does to changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from changes.models import ApprovalPolicyVersion
from changes.services.rejudging import waiting_judge
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, DeviceFactory, PersonFactory, approved, submitted
from tests.integration.policies.conftest import SECURITY_TOO, strict

pytestmark = pytest.mark.e2e


def test_a_policy_is_written_by_one_person_and_activated_by_another_and_makes_a_change_stale(
    comes: Comes, cast: Cast, tmp_path: Path
) -> None:
    devices = DeviceFactory.create_batch(2)
    stale, waiting = approved(cast, devices), submitted(cast.author, devices)
    file = tmp_path / "strict.yaml"
    file.write_text(strict(rules=SECURITY_TOO))

    writer = comes(PersonFactory.create(username="writer", roles=["administrator"]), scripts=False)
    writer.goes("/policies/new/")
    writer.page.get_by_label("Or upload a file").set_input_files(file)
    writer.page.get_by_role("button", name="Keep as a draft").click()
    writer.page.get_by_text("strict-1 is kept as a draft").wait_for()
    writer.page.get_by_role("button", name="Propose").click()
    writer.page.get_by_text("The version is proposed.").wait_for()

    manager = comes(cast.manager)
    manager.goes("/policies/")
    manager.looks("policy-list")
    manager.clicks("link", "strict-1")
    manager.looks("policy-detail")
    manager.clicks("link", "Activate")
    manager.page.get_by_text("approved or scheduled change would become stale").wait_for()
    manager.looks("policy-activate")
    manager.page.get_by_label("Reason").fill("Agreed in the CAB.")
    manager.clicks("button", "Activate strict-1")
    manager.page.get_by_text("strict-1 judges every change from now on.").wait_for()
    assert ApprovalPolicyVersion.objects.active().get().activated_by == cast.manager

    waiting_judge()
    author = comes(cast.author)
    author.goes(f"/changes/{stale.pk}/")
    author.page.get_by_text("Stale").first.wait_for()
    author.goes(f"/changes/{waiting.pk}/approvals/")
    author.page.get_by_text("Security is asked because it is not known what the content touches").wait_for()
    author.poses("policy-approvals")
    author.goes(f"/changes/{waiting.pk}/plan/")
    author.page.get_by_text("Who is asked, and why").click()
    author.poses("policy-plan")


def test_what_a_policy_would_ask_of_made_up_facts_and_a_file_that_is_wrong(comes: Comes, cast: Cast) -> None:
    manager = comes(cast.manager)
    manager.goes("/policies/")
    manager.clicks("link", "recommended-1")
    manager.clicks("link", "What would it ask?")
    manager.page.get_by_label("Access list").check()
    manager.page.get_by_label("Sites").fill("FRA=2")
    manager.clicks("button", "Ask")
    manager.page.get_by_text("an access list (ACL) is touched on 1 device").first.wait_for()
    manager.looks("policy-ask")
    manager.goes("/policies/")
    manager.clicks("link", "New version")
    document = manager.page.get_by_label("Policy file")
    document.fill(document.input_value().replace("quorum: 2", "quorum: none"))
    with manager.expecting(400):
        manager.page.get_by_role("button", name="Keep as a draft").click()
        manager.page.get_by_text("stages[2].quorum: Line").first.wait_for()
    assert "quorum: none" in document.input_value()
    manager.looks("policy-new", typed=True)
