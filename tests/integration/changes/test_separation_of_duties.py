"""Nobody decides about a change on both sides: not through the services, and not around them."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import Event
from changes.errors import DigestMismatchError, PolicyDeniedError
from changes.models import Approval, ChangeRequest, PlanRevision
from changes.services.approvals import change_approve, change_assess, change_request_changes, plan_open
from changes.services.execution import change_start
from changes.services.requests import change_edit, change_submit
from changes.services.review import change_close
from tests.database import as_owner
from tests.integration.changes.conftest import Office

pytestmark = pytest.mark.lab
ONE = {"filter": {"name": "fra-acc-01"}}


def id_of(office: Office, name: str) -> int:
    user_id = office.people[name].user_id
    assert user_id is not None
    return user_id


def in_review(office: Office, author: str = "olivia", editor: str = "") -> tuple[ChangeRequest, PlanRevision]:
    change = office.draft(author=author, targets=ONE)
    if editor:
        change_edit(change_id=change.pk, data={"title": "Edited"}, editor=office.people[editor])
    from changes.services.planning import plan_devices, plan_request

    revision = plan_request(change_id=change.pk, actor=office.people[author])
    plan_devices(revision.pk)
    revision.refresh_from_db()
    change_submit(change_id=change.pk, requester=office.people[author])
    for actor in office.people.values():
        plan_open(revision=revision, actor=actor)
    return change, revision


@pytest.mark.parametrize(("author", "editor", "approver"), [
    ("oscar", "", "oscar"),
    ("olivia", "oscar", "oscar"),
    ("root", "", "root"),
    ("olivia", "root", "root"),
])  # fmt: skip
def test_who_wrote_or_edited_it_is_refused_and_nothing_is_written(
    office: Office, author: str, editor: str, approver: str
) -> None:
    change, revision = in_review(office, author, editor)

    with pytest.raises(PolicyDeniedError) as refusal:
        change_assess(change_id=change.pk, approver=office.people[approver], plan_digest=revision.digest)

    assert refusal.value.code == "GATE_SELF_APPROVAL"
    change.refresh_from_db()
    assert change.state == "assessment"
    assert not Approval.objects.filter(change=change).exists()
    event = Event.objects.get(change_id=change.pk, action="change.assess_refused")
    assert (event.actor_name, event.code) == (approver, "GATE_SELF_APPROVAL")


def test_one_person_does_not_act_in_both_stages(office: Office) -> None:
    change, revision = in_review(office)
    change_assess(change_id=change.pk, approver=office.people["root"], plan_digest=revision.digest)
    with pytest.raises(PolicyDeniedError) as refusal:
        change_approve(change_id=change.pk, approver=office.people["root"], plan_digest=revision.digest)
    assert refusal.value.code == "GATE_DUPLICATE"


def test_an_approval_without_opening_the_plan_is_refused(office: Office) -> None:
    change, revision = in_review(office)
    revision.openings.all().delete()
    with pytest.raises(PolicyDeniedError) as refusal:
        change_assess(change_id=change.pk, approver=office.people["pete"], plan_digest=revision.digest)
    assert refusal.value.code == "PLAN_NOT_OPENED"


def test_an_approval_with_an_old_digest_is_refused_and_remembered(office: Office) -> None:
    change, old = in_review(office)
    change_request_changes(change_id=change.pk, approver=office.people["pete"], comment="Another server, please.")
    change_edit(change_id=change.pk, data={"content": "ntp server 10.0.0.124\n"}, editor=office.people["olivia"])
    change.refresh_from_db()
    new = office.planned(change)
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    plan_open(revision=new, actor=office.people["pete"])

    with pytest.raises(DigestMismatchError):
        change_assess(change_id=change.pk, approver=office.people["pete"], plan_digest=old.digest)

    event = Event.objects.get(change_id=change.pk, action="change.assess_refused")
    assert event.code == "GATE_DIGEST_MISMATCH"
    assert old.digest in event.body
    assert not Approval.objects.filter(change=change, voided_at=None).exists()


def test_an_approver_does_not_start_and_an_implementer_does_not_close(office: Office) -> None:
    change = office.approved(targets=ONE)
    with pytest.raises(PolicyDeniedError):
        change_start(change_id=change.pk, implementer=office.people["ana"])
    office.executed(change)
    with pytest.raises(PolicyDeniedError):
        change_close(change_id=change.pk, manager=office.people["olivia"], close_code="successful")


def test_the_database_refuses_a_self_approval_that_walks_around_the_services(office: Office) -> None:
    change, revision = in_review(office)
    pete = id_of(office, "pete")

    def approved_by_pete_is_refused() -> None:
        with pytest.raises(DatabaseError, match="GATE_SELF_APPROVAL"), transaction.atomic():
            Approval.objects.create(
                change=change, revision=revision, stage="peer", group="peer", decision="approved", approver_id=pete,
                plan_digest=revision.digest,
            )  # fmt: skip

    with transaction.atomic():
        ChangeRequest.objects.filter(pk=change.pk).update(last_editor_id=pete)
        approved_by_pete_is_refused()
        transaction.set_rollback(True)
    change.editors.add(pete)
    approved_by_pete_is_refused()


def test_the_database_refuses_an_approval_of_another_digest(office: Office) -> None:
    change, revision = in_review(office)
    with pytest.raises(DatabaseError, match="GATE_DIGEST_MISMATCH"), transaction.atomic():
        Approval.objects.create(
            change=change, revision=revision, stage="peer", group="peer", decision="approved",
            approver_id=id_of(office, "pete"), plan_digest="0" * 64,
        )  # fmt: skip


def test_the_database_refuses_an_approval_without_its_event(office: Office) -> None:
    change, revision = in_review(office)
    with pytest.raises(DatabaseError, match="event"), transaction.atomic():
        Approval.objects.create(
            change=change, revision=revision, stage="peer", group="peer", decision="approved",
            approver_id=id_of(office, "pete"), plan_digest=revision.digest,
        )  # fmt: skip
    assert not Approval.objects.filter(change=change).exists()


def test_a_raw_update_of_the_state_is_refused(office: Office) -> None:
    change, _revision = in_review(office)
    for state, why in (("rejected", "event"), ("approved", "PLAN_NOT_APPROVED")):
        with pytest.raises(DatabaseError, match=why), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE changes_changerequest SET state = %s WHERE id = %s", [state, change.pk])
    change.refresh_from_db()
    assert change.state == "assessment"


EDITS = (
    "UPDATE changes_approval SET voided_at = NULL WHERE change_id = %s",
    "UPDATE changes_approval SET stage = 'cab' WHERE change_id = %s",
    "UPDATE changes_approval SET comment = 'I never said that' WHERE change_id = %s",
    "UPDATE changes_approval SET created_at = created_at - interval '1 day' WHERE change_id = %s",
    "DELETE FROM changes_approval WHERE change_id = %s",
)


def test_a_decision_stays_as_it_was_made(office: Office) -> None:
    change, _revision = in_review(office)
    change_request_changes(change_id=change.pk, approver=office.people["pete"], comment="Another server, please.")
    made = list(Approval.objects.filter(change=change).values())
    assert [(one["stage"], one["comment"]) for one in made] == [("peer", "Another server, please.")]
    assert made[0]["voided_at"] is not None

    for edit in EDITS:
        with pytest.raises(DatabaseError, match="decision"), transaction.atomic(), as_owner() as cursor:
            cursor.execute(edit, [change.pk])
        assert list(Approval.objects.filter(change=change).values()) == made, edit
