"""Whatever a change goes through rightly, the offline verifier believes: one log in which many things happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from audit.sealing.keys import SealingKey
from audit.sealing.sealer import Sealer
from changes.evidence import verify
from changes.models import ChangeRequest
from changes.services.approvals import change_approve, change_assess, change_request_changes, plan_open
from changes.services.decisions import decision_withdraw
from changes.services.planning import plan_request
from changes.services.requests import change_submit, change_withdraw
from changes.services.retrying import run_retry
from changes.services.rollback import Wish, change_rollback
from changes.services.template_reviews import version_approve
from changes.services.templates import version_create, version_edit, version_propose
from devices.models import Device
from tests.factories import Cast, actor
from tests.integration.changes.conftest import Office, ends
from tests.integration.templates.conftest import approved_template, made_from

pytestmark = pytest.mark.lab
ONE = "ntp server 192.0.2.99\n"


def decided(office: Office, change: ChangeRequest, *names: str) -> None:
    change.refresh_from_db()
    assert change.revision is not None
    for name in names:
        plan_open(revision=change.revision, actor=office.people[name])
        change.refresh_from_db()
        decide = change_assess if change.state == "assessment" else change_approve
        decide(change_id=change.pk, approver=office.people[name], plan_digest=change.revision.digest)


def sent_back_and_carried_over(office: Office) -> ChangeRequest:
    """Approved, taken back, given again; sent back by the CAB, withdrawn, planned anew, carried over, carried out."""
    change = office.draft(content=ONE, title="Back and forth", targets={"filter": {"name": "fra-acc-01"}})
    office.planned(change)
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    decided(office, change, "pete")
    decision_withdraw(change_id=change.pk, actor=office.people["pete"])
    change_withdraw(change_id=change.pk, requester=office.people["olivia"])
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    decided(office, change, "pete")
    change_request_changes(change_id=change.pk, approver=office.people["ana"], comment="Why at noon?")
    plan_request(change_id=change.pk, actor=office.people["olivia"])
    office.planned(change)
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    change.refresh_from_db()
    decided(office, change, *(["ana"] if change.state == "authorization" else ["pete", "ana"]))
    office.executed(change)
    return change


def failed_retried_and_rolled_back(office: Office) -> ChangeRequest:
    device = office.lab.device("fra-acc-02")
    device.faults.reject = "description"
    content = "interface GigabitEthernet1/0/1\n description desk\n"
    change = office.approved(content=content, title="Fails first", targets={"filter": {"name": "fra-acc-02"}})
    run = office.executed(change)
    assert {state for state, _ in ends(run).values()} == {"rolled_back"}, ends(run)
    device.faults.reject = ""
    again = office.worked_on(run_retry(change_id=change.pk, actor=office.people["olivia"]))
    assert {state for state, _ in ends(again).values()} == {"succeeded"}, ends(again)
    wish = Wish(comment="The desk is gone.")
    office.worked_on(change_rollback(change_id=change.pk, implementer=office.people["olivia"], wish=wish))
    return change


def approved_in_advance(office: Office) -> ChangeRequest:
    """A standard change from the second version of a template, which was copied from the first."""
    cast = Cast.create()
    first = approved_template(cast)
    second = version_create(template_id=first.template_id, author=actor(cast.author))
    second = version_edit(
        template_id=first.template_id, number=2, data={"purpose": "One server."}, editor=actor(cast.author)
    )
    version_propose(template_id=first.template_id, number=2, author=actor(cast.author))
    for person in (cast.peer, cast.approver):
        version_approve(template_id=first.template_id, number=2, reviewer=actor(person), digest=second.digest)
    target = {"filter": {"name": "fra-acc-03"}}
    change = made_from(second, cast.author, targets=target)
    revision = plan_request(change_id=change.pk, actor=actor(cast.author))
    from changes.services.planning import plan_devices

    plan_devices(revision.pk)
    revision.refresh_from_db()
    assert revision.state == "ready", revision.detail
    change_submit(change_id=change.pk, requester=actor(cast.author))
    change.refresh_from_db()
    assert change.state == "approved", change.state
    from changes.services.execution import change_start

    office.worked_on(change_start(change_id=change.pk, implementer=actor(cast.author)))
    return change


@pytest.mark.timeout(300)
def test_what_went_rightly_is_believed(
    office: Office,
    background_sealer: Sealer,
    sealing_key: SealingKey,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stories = [
        story(office) for story in (sent_back_and_carried_over, failed_retried_and_rolled_back, approved_in_advance)
    ]
    assert Device.objects.count() == 3
    packs = [(["--change", change.number], tmp_path / f"{change.number}.zip") for change in stories]
    for options, path in [*packs, (["--whole-log"], tmp_path / "whole.zip")]:
        call_command("evidence_pack", *options, "--out", str(path))
        capsys.readouterr()
        status = verify.main([str(path), "--key", str(sealing_key.verifiers[0])])
        said = capsys.readouterr().out
        assert status == 0, (options, said)
        assert "approvers were in the groups" not in said, said
