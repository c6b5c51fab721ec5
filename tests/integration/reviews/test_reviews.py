"""Reviews: when a change needs one, who writes, accepts and returns it, and what the database refuses by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.errors import ConflictError, PolicyDeniedError, StaleEditError
from changes.models import ChangeRequest, Review
from changes.services.retrying import run_retry
from changes.services.review import change_close
from changes.services.reviews import (
    review_accept,
    review_get,
    review_required,
    review_return,
    review_submit,
    review_write,
)
from changes.services.transitions import audit_change
from tests.database import as_owner
from tests.factories import Cast, actor, carried_out
from tests.integration.reviews.conftest import TEXTS

pytestmark = pytest.mark.django_db


CLOSED = "UPDATE changes_changerequest SET state = 'closed', close_code = 'failed' WHERE id = %s"
TAKEN_UP = """
    UPDATE changes_review SET state = 'draft', accepted_at = NULL, accepted_by_id = NULL, accept_note = '' WHERE id = %s
"""


def close(change: ChangeRequest, cast: Cast, code: str) -> ChangeRequest:
    return change_close(change_id=change.pk, manager=actor(cast.manager), close_code=code, comment="As the run shows.")


def submitted(change: ChangeRequest, cast: Cast) -> Review:
    review_write(change_id=change.pk, writer=actor(cast.author), data=TEXTS)
    return review_submit(change_id=change.pk, writer=actor(cast.author))


@pytest.mark.parametrize("code", ["rolled_back", "successful_with_issues"])
def test_a_change_that_was_rolled_back_is_not_closed_before_its_review_under_any_code(
    rolled_back: ChangeRequest, cast: Cast, code: str
) -> None:
    with pytest.raises(ConflictError) as refused:
        close(rolled_back, cast, code)
    assert refused.value.code == "REVIEW_MISSING"
    assert "it was rolled back" in str(refused.value)
    assert f"/changes/{rolled_back.pk}/review/" in str(refused.value)
    rolled_back.refresh_from_db()
    assert rolled_back.state == "review"
    submitted(rolled_back, cast)
    assert close(rolled_back, cast, code).state == "closed"


def test_a_review_from_before_the_last_run_ended_is_not_enough(rolled_back: ChangeRequest, cast: Cast) -> None:
    submitted(rolled_back, cast)
    rolled_back.runs.update(ended_at=timezone.now() + timedelta(minutes=1))
    with pytest.raises(ConflictError, match="does not tell all"):
        close(rolled_back, cast, "rolled_back")
    rolled_back.runs.update(ended_at=timezone.now() - timedelta(minutes=1))
    assert close(rolled_back, cast, "rolled_back").state == "closed"


def test_an_accepted_review_is_taken_up_again_after_a_later_run_and_only_then(
    rolled_back: ChangeRequest, cast: Cast
) -> None:
    found = submitted(rolled_back, cast)
    review_accept(change_id=rolled_back.pk, actor=actor(cast.manager), comment="Well told.")
    with pytest.raises(ConflictError, match="is accepted already"):
        review_return(change_id=rolled_back.pk, actor=actor(cast.manager), comment="Once more.")
    with pytest.raises(IntegrityError, match="never changes"):
        _sql(TAKEN_UP, found.pk)
    again = run_retry(change_id=rolled_back.pk, actor=actor(cast.implementer), comment="The link is back.")
    with pytest.raises(PolicyDeniedError, match="when the run"):
        review_write(change_id=rolled_back.pk, writer=actor(cast.author), data={"cause": "Else."})
    carried_out(again, rejected=[row.device for row in again.device_runs.all()])
    with pytest.raises(ConflictError, match="after its review was accepted") as refused:
        close(rolled_back, cast, "rolled_back")
    assert refused.value.code == "REVIEW_MISSING"
    connection.check_constraints()  # what was done so far is complete
    with pytest.raises(IntegrityError, match="REVIEW_MISSING"):
        _sql(CLOSED, rolled_back.pk)
    back = review_return(change_id=rolled_back.pk, actor=actor(cast.author), comment="Tell of the second try.")
    assert (back.state, back.accepted_by, back.accepted_at, back.accept_note) == ("draft", None, None, "")
    event = Event.objects.get(action="review.returned")
    assert (event.state_from, event.content()["before"]) == ("accepted", {"accepted_by_id": cast.manager.pk})
    submitted(rolled_back, cast)
    assert review_accept(change_id=rolled_back.pk, actor=actor(cast.approver)).state == "accepted"
    assert close(rolled_back, cast, "rolled_back").state == "closed"


def test_an_outdated_review_is_not_accepted(rolled_back: ChangeRequest, cast: Cast) -> None:
    submitted(rolled_back, cast)
    rolled_back.runs.update(ended_at=timezone.now() + timedelta(minutes=1))
    with pytest.raises(ConflictError, match="does not tell all"):
        review_accept(change_id=rolled_back.pk, actor=actor(cast.manager))


def test_the_database_asks_for_a_review_where_no_device_held_over_several_runs(
    rolled_back: ChangeRequest, cast: Cast
) -> None:
    again = run_retry(change_id=rolled_back.pk, actor=actor(cast.implementer), comment="The link is back.")
    carried_out(again, rejected=[row.device for row in again.device_runs.all()])
    connection.check_constraints()  # what was done so far is complete
    with pytest.raises(IntegrityError, match="REVIEW_MISSING"):
        _sql(CLOSED.replace("failed", "successful_with_issues"), rolled_back.pk)


def test_a_draft_is_not_enough(rolled_back: ChangeRequest, cast: Cast) -> None:
    review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    with pytest.raises(ConflictError, match="submit"):
        close(rolled_back, cast, "rolled_back")


def test_a_successful_normal_change_is_closed_without_a_review(succeeded: ChangeRequest, cast: Cast) -> None:
    assert review_required(succeeded) is None
    assert close(succeeded, cast, "successful").state == "closed"


def test_emergencies_and_what_the_policy_asks_need_a_review_though_all_went_well(succeeded: ChangeRequest) -> None:
    succeeded.type = "emergency"
    assert "emergency" in (review_required(succeeded) or "")
    succeeded.type = "normal"
    assert succeeded.revision is not None
    succeeded.revision.demand = {"duties": [{"duty": "review", "sentence": "", "because": []}]}
    assert "approval policy" in (review_required(succeeded) or "")


def test_a_review_is_written_in_parts_frozen_when_submitted_and_accepted_by_somebody_else(
    rolled_back: ChangeRequest, cast: Cast
) -> None:
    first = review_write(change_id=rolled_back.pk, writer=actor(cast.author), data={"cause": "A typing error."})
    with pytest.raises(InvalidInputError) as gaps:
        review_submit(change_id=rolled_back.pk, writer=actor(cast.author))
    assert set(gaps.value.fields) == {"what_happened", "impact", "lessons", "outcome"}
    with pytest.raises(StaleEditError):
        review_write(change_id=rolled_back.pk, writer=actor(cast.manager), data=TEXTS, version=first.version + 1)
    found = submitted(rolled_back, cast)
    assert (found.state, found.grounds) == ("submitted", ["rolled_back"])
    told = [f"{fact['who']} {fact['what']}" for fact in found.record]
    assert told[0] == "author wrote the change"
    assert "author started it" in told
    assert "fra-acc-01 ended as rolled back" in told
    with pytest.raises(ConflictError, match="returned"):
        review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    accepted = review_accept(change_id=rolled_back.pk, actor=actor(cast.manager), comment="Well told.")
    assert (accepted.state, accepted.accepted_by) == ("accepted", cast.manager)
    actions = Event.objects.filter(object_type="review").order_by("pk").values_list("action", "state_to")
    assert list(actions) == [
        ("review.opened", "draft"),
        ("review.written", ""),
        ("review.submitted", "submitted"),
        ("review.accepted", "accepted"),
    ]


def test_writers_implementers_and_readers_do_not_accept(rolled_back: ChangeRequest, cast: Cast) -> None:
    review_write(change_id=rolled_back.pk, writer=actor(cast.manager), data={"cause": "Not known yet."})
    submitted(rolled_back, cast)
    for person, sentence in (
        (cast.author, "the role Change manager or CAB"),
        (cast.manager, "wrote a part of this review"),
        (cast.peer, "the role"),
        (cast.auditor, "auditors only read"),
        (cast.superuser, "superuser does not replace"),
    ):
        with pytest.raises(PolicyDeniedError, match=sentence):
            review_accept(change_id=rolled_back.pk, actor=actor(person))
    assert review_accept(change_id=rolled_back.pk, actor=actor(cast.approver)).state == "accepted"


def test_auditors_write_no_review_and_nobody_writes_one_before_the_run_has_ended(
    rolled_back: ChangeRequest, cast: Cast
) -> None:
    with pytest.raises(PolicyDeniedError, match="auditors only read"):
        review_write(change_id=rolled_back.pk, writer=actor(cast.auditor), data=TEXTS)
    ChangeRequest.objects.filter(pk=rolled_back.pk).update(state="implementing")
    audit_change(
        rolled_back, "change.retried", actor=actor(cast.implementer), state_from="review", state_to="implementing"
    )
    with pytest.raises(PolicyDeniedError, match="when the run"):
        review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    assert not Review.objects.exists()
    assert Event.objects.filter(action="change.review_refused").count() == 2


def test_a_returned_review_can_be_written_again_until_the_change_is_closed(
    rolled_back: ChangeRequest, cast: Cast
) -> None:
    submitted(rolled_back, cast)
    back = review_return(change_id=rolled_back.pk, actor=actor(cast.manager), comment="Say what it cost.")
    assert back.state == "draft"
    review_submit(change_id=rolled_back.pk, writer=actor(cast.author))
    close(rolled_back, cast, "rolled_back")
    with pytest.raises(ConflictError, match="closed with this review"):
        review_return(change_id=rolled_back.pk, actor=actor(cast.manager), comment="Too late.")


def test_the_record_proposes_when_trouble_began_was_seen_and_was_over(rolled_back: ChangeRequest) -> None:
    from changes.services.review_record import record_of

    found = record_of(rolled_back)
    assert found.began_at
    assert found.detected_at
    assert found.restored_at
    assert found.began_at <= found.detected_at <= found.restored_at


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"outcome": "fine"}, "outcome"),
        ({"cause": "A hidden \u202e mark"}, "cause"),
        ({"detected_at": "yesterday"}, "detected_at"),
        ({"detected_at": "2999-01-01T00:00"}, "detected_at"),
        ({"began_at": "2026-03-01T10:00", "detected_at": "2026-03-01T09:00"}, "detected_at"),
        ({"reason": "no such field"}, "reason"),
    ],
)
def test_bad_input_is_answered_under_its_name_and_loses_nothing(
    rolled_back: ChangeRequest, cast: Cast, fields: dict[str, str], wrong: str
) -> None:
    review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    with pytest.raises(InvalidInputError) as refused:
        review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=fields)
    assert list(refused.value.fields) == [wrong]
    assert review_get(rolled_back.pk).cause == TEXTS["cause"]


def _sql(statement: str, *values: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_itself_refuses_a_way_around(rolled_back: ChangeRequest, cast: Cast) -> None:
    connection.check_constraints()  # what was done so far is complete
    with pytest.raises(IntegrityError, match="REVIEW_MISSING"):
        _sql(CLOSED, rolled_back.pk)
    found = submitted(rolled_back, cast)
    accept = "UPDATE changes_review SET state = 'accepted', accepted_at = now(), accepted_by_id = %s WHERE id = %s"
    for person in (cast.author, cast.implementer):
        if person == cast.implementer:
            rolled_back.runs.get().implementers.add(person)
        with pytest.raises(IntegrityError, match=r"GATE_SELF_APPROVAL|second_person"):
            _sql(accept, person.pk, found.pk)
    with pytest.raises(IntegrityError, match="audit"):
        _sql(accept, cast.manager.pk, found.pk)
    connection.check_constraints()
    with pytest.raises(IntegrityError, match="stays on record"):
        _sql("DELETE FROM changes_review_writers")
    with as_owner(), pytest.raises(IntegrityError, match="stays on record"):
        _sql("TRUNCATE changes_review_writers")
    review_accept(change_id=rolled_back.pk, actor=actor(cast.manager))
    close(rolled_back, cast, "rolled_back")
    for verdict in ("close_code = 'successful'", "type = 'standard'", "closed_at = now()"):
        with pytest.raises(IntegrityError, match="keeps its type"):
            _sql(f"UPDATE changes_changerequest SET {verdict} WHERE id = %s", rolled_back.pk)  # noqa: S608 - from above
    with pytest.raises(IntegrityError, match="never changes"):
        _sql("UPDATE changes_review SET cause = 'nothing' WHERE id = %s", found.pk)
    with pytest.raises(ProgrammingError, match="permission denied"):
        _sql("DELETE FROM changes_review WHERE id = %s", found.pk)
    with as_owner(), pytest.raises(IntegrityError, match="never removed"):
        _sql("DELETE FROM changes_review WHERE id = %s", found.pk)
