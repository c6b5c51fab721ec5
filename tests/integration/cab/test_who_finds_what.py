"""Nobody finds what they may not act upon, and everybody finds what they may: the inbox against the rules."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import F
from django.utils import timezone

from changes.domain.waiting import Work
from changes.models import Approval, ChangeRequest, OpenStage, ThreadWait
from changes.services.execution import change_start
from changes.services.inboxes import waiting_counts, waiting_firsts
from changes.services.open_stages import open_stages_review
from changes.services.people import person_of
from changes.services.requests import change_submit
from changes.services.reviews import review_submit, review_write
from changes.services.threads import thread_open
from devices.models import Device
from tests.factories import Cast, actor, approved, carried_out, joins, ready_plan
from tests.integration.approvals.office import decide, delegates, guard_off, in_review, stage
from tests.integration.reviews.conftest import TEXTS
from tests.integration.templates.conftest import approved_template, made_from

pytestmark = pytest.mark.django_db

PEER = stage("peer", step="assessment")


def found(user: User) -> dict[Work, list[int]]:
    """What a person's inbox holds; the counts agree."""
    person = person_of(actor(user))
    firsts = waiting_firsts(person, size=9)
    changes = {kind: ids for kind, ids in firsts.changes.items() if isinstance(kind, Work)}
    assert firsts.counts == waiting_counts(person)
    assert {kind: len(ids) for kind, ids in changes.items()}.items() <= firsts.counts.items()
    return {kind: changes.get(kind, []) for kind in firsts.counts}


def test_an_author_who_implements_finds_their_own_change_to_start_unless_its_policy_wants_them_apart(
    cast: Cast, device: Device
) -> None:
    joins(cast.approver, "implementer")
    apart = in_review(cast.author, [device], PEER, stage("cab"), duties=["implementer_apart"])
    for person in (cast.peer, cast.approver):
        decide(apart, person)
    assert found(cast.author) == {}
    assert found(cast.implementer) == {Work.START: [apart.pk]}

    change = approved(cast, [device])
    assert found(cast.author) == {Work.START: [change.pk]}
    assert found(cast.implementer) == {Work.START: [apart.pk, change.pk]}
    assert found(cast.approver) == {}, "who approved a plan does not start it"


def test_who_wrote_the_template_does_not_find_the_change_to_assess(cast: Cast, device: Device) -> None:
    change = made_from(approved_template(cast), cast.author, type="normal", targets={"device_ids": [device.pk]})
    ready_plan(change, [device])
    change_submit(change_id=change.pk, requester=actor(cast.author))
    assert found(cast.peer) == {Work.ASSESS: [change.pk]}
    assert found(cast.colleague) == {}


def test_whose_approval_expired_finds_the_change_again(cast: Cast, device: Device) -> None:
    change = in_review(cast.author, [device], {**PEER, "expires_after_h": 24}, stage("cab"))
    given = decide(change, cast.peer)
    assert found(cast.peer) == {}

    with guard_off("changes_approval", "changes_approval_stays"):
        Approval.objects.filter(pk=given.pk).update(created_at=F("created_at") - timedelta(hours=25))
    OpenStage.objects.update(until=timezone.now())
    open_stages_review()
    assert found(cast.peer) == {Work.ASSESS: [change.pk]}


def test_nobody_finds_what_their_absent_colleague_decided_already(cast: Cast, device: Device) -> None:
    change = in_review(cast.author, [device], PEER, stage("cab", quorum=2, delegates=["security"]))
    decide(change, cast.peer)
    joins(cast.outsider, "security")
    delegates(cast.approver, cast.outsider)
    assert found(cast.outsider) == {Work.DELEGATED: [change.pk]}
    decide(change, cast.approver)
    assert found(cast.outsider) == {}
    assert found(cast.second_approver) == {Work.DECIDE: [change.pk]}


def test_the_cab_finds_reviews_to_accept_and_nobody_with_a_hand_in_the_change(cast: Cast, device: Device) -> None:
    run = change_start(change_id=approved(cast, [device]).pk, implementer=actor(cast.implementer))
    change = carried_out(run, rejected=[device]).change
    ChangeRequest.editors.through.objects.create(changerequest=change, user=cast.second_approver)
    joins(cast.implementer, "cab")
    review_write(change_id=change.pk, writer=actor(cast.author), data=TEXTS)
    review_submit(change_id=change.pk, writer=actor(cast.author))
    assert Work.REVIEW in found(cast.approver)
    assert Work.REVIEW in found(cast.manager)
    for hand in (cast.second_approver, cast.implementer, cast.author):
        assert Work.REVIEW not in found(hand), hand


def test_a_mention_waits_for_nobody_who_cannot_answer(cast: Cast, device: Device) -> None:
    change = approved(cast, [device])
    thread_open(change_id=change.pk, actor=actor(cast.peer), text="Look, @auditor and @outsider and @manager.")
    assert found(cast.manager) == {Work.THREAD: []}
    assert found(cast.auditor) == {}
    assert found(cast.outsider) == {}
    joins(cast.outsider, "peer")
    assert found(cast.outsider) == {Work.THREAD: []}
    assert ThreadWait.objects.count() == 4


def test_who_carried_a_change_out_does_not_find_it_to_close(cast: Cast, device: Device) -> None:
    change = approved(cast, [device])
    joins(cast.implementer, "change-manager")
    run = carried_out(change_start(change_id=change.pk, implementer=actor(cast.implementer)))
    assert run.change.state == "review"
    assert found(cast.implementer) == {}
    assert found(cast.manager) == {Work.CLOSE: [change.pk]}


def test_groups_with_odd_names_stay_text_in_the_statement(cast: Cast, device: Device) -> None:
    change = approved(cast, [device])
    for name in ("it's 100 % of %s", "%(person)s", "a \\ b; --"):
        Group.objects.create(name=name)
        joins(cast.implementer, name)
    assert found(cast.implementer) == {Work.START: [change.pk]}
